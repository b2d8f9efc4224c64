"""A form changed part by part without JavaScript: every verb, bad input, other owners, files that stay."""

import json
import re
from html import unescape
from pathlib import Path

import pytest
import time_machine
from browsing import FROM_HERE, PASSWORD, Browser, words

from service.commands import deployments, drafts
from service.engine import form_conditions, form_editing
from service.queries import drafts as queries

ROOT = Path(__file__).parents[2]
FORMS = sorted((ROOT / "forms").glob("*.form.json"))
pytestmark = pytest.mark.parametrize("kind", ["sqlite"])


def begin(desk, content=None, name="report.form.json"):
    content = (ROOT / "forms" / name).read_bytes() if content is None else content
    with desk.begin("petra") as work:
        return drafts.create(work, files={name: content})


def kept(desk, draft, name="report.form.json"):
    with desk.begin("petra") as work:
        return next(each.content for each in queries.one(work, draft).files if each.name == name)


def controls(page):
    """What a browser would post from the editor's form, without any button pressed."""
    form = page.text[page.text.index('id="form-editor"') :]
    form = form[: form.index("</form>")]
    told = {}
    for given in re.findall(r"<input\b([^>]*)>", form):
        attributes = dict(re.findall(r'([\w:-]+)="([^"]*)"', given))
        if attributes.get("type") not in {"checkbox", "radio"} or re.search(r" checked(?=$| )", given):
            told[attributes.get("name")] = unescape(attributes.get("value", ""))
    for name, inner in re.findall(r'(?s)<textarea\b[^>]* name="([^"]*)"[^>]*>(.*?)</textarea>', form):
        told[name] = unescape(inner.removeprefix("\n"))
    for name, inner in re.findall(r'(?s)<select\b[^>]* name="([^"]*)"[^>]*>(.*?)</select>', form):
        chosen = re.findall(r'<option value="([^"]*)" selected', inner)
        told[name] = unescape((chosen or re.findall(r'<option value="([^"]*)"', inner))[0])
    return told


def open_part(browser, draft, part="", name="report.form.json"):
    return browser.get(f"/drafts/{draft}/files/{name}?part={part}")


def press(browser, page, verb, to="form", **changed):
    """Press a button of the editor's page, with these controls changed; None takes one away."""
    address = re.search(r'data-kept="([^"]*)/form"', page.text)[1]
    told = controls(page) | {key.replace("__", ":"): value for key, value in changed.items()} | {"e:do": verb}
    return browser.post(f"{address}/{to}", **{key: value for key, value in told.items() if value is not None})


def test_opening_and_saving_the_parts_of_forms_changes_no_byte(window, desk):
    petra, seen = window("petra"), set()
    for path in FORMS:
        parts = list(form_editing.places(json.loads(path.read_bytes())))
        new = [each for each in parts if kinds(each.part) - seen]
        seen |= {kind for each in new for kind in kinds(each.part)}
        draft = begin(desk, name=path.name) if new else None
        for part in ["form", *(each.path for each in new)] if new else ():
            answer = press(petra, open_part(petra, draft, part, path.name), "save")
            assert answer.status_code == 303, (path.name, part)
        assert draft is None or kept(desk, draft, path.name) == path.read_bytes(), path.name
    assert len(seen) > 20


def kinds(part):
    """What makes a part unlike others in its controls."""
    hide = part.get("conditional", {}).get("hide", "")
    rules = {f"{part['type']} {name}" for name in (*part.get("validate", {}), part.get("subtype"))}
    return {*rules, form_conditions.read(hide).when, *({"properties"} & part.keys())}


def read(desk, draft):
    return json.loads(kept(desk, draft))


def follow(browser, answer):
    assert answer.status_code == 303, answer.text[-500:]
    return browser.get(answer.location)


def test_a_question_is_added_and_filled_in_and_nothing_else_changes(window, desk):
    draft, petra = begin(desk), window("petra")
    before = kept(desk, draft).decode()
    page = open_part(petra, draft)
    answer = press(petra, page, "add", e__type="radio", e__words="Behövs tolk nu?", e__to="after:0")
    page = follow(petra, answer)
    assert "Varje svar att välja på behöver en text" in words(page)
    assert read(desk, draft)["components"][1]["key"] == "behovs_tolk_nu"
    page = follow(petra, press(petra, page, "answer_add", p__label_en="Is an interpreter needed now?"))
    page = follow(petra, press(petra, page, "answer_add", o__0__label="Ja", o__0__label_en="Yes"))
    page = follow(petra, press(petra, page, "save", o__1__label="Nej", o__1__value="no", p__required="1"))
    part = read(desk, draft)["components"][1]
    assert part["values"] == [{"label": "Ja", "value": "ja"}, {"label": "Nej", "value": "no"}]
    assert part["properties"] == {"label_en": "Is an interpreter needed now?", "option_en:ja": "Yes"}
    assert "Rätta" not in words(page)
    gone = [line for line in before.splitlines() if line not in kept(desk, draft).decode().splitlines()]
    assert gone == []


def test_parts_move_by_buttons_and_into_groups(window, desk):
    draft, petra = begin(desk), window("petra")
    first = [each["id"] for each in read(desk, draft)["components"]]
    page = follow(petra, press(petra, open_part(petra, draft), "down:0"))
    assert [each["id"] for each in read(desk, draft)["components"]][:2] == [first[1], first[0]]
    assert re.search(r'value="down:1"[^>]* data-focus', page.text)
    page = follow(petra, press(petra, page, "up:0"))
    page = follow(petra, press(petra, page, "add", e__type="group", e__words="Fara", e__to="in:form"))
    group = str(len(first))
    page = follow(petra, press(petra, page, "open:0"))
    page = follow(petra, press(petra, page, "save", p__holder=group))
    moved = read(desk, draft)["components"][int(group) - 1]
    assert (moved["label"], moved["components"][0]["id"]) == ("Fara", first[1])
    assert press(petra, page, "save", p__holder="99").status_code == 404


def test_what_is_removed_comes_back_byte_for_byte(window, desk):
    draft, petra = begin(desk), window("petra")
    before = kept(desk, draft)
    page = press(petra, open_part(petra, draft, "1"), "remove:1")
    assert "”Vem lämnade uppgiften?” är borttagen." in words(page)
    assert "Nyckeln ”report_source” finns inte längre i formuläret" not in words(
        page
    )  # a new file loses nothing
    found = dict(
        re.findall(r'name="([^"]*)" value="([^"]*)"', page.text[page.text.index("data-undo") :][:20_000])
    )
    undo = {"revision": found["revision"], "e:before": unescape(found["e:before"]), "e:do": "undo"}
    assert len(read(desk, draft)["components"]) < len(json.loads(before)["components"])
    address = f"/drafts/{draft}/files/report.form.json/form"
    assert petra.post(address, **undo).status_code == 303
    assert kept(desk, draft) == before
    assert petra.post(address, **{**undo, "revision": "3", "e:before": "[1"}).status_code == 400


def test_what_is_wrong_is_kept_and_told_where_it_belongs(window, desk):
    draft, petra = begin(desk), window("petra")
    page = open_part(petra, draft, "3")
    page = follow(
        petra, press(petra, page, "save", p__longest="många", p__key="2 fel", p__label="", p__label_en="")
    )
    assert read(desk, draft)["components"][3]["validate"]["maxLength"] == "många"
    for control, told in (
        ("longest", "Största längden är ett heltal."),
        ("key", "Frågans nyckel"),
        ("label", "Skriv en fråga."),
    ):
        assert told in re.search(rf'(?s)id="e-{control}-error".*?</div>', page.text)[0]
    assert "saker att rätta" in words(page)
    assert "Delar som ska rättas visas inte." in words(page)
    page = follow(petra, press(petra, page, "save", p__longest="8000", p__key="", p__label="Vad har hänt?"))
    assert read(desk, draft)["components"][3]["key"] == "vad_har_hant"
    assert "att rätta" not in words(page)


def test_a_condition_is_chosen_from_the_answers_of_the_form(window, desk):
    draft, petra = begin(desk), window("petra")
    page = open_part(petra, draft, "5")
    assert "immediate_danger = &#34;yes&#34;" in page.text
    refused = press(petra, page, "save", p__when="only", p__label="Annat", p__when_answer="")
    assert refused.status_code == 422
    assert "Välj vilket svar som avgör" in words(refused)
    assert controls(refused)["p:label"] == "Annat"
    answer = press(petra, page, "save", p__when="only", p__when_answer='immediate_danger = "yes"')
    page = follow(petra, answer)
    assert read(desk, draft)["components"][5]["conditional"] == {"hide": '=immediate_danger != "yes"'}
    told = read(desk, draft)["components"][5]["label"]
    assert told not in words(page).split("Så ser det ut")[1]
    shown = press(petra, page, "show:sv", to="preview", immediate_danger="yes")
    assert told in words(shown).split("Så ser det ut")[1]
    page = follow(petra, press(petra, page, "save", p__when="own", p__hide='=immediate_danger = "no"'))
    assert controls(page)["p:when"] == "except"
    follow(petra, press(petra, page, "save", p__when="always"))
    assert "conditional" not in read(desk, draft)["components"][5]


def test_the_preview_tries_answers_in_both_languages_and_keeps_nothing(window, desk):
    draft, petra = begin(desk), window("petra")
    page = open_part(petra, draft, "1")
    english = press(petra, page, "show:en", to="preview", p__label="Osparat")
    assert "Who made the report?" in words(english)
    assert controls(english)["p:label"] == "Osparat"
    tried = press(petra, page, "try:sv", to="preview", report_received_on="igår")
    assert tried.status_code == 422
    assert "som ett datum som finns" in words(tried)
    assert kept(desk, draft) == (ROOT / "forms" / "report.form.json").read_bytes()


def test_a_renamed_key_that_is_used_elsewhere_is_warned_of(window, desk):
    with desk.begin("system") as work:
        deployments.deploy(work, files=deployments.read_folder(ROOT), note="De riktiga")
    draft, petra = begin(desk), window("petra")
    number = next(
        n for n, each in enumerate(read(desk, draft)["components"]) if each.get("key") == "is_child"
    )
    page = open_part(petra, draft, number)
    assert "Nyckeln används i case.bpmn (Pröva polisanmälan)" in words(page)
    page = follow(petra, press(petra, page, "save", p__key="under_18"))
    part = read(desk, draft)["components"][number]
    assert (part["key"], part["id"]) == ("under_18", "under_18")
    assert "Nyckeln ”is_child” finns inte längre i formuläret, men används i case.bpmn" in words(page)


def test_whoever_is_second_sees_both_and_loses_nothing(window, desk):
    draft, petra, pia = begin(desk), window("petra"), window("pia")
    seen = open_part(petra, draft, "1")
    follow(pia, press(pia, open_part(pia, draft, "0"), "down:0"))
    follow(pia, press(pia, open_part(pia, draft, "0"), "save", p__label="Vem berättade?"))
    answer = press(petra, seen, "save", p__label="Vem sade det?")
    assert answer.status_code == 412
    assert "Pia Dal sparade utkastet" in words(answer)
    assert "Frågan på svenska Vem berättade? Vem sade det?" in words(answer)
    assert controls(answer)["e:part"] == "0"
    assert read(desk, draft)["components"][0]["label"] == "Vem berättade?"
    follow(petra, press(petra, answer, "save"))
    assert read(desk, draft)["components"][0]["label"] == "Vem sade det?"


def test_what_other_tools_wrote_and_how_stays(window, desk):
    content = (
        b'{"schemaVersion": 19, "exporter": {"name": "x", "n": 1.0},\r\n'
        b'\t"components": [\r\n'
        b'\t\t{"id": "a", "key": "a", "type": "textfield", "label": "A\\u00e5", "layout": {"columns": 8}}\r\n'
        b'\t],\r\n\t"id": "report", "title": "T"}'
    )
    draft, petra = begin(desk, content), window("petra")
    page = open_part(petra, draft, "0")
    follow(petra, press(petra, page, "save"))
    assert kept(desk, draft) == content
    follow(petra, press(petra, page, "save", p__label="B\n  ", p__longest="5"))
    after = kept(desk, draft)
    assert json.loads(after)["components"][0]["label"] == "B\n  "
    assert after.startswith(content[:60])
    assert b'"layout": {"columns": 8}' in after
    assert after.endswith(b'\r\n\t],\r\n\t"id": "report", "title": "T"}')


@pytest.mark.parametrize("verb", ["nonsense", "up:x", "down:99", "remove:", "open:form-1", "up:form"])
def test_buttons_that_no_page_has_are_refused(window, desk, verb):
    draft, petra = begin(desk), window("petra")
    assert press(petra, open_part(petra, draft), verb).status_code in {400, 404}
    assert kept(desk, draft) == (ROOT / "forms" / "report.form.json").read_bytes()


def test_bad_input_is_refused_and_the_words_are_kept(window, desk):
    draft, petra = begin(desk), window("petra")
    page = open_part(petra, draft, "1")
    answer = press(petra, page, "add", e__words="  ", p__label="Behåll mig")
    assert (answer.status_code, controls(answer)["p:label"]) == (422, "Behåll mig")
    assert "Skriv frågan, rubriken eller texten." in words(answer)
    for changed in (
        {"e:type": "video"},
        {"e:to": "in:x"},
        {"revision": "x"},
        {"e:part": "1'"},
        {"o:0:was": "99"},
    ):
        assert press(petra, page, "add", **{"e:words": "Ny"} | changed).status_code in {400, 404}, changed
    assert (
        window("anna").post(f"/drafts/{draft}/files/report.form.json/form", revision="1").status_code == 403
    )
    assert kept(desk, draft) == (ROOT / "forms" / "report.form.json").read_bytes()


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"components": {}}', b'{"a": 1, "a": 2}', b'{"x": "\\ud800"}']
)
def test_a_form_that_cannot_be_changed_part_by_part_opens_as_text(window, desk, content):
    draft = begin(desk, content)
    page = open_part(window("petra"), draft)
    assert "data-source" in page.text
    address = f"/drafts/{draft}/files/report.form.json/form"
    assert window("petra").post(address, revision="1").status_code == 404


def test_strange_parts_are_shown_and_left_alone(window, desk):
    content = json.dumps(
        {"components": [5, {"type": "image"}, {"type": "radio", "id": "r", "values": [3]}]}
    ).encode()
    draft, petra = begin(desk, content), window("petra")
    for part in ("0", "1", "2"):
        page = open_part(petra, draft, part)
        assert "bara kan ändras som text" in words(page)
        assert press(petra, page, "save").status_code == 303
    assert kept(desk, draft) == content


def test_a_new_form_comes_into_the_draft_under_a_name_of_its_own(window, desk):
    draft, petra = begin(desk), window("petra")
    address = f"/drafts/{draft}/forms"
    for form, told in (
        ({}, "Skriv formulärets titel."),
        ({"title": "X", "key": "Stora Ord"}, "Skriv nyckeln med små bokstäver"),
        ({"title": "X", "key": "report"}, "Det finns redan ett formulär med nyckeln report."),
    ):
        answer = petra.post(address, revision="1", **form)
        assert (answer.status_code, told in words(answer)) == (422, True)
    page = follow(petra, petra.post(address, revision="1", title="Möte med ombudet", title_en="Meeting"))
    assert "Formuläret behöver minst en fråga." in words(page)
    assert json.loads(kept(desk, draft, "mote_med_ombudet.form.json"))["properties"] == {
        "title_en": "Meeting"
    }
    assert "mote_med_ombudet.form.json" in petra.get(f"/drafts/{draft}").text


def test_owners_see_who_else_has_the_draft_open_for_as_long_as_it_is(window, desk):
    draft, petra, pia = begin(desk), window("petra"), window("pia")
    address = f"/drafts/{draft}/presence"
    with time_machine.travel("2026-11-24T10:00Z", tick=False) as clock:
        petra, pia = window("petra"), window("pia")
        assert "har utkastet öppet" not in petra.post(address).text
        assert "Petra Sten har utkastet öppet sedan 2026-11-24 11:00." in words(pia.post(address))
        clock.shift(20)
        petra.post(address)
        clock.shift(20)
        assert "sedan 2026-11-24 11:00" in words(open_part(pia, draft))
        clock.shift(20)
        assert "Petra" not in pia.post(address).text
    assert petra.post("/drafts/00000000-0000-0000-0000-000000000000/presence").status_code == 404


def test_a_page_that_only_asks_does_not_keep_the_login_alive(service, desk):
    draft = begin(desk)
    with time_machine.travel("2026-11-24T10:00Z", tick=False) as clock:
        anna = Browser(service.test_client())
        told = {"username": "anna", "password": PASSWORD}
        assert anna.client.post("/login", data=told, headers=FROM_HERE).status_code == 303
        token = anna.csrf()
        for _ in range(4):
            clock.shift(600)
            answer = anna.post(f"/drafts/{draft}/presence", csrf=token)
        assert (answer.status_code, "/login" in answer.location) == (303, True)
