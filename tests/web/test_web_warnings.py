"""Warnings in the header, deadlines changed from the case page, address and calendar under settings."""

import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import time_machine
from browsing import words

from service import scheduler
from service.commands import deployments

ROOT = Path(__file__).parents[2]
DECIDED = {"decision_on": "2027-03-01", "valid_from": "2027-03-01", "valid_to": "2027-03-30"}


def at(text):
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Stockholm"))
    return time_machine.travel(moment, tick=False)


@pytest.fixture
def kind():
    """Pages are the same on both databases."""
    return "sqlite"


@pytest.fixture
def case(desk):
    tables = ("periods", "warnings", "days_off", "move_grounds")
    files = {f"{key}.dmn": (ROOT / "processes" / "case" / f"{key}.dmn").read_bytes() for key in tables}
    diagram = ROOT / "tests" / "deadlines" / "diagrams" / "counted.bpmn"
    with desk.begin("system") as work:
        deployments.deploy(work, files=files | {"counted.bpmn": diagram.read_bytes()}, note="Räknade tider")
    with at("2027-03-01T09:00"):
        return desk.start("counted", **DECIDED)


def links(page, case, action):
    return re.search(rf'action="(/cases/{case}/\w+/[-\w]+/{action})"', page.text)[1]


def permit(page, case):
    """Where the form for the permit's last day leads: the one that may move on a decision to extend."""
    form = rf'action="(/cases/{case}/timers/[-\w]+/move)"(?:(?!</form>).)*decision_extended'
    return re.search(form, page.text, re.DOTALL)[1]


@pytest.mark.usefixtures("case")
def test_the_header_counts_new_warnings_and_the_page_lists_them(window, platform):
    with at("2027-03-08T08:00"):
        anna = window("anna")
        assert "Varningar 1 nya" not in words(anna.get("/tasks"))
        scheduler.warn(platform)
        assert "Varningar 1 nya" in words(anna.get("/tasks"))
        page = anna.get("/notices")
        assert "Skriv överklagandet" in words(page)
        assert "Sista tid 2027-03-22" in words(page)
        assert anna.post("/notices/seen").location == "/notices?said=seen"
        after = words(anna.get("/notices"))
        assert "1 nya" not in after
        assert "Skriv överklagandet" in after


def test_the_case_page_says_how_each_deadline_was_counted(window, case):
    with at("2027-03-02T10:00"):
        said = words(window("anna").get(f"/cases/{case}"))
        assert "30 dagar från 2027-03-01, sista dag 2027-03-30" in said
        assert "3 veckor från 2027-03-01, sista dag 2027-03-22" in said
        assert "Ändra fristen" not in said  # that is the team leader's
        board = words(window("anna").get("/deadlines"))
    assert "30 dagar från 2027-03-01, sista dag 2027-03-30" in board


def test_a_team_leader_moves_a_deadline_on_a_listed_ground(window, case):
    with at("2027-03-09T10:00"):
        bo = window("bo")
        page = bo.get(f"/cases/{case}#deadlines")
        action = permit(page, case)
        typed = {"day": "2027-04-30", "time": "", "legal_basis": "decision_extended", "reason": "Beslut"}
        answer = bo.post(action, **typed)
        assert answer.location.endswith("?said=deadline_move")
        said = words(bo.get(answer.location))
    assert "Fristen är flyttad." in said
    assert "räknas från 2027-03-01, satt till 2027-04-30" in said
    assert "Tiden flyttades från 2027-03-31 00:00 till 2027-04-30: Tillståndet går ut" in said


def test_what_is_wrong_is_told_beside_what_was_typed(window, case):
    with at("2027-03-09T10:00"):
        bo = window("bo")
        action = links(bo.get(f"/cases/{case}"), case, "due")
        answer = bo.post(action, day="2027-04-30", time="12:00", legal_basis="", reason="Mer tid behövs")
        assert answer.status_code == 422
        assert "Välj en av de grunder som får flytta den." in words(answer)
        assert "Mer tid behövs" in answer.text
        assert 'value="2027-04-30"' in answer.text
        assert "<title>Fel:" in answer.text
        answer = bo.post(action, day="soon", legal_basis="decision_corrected", reason="Mer tid")
        assert "Ange en dag" in words(answer)
        answer = bo.post(action, day="2027-04-30", legal_basis="decision_corrected", reason="")
        assert "Skriv en anledning" in words(answer)


def test_a_clock_is_paused_and_runs_on(window, case):
    with at("2027-03-09T10:00"):
        bo = window("bo")
        pause = permit(bo.get(f"/cases/{case}"), case).replace("/move", "/pause")
        answer = bo.post(pause, legal_basis="decision_extended", reason="Tolk saknas")
        assert answer.location.endswith("said=deadline_pause")
        page = bo.get(f"/cases/{case}")
        assert "Stoppad sedan 2027-03-09" in words(page)
        answer = bo.post(links(page, case, "resume"), day="", time="", reason="Tolk finns")
        assert answer.location.endswith("said=deadline_resume")
        assert "Stoppad sedan" not in words(bo.get(f"/cases/{case}"))


def test_a_caseworker_may_not(window, case):
    with at("2027-03-09T10:00"):
        action = links(window("bo").get(f"/cases/{case}"), case, "due")
        answer = window("anna").post(action, day="2027-04-30", legal_basis="decision_corrected", reason="x")
    assert answer.status_code == 403


def test_the_address_for_warnings_is_kept_and_looked_at(window):
    anna = window("anna")
    assert anna.post("/settings/warnings", email="anna@example.se", digest="1").status_code == 303
    assert 'value="anna@example.se"' in anna.get("/settings").text
    answer = anna.post("/settings/warnings", email="anna at example")
    assert answer.status_code == 422
    assert "Skriv en adress som namn@example.se." in words(answer)
    assert 'value="anna at example"' in answer.text


def test_the_calendar_address_is_shown_once_and_can_be_taken_back(window, service):
    anna = window("anna")
    page = anna.post("/settings/calendar")
    path = re.search(r'value="http://localhost(/api/v1/deadlines\.ics\?token=[-\w]+)"', page.text)[1]
    assert service.test_client().get(path).status_code == 200
    assert path not in anna.get("/settings").text
    assert "Adressen gjordes" in words(anna.get("/settings"))
    assert anna.post("/settings/calendar/end").location == "/settings?said=feed_ended"
    assert service.test_client().get(path).status_code == 401
