"""The appeal: three weeks from the day of the decision, counted strictly, and nobody forgets."""

from typing import Any

import pytest
from journey import Journey, deployed, examples, read, replay

AT = "2026-12-17T09:00"


def refused(*, decision_on: str = "2026-12-16", at: str = AT, **data: Any) -> Journey:
    return Journey("appeal", at=at, decision="refused", decision_on=decision_on, **data)


def written(**data: Any) -> Journey:
    return refused(**data).do("decide_appeal", appeal_decision="appeal").do("write_appeal")


def sent(**data: Any) -> Journey:
    return written(**data).do("sign_appeal").do("send_appeal")


def test_it_is_decided_written_signed_sent_and_its_outcome_registered():
    journey = sent().do("register_outcome", appeal_outcome="rejected")

    assert journey.finished
    assert journey.milestones == ["appeal-sent", "appeal-decided"]


def test_a_decision_of_16_december_is_appealed_by_epiphany_and_the_grace_is_only_mentioned():
    journey = refused()

    assert journey.data()["appeal_last_day"] == "2027-01-06"  # a public holiday
    assert journey.due("decide_appeal") == "2027-01-06 23:59"
    journey.do("decide_appeal")
    assert journey.due("write_appeal") == "2027-01-06 23:59"
    assert journey.do("write_appeal").due("sign_appeal") == "2027-01-06 23:59"
    assert journey.do("sign_appeal").due("send_appeal") == "2027-01-06 23:59"


@pytest.mark.parametrize("task", ["decide_appeal", "write_appeal", "sign_appeal", "send_appeal"])
def test_the_doubtful_grace_is_marked_as_doubtful(task):
    guidance = deployed().processes["appeal"].elements[task].guidance

    for text in (guidance.sv, guidance.en):
        assert "1930:173" in text
        assert "(D)" in text
        assert "6 jan" in text.lower()


@pytest.mark.parametrize(
    ("decision_on", "last_day"),
    [("2027-01-11", "2027-02-01"), ("2028-02-08", "2028-02-29"), ("2027-03-15", "2027-04-05")],
)
def test_the_last_day_is_the_same_weekday_three_weeks_later(decision_on, last_day):
    journey = refused(decision_on=decision_on, at=f"{decision_on}T10:00")

    assert journey.data()["appeal_last_day"] == last_day


def test_the_time_counts_from_the_decision_and_not_from_today():
    assert refused(at="2026-12-29T09:00").data()["appeal_last_day"] == "2027-01-06"


def test_reminders_come_after_seven_fourteen_and_eighteen_days():
    assert refused().timers() == {
        "after_first_reminder": "2026-12-23 08:00",
        "after_second_reminder": "2026-12-30 08:00",
        "after_alarm": "2027-01-03 08:00",
    }


def test_the_team_leader_is_alarmed_when_three_days_remain():
    journey = refused().wait(days=17)

    assert journey.tasks() == ["answer_reminder", "answer_reminder", "decide_appeal", "secure_appeal"]
    element = deployed().processes["appeal"].elements["secure_appeal"]
    assert element.role == "team_leader"


def test_sending_takes_reminders_and_alarms_away():
    journey = written().wait(days=17).do("sign_appeal").do("send_appeal")

    assert journey.tasks() == ["register_outcome"]
    assert not journey.timers()


def test_reminders_that_were_answered_do_not_hold_the_appeal():
    journey = written().wait(days=17).do("answer_reminder").do("answer_reminder").do("secure_appeal")
    journey.do("sign_appeal").do("send_appeal")

    assert journey.tasks() == ["register_outcome"]


def test_the_board_may_abstain():
    journey = refused().do("decide_appeal", appeal_decision="abstain")

    assert journey.finished
    assert journey.milestones == ["appeal-waived"]
    assert "appeal_outcome" not in journey.data()


def test_what_is_sent_back_raises_the_question_again():
    journey = written().do("sign_appeal", appeal_approval="send_back")

    assert journey.tasks() == ["decide_appeal"]
    assert journey.do("decide_appeal", appeal_decision="abstain").finished


def test_a_late_appeal_can_still_be_sent_and_judged():
    journey = written().do("sign_appeal").wait(days=30)
    assert "send_appeal" in journey.tasks()

    journey.do("send_appeal", appeal_late_reason="Beslutet kom bort i posten.")
    assert journey.do("register_outcome", appeal_outcome="dismissed").finished


def test_a_granted_appeal_gives_the_dates_of_the_decision():
    journey = sent().wait(days=40)
    journey.do("register_outcome", appeal_outcome="granted", valid_from="2027-02-01", valid_to="2027-03-02")

    assert journey.data()["valid_from"] == "2027-02-01"
    assert journey.data()["valid_to"] == "2027-03-02"


def test_another_person_with_the_delegation_signs():
    sign = deployed().processes["appeal"].elements["sign_appeal"]

    assert sign.delegation == "reflection-period-appeal"
    assert sign.four_eyes == "write_appeal"


@pytest.mark.parametrize("path", examples("appeal"), ids=lambda path: path.stem)
def test_the_example_runs_to_its_end(path):
    example = read(path)
    journey = replay(example, "appeal")

    assert journey.finished
    assert example["ends"] in journey.passed


def test_there_are_examples():
    assert len(examples("appeal")) >= 2
