"""Whole cases of invented people, from the first report to the end, through the commands, on both databases.

Every legal day is counted here by plain date arithmetic, apart from the tables that the service counts by.
"""

from datetime import date, timedelta

import pytest

from service.commands import tasks
from service.errors import Forbidden

NO_RIGHTS = {"offer": {"right_wish": "no"}}
NO_POLICE = {"ask_consent": {"consent_police": "no"}}
WANTS = {
    "citizenship": "third_country",
    "stay": "none",
    "removal_decision": "no",
    "wants_reflection_period": "yes",
}


def identified(story, at, *, crime="trafficking", **wish):
    told = story(at).do("register_report").do("make_first_contact", interpreter_needed="yes")
    told.do("arrange_urgent_protection").do("assess_indicators", coercion=["documents", "debt"])
    told.do("decide_grounds", reason_to_assume="yes", crime=crime)
    return told.do("inform_person", **(WANTS | wish))


def applied(story, at, **wish):
    told = identified(story, at, **wish).do("prepare_application")
    return told.do("sign_application", approval="approve").do("send_application")


def granted(story, at, *, valid_from, **wish):
    """A permit of thirty days, as decided: the last day is the twenty-ninth after the first."""
    told = applied(story, at, **wish).do("register_receipt")
    last = date.fromisoformat(valid_from) + timedelta(days=29)
    told.do(
        "register_decision",
        decision="granted",
        decision_on=valid_from,
        valid_from=valid_from,
        valid_to=last.isoformat(),
    )
    while "offer" in told.elements():
        told.do("offer", right_wish="no")
    return told, last


def day(first, number):
    """The number-th day of a period, the first being day one."""
    return (date.fromisoformat(first) + timedelta(days=number - 1)).isoformat()


def test_persona_1_with_a_removal_order_gets_a_stay_asked_for_and_later_a_permit_by_the_prosecutor(
    story,
):
    told = identified(story, "2027-02-22T09:00", removal_decision="yes")
    assert "ask_for_stay" not in told.elements()
    told.do("prepare_application")
    with pytest.raises(Forbidden):  # who wrote the application may not sign it
        told.do("sign_application", who="anna", approval="approve")
    told.do("sign_application", approval="approve").do("send_application").do("ask_for_stay")
    assert told.who_did("prepare_application") == {"anna"}
    assert told.who_did("sign_application") == {"bo"}
    rights = {row.right for row in told.file().tasks if row.element == "offer"}
    assert rights == {"housing", "legal", "health", "psychological", "interpreter", "material"}
    told.do("register_receipt").do(
        "register_decision",
        decision="granted",
        decision_on="2027-03-01",
        valid_from="2027-03-01",
        valid_to="2027-03-30",
    )
    told.do("offer", right="interpreter", right_wish="yes").do("arrange", right="interpreter")
    told.do("confirm_start", right="interpreter")
    while "offer" in told.elements():
        told.do("offer", right_wish="no")
    told.wait_until("2027-03-10T12:00")
    assert told.due("check_in").startswith(day("2027-03-01", 10))
    told.do("check_in").wait_until("2027-03-20T12:00")
    assert "hand_over" in told.elements()
    told.do("hold_talk", cooperation="cooperates")
    told.do("ask_consent", consent_police="yes").do("decide_report", report_decision="report")
    told.do("make_report", investigation_opened=True)
    assert "police-report-made" in told.milestones()
    told.finish(
        {
            "register_police": {"police_answer": "opened", "investigation_opened": True},
            "register_answer": {"ful_answer": "applies"},
            "tell_what_applies": {"after_permit": "permit"},
        }
        | NO_RIGHTS
    )
    reached = told.milestones()
    assert {"stay-requested", "application-sent", "decision-granted", "six-month-permit-requested"} <= set(
        reached
    )
    assert reached.index("application-sent") < reached.index("rights-package-activated")
    went_off = {on for on, _ in told.gone_off()}
    assert {day("2027-03-01", 10), day("2027-03-01", 20)} <= went_off


def test_persona_3_an_eu_citizen_in_the_first_three_months_gets_the_rights_without_any_permit(story):
    told = identified(story, "2027-02-22T09:00", citizenship="eu_eea", stay="right_of_residence")
    assert "prepare_application" not in told.elements()
    told.finish(NO_RIGHTS | NO_POLICE)
    assert "rights-package-activated" in told.milestones()
    assert told.processes().isdisjoint({"application", "reflection_period", "appeal"})


def test_persona_4_an_eu_citizen_without_a_right_to_stay_may_have_a_reflection_period_and_four_weeks(story):
    served = "2027-02-15"
    told = identified(
        story,
        "2027-02-22T09:00",
        citizenship="eu_eea",
        stay="none",
        removal_decision="yes",
        removal_served_on=served,
    )
    assert "prepare_application" in told.elements()
    told.do("prepare_application").do("sign_application", approval="approve")
    earliest = date.fromisoformat(served) + timedelta(weeks=4)
    assert told.file().data["removal_earliest_on"] == earliest.isoformat()
    told.do("send_application").do("register_receipt")
    told.do(
        "register_decision",
        decision="granted",
        decision_on="2027-03-01",
        valid_from="2027-03-01",
        valid_to="2027-03-30",
    )
    told.finish({"hold_talk": {"cooperation": "declines"}} | NO_RIGHTS | NO_POLICE)
    assert "reflection-permit-ended" in told.milestones()


def refused(story):
    told = applied(story, "2026-12-07T09:00").do("register_receipt")
    told.wait_until("2026-12-17T09:00")
    told.do(
        "register_decision", decision="refused", decision_on="2026-12-16", refusal_ground="order_security"
    )
    while "offer" in told.elements():
        told.do("offer", right_wish="no")
    return told


def test_persona_8_a_refusal_is_appealed_within_three_weeks_of_the_day_it_was_made(story):
    told = refused(story)
    last = date(2026, 12, 16) + timedelta(weeks=3)
    assert last == date(2027, 1, 6)  # trettondedagen: the strict day is the one that counts
    assert told.due("decide_appeal") <= f"{last} 23:59"
    told.do("decide_appeal", appeal_decision="appeal").do("write_appeal")
    told.do("sign_appeal", appeal_approval="approve").do("send_appeal")
    assert told.now.date() <= last
    assert "appeal-sent" in told.milestones()
    told.finish({"register_outcome": {"appeal_outcome": "rejected"}} | NO_RIGHTS | NO_POLICE)


def test_persona_8_if_nobody_appeals_in_time_the_reminders_and_the_alarm_have_gone_off_and_the_case_says_so(
    story,
):
    told = refused(story)
    told.wait_until("2027-01-07T08:00")
    went_off = {on for on, _ in told.gone_off()}
    for after in (7, 14, 18):
        assert (date(2026, 12, 16) + timedelta(days=after)).isoformat() in went_off
    assert told.elements(), "the case must ask somebody to act"
    assert told.file().row.status == "open"


def test_persona_10_undecided_without_an_investigation_sees_that_nobody_can_apply_and_nothing_ends_silently(
    story,
):
    told, last = granted(story, "2027-02-22T09:00", valid_from="2027-03-01")
    told.wait_until(f"{day('2027-03-01', 10)}T12:00").do("check_in")
    told.wait_until(f"{day('2027-03-01', 25)}T12:00")
    told.do("settle", cooperation="undecided", investigation_opened=False)
    assert "no_applicant" in told.elements()
    assert "ask_extension" not in told.elements()
    assert "no_applicant" in {row.element for row in told.file().tasks}
    told.wait_until(f"{last + timedelta(days=1)}T09:00")
    assert "tell_what_applies" in told.elements()
    told.finish(
        {"no_applicant": {"ask_police": "no"}, "tell_what_applies": {"after_permit": "none"}}
        | NO_RIGHTS
        | NO_POLICE
    )
    assert "extension-requested" not in told.milestones()


def test_persona_11_who_disappears_on_day_12_is_looked_for_commented_on_and_the_case_is_kept_open(story):
    told, last = granted(story, "2027-02-22T09:00", valid_from="2027-03-01")
    told.wait_until(f"{day('2027-03-01', 12)}T12:00").say("person-missing", reported_by="Boendet")
    assert "missing_routine" in told.elements()
    told.do("missing_routine").do("stop_costs")
    told.do("watch_missing", watch_result="revocation", revocation_due="2027-03-25")
    told.do("comment_revocation")
    assert "person-missing" in told.milestones()
    assert told.file().row.status == "open"
    told.wait_until(f"{last + timedelta(days=1)}T09:00")
    assert told.file().row.status == "open"
    told.finish(
        {
            "settle": {"cooperation": "disappeared", "missing_routine_started": "yes"},
            "watch_missing": {"watch_result": "safe"},
            "tell_what_applies": {"after_permit": "none", "told_what_applies": "not_reached"},
        }
        | NO_RIGHTS
        | NO_POLICE
    )


def test_persona_15_a_swedish_woman_of_nineteen_never_meets_the_migration_branch(story):
    told = identified(story, "2027-02-22T09:00", citizenship="swedish")
    told.finish(NO_RIGHTS | NO_POLICE)
    assert told.processes().isdisjoint({"application", "reflection_period", "appeal"})
    assert "rights-package-activated" in told.milestones()


def test_another_unit_never_learns_of_the_case(story, crew):
    told = identified(story, "2027-02-22T09:00")
    with pytest.raises(Exception, match="not visible to you"), told.platform.begin(crew.elin) as work:
        tasks.claim(work, told.task("prepare_application").id)
