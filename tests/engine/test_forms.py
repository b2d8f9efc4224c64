"""Forms: what a file must be, what answers may be. Every form of ours is filled, left empty and abused."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import filling
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.engine import forms
from service.engine.expressions import Moment
from service.engine.forms import Form
from service.errors import Invalid, Refused

MOMENT = Moment(datetime(2026, 11, 24, 9, tzinfo=UTC), ZoneInfo("Europe/Stockholm"))
FILES = sorted((Path(__file__).parents[2] / "forms").glob("*.form.json"))
OURS = [forms.parse(path.read_bytes(), path.name) for path in FILES]
EVERY = pytest.mark.parametrize("form", OURS, ids=lambda form: form.key)


def made(*components: dict[str, Any], **root: Any) -> Form:
    return forms.parse(raw(*components, **root), "some.form.json")


def raw(*components: dict[str, Any], **root: Any) -> bytes:
    return json.dumps({"id": "some", "title": "Något", "components": list(components), **root}).encode()


def field(type: str, key: str = "it", **more: Any) -> dict[str, Any]:
    return {"type": type, "id": f"f_{key}", "key": key, "label": f"Frågan {key}", **more}


def check(
    form: Form, answers: Any, *, data: dict[str, Any] | None = None, language: str = "sv"
) -> dict[str, Any]:
    return forms.check(form, answers, data=data or {}, moment=MOMENT, language=language)


def told(form: Form, answers: Any, **more: Any) -> dict[str | None, str | None]:
    with pytest.raises(Invalid) as refused:
        check(form, answers, **more)
    return {each.pointer: each.rule for each in refused.value.problems}


def refused(*components: dict[str, Any], **root: Any) -> set[tuple[str | None, str | None]]:
    with pytest.raises(Refused) as error:
        made(*components, **root)
    assert all(each.file == "some.form.json" and each.message for each in error.value.problems)
    return {(each.element, each.rule) for each in error.value.problems}


YES_NO = [{"value": "yes", "label": "Ja"}, {"value": "no", "label": "Nej"}]


# The service's own forms


@EVERY
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(data=st.data())
def test_any_filling_that_fits_the_file_is_accepted_and_kept_in_one_spelling(form, data):
    answers = data.draw(filling.fillings(form, moment=MOMENT))
    kept = check(form, answers)
    assert check(form, kept) == kept
    assert json.loads(json.dumps(kept)) == kept
    assert set(kept) == set(answers)


@EVERY
def test_leaving_out_what_is_required_is_told_at_each_field(form):
    found = told_or_kept(form, {})
    shown = forms.visible(form, {}, data={}, moment=MOMENT)
    required = {f"/data/{key}" for key, each in form.fields.items() if each.rules.required and key in shown}
    assert required <= set(found)
    assert all(rule.startswith("required") for rule in found.values())


@EVERY
def test_a_field_that_the_form_does_not_have_is_refused(form):
    answers = filling.filled(form, moment=MOMENT) | {"is_admin": True}
    assert told(form, answers) == {"/data/is_admin": "unknown"}


@EVERY
def test_answers_of_a_wrong_type_are_refused_at_their_place(form):
    sound = filling.filled(form, moment=MOMENT)
    for key in sound:
        for wrong in ({"a": [1]}, [[1]], 10**30):
            assert f"/data/{key}" in told(form, sound | {key: wrong})


@EVERY
def test_every_word_of_a_form_is_in_both_languages(form):
    assert form.title.en
    for component in (inner for outer in form.components for inner in outer.each()):
        for words in (component.label, component.description, component.text):
            assert bool(words.sv) == bool(words.en), component.id
        assert all(option.label.en for option in component.options), component.id


def told_or_kept(form: Form, answers: Any) -> dict[str | None, str]:
    try:
        check(form, answers)
    except Invalid as error:
        return {each.pointer: each.rule or "" for each in error.problems}
    return {}


# Answers


@pytest.mark.parametrize(
    ("component", "given", "kept"),
    [
        (field("textfield"), "  Åsa\u0301  ", "Åsá"),
        (field("textarea"), "en\r\ntvå ", "en\ntvå"),
        (field("number"), "1\u00a0234,5", 1234.5),
        (field("number"), "\u22127", -7),
        (field("number", decimalDigits=0), 3.0, 3),
        (field("number", decimalDigits=2), 3, 3.0),
        (field("datetime", subtype="date"), "2026 03 27", "2026-03-27"),
        (field("datetime", subtype="date"), "20260327", "2026-03-27"),
        (field("datetime", subtype="time"), "9.05", "09:05"),
        (field("datetime", subtype="datetime"), "2026-07-01 14:05", "2026-07-01T14:05+02:00"),
        (field("datetime", subtype="datetime"), "2026-07-01T14:05:00Z", "2026-07-01T14:05+00:00"),
        (field("checkbox"), False, False),
        (field("radio", values=YES_NO), "yes", "yes"),
        (field("checklist", values=YES_NO), ["no", "yes", "no"], ["yes", "no"]),
        (field("textfield"), "   ", None),
        (
            field("textfield", properties={"check": "personal_number", "example": "19121212-1212"}),
            "19121212 1212",
            "19121212-1212",
        ),
        (  # a samordningsnummer: the day plus 60
            field("textfield", properties={"check": "personal_number", "example": "19121212-1212"}),
            "197010632391",
            "19701063-2391",
        ),
    ],
)
def test_people_may_write_as_they_do_and_one_spelling_is_kept(component, given, kept):
    found = check(made(component), {"it": given})["it"]
    assert (found, type(found)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("component", "given", "rule"),
    [
        (field("textfield"), 3, "text"),
        (field("textfield"), "a\nb", "line"),
        (field("textfield"), "a\x00b", "characters"),
        (field("textfield"), "a\ud800", "characters"),
        (field("textarea"), "å" * 33_000, "too-long"),
        (field("textfield", validate={"maxLength": 3}), "abcd", "too-long"),
        (field("textfield", validate={"minLength": 3}), "ab", "too-short"),
        (
            field("textfield", validate={"pattern": "^[0-9]{4}$"}, properties={"example": "1234"}),
            "12345",
            "pattern",
        ),
        (field("number"), True, "number"),
        (field("number"), "1e9", "number"),
        (field("number"), "٣", "number"),
        (field("number"), float("inf"), "number"),
        (field("number", decimalDigits=0), "1,5", "whole-number"),
        (field("number", decimalDigits=1), "1,55", "decimals"),
        (field("number", validate={"min": 1}), 0, "too-small"),
        (field("number", validate={"max": 1}), 2, "too-large"),
        (field("checkbox"), "true", "tick"),
        (field("checkbox", validate={"required": True}), False, "required-tick"),
        (field("radio", values=YES_NO), "maybe", "option"),
        (field("select", values=YES_NO, validate={"required": True}), "", "required-one"),
        (field("checklist", values=YES_NO), ["maybe"], "options"),
        (field("checklist", values=YES_NO), "yes", "options"),
        (field("taglist", values=YES_NO, validate={"required": True}), [], "required-some"),
        (field("datetime", subtype="date"), "2026-02-30", "date"),
        (field("datetime", subtype="date"), "27/3 2026", "date"),
        (field("datetime", subtype="date", disallowPassedDates=True), "2026-11-23", "past"),
        (field("datetime", subtype="time"), "25:00", "time"),
        (field("datetime", subtype="datetime"), "2026-03-27", "date-time"),
        (
            field("textfield", properties={"check": "personal_number", "example": "19121212-1212"}),
            "19121212-1213",
            "personal-number",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_the_name_of_a_rule(component, given, rule):
    assert told(made(component), {"it": given}) == {"/data/it": rule}


def test_a_refusal_says_in_both_languages_what_to_do():
    form = made(
        field("number", validate={"min": 1}, properties={"label_en": "How many"}),
        field("textfield", "name", validate={"required": True}, properties={"label_en": "Name"}),
    )
    for language, words in (
        ("sv", ["Skriv ”Frågan it” som 1 eller mer.", "Fyll i ”Frågan name”."]),
        ("en", ["Write “How many” as 1 or more.", "Enter “Name”."]),
    ):
        with pytest.raises(Invalid) as error:
            check(form, {"it": 0}, language=language)
        assert [each.message for each in error.value.problems] == words


@pytest.mark.parametrize("answers", [None, [], "x", 3])
def test_answers_that_are_no_object_are_refused(answers):
    assert told(made(field("textfield")), answers) == {"/data": "answers"}


def test_pointers_reach_into_groups_and_lists_and_escape_strange_names():
    form = made(
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
            "path": "children",
            "label": "Barn",
            "components": [field("textfield", "name", validate={"required": True})],
        },
    )
    answers = {"home": {"rooms": "many"}, "children": [{"name": "A"}, {"age/now~": 3}], "a/b~c": 1}
    assert told(form, answers) == {
        "/data/home/rooms": "number",
        "/data/children/1/name": "required",
        "/data/children/1/age~1now~0": "unknown",
        "/data/a~1b~0c": "unknown",
    }
    assert told(form, {"home": [], "children": {}}) == {"/data/home": "group", "/data/children": "rows"}
    assert told(form, {"children": [{"name": "A"}] * 101}) == {"/data/children": "too-many-rows"}
    assert check(form, {"home": {}, "children": []}) == {"home": {}, "children": []}


def test_what_a_missing_group_requires_is_required_all_the_same():
    form = made(
        {
            "type": "group", "id": "g", "path": "home", "label": "Hem",
            "components": [field("number", "rooms", validate={"required": True})],
        }
    )  # fmt: skip
    assert told(form, {}) == {"/data/home/rooms": "required"}


# Conditions

ASKED = made(
    field("radio", "wants", values=YES_NO),
    field("textfield", "why", validate={"required": True}, conditional={"hide": '=wants != "yes"'}),
    field("number", "n", conditional={"hide": "=why = null"}),
    field("textfield", "known", conditional={"hide": "=case_is_old = true"}),
)


def test_hidden_questions_are_neither_required_nor_kept():
    assert told(ASKED, {"wants": "yes"}) == {"/data/why": "required"}
    assert check(ASKED, {"wants": "no", "why": "", "n": None}) == {"wants": "no"}


def test_an_answer_to_a_hidden_question_is_refused():
    assert told(ASKED, {"wants": "no", "why": "för att"}) == {"/data/why": "hidden"}


def test_a_condition_sees_a_hidden_answer_as_nothing():
    shown = forms.visible(ASKED, {"wants": "no", "why": "x"}, data={}, moment=MOMENT)
    assert shown == {"wants", "known"}
    assert forms.asked(ASKED, {"wants": "no", "why": "x", "n": 1}, data={}, moment=MOMENT) == {"wants": "no"}


def test_a_condition_sees_what_the_case_knows():
    assert told(ASKED, {"known": "x"}, data={"case_is_old": True}) == {"/data/known": "hidden"}
    assert check(ASKED, {"known": "x"}, data={"case_is_old": False}) == {"known": "x"}


def test_a_typing_error_does_not_trip_a_condition():
    form = made(field("number", "n"), field("textfield", "more", conditional={"hide": "=n < 3"}))
    assert told(form, {"n": "tre"}) == {"/data/n": "number"}


def test_each_row_of_a_list_has_its_own_conditions():
    row = [
        field("radio", "school", values=YES_NO),
        field("textfield", "which", validate={"required": True}, conditional={"hide": '=school != "yes"'}),
    ]
    form = made({"type": "dynamiclist", "id": "l", "path": "children", "label": "Barn", "components": row})
    answers = {"children": [{"school": "no"}, {"school": "yes"}, {"school": "yes", "which": "A"}]}
    assert told(form, answers) == {"/data/children/1/which": "required"}


# Files


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"a": NaN}',
        b'{"id": "some", "id": "other"}',
        b"[" * 100_000,
        b"{}" + b" " * 600_000,
    ],
)
def test_a_file_that_is_no_json_object_is_refused(content):
    with pytest.raises(Refused) as error:
        forms.parse(content, "some.form.json")
    assert error.value.problems


def test_every_problem_of_a_file_is_told_at_once():
    found = refused(
        {"type": "html", "id": "h"},
        field("textfield", "a b"),
        field("textfield", "p", validate={"pattern": "("}),
        field("textfield", "slow", validate={"pattern": "(a+)+$"}, properties={"example": "a"}),
        field("radio", "r"),
        field("number", "n", validate={"min": 5, "max": 1}),
        field("textfield", "x", conditional={"hide": "=a >"}),
        field("textfield", "c", properties={"check": "iban"}),
        field("datetime", "d"),
        {"type": "text", "id": "t", "text": "{{ 1 + }}"},
        {"type": "textfield", "id": "nolabel", "key": "nolabel"},
        field("number", "v", properties={"example": "many"}),
        field("select", "s", valuesKey="from_data", values=YES_NO),
    )
    assert found == {
        ("h", "component-type"),
        ("f_a b", "key"),
        ("f_p", "pattern"),
        ("f_slow", "pattern"),
        ("f_r", "options"),
        ("f_n", "limits"),
        ("f_x", "condition"),
        ("f_c", "check"),
        ("f_d", "subtype"),
        ("t", "text"),
        ("nolabel", "label"),
        ("f_v", "example"),
        ("f_s", "unsupported"),
    }


def test_twins_are_refused():
    assert refused(field("textfield"), field("number")) == {("f_it", "unique-id"), ("f_it", "unique-key")}


def test_the_file_is_named_by_the_forms_id():
    assert refused(field("textfield"), id="other") == {(None, "form-file")}
    assert refused(field("textfield"), id="Other Form") == {(None, "form-id")}


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "(a*)*b", "(.*a){20}", "a*a*a*a*b", "((a?){30}){30}"]
)
def test_patterns_that_could_hold_up_the_service_are_refused(pattern):
    component = field("textfield", validate={"pattern": pattern}, properties={"example": "a"})
    assert ("f_it", "pattern") in refused(component)


@pytest.mark.parametrize(
    ("pattern", "example"),
    [
        (r"^\d{6}-\d{4}$", "123456-1234"),
        ("^[A-Z]{2}[0-9 ]+$", "SE 12"),
        (r"^[^@\s]+@[^@\s]+\.[a-z]+$", "a@b.se"),
        (r"^(\d{4} ?){4}$", "1234 1234 1234 1234"),
    ],
)
def test_ordinary_patterns_are_let_through(pattern, example):
    form = made(field("textfield", validate={"pattern": pattern}, properties={"example": example}))
    assert check(form, {"it": example}) == {"it": example}


def test_words_show_values_that_cannot_become_markup():
    form = made({"type": "text", "id": "t", "text": "Hej {{ name }}: {{= n + 1}}, {{missing}}, {{flag}}"})
    text = form.components[0].text
    known = {"name": "<b>*Eva*</b>\n# x", "n": 2, "flag": True}
    told = forms.filled(text, known, moment=MOMENT, language="sv")
    assert told == r"Hej \<b\>\*Eva\*\</b\> \# x: 3, –, Ja"


def test_a_form_opens_with_what_the_case_knows_else_with_what_it_proposes():
    form = made(
        field("textfield", "known"),
        field("textfield", "proposed", defaultValue="så här"),
        {
            "type": "dynamiclist", "id": "l", "path": "rows", "label": "Rader",
            "validate": {"required": True}, "components": [field("textfield", "x")],
        },
    )  # fmt: skip
    assert forms.initial(form, {"known": "ja", "else": 1}) == {
        "known": "ja",
        "proposed": "så här",
        "rows": [{}],
    }


def test_what_happens_again_is_asked_anew_and_not_answered_by_the_last_time():
    form = made(
        field("textfield", "approval", properties={"anew": "yes"}, defaultValue="nej"),
        field("textfield", "why", conditional={"hide": '=approval != "send_back"'}),
    )
    last = {"approval": "send_back", "why": "Skälen saknas."}
    assert forms.initial(form, last) == {"approval": "nej", "why": "Skälen saknas."}
    assert forms.visible(form, {}, data=last, moment=MOMENT) == {"approval"}
    assert forms.visible(form, {"approval": "send_back"}, data=last, moment=MOMENT) == {"approval", "why"}
