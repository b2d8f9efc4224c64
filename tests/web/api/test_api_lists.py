"""Every list is paged the same way, and takes no cursor that it did not give."""

import json
from base64 import urlsafe_b64encode

import pytest
from calling import Caller, is_problem

ONE = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)  # the database has no part in these
LISTS = {
    "cases": "anna",
    "tasks": "anna",
    "timers": "anna",
    "notices": "anna",
    "incidents": "sam",
    "audit/events": "greta",
    "audit/access-log": "greta",
    "audit/checkpoints": "greta",
    "trainings": "bo",
    "users": "sam",
    "units": "anna",
    "delegations": "anna",
    "sessions": "anna",
    "process-definitions": "petra",
    "process-definitions/two_steps/versions": "petra",
    "cases/CASE/history": "anna",
}


def made_up(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.fixture
def lists(caller, anna) -> list[tuple[Caller, str]]:
    """Every list with somebody who may read it, and something in most of them."""
    case = anna.start()["id"]
    anna.start("reminded")
    return [(caller(who), path.replace("CASE", case)) for path, who in LISTS.items()]


def test_lists_are_walked_page_by_page_to_their_end(lists):
    for reader, path in lists:
        for wrong in ("limit=0", "limit=201", "limit=x", "surprise=1"):
            is_problem(reader.get(f"{path}?{wrong}"), 422, parameter=wrong.partition("=")[0])
        if path == "audit/access-log":
            continue  # it grows by being read
        whole = reader.get(f"{path}?limit=200").get_json()
        seen, cursor = [], ""
        while cursor is not None:
            page = reader.get(f"{path}?limit=1&cursor={cursor}").get_json()
            assert len(page["items"]) <= 1
            seen += page["items"]
            cursor = page["next"]
        assert seen == whole["items"], path


@ONE
def test_a_cursor_that_somebody_made_up_is_refused(lists):
    moment, row = {"at": "2026-01-01T00:00:00+00:00"}, {"id": "0" * 32}
    values = (
        b"[" * 6000, [{"id": 5}], [{"at": "0001-01-01T00:00:00+14:00"}, row], [moment, row],
        [moment, 10**30], [10**30], ["a\u0000"], {}, None,
    )  # fmt: skip
    for reader, path in lists:
        for value in values:
            is_problem(reader.get(f"{path}?cursor={made_up(value)}"), 400)


@ONE
def test_a_cursor_of_another_list_is_refused(anna):
    anna.start("reminded")
    anna.start("reminded")
    cursor = anna.get("cases?limit=1").get_json()["next"]
    assert anna.get(f"cases?limit=1&cursor={cursor}").status_code == 200
    is_problem(anna.get(f"timers?limit=1&cursor={cursor}"), 400)


@ONE
def test_a_case_tells_its_whole_history_unless_a_page_is_asked_for(anna):
    case = anna.start()
    task = anna.task(case["id"])
    for _ in range(24):
        anna.post(f"tasks/{task}/release")
        anna.post(f"tasks/{task}/claim")
    told = anna.get(f"cases/{case['id']}/history").get_json()
    assert len(told["items"]) == told["total"] > 50
    assert [each["seq"] for each in told["items"]] == list(range(1, told["total"] + 1))


@ONE
def test_which_methods_an_address_takes_is_told_to_anyone(caller):
    answer = caller(None).send("OPTIONS", "cases")
    assert (answer.status_code, answer.data) == (200, b"")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
