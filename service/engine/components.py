"""The parts of a form as its file describes them: read strictly, every problem told at once."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from service.engine import expressions
from service.engine.patterns import dangers
from service.engine.text import Text
from service.errors import Problem

DEEPEST = 5  # groups and lists inside each other
LONGEST_TEXT = 64 * 1024  # bytes of one answer
MOST_ROWS = 100
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
RESERVED = frozenset(
    {
        "and",
        "between",
        "else",
        "every",
        "false",
        "for",
        "function",
        "if",
        "in",
        "not",
        "null",
        "or",
        "partial",
        "return",
        "satisfies",
        "some",
        "then",
        "this",
        "true",
    }
)
CHECKS = frozenset({"personal_number"})


class Type(StrEnum):
    """The kinds of component that the service renders and checks."""

    TEXTFIELD = "textfield"
    TEXTAREA = "textarea"
    NUMBER = "number"
    CHECKBOX = "checkbox"
    RADIO = "radio"
    SELECT = "select"
    CHECKLIST = "checklist"
    TAGLIST = "taglist"
    DATETIME = "datetime"
    GROUP = "group"
    DYNAMICLIST = "dynamiclist"
    TEXT = "text"
    SEPARATOR = "separator"


SHOWN_ONLY = frozenset({Type.TEXT, Type.SEPARATOR})
CHOICES = frozenset({Type.RADIO, Type.SELECT, Type.CHECKLIST, Type.TAGLIST})
MANY = frozenset({Type.CHECKLIST, Type.TAGLIST})
HOLDERS = frozenset({Type.GROUP, Type.DYNAMICLIST})
SUBTYPES = frozenset({"date", "time", "datetime"})
ONLY_IN_BROWSER = (
    "expression",
    "valuesKey",
    "valuesExpression",
    "serializeToString",
    "readonly",
    "disabled",
    "fileKey",
    "computeOn",
)  # what form-js offers and this service does not run; refused rather than ignored


@dataclass(frozen=True)
class Option:
    """One answer of a question with fixed answers."""

    value: str
    label: Text


@dataclass(frozen=True)
class Rules:
    """What an answer must fulfil beyond its type."""

    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    shortest: int | None = None
    longest: int | None = None
    pattern: re.Pattern[str] | None = None
    decimals: int | None = None  # 0: whole numbers; None: any
    not_past: bool = False
    check: str = ""  # a word of CHECKS


@dataclass(frozen=True)
class Component:
    """One part of a form: a question, a group or list of questions, or words between them."""

    id: str
    type: Type
    key: str = ""  # names the answer; empty for what has none
    label: Text = field(default_factory=Text)
    description: Text = field(default_factory=Text)
    text: Text = field(default_factory=Text)  # markdown
    subtype: str = ""  # of datetime: date, time, datetime
    rules: Rules = field(default_factory=Rules)
    options: tuple[Option, ...] = ()
    hide: str = ""  # FEEL: when it is true the component is neither shown nor asked
    example: str = ""
    default: Any = None
    anew: bool = False  # opens empty each time it is asked, whatever the case knows by then
    components: tuple["Component", ...] = ()

    @property
    def name(self) -> str:
        """What the component is called inside its surroundings: its key, or its id when it has no answer."""
        return self.key or self.id

    @property
    def is_field(self) -> bool:
        """Tell whether it is a question with one answer."""
        return self.type not in SHOWN_ONLY | HOLDERS

    @property
    def is_transparent(self) -> bool:
        """Tell whether it is a group whose answers stand beside those around it."""
        return self.type is Type.GROUP and not self.key

    def each(self) -> Iterator["Component"]:
        """Give this component and all inside it."""
        yield self
        for child in self.components:
            yield from child.each()


@dataclass
class Reader:
    """Reads one file's components and collects what is wrong with them."""

    file: str
    problems: list[Problem] = field(default_factory=list)
    element: str = ""  # the component being read

    def refuse(self, rule: str, message: str, *, element: str | None = None) -> None:
        """Note one problem and go on, so that the owner sees all of them."""
        self.problems.append(
            Problem(message, element=element or self.element or None, file=self.file, rule=rule)
        )


def read(listed: Any, reader: Reader, *, depth: int = 0) -> tuple[Component, ...]:
    """Read a list of components; problems go to the reader, unreadable components are left out."""
    if not isinstance(listed, list) or not listed:
        reader.refuse("components", "Give the form at least one component.")
        return ()
    if depth > DEEPEST:
        reader.refuse("depth", f"Put at most {DEEPEST} groups or lists inside each other.")
        return ()
    found = [_component(each, reader, depth=depth) for each in listed]
    return tuple(each for each in found if each is not None)


def twins(components: tuple[Component, ...], reader: Reader) -> None:
    """Refuse two components with the same id, and two answers with the same name in the same place."""
    ids = [inner.id for each in components for inner in each.each()]
    for id in sorted({each for each in ids if ids.count(each) > 1}):
        reader.refuse(
            "unique-id", f"Give every component its own id; “{id}” is used more than once.", element=id
        )
    _twin_keys(components, reader)


def named(components: tuple[Component, ...]) -> Iterator[Component]:
    """Give the components whose answers stand side by side here, those in groups without a path too."""
    for each in components:
        if each.is_transparent:
            yield from named(each.components)
        elif each.key:
            yield each


def _twin_keys(components: tuple[Component, ...], reader: Reader) -> None:
    seen: set[str] = set()
    for each in named(components):
        if each.key in seen:
            reader.refuse(
                "unique-key", f"Give every question its own key; “{each.key}” is used twice.", element=each.id
            )
        seen.add(each.key)
        if each.components:
            _twin_keys(each.components, reader)


def _component(raw: Any, reader: Reader, *, depth: int) -> Component | None:
    if not isinstance(raw, Mapping):
        reader.refuse("component", "Write every component as an object.")
        return None
    outer, reader.element = (
        reader.element,
        str(raw.get("id") or raw.get("key") or raw.get("type") or reader.element),
    )
    try:
        return _known(raw, reader, depth=depth)
    finally:
        reader.element = outer


def _known(raw: Mapping[str, Any], reader: Reader, *, depth: int) -> Component | None:
    if raw.get("type") not in list(Type):
        reader.refuse(
            "component-type", f"Use one of {', '.join(Type)}; “{raw.get('type')}” is not supported."
        )
        return None
    for each in ONLY_IN_BROWSER:
        if raw.get(each):
            reader.refuse("unsupported", f"Remove “{each}”: it is not supported.")
    type = Type(raw["type"])
    properties = _object(raw, "properties", reader)
    made = Component(
        id=reader.element,
        type=type,
        key=_key(raw, type, reader),
        label=_words(raw, properties, "label", reader),
        description=_words(raw, properties, "description", reader),
        text=_words(raw, properties, "text", reader),
        hide=_condition(raw, reader),
        example=_string(properties, "example", reader),
    )
    if type in HOLDERS:
        return replace(
            made,
            components=read(raw.get("components"), reader, depth=depth + 1),
            rules=_rules(raw, properties, type, reader),
        )
    if type is Type.TEXT and not made.text:
        reader.refuse("text", "Write the words that the component shows.")
    return _question(made, raw, properties, reader) if made.is_field else made


def _question(
    made: Component, raw: Mapping[str, Any], properties: Mapping[str, Any], reader: Reader
) -> Component:
    label = made.label
    if made.type is Type.DATETIME and not label:
        which = "timeLabel" if raw.get("subtype") == "time" else "dateLabel"
        label = Text(_string(raw, which, reader), _string(properties, "label_en", reader))
    if not label:
        reader.refuse("label", "Give the question a label.")
    rules = _rules(raw, properties, made.type, reader)
    if (rules.pattern or rules.check) and not made.example:
        reader.refuse("example", "Give a valid value as the property “example”: people see it as a hint.")
    options = _options(raw, properties, reader) if made.type in CHOICES else ()
    return replace(
        made,
        label=label,
        subtype=_subtype(raw, made.type, reader),
        rules=rules,
        options=options,
        default=raw.get("defaultValue"),
        anew=_string(properties, "anew", reader) == "yes",
    )


def _key(raw: Mapping[str, Any], type: Type, reader: Reader) -> str:
    if type in SHOWN_ONLY:
        return ""
    where = "path" if type in HOLDERS else "key"
    key = _string(raw, where, reader)
    if not key and type is Type.GROUP:
        return ""
    if not NAME.fullmatch(key) or key in RESERVED or len(key) > 64:  # noqa: PLR2004  as long as any other key
        reader.refuse(
            "key",
            f"Give a {where} of letters a-z, digits and underscores that FEEL can read; “{key}” is not one.",
        )
    return key


def _words(raw: Mapping[str, Any], properties: Mapping[str, Any], name: str, reader: Reader) -> Text:
    return Text(_string(raw, name, reader).strip(), _string(properties, f"{name}_en", reader).strip())


def _condition(raw: Mapping[str, Any], reader: Reader) -> str:
    hide = _object(raw, "conditional", reader).get("hide")
    if not hide:
        return ""
    if not isinstance(hide, str):
        reader.refuse("condition", "Write the condition as a FEEL expression.")
        return ""
    for problem in expressions.problems(hide):
        reader.refuse("condition", f"Correct the condition “{hide}”: {problem}")
    return hide


def _rules(raw: Mapping[str, Any], properties: Mapping[str, Any], type: Type, reader: Reader) -> Rules:
    given = _object(raw, "validate", reader)
    check = _string(properties, "check", reader)
    if check and check not in CHECKS:
        reader.refuse("check", f"Use a check that exists ({', '.join(sorted(CHECKS))}); “{check}” does not.")
    rules = Rules(
        required=given.get("required") is True,
        minimum=_number(given, "min", reader),
        maximum=_number(given, "max", reader),
        shortest=_whole(given, "minLength", reader),
        longest=_whole(given, "maxLength", reader),
        pattern=_pattern(given, reader) if type is Type.TEXTFIELD else None,
        decimals=_whole(raw, "decimalDigits", reader),
        not_past=raw.get("disallowPassedDates") is True,
        check=check if check in CHECKS else "",
    )
    if _crossed(rules.minimum, rules.maximum) or _crossed(rules.shortest, rules.longest):
        reader.refuse("limits", "Make the lower limit smaller than the upper one.")
    return rules


def _crossed(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and low > high


KNOWN_PATTERNS = {"email": r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$", "phone": r"^\+?[0-9()\s-]{5,25}$"}


def _pattern(given: Mapping[str, Any], reader: Reader) -> re.Pattern[str] | None:
    pattern = given.get("pattern") or KNOWN_PATTERNS.get(str(given.get("validationType")))
    if not pattern:
        return None
    if not isinstance(pattern, str):
        reader.refuse("pattern", "Write the pattern as text.")
        return None
    for danger in dangers(pattern):
        reader.refuse("pattern", danger)
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        reader.refuse("pattern", f"Correct the pattern: {error}.")
        return None


def _subtype(raw: Mapping[str, Any], type: Type, reader: Reader) -> str:
    if type is not Type.DATETIME:
        return ""
    subtype = str(raw.get("subtype") or "")
    if subtype not in SUBTYPES:
        reader.refuse("subtype", "Give the subtype date, time or datetime.")
        return "date"
    return subtype


def _options(raw: Mapping[str, Any], properties: Mapping[str, Any], reader: Reader) -> tuple[Option, ...]:
    listed = raw.get("values")
    if not isinstance(listed, list) or not listed:
        reader.refuse("options", "Give the question its answers as “values”.")
        return ()
    found = [each for each in (_option(raw, properties, reader) for raw in listed) if each]
    values = [each.value for each in found]
    for value in sorted({each for each in values if values.count(each) > 1}):
        reader.refuse("options", f"Give every answer its own value; “{value}” is used more than once.")
    return tuple(found)


def _option(raw: Any, properties: Mapping[str, Any], reader: Reader) -> Option | None:
    if not isinstance(raw, Mapping):
        reader.refuse("options", "Write every answer as an object with “label” and “value”.")
        return None
    value, label = raw.get("value"), raw.get("label")
    if not isinstance(value, str) or not isinstance(label, str) or not value.strip() or not label.strip():
        reader.refuse("options", f"Give every answer a label and a value that are text; “{value}” is not.")
        return None
    return Option(value, Text(label, _string(properties, f"option_en:{value}", reader)))


def _object(raw: Mapping[str, Any], name: str, reader: Reader) -> Mapping[str, Any]:
    found = raw.get(name)
    if found is None or isinstance(found, Mapping):
        return found or {}
    reader.refuse(name, f"Write “{name}” as an object.")
    return {}


def _string(raw: Mapping[str, Any], name: str, reader: Reader) -> str:
    found = raw.get(name)
    if found is None or isinstance(found, str):
        return found or ""
    reader.refuse(name, f"Write “{name}” as text.")
    return ""


def _number(raw: Mapping[str, Any], name: str, reader: Reader) -> float | None:
    found = raw.get(name)
    if found is None or found == "":
        return None
    if isinstance(found, bool) or not isinstance(found, int | float):
        reader.refuse(name, f"Write “{name}” as a number.")
        return None
    return found


def _whole(raw: Mapping[str, Any], name: str, reader: Reader) -> int | None:
    found = _number(raw, name, reader)
    if found is not None and (found != int(found) or found < 0):
        reader.refuse(name, f"Write “{name}” as a whole number from 0 on.")
        return None
    return None if found is None else int(found)
