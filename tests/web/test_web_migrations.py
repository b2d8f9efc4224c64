"""Running cases moved to another version on pages: the preview, the note, the result per case."""

import re
from pathlib import Path

import pytest
from browsing import title, words

from service.commands import deployments, tasks
from service.queries import definitions
from service.web.workshop import migrations

DIAGRAM = Path(__file__).parents[1] / "commands" / "diagrams" / "two_steps.bpmn"
PAGE = "/definitions/two_steps/migrations"
PREVIEW = f"{PAGE}?from=1&to=2"
WAIVE = "waive=two_steps/check"
BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
CALLS = f"""<bpmn:definitions xmlns:bpmn="{BPMN}" id="d" targetNamespace="t">
<bpmn:process id="calls" name="Anropar" isExecutable="true">
<bpmn:startEvent id="begin"/><bpmn:endEvent id="end"/>
<bpmn:callActivity id="both" name="Båda" calledElement="two_steps"/>
<bpmn:sequenceFlow id="one" sourceRef="begin" targetRef="both"/>
<bpmn:sequenceFlow id="two" sourceRef="both" targetRef="end"/></bpmn:process></bpmn:definitions>"""
RENAMED = [('name="Fråga"', 'name="Fråga om"')]
NEW_ID = [('"ask"', '"asking"')]
WITHOUT = [*NEW_ID, *RENAMED]


@pytest.fixture
def publish(desk):
    """Deploy the two steps with something written differently."""

    def published(*changes, diagram=DIAGRAM):
        content = diagram.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in content
            content = content.replace(old, new)
        with desk.begin("system") as work:
            deployments.deploy(work, files={diagram.name: content.encode()}, note="Ny")

    return published


@pytest.fixture
def running(desk):
    """How many cases run on each version."""

    def count():
        with desk.begin("petra") as work:
            return definitions.running(work, "two_steps")

    return count


def cases_in(page):
    return re.findall(r'name="case" value="([\w-]+)"', page.text)


def move(browser, page, **form):
    given = {"from": "1", "to": "2", "note": "Ny lag", "case": cases_in(page)} | form
    return browser.post(PAGE, **given)


def test_the_process_leads_to_the_page_while_cases_run_on_older_versions(window, desk, publish):
    desk.start()
    petra = window("petra")
    assert PAGE not in petra.get("/definitions/two_steps/1").text
    assert "Inga ärenden pågår på en äldre version" in words(petra.get(PAGE))
    publish(*RENAMED)
    shown = petra.get("/definitions/two_steps/2")
    assert "1 ärende pågår på en äldre version." in words(shown)
    assert PAGE in shown.text
    assert PAGE not in window("anna").get("/definitions/two_steps/2").text
    chosen = re.findall(r'<option value="(\d)" selected>', petra.get(PAGE).text)
    assert chosen == ["1", "2"]


def test_a_preview_tells_and_changes_nothing(window, desk, publish, running):
    case = desk.start()
    publish(*RENAMED)
    page = window("petra").get(PREVIEW)
    assert "Kan flyttas" in words(page)
    assert "Inget är ändrat än" in words(page)
    assert cases_in(page) == [str(case)]
    assert running() == {1: 1}
    assert not desk.told(case, "instance.migrated")


def test_cases_are_moved_and_their_history_tells(window, desk, publish, running):
    case = desk.start()
    publish(*RENAMED)
    petra = window("petra")
    result = move(petra, petra.get(PREVIEW))
    assert result.status_code == 200
    assert "Flyttat: 1. Flyttas inte: 0." in words(result)
    assert "version 2, 1 pågående ärende " in words(result)
    assert running() == {2: 1}
    (event,) = desk.told(case, "instance.migrated")
    assert event.details["note"] == "Ny lag"
    history = words(window("bo").get(f"/cases/{case}/history"))
    assert "Ärendet flyttades till en ny version" in history
    assert "Ny lag" in history


def test_a_blocked_case_says_why_in_the_readers_language_and_stays(window, desk, publish, running):
    desk.start()
    ahead = desk.start()
    desk.do(ahead, "ask")
    publish(*WITHOUT)
    petra = window("petra")
    page = petra.get(f"{PREVIEW}&{WAIVE}")
    assert "Fråga: Ärendet står på ett steg som inte finns i den nya versionen." in words(page)
    assert cases_in(page) == [str(ahead)]
    result = move(petra, page, waive="two_steps/check")
    assert "1 ärende pågår fortfarande på version 1." in words(result)
    assert running() == {1: 1, 2: 1}
    petra.post("/language", language="en")
    alone = petra.get(f"{PREVIEW}&{WAIVE}")
    assert "The case stands on an element that is not in the new version." in words(alone)
    assert "None of the cases can be moved" in words(alone)


def test_a_step_with_a_new_id_is_proposed_and_its_cases_follow(window, desk, publish):
    case = desk.start()
    task = desk.claim(case, "ask")
    publish(*NEW_ID)
    petra = window("petra")
    page = petra.get(PREVIEW)
    assert "Steg som har försvunnit" in words(page)
    assert '<option value="asking" selected>Fråga (asking)</option>' in page.text
    assert cases_in(page) == [str(case)]
    without = petra.get(f"{PREVIEW}&map.two_steps/ask=")
    assert cases_in(without) == []
    assert '<option value="asking">Fråga (asking)</option>' in without.text
    result = move(petra, page, **{"map.two_steps/ask": "asking"})
    assert "Flyttat: 1. Flyttas inte: 0." in words(result)
    assert desk.open(case) == {"asking": task}
    history = words(window("bo").get(f"/cases/{case}/history"))
    assert "Ärendet flyttades till en ny version" in history
    assert "ask blev Fråga (asking)" in history


def test_what_the_owner_chooses_is_kept_and_only_what_fits_is_taken(window, desk, publish, running):
    desk.start()
    publish(*WITHOUT)
    petra = window("petra")
    assert cases_in(petra.get(PREVIEW)) == []  # the names differ, so nothing is proposed
    chosen = petra.get(f"{PREVIEW}&map.two_steps/ask=asking")
    assert '<option value="asking" selected>' in chosen.text
    assert '<input type="hidden" name="map.two_steps/ask" value="asking">' in chosen.text
    (case,) = cases_in(chosen)
    assert cases_in(petra.get(f"{PREVIEW}&map.two_steps/ask=end")) == []
    move(petra, chosen, **{"map.two_steps/ask": "end", "case": case})
    assert running() == {1: 1}
    answer = move(petra, chosen, note=" ", **{"map.two_steps/ask": "asking"})
    assert answer.status_code == 422
    assert '<option value="asking" selected>' in answer.text


def test_cases_follow_a_new_version_of_what_their_process_calls(window, desk, publish):
    with desk.begin("system") as work:
        deployments.deploy(work, files={"calls.bpmn": CALLS.encode()}, note="Ny")
    case = desk.start("calls")
    publish(*NEW_ID)
    petra = window("petra")
    assert "1 ärende pågår på en äldre version" in words(petra.get("/definitions/calls/1"))
    page = petra.get("/definitions/calls/migrations?from=1&to=1")
    assert cases_in(page) == [str(case)]
    given = {"from": "1", "to": "1", "note": "Ny lag", "case": cases_in(page)}
    result = petra.post("/definitions/calls/migrations", **given, **{"map.two_steps/ask": "asking"})
    assert "Flyttat: 1." in words(result)
    assert list(desk.open(case)) == ["asking"]


def test_a_case_that_has_been_moved_already_is_not_moved_twice(window, desk, publish):
    case = desk.start()
    publish(*RENAMED)
    petra = window("petra")
    page = petra.get(PREVIEW)
    move(petra, page)
    assert "Flyttat: 0." in words(move(petra, page))
    assert len(desk.told(case, "instance.migrated")) == 1


@pytest.mark.parametrize("note", [" ", "ordet " * 400])
def test_a_missing_or_too_long_note_is_told_and_what_was_typed_is_kept(window, desk, publish, running, note):
    desk.start()
    publish(*RENAMED)
    petra = window("petra")
    answer = move(petra, petra.get(PREVIEW), note=note)
    assert answer.status_code == 422
    assert title(answer).startswith("Fel:")
    assert '<a href="#note">Skriv varför ärendena flyttas' in answer.text
    assert f"{note.strip()}</textarea>" in answer.text
    assert cases_in(answer)
    assert running() == {1: 1}


def test_many_cases_are_taken_a_batch_at_a_time_past_those_that_stay(
    window, desk, publish, running, monkeypatch
):
    monkeypatch.setattr(migrations, "BATCH", 2)
    desk.start()
    for _ in range(2):
        desk.do(desk.start(), "ask")
    publish(*WITHOUT)
    petra = window("petra")
    first = petra.get(f"{PREVIEW}&{WAIVE}")
    assert "Ärende 1–2 av 3." in words(first)
    given = {"waive": "two_steps/check"}
    result = move(petra, first, **given)
    further = "from=1&amp;to=2&amp;map.two_steps%2Fask=&amp;waive=two_steps%2Fcheck&amp;skip=1"
    assert f"{PAGE}?{further}" in result.text
    move(petra, petra.get(f"{PREVIEW}&{WAIVE}&skip=1"), skip="1", **given)
    assert running() == {1: 1, 2: 2}


@pytest.mark.parametrize("who", ["anna", "bo", "greta", "sam"])
def test_nobody_but_a_process_owner_moves_cases(window, desk, publish, running, who):
    case = desk.start()
    publish(*RENAMED)
    other = window(who)
    assert {other.get(PAGE).status_code, other.get(PREVIEW).status_code} == {403}
    assert other.post(PAGE, **{"from": "1", "to": "2", "note": "x", "case": str(case)}).status_code == 403
    assert window("petra").post(PAGE, csrf="other", note="x").status_code == 403
    assert running() == {1: 1}


def test_what_makes_no_sense_is_refused(window, desk, publish):
    case = desk.start()
    publish(*RENAMED)
    petra = window("petra")
    for path in (f"{PAGE}?from=x&to=2", f"{PAGE}?from=1&to=99999999999", "/definitions/none/migrations"):
        assert petra.get(path).status_code == 404, path
    same = petra.get(f"{PAGE}?from=1&to=1")
    assert (same.status_code, '<a href="#to">' in same.text) == (422, True)
    assert "Inga ärenden att visa" in words(petra.get(f"{PREVIEW}&skip=999999999999999999999"))
    for wrong in ({"case": "x"}, {"case": str(case), "to": ""}):
        answer = petra.post(PAGE, **({"from": "1", "to": "2", "note": "x"} | wrong))
        assert answer.status_code == 400, wrong


def table_of(page):
    """The map as its table tells it: both steps, state, what differs."""
    rows = re.findall(r'(?s)<tr data-element="[^"]*".*?</tr>', page.text)
    return [
        (*re.search(r'data-state="(\w+)"', row).groups(), re.findall(r"(?s)<td[^>]*>(.*?)</td>", row)[-1])
        for row in rows
    ]


def test_the_map_tells_of_each_step_in_both_versions(window, desk, publish):
    desk.start()
    publish(*NEW_ID, ('name="Kontrollera"', 'name="Granska"'))
    petra = window("petra")
    page = petra.get(f"{PREVIEW}&map.two_steps/ask=")
    assert page.text.count("data-diagram-source") == 2
    assert table_of(page) == [
        ("ok", ""),
        ("blocked", "Finns inte i den nya versionen. 1 ärende stoppas här."),
        (
            "blocked",
            "Ändrat: namnet, kravet på två personer. Tappar kravet på en andra person. 1 ärende stoppas här.",
        ),
        ("ok", ""),
        ("attention", "Nytt."),
    ]
    mapped = petra.get(PREVIEW)
    assert table_of(mapped) == [
        ("ok", ""),
        ("attention", "Har id asking i den nya versionen."),
        ("attention", "Ändrat: namnet, kravet på två personer."),
        ("ok", ""),
    ]
    assert "Går vidare på: Fråga." in words(mapped)


def test_a_lost_second_person_is_said_and_given_up_only_by_a_tick_and_a_note(window, desk, publish):
    case = desk.start()
    desk.do(case, "ask")
    publish(*WITHOUT)
    petra = window("petra")
    page = petra.get(PREVIEW)
    assert "Steg som tappar sin andra person" in words(page)
    assert "Kontrollera: Någon annan än den som gjorde ett tidigare steg ska göra det här" in words(page)
    assert cases_in(page) == []
    ticked = petra.get(f"{PREVIEW}&{WAIVE}")
    assert cases_in(ticked) == [str(case)]
    assert "Skriv i anteckningen också varför en andra person inte behövs." in words(ticked)
    assert "Flyttat: 0." in words(move(petra, ticked))  # the tick belongs to what is sent
    assert "Flyttat: 1." in words(move(petra, ticked, waive="two_steps/check"))
    bo = window("bo")
    assert "Ingen andra person krävs längre check" in words(bo.get(f"/cases/{case}/history"))


def test_a_step_that_was_done_and_is_gone_after_the_move_still_shows_its_name_and_answers(
    window, desk, publish
):
    case = desk.start()
    task = desk.claim(case, "ask")
    with desk.begin("anna") as work:
        tasks.complete(work, task, answers={"what": "en sten"})
    publish(*WITHOUT)
    petra = window("petra")
    move(petra, petra.get(f"{PREVIEW}&{WAIVE}"), waive="two_steps/check")
    anna = window("anna")
    assert "en sten" in words(anna.get(f"/cases/{case}"))
    assert "Fråga" in words(anna.get(f"/tasks/{task}"))


def test_moved_cases_are_offered_back_until_somebody_acts_on_them(window, desk, publish, running):
    case, other = desk.start(), desk.start()
    publish(*RENAMED)
    petra = window("petra")
    result = move(petra, petra.get(PREVIEW))
    assert "Ångra en flytt" in words(result)
    assert sorted(cases_in(result)) == sorted(map(str, (case, other)))
    desk.claim(other, "ask")
    page = petra.get(PAGE)
    assert "Någon har arbetat i ärendet" in words(page)
    assert cases_in(page) == [str(case)]
    given = {"case": [str(case), str(other)], "note": "Fel version"}
    empty = petra.post(f"{PAGE}/back", **given | {"note": " ", "case": []})
    assert empty.status_code == 422
    assert {"#back-cases", "#back-note"} <= set(re.findall(r'<li><a href="(#[\w-]+)"', empty.text))
    told = words(petra.post(f"{PAGE}/back", **given))
    assert "Flyttat tillbaka: 1. Flyttas inte: 1." in told
    assert "Någon har arbetat i ärendet sedan det flyttades." in told
    assert running() == {1: 1, 2: 1}
    history = words(window("bo").get(f"/cases/{case}/history"))
    assert "Ärendet flyttades tillbaka till den tidigare versionen" in history
    assert "Fel version" in history


@pytest.mark.parametrize("who", ["anna", "bo", "greta", "sam"])
def test_nobody_but_a_process_owner_moves_cases_back(window, desk, publish, running, who):
    case = desk.start()
    publish(*RENAMED)
    petra = window("petra")
    move(petra, petra.get(PREVIEW))
    given = {"note": "x", "case": str(case)}
    assert window(who).post(f"{PAGE}/back", **given).status_code == 403
    assert petra.post(f"{PAGE}/back", csrf="other", **given).status_code == 403
    assert running() == {2: 1}


def test_at_least_one_case_is_chosen_and_only_the_chosen_ones_are_moved(window, desk, publish, running):
    first, second = desk.start(), desk.start()
    publish(*RENAMED)
    petra = window("petra")
    page = petra.get(PREVIEW)
    none = move(petra, page, case=[])
    assert (none.status_code, '<a href="#cases">Välj minst ett ärende.</a>' in none.text) == (422, True)
    assert "Flyttat: 1." in words(move(petra, page, case=str(second)))
    assert running() == {1: 1, 2: 1}
    assert not desk.told(first, "instance.migrated")
