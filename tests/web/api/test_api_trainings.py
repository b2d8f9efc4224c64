"""The register of trainings through the API: entered once, listed in pages, withdrawn with a reason."""

import base64
import json

import pytest
from calling import is_problem

GIVEN = {"user": "anna", "unit": "norrmalm", "course": "Kurs (påhittad)", "given_on": "2026-01-15"}
NAIVE = [{"at": "2026-01-01T00:00:00"}, {"id": "0" * 32}]


def test_a_training_is_entered_once_for_one_key(bo):
    first = bo.post("trainings", GIVEN, Idempotency_Key="k1")
    assert first.status_code == 201, first.text
    again = bo.post("trainings", GIVEN, Idempotency_Key="k1")
    assert (again.status_code, again.get_json()) == (201, first.get_json())
    is_problem(bo.post("trainings", GIVEN | {"course": "B"}, Idempotency_Key="k1"), 422)
    is_problem(bo.post("trainings", GIVEN), 409, pointer="/course", rule="training-twice")
    found = bo.get("trainings").get_json()
    assert (found["total"], found["next"]) == (1, None)
    (item,) = found["items"]
    assert item.items() >= (GIVEN | {"valid_until": None, "name": "Anna Ek", "recorded_by": "bo"}).items()


def test_what_is_wrong_is_told_by_field(bo, anna, caller):
    is_problem(bo.post("trainings", {}), 422, rule="required")
    wrong = GIVEN | {"user": "elin", "given_on": "2999-01-01"}
    told = is_problem(bo.post("trainings", wrong), 422)
    assert [(each["pointer"], each["rule"]) for each in told] == [
        ("/user", "training-person"),
        ("/given_on", "training-given"),
    ]
    is_problem(anna.post("trainings", GIVEN), 403)
    is_problem(anna.get("trainings"), 403)
    is_problem(bo.get("trainings?unit=farsta"), 404)
    is_problem(bo.get("trainings?limit=0"), 422)
    is_problem(caller("greta").post("trainings", GIVEN), 403)


def test_an_entry_is_withdrawn_with_a_reason(bo, anna):
    made = bo.post("trainings", GIVEN).get_json()["id"]
    is_problem(bo.post(f"trainings/{made}/withdraw", {}), 422, pointer="/reason")
    is_problem(anna.post(f"trainings/{made}/withdraw", {"reason": "fel"}), 404)
    assert bo.post(f"trainings/{made}/withdraw", {"reason": "fel"}).status_code == 204
    is_problem(bo.post(f"trainings/{made}/withdraw", {"reason": "fel"}), 409)
    assert bo.get("trainings?user=anna").get_json()["items"][0]["withdrawn_at"]


@pytest.mark.parametrize(
    "place", [["x", "y"], [1, 2], [{"on": "x"}, {"id": "y"}], [None, None], "x", [], NAIVE]
)
def test_a_cursor_that_was_not_given_is_refused(bo, place):
    cursor = base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")
    for path in ("trainings", "cases", "incidents"):
        is_problem(bo.get(f"{path}?cursor={cursor}"), 400)
