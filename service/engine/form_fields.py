"""Questions compiled to marshmallow fields: lenient about how people write, strict about what is kept.

A field refuses with the name of a rule; `form_words` makes the sentence of it.
"""

import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

import marshmallow as ma

from service.engine.components import LONGEST_TEXT, Component, Type
from service.engine.patterns import LONGEST_VALUE

MOST_DIGITS = 15  # a float keeps as many exactly
_SPACES = re.compile(r"[\s\u00a0\u2007\u2009\u202f]+")
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")
_DATE = re.compile(r"(\d{4})[-/. ]?(\d{2})[-/. ]?(\d{2})")
_TIME = re.compile(r"(\d{1,2})[:.](\d{2})(?:[:.]00(?:\.0+)?)?")
_MOMENT = re.compile(
    r"(?P<date>\d{4}-?\d{2}-?\d{2})[T ,]\s*"
    r"(?P<time>\d{1,2}[:.]\d{2})(?::\d{2}(?:\.\d+)?)?(?P<offset>Z|[+-]\d{2}:\d{2})?"
)
_TWELVE = re.compile(r"(\d{8})[-+]?(\d{4})")
YEARS = range(1875, 2200)
COORDINATION = 60  # added to the day in a samordningsnummer (folkbokföringslagen 18 a §)


def compiled(component: Component) -> ma.fields.Field[Any]:
    """Compile one question to the field that checks its answer."""
    return _FIELDS[component.type](component)


class Answer(ma.fields.Field[Any]):
    """One answer: blank is none, and what does not fit is refused by the name of a rule."""

    blank: Any = None  # what a blank answer is kept as

    def __init__(self, component: Component) -> None:
        self.component = component
        rule = _missing(component)
        super().__init__(
            required=component.rules.required,
            allow_none=not component.rules.required,
            error_messages={"required": rule, "null": rule, "validator_failed": "pattern"},
        )

    def deserialize(
        self, value: Any, attr: str | None = None, data: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        """Give the answer as it is kept: JSON, in one spelling."""
        if isinstance(value, str) and not value.strip():
            value = None
        return super().deserialize(value, attr, data, **kwargs)


class TextAnswer(Answer):
    """Text: trimmed, composed (NFC), without characters that nobody can see."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        del attr, data, kwargs
        if not isinstance(value, str):
            raise ma.ValidationError("text")
        kept = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n")).strip()
        if any(unicodedata.category(each) in {"Cc", "Cs"} and each not in "\n\t" for each in kept):
            raise ma.ValidationError("characters")
        if self.component.type is Type.TEXTFIELD and "\n" in kept:
            raise ma.ValidationError("line")
        return self._fitting(kept)

    def _fitting(self, kept: str) -> str:
        rules = self.component.rules
        if rules.check == "personal_number":
            return _personal_number(kept)
        if len(kept.encode()) > LONGEST_TEXT or len(kept) > longest(self.component):
            raise ma.ValidationError("too-long")
        if rules.shortest is not None and len(kept) < rules.shortest:
            raise ma.ValidationError("too-short")
        if rules.pattern and not rules.pattern.search(kept):
            raise ma.ValidationError("pattern")
        return kept


class NumberAnswer(Answer):
    """A number: whole or with decimals, as the form says; spaces and a decimal comma are understood."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int | float:
        del attr, data, kwargs
        exact = _exact(value)
        rules, whole = self.component.rules, exact == exact.to_integral_value()
        if rules.decimals == 0 and not whole:
            raise ma.ValidationError("whole-number")
        if rules.decimals is not None and exact != round(exact, rules.decimals):
            raise ma.ValidationError("decimals")
        if rules.minimum is not None and exact < Decimal(str(rules.minimum)):
            raise ma.ValidationError("too-small")
        if rules.maximum is not None and exact > Decimal(str(rules.maximum)):
            raise ma.ValidationError("too-large")
        return int(exact) if rules.decimals == 0 or (rules.decimals is None and whole) else float(exact)


class TickAnswer(Answer):
    """A box that is ticked or not; a required one must be ticked."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> bool:
        del attr, data, kwargs
        if not isinstance(value, bool):
            raise ma.ValidationError("tick")
        if self.component.rules.required and not value:
            raise ma.ValidationError("required-tick")
        return value


class ChoiceAnswer(Answer):
    """One of the answers that the form gives."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        del attr, data, kwargs
        if not isinstance(value, str) or value not in [each.value for each in self.component.options]:
            raise ma.ValidationError("option")
        return value


class ChoicesAnswer(Answer):
    """Some of the answers that the form gives, each once, in the form's order."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[str]:
        del attr, data, kwargs
        possible = [each.value for each in self.component.options]
        if not isinstance(value, list) or any(
            not isinstance(each, str) or each not in possible for each in value
        ):
            raise ma.ValidationError("options")
        if self.component.rules.required and not value:
            raise ma.ValidationError("required-some")
        return [each for each in possible if each in value]


class MomentAnswer(Answer):
    """A date (YYYY-MM-DD), a time of day (HH:MM) or both (YYYY-MM-DDTHH:MM, with an offset if given)."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        del attr, data, kwargs
        read, rule = {"date": (_date, "date"), "time": (_time, "time"), "datetime": (_moment, "date-time")}[
            self.component.subtype
        ]
        found = read(value.strip()) if isinstance(value, str) else None
        if found is None:
            raise ma.ValidationError(rule)
        return found


class HolderAnswer(Answer):
    """A group or a list of rows, whose inside is checked by itself."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        del attr, data, kwargs
        if self.component.type is Type.GROUP:
            if not isinstance(value, Mapping):
                raise ma.ValidationError("group")
            return value
        if not isinstance(value, list) or any(not isinstance(each, Mapping) for each in value):
            raise ma.ValidationError("rows")
        return value


def longest(component: Component) -> int:
    """Give how many characters an answer may have."""
    rules = component.rules
    general = LONGEST_VALUE if rules.pattern else LONGEST_TEXT
    return general if rules.longest is None else min(general, rules.longest)


def _missing(component: Component) -> str:
    match component.type:
        case Type.RADIO | Type.SELECT:
            return "required-one"
        case Type.CHECKLIST | Type.TAGLIST:
            return "required-some"
        case Type.CHECKBOX:
            return "required-tick"
        case Type.DYNAMICLIST:
            return "required-row"
        case _:
            return "required"


def _exact(value: Any) -> Decimal:
    if isinstance(value, str):
        plain = _SPACES.sub("", value).replace(",", ".").replace("\u2212", "-").removeprefix("+")
        if not _NUMBER.fullmatch(plain) or not plain.isascii():
            raise ma.ValidationError("number")
        return Decimal(plain)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ma.ValidationError("number")
    try:
        exact = Decimal(str(value)) if abs(value) < 10**MOST_DIGITS else None
    except (InvalidOperation, ValueError):
        exact = None
    if exact is None:
        raise ma.ValidationError("number")
    return exact


def _date(written: str) -> str | None:
    found = _DATE.fullmatch(written)
    if not found or not written.isascii():
        return None
    try:
        read = date(*(int(part) for part in found.groups()))
    except ValueError:
        return None
    return read.isoformat() if read.year in YEARS else None


def _time(written: str) -> str | None:
    found = _TIME.fullmatch(written)
    if not found or not written.isascii():
        return None
    try:
        return time(int(found[1]), int(found[2])).isoformat("minutes")
    except ValueError:
        return None


def _moment(written: str) -> str | None:
    found = _MOMENT.fullmatch(written)
    day, clock = (_date(found["date"]), _time(found["time"])) if found else (None, None)
    if not found or not day or not clock:
        return None
    whole = f"{day}T{clock}{found['offset'] or ''}"
    try:
        datetime.fromisoformat(whole)
    except ValueError:
        return None
    return whole


def _personal_number(written: str) -> str:
    found = _TWELVE.fullmatch(_SPACES.sub("", written).replace("\u2013", "-"))
    if (
        not found
        or not written.isascii()
        or not _is_birthday(found[1])
        or not _adds_up(found[1][2:] + found[2])
    ):
        raise ma.ValidationError("personal-number")
    return f"{found[1]}-{found[2]}"


def _is_birthday(eight: str) -> bool:
    year, month, day = int(eight[:4]), int(eight[4:6]), int(eight[6:])
    try:
        return date(year, month, day - COORDINATION if day > COORDINATION else day).year in YEARS
    except ValueError:
        return False


def _adds_up(ten: str) -> bool:
    """Check the last figure (Luhn, modulus 10)."""
    doubled = (int(each) * (2 - place % 2) for place, each in enumerate(ten))
    return sum(each // 10 + each % 10 for each in doubled) % 10 == 0


_FIELDS: dict[Type, type[Answer]] = {
    Type.TEXTFIELD: TextAnswer,
    Type.TEXTAREA: TextAnswer,
    Type.NUMBER: NumberAnswer,
    Type.CHECKBOX: TickAnswer,
    Type.RADIO: ChoiceAnswer,
    Type.SELECT: ChoiceAnswer,
    Type.CHECKLIST: ChoicesAnswer,
    Type.TAGLIST: ChoicesAnswer,
    Type.DATETIME: MomentAnswer,
    Type.GROUP: HolderAnswer,
    Type.DYNAMICLIST: HolderAnswer,
}
