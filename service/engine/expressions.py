"""Evaluates FEEL, with our functions for legal dates, at a given moment. Knows no diagram.

A missing name is null, as FEEL says. What can only be an author's mistake (comparing a text with a date,
calling what does not exist) is `StepFailed`, where FEEL would answer null and the path would silently
turn. No error shows a value of the data.
"""

import json
import re
from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from service.engine.isolate import Isolate
from service.errors import StepFailed

MAX_EXPRESSION = 4_000  # characters
MAX_DATA = 1_000_000  # bytes of JSON
SECONDS = 0.5
MEGABYTES = 96

T = TypeVar("T")

_LANGUAGES = frozenset(
    [
        "feel",
        "https://www.omg.org/spec/dmn/20230324/feel/",
        "https://www.omg.org/spec/dmn/20211108/feel/",
        "https://www.omg.org/spec/dmn/20191111/feel/",
        "http://www.omg.org/spec/dmn/20180521/feel/",
        "http://www.omg.org/spec/feel/20140401",
    ]
)  # how FEEL is called, in small letters

_ISOLATE = Isolate("engine", seconds=SECONDS, megabytes=MEGABYTES)

_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?")
_STRING = re.compile(r'"([^"\\\x00\ud800-\udfff]*)"')
_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
_PLAIN_NAME = re.compile(r"[^\W\d]\w*")
_COMPARISON = re.compile(
    rf"({_PATH.pattern})\s*(!?=)\s*({_STRING.pattern}|true|false|null)", re.ASCII
)  # groups: path, operator, right side, inside of its quotation marks
_ENTRY = re.compile(r'\s*([A-Za-z_]\w*)\s*:\s*((?:"[^"\\]*"|[^",{}\[\]])+?)\s*(?:,|\Z)', re.ASCII)
_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None}
_UNKNOWN = False, None
_NOT_PATHS = frozenset(
    [
        "and",
        "at",
        "between",
        "date",
        "duration",
        "else",
        "every",
        "external",
        "false",
        "for",
        "function",
        "if",
        "in",
        "instance",
        "item",
        "not",
        "now",
        "null",
        "of",
        "or",
        "partial",
        "return",
        "satisfies",
        "some",
        "then",
        "time",
        "today",
        "true",
    ]
)  # words of FEEL and functions of ours that could be taken for names
_DURATION = re.compile(
    r"P(?=\d|T\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)


@dataclass(frozen=True)
class Moment:
    """The moment that expressions see: `now()` and `today()` are its, never the machine's.

    `now` is aware and in UTC; `zone` is where legal dates are counted; `days_off` are the days from Monday to
    Friday that are not working days, for some whole years around now. With none given, only weekends are off.
    """

    now: datetime
    zone: ZoneInfo
    days_off: frozenset[date] = field(default=frozenset())

    @cached_property
    def answered(self) -> dict[tuple[str, ...], Any]:
        """What V8 has answered at this moment: the same question need not be asked again while it lasts."""
        return {}

    @cached_property
    def spoken(self) -> dict[str, Any]:
        """The moment as the functions in V8 read it, without the days off."""
        return {"now": self.now.astimezone(UTC).isoformat(), "zone": self.zone.key, "daysOff": []}

    @cached_property
    def spoken_with_days_off(self) -> dict[str, Any]:
        """The same with the days off, which only some functions need."""
        return self.spoken | {"daysOff": sorted(day.isoformat() for day in self.days_off)}

    def for_expressions(self, *texts: str) -> dict[str, Any]:
        """Speak of the days off only where an expression asks about working days."""
        asks = any(word in text for text in texts for word in ("working", "last day", "end of period"))
        return self.spoken_with_days_off if asks else self.spoken


@dataclass(frozen=True)
class Survey:
    """What one expression reads and what is wrong with it."""

    names: frozenset[str]
    reads: frozenset[str]
    problems: tuple[str, ...]


def evaluate(expression: str, data: Mapping[str, Any], *, moment: Moment) -> Any:
    """Evaluate an expression over JSON values, where dates and durations are ISO 8601 texts, in and out.

    What is as plain as a literal, a path, or a comparison of both is answered without V8. A leading "=" is
    dropped. Raises `StepFailed` when it cannot be read, makes an author's mistake, or reaches a limit.
    """
    text = stripped(expression)
    known, value = _without_v8(text, data, moment)
    if known:
        return value
    sent = _sent(survey(text).reads, data)
    return _ask_once("feel.evaluate", text, sent, moment, moment.for_expressions(text))


def evaluate_each(texts: Sequence[str], data: Mapping[str, Any], *, moment: Moment) -> list[Any]:
    """Evaluate expressions over the same data; those that V8 must see go there together.

    One call costs as much as many. Raises `StepFailed` as `evaluate` does.
    """
    found = [_without_v8(text, data, moment) for text in map(stripped, texts)]
    asked = [stripped(text) for text, (known, _) in zip(texts, found, strict=True) if not known]
    every = ", ".join(f"({text}\n)" for text in asked)  # the line ends what may be a comment
    answers = iter(evaluate(f"[{every}]", data, moment=moment) if asked else ())
    return [value if known else next(answers) for known, value in found]


def problems(expression: str, *, unary: bool = False) -> list[str]:
    """Say what is wrong with an expression before it is ever evaluated; nothing when it is fine."""
    text = stripped(expression)
    if not text:
        return [] if unary else ["There is no expression."]
    try:
        return list(survey(text, unary=unary).problems)
    except StepFailed as failure:
        return [failure.message]


def names(expression: str, *, unary: bool = False) -> frozenset[str]:
    """Give the names that an expression takes from the data: of `route.permit_needed` it is `route`.

    Names inside a filter (`list[x > 1]`) may be parts of the list's elements and are left out.
    Raises `StepFailed` when the expression cannot be read.
    """
    text = stripped(expression)
    return survey(text, unary=unary).names if text else frozenset()


def instant(value: Any, *, moment: Moment, end_of_day: bool = False, start_of_day: bool = False) -> datetime:
    """Turn what a timer or a due expression came to into an aware UTC datetime.

    A duration counts from the moment: years, months, weeks and days on the local calendar, hours and less
    as they pass; it must be longer than nothing. A date and time needs an offset. A plain date is taken
    only with `end_of_day`, as its last second in the legal zone, or `start_of_day`, as its first.
    Raises `StepFailed` with words.
    """
    if not isinstance(value, str):
        kind = "nothing" if value is None else "no text"
        raise StepFailed(f"A time was expected, but the expression came to {kind}.")
    if value.startswith("P"):
        return _after(value, moment)
    if _DATE.fullmatch(value) and (end_of_day or start_of_day):
        second = time(23, 59, 59) if end_of_day else time()
        return datetime.combine(_read(date.fromisoformat, value), second, moment.zone).astimezone(UTC)
    if not _INSTANT.fullmatch(value):
        raise StepFailed("A duration, or a date and time with offset, was expected; use at(date, time).")
    found = _read(datetime.fromisoformat, value)
    if found.tzinfo is None:
        raise StepFailed("A date and time without offset means nothing; use at(date, time).")
    return found.astimezone(UTC)


def survey(expression: str, *, unary: bool = False) -> Survey:
    """Read an expression without evaluating it; kept, since it never changes.

    Raises `StepFailed` when it is too long or not FEEL.
    """
    return _survey(expression, "feel.inspectTest" if unary else "feel.inspect")


def is_feel(language: str) -> bool:
    """Tell whether this is what editors call FEEL."""
    return language.strip().lower() in _LANGUAGES


def stripped(expression: str) -> str:
    """Drop spaces around an expression and the "=" that some editors put before it."""
    return expression.strip().removeprefix("=").strip()


def table(digest: str, said: str, data: Mapping[str, Any], *, moment: Moment, reads: frozenset[str]) -> Any:
    """Ask a decision table; `service.engine.decisions` knows the form of what is `said` and of the answer.

    V8 keeps the table by its digest, and gets what of the data the table reads.
    Raises `StepFailed` as `evaluate` does.
    """
    sent = _sent(reads, data)
    answer = _ask_once("feel.table", digest, sent, moment, moment.spoken_with_days_off)
    if answer is None:
        _ask("feel.keepTable", digest, said)
        answer = _ask_once("feel.table", digest, sent, moment, moment.spoken_with_days_off)
    return answer


def literal(expression: str, type: str, data: Mapping[str, Any], *, moment: Moment) -> Any:
    """Evaluate an expression and bring it to a type of decision tables.

    Raises `StepFailed` as `evaluate` does.
    """
    question = {"expression": expression, "type": type, "label": "The result"}
    return _ask("feel.literal", question, _sent(survey(expression).reads, data), moment.spoken_with_days_off)


def _without_v8(text: str, data: Mapping[str, Any], moment: Moment) -> tuple[bool, Any]:
    """Answer what is as plain as a literal, a path or a comparison; (False, None) when V8 must be asked."""
    known, value = _literal(text, moment)
    if known:
        return True, value
    if _PATH.fullmatch(text):
        return _at_path(text, data)
    if compared := _COMPARISON.fullmatch(text):
        return _compared(compared, data)
    return _context(text, data, moment) if text.startswith("{") else _UNKNOWN


def _literal(text: str, moment: Moment) -> tuple[bool, Any]:
    if text in _CONSTANTS:
        return True, _CONSTANTS[text]
    if found := _STRING.fullmatch(text):
        return True, found[1]
    if _NUMBER.fullmatch(text):
        return True, float(text) if "." in text else int(text)
    if text == "today()":
        return True, moment.now.astimezone(moment.zone).date().isoformat()
    return _UNKNOWN


def _at_path(text: str, data: Mapping[str, Any]) -> tuple[bool, Any]:
    path = text.split(".")
    return _UNKNOWN if _NOT_PATHS.intersection(path) else _walk(path, data)


def _compared(found: re.Match[str], data: Mapping[str, Any]) -> tuple[bool, Any]:
    """Compare what a path leads to with a text, a yes or no, or null; only with its like or with nothing."""
    path, operator, right, text = found.groups()
    known, left = _at_path(path, data)
    wanted = _CONSTANTS[right] if text is None else text
    if not known or not (left is None or wanted is None or type(left) is type(wanted)):
        return _UNKNOWN
    return True, (left == wanted) is (operator == "=")


def _context(text: str, data: Mapping[str, Any], moment: Moment) -> tuple[bool, Any]:
    """Build a context of plain entries; an entry that reads one before it is for V8."""
    built: dict[str, Any] = {}
    for name, inner in _entries(text):
        known, value = _without_v8(inner, data, moment)
        path = _PATH.match(inner)
        reads_before = path is not None and path[0].partition(".")[0] in built
        if not known or reads_before or not (value is None or isinstance(value, str | bool)):
            return _UNKNOWN
        built[name] = value
    return (True, built) if built else _UNKNOWN


@lru_cache(maxsize=1024)
def _entries(text: str) -> tuple[tuple[str, str], ...]:
    """Take a context of plain entries apart; empty when it is anything else."""
    inside, entries, at = text[1:-1], list[tuple[str, str]](), 0
    while at < len(inside) and (found := _ENTRY.match(inside, at)):
        entries.append((found[1], found[2]))
        at = found.end()
    names = [name for name, _ in entries]
    sound = text.endswith("}") and at == len(inside) and not inside.rstrip().endswith(",")
    return tuple(entries) if sound and len(set(names)) == len(names) and not _NOT_PATHS & set(names) else ()


def _walk(path: list[str], data: Mapping[str, Any]) -> tuple[bool, Any]:
    here: Any = data
    for name in path:
        if here is None:
            return True, None
        if not isinstance(here, Mapping):
            return False, None
        here = here.get(name)
    return True, _copied(here)


def _copied(value: Any) -> Any:
    """Give lists and contexts away as copies, so that no two branches of a case share one."""
    if isinstance(value, Mapping):
        return {key: _copied(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_copied(each) for each in value]
    return value


@lru_cache(maxsize=8192)
def _survey(expression: str, function: str) -> Survey:
    if len(expression) > MAX_EXPRESSION:
        raise StepFailed(f"The expression is longer than {MAX_EXPRESSION} characters.")
    found = _ask(function, expression)
    return Survey(frozenset(found["names"]), frozenset(found["reads"]), tuple(found["problems"]))


def _sent(reads: frozenset[str], data: Mapping[str, Any], *, always: tuple[str, ...] = ()) -> str:
    """Send to V8 only what is read, since a case may hold much more; names with spaces always go along."""
    wanted = {
        key: value
        for key, value in data.items()
        if key in reads or key in always or not _PLAIN_NAME.fullmatch(key)
    }
    try:
        text = json.dumps(wanted, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_iso)
    except (TypeError, ValueError, RecursionError) as error:
        raise StepFailed("The data holds something that is not a plain value.") from error
    if len(text) > MAX_DATA:
        raise StepFailed("The expression reads more data than an expression may.")
    return text


def _iso(value: Any) -> str:
    if isinstance(value, date | time):
        return value.isoformat()
    raise TypeError


def _ask_once(function: str, text: str, sent: str, moment: Moment, spoken: Mapping[str, Any]) -> Any:
    """Ask V8 what depends on nothing but expression, data and moment; an answer holds as long as those."""
    question = (function, text, sent)
    if question not in moment.answered:
        answer = _ask(function, text, sent, spoken)
        if answer is None:  # also said of a table that V8 does not know
            return None
        moment.answered[question] = answer
    return _copied(moment.answered[question])


def _ask(function: str, *arguments: Any) -> Any:
    answer = _ISOLATE.call(function, *arguments)
    if "problem" in answer:
        raise StepFailed(answer["problem"])
    return answer.get("value")


def _after(value: str, moment: Moment) -> datetime:
    parts = _DURATION.fullmatch(value)
    if parts is None:
        raise StepFailed("The duration is not written as ISO 8601 says, as in P10D or PT24H.")
    years, months, weeks, days, hours, minutes = (int(part or 0) for part in parts.groups()[:6])
    passing = timedelta(hours=hours, minutes=minutes, seconds=float(parts[7] or 0))
    try:
        found = moment.now.astimezone(UTC)
        if years or months or weeks or days:
            local = _months_later(found.astimezone(moment.zone).replace(fold=0), years * 12 + months)
            found = (local + timedelta(days=weeks * 7 + days)).astimezone(UTC)
        found += passing
    except OverflowError as error:
        raise StepFailed("The duration ends outside the calendar.") from error
    if found <= moment.now:
        raise StepFailed("The duration must be longer than nothing.")
    return found


def _months_later(local: datetime, months: int) -> datetime:
    """Move the wall clock by months: the same day number, or the month's last day when there is none."""
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    if year > 9999:  # noqa: PLR2004 - where the calendar of Python ends
        raise OverflowError
    last = monthrange(year, month + 1)[1]
    return local.replace(year=year, month=month + 1, day=min(local.day, last))


def _read(reader: Callable[[str], T], value: str) -> T:
    try:
        return reader(value)
    except ValueError as error:
        raise StepFailed("There is no such day or time in the calendar.") from error
