"""The reflection period: days counted from the decision, every outcome to its end, nothing ends silently."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from walk import Walk, at, elements, examples, speechless, walk

from service.errors import Conflict

APPLICANT = {"investigation_opened": True, "ful_name": "Siv Berg", "ful_contact": "siv.berg@aklagare.example"}
NONE = {"investigation_opened": False}


def period(*, valid_from: str = "2027-02-01", valid_to: str = "2027-03-02", **data: Any) -> Walk:
    dates = {"valid_from": valid_from, "valid_to": valid_to}
    return Walk("reflection_period", at(valid_from), {**dates, "crime": "trafficking", **data})


def talk(case: Walk, **answers: Any) -> None:
    known = case.stored("cooperates", "hold_talk")
    for key in ("investigation_opened", "cooperation"):
        known.pop(key)
    case.answer("hold_talk", {**known, **NONE, **answers})


def settle(case: Walk, **answers: Any) -> None:
    case.answer("settle", {**case.stored("undecided_without_applicant", "settle"), **answers})


def ends(case: Walk, **answers: Any) -> None:
    known = case.stored("undecided_without_applicant", "tell_what_applies")
    case.answer("tell_what_applies", {**known, **answers})


@pytest.mark.parametrize("path", examples("reflection_period"), ids=lambda path: path.stem)
def test_a_stored_example_runs_to_its_end(path: Path) -> None:
    walk(path)


def test_the_examples_reach_every_element() -> None:
    passed = {element for path in examples("reflection_period") for element in walk(path).passed}
    assert set(elements("reflection_period")) <= passed


def test_every_task_says_who_what_when_how_and_what_if_nobody_acts() -> None:
    assert speechless("reflection_period") == []


def test_the_days_are_counted_from_the_decision() -> None:
    case = period()
    case.wait(at("2027-03-10"))
    assert case.fired == [
        ("day_10", at("2027-02-10", "08:00")),
        ("day_20", at("2027-02-20", "08:00")),
        ("day_25", at("2027-02-25", "08:00")),
        ("day_28", at("2027-02-28", "08:00")),
        ("permit_ends", at("2027-03-03", "00:00")),
    ]


@pytest.mark.parametrize(
    ("valid_from", "valid_to", "fired"),
    [
        ("2028-03-01", "2028-03-30", ["2028-03-10", "2028-03-20", "2028-03-25", "2028-03-28", "2028-03-31"]),
        ("2028-02-15", "2028-03-15", ["2028-02-24", "2028-03-05", "2028-03-10", "2028-03-13", "2028-03-16"]),
        ("2027-10-10", "2027-11-08", ["2027-10-19", "2027-10-29", "2027-11-03", "2027-11-06", "2027-11-09"]),
    ],
    ids=["over the change to summer time", "over the 29th of February", "over the change to winter time"],
)
def test_the_days_are_local_calendar_days(valid_from: str, valid_to: str, fired: list[str]) -> None:
    case = period(valid_from=valid_from, valid_to=valid_to)
    case.wait(at("2028-12-31"))
    clocks = ["08:00"] * 4 + ["00:00"]
    assert [when for _, when in case.fired] == [at(d, c) for d, c in zip(fired, clocks, strict=True)]


def test_a_decision_registered_late_fires_what_has_passed_at_once() -> None:
    case = Walk("reflection_period", at("2027-02-23"), {"valid_from": "2027-02-01", "valid_to": "2027-03-02"})
    case.wait(at("2027-02-23"))
    assert case.open == ["check_in", "hand_over", "hold_talk"]


def test_no_reminder_comes_after_the_last_day_of_a_shorter_permit() -> None:
    case = period(valid_to="2027-02-12")
    case.wait(at("2027-02-12", "12:00"))
    assert {when for element, when in case.fired if element != "day_10"} == {at("2027-02-12", "08:00")}


def test_each_reminder_opens_work() -> None:
    case = period()
    assert case.open == ["hold_talk"]
    case.wait(at("2027-02-10"))
    assert case.open == ["check_in", "hold_talk"]
    case.wait(at("2027-02-20"))
    assert case.open == ["check_in", "hand_over", "hold_talk"]
    case.wait(at("2027-02-25"))
    assert case.open == ["check_in", "hand_over", "settle"]
    case.wait(at("2027-02-28"))
    assert case.open == ["check_in", "hand_over", "last_check", "settle"]
    case.wait(at("2027-03-03"))
    assert case.open == ["check_in", "hand_over", "last_check", "settle", "tell_what_applies"]


def test_on_day_25_the_way_is_settled_by_the_team_leader() -> None:
    case = period()
    case.wait(at("2027-02-25"))
    assert case.role("settle") == "team_leader"
    assert "hold_talk" not in case.open


def test_the_talk_is_due_on_day_20_and_may_be_registered_earlier() -> None:
    case = period()
    assert case.task("hold_talk").due == at("2027-02-20", "23:59:59")
    case.wait(at("2027-02-05"))
    talk(case, cooperation="declines")
    case.wait(at("2027-02-27"))
    assert [element for element, _ in case.fired] == ["day_10"]  # nothing to hand over, nothing to settle


def test_another_talk_may_be_needed() -> None:
    case = period()
    talk(case, cooperation="undecided", talk_again="yes")
    assert case.open == ["hold_talk"]
    talk(case, cooperation="declines")
    assert case.open == ["go_through_options"]


@pytest.mark.parametrize("cooperation", ["undecided", "cooperates"])
def test_without_an_investigation_the_case_shows_that_nobody_can_apply(cooperation: str) -> None:
    case = period()
    case.wait(at("2027-02-25"))
    settle(case, cooperation=cooperation)
    if cooperation == "cooperates":
        for element in ("ask_consent", "decide_report", "make_report"):
            answers = case.stored("cooperates", element)
            if element == "make_report":
                answers = {
                    key: answers[key] for key in ("reported_on", "reported_how", "information_given")
                } | NONE
            case.answer(element, answers)
        case.answer("register_police", {"police_answer": "considering", **NONE})
    assert "no_applicant" in case.open
    assert "extension-requested" not in case.milestones
    assert "six-month-permit-requested" not in case.milestones


def test_not_knowing_whether_there_is_an_investigation_is_no_investigation() -> None:
    case = period()
    talk(case, cooperation="undecided", talk_again="no", investigation_opened=None)
    assert case.open == ["no_applicant"]


def test_the_undecided_are_applied_for_by_the_head_of_the_investigation() -> None:
    case = period()
    talk(case, cooperation="undecided", talk_again="no", **APPLICANT)
    case.answer("ask_extension", case.stored("extended_then_declines", "ask_extension"))
    assert "extension-requested" in case.milestones
    assert case.open == ["register_answer"]


def test_five_days_before_the_end_the_team_leader_is_alarmed_when_nobody_has_applied() -> None:
    case = period()
    talk(case, cooperation="undecided", talk_again="no", **APPLICANT)
    case.answer("ask_extension", case.stored("extended_then_declines", "ask_extension"))
    case.wait(at("2027-02-26"))
    assert ("application_late", at("2027-02-25", "08:00")) in case.fired
    assert case.role("press_applicant") == "team_leader"
    assert "register_answer" in case.open


def test_who_does_not_want_to_cooperate_is_told_the_other_ways() -> None:
    case = period()
    talk(case, cooperation="declines")
    assert case.open == ["go_through_options"]


def test_the_gap_can_open_the_question_of_a_police_report() -> None:
    case = period()
    talk(case, cooperation="undecided", talk_again="no")
    case.answer(
        "no_applicant", {**case.stored("undecided_without_applicant", "no_applicant"), "ask_police": "yes"}
    )
    assert case.open == ["ask_consent"]


def test_somebody_can_be_missing_at_any_time_and_more_than_once() -> None:
    case = period()
    for day in ("2027-02-02", "2027-02-12"):
        case.wait(at(day))
        case.message("person-missing", {"reported_by": "Boendet"})
    assert case.open.count("missing_routine") == 2
    assert case.milestones.count("person-missing") == 2
    assert "hold_talk" in case.open
    case.wait(at("2027-03-02", "23:00"))
    assert sorted(case.awaited) == ["new-decision", "person-missing"]


def test_the_missing_routine_is_due_within_a_day() -> None:
    case = period()
    case.wait(at("2027-02-12"))
    case.message("person-missing", {})
    assert case.task("missing_routine").due == at("2027-02-13")


def test_who_is_missing_is_watched_until_something_happens() -> None:
    case = period()
    case.wait(at("2027-02-12"))
    case.message("person-missing", {})
    for element in ("missing_routine", "stop_costs", "watch_missing", "comment_revocation"):
        case.answer(element, case.stored("missing_on_day_12", element))
    assert "watch_missing" in case.open
    case.wait(at("2027-04-01"))
    assert "watch_missing" in case.open


def test_the_comment_on_revocation_is_due_when_the_letter_says() -> None:
    case = period()
    case.wait(at("2027-02-12"))
    case.message("person-missing", {})
    for element in ("missing_routine", "stop_costs", "watch_missing"):
        case.answer(element, case.stored("missing_on_day_12", element))
    assert case.task("comment_revocation").due == at("2027-03-01", "23:59:59")


def test_registered_as_missing_starts_the_routine_unless_it_runs() -> None:
    case = period()
    case.wait(at("2027-02-25"))
    settle(case, cooperation="disappeared", missing_routine_started="no")
    assert "missing_routine" in case.open
    other = period()
    other.wait(at("2027-02-25"))
    settle(other, cooperation="disappeared", missing_routine_started="yes")
    assert "missing_routine" not in other.open


def test_when_the_permit_ends_the_undecided_are_told_and_followed_up() -> None:
    case = period()
    case.wait(at("2027-03-03", "00:00"))
    assert "reflection-permit-ended" in case.milestones
    ends(case)
    assert "follow_up_after" in case.open
    assert not case.step.finished


def test_the_last_day_itself_is_still_protected() -> None:
    case = period()
    case.wait(at("2027-03-02", "23:59"))
    assert "tell_what_applies" not in case.open


def test_left_alone_the_case_stays_open() -> None:
    case = period()
    case.wait(at("2029-01-01"))
    assert not case.step.finished
    assert "tell_what_applies" in case.open


def test_an_extended_period_begins_anew_with_the_new_dates() -> None:
    case = period()
    case.wait(at("2027-02-10"))
    case.answer("check_in", case.stored("cooperates", "check_in"))
    talk(case, cooperation="declines")
    case.answer("go_through_options", case.stored("declines", "go_through_options"))
    case.wait(at("2027-03-03"))
    case.answer("last_check", case.stored("undecided_without_applicant", "last_check"))
    dates = {"new_valid_from": "2027-03-03", "new_valid_to": "2027-04-01"}
    case.answer("tell_what_applies", {"after_permit": "extended", "told_what_applies": "yes", **dates})
    assert case.result["valid_to"] == "2027-04-01"
    assert case.open == ["hold_talk"]
    case.wait(at("2027-05-01"))
    assert ("permit_ends", at("2027-04-02", "00:00")) in case.fired
    ends(case)
    assert "follow_up_after" in case.open  # not extended a second time by the old answer


def test_an_extension_is_watched_at_once_whatever_is_still_open_of_the_period_before() -> None:
    case = period()
    case.wait(at("2027-03-03"))
    left = ["check_in", "hand_over", "last_check", "settle"]
    assert case.open == sorted([*left, "tell_what_applies"])
    dates = {"new_valid_from": "2027-03-03", "new_valid_to": "2027-04-01"}
    case.answer("tell_what_applies", {"after_permit": "extended", "told_what_applies": "yes", **dates})
    assert case.open == sorted([*left, "hold_talk"])
    assert {(each.place.element, each.due) for each in case.step.timers} == {
        ("day_10", at("2027-03-12", "08:00")),
        ("day_20", at("2027-03-22", "08:00")),
        ("day_25", at("2027-03-27", "08:00")),
        ("day_28", at("2027-03-30", "08:00")),
        ("permit_ends", at("2027-04-02", "00:00")),
    }
    case.wait(at("2027-04-02"))
    assert case.open.count("check_in") == 2
    assert "tell_what_applies" in case.open


def test_an_extension_that_is_decided_early_is_followed_from_when_it_is_registered() -> None:
    case = decided_early()
    assert ("permit_ends", at("2027-03-03", "00:00")) in watched(case)  # until the new dates are known
    register(case, new_decision="extended", new_valid_from="2027-03-03", new_valid_to="2027-04-01")
    assert case.result["valid_to"] == "2027-04-01"
    assert "register_new_decision" not in case.open
    ends = [due for element, due in watched(case) if element == "permit_ends"]
    assert ends == [at("2027-04-02", "00:00")]
    case.wait(at("2027-03-10"))
    assert "tell_what_applies" not in case.open


def test_a_decision_that_nobody_registers_does_not_hide_the_end_of_the_permit() -> None:
    case = decided_early()
    case.wait(at("2027-03-03"))
    assert "tell_what_applies" in case.open
    assert "register_new_decision" not in case.open
    assert "new-decision" not in case.awaited


def test_a_refusal_leaves_the_permit_watched_and_another_decision_can_come() -> None:
    case = decided_early()
    register(case, new_decision="refused")
    assert ("permit_ends", at("2027-03-03", "00:00")) in watched(case)
    case.message("new-decision", {})
    register(case, new_decision="permit", new_valid_from="2027-03-03", new_valid_to="2027-09-02")
    case.wait(at("2027-03-10"))
    assert "tell_what_applies" not in case.open
    assert [element for element, _ in case.fired].count("permit_ends") == 0


def decided_early() -> Walk:
    case = period()
    case.wait(at("2027-02-25"))
    case.message("new-decision", {})
    return case


def register(case: Walk, **said: str) -> None:
    answers = {"new_decision_made_on": "2027-02-25", "told_new_decision": "yes"}
    case.answer("register_new_decision", answers | said)


def watched(case: Walk) -> set[tuple[str, datetime]]:
    return {(each.place.element, each.due) for each in case.step.timers}


def test_what_is_done_late_of_a_period_ends_it_and_leaves_the_new_dates() -> None:
    case = period()
    case.wait(at("2027-02-10"))
    talk(case, cooperation="declines")
    case.answer("go_through_options", case.stored("declines", "go_through_options"))
    case.wait(at("2027-03-03"))
    case.answer("last_check", case.stored("undecided_without_applicant", "last_check"))
    dates = {"new_valid_from": "2027-03-03", "new_valid_to": "2027-04-01"}
    case.answer("tell_what_applies", {"after_permit": "extended", "told_what_applies": "yes", **dates})
    talk(case, cooperation="declines")
    case.answer("go_through_options", case.stored("declines", "go_through_options"))
    case.wait(at("2027-03-05"))
    case.answer("check_in", case.stored("undecided_without_applicant", "check_in"))
    assert case.open == []
    assert not case.step.finished
    case.wait(at("2027-04-02"))
    ends(case, after_permit="none")
    for element in ("check_in", "last_check", "follow_up_after"):
        case.answer(element, case.stored("undecided_without_applicant", element))
    assert case.step.finished
    assert (case.result["valid_to"], case.result["after_permit"]) == ("2027-04-01", "none")


def test_nobody_is_missing_from_a_period_that_is_over() -> None:
    path = next(each for each in examples("reflection_period") if each.stem == "declines")
    with pytest.raises(Conflict):
        walk(path).message("person-missing", {})
