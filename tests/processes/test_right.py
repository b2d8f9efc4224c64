"""One right: offered, wished or not, arranged in time, started, followed up."""

from pathlib import Path
from typing import Any

import pytest
from walk import Walk, at, elements, examples, speechless, walk

from service.errors import Invalid


def right(name: str = "housing", *, day: str = "2027-02-01", clock: str = "09:00") -> Walk:
    return Walk("right", at(day, clock), {"right": name})


def offered(**changes: Any) -> dict[str, Any]:
    answers = {"offered_on": "2027-02-01", "offered_with": "interpreter", "right_wish": "yes", **changes}
    return {key: value for key, value in answers.items() if value is not None}


ARRANGED = {
    "right_kind": "without_assessment",
    "right_provider": "Havsviken",
    "provider_has_permit": "yes",
    "start_planned_on": "2027-02-03",
}
PUSHED = {"reminder_obstacles": ["no_place"], "reminder_next_step": "Ringer igen.", "urgent_now": "no"}


@pytest.mark.parametrize("path", examples("right"), ids=lambda path: path.stem)
def test_a_stored_example_runs_to_its_end(path: Path) -> None:
    walk(path)


def test_the_examples_reach_every_element() -> None:
    passed = {element for path in examples("right") for element in walk(path).passed}
    assert set(elements("right")) <= passed


def test_every_task_says_who_what_when_how_and_what_if_nobody_acts() -> None:
    assert speechless("right") == []


def test_a_wished_right_is_reminded_of_after_24_hours_and_raised_after_72() -> None:
    case = right()
    case.answer("offer", offered())
    case.wait(at("2027-02-10"))
    assert case.fired == [
        ("reminder_time", at("2027-02-02", "09:00")),
        ("escalation_time", at("2027-02-04", "09:00")),
    ]
    assert case.open == ["arrange", "clear_obstacle", "push_on"]


def test_24_hours_are_24_hours_when_the_clocks_go_forward() -> None:
    case = right(day="2027-03-27")
    case.answer("offer", offered(offered_on="2027-03-27"))
    case.wait(at("2027-03-29"))
    assert case.fired[0] == ("reminder_time", at("2027-03-28", "10:00"))


def test_the_offer_itself_is_due_within_a_day() -> None:
    case = right(day="2027-02-01")
    assert case.task("offer").due == at("2027-02-02")


def test_the_alarm_goes_to_the_team_leader_and_leaves_the_task_with_the_caseworker() -> None:
    case = right()
    case.answer("offer", offered())
    case.wait(at("2027-02-05"))
    roles = {t.place.element: case.role(t.place.element) for t in case.tasks.values()}
    assert roles == {"arrange": "caseworker", "push_on": "caseworker", "clear_obstacle": "team_leader"}


def test_reminders_that_are_still_open_go_away_when_the_support_is_arranged() -> None:
    case = right()
    case.answer("offer", offered())
    case.wait(at("2027-02-05"))
    case.answer("push_on", PUSHED)
    case.answer("arrange", ARRANGED)
    assert case.open == ["confirm_start"]
    assert case.step.timers == ()


def test_arranged_in_time_nobody_is_reminded() -> None:
    case = right()
    case.answer("offer", offered())
    case.wait(at("2027-02-02", "08:00"))
    case.answer("arrange", ARRANGED)
    case.wait(at("2027-03-01"))
    assert case.fired == []


def test_a_no_needs_no_reasons_and_ends_the_matter() -> None:
    case = right()
    case.answer("offer", offered(right_wish="no"))
    assert case.step.finished
    assert "right/declined" in case.passed
    assert "right-started" not in case.milestones


def test_not_now_is_offered_again_on_the_day_that_the_person_chose() -> None:
    case = right("health")
    case.answer("offer", offered(right_wish="later", offer_again_on="2027-02-08"))
    assert case.open == []
    case.wait(at("2027-02-08", "08:00"))
    assert case.open == ["offer"]


def test_not_now_without_a_day_is_not_taken() -> None:
    with pytest.raises(Invalid) as refused:
        right().answer("offer", offered(right_wish="later"))
    assert [each.pointer for each in refused.value.problems] == ["/data/offer_again_on"]


def test_only_housing_asks_for_the_permit_of_the_provider() -> None:
    case = right("health")
    case.answer("offer", offered())
    with pytest.raises(Invalid) as refused:
        case.answer("arrange", ARRANGED)
    assert [each.pointer for each in refused.value.problems] == ["/data/provider_has_permit"]


def test_a_right_counts_as_started_when_somebody_knows_that_it_started() -> None:
    case = right()
    case.answer("offer", offered())
    case.answer("arrange", ARRANGED)
    assert "right-started" not in case.milestones
    case.answer(
        "confirm_start", {"started_on": "2027-02-03", "start_confirmed_by": "person", "feels_safe": "yes"}
    )
    assert case.milestones == ["right-offered", "right-started"]
    assert case.task("follow_up").due == at("2027-02-15", "23:59:59")
