"""The inbox and the task page, in a browser without JavaScript."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from browsing import title, words

from service.commands import cases, tasks
from service.models.cases import Task, TaskOutcome
from service.rules.permissions import Protection

pytestmark = pytest.mark.parametrize("kind", ["sqlite"])


@pytest.fixture
def task_id(desk):
    return desk.claim(desk.start(), "ask")


def test_the_inbox_shows_work_by_reference_and_no_names(window, desk):
    case_id = desk.start(person="Hemlig Person")
    with desk.begin("system") as work:
        reference = work.lock(case_id)[0].reference
    page = window("anna").get("/tasks")
    assert reference in words(page)
    assert "Fråga" in words(page)
    assert "Två steg" in words(page)
    assert "Hemlig" not in page.text


def test_the_inbox_speaks_the_readers_language(window, desk):
    desk.start()
    assert 'lang="en"' in window("kim").get("/tasks").text
    assert "Fråga (en)" in window("kim").get("/tasks").text
    assert "Mine and unassigned 1" in words(window("kim").get("/tasks"))


def test_filters_count_what_they_show(window, desk):
    desk.claim(desk.start(), "ask", "kim")
    desk.claim(desk.start(), "ask", "anna")
    desk.start()
    anna = window("anna")
    page = words(anna.get("/tasks"))
    for said in ("Mina och lediga 2", "Mina 1", "Lediga 1", "Alla 3", "Försenade 0", "Senast i dag 0"):
        assert said in page
    for show, rows in (("mine", 1), ("unassigned", 1), ("all", 3), ("overdue", 0), ("x", 2)):
        assert anna.get(f"/tasks?show={show}").text.count("data-row-link") == rows, show


@pytest.mark.parametrize(
    ("later", "said"),
    [
        (timedelta(0), "Om 3 dagar (2026-11-26)"),
        (timedelta(days=2), "I morgon"),
        (timedelta(days=3) - timedelta(hours=2), "I dag 13:30"),
        (timedelta(days=3, hours=1), "Försenad sedan 13:30"),
        (timedelta(days=4), "Försenad 1 dag"),
        (timedelta(days=5), "Försenad 2 dagar"),
    ],
)
def test_what_is_due_is_said_in_words(window, desk, later, said):
    with time_machine.travel("2026-11-23T12:30:00Z", tick=False) as clock:
        desk.start()
        clock.shift(later)
        assert said in words(window("anna").get("/tasks"))


def test_taking_a_task_opens_its_form(window, desk):
    anna = window("anna")
    task_id = desk.open(desk.start())["ask"]
    before = anna.get(f"/tasks/{task_id}")
    assert "<fieldset disabled" in before.text
    answer = anna.post(f"/tasks/{task_id}/claim")
    assert answer.location == f"/tasks/{task_id}?said=claimed"
    assert "<fieldset disabled" not in anna.get(answer.location).text


def test_who_comes_second_sees_who_took_it_and_when(window, desk):
    task_id = desk.open(desk.start())["ask"]
    with time_machine.travel("2026-11-23T13:05:00Z", tick=False):
        window("anna").post(f"/tasks/{task_id}/claim")
        answer = window("kim").post(f"/tasks/{task_id}/claim")
    assert answer.status_code == 409
    assert "Anna Ek took the task at 14:05." in words(answer)
    assert "No harm" not in words(answer)  # the task's own page, not an error page


def test_submitting_moves_the_case_on_and_offers_what_is_next(window, task_id):
    anna = window("anna")
    answer = anna.post(f"/tasks/{task_id}/complete", what="sten")
    assert answer.location == f"/tasks/{task_id}/done"
    assert "Kontrollera" in words(anna.get(answer.location))
    assert str(task_id) not in anna.get("/tasks").text  # gone from the very next answer


def test_what_is_wrong_is_said_above_and_at_the_field_and_nothing_typed_is_lost(window, task_id):
    anna = window("anna")
    answer = anna.post(f"/tasks/{task_id}/complete", what="", personal_number="19121212-1213")
    assert answer.status_code == 422
    assert title(answer).startswith("Fel: Fråga")
    assert "19121212-1213" in answer.text
    summary = re.findall(r'<a href="#([\w-]+)">(.*?)</a>', answer.text.partition('class="error-summary"')[2])
    assert [field for field, _ in summary] == ["f-what", "f-personal_number"]
    for field, said in summary:
        assert f'id="{field}"' in answer.text
        assert answer.text.count(said) == 2
    assert "19121212-1213" in anna.get(f"/tasks/{task_id}").text  # also after the page is gone


def test_what_was_typed_in_a_task_that_was_taken_away_is_on_its_page(window, desk, task_id):
    anna = window("anna")
    anna.post(f"/tasks/{task_id}/draft", what="ett ord", _draft_revision="0")
    with desk.begin("system") as work:
        case = work.session.get_one(Task, task_id).case_id
    with desk.begin("bo") as work:
        cases.cancel(work, case, reason="Öppnat av misstag")
    page = words(anna.get(f"/tasks/{task_id}"))
    assert "Utkastet som inte skickades in" in page
    assert "ett ord" in page


def test_whoever_has_the_next_task_reads_what_was_typed_in_the_one_before(window, desk, task_id):
    """The moment is forged: the task that opens when another is taken away."""
    anna = window("anna")
    anna.post(f"/tasks/{task_id}/draft", what="ett ord", _draft_revision="0")
    with desk.begin("system") as work:
        first = work.session.get_one(Task, task_id)
        first.closed_at, first.outcome = work.now, TaskOutcome.CANCELLED
        second = Task(
            id=uuid4(), case_id=first.case_id, instance_id=first.instance_id, process=first.process,
            element="check", role=first.role, opened_at=work.now, closed_at=work.now,
            outcome=TaskOutcome.CANCELLED,
        )  # fmt: skip
        work.session.add(second)
        second_id = second.id
    page = words(anna.get(f"/tasks/{second_id}"))
    assert "Ur utkastet till ”Fråga”" in page
    assert "ett ord" in page


def test_saving_the_draft_by_its_button_keeps_it(window, task_id):
    anna = window("anna")
    answer = anna.post(f"/tasks/{task_id}/complete", what="halvfärdigt", _save="1")
    assert answer.status_code == 303
    page = anna.get(answer.location)
    assert "halvfärdigt" in page.text
    assert "Utkast sparat" in words(page)


def test_the_page_keeps_its_draft_and_tells_when(window, task_id):
    anna = window("anna")
    with time_machine.travel("2026-11-23T13:05:00Z", tick=False):
        told = anna.post(f"/tasks/{task_id}/draft", what="ett", _draft_revision="0").get_json()
    assert (told["revision"], told["time"]) == (1, "14:05")
    assert anna.post(f"/tasks/{task_id}/draft", what="två", _draft_revision="1").get_json()["revision"] == 2


def test_two_windows_do_not_write_over_each_others_draft_unseen(window, task_id):
    anna = window("anna")
    anna.post(f"/tasks/{task_id}/draft", what="här", _draft_revision="0")
    answer = anna.post(f"/tasks/{task_id}/draft", what="där", _draft_revision="0")
    assert answer.status_code == 412
    assert answer.get_json()["differing"] == [["Vad", "här", "där"]]
    assert "Anna Ek" in answer.get_json()["words"]
    assert "här" in anna.get(f"/tasks/{task_id}").text


def test_whoever_submits_second_reads_who_was_first_and_keeps_what_was_typed(window, desk, task_id):
    anna = window("anna")
    with time_machine.travel("2026-11-23T13:05:00Z", tick=False):
        with desk.begin("anna") as work:
            tasks.complete(work, task_id, answers={"what": "sten"})
        answer = anna.post(f"/tasks/{task_id}/complete", what="mitt eget")
    assert answer.status_code == 409
    assert "Anna Ek skickade in 14:05." in words(answer)
    assert "mitt eget" in words(answer)


def test_a_task_is_given_back_and_handed_on_with_a_note_in_the_history(window, desk):
    case_id = desk.start()
    task_id = desk.claim(case_id, "ask")
    anna = window("anna")
    assert anna.post(f"/tasks/{task_id}/assign", username="kim", note="Jag är borta").status_code == 303
    assert window("kim").post(f"/tasks/{task_id}/release", note="Hinner inte").status_code == 303
    page = words(anna.get(f"/cases/{case_id}/history"))
    assert "“Jag är borta”" in page
    assert "“Hinner inte”" in page


def test_a_second_person_is_told_why_the_task_is_not_for_them(window, desk):
    case_id = desk.start()
    desk.do(case_id, "ask")
    page = words(window("anna").get(f"/tasks/{desk.open(case_id)['check']}"))
    assert "görs därför av en annan person" in page
    assert "Skicka in" not in page


def test_a_closed_task_shows_its_answers_to_those_who_may_see_them(window, desk):
    case_id = desk.start()
    task_id = desk.open(case_id)["ask"]
    desk.do(case_id, "ask", what="bara för enheten")
    assert "bara för enheten" in window("kim").get(f"/tasks/{task_id}").text
    assert "bara för enheten" not in window("greta").get(f"/tasks/{task_id}").text
    assert window("elin").get(f"/tasks/{task_id}").status_code == 404


def test_a_protected_case_says_so_on_its_tasks(window, desk):
    case_id = desk.start()
    task_id = desk.claim(case_id, "ask")
    with desk.begin("bo") as work:
        cases.protect(work, case_id, protection=Protection.PROTECTED, reason="Hot")
    page = window("anna").get(f"/tasks/{task_id}")
    assert "Skyddade personuppgifter" in words(page)
    assert 'class="guarded"' in page.text
    assert "Skyddat" in words(window("anna").get("/tasks"))
    assert str(task_id) not in window("kim").get("/tasks?show=all").text


def test_what_is_typed_is_shown_as_text(window, task_id):
    anna = window("anna")
    typed = '"><script>alert(1)</script>'
    anna.post(f"/tasks/{task_id}/draft", what=typed, _draft_revision="0")
    page = anna.get(f"/tasks/{task_id}").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
