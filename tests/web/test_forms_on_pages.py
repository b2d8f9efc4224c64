"""Forms as a browser without JavaScript sees and posts them: what is shown comes back as it was."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import filling
import pytest
from flask import Flask, render_template_string
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import html
from werkzeug.datastructures import MultiDict

from service.engine import forms
from service.engine.expressions import Moment
from service.engine.forms import Form
from service.errors import Invalid, Problem
from service.web import forms as pages

MOMENT = Moment(datetime(2026, 11, 24, 9, tzinfo=UTC), ZoneInfo("Europe/Stockholm"))
FILES = sorted((Path(__file__).parents[2] / "forms").glob("*.form.json"))
EVERY = pytest.mark.parametrize(
    "form", [forms.parse(path.read_bytes(), path.name) for path in FILES], ids=lambda form: form.key
)
APP = Flask("service.web")
pages.register(APP)
YES_NO = [{"value": "yes", "label": "Ja"}, {"value": "no", "label": "Nej"}]


def made(*components: dict[str, Any]) -> Form:
    content = {"id": "some", "title": "Något", "components": list(components)}
    return forms.parse(json.dumps(content).encode(), "some.form.json")


def field(type: str, key: str = "it", **more: Any) -> dict[str, Any]:
    return {"type": type, "id": f"f_{key}", "key": key, "label": f"Frågan {key}", **more}


def shown(
    form: Form,
    answers: dict[str, Any],
    *,
    problems: tuple[Problem, ...] = (),
    data: dict[str, Any] | None = None,
    language: str = "sv",
) -> html.HtmlElement:
    """The form's fields on a page."""
    with APP.test_request_context():
        parts = pages.parts(
            form, answers, pages.by_place(problems), data=data or {}, moment=MOMENT, language=language
        )
        text = render_template_string(
            '{% from "forms/form.html" import render_form %}<form>{{ render_form(parts, language) }}</form>',
            parts=parts,
            language=language,
        )
    return html.fromstring(text)


def posted(page: html.HtmlElement, **pressed: str) -> MultiDict[str, str]:
    """What a browser posts of a page when its user changes nothing and presses a button."""
    return MultiDict([*page.form_values(), *pressed.items()]) if page.tag == "form" else MultiDict()


def problems_of(form: Form, answers: dict[str, Any]) -> tuple[Problem, ...]:
    with pytest.raises(Invalid) as refused:
        forms.check(form, answers, data={}, moment=MOMENT)
    return refused.value.problems


@EVERY
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(data=st.data())
def test_what_a_page_shows_is_posted_back_as_it_was(form, data):
    kept = forms.check(form, data.draw(filling.fillings(form, moment=MOMENT)), data={}, moment=MOMENT)
    back = pages.read(form, posted(shown(form, kept)), data={}, moment=MOMENT)
    again = forms.check(form, back, data={}, moment=MOMENT)
    for key, value in again.items():
        assert (value or None) == (kept.get(key) or None), key
    assert set(kept) <= set(again)


@EVERY
def test_every_control_has_a_name_a_label_and_keeps_personal_data_out_of_the_browser(form):
    page = shown(form, filling.filled(form, moment=MOMENT))
    ids = [each.get("id") for each in page.iter() if each.get("id")]
    assert len(ids) == len(set(ids))
    labelled = {each.get("for") for each in page.iter("label")}
    for control in [*page.iter("input"), *page.iter("select"), *page.iter("textarea")]:
        if control.get("type") != "hidden":
            assert control.get("id") in labelled
            assert control.get("autocomplete") == "off"
            assert control.get("name")


@EVERY
def test_each_line_of_the_summary_leads_to_its_field_and_says_the_same_there(form):
    try:
        forms.check(form, {}, data={}, moment=MOMENT)
    except Invalid as refused:
        page = shown(form, {}, problems=refused.problems)
        for id, words in pages.summary(refused.problems):
            assert page.get_element_by_id(id) is not None
            assert page.get_element_by_id(f"{id}-error").text_content() == words


def test_an_error_is_tied_to_its_control():
    form = made(field("number", "n"), field("radio", "r", values=YES_NO, validate={"required": True}))
    page = shown(form, {"n": "många"}, problems=problems_of(form, {"n": "många"}))
    box = page.get_element_by_id("f-n")
    assert (box.get("value"), box.get("aria-invalid"), box.get("aria-describedby")) == (
        "många",
        "true",
        "f-n-error",
    )
    (circles,) = [each for each in page.iter("fieldset") if each.get("role") == "radiogroup"]
    assert (circles.get("aria-invalid"), circles.get("aria-describedby")) == ("true", "f-r-error")
    assert page.get_element_by_id("f-r").get("type") == "radio", "the summary leads to the first choice"


def test_hints_and_what_is_optional_are_said_in_both_languages():
    form = made(
        field(
            "textfield",
            description="Som i passet",
            validate={"pattern": "^[A-Z]+$"},
            properties={"example": "EK", "label_en": "Name", "description_en": "As in the passport"},
        )
    )
    page = shown(form, {})
    assert page.get_element_by_id("f-it").label.text_content() == "Frågan it (valfritt)"
    assert [each.text for each in page.iter("p")] == ["Som i passet", "Till exempel EK"]
    english = shown(form, {}, language="en")
    assert english.get_element_by_id("f-it").label.text_content() == "Name (optional)"
    assert [each.text for each in english.iter("p")] == ["As in the passport", "For example EK"]


def test_what_people_wrote_is_never_markup():
    evil = '"><script>alert(1)</script>'
    form = made(
        field("textfield"),
        field("textarea", "more", description=evil),
        {"type": "text", "id": "t", "text": "Hej {{ it }} [x](javascript:alert(1)) <b>fet</b>"},
    )
    page = shown(form, {"it": evil, "more": f"</textarea>{evil}"})
    assert [each.tag for each in page.iter("script", "b")] == []
    assert not any("javascript" in (each.get("href") or "") for each in page.iter("a"))
    assert posted(page).get("it") == evil
    assert posted(page)["more"] == f"\n</textarea>{evil}", "a browser drops the first line break"
    assert evil in page.text_content()


def test_a_condition_that_was_turned_without_javascript_leaves_its_answers_behind():
    form = made(
        field("radio", "wants", values=YES_NO),
        field("textfield", "why", conditional={"hide": '=wants != "yes"'}),
    )
    page = shown(form, {"wants": "yes", "why": "för att"})
    given = posted(page)
    given["wants"] = "no"
    assert pages.read(form, given, data={}, moment=MOMENT) == {"wants": "no"}
    assert pages.read(form, given) == {"wants": "no", "why": "för att"}
    assert "f-why" not in html.tostring(shown(form, {"wants": "no"})).decode()


def test_what_the_form_does_not_ask_is_left_behind():
    assert pages.read(made(field("textfield")), MultiDict({"it": "a", "csrf": "x", "is_admin": "1"})) == {
        "it": "a"
    }


ROWS = made(
    {
        "type": "dynamiclist",
        "id": "l",
        "path": "children",
        "label": "Barn",
        "components": [
            field("textfield", "name", validate={"required": True}),
            field("checkbox", "school"),
        ],
    }
)


def test_rows_are_added_and_removed_by_buttons():
    page = shown(ROWS, {"children": [{"name": "A", "school": True}, {"name": "B"}]})
    added = posted(page, _add="children")
    assert pages.changes_rows(added)
    assert pages.read(ROWS, added)["children"] == [
        {"name": "A", "school": True},
        {"name": "B", "school": False},
        {},
    ]
    removed = posted(page, _remove="children/0")
    assert pages.read(ROWS, removed)["children"] == [{"name": "B", "school": False}]
    assert not pages.changes_rows(posted(page))
    buttons = [each.get("name") for each in page.iter("button")]
    assert buttons == [None, "_remove", "_remove", "_add"], "Enter presses the first one, which only submits"


def test_a_row_left_blank_is_no_row():
    page = shown(ROWS, {"children": [{}, {"name": "A"}]})
    assert pages.read(ROWS, posted(page))["children"] == [{"name": "A", "school": False}]


def test_an_error_in_a_row_is_told_in_that_row():
    answers = {"children": [{"name": "A"}, {"school": True}]}
    page = shown(ROWS, answers, problems=problems_of(ROWS, answers))
    assert page.get_element_by_id("f-children-1-name-error").text == "Fyll i ”Frågan name”."


def test_a_chosen_answer_can_be_taken_back_when_it_is_optional():
    form = made(field("radio", values=YES_NO))
    assert [each.get("value") for each in shown(form, {}).iter("input") if each.get("type") == "radio"] == [
        "yes",
        "no",
    ]
    values = [
        each.get("value") for each in shown(form, {"it": "no"}).iter("input") if each.get("type") == "radio"
    ]
    assert values == ["yes", "no", ""]
    assert forms.check(
        form, pages.read(form, MultiDict({"it:asked": "1", "it": ""})), data={}, moment=MOMENT
    ) == {"it": None}


def test_a_wrong_moment_is_shown_as_it_was_written():
    form = made(field("datetime", subtype="datetime"))
    given = pages.read(form, MultiDict({"it:date": "2026-13-01", "it:time": "9"}))
    page = shown(form, given, problems=problems_of(form, given))
    assert page.get_element_by_id("f-it").get("value") == "2026-13-01"
    assert page.get_element_by_id("f-it-time").get("value") == "9"
    kept = forms.check(form, {"it": "2026-07-01 9.05"}, data={}, moment=MOMENT)
    assert posted(shown(form, kept)).to_dict() == {"it:date": "2026-07-01", "it:time": "09:05"}


def test_answers_are_read_in_words():
    form = made(
        field("radio", "wants", values=YES_NO),
        field("checklist", "several", values=YES_NO),
        field("number", "money"),
        field("checkbox", "sure"),
        field("textfield", "empty"),
        field("datetime", "at", subtype="datetime"),
        {
            "type": "group",
            "id": "g",
            "path": "home",
            "label": "Hem",
            "components": [field("number", "rooms")],
        },
        {
            "type": "dynamiclist",
            "id": "l",
            "path": "rows",
            "label": "Barn",
            "components": [field("textfield", "n")],
        },
    )
    answers = {
        "wants": "yes",
        "several": ["yes", "no"],
        "money": 12345.5,
        "sure": True,
        "empty": None,
        "at": "2026-07-01T09:05+02:00",
        "home": {"rooms": 2},
        "rows": [{"n": "A"}, {"n": "B"}],
    }
    assert pages.given(form, answers, "sv") == [
        ("Frågan wants", "Ja"),
        ("Frågan several", "Ja, Nej"),
        ("Frågan money", "12\u00a0345,5"),
        ("Frågan sure", "Ja"),
        ("Frågan empty", "Inget svar"),
        ("Frågan at", "2026-07-01 09:05"),
        ("Hem: Frågan rooms", "2"),
        ("Barn 1: Frågan n", "A"),
        ("Barn 2: Frågan n", "B"),
    ]
    assert ("Frågan money", "12,345.5") in pages.given(form, answers, "en")
