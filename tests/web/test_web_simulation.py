"""A draft tried out on its simulation page: tasks, time, messages, what goes wrong; nothing is kept of it."""

import json
import re
from html import unescape
from pathlib import Path

import pytest
import sqlalchemy as sa
from browsing import words

from service.commands import drafts
from service.models.base import Base
from service.queries import drafts as queries

DIAGRAMS = Path(__file__).parents[1] / "commands" / "diagrams"
FIRST = {"_process": "two_steps", "_day": "2027-01-04", "_time": "09:00", "_do": "start"}

pytestmark = pytest.mark.parametrize("kind", ["sqlite"])


@pytest.fixture
def draft(desk):
    """A draft of one small diagram."""
    return begin(desk)


def begin(desk, name="two_steps.bpmn", content=None):
    with desk.begin("petra") as work:
        return drafts.create(work, files={name: content or (DIAGRAMS / name).read_bytes()})


def carried(answer):
    """What the page brings along in its forms."""
    found = re.findall(r'<input type="hidden" name="(_\w+)" value="([^"]*)">', answer.text)
    return {name: unescape(value) for name, value in reversed(found)}


def script_of(*steps):
    return json.dumps({"start_at": "2027-01-04T09:00:00Z", "steps": steps})


def script(answer):
    return json.loads(carried(answer)["_script"])


@pytest.fixture
def play(window, draft):
    """Do something on the page, after another answer of it."""
    petra, path = window("petra"), f"/drafts/{draft}/simulation"

    def act(before=None, **given):
        brought = carried(before) if before is not None else {}
        return petra.post(path, **(brought | given))

    return act


def test_a_run_goes_from_its_start_to_its_end_with_the_real_forms(play):
    page = play(**FIRST)
    assert "Simulering: Två steg" in words(page)
    assert "måndag 2027-01-04 (v. 1) 09:00" in words(page)
    assert 'name="what"' in page.text
    page = play(page, _do="complete", _answering="1", what="sten")
    assert page.status_code == 200
    assert "Gjort: Fråga" in words(page)
    assert 'value="sten"' in page.text  # what is known stands in the next form
    page = play(page, _do="complete", _answering="1", what="bly")
    assert "Processen är slut" in words(page)
    assert [each["element"] for each in script(page)["steps"]] == ["ask", "check"]
    assert re.search(r'<tr data-element="check" data-state="done">', page.text)


def test_what_will_not_do_is_told_at_its_field_and_what_was_typed_stays(play):
    begun = play(**FIRST)
    page = play(begun, _do="complete", _answering="1", what="sten", personal_number="191212121213")
    assert page.status_code == 422
    assert 'value="191212121213"' in page.text
    assert 'href="#f-personal_number"' in page.text
    assert page.text.count('aria-invalid="true"') == 1
    assert script(page)["steps"] == []


def test_time_goes_on_to_the_next_deadline_or_for_some_days(play):
    page = play(**FIRST | {"_process": "reminded"})
    assert "Till nästa frist: Efter ett dygn, 2027-01-05 09:00" in words(page)
    page = play(page, _do="next")
    assert "tisdag 2027-01-05 (v. 1) 09:00" in words(page)
    assert "Tiden är ute: Efter ett dygn" in words(page)
    page = play(page, _do="wait", _days="2", _unit="days")
    assert "Behövs inte längre: Gör" in words(page)
    assert [each["after"] for each in script(page)["steps"]] == ["2027-01-05T08:00:00+00:00", "P2D"]


def test_an_open_task_is_chosen(play):
    page = play(play(**FIRST | {"_process": "reminded"}), _do="next")
    assert carried(page)["_task"] == "do"
    page = play(page, _task="remind")
    assert carried(page)["_task"] == "remind"
    page = play(page, _do="complete", _answering="1", what="sten")
    assert script(page)["steps"][-1]["element"] == "remind"


def test_a_message_comes_with_its_data(play):
    page = play(**FIRST | {"_process": "waiting"})
    assert "Innehåll i answer" in words(page)
    wrong = play(page, _do="deliver", _message="answer", _data="en sten")
    assert wrong.status_code == 422
    assert "En tilldelning per rad" in words(wrong)
    assert "en sten" in wrong.text
    page = play(page, _do="deliver", _message="answer", _data='said = "ja"\non = date("2027-01-04")')
    assert script(page)["steps"] == [{"message": "answer", "data": {"said": "ja", "on": "2027-01-04"}}]
    assert "Meddelandet answer kommer: Vänta på svar" in words(page)
    again = play(page, _do="deliver", _message="answer", _data="")
    assert "Ingenting väntar på meddelandet längre." in words(again)


def test_the_run_is_looked_at_as_it_stood_after_any_row(play):
    page = play(play(**FIRST), _do="complete", _answering="1", what="sten")
    first = play(page, _at="1")
    assert "Händelse 1 av" in words(first)
    assert '<tr data-element="ask" data-state="here">' in first.text
    assert '<tr data-element="ask" data-state="done">' in page.text
    assert script(first) == script(page)


def test_a_step_that_a_changed_draft_does_not_allow_is_shown_to_be_done_again(play, desk, draft):
    page = play(play(**FIRST), _do="complete", _answering="1", what="sten")
    changed = (DIAGRAMS / "two_steps.bpmn").read_text(encoding="utf-8").replace('"ask"', '"ask_again"')
    with desk.begin("petra") as work:
        drafts.save(work, draft, file="two_steps.bpmn", content=changed.encode(), revision=1)
    page = play(page, _do="next")
    assert page.status_code == 422
    assert "Steg 1: ”ask” är inte öppen här. Öppet är: Fråga." in words(page)
    assert script(page)["steps"] == []


def test_a_draft_that_cannot_run_tells_what_to_put_right_and_keeps_the_run(play, desk, draft):
    page = play(**FIRST)
    broken = (
        (DIAGRAMS / "two_steps.bpmn")
        .read_text(encoding="utf-8")
        .replace('targetRef="check"', 'targetRef="x"')
    )
    with desk.begin("petra") as work:
        drafts.save(work, draft, file="two_steps.bpmn", content=broken.encode(), revision=1)
    stopped = play(page, _do="complete", what="sten")
    assert stopped.status_code == 422
    assert "Utkastet går inte att köra än" in words(stopped)
    assert carried(stopped)["_script"] == carried(page)["_script"]
    assert 'name="what" value="sten"' in stopped.text


def test_the_last_step_is_undone(play):
    page = play(play(**FIRST), _do="complete", _answering="1", what="sten")
    page = play(page, _do="undo")
    assert script(page)["steps"] == []
    assert "Gjort: Fråga" not in words(page)


def test_nothing_is_stored_and_nobody_is_told(play, platform):
    def rows():
        with platform.engine.connect() as connection:
            return {
                table.name: connection.scalar(sa.select(sa.func.count()).select_from(table))
                for table in Base.metadata.sorted_tables
            }

    begun = play(**FIRST)
    before = rows()
    page = play(begun, _do="complete", _answering="1", what="sten")
    page = play(page, _do="wait", _days="40", _unit="days")
    assert page.status_code == 200
    assert rows() == before


def test_only_process_owners_run_drafts(window, draft):
    for who in ("anna", "bo", "greta", "sam"):
        for path in ("simulation", "examples", "examples/two_steps.x.example.json"):
            assert window(who).get(f"/drafts/{draft}/{path}").status_code == 403, (who, path)
        assert window(who).post(f"/drafts/{draft}/simulation", **FIRST).status_code == 403
        assert window(who).post(f"/drafts/{draft}/examples", **FIRST).status_code == 403
    assert "Pröva i simulering" not in words(window("sam").get(f"/drafts/{draft}"))
    assert "Pröva i simulering" in words(window("petra").get(f"/drafts/{draft}"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"_day": "i går"}, "Skriv dagen som ÅÅÅÅ-MM-DD"),
        ({"_day": "0001-01-01"}, "Skriv dagen som ÅÅÅÅ-MM-DD"),
        ({"_time": "25:00"}, "Skriv dagen som ÅÅÅÅ-MM-DD"),
        ({"_data": "hej på dig"}, "En tilldelning per rad"),
        ({"_data": "x = (1"}, "En tilldelning per rad"),
        ({"_data": 'x = "\\ud800"'}, "En tilldelning per rad"),
    ],
)
def test_a_start_that_cannot_be_read_is_told_and_kept(play, given, told):
    page = play(**FIRST | given)
    assert page.status_code == 422
    assert told in words(page)
    assert unescape(page.text).count(next(iter(given.values())))


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"_process": "nowhere"}, 404),
        ({"_process": "two_steps", "_script": ""}, 422),
        ({"_process": "two_steps", "_script": "[" * 10_000}, 422),
        ({"_process": "two_steps", "_script": '{"start_at": "2027-01-04"}'}, 422),
        ({"_process": "two_steps", "_script": '{"start_at": "2027-01-04T09:00:00Z", "evil": 1}'}, 422),
        ({"_process": "two_steps", "_script": script_of({"after": "9999-12-31T23:59:59Z"})}, 422),
        ({"_process": "two_steps", "_script": script_of({"after": "P999999999Y"})}, 422),
        (
            {"_process": "two_steps", "_script": script_of({"element": "ask", "data": {"what": "\ud800"}})},
            422,
        ),
        ({"_process": "two_steps", "_script": script_of(), "_rest": "{"}, 200),
        ({"_process": "two_steps", "_script": script_of(), "_rest": "[1]", "_do": "rest"}, 422),
    ],
)
def test_what_the_page_brings_is_checked(play, given, status):
    assert play(**{"_do": "next"} | given).status_code == status


@pytest.mark.parametrize("days", ["0", "-1", "many", "9999", "³"])
def test_time_that_is_no_number_is_told(play, days):
    page = play(play(**FIRST), _do="wait", _days=days, _unit="days")
    assert page.status_code == 422
    assert "ett heltal från 1 till" in words(page)


def test_english_readers_read_english(window, draft):
    petra = window("petra")
    petra.post("/language", language="en", next="/help")
    page = petra.post(f"/drafts/{draft}/simulation", **FIRST)
    assert "Simulation: Two steps" in words(page)
    assert "The clock of the simulation" in words(page)


def test_a_run_is_kept_as_an_example_that_the_draft_runs(play, window, desk, draft):
    page = play(play(**FIRST), _do="wait", _days="2", _unit="hours")
    page = play(page, _do="complete", _answering="1", what="sten")
    page = play(page, _do="complete", _answering="1", what="bly")
    answer = keep(window, draft, page, _name="Åsas sten & bly", _ends="end")
    assert answer.status_code == 303
    assert answer.location.endswith("/examples/two_steps.asas_sten_bly.example.json?said=example_kept")
    with desk.begin("petra") as work:
        (file,) = [each for each in queries.one(work, draft).files if each.name.endswith(".json")]
    said = json.loads(file.content)
    assert said == {
        "name": "Åsas sten & bly",
        "start_at": "2027-01-04T09:00:00+01:00",
        "data": {},
        "steps": [
            {"after": "PT2H", "element": "ask", "data": {"what": "sten"}},
            {"element": "check", "data": {"what": "bly"}},
        ],
        "ends": "end",
    }
    shown = window("petra").get(answer.location)
    assert "Exemplet är sparat i utkastet." in words(shown)
    assert "Går som skrivet" in words(shown)


def keep(window, draft, page, **given):
    return window("petra").post(f"/drafts/{draft}/examples", **carried(page) | given)


def test_an_example_without_a_name_or_with_anothers_is_not_kept(play, window, draft):
    page = play(**FIRST)
    nameless = keep(window, draft, page, _name=" ", _ends="begin")
    assert nameless.status_code == 422
    assert "Skriv vad exemplet visar" in words(nameless)
    assert keep(window, draft, page, _name="Sten", _ends="end").status_code == 422
    assert keep(window, draft, page, _name="Sten", _ends="begin").status_code == 303
    page = play(**FIRST)
    taken = keep(window, draft, page, _name="sten!", _ends="begin")
    assert taken.status_code == 422
    assert "Ett annat exempel heter så." in words(taken)
    assert 'value="sten!"' in taken.text


def test_an_example_is_not_kept_over_what_somebody_else_saved(play, window, desk, draft):
    page = play(**FIRST)
    with desk.begin("pia") as work:
        drafts.save(
            work, draft, file="two_steps.bpmn", content=(DIAGRAMS / "two_steps.bpmn").read_bytes(), revision=1
        )
    late = keep(window, draft, page, _name="Sten", _ends="begin")
    assert late.status_code == 412
    assert "Pia Dal sparade utkastet" in words(late)
    assert keep(window, draft, late, _name="Sten", _ends="begin").status_code == 303


def example(desk, draft, name, **said):
    with desk.begin("petra") as work:
        whole = {"name": name, "start_at": "2027-01-04T09:00:00+01:00"} | said
        revision = queries.one(work, draft).row.revision
        file = f"two_steps.{name}.example.json"
        drafts.save(work, draft, file=file, content=json.dumps(whole).encode(), revision=revision)
    return file


ASK = {"element": "ask", "data": {"what": "sten"}}
CHECK = {"element": "check", "after": "P1D", "data": {"what": "bly"}}


def test_the_drafts_examples_are_run_together_and_what_fails_is_told(window, desk, draft):
    example(desk, draft, "good", steps=[ASK, CHECK], ends="end")
    example(desk, draft, "bad", steps=[ASK, {"element": "nowhere"}, CHECK])
    petra = window("petra")
    listed = words(petra.get(f"/drafts/{draft}/examples"))
    assert "Kör alla 2 exempel" in listed
    assert "Går inte" not in listed
    run = words(petra.get(f"/drafts/{draft}/examples?run=all"))
    assert "1 av 2 exempel går inte som det är skrivet." in run
    assert "Steg 2: ”nowhere” är inte öppen här. Öppet är: Kontrollera." in run
    assert run.index("bad") < run.index("good")


def test_an_example_is_shown_step_by_step_with_links(window, desk, draft):
    file = example(desk, draft, "good", steps=[ASK, CHECK], ends="end")
    petra, path = window("petra"), f"/drafts/{draft}/examples/{file}"
    page = petra.get(path)
    assert '<tr data-element="check" data-state="done">' in page.text
    first = petra.get(f"{path}?at=1")
    assert '<tr data-element="check" data-state="later">' in first.text
    assert f'href="{path}?at=2"' in first.text
    for odd in ("0", "9999", "-1", "x", "²"):
        assert petra.get(f"{path}?at={odd}&process=x").status_code == 200
    assert petra.get(path.replace("good", "none")).status_code == 404


def test_a_failing_example_opens_before_the_step_that_does_not_go_and_goes_on_from_there(window, desk, draft):
    wrong = {"element": "ask", "data": {"what": "sten", "personal_number": "191212121213"}}
    file = example(desk, draft, "bad", steps=[wrong, CHECK], ends="end")
    petra, path = window("petra"), f"/drafts/{draft}/simulation"
    page = petra.get(f"{path}?example={file}")
    assert script(page)["steps"] == []
    assert 'value="191212121213"' in page.text
    assert 'href="#f-personal_number"' in page.text
    assert "Kör exemplets 2 återstående steg" in words(page)
    page = petra.post(path, **carried(page) | {"_do": "complete", "_answering": "1", "what": "sten"})
    page = petra.post(path, **carried(page) | {"_do": "rest"})
    assert "Processen är slut" in words(page)
    answer = keep(window, draft, page, _name="bad", _ends="end")
    assert answer.location.startswith(f"/drafts/{draft}/examples/{file}")
    assert "Går som skrivet" in words(petra.get(answer.location))


def test_an_example_that_ends_elsewhere_says_so(window, desk, draft):
    file = example(desk, draft, "short", steps=[ASK], ends="end")
    petra = window("petra")
    page = petra.get(f"/drafts/{draft}/simulation?example={file}")
    assert "Exemplet väntar sig att ”Slut” passeras" in words(page)
    assert "”Slut” passerades aldrig. Öppet är: Kontrollera." in words(
        petra.get(f"/drafts/{draft}/examples/{file}")
    )


def test_the_rights_stand_beside_the_trace_as_they_stood_at_any_row(window, desk, play):
    assert "Rättighetspaketet" not in words(play(**FIRST))  # that diagram serves none
    form = '<spiffworkflow:property name="form" value="small" />'
    right = "".join(
        f'<spiffworkflow:property name="{name}" value="{value}" />'
        for name, value in (("right", "housing"), ("milestone", "right-started"))
    )
    content = (DIAGRAMS / "two_steps.bpmn").read_text(encoding="utf-8").replace(form, form + right, 1)
    path = f"/drafts/{begin(desk, content=content.encode())}/simulation"
    petra = window("petra")
    page = petra.post(path, **FIRST)
    assert "Tryggt boende Inte än Öppen uppgift: Fråga" in words(page)
    page = petra.post(path, **(carried(page) | {"_do": "complete", "_answering": "1", "what": "sten"}))
    assert "Tryggt boende Påbörjad 2027-01-04" in words(page)
    before = petra.post(path, **(carried(page) | {"_at": "1"}))
    assert "Tryggt boende Inte än" in words(before)
