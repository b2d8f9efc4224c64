"""A case through the API, from its first task to its end, on both databases."""

import pytest
from calling import is_problem


def test_a_small_case_runs_from_start_to_end(anna, kim):
    case = anna.start()
    assert case["status"] == "open"
    assert case["process"] == {"key": "two_steps", "version": 1, "title": "Två steg"}
    assert [place["element"] for place in case["active"]] == ["ask"]
    assert case["owner"] == "anna"
    assert case["opened_at"].endswith("Z")
    task = anna.task(case["id"])
    shown = anna.get(f"tasks/{task}").get_json()
    assert shown["form"]["id"] == "small"
    assert (shown["assignee"], shown["role"], shown["version"]) == ("anna", "caseworker", 1)
    assert shown["guidance"] == "Gör det."
    assert "task.complete" in shown["may"]
    done = anna.post(f"tasks/{task}/complete", {"data": {"what": " sten "}})
    assert done.status_code == 200
    assert done.get_json()["case"] == case["id"]
    (following,) = done.get_json()["next_tasks"]
    second = kim.task(case["id"], "check")
    assert second == following
    assert kim.get(f"tasks/{second}").get_json()["data"]["what"] == "sten"
    assert kim.post(f"tasks/{second}/complete", {"data": {"what": "sten"}}).get_json()["next_tasks"] == []
    ended = anna.get(f"cases/{case['id']}").get_json()
    assert (ended["status"], ended["active"], ended["milestones"]) == ("closed", [], ["done"])
    assert anna.get(f"tasks/{task}").get_json()["answers"]["what"] == "sten"


def test_the_history_tells_it_in_words_and_the_chain_holds(anna, caller):
    case = anna.start()
    task = anna.task(case["id"])
    anna.post(f"tasks/{task}/complete", {"data": {"what": "sten"}})
    events = caller("greta").get(f"cases/{case['id']}/history").get_json()["items"]
    assert [each["seq"] for each in events] == list(range(1, len(events) + 1))
    assert [each["prev_hash"] for each in events[1:]] == [each["hash"] for each in events[:-1]]
    assert all(each["summary"] for each in events)
    assert {each["type"] for each in events} >= {"case.opened", "task.claimed", "task.completed"}
    assert "sten" not in str(events), "an auditor sees that, not what"
    mine = anna.get(f"cases/{case['id']}/history").get_json()["items"]
    assert {"what": "sten"} in [each["data"] for each in mine]
    verdict = caller("greta").get(f"cases/{case['id']}/history/verification").get_json()
    assert verdict == {
        "ok": True,
        "events": len(events),
        "first_bad": None,
        "why": None,
        "document": None,
        "destroyed": False,
    }
    whole = caller("greta").get("audit/verification").get_json()
    assert (whole["ok"], whole["cases"], whole["bad"]) == (True, 1, [])


def test_every_look_is_in_the_access_log(anna, caller):
    case = anna.start()
    anna.get(f"cases/{case['id']}")
    rows = caller("greta").get(f"audit/access-log?case={case['id']}&actor=anna").get_json()["items"]
    assert "case.read" in {row["action"] for row in rows}


@pytest.mark.parametrize("path", ["", "/history", "/history/verification"])
def test_another_units_case_is_unknown_with_all_that_is_in_it(anna, elin, path):
    case = anna.start()
    is_problem(elin.get(f"cases/{case['id']}{path}"), 404)
    assert elin.get("cases").get_json()["items"] == []
    assert elin.get(f"tasks?case={case['id']}").get_json()["items"] == []
    assert elin.get(f"timers?case={case['id']}").get_json()["items"] == []
    for verb in ("suspend", "cancel", "transfer", "break-glass"):
        is_problem(elin.post(f"cases/{case['id']}/{verb}", {"reason": "för att"}, If_Match='"99"'), 404)


def test_only_a_leader_manages_a_case_and_always_says_why(anna, bo):
    case = anna.start()
    path = f"cases/{case['id']}"
    is_problem(anna.post(f"{path}/suspend", {"reason": "väntar"}), 403)
    is_problem(bo.post(f"{path}/suspend", {}), 422, pointer="/reason", rule="required")
    is_problem(bo.post(f"{path}/suspend", {"reason": "x" * 501}), 422, pointer="/reason")
    assert bo.post(f"{path}/suspend", {"reason": "väntar"}).get_json()["status"] == "suspended"
    is_problem(bo.post(f"{path}/suspend", {"reason": "igen"}), 409)
    assert bo.post(f"{path}/resume", {"reason": "nu"}).get_json()["status"] == "open"
    assert bo.post(f"{path}/cancel", {"reason": "klart"}).get_json()["status"] == "cancelled"
    assert anna.get(f"tasks?case={case['id']}").get_json()["items"] == []


def test_whoever_gives_a_case_away_sees_no_more_of_it_than_its_reference(anna, bo, elin):
    case = anna.start()
    moved = bo.post(f"cases/{case['id']}/transfer", {"unit": "farsta", "reason": "flyttar"})
    assert moved.get_json() == {"id": case["id"], "reference": case["reference"], "owner": None}
    assert elin.get(f"cases/{case['id']}").status_code == 200
    is_problem(anna.get(f"cases/{case['id']}"), 404)


def test_a_protected_case_opens_to_a_colleague_only_with_a_reason(anna, bo, kim):
    case = anna.start()
    assert (
        bo.post(f"cases/{case['id']}/protect", {"protection": "protected", "reason": "hot"}).status_code
        == 200
    )
    is_problem(kim.get(f"cases/{case['id']}"), 404)
    assert kim.post(f"cases/{case['id']}/break-glass", {"reason": "jourhavande"}).status_code == 200
    assert kim.get(f"cases/{case['id']}").get_json()["protection"] == "protected"


def test_cases_are_found_by_filters_page_by_page(anna, kim):
    made = [anna.start()["id"] for _ in range(5)]
    kim.start("waiting")
    first = anna.get("cases?process=two_steps&limit=2").get_json()
    assert first["total"] == 5
    seen, page = [], first
    while True:
        seen += [row["id"] for row in page["items"]]
        if page["next"] is None:
            break
        page = anna.get(f"cases?process=two_steps&limit=2&cursor={page['next']}").get_json()
    assert seen == made[::-1]
    assert len(anna.get("cases?owner=me").get_json()["items"]) == 5
    assert len(anna.get("cases?owner=kim").get_json()["items"]) == 1
    assert anna.get("cases?owner=nobody").get_json()["items"] == []
    reference = anna.get(f"cases/{made[0]}").get_json()["reference"]
    assert [row["id"] for row in anna.get(f"cases?q={reference}").get_json()["items"]] == [made[0]]
    assert anna.get("cases?status=closed").get_json()["items"] == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 422),
        ("limit=201", 422),
        ("limit=many", 422),
        ("limit=1&limit=2", 422),
        ("limit=", 422),
        ("status=", 422),
        ("status=lost", 422),
        ("colour=red", 422),
        ("q=%00", 422),
        ("cursor=nonsense", 400),
        ("cursor=W10", 400),
        ("cursor=bnVsbA", 400),
        ("cursor=W3siYXQiOiAieCJ9LCB7ImlkIjogIngifV0", 400),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(anna, query, status):
    is_problem(anna.get(f"cases?{query}"), status)


def test_an_empty_text_asks_for_nothing(anna, desk):
    desk.start()
    assert len(anna.get("cases?q=&process=").get_json()["items"]) == 1


def test_a_wrong_query_is_told_by_the_parameters_name(anna):
    is_problem(anna.get("cases?limit=0"), 422, parameter="limit")


@pytest.mark.parametrize(
    ("body", "pointer", "rule"),
    [
        ({}, "/process", "required"),
        ({"process": "two_steps"}, "/unit", "required"),
        ({"process": "two_steps", "unit": "norrmalm", "owner_id": "x"}, "/owner_id", "unknown"),
        ({"process": 3, "unit": "norrmalm"}, "/process", "invalid"),
        ({"process": "nothing", "unit": "norrmalm"}, "/process", None),
        ({"process": "two_steps", "unit": "norrmalm", "data": []}, "/data", "invalid"),
    ],
)
def test_a_case_that_cannot_start_leaves_nothing_behind(anna, body, pointer, rule):
    found = is_problem(anna.post("cases", body), 422)
    assert pointer in {each["pointer"] for each in found}
    assert rule is None or rule in {each["rule"] for each in found}
    assert anna.get("cases").get_json()["total"] == 0


def test_nobody_starts_a_case_in_a_unit_they_do_not_work_in(anna, caller):
    is_problem(anna.post("cases", {"process": "two_steps", "unit": "farsta"}), 403)
    is_problem(anna.post("cases", {"process": "two_steps", "unit": "none"}), 422, pointer="/unit")
    answer = caller("sam").post("cases", {"process": "two_steps", "unit": "norrmalm"})
    assert answer.status_code in {403, 404}


def test_a_message_reaches_exactly_the_case_that_waits(anna, elin):
    case = anna.start("waiting")
    (awaited,) = anna.get(f"cases/{case['id']}").get_json()["awaited"]
    is_problem(elin.post("messages", {"name": awaited["name"], "case": case["id"]}), 404)
    is_problem(anna.post("messages", {"name": "something", "case": case["id"]}), 409)
    is_problem(anna.post("messages", {"name": awaited["name"]}), 422, pointer="/case")
    done = anna.post("messages", {"name": awaited["name"], "correlation": case["reference"].lower()})
    assert done.get_json() == {"case": case["id"]}
    is_problem(anna.post("messages", {"name": awaited["name"], "case": case["id"]}), 409)
