"""The rights package: six rights at once, each on its own."""

from pathlib import Path

import pytest
from walk import Walk, at, deployed, elements, examples, walk

RIGHTS = {"housing", "legal", "health", "psychological", "interpreter", "material"}
NO = {"offered_on": "2027-02-01", "offered_with": "interpreter", "right_wish": "no"}


@pytest.mark.parametrize("path", examples("rights_package"), ids=lambda path: path.stem)
def test_a_stored_example_runs_to_its_end(path: Path) -> None:
    walk(path)


def test_the_examples_reach_every_element() -> None:
    passed = {element for path in examples("rights_package") for element in walk(path).passed}
    assert set(elements("rights_package")) <= passed


def test_the_six_rights_are_offered_at_once() -> None:
    case = Walk("rights_package", at("2027-02-01"))
    assert case.milestones == ["rights-package-activated"]
    assert {task.place.right for task in case.tasks.values()} == RIGHTS
    assert case.open == ["offer"] * 6


def test_every_right_is_drawn_with_its_law() -> None:
    drawn = deployed().processes["rights_package"].elements.values()
    calls = [each for each in drawn if each.kind == "callActivity"]
    assert {each.right for each in calls} == RIGHTS
    assert all(each.legal_basis and each.name.sv and each.name.en for each in calls)


def test_a_right_that_waits_holds_no_other_back() -> None:
    case = Walk("rights_package", at("2027-02-01"))
    for right in sorted(RIGHTS - {"housing"}):
        case.answer("offer", NO, right=right)
    assert not case.step.finished
    assert [task.place.right for task in case.tasks.values()] == ["housing"]
    case.answer("offer", NO, right="housing")
    assert case.step.finished


def test_each_right_is_reminded_of_by_itself() -> None:
    case = Walk("rights_package", at("2027-02-01"))
    wish = {**NO, "right_wish": "yes"}
    case.answer("offer", wish, right="health")
    case.wait(at("2027-02-01", "15:00"))
    case.answer("offer", wish, right="legal")
    case.wait(at("2027-02-02", "10:00"))
    assert [t.place.right for t in case.tasks.values() if t.place.element == "push_on"] == ["health"]


def test_what_each_right_came_to_is_kept_under_its_own_name() -> None:
    path = next(each for each in examples("rights_package") if each.stem == "only_housing_and_interpreter")
    result = walk(path).result
    assert result["right_housing"]["right_wish"] == "yes"
    assert result["right_legal"]["right_wish"] == "no"
    assert "right_wish" not in result
