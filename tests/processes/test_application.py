"""The application: written, signed by another, sent, received and decided."""

from typing import Any

import pytest
from journey import Journey, deployed, examples, read, replay

AT = "2026-12-21T09:00"  # Christmas is near


def signed(**data: Any) -> Journey:
    return Journey("application", at=AT, **data).do("prepare_application").do("sign_application")


def sent(**data: Any) -> Journey:
    return signed(**data).do("send_application")


def received(**data: Any) -> Journey:
    return sent(**data).do("register_receipt", application_received_on="2026-12-21")


def test_it_is_written_signed_sent_received_and_granted():
    journey = received().do("register_decision", valid_from="2026-12-23", valid_to="2027-01-21")

    assert journey.finished
    assert journey.milestones == ["application-sent", "application-received", "decision-granted"]
    data = journey.data()
    assert (data["decision"], data["valid_from"], data["valid_to"]) == ("granted", "2026-12-23", "2027-01-21")
    assert data["application_sent_on"] == "2026-12-21"


def test_it_is_refused_with_a_ground_and_the_day_of_the_decision():
    journey = received().do("register_decision", decision="refused", decision_on="2026-12-22")

    assert journey.finished
    assert journey.milestones[-1] == "decision-refused"
    assert journey.data()["decision_on"] == "2026-12-22"
    assert journey.data()["refusal_ground"]


def test_the_delegate_may_send_it_back_until_it_is_right():
    journey = Journey("application", at=AT)
    for _ in range(3):
        journey.do("prepare_application").do("sign_application", approval="send_back")

    assert journey.tasks() == ["prepare_application"]
    assert journey.data()["send_back_reason"]


def test_the_board_may_decline_to_apply():
    journey = (
        Journey("application", at=AT).do("prepare_application").do("sign_application", approval="decline")
    )

    assert journey.finished
    assert journey.milestones == ["application-declined"]


def test_only_another_person_with_the_delegation_signs():
    elements = deployed().processes["application"].elements

    assert elements["sign_application"].delegation == "reflection-period-application"
    assert elements["sign_application"].four_eyes == "prepare_application"
    assert elements["sign_application"].role == "team_leader"
    assert Journey("application", at=AT).data()["authority"]["delegation"] == "reflection-period-application"


def test_dues_count_working_days_over_christmas():
    journey = Journey("application", at="2026-12-23T09:00")

    assert journey.due("prepare_application") == "2026-12-29 23:59"


def test_the_receipt_may_come_as_a_message():
    journey = sent().say("migration-agency-receipt", received_on="2026-12-22", dossier_number="11-123456")

    assert journey.tasks() == ["register_decision"]
    assert "application-received" in journey.milestones
    assert journey.data()["application_received_on"] == "2026-12-22"
    assert journey.data()["dossier_number"] == "11-123456"


def test_a_receipt_without_a_day_counts_from_today():
    assert sent().say("migration-agency-receipt").data()["application_received_on"] == "2026-12-21"


def test_the_decision_may_come_as_a_message():
    journey = received().say(
        "migration-agency-decision",
        decision="granted",
        decision_on="2026-12-22",
        valid_from="2026-12-22",
        valid_to="2027-01-20",
    )

    assert journey.finished
    assert journey.data()["valid_to"] == "2027-01-20"


@pytest.mark.parametrize(
    "unclear",
    [
        {"decision": "perhaps"},
        {"decision": "granted", "valid_from": "2026-12-22"},
        {"decision": None},
        {},
    ],
)
def test_an_unclear_message_comes_back_to_a_person_filled_in(unclear):
    journey = received().say("migration-agency-decision", **unclear)

    assert journey.tasks() == ["register_decision"]
    assert journey.data()["decision"] == unclear.get("decision")
    journey.do("register_decision", decision="granted", valid_from="2026-12-22", valid_to="2027-01-20")
    assert journey.milestones[-1] == "decision-granted"


def test_a_decision_cannot_come_before_the_receipt_is_known():
    journey = sent()

    with pytest.raises(StopIteration):
        journey.say("migration-agency-decision", decision="granted")


def test_the_agency_is_asked_two_and_three_working_days_after_the_receipt():
    journey = received()

    assert journey.timers() == {"first_reminder": "2026-12-23 08:00", "second_reminder": "2026-12-28 08:00"}
    assert journey.due("register_decision") == "2026-12-28 23:59"
    assert journey.wait(days=3).tasks() == ["ask_agency", "register_decision"]
    journey.do("ask_agency")
    assert journey.wait(days=7).tasks() == ["ask_agency", "register_decision"]


def test_an_unclear_message_does_not_remind_anew():
    journey = received().wait(days=10).say("migration-agency-decision", decision="perhaps")

    assert journey.tasks().count("ask_agency") == 2
    assert not journey.timers()


def test_the_decision_takes_open_reminders_and_the_stay_away():
    journey = received(removal_order=True).wait(days=10)
    assert journey.tasks() == ["ask_agency", "ask_agency", "ask_for_stay", "register_decision"]

    journey.do("register_decision", valid_from="2026-12-22", valid_to="2027-01-20")
    assert journey.finished


@pytest.mark.parametrize(("removal_order", "asked"), [(True, True), (False, False), (None, False)])
def test_a_stay_is_asked_for_only_where_a_removal_decision_exists(removal_order, asked):
    assert ("ask_for_stay" in sent(removal_order=removal_order).tasks()) is asked


def test_the_stay_is_asked_for_while_the_receipt_is_awaited():
    journey = sent(removal_order=True).do("ask_for_stay")

    assert journey.tasks() == ["register_receipt"]
    assert "stay-requested" in journey.milestones


def test_an_eea_citizen_is_removed_four_weeks_after_the_decision_was_received_at_the_earliest():
    journey = sent(removal_order=True, citizenship="eu_eea", removal_served_on="2026-12-10")

    assert journey.data()["removal_earliest_on"] == "2027-01-07"
    journey.do("ask_for_stay")
    assert journey.steps[-1]["data"]["removal_earliest_on"] == "2027-01-07"


def test_no_day_of_removal_is_made_up_for_others():
    journey = sent(removal_order=True, citizenship="third_country", removal_served_on="2026-12-10")

    assert journey.data().get("removal_earliest_on") is None


@pytest.mark.parametrize("path", examples("application"), ids=lambda path: path.stem)
def test_the_example_runs_to_its_end(path):
    example = read(path)
    journey = replay(example, "application")

    assert journey.finished
    assert example["ends"] in journey.passed


def test_there_are_examples():
    assert len(examples("application")) >= 2
