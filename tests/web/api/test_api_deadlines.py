"""Deadlines over the API: how they were counted, moved, paused, resumed; warnings; heads and addresses."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import time_machine
from calling import is_problem

from service import scheduler
from service.commands import deployments

ROOT = Path(__file__).parents[3]
DECIDED = {"decision_on": "2027-03-01", "valid_from": "2027-03-01", "valid_to": "2027-03-30"}
LONGER = "2027-04-30T22:00:00Z"
GROUND = {"reason": "Beslut 2027-03-20", "legal_basis": "decision_extended"}


def at(text):
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Stockholm"))
    return time_machine.travel(moment, tick=False)


@pytest.fixture
def case(desk):
    tables = ("periods", "warnings", "days_off", "move_grounds")
    files = {f"{key}.dmn": (ROOT / "processes" / "case" / f"{key}.dmn").read_bytes() for key in tables}
    diagram = ROOT / "tests" / "deadlines" / "diagrams" / "counted.bpmn"
    with desk.begin("system") as work:
        deployments.deploy(work, files=files | {"counted.bpmn": diagram.read_bytes()}, note="Räknade tider")
    with at("2027-03-01T09:00"):
        return desk.start("counted", **DECIDED)


def timer(who, case, element="permit_ends"):
    rows = who.get(f"timers?case={case}").get_json()["items"]
    return next(row for row in rows if row["element"] == element)


def test_a_timer_tells_how_it_was_counted(anna, case):
    found = timer(anna, case)
    assert found["counted"]["words"] == "30 dagar från 2027-03-01, sista dag 2027-03-30"
    assert (found["counted"]["fixed"], found["counted"]["moves"]) == (True, "no")
    assert found["paused_at"] is None
    one = anna.get(f"timers/{found['id']}").get_json()
    assert "decision_extended" in [each["ground"] for each in one["grounds"]]
    (task,) = anna.get(f"tasks?case={case}").get_json()["items"]
    assert task["counted"]["words"] == "3 veckor från 2027-03-01, sista dag 2027-03-22"


def test_a_team_leader_moves_pauses_and_resumes(bo, case):
    with at("2027-03-09T10:00"):
        id = timer(bo, case)["id"]
        moved = bo.post(f"timers/{id}/move", {"due_at": LONGER, **GROUND})
        assert (moved.status_code, moved.get_json()["due_at"]) == (200, LONGER)
        assert moved.get_json()["counted"]["words"] == "räknas från 2027-03-01, satt till 2027-04-30"
        paused = bo.post(f"timers/{id}/pause", GROUND).get_json()
        assert paused["paused_at"] == "2027-03-09T09:00:00Z"
        assert not paused["given_up"]
    with at("2027-03-10T10:00"):
        resumed = bo.post(f"timers/{id}/resume", {"reason": "Nytt beslut"}).get_json()
    assert (resumed["due_at"], resumed["paused_at"]) == ("2027-05-01T22:00:00Z", None)


def test_a_task_gets_another_due_day(bo, case):
    with at("2027-03-09T10:00"):
        (task,) = bo.get(f"tasks?case={case}").get_json()["items"]
        body = {"due_at": LONGER, "reason": "Rättat", "legal_basis": "decision_corrected"}
        answer = bo.post(f"tasks/{task['id']}/due", body)
    assert (answer.status_code, answer.get_json()["due"]) == (200, LONGER)


def test_what_is_missing_or_not_allowed_is_told(bo, anna, elin, case):
    with at("2027-03-09T10:00"):
        id = timer(bo, case)["id"]
        body = {"due_at": LONGER, "reason": "Mer tid", "legal_basis": "Vi hinner inte"}
        is_problem(bo.post(f"timers/{id}/move", body), 422, pointer="/legal_basis")
        is_problem(bo.post(f"timers/{id}/move", {**GROUND, "due_at": "2027-05-01"}), 422, pointer="/due_at")
        is_problem(bo.post(f"timers/{id}/move", {"due_at": LONGER}), 422)
        is_problem(anna.post(f"timers/{id}/pause", GROUND), 403)
        is_problem(elin.post(f"timers/{id}/pause", GROUND), 404)
        is_problem(elin.get(f"timers/{id}"), 404)
        is_problem(bo.post(f"timers/{id}/resume", {"reason": "Nu"}), 409)


def test_a_repeated_move_is_made_once(bo, case, desk):
    with at("2027-03-09T10:00"):
        id = timer(bo, case)["id"]
        for _ in range(2):
            answer = bo.post(f"timers/{id}/move", {"due_at": LONGER, **GROUND}, Idempotency_Key="move-1")
            assert answer.status_code == 200
    assert len(desk.told(case, "timer.moved")) == 1


@pytest.mark.usefixtures("case")
def test_warnings_are_listed_and_marked_as_seen(anna, kim, platform):
    with at("2027-03-08T08:00"):
        scheduler.warn(platform)
        (notice,) = anna.get("notices").get_json()["items"]
        assert (notice["name"], notice["level"], notice["seen_at"]) == ("Skriv överklagandet", 1, None)
        assert kim.post(f"notices/{notice['id']}/seen").get_json() == {"seen": 0}
        assert anna.post(f"notices/{notice['id']}/seen").get_json() == {"seen": 1}
        assert anna.post("notices/seen").get_json() == {"seen": 0}
        assert anna.get("notices").get_json()["items"][0]["seen_at"] == "2027-03-08T07:00:00Z"


def test_administrators_say_who_leads_a_unit(caller, anna):
    sam = caller("sam")
    assert sam.put("units/norrmalm/head", {"user": "petra"}).status_code == 204
    heads = {row["key"]: row["head"] for row in anna.get("units").get_json()["items"]}
    assert heads == {"norrmalm": "petra", "farsta": None}
    assert sam.put("units/norrmalm/head", {"user": None}).status_code == 204
    is_problem(sam.put("units/norrmalm/head", {"user": "nobody"}), 422)
    is_problem(sam.put("units/nowhere/head", {"user": "petra"}), 404)
    is_problem(anna.put("units/norrmalm/head", {"user": "petra"}), 403)


def test_everyone_sets_their_own_address(anna, caller):
    assert anna.put("users/anna/address", {"email": "anna@example.se"}).status_code == 204
    is_problem(anna.put("users/bo/address", {"email": "anna@example.se"}), 403)
    is_problem(anna.put("users/anna/address", {"email": "anna, bo"}), 422, pointer="/email")
    assert caller("sam").put("users/bo/address", {"email": None}).status_code == 204
