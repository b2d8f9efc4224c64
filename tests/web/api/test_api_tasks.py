"""Tasks through the API: the inbox, claiming, drafts, submitting; and the same request twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from calling import is_problem


def story(caller, case) -> list[str]:
    return [each["type"] for each in caller.get(f"cases/{case['id']}/history").get_json()["items"]]


def test_the_inbox_is_narrowed_by_its_filters(anna, kim, elin):
    mine, free = anna.start(), kim.start()
    task = anna.task(mine["id"])
    assert [row["id"] for row in anna.get("tasks?assignee=me").get_json()["items"]] == [task]
    assert [row["case"] for row in anna.get("tasks?assignee=none").get_json()["items"]] == [free["id"]]
    assert len(anna.get("tasks?assignee=any&sort=due&role=caseworker&unit=norrmalm").get_json()["items"]) == 2
    assert anna.get("tasks?unit=farsta").get_json()["items"] == []
    assert anna.get("tasks?overdue=true").get_json()["items"] == []
    soon = (datetime.now(UTC) + timedelta(days=2)).isoformat().replace("+00:00", "Z")
    later = (datetime.now(UTC) + timedelta(days=9)).isoformat().replace("+00:00", "Z")
    assert anna.get(f"tasks?due_before={soon}").get_json()["items"] == []
    assert len(anna.get(f"tasks?due_before={later}").get_json()["items"]) == 2
    assert [row["id"] for row in anna.get(f"tasks?q={mine['reference']}").get_json()["items"]] == [task]
    assert elin.get("tasks").get_json() == {"items": [], "next": None, "total": 0}


def test_who_comes_second_learns_who_was_first_and_when(anna, kim):
    task = anna.task(anna.start()["id"])
    answer = kim.post(f"tasks/{task}/claim")
    is_problem(answer, 409)
    assert "Anna Ek" in answer.get_json()["detail"]


def test_a_task_is_given_back_and_handed_on(anna, kim, bo):
    task = anna.task(anna.start()["id"])
    assert anna.post(f"tasks/{task}/release", {"note": "sjuk"}).get_json()["assignee"] is None
    assert bo.post(f"tasks/{task}/assign", {"user": "kim"}).get_json()["assignee"] == "kim"
    is_problem(bo.post(f"tasks/{task}/assign", {"user": "elin"}), 422, pointer="/user")
    is_problem(bo.post(f"tasks/{task}/assign", {"user": "nobody"}), 422, pointer="/user")
    is_problem(anna.post(f"tasks/{task}/assign", {"user": "anna"}), 403)
    assert kim.post(f"tasks/{task}/release").status_code == 200


def test_someone_elses_task_is_not_done_and_nothing_changes(anna, kim, elin):
    case = anna.start()
    task = anna.task(case["id"])
    before = story(anna, case)
    is_problem(kim.post(f"tasks/{task}/complete", {"data": {"what": "sten"}}), 403)
    for verb, body in (("complete", {"data": {"what": "x"}}), ("claim", None), ("release", None)):
        is_problem(elin.post(f"tasks/{task}/{verb}", body), 404)
    is_problem(elin.get(f"tasks/{task}"), 404)
    is_problem(elin.put(f"tasks/{task}/draft", {"data": {}}), 404)
    is_problem(anna.get(f"tasks/{uuid4()}"), 404)
    is_problem(anna.post(f"tasks/{uuid4()}/claim"), 404)
    assert story(anna, case) == before


def test_a_task_is_completed_once(anna):
    case = anna.start()
    task = anna.task(case["id"])
    assert anna.post(f"tasks/{task}/complete", {"data": {"what": "sten"}}).status_code == 200
    again = anna.post(f"tasks/{task}/complete", {"data": {"what": "sten"}})
    is_problem(again, 409)
    assert "Anna Ek" in again.get_json()["detail"]
    assert story(anna, case).count("task.completed") == 1
    second = anna.get(f"tasks?case={case['id']}").get_json()["items"][0]["id"]
    assert anna.post(f"tasks/{second}/claim").status_code == 403, "four eyes"


@pytest.mark.parametrize(
    ("body", "pointer", "rule"),
    [
        ({}, "/data", "required"),
        ({"data": None}, "/data", "required"),
        ({"data": []}, "/data", "invalid"),
        ({"data": {}}, "/data/what", "required"),
        ({"data": {"what": "  "}}, "/data/what", "required"),
        ({"data": {"what": 3}}, "/data/what", "text"),
        ({"data": {"what": "sten", "role": "admin"}}, "/data/role", "unknown"),
        ({"data": {"what": "sten"}, "force": True}, "/force", "unknown"),
        ({"data": {"what": "x" * 70_000}}, "/data/what", "too-long"),
        (
            {"data": {"what": "a", "personal_number": "19121212-1213"}},
            "/data/personal_number",
            "personal-number",
        ),
    ],
)
def test_answers_that_do_not_fit_are_told_at_their_place_and_nothing_changes(anna, body, pointer, rule):
    case = anna.start()
    task = anna.task(case["id"])
    before = story(anna, case)
    is_problem(anna.post(f"tasks/{task}/complete", body), 422, pointer=pointer, rule=rule)
    assert story(anna, case) == before
    assert anna.get(f"tasks/{task}").get_json()["closing"] is None


def test_problems_are_told_in_the_callers_language(anna, kim):
    for who, words in ((anna, "Fyll i ”Vad”."), (kim, "Enter “What”.")):
        task = who.task(who.start()["id"])
        (problem,) = is_problem(who.post(f"tasks/{task}/complete", {"data": {}}), 422)
        assert problem["message"] == words


def test_a_draft_is_kept_until_the_task_is_done(anna, kim):
    case = anna.start()
    task = anna.task(case["id"])
    first = anna.put(f"tasks/{task}/draft", {"data": {"what": "st"}})
    assert first.get_json()["revision"] == 1
    second = anna.put(f"tasks/{task}/draft", {"data": {"what": "ste"}}, If_Match=first.headers["ETag"])
    assert second.get_json()["revision"] == 2
    lost = anna.put(f"tasks/{task}/draft", {"data": {"what": "berg"}}, If_Match='"1"')
    is_problem(lost, 412, pointer="/data/what")
    is_problem(kim.put(f"tasks/{task}/draft", {"data": {}}), 403)
    draft = anna.get(f"tasks/{task}").get_json()["draft"]
    assert (draft["data"], draft["saved_by"]) == ({"what": "ste"}, "anna")
    anna.post(f"tasks/{task}/complete", {"data": {"what": "sten"}})
    assert anna.get(f"tasks/{task}").get_json()["draft"] is None


def test_a_draft_is_saved_on_the_task_as_it_was_seen(anna, bo):
    task = anna.task(anna.start()["id"])
    path, seen = f"tasks/{task}", anna.get(f"tasks/{task}").headers["ETag"]
    saved = anna.put(f"{path}/draft", {"data": {"what": "st"}}, If_Match=seen)
    assert saved.status_code == 200
    assert saved.headers["ETag"] == anna.get(path).headers["ETag"] != seen
    is_problem(
        anna.put(f"{path}/draft", {"data": {"what": "berg"}}, If_Match=seen), 412, pointer="/data/what"
    )
    bo.post(f"{path}/release")
    anna.post(f"{path}/claim")
    is_problem(anna.put(f"{path}/draft", {"data": {}}, If_Match=saved.headers["ETag"]), 412)
    now = anna.put(f"{path}/draft", {"data": {"what": "sten"}}, If_Match=anna.get(path).headers["ETag"])
    assert (
        anna.post(f"{path}/complete", {"data": {"what": "sten"}}, If_Match=now.headers["ETag"]).status_code
        == 200
    )


@pytest.mark.parametrize("stale", ['"99"', '"x"', "1", 'W/"1"', '"1."', '"99.0"', '"' + "9" * 50 + '"'])
def test_what_was_seen_must_still_hold(anna, bo, stale):
    case = anna.start()
    task = anna.task(case["id"])
    is_problem(anna.post(f"tasks/{task}/complete", {"data": {"what": "sten"}}, If_Match=stale), 412)
    is_problem(anna.post(f"tasks/{task}/release", If_Match=stale), 412)
    is_problem(bo.post(f"cases/{case['id']}/suspend", {"reason": "x"}, If_Match=stale), 412)


def test_the_etag_of_what_was_seen_lets_a_change_through(anna, bo):
    case = anna.start()
    task = anna.task(case["id"])
    seen = anna.get(f"tasks/{task}").headers["ETag"]
    assert anna.post(f"tasks/{task}/release", If_Match=seen).status_code == 200
    is_problem(bo.post(f"cases/{case['id']}/suspend", {"reason": "x"}, If_Match=seen), 412)
    now = bo.get(f"cases/{case['id']}").headers["ETag"]
    assert bo.post(f"cases/{case['id']}/suspend", {"reason": "x"}, If_Match=now).status_code == 200
    assert bo.post(f"cases/{case['id']}/resume", {"reason": "x"}, If_Match="*").status_code == 200


def test_the_same_key_and_request_give_the_first_answer_again(anna):
    body = {"process": "two_steps", "unit": "norrmalm"}
    first = anna.post("cases", body, Idempotency_Key="en nyckel")
    again = anna.post("cases", body, Idempotency_Key="en nyckel")
    assert again.status_code == first.status_code == 201
    assert again.data == first.data
    assert (again.headers["Location"], again.headers["ETag"]) == (
        first.headers["Location"],
        first.headers["ETag"],
    )
    assert again.headers["Idempotent-Replayed"] == "true"
    assert anna.get("cases").get_json()["total"] == 1
    is_problem(anna.post("cases", {**body, "data": {"a": 1}}, Idempotency_Key="en nyckel"), 422)
    is_problem(anna.post("messages", {"name": "x", "correlation": "y"}, Idempotency_Key="en nyckel"), 422)
    assert anna.get("cases").get_json()["total"] == 1


def test_a_completed_task_answers_a_repeated_request_as_the_first(anna):
    task = anna.task(anna.start()["id"])
    body = {"data": {"what": "sten"}}
    first = anna.post(f"tasks/{task}/complete", body, Idempotency_Key="k1")
    assert first.status_code == 200
    assert anna.post(f"tasks/{task}/complete", body, Idempotency_Key="k1").data == first.data
    is_problem(anna.post(f"tasks/{task}/complete", body, Idempotency_Key="k2"), 409)


def test_a_key_is_free_again_when_its_request_was_refused_and_is_nobody_elses(anna, kim):
    task = anna.task(anna.start()["id"])
    is_problem(anna.post(f"tasks/{task}/complete", {"data": {}}, Idempotency_Key="k"), 422)
    assert (
        anna.post(f"tasks/{task}/complete", {"data": {"what": "x"}}, Idempotency_Key="k").status_code == 200
    )
    assert (
        kim.post("cases", {"process": "two_steps", "unit": "norrmalm"}, Idempotency_Key="k").status_code
        == 201
    )
    is_problem(anna.post("messages", {"name": "x"}, Idempotency_Key="k" * 129), 422)


def test_of_many_submits_at_once_one_wins_and_no_case_is_harmed(anna, caller):
    case = anna.start()
    task = anna.task(case["id"])
    others = [caller("anna") for _ in range(6)]
    with ThreadPoolExecutor(len(others)) as threads:
        sent = [
            threads.submit(each.post, f"tasks/{task}/complete", {"data": {"what": "sten"}}) for each in others
        ]
        statuses = sorted(each.result().status_code for each in sent)
    assert statuses == [200, *[409] * (len(others) - 1)]
    assert story(anna, case).count("task.completed") == 1
    assert anna.get(f"cases/{case['id']}/history/verification").get_json()["ok"]
