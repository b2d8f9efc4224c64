"""Fills forms with valid answers, by what their files say alone: one fixed answer, or any that fits."""

import string
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from service.engine import forms
from service.engine.components import MANY, Component, Type
from service.engine.expressions import Moment
from service.engine.form_fields import longest
from service.engine.forms import Form

LETTERS = st.text(string.ascii_letters + "åäöÅÄÖ ,.-", max_size=60)


def filled(form: Form, *, moment: Moment, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Give one valid set of answers: examples where there are any, the first of fixed answers."""
    answers = {key: _one(each, moment) for key, each in form.fields.items()}
    return forms.asked(form, answers, data=data or {}, moment=moment)


@st.composite
def fillings(draw: DrawFn, form: Form, *, moment: Moment) -> dict[str, Any]:
    """Draw any valid set of answers."""
    answers = {key: draw(_any(each, moment)) for key, each in form.fields.items()}
    answers = {
        key: value for key, value in answers.items() if value is not None or form.fields[key].rules.required
    }
    return forms.asked(form, answers, data={}, moment=moment)


def _one(component: Component, moment: Moment) -> Any:
    if component.type is Type.GROUP:
        return {each.key: _one(each, moment) for each in component.components if each.key}
    if component.type is Type.DYNAMICLIST:
        return [{each.key: _one(each, moment) for each in component.components if each.key}]
    if component.options:
        first = component.options[0].value
        return [first] if component.type in MANY else first
    today = moment.now.astimezone(moment.zone)
    plain: dict[str, Callable[[], Any]] = {
        "checkbox": lambda: True,
        "number": lambda: component.example or max(component.rules.minimum or 1, 1),
        "date": today.date().isoformat,
        "time": lambda: "14:05",
        "datetime": lambda: today.isoformat(timespec="minutes"),
    }
    return plain.get(component.subtype or component.type.value, lambda: _text(component))()


def _text(component: Component) -> str:
    return component.example or "Några ord om saken"[: longest(component)].ljust(
        component.rules.shortest or 0, "x"
    )


def _any(component: Component, moment: Moment) -> SearchStrategy[Any]:
    if component.type is Type.GROUP:
        inner = {each.key: _any(each, moment) for each in component.components if each.key}
        return st.fixed_dictionaries(inner)
    if component.type is Type.DYNAMICLIST:
        row = st.fixed_dictionaries(
            {each.key: _any(each, moment) for each in component.components if each.key}
        )
        return st.lists(row, min_size=int(component.rules.required), max_size=2)
    if component.type is Type.CHECKBOX:
        return st.booleans().filter(lambda ticked: ticked or not component.rules.required)
    found = _choice(component) if component.options else _free(component, moment)
    return found if component.rules.required else st.none() | found


def _choice(component: Component) -> SearchStrategy[Any]:
    values = st.sampled_from([each.value for each in component.options])
    if component.type not in MANY:
        return values
    return st.lists(values, unique=True, min_size=int(component.rules.required))


def _free(component: Component, moment: Moment) -> SearchStrategy[Any]:
    rules, today = component.rules, moment.now.astimezone(moment.zone).date()
    first = today if rules.not_past else date(1900, 1, 1)
    if component.subtype == "date":
        return st.dates(first, today + timedelta(days=700)).map(date.isoformat)
    if component.subtype == "time":
        return st.times().map(lambda at: at.strftime("%H:%M"))
    if component.subtype == "datetime":
        start = datetime.combine(first + timedelta(days=1), time())
        return st.datetimes(start, start + timedelta(days=40_000)).map(
            lambda at: at.isoformat(" ", "minutes")
        )
    if component.type is Type.NUMBER:
        low, high = rules.minimum or 0, rules.maximum if rules.maximum is not None else 10_000
        return st.integers(int(low), int(high))
    if rules.pattern or rules.check:
        return st.just(component.example)
    return LETTERS.filter(lambda text: bool(text.strip())).map(
        lambda text: text.strip()[: longest(component)].strip().ljust(rules.shortest or 1, "x")
    )
