"""Those whose way is another: 3 needs no permit, 4 is an EU citizen who may have one, 15 is Swedish."""

import pytest
from lives import NO_POLICE, NO_RIGHTS, after, filed, identified, without_rights

MIGRATION = {"application", "reflection_period", "appeal"}


def test_persona_3_an_eu_citizen_in_the_first_three_months_has_the_rights_and_no_permit_branch(story):
    told = identified(story, "2027-02-22 09:00", citizenship="eu_eea", stay="right_of_residence")
    assert told.file().data["route"]["permit_needed"] == "no"
    assert told.elements() == ["ask_consent", *["offer"] * 6]
    told.do("offer", right="psychological", right_wish="later", offer_again_on="2027-03-15")
    told.do("offer", right="housing", right_wish="yes").do("arrange").do("confirm_start")
    while any(row.element == "offer" for row in told.file().tasks):
        told.do("offer", right_wish="no")
    told.do("ask_consent", consent_police="no")
    assert told.row("decide_report").role == "team_leader"  # trafficking: the law allows it without consent
    told.do("decide_report", report_decision="no_report").do("give_reasons", ask_again="no")
    assert told.due("follow_up") == f"{after('2027-02-22', days=14)} 23:59"
    told.do("follow_up", right_follow_up_result="done")
    assert told.elements() == []
    assert told.timers() == {"offer_again": "2027-03-15 08:00"}
    told.until("2027-03-15 08:00").do("offer", right="psychological", right_wish="no")
    told.do("close_case").ended()
    assert told.processes().isdisjoint(MIGRATION)
    assert {"application-sent", "decision-granted"}.isdisjoint(told.milestones())


def test_persona_4_an_eu_citizen_without_a_right_to_stay_may_have_a_reflection_period(story):
    served = "2027-02-15"
    earliest = after(served, weeks=4)
    wish = {"citizenship": "eu_eea", "removal_decision": "yes", "removal_served_on": served}
    told = filed(story, "2027-02-22 09:00", **wish)
    assert told.file().data["route"]["permit_needed"] in {"yes", "possible"}
    sheet = told.sheet("ask_for_stay")
    assert sheet.data["removal_earliest_on"] == earliest == "2027-03-15"
    assert "12 kap. 15 § tredje stycket" in sheet.form.content.decode()
    told.do("ask_for_stay", removal_earliest_on=earliest).do("register_receipt")
    dates = {"decision_on": "2027-02-22", "valid_from": "2027-02-23", "valid_to": "2027-03-24"}
    told.do("register_decision", decision="granted", **dates)
    assert told.timers()["permit_ends"] == "2027-03-25 00:00"
    without_rights(told).until("2027-03-02 10:00").do("hold_talk", cooperation="declines")
    told.do("go_through_options", option_chosen="return")
    told.finish({"tell_what_applies": {"after_permit": "none", "follow_up_on": "2027-04-01"}} | NO_POLICE)
    assert "reflection-permit-ended" in told.milestones()
    assert {due for due, element in told.fired if element == "permit_ends"} == {"2027-03-25 00:00"}


@pytest.mark.parametrize("by", ["commands", "api"])
def test_persona_15_a_swedish_woman_of_nineteen_never_meets_the_migration_branch(story, by):
    told = identified(story, "2027-02-22 09:00", by=by, citizenship="swedish")
    data = told.file().data
    assert data["route"]["permit_needed"] == "no"
    assert {"stay", "removal_decision", "wants_reflection_period"}.isdisjoint(
        key for key, value in data.items() if value is not None
    )
    assert told.elements() == ["ask_consent", *["offer"] * 6]
    told.do("ask_consent", consent_police="yes").do("decide_report", report_decision="report")
    told.do("make_report", investigation_opened=True)
    assert "police-report-made" in told.milestones()
    told.finish(NO_RIGHTS)
    assert told.processes().isdisjoint(MIGRATION)
    assert told.fired == []
