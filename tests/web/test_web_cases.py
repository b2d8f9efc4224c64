"""Cases: starting one, what its page tells, protection, managing, history."""

import pytest
from browsing import words

from service.commands import cases, jobs
from service.queries import deadlines
from service.rules.permissions import Protection

pytestmark = pytest.mark.parametrize("kind", ["sqlite"])


def test_a_case_is_started_and_its_page_says_where_it_stands(window):
    anna = window("anna")
    assert "Två steg" in words(anna.get("/cases/new"))
    answer = anna.post("/cases", process="two_steps", unit="norrmalm")
    page = words(anna.get(answer.location))
    assert "Nu: ”Fråga” (handläggare)" in page
    assert "Efter ”Fråga”: Sedan kommer ”Kontrollera” (handläggare)." in page
    assert "Ledig: handläggare" in page
    assert "Kan inte börja än" in page


def test_the_step_table_tells_what_the_drawing_shows(window, desk):
    case_id = desk.start()
    desk.do(case_id, "ask")
    page = window("anna").get(f"/cases/{case_id}").text
    for element, state in (("begin", "done"), ("ask", "done"), ("check", "here"), ("end", "later")):
        assert f'data-element="{element}" data-state="{state}"' in page
    assert "bpmn:process id=&#34;two_steps&#34;" in page


def test_a_case_that_was_called_off_shows_what_was_skipped(window, desk):
    case_id = desk.start()
    with desk.begin("bo") as work:
        cases.cancel(work, case_id, reason="Fel person")
    page = window("anna").get(f"/cases/{case_id}")
    assert 'data-element="check" data-state="skipped"' in page.text
    assert "Ärendet avbröts" in words(page)
    assert "“Fel person”" in words(page)


def test_deadlines_are_told_with_their_meaning(window, desk):
    case_id = desk.start("reminded")
    page = words(window("anna").get(f"/cases/{case_id}"))
    assert "Inga frister löper" not in page


def test_answers_are_shown_to_the_unit_and_not_to_auditors(window, desk):
    case_id = desk.start()
    desk.do(case_id, "ask", what="bara för enheten")
    assert "bara för enheten" in window("kim").get(f"/cases/{case_id}").text
    greta = window("greta").get(f"/cases/{case_id}")
    assert greta.status_code == 200
    assert "bara för enheten" not in greta.text
    assert window("elin").get(f"/cases/{case_id}").status_code == 404
    assert window("petra").get(f"/cases/{case_id}").status_code == 404


def test_lists_show_only_what_the_reader_may_see(window, desk):
    mine, theirs = desk.start(), desk.start(who="elin", unit="farsta")
    page = window("anna").get("/cases?show=all").text
    assert str(mine) in page
    assert str(theirs) not in page


def test_a_protected_case_opens_with_a_reason_that_is_logged(window, desk):
    case_id = desk.start()
    with desk.begin("bo") as work:
        cases.protect(work, case_id, protection=Protection.PROTECTED, reason="Hot")
    kim = window("kim")
    assert kim.get(f"/cases/{case_id}").location == f"/cases/{case_id}/open"
    assert "shown only to those named" in words(kim.get(f"/cases/{case_id}/open"))
    missing = kim.post(f"/cases/{case_id}/open", reason=" ")
    assert missing.status_code == 422
    assert missing.text.count("Give a reason of at most 500 characters.") == 2
    assert kim.post(f"/cases/{case_id}/open", reason="On call").status_code == 303
    assert "Protected personal data" in words(kim.get(f"/cases/{case_id}"))
    assert "On call" in words(window("greta").get("/access-log"))
    assert window("elin").get(f"/cases/{case_id}/open").status_code == 404


def test_managing_a_case_asks_for_a_reason_and_keeps_it(window, desk):
    case_id = desk.start()
    bo = window("bo")
    missing = bo.post(f"/cases/{case_id}/suspend", reason="")
    assert missing.status_code == 422
    assert 'href="#suspend-reason"' in missing.text
    assert bo.post(f"/cases/{case_id}/suspend", reason="Väntar på åklagare").status_code == 303
    page = words(bo.get(f"/cases/{case_id}"))
    assert "“Väntar på åklagare”" in page
    assert "Återuppta" in page
    assert bo.post(f"/cases/{case_id}/suspend", reason="Igen").status_code == 409
    assert bo.post(f"/cases/{case_id}/resume", reason="Nu").status_code == 303
    assert (
        bo.post(f"/cases/{case_id}/transfer", unit="farsta", reason="Flyttat").location
        == "/cases?said=transfer"
    )
    assert window("elin").get(f"/cases/{case_id}").status_code == 200


def test_a_caseworker_is_not_offered_and_may_not_do_what_team_leaders_do(window, desk):
    case_id = desk.start()
    anna = window("anna")
    assert "Hantera ärendet" not in words(anna.get(f"/cases/{case_id}"))
    assert anna.post(f"/cases/{case_id}/cancel", reason="x").status_code == 403


def test_the_whole_history_is_told_and_checked(window, desk):
    case_id = desk.start()
    desk.do(case_id, "ask", what="bara för enheten")
    greta = window("greta").get(f"/cases/{case_id}/history")
    assert "Kedjan är obruten" in words(greta)
    assert "Skickade in Fråga" in words(greta)
    assert "bara för enheten" not in greta.text
    assert "bara för enheten" in window("anna").get(f"/cases/{case_id}/history").text
    narrowed = window("greta").get(f"/cases/{case_id}/history?type=task.completed")
    assert narrowed.text.count('id="event-') == 1


def test_every_look_at_a_case_is_in_the_access_log(window, desk):
    case_id = desk.start()
    window("kim").get(f"/cases/{case_id}")
    page = words(window("greta").get(f"/access-log?case={case_id}&actor=kim"))
    assert "kim Öppnade ärendet" in page
    assert window("anna").get("/access-log").status_code == 403
    for path in ("/access-log", "/audit"):
        for days in ("since=0001-01-01", "until=9999-12-31", "since=x&until=2026-02-30"):
            assert window("greta").get(f"{path}?{days}").status_code == 200, days


def test_an_incident_is_told_tried_again_and_resolved(window, desk, platform):
    case_id = desk.start("failing")
    with platform.begin(desk.crew.bo) as work:
        job_id = deadlines.timers(work, case=case_id).items[0].id
    for _ in range(3):
        with desk.begin("system") as work:
            jobs.failed(work, job_id, RuntimeError("inside"))
    bo = window("bo")
    page = bo.get("/incidents")
    assert "inside" not in page.text
    assert "Något i ärendet har stannat" in words(bo.get(f"/cases/{case_id}"))
    incident = page.text.split('id="incident-')[1][:36]
    missing = bo.post(f"/incidents/{incident}/resolve", reason="")
    assert missing.status_code == 422
    assert bo.post(f"/incidents/{incident}/retry").status_code == 303
    assert "Inga driftfel" in words(bo.get("/incidents"))
    assert window("anna").post(f"/incidents/{incident}/retry").status_code == 403


def test_what_has_happened_is_registered_on_the_case_page_and_says_what_it_sets_going(window, desk):
    case_id = desk.start("waiting")
    page = window("anna").get(f"/cases/{case_id}")
    assert "Handläggaren får en uppgift." in words(page)
    assert window("anna").post(f"/cases/{case_id}/messages", name="answer").status_code == 303
    assert "Besked kom: Vänta på svar" in words(window("anna").get(f"/cases/{case_id}"))
    again = window("anna").post(f"/cases/{case_id}/messages", name="answer")
    assert again.status_code == 409
    assert "Har något hänt?" not in words(window("greta").get(f"/cases/{case_id}"))
