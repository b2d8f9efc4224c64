"""Forms: a form-js file compiled once to marshmallow schemas, and answers checked against them.

A place names one question among the answers: its key, `group/key`, or `list/0/key` in a list's first row.
What has no answer (words, separators, groups without a path) goes by its id. Problems point at `/data/PLACE`.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

import marshmallow as ma

from service.engine import expressions, form_words
from service.engine.components import HOLDERS, MANY, MOST_ROWS, Component, Reader, Type, named, read, twins
from service.engine.expressions import Moment
from service.engine.form_fields import compiled, longest
from service.engine.text import Text
from service.errors import Invalid, Problem, Refused

LARGEST_FILE = 512 * 1024
PLACE = re.compile(r"\{\{(.+?)\}\}", re.DOTALL)  # in words that a form shows
MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|&~:@])")
KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
Part = tuple[
    str, Component, Mapping[str, Any], str
]  # its place, itself, its row, the place of what is around it
BATCH = 3_500  # characters of conditions in one evaluation
ROUNDS = 8  # of conditions that depend on each other


@dataclass(frozen=True)
class Scope:
    """Questions whose answers stand side by side, with the schema they were compiled to."""

    components: Mapping[str, Component]  # by key
    schema: ma.Schema
    inside: Mapping[str, "Scope"]  # groups and lists, by key


@dataclass(frozen=True)
class Form:
    """A form as deployed: its parts, and the schemas that check its answers."""

    key: str
    file: str
    title: Text
    components: tuple[Component, ...]
    scope: Scope
    content: bytes = field(repr=False)  # the file, byte for byte

    @property
    def fields(self) -> Mapping[str, Component]:
        """The questions, groups and lists at the top, by key."""
        return self.scope.components

    @property
    def is_conditional(self) -> bool:
        """Tell whether some parts are shown only with certain answers."""
        return any(inner.hide for each in self.components for inner in each.each())


def parse(content: bytes, file: str) -> Form:
    """Read a form-js file (schema version 19).

    Raises `Refused` with every problem found: file, element (the component's id), rule, and what to do.
    """
    reader = Reader(file)
    raw = _json(content, reader)
    components = read(raw.get("components"), reader) if raw else ()
    twins(components, reader)
    key, title = _heading(raw, reader) if raw else ("", Text())
    for each in (inner for outer in components for inner in outer.each()):
        _try_example(each, reader)
        _try_places(each, reader)
    if reader.problems:
        raise Refused(problems=reader.problems)
    return Form(key, file, title, components, _scope(components), content)


def check(
    form: Form, answers: Mapping[str, Any], *, data: Mapping[str, Any], moment: Moment, language: str = "sv"
) -> dict[str, Any]:
    """Check answers and give them as they are kept: plain JSON values in one spelling, in the form's order.

    `data` is what the case knows, for conditions. Questions that are hidden are neither required nor kept.
    Raises `Invalid` with a pointer (RFC 6901, `/data/...`) and a sentence for each answer that will not do.
    """
    if not isinstance(answers, Mapping):
        raise Invalid(
            problems=[Problem(form_words.WORDS["answers"].in_(language), pointer="/data", rule="answers")]
        )
    tidy = tidied(form, answers)
    visit = _Visit(visible(form, tidy, data=data, moment=moment), moment, language)
    kept = visit.load(form.scope, tidy, "")
    if visit.problems:
        order = {
            f"/data/{place}": number
            for number, (place, *_) in enumerate(_parts(form.components, tidy, "", {}))
        }
        told = sorted(visit.problems, key=lambda each: order.get(each.pointer or "", len(order)))
        raise Invalid(form_words.INVALID.in_(language), problems=told)
    return kept


def visible(
    form: Form, answers: Mapping[str, Any], *, data: Mapping[str, Any], moment: Moment
) -> frozenset[str]:
    """Give the places of what is shown with these answers. A condition sees hidden answers as null."""
    parts = list(_parts(form.components, answers, "", {}))
    hidden: frozenset[str] = frozenset()
    seen: dict[str, Any] | None = None
    data = {**data, **dict.fromkeys(key for key, each in form.fields.items() if each.anew)}
    sound = _tidied(form.scope, answers, unsound=_nothing)  # a condition must not trip over a typing error
    for _ in range(ROUNDS if form.is_conditional else 0):
        gone = dict.fromkeys(key for key in form.fields if key in hidden)
        known = {**data, **gone, **_without(form.components, sound, hidden, "")}
        if known == seen:
            break
        hidden, seen = _hidden(parts, known, moment=moment), known
    return frozenset(place for place, *_ in parts) - hidden


def asked(
    form: Form, answers: Mapping[str, Any], *, data: Mapping[str, Any], moment: Moment
) -> dict[str, Any]:
    """Give the answers without those to questions that these answers hide."""
    tidy = tidied(form, answers)
    every = {place for place, *_ in _parts(form.components, tidy, "", {})}
    hidden = every - visible(form, tidy, data=data, moment=moment)
    return _without(form.components, answers, frozenset(hidden), "")


def initial(form: Form, data: Mapping[str, Any]) -> dict[str, Any]:
    """Give what stands in the form when it is opened: what the case knows, else what the form proposes.

    What happens again, a talk or a signature, is asked anew: the answer of the last time is no proposal.
    """
    known = {
        key: _proposed(each) if each.anew else data.get(key, _proposed(each))
        for key, each in form.fields.items()
    }
    return {key: value for key, value in known.items() if value is not None}


def filled(text: Text, known: Mapping[str, Any], *, moment: Moment, language: str) -> str:
    """Give an owner's markdown with the values of its `{{FEEL}}` places, escaped so that they stay text."""

    def value(found: re.Match[str]) -> str:
        return _written(expressions.evaluate(found[1].strip(), known, moment=moment), language)

    return PLACE.sub(value, text.in_(language))


def tidied(form: Form, answers: Mapping[str, Any]) -> dict[str, Any]:
    """Give the answers in the spelling they are kept in; those that are not valid as they were written."""
    return _tidied(form.scope, answers, unsound=_as_written)


def is_blank(value: Any) -> bool:
    """Tell whether nothing was answered: blank text, an unticked box, or only blanks inside."""
    if isinstance(value, Mapping):
        return all(is_blank(each) for each in value.values())
    if isinstance(value, list):
        return all(is_blank(each) for each in value)
    return value is None or value is False or (isinstance(value, str) and not value.strip())


class _Visit:
    """One walk through the answers, which collects what is wrong with them."""

    def __init__(self, shown: frozenset[str], moment: Moment, language: str) -> None:
        self.shown, self.moment, self.language = shown, moment, language
        self.problems: list[Problem] = []

    def load(self, scope: Scope, answers: Mapping[str, Any], place: str) -> dict[str, Any]:
        hidden = [key for key in scope.components if place + key not in self.shown]
        for key in hidden:
            if not is_blank(answers.get(key)):
                self.refuse("hidden", place + key, scope.components[key])
        asked = {key: value for key, value in answers.items() if key not in hidden}
        try:
            kept = dict(scope.schema.load(asked, partial=hidden))
        except ma.ValidationError as error:
            kept = dict(error.valid_data) if isinstance(error.valid_data, dict) else {}
            self._tell(scope, error.messages_dict, place)
        self._in_time(scope, kept, place)
        for key, inner in scope.inside.items():
            component = scope.components[key]
            if kept.get(key) is not None:
                kept[key] = self._inside(component, inner, kept[key], f"{place}{key}/")
            elif component.type is Type.GROUP and key not in hidden and answers.get(key) is None:
                self.load(inner, {}, f"{place}{key}/")  # what is required in it is required all the same
        return {key: kept[key] for key in scope.components if key in kept}

    def refuse(self, rule: str, place: str, component: Component | None, *, name: str = "") -> None:
        label = component.label.in_(self.language) if component else name
        message = form_words.sentence(
            rule,
            language=self.language,
            label=label or place,
            limit=_limit(rule, component),
            example=_example(component),
        )
        self.problems.append(Problem(message, pointer=f"/data/{place}", rule=rule))

    def _inside(self, component: Component, scope: Scope, value: Any, place: str) -> Any:
        if component.type is Type.GROUP:
            return self.load(scope, value, place)
        if component.rules.required and not value:
            self.refuse("required-row", place.rstrip("/"), component)
        if len(value) > MOST_ROWS:
            self.refuse("too-many-rows", place.rstrip("/"), component)
            return []
        return [self.load(scope, row, f"{place}{number}/") for number, row in enumerate(value)]

    def _tell(self, scope: Scope, messages: Mapping[str, Any], place: str) -> None:
        for key, rules in messages.items():
            if key in scope.components:
                self.refuse(rules[0], place + key, scope.components[key])
            else:
                self.refuse("unknown", place + key.replace("~", "~0").replace("/", "~1"), None, name=key)

    def _in_time(self, scope: Scope, kept: dict[str, Any], place: str) -> None:
        """Give moments the offset of where the law counts, and refuse what has passed if the form says so."""
        today = self.moment.now.astimezone(self.moment.zone).date().isoformat()
        for key, component in scope.components.items():
            if component.subtype not in {"date", "datetime"} or not kept.get(key):
                continue
            if component.subtype == "datetime":
                read = datetime.fromisoformat(kept[key])
                aware = read if read.tzinfo else read.replace(tzinfo=self.moment.zone)
                kept[key] = aware.isoformat("T", "minutes")
            if component.rules.not_past and kept[key][:10] < today:
                self.refuse("past", place + key, component)


def _json(content: bytes, reader: Reader) -> Mapping[str, Any]:
    if len(content) > LARGEST_FILE:
        reader.refuse("size", f"Make the file smaller than {LARGEST_FILE // 1024} kB.")
        return {}
    try:
        raw = json.loads(content.decode("utf-8"), object_pairs_hook=_pairs, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        reader.refuse("json", f"Correct the file; it cannot be read as JSON: {error}")
        return {}
    if not isinstance(raw, Mapping) or not raw:
        reader.refuse("json", "Write the form as an object with “id”, “title” and “components”.")
        return {}
    return raw


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in the same object")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _heading(raw: Mapping[str, Any], reader: Reader) -> tuple[str, Text]:
    key, title, properties = raw.get("id"), raw.get("title"), raw.get("properties")
    if not isinstance(key, str) or not KEY.fullmatch(key):
        reader.refuse("form-id", "Give the form an “id” of small letters a-z, digits and underscores.")
    elif reader.file.rpartition("/")[2] != f"{key}.form.json":
        reader.refuse("form-file", f"Name the file {key}.form.json, as its “id” says.")
    if raw.get("type", "default") != "default":
        reader.refuse("form-type", "Give the form the type “default”.")
    if not isinstance(title, str) or not title.strip():
        reader.refuse("form-title", "Give the form a “title”.")
        title = ""
    english = properties.get("title_en") if isinstance(properties, Mapping) else ""
    return str(key), Text(title, english if isinstance(english, str) else "")


def _try_example(component: Component, reader: Reader) -> None:
    """Refuse examples and proposals that the form itself would refuse."""
    tries = {"example": component.example, "defaultValue": component.default}
    for name, value in tries.items():
        if not value or not component.is_field or (name == "example" and component.type in MANY):
            continue
        try:
            compiled(component).deserialize(value)
        except ma.ValidationError as error:
            told = form_words.sentence(
                str(error.messages[0]),
                language="en",
                label=component.label.in_("en"),
                limit=_limit(str(error.messages[0]), component),
            )
            reader.refuse(
                name, f"Give a valid value as “{name}”; “{value}” is not: {told}", element=component.id
            )


def _try_places(component: Component, reader: Reader) -> None:
    """Refuse words whose `{{FEEL}}` places cannot be evaluated."""
    for found in PLACE.finditer(f"{component.text.sv} {component.text.en}"):
        for problem in expressions.problems(found[1].strip()):
            reader.refuse("text", f"Correct “{found[0]}” in the text: {problem}", element=component.id)


def _proposed(component: Component) -> Any:
    if component.type is Type.DYNAMICLIST and component.rules.required:
        return [{}]
    return component.default


def _written(value: Any, language: str) -> str:
    if value is None or value in ("", []):
        return "–"
    if isinstance(value, bool):
        return form_words.YES.in_(language) if value else form_words.NO.in_(language)
    if isinstance(value, list):
        return ", ".join(_written(each, language) for each in value)
    return MARKUP.sub(r"\\\1", " ".join(str(value).split()))


def _scope(components: tuple[Component, ...]) -> Scope:
    by_key = {each.key: each for each in named(components)}
    fields: dict[str, ma.fields.Field[Any]] = {key: compiled(each) for key, each in by_key.items()}
    inside = {key: _scope(each.components) for key, each in by_key.items() if each.type in HOLDERS}
    schema = ma.Schema.from_dict(fields, name="Answers")(unknown=ma.RAISE)
    return Scope(MappingProxyType(by_key), schema, MappingProxyType(inside))


def _tidied(scope: Scope, answers: Mapping[str, Any], *, unsound: Callable[[Any], Any]) -> dict[str, Any]:
    found = dict(answers)
    for key, component in scope.components.items():
        if key not in answers:
            continue
        value = answers[key]
        if component.is_field:
            found[key] = _tidy(scope.schema.fields[key], value, unsound)
        elif component.type is Type.GROUP and isinstance(value, Mapping):
            found[key] = _tidied(scope.inside[key], value, unsound=unsound)
        elif component.type is Type.DYNAMICLIST and isinstance(value, list):
            inside = scope.inside[key]
            found[key] = [
                _tidied(inside, row, unsound=unsound) if isinstance(row, Mapping) else unsound(row)
                for row in value
            ]
        else:
            found[key] = unsound(value)
    return found


def _tidy(field: ma.fields.Field[Any], value: Any, unsound: Callable[[Any], Any]) -> Any:
    try:
        return field.deserialize(value)
    except ma.ValidationError:
        return unsound(value)


def _as_written(value: Any) -> Any:
    return value


def _nothing(value: Any) -> None:
    del value


def _parts(
    components: tuple[Component, ...],
    answers: Mapping[str, Any],
    place: str,
    row: Mapping[str, Any],
    around: str = "",
) -> Iterator[Part]:
    """Give every part that the answers make: its place, itself, its row, the place of what is around it."""
    for each in components:
        here = place + each.name
        yield here, each, row, around
        if each.is_transparent:
            yield from _parts(each.components, answers, place, row, here)
        elif each.type is Type.GROUP:
            yield from _parts(each.components, _mapping(answers.get(each.key)), f"{here}/", row, here)
        elif each.type is Type.DYNAMICLIST:
            for number, inner in enumerate(_rows(answers.get(each.key))):
                yield from _parts(each.components, inner, f"{here}/{number}/", inner, here)


def _without(
    components: tuple[Component, ...], answers: Mapping[str, Any], hidden: frozenset[str], place: str
) -> dict[str, Any]:
    """Give the answers without those to hidden questions."""
    kept = {key: value for key, value in answers.items() if place + key not in hidden}
    for each in named(components):
        if each.type is Type.GROUP and each.key in kept:
            kept[each.key] = _without(
                each.components, _mapping(kept[each.key]), hidden, f"{place}{each.key}/"
            )
        elif each.type is Type.DYNAMICLIST and each.key in kept:
            rows = enumerate(_rows(kept[each.key]))
            kept[each.key] = [
                _without(each.components, row, hidden, f"{place}{each.key}/{number}/") for number, row in rows
            ]
    return kept


def _hidden(parts: list[Part], known: Mapping[str, Any], *, moment: Moment) -> frozenset[str]:
    """Give the places that these answers hide, and those inside them."""
    found: set[str] = set()
    for together in _batches(parts):
        conditions = [each[1].hide for each in together]
        told = expressions.evaluate_each(conditions, {**known, **together[0][2]}, moment=moment)
        found |= {place for (place, *_), hides in zip(together, told, strict=True) if hides is True}
    for place, _, _, around in parts:
        if around in found:
            found.add(place)
    return frozenset(found)


def _batches(parts: list[Part]) -> Iterator[list[Part]]:
    """Put conditions that see the same answers together: one evaluation costs as much as many."""
    batch: list[Part] = []
    size = 0
    for part in (each for each in parts if each[1].hide):
        if batch and (batch[0][2] is not part[2] or size + len(part[1].hide) > BATCH):
            yield batch
            batch, size = [], 0
        batch.append(part)
        size += len(part[1].hide) + 5
    if batch:
        yield batch


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _rows(value: Any) -> list[Mapping[str, Any]]:
    return [_mapping(each) for each in value[:MOST_ROWS]] if isinstance(value, list) else []


def _limit(rule: str, component: Component | None) -> object:
    if component is None:
        return ""
    rules = component.rules
    limits = {
        "too-long": longest(component) if component.is_field else "",
        "too-short": rules.shortest,
        "too-small": rules.minimum,
        "too-large": rules.maximum,
        "decimals": rules.decimals,
        "too-many-rows": MOST_ROWS,
    }
    return limits.get(rule, "")


def _example(component: Component | None) -> str:
    if component is None:
        return ""
    return component.example or {Type.NUMBER: "12"}.get(component.type, "")
