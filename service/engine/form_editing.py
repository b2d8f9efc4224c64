"""Changes to a form as its file holds it: parts come, go and move, and say something else.

What a change does not speak of stays as it was, also what this service knows nothing of. Nothing is checked
here: a draft may hold what is wrong, and `forms.parse` tells of it.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from service.engine.components import CHOICES, HOLDERS, RESERVED, SHOWN_ONLY, Type
from service.errors import NotFound

LONGEST_KEY = 40  # of those that are proposed
TEXTS = frozenset({Type.TEXTFIELD, Type.TEXTAREA})
QUESTIONS = frozenset(Type) - SHOWN_ONLY - HOLDERS
# where members stand in an object that gets a new one
ORDER = [
    *("type", "id", "key", "path", "label", "description", "text", "subtype", "dateLabel", "timeLabel"),
    *("values", "defaultValue", "decimalDigits", "disallowPassedDates", "conditional", "validate"),
    *("components", "properties"),
]
CONTAINERS = ("validate", "properties", "conditional")


@dataclass(frozen=True)
class Property:
    """Something that an owner says of a part: the name of its control, where the file keeps it, for what."""

    name: str
    where: tuple[str, ...]
    kind: str  # text, area, feel, number, tick
    of: frozenset[Type]
    on: Any = True  # what the file says when a tick is set


PROPERTIES = (
    Property("label", ("label",), "text", QUESTIONS | HOLDERS),
    Property("label_en", ("properties", "label_en"), "text", QUESTIONS | HOLDERS),
    Property("text", ("text",), "area", frozenset({Type.TEXT})),
    Property("text_en", ("properties", "text_en"), "area", frozenset({Type.TEXT})),
    Property("description", ("description",), "text", QUESTIONS | HOLDERS),
    Property("description_en", ("properties", "description_en"), "text", QUESTIONS | HOLDERS),
    Property("key", ("key",), "text", QUESTIONS),
    Property("path", ("path",), "text", HOLDERS),
    Property("subtype", ("subtype",), "text", frozenset({Type.DATETIME})),
    Property("required", ("validate", "required"), "tick", QUESTIONS | {Type.DYNAMICLIST}),
    Property("anew", ("properties", "anew"), "tick", QUESTIONS, "yes"),
    Property("not_past", ("disallowPassedDates",), "tick", frozenset({Type.DATETIME})),
    Property("min", ("validate", "min"), "number", frozenset({Type.NUMBER})),
    Property("max", ("validate", "max"), "number", frozenset({Type.NUMBER})),
    Property("decimals", ("decimalDigits",), "number", frozenset({Type.NUMBER})),
    Property("shortest", ("validate", "minLength"), "number", TEXTS),
    Property("longest", ("validate", "maxLength"), "number", TEXTS),
    Property("validation", ("validate", "validationType"), "text", frozenset({Type.TEXTFIELD})),
    Property("pattern", ("validate", "pattern"), "text", frozenset({Type.TEXTFIELD})),
    Property("check", ("properties", "check"), "text", TEXTS),
    Property("example", ("properties", "example"), "text", TEXTS | {Type.NUMBER}),
    Property("default", ("defaultValue",), "text", TEXTS | {Type.RADIO, Type.SELECT, Type.DATETIME}),
    Property("default_number", ("defaultValue",), "number", frozenset({Type.NUMBER})),
    Property("default_tick", ("defaultValue",), "tick", frozenset({Type.CHECKBOX})),
    Property("hide", ("conditional", "hide"), "feel", frozenset(Type)),
)


@dataclass(frozen=True)
class Place:
    """A part and where it stands: "2" is the third part of the form, "2-0" the first inside that."""

    path: str
    part: Any
    siblings: int

    @property
    def depth(self) -> int:
        """How many groups and lists are around it."""
        return self.path.count("-")

    @property
    def number(self) -> int:
        """Its number among those beside it, from 0."""
        return int(self.path.rpartition("-")[2])

    @property
    def holder(self) -> str:
        """The path of what is around it; empty for the form itself."""
        return self.path.rpartition("-")[0]


def places(form: Mapping[str, Any]) -> Iterator[Place]:
    """Give every part of a form in order, those inside groups after their group."""
    yield from _places(form.get("components"), "")


def is_plain(form: Mapping[str, Any]) -> bool:
    """Tell whether a form is built as forms are, so that it can be changed part by part."""
    return isinstance(form.get("components", []), list) and isinstance(form.get("properties", {}), Mapping)


def is_plain_part(part: Any) -> bool:
    """Tell whether a part is built as parts are; others are changed as text."""
    if not isinstance(part, Mapping) or part.get("type") not in list(Type):
        return False
    fine = all(isinstance(part.get(name, {}), Mapping) for name in CONTAINERS)
    values = part.get("values", [])
    return fine and isinstance(values, list) and all(isinstance(each, Mapping) for each in values)


def properties(part: Mapping[str, Any]) -> tuple[Property, ...]:
    """What can be said of a part of its type."""
    return tuple(each for each in PROPERTIES if part["type"] in each.of)


def said(part: Mapping[str, Any]) -> dict[str, str]:
    """What a part says now, as its controls hold it."""
    return {each.name: _shown(_at(part, each.where), each) for each in properties(part)}


def options(part: Mapping[str, Any]) -> list[dict[str, str]]:
    """The answers that a part offers, as their controls hold them."""
    english = part.get("properties", {})
    return [
        {
            "label": _written(each.get("label")),
            "label_en": _written(english.get(_english(each))),
            "value": _written(each.get("value")),
        }
        for each in part.get("values", [])
    ]


def part_at(form: Mapping[str, Any], path: str) -> Any:
    """The part at a path; raises `NotFound`."""
    siblings, number = _around(form, path)
    return siblings[number]


def add(
    form: dict[str, Any], *, holder: str, after: int | None, type: Type, words: str, taken: Collection[str]
) -> dict[str, Any]:
    """Add a part last in what holds it, or after another there; gives the part."""
    made, siblings = _new(type, words, {*taken, *_names(form)}), _inside(form, holder)
    siblings.insert(len(siblings) if after is None else after + 1, made)
    return made


def remove(form: dict[str, Any], path: str) -> None:
    """Take a part away, and what is in it."""
    siblings, number = _around(form, path)
    del siblings[number]


def move(form: dict[str, Any], path: str, by: int) -> None:
    """Let a part change places with the one before (-1) or after (1); at the end it stays where it is."""
    siblings, number = _around(form, path)
    if 0 <= number + by < len(siblings):
        siblings[number], siblings[number + by] = siblings[number + by], siblings[number]


def put_into(form: dict[str, Any], path: str, holder: str) -> None:
    """Put a part last in a group or list, or in the form itself; never into itself."""
    if holder == path.rpartition("-")[0]:
        return
    if f"{holder}-".startswith(f"{path}-"):
        raise NotFound
    siblings, number = _around(form, path)
    inside = _inside(form, holder)
    inside.append(siblings.pop(number))


def entitle(form: dict[str, Any], *, title: str, title_en: str) -> None:
    """Let the form have these titles, as far as they are others than now."""
    _say(form, ("title",), title, _written(form.get("title")), keep_empty=True)
    _say(form, ("properties", "title_en"), title_en, titles(form)[1])


def titles(form: Mapping[str, Any]) -> tuple[str, str]:
    """The form's titles as their controls hold them."""
    return _written(form.get("title")), _written(_at(form, ("properties", "title_en")))


def say(
    form: dict[str, Any], path: str, given: Mapping[str, str], answers: list[dict[str, str]] | None
) -> None:
    """Let a part say what its controls hold, as far as that is something else than it says now.

    `answers` are those it offers; `was` is the number of the present one that each is, empty for a new one.
    """
    part = part_at(form, path)
    if not is_plain_part(part):
        return
    others = _names(form) - {part.get("key"), part.get("path"), part.get("id")}
    if given.get("type") in list(Type) and given["type"] != part["type"]:
        part["type"] = str(given["type"])
        _as_its_type_needs(part, others)
    _say_all(part, given, others)
    if answers is not None and part["type"] in CHOICES:
        _answer_all(part, answers)


def proposed(words: str, taken: Collection[str], *, otherwise: str = "question") -> str:
    """Make a key of Swedish words: small letters a-z, digits and underscores, and nobody else's."""
    plain = unicodedata.normalize("NFKD", words.lower().replace("ø", "o").replace("æ", "a"))
    found = re.sub(r"[^a-z0-9]+", "_", plain.encode("ascii", "ignore").decode()).strip("_")
    whole = found[: LONGEST_KEY + 1]
    key = (whole.rpartition("_")[0] or whole[:LONGEST_KEY]) if len(found) > LONGEST_KEY else found
    if not key or not key[0].isalpha() or key in RESERVED:
        key = f"{otherwise}_{key}".strip("_")
    numbered = (key if number == 1 else f"{key}_{number}" for number in range(1, len(taken) + 2))
    return next(each for each in numbered if each not in taken)


def keys(form: Mapping[str, Any]) -> frozenset[str]:
    """The names that a form's answers have in the case's data."""
    found = [
        each.part.get(name)
        for each in places(form)
        if isinstance(each.part, Mapping)
        for name in ("key", "path")
    ]
    return frozenset(each for each in found if isinstance(each, str) and each)


def empty(key: str, *, title: str, title_en: str) -> dict[str, Any]:
    """A form without any part, as a file begins."""
    english = {"properties": {"title_en": title_en}} if title_en else {}
    return {"components": [], "type": "default", "id": key, "title": title, **english, "schemaVersion": 19}


def _places(listed: Any, around: str) -> Iterator[Place]:
    parts = listed if isinstance(listed, list) else []
    for number, part in enumerate(parts):
        path = _path(around, number)
        yield Place(path, part, len(parts))
        if isinstance(part, Mapping):
            yield from _places(part.get("components"), path)


def _path(holder: str, number: int) -> str:
    return f"{holder}-{number}" if holder else str(number)


def _around(form: Mapping[str, Any], path: str) -> tuple[list[Any], int]:
    holder, _, number = path.rpartition("-")
    siblings = _inside(form, holder)
    if not re.fullmatch(r"\d{1,6}", number, re.ASCII) or int(number) >= len(siblings):
        raise NotFound
    return siblings, int(number)


def _inside(form: Any, holder: str) -> list[Any]:
    """The list of parts in a group or list, or in the form."""
    found: Any = form
    if holder:
        siblings, number = _around(form, holder)
        found = siblings[number]
        if not isinstance(found, dict) or found.get("type") not in HOLDERS:
            raise NotFound  # nothing stands in a question
    inside = found.setdefault("components", []) if isinstance(found, dict) else None
    if not isinstance(inside, list):
        raise NotFound
    return inside


def _new(type: Type, words: str, taken: Collection[str]) -> dict[str, Any]:
    if type in SHOWN_ONLY:
        id = proposed(" ".join(words.split()[:4]), taken, otherwise=type.value)
        return {"type": type.value, "id": id, **({"text": words} if type is Type.TEXT else {})}
    key = proposed(words, taken, otherwise="group" if type in HOLDERS else "question")
    made: dict[str, Any] = {"type": type.value, "id": key}
    if (
        type is not Type.GROUP
    ):  # the answers in a group stand beside the others unless its owner says otherwise
        made["path" if type in HOLDERS else "key"] = key
    made["label"] = words
    _as_its_type_needs(made, taken)
    return made


def _as_its_type_needs(part: dict[str, Any], taken: Collection[str]) -> None:
    """Add what a part of its type cannot be without."""
    type = Type(part["type"])
    if type is Type.DATETIME and "subtype" not in part:
        _set(part, "subtype", "date")
        _set(part, "dateLabel", part.get("label", ""))
    if type in CHOICES and "values" not in part:
        _set(part, "values", [])
    if type in HOLDERS and "components" not in part:
        _set(part, "components", [])
    name, other = ("path", "key") if type in HOLDERS else ("key", "path")
    if type not in SHOWN_ONLY | {Type.GROUP} and name not in part:
        _set(part, name, part.pop(other, None) or proposed(_written(part.get("label")), taken))


def _say_all(part: dict[str, Any], given: Mapping[str, str], others: Collection[str]) -> None:
    label, key = part.get("label"), part.get("key") or part.get("path")
    for each in properties(part):
        if each.name not in given:
            continue
        new: Any = given[each.name]
        if each.name == "key" and not new.strip():
            new = proposed(given.get("label", ""), others)
        shown = _shown(_at(part, each.where), each)
        if each.kind == "tick":
            _tick(part, each, is_set=bool(new), was_set=bool(shown))
        else:
            _say(part, each.where, _number(new) if each.kind == "number" else new, shown)
    _follow(part, label, key, others)


def _tick(part: dict[str, Any], property: Property, *, is_set: bool, was_set: bool) -> None:
    if is_set and not was_set:
        _store(part, property.where, property.on)
    elif was_set and not is_set:
        _drop(part, property.where)


def _follow(part: dict[str, Any], label: Any, key: Any, others: Collection[str]) -> None:
    """Let what said the same as the label or the key before say the same now."""
    for name in ("dateLabel", "timeLabel"):
        if name in part and part[name] == label and part.get("label"):
            part[name] = part["label"]
    new = part.get("key") or part.get("path")
    if new and new != key and part.get("id") == key and new not in others:
        part["id"] = new


def _answer_all(part: dict[str, Any], answers: list[dict[str, str]]) -> None:
    """Let the offered answers be these."""
    before, english = part.get("values", []), part.get("properties", {})
    kept: list[Any] = []
    told: dict[str, Any] = {}  # the English words by the name of their property; none for what has none
    for given in answers:
        old = before[int(given["was"])] if given["was"] else {}
        made = _answered(old, given, [each.get("value") for each in kept])
        was = english.get(_english(old)) if old else None
        told[_english(made)] = was if _alike(given["label_en"], _written(was)) else given["label_en"]
        kept.append(made)
    if kept != before:
        _set(part, "values", kept)
    _rename(part, before, kept)
    told |= {_english(each): None for each in before if _english(each) not in told}
    for name, words in told.items():
        if not words:
            _drop(part, ("properties", name))
        elif _at(part, ("properties", name)) != words:
            _store(part, ("properties", name), words)


def _answered(old: Mapping[str, Any], given: Mapping[str, str], taken: Collection[str]) -> dict[str, Any]:
    """An offered answer as it is now said; one without a value gets one made of its words."""
    made = dict(old) or {"label": "", "value": ""}
    for name in ("label", "value"):
        _say(made, (name,), given[name], _written(old.get(name)), keep_empty=True)
    if not given["value"].strip() and given["label"].strip():
        made["value"] = proposed(given["label"], taken, otherwise="answer")
    return made


def _english(answer: Mapping[str, Any]) -> str:
    """The name of the property that holds an offered answer's English words."""
    return f"option_en:{answer.get('value')}"


def _rename(part: dict[str, Any], before: list[Any], kept: list[Any]) -> None:
    """Let the English words of an answer keep their place when its value gets another name."""
    if len(before) != len(kept) or not isinstance(part.get("properties"), Mapping):
        return
    new = {_english(old): _english(made) for old, made in zip(before, kept, strict=True)}
    if set(new) != set(new.values()):
        part["properties"] = {new.get(name, name): value for name, value in part["properties"].items()}


def _say(
    mapping: dict[str, Any], where: tuple[str, ...], new: Any, shown: str, *, keep_empty: bool = False
) -> None:
    """Store what is said now if it is not what was shown; nothing said takes the member away."""
    if _alike(_written(new), shown):
        return
    if new == "" and not keep_empty:
        _drop(mapping, where)
    else:
        _store(mapping, where, new)


def _alike(given: str, shown: str) -> bool:
    """Tell whether nobody changed it: browsers write the ends of lines their own way."""
    return _lines(given) == _lines(shown)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _store(mapping: dict[str, Any], where: tuple[str, ...], value: Any) -> None:
    for name in where[:-1]:
        if name not in mapping:
            _set(mapping, name, {})
        mapping = mapping[name]
    _set(mapping, where[-1], _lines(value) if isinstance(value, str) else value)


def _drop(mapping: dict[str, Any], where: tuple[str, ...]) -> None:
    inside = _at(mapping, where[:-1]) if len(where) > 1 else mapping
    if isinstance(inside, dict) and where[-1] in inside:
        del inside[where[-1]]
        if not inside and inside is not mapping:
            del mapping[where[0]]


def _set(mapping: dict[str, Any], name: str, value: Any) -> None:
    """Set a member; a new one stands before those that come after it in files."""
    if name in mapping or name not in ORDER:
        mapping[name] = value
        return
    later = [each for each in mapping if each in ORDER and ORDER.index(each) > ORDER.index(name)]
    moved = (
        {each: mapping.pop(each) for each in list(mapping)[list(mapping).index(later[0]) :]} if later else {}
    )
    mapping[name] = value
    mapping.update(moved)


def _at(mapping: Any, where: tuple[str, ...]) -> Any:
    for name in where:
        mapping = mapping.get(name) if isinstance(mapping, Mapping) else None
    return mapping


def _shown(value: Any, property: Property) -> str:
    if property.kind == "tick":
        return "1" if value == property.on and value is not None else ""
    return _written(value)


def _written(value: Any) -> str:
    """A value as a control holds it."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _number(given: str) -> Any:
    """A number if it is one, else what was written, so that the form's check can tell of it."""
    plain = re.sub(r"\s", "", given).replace(",", ".").replace("\u2212", "-")
    if re.fullmatch(r"-?\d{1,15}", plain, re.ASCII):
        return int(plain)
    if re.fullmatch(r"-?\d{1,15}\.\d{1,15}", plain, re.ASCII):
        return float(plain)
    return given


def _names(form: Mapping[str, Any]) -> set[str]:
    ids = [each.part.get("id") for each in places(form) if isinstance(each.part, Mapping)]
    return {*keys(form), *(each for each in ids if isinstance(each, str))}
