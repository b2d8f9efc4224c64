"""Forms on pages, without JavaScript: a form as a template shows it, and what is posted turned into answers.

A control is named by its question's place among the answers (`name`, `children/0/name`), and its `id` is
`field_id(place)`, so that the summary of errors can link to it. Buttons named `_add` and `_remove` change the
rows of a list; `changes_rows` tells that one of them was pressed and nothing is to be submitted.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask
from markupsafe import Markup
from werkzeug.datastructures import MultiDict

from service.engine import forms
from service.engine.components import HOLDERS, MANY, MOST_ROWS, Component, Type, named
from service.engine.expressions import Moment
from service.engine.forms import Form
from service.engine.text import Text
from service.errors import Problem
from service.web import presentation

ADD, REMOVE = "_add", "_remove"
NARROW = 24  # characters; shorter answers get a narrower box
WORDS = {
    "optional": Text("(valfritt)", "(optional)"),
    "example": Text("Till exempel {example}", "For example {example}"),
    "date": Text("ÅÅÅÅ-MM-DD", "YYYY-MM-DD"),
    "time": Text("TT:MM", "HH:MM"),
    "on": Text("Datum", "Date"),
    "at": Text("Klockslag", "Time"),
    "choose": Text("Välj", "Choose"),
    "none": Text("Inget svar", "No answer"),
    "yes": Text("Ja", "Yes"),
    "no": Text("Nej", "No"),
    "add": Text("Lägg till en rad", "Add a row"),
    "remove": Text("Ta bort rad {number}", "Remove row {number}"),
    "row": Text("Rad {number}", "Row {number}"),
    "no-rows": Text("Inga rader än.", "No rows yet."),
}


@dataclass(frozen=True)
class Choice:
    """One answer that can be chosen."""

    id: str
    value: str
    label: str
    chosen: bool


@dataclass(frozen=True)
class Part:
    """One component as the template shows it, with what was answered and what is wrong with it."""

    type: str
    id: str
    place: str
    label: str
    hints: tuple[str, ...]
    error: str | None
    is_optional: bool
    value: Any  # text, or for a date and time both of them
    choices: tuple[Choice, ...] = ()
    parts: tuple["Part", ...] = ()
    rows: tuple[tuple["Part", ...], ...] = ()
    html: Markup = Markup("")  # noqa: RUF009  immutable
    mode: str = "text"  # inputmode
    is_narrow: bool = False

    @property
    def described_by(self) -> str:
        """The ids of what describes the control, for aria-describedby."""
        ids = [f"{self.id}-hint"] if self.hints else []
        return " ".join([*ids, f"{self.id}-error"] if self.error else ids)


@dataclass(frozen=True)
class Line:
    """A question that a form shows and its answer in words, to be read on paper; None where there is none."""

    key: str
    heading: str  # of the group or the row that it stands in
    label: str
    answer: str | None
    is_optional: bool
    is_long: bool


def register(app: Flask) -> None:
    """Give the templates what they need to show forms."""
    app.jinja_env.globals |= {"form_word": word, "form_parts": parts}


def parts(
    form: Form,
    answers: Mapping[str, Any],
    errors: Mapping[str, str],
    *,
    data: Mapping[str, Any],
    moment: Moment,
    language: str,
) -> tuple[Part, ...]:
    """Give the parts of a form that are shown with these answers; `errors` as `by_place` gives them."""
    shown = forms.visible(form, forms.tidied(form, answers), data=data, moment=moment)
    page = _Page(shown, errors, language, {**data, **answers}, moment)
    return page.parts(form.components, answers, "")


def read(
    form: Form,
    posted: MultiDict[str, str],
    *,
    data: Mapping[str, Any] | None = None,
    moment: Moment | None = None,
) -> dict[str, Any]:
    """Turn what a browser posted into answers, unchecked: whatever the form does not ask is left behind.

    With `data` and `moment`, answers to questions that these answers hide are left behind too: without
    JavaScript they were still on the page. Blank rows are dropped unless a button for rows was pressed.
    """
    answers = _read(form.components, posted, "")
    if data is not None and moment is not None:
        answers = forms.asked(form, answers, data=data, moment=moment)
    return answers if changes_rows(posted) else _without_blank_rows(form.components, answers)


def changes_rows(posted: MultiDict[str, str]) -> bool:
    """Tell whether a button was pressed that adds or removes a row: show the form again, submit nothing."""
    return ADD in posted or REMOVE in posted


def field_id(place: str) -> str:
    """Give the id of the control for a place among the answers."""
    return "f-" + re.sub(r"[^A-Za-z0-9_]", "-", place)


def by_place(problems: Iterable[Problem]) -> dict[str, str]:
    """Give what is wrong by the place where it is shown."""
    return {_place(each): each.message for each in reversed(list(problems)) if each.pointer}


def summary(problems: Iterable[Problem]) -> list[tuple[str | None, str]]:
    """Give the lines of the error summary: the id of the field to go to, and the words that stand there."""
    return [(field_id(_place(each)) if each.pointer else None, each.message) for each in problems]


def given(form: Form, answers: Mapping[str, Any], language: str) -> list[tuple[str, str]]:
    """Give answers to be read: the question and the answer in words, in the form's order."""
    return list(_given(form.components, answers, language, ""))


def lines(form: Form, answers: Mapping[str, Any], *, shown: frozenset[str], language: str) -> Iterator[Line]:
    """Give every question that is shown, answered or not, in the form's order; `shown` tells which."""
    yield from _lines(form.components, answers, shown, language, ("", ""))


def answer_in_words(component: Component, value: Any, language: str) -> str | None:
    """Give an answer in words; None when nothing was answered."""
    if value is None or value == [] or (isinstance(value, str) and not value.strip()):
        return None
    return _in_words(component, value, language)


def word(key: str, language: str, **values: object) -> str:
    """Say one of the few words that every form needs."""
    return WORDS[key].in_(language).format(**values)


class _Page:
    """What is the same for all parts of one form on one page."""

    def __init__(
        self,
        shown: frozenset[str],
        errors: Mapping[str, str],
        language: str,
        known: Mapping[str, Any],
        moment: Moment,
    ) -> None:
        self.shown, self.errors, self.language = shown, errors, language
        self.known, self.moment = known, moment

    def parts(
        self, components: tuple[Component, ...], answers: Mapping[str, Any], place: str
    ) -> tuple[Part, ...]:
        return tuple(
            self._part(each, answers, place) for each in components if place + each.name in self.shown
        )

    def _part(self, component: Component, answers: Mapping[str, Any], around: str) -> Part:
        place = around + component.name
        value = answers.get(component.key) if component.key else None
        inner: tuple[Part, ...] = ()
        rows: tuple[tuple[Part, ...], ...] = ()
        if component.is_transparent:
            inner = self.parts(component.components, answers, around)
        elif component.type is Type.GROUP:
            inner = self.parts(component.components, _mapping(value), f"{place}/")
        elif component.type is Type.DYNAMICLIST:
            rows = tuple(
                self.parts(component.components, row, f"{place}/{number}/")
                for number, row in enumerate(_rows(value))
            )
        return Part(
            type=component.subtype or component.type.value,
            id=field_id(place),
            place=place,
            label=component.label.in_(self.language),
            hints=self._hints(component),
            error=self.errors.get(place),
            is_optional=component.is_field and not component.rules.required,
            value=_shown(component, value),
            choices=self._choices(component, value, place),
            parts=inner,
            rows=rows,
            html=self._html(component),
            mode=_mode(component),
            is_narrow=_is_narrow(component),
        )

    def _hints(self, component: Component) -> tuple[str, ...]:
        said = [component.description.in_(self.language)] if component.description else []
        if component.subtype in {"date", "time"}:
            said.append(word(component.subtype, self.language))
        elif component.example:
            said.append(word("example", self.language, example=component.example))
        return tuple(said)

    def _choices(self, component: Component, value: Any, place: str) -> tuple[Choice, ...]:
        chosen = value if isinstance(value, list) else [value]
        first = field_id(place)
        found = tuple(
            Choice(
                f"{first}-{number}" if number else first,
                option.value,
                option.label.in_(self.language),
                option.value in chosen,
            )
            for number, option in enumerate(component.options)
        )
        if (
            component.type is Type.RADIO
            and not component.rules.required
            and any(each.chosen for each in found)
        ):
            none = Choice(f"{first}-none", "", word("none", self.language), chosen=False)
            return (*found, none)  # a chosen answer can be taken back
        return found

    def _html(self, component: Component) -> Markup:
        if component.type is not Type.TEXT:
            return Markup("")
        text = forms.filled(component.text, self.known, moment=self.moment, language=self.language)
        return presentation.markdown(text)


def _read(components: tuple[Component, ...], posted: MultiDict[str, str], place: str) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for each in named(components):
        here = place + each.key
        if each.type is Type.GROUP:
            answers[each.key] = _read(each.components, posted, f"{here}/")
        elif each.type is Type.DYNAMICLIST:
            answers[each.key] = _read_rows(each, posted, here)
        else:
            answers |= _read_field(each, posted, here)
    return answers


def _read_field(component: Component, posted: MultiDict[str, str], place: str) -> dict[str, Any]:
    """Read one answer; a question that was not on the page gives none."""
    if component.subtype == "datetime":
        day, clock = posted.get(f"{place}:date"), posted.get(f"{place}:time")
        return {} if day is None else {component.key: f"{day.strip()} {(clock or '').strip()}".strip()}
    if f"{place}:asked" in posted:  # boxes and circles post nothing when they are empty
        if component.type is Type.CHECKBOX:
            return {component.key: place in posted}
        if component.type in MANY:
            return {component.key: posted.getlist(place)}
        return {component.key: posted.get(place, "")}
    return {component.key: posted[place]} if place in posted and component.type not in MANY else {}


def _read_rows(component: Component, posted: MultiDict[str, str], place: str) -> list[dict[str, Any]]:
    removed = posted.getlist(REMOVE)
    numbers = sorted(
        {
            int(found[1])
            for found in (re.fullmatch(rf"{place}/(\d{{1,3}}):row", name) for name in posted)
            if found
        }
    )
    rows = [
        _read(component.components, posted, f"{place}/{number}/")
        for number in numbers[:MOST_ROWS]
        if f"{place}/{number}" not in removed
    ]
    return [*rows, {}] if place in posted.getlist(ADD) else rows


def _without_blank_rows(components: tuple[Component, ...], answers: Mapping[str, Any]) -> dict[str, Any]:
    kept = dict(answers)
    for each in named(components):
        if each.key not in kept or each.type not in HOLDERS:
            continue
        if each.type is Type.GROUP:
            kept[each.key] = _without_blank_rows(each.components, kept[each.key])
        else:
            rows = [_without_blank_rows(each.components, row) for row in kept[each.key]]
            kept[each.key] = [row for row in rows if not forms.is_blank(row)]
    return kept


def _given(
    components: tuple[Component, ...], answers: Mapping[str, Any], language: str, prefix: str
) -> Iterable[tuple[str, str]]:
    for each in named(components):
        if each.key not in answers:
            continue
        value, label = answers[each.key], each.label.in_(language)
        if each.type is Type.GROUP:
            yield from _given(
                each.components, _mapping(value), language, f"{prefix}{label}: " if label else prefix
            )
        elif each.type is Type.DYNAMICLIST:
            for number, row in enumerate(_rows(value), start=1):
                yield from _given(each.components, row, language, f"{prefix}{label} {number}: ")
        else:
            yield prefix + label, _in_words(each, value, language)


def _lines(
    components: tuple[Component, ...],
    answers: Mapping[str, Any],
    shown: frozenset[str],
    language: str,
    inside: tuple[str, str],
) -> Iterator[Line]:
    """Walk through components; `inside` is the heading above them and the place before theirs."""
    heading, place = inside
    for each in components:
        here, label = place + each.name, each.label.in_(language)
        if here not in shown:
            continue
        if each.is_transparent:
            yield from _lines(each.components, answers, shown, language, (label or heading, place))
        elif each.type is Type.GROUP:
            within = _mapping(answers.get(each.key))
            yield from _lines(each.components, within, shown, language, (label or heading, f"{here}/"))
        elif each.type is Type.DYNAMICLIST:
            for number, row in enumerate(_rows(answers.get(each.key))):
                named_row = f"{label} {number + 1}"
                yield from _lines(each.components, row, shown, language, (named_row, f"{here}/{number}/"))
        elif each.is_field:
            answer = answer_in_words(each, answers.get(each.key), language)
            is_long = each.type is Type.TEXTAREA
            yield Line(each.key, heading, label, answer, not each.rules.required, is_long)


def _in_words(component: Component, value: Any, language: str) -> str:
    if value is None or value in ("", []):
        return word("none", language)
    if isinstance(value, bool):
        return word("yes" if value else "no", language)
    labels = {option.value: option.label.in_(language) for option in component.options}
    if isinstance(value, list):
        return ", ".join(labels.get(str(each), str(each)) for each in value)
    if isinstance(value, int | float):
        return number(value, language)
    if component.subtype == "datetime":
        return str(value)[:16].replace("T", " ")
    return labels.get(str(value), str(value))


def number(value: float, language: str) -> str:
    """Write a number as people do: thousands apart, and in Swedish a decimal comma."""
    grouped = f"{value:,}"
    return grouped.replace(",", "\u00a0").replace(".", ",") if language == "sv" else grouped


def _shown(component: Component, value: Any) -> Any:
    """Give an answer as its control holds it: as it was written, or in the spelling people use."""
    if component.subtype == "datetime":
        day, _, clock = str(value or "").replace("T", " ").partition(" ")
        return day, re.sub(r"(\d\d:\d\d).*", r"\1", clock)
    if component.type is Type.CHECKBOX or component.type in HOLDERS:
        return value is True
    if isinstance(value, bool) or value is None or isinstance(value, list | Mapping):
        return ""
    return str(value).replace(".", ",") if isinstance(value, float) else str(value)


def _mode(component: Component) -> str:
    if component.type is Type.NUMBER:
        return "numeric" if component.rules.decimals == 0 else "decimal"
    return "numeric" if component.subtype in {"date", "time", "datetime"} else "text"


def _is_narrow(component: Component) -> bool:
    longest = component.rules.longest
    return (
        component.type in {Type.NUMBER, Type.DATETIME}
        or bool(component.rules.check)
        or (component.type is Type.TEXTFIELD and longest is not None and longest <= NARROW)
    )


def _place(problem: Problem) -> str:
    return (problem.pointer or "").removeprefix("/data").removeprefix("/")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _rows(value: Any) -> list[Mapping[str, Any]]:
    return [_mapping(each) for each in value] if isinstance(value, list) else []
