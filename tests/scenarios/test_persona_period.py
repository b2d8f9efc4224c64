"""Those who get a reflection period: 1 with a removal order, 10 undecided, 11 who disappears on day 12."""

import pytest
from lives import NO_POLICE, NO_RIGHTS, after, day, filed, identified, next_working, without_rights, working

FIRST, LAST = "2027-03-01", "2027-03-30"  # a period of thirty days, as decided


def granted(story, **more):
    """A permit from the first of March, and no right wished for."""
    told = filed(story, "2027-02-22 09:00", **more)
    told.do("register_receipt", application_received_on="2027-02-22")
    dates = {"decision_on": "2027-02-24", "valid_from": FIRST, "valid_to": LAST}
    told.until("2027-02-24 07:30").do("register_decision", decision="granted", **dates)
    assert told.file().data["valid_to"] == LAST == day(FIRST, 30)
    assert told.timers() == period_timers(FIRST, LAST)
    return without_rights(told)


def period_timers(first, last):
    days = {f"day_{number}": f"{day(first, number)} 08:00" for number in (10, 20, 25, 28)}
    return {**days, "permit_ends": f"{after(last, days=1)} 00:00"}


def test_persona_1_with_a_removal_order_is_protected_as_far_as_the_law_goes_and_gets_the_long_permit(story):
    told = asked_for_with_a_stay(story)
    slow_interpreter(told)
    slow_agency(told)
    cooperates_on_day_25(told)
    only_the_prosecutor_applies(told)
    ends_with_a_permit_pending(told)
    assert told.fired == [
        ("2027-02-27 09:15", "reminder_time"),
        ("2027-03-01 09:15", "escalation_time"),
        ("2027-03-03 08:00", "first_reminder"),
        ("2027-03-04 08:00", "second_reminder"),
        ("2027-03-17 08:00", "day_10"),
        ("2027-03-27 08:00", "day_20"),
        ("2027-04-01 08:00", "day_25"),
        ("2027-04-01 08:00", "application_late"),  # five days before the end, and asked on that day
        ("2027-04-04 08:00", "day_28"),
        ("2027-04-07 00:00", "permit_ends"),
    ]
    reached = told.milestones()
    order = ["application-sent", "rights-package-activated", "decision-granted", "six-month-permit-requested"]
    assert [each for each in reached if each in order] == order
    assert {"stay-requested", "police-report-made", "reflection-permit-ended"} <= set(reached)
    assert "extension-requested" not in reached


def asked_for_with_a_stay(story):
    """K4: nothing stops the removal by itself, so a stay is asked for at once."""
    told = identified(story, "2027-02-26 09:15", removal_decision="yes", removal_served_on="2027-01-20")
    assert told.sheet("prepare_application").data["removal_order"] is True
    told.do("prepare_application", removal_details="Utvisning enligt beslut den 20 januari (påhittat).")
    assert told.refuses("sign_application", "anna")
    assert told.refuses("sign_application", "kim")
    assert told.refuses("sign_application", "elin")
    told.do("sign_application", approval="approve").do("send_application", application_sent_on="2027-02-26")
    assert (told.who_did("prepare_application"), told.who_did("sign_application")) == ({"anna"}, {"bo"})
    assert told.due("ask_for_stay") == "2027-03-01 23:59"
    assert "12 kap. 12 b §" in told.sheet("ask_for_stay").legal_basis
    return told.do("ask_for_stay")


def slow_interpreter(told):
    """The interpreter is wished for and slow: after 24 hours the caseworker hears, then the team leader."""
    told.do("offer", right="interpreter", right_wish="yes")
    without_rights(told).until("2027-02-27 09:15")
    assert told.due("push_on") == "2027-03-01 23:59"
    told.until("2027-03-01 09:15")
    assert told.row("clear_obstacle").role == "team_leader"
    told.do("arrange", right="interpreter", right_provider="Påhittad tolkförmedling")
    assert {"push_on", "clear_obstacle"}.isdisjoint(told.elements())
    told.do("confirm_start", right="interpreter")
    assert told.due("follow_up") == f"{after('2027-03-01', days=14)} 23:59"


def slow_agency(told):
    """It is reminded after two and three working days, and decides by message: thirty days over Easter."""
    told.do("register_receipt", application_received_on="2027-03-01")
    assert told.due("register_decision") == f"{working('2027-03-01', 3)} 23:59" == "2027-03-04 23:59"
    told.until("2027-03-03 09:00").do("ask_agency")
    told.until("2027-03-04 09:00").do("ask_agency").until("2027-03-05 10:00")
    dates = {"decision_on": "2027-03-05", "valid_from": "2027-03-08", "valid_to": "2027-04-06"}
    assert dates["valid_to"] == day(dates["valid_from"], 30)
    told.say("migration-agency-decision", decision="granted", dossier_number="12-3456789", **dates)
    assert told.timers() == period_timers("2027-03-08", "2027-04-06")  # the clocks change on 28 March
    told.until("2027-03-15 11:00").do("follow_up", right_follow_up_result="done")


def cooperates_on_day_25(told):
    told.until("2027-03-17 08:00")
    assert told.due("check_in") == "2027-03-17 23:59"
    told.do("check_in").until("2027-03-27 08:00")
    assert told.due("hand_over") == f"{next_working('2027-03-27')} 23:59" == "2027-03-30 23:59"
    told.until("2027-03-30 10:00").do("hand_over", handover_possible="yes").until("2027-04-01 08:00")
    assert "hold_talk" not in told.elements()
    assert told.row("settle").role == "team_leader"
    told.do("settle", settle_basis="talk_today", cooperation="cooperates", investigation_opened=False)
    assert told.due("ask_consent") == f"{working('2027-04-01', 3)} 23:59"
    told.do("ask_consent", consent_police="yes").do("decide_report", report_decision="report")
    told.do("make_report", investigation_opened=True, ful_name="Påhittad Åklagare")
    told.do("register_police", police_answer="opened", investigation_opened=True)


def only_the_prosecutor_applies(told):
    """K1: the board has no task to apply; it asks the one who can."""
    assert told.elements() == ["ask_permit"]
    assert "förundersökningsledare" in told.sheet("ask_permit").guidance.lower()
    told.do("ask_permit")
    assert told.due("register_answer") == "2027-04-06 23:59"
    told.do("press_applicant").do("register_answer", ful_answer="applies").until("2027-04-04 08:00")
    assert told.due("last_check") == "2027-04-06 23:59"
    told.do("last_check", filed="six_months", filed_by="Påhittad Åklagare")


def ends_with_a_permit_pending(told):
    told.until("2027-04-07 00:00")
    assert told.due("tell_what_applies") == "2027-04-07 23:59"
    sheet = told.sheet("tell_what_applies")
    assert "12 kap. 12 b och 16 §§" in sheet.legal_basis
    assert "Hindret mot verkställighet gällde så länge tillståndet gällde" in sheet.form.content.decode()
    told.do("tell_what_applies", after_permit="pending", stay_ordered="asked", follow_up_on="2027-04-21")
    assert told.due("follow_up_after") == "2027-04-21 23:59"
    told.until("2027-04-21 13:00").do("follow_up_after", after_permit_state="decided")
    told.do("close_case", closing_reason="done").ended()


def test_persona_10_undecided_without_an_investigation_is_told_that_nobody_can_apply(story):
    told = granted(story)
    told.until(f"{day(FIRST, 10)} 08:00").do("check_in")
    told.until(f"{day(FIRST, 20)} 08:00").do("hand_over", handover_possible="no")
    told.until(f"{day(FIRST, 25)} 08:00")
    told.do("settle", settle_basis="talk_today", cooperation="undecided", investigation_opened=False)
    assert "ask_extension" not in told.elements()

    sheet = told.sheet("no_applicant")
    assert told.due("no_applicant") == "2027-03-25 23:59"
    assert "5 kap. 15 § utlänningslagen (2005:716) fjärde stycket" in sheet.legal_basis
    assert "Just nu finns ingen som kan söka." in sheet.form.content.decode()
    options = [each.value for each in sheet.form.fields["gap_options"].options]
    assert options == ["asylum", "other_permit", "return", "nsp", "no_permit"]

    # Nothing ends silently: what nobody answered is still asked for when the permit has ended
    told.until("2027-03-31 00:00")
    assert told.elements() == ["last_check", "no_applicant", "tell_what_applies"]
    assert told.row("no_applicant").overdue
    told.do("no_applicant", gap_options=["nsp", "no_permit"], ask_police="no")
    told.do("last_check", filed="nothing")
    told.do("tell_what_applies", after_permit="none", stay_ordered="no", follow_up_on="2027-04-14")
    assert told.elements() == ["follow_up_after"]
    told.until("2027-04-14 09:00").do("follow_up_after", after_permit_state="no_permit")
    told.do("close_case").ended()
    assert told.fired[-5:] == sorted((due, element) for element, due in period_timers(FIRST, LAST).items())
    assert {"extension-requested", "six-month-permit-requested"}.isdisjoint(told.milestones())


def test_persona_10_gets_an_extension_once_the_police_have_opened_an_investigation(story):
    told = granted(story)
    told.until(f"{day(FIRST, 18)} 13:00").do("hold_talk", cooperation="undecided", talk_again="no")
    told.do("no_applicant", ask_police="yes").do("ask_consent", consent_police="yes")
    told.do("decide_report", report_decision="report").do("make_report", investigation_opened=True)
    told.do("register_police", police_answer="opened", investigation_opened=True)
    assert "ask_permit" not in told.elements()
    told.do("ask_extension").do("register_answer", ful_answer="applies")
    assert "extension-requested" in told.milestones()

    told.until("2027-03-31 00:00").do("last_check", filed="extension", filed_by="Påhittad Åklagare")
    dates = {"new_valid_from": "2027-03-31", "new_valid_to": "2027-05-14"}  # K2: no maximum is in the law
    told.do("tell_what_applies", after_permit="extended", **dates).do("check_in")
    assert told.timers() == period_timers("2027-03-31", "2027-05-14")
    asked_anew = told.sheet("hold_talk").data
    assert {asked_anew.get(key) for key in ("talk_on", "cooperation", "after_permit")} == {None}
    told.do("hold_talk", cooperation="declines").finish(NO_RIGHTS | NO_POLICE)
    assert [due for due, element in told.fired if element == "permit_ends"] == [
        "2027-03-31 00:00",
        "2027-05-15 00:00",
    ]


def test_what_was_typed_about_the_talk_before_day_25_is_shown_to_whoever_settles_the_way(story):
    told = granted(story).until(f"{day(FIRST, 24)} 16:00")
    talk = told.row("hold_talk").id
    told.hands.claim("anna", talk)
    told.save("anna", talk, stance_own_words="”Jag vill att det tar slut.” (påhittat)")
    told.until(f"{day(FIRST, 25)} 08:00")
    assert "hold_talk" not in told.elements()
    (left,) = told.left_behind("bo", "settle")
    assert left.draft.data == {"stance_own_words": "”Jag vill att det tar slut.” (påhittat)"}
    assert (left.task_id, left.draft.saved_by.username) == (talk, "anna")
    assert told.left_behind("bo", "check_in") == ()


def test_an_extension_is_watched_from_the_moment_it_is_registered_whatever_was_forgotten(story):
    """A check-in that nobody did and a way that nobody settled do not hold up the clock of the new permit."""
    told = granted(story).until("2027-03-31 00:00")
    forgotten = ["check_in", "hand_over", "last_check", "settle"]
    assert told.elements() == sorted([*forgotten, "tell_what_applies"])
    dates = {"new_valid_from": "2027-03-31", "new_valid_to": "2027-05-14"}
    told.do("tell_what_applies", after_permit="extended", **dates)
    assert told.timers() == period_timers("2027-03-31", "2027-05-14")
    assert told.elements() == sorted([*forgotten, "hold_talk"])
    told.say("person-missing", reported_by="Boendet (påhittat)")  # both periods listen; one routine begins
    assert told.elements().count("missing_routine") == 1
    assert [each.name for each in told.file().awaited].count("person-missing") == 1
    told.until("2027-05-15 00:00")
    assert ("2027-05-15 00:00", "permit_ends") in told.fired
    assert "tell_what_applies" in told.elements()
    assert told.file().data["valid_to"] == "2027-05-14"
    told.finish(NO_RIGHTS | NO_POLICE)


@pytest.mark.parametrize("by", ["commands", "api"])
def test_persona_11_who_disappears_on_day_12_is_looked_for_and_her_case_is_kept_open(story, by):
    told = granted(story, by=by)
    told.until(f"{day(FIRST, 10)} 08:00").do("check_in")
    told.until(f"{day(FIRST, 12)} 14:00").say("person-missing", reported_by="Boendet (påhittat)")
    assert "person-missing" in told.milestones()
    assert told.due("missing_routine") == f"{day(FIRST, 13)} 14:00"
    told.do("missing_routine", missing_since=day(FIRST, 12), missing_contacted=["housing", "police"])
    assert told.due("stop_costs") == f"{day(FIRST, 12)} 23:59"
    told.do("stop_costs", costs_stopped=["housing", "payments"], watch_until=day(FIRST, 19))
    assert told.due("watch_missing") == f"{day(FIRST, 19)} 23:59"

    # The agency considers to revoke: the applicant must be given the chance to comment (7:7 b)
    told.until(f"{day(FIRST, 16)} 09:00")
    told.do("watch_missing", watch_result="revocation", revocation_due="2027-03-24", watch_until="2027-03-31")
    assert told.due("comment_revocation") == "2027-03-24 23:59"
    assert "7 kap. 7 b §" in told.sheet("comment_revocation").legal_basis
    told.do("comment_revocation", comment_stand="keep")
    assert told.due("watch_missing") == "2027-03-31 23:59"

    # The period goes on, and its questions too; no second routine is begun
    told.until(f"{day(FIRST, 20)} 08:00").do("hand_over", handover_possible="no")
    told.until(f"{day(FIRST, 25)} 08:00")
    told.do("settle", settle_basis="no_talk", cooperation="disappeared", missing_routine_started="yes")
    assert told.elements() == ["watch_missing"]
    told.until(f"{day(FIRST, 28)} 08:00").do("last_check", filed="nothing").until("2027-03-31 00:00")
    assert told.elements() == ["tell_what_applies", "watch_missing"]
    told.do(
        "tell_what_applies", after_permit="none", told_what_applies="not_reached", follow_up_on="2027-04-30"
    )
    assert told.file().row.status == "open"
    told.until("2027-04-20 09:00").do("watch_missing", watch_result="ended")
    assert told.elements() == ["follow_up_after"]
    told.until("2027-04-30 09:00").do("follow_up_after", after_permit_state="gone")
    told.do("close_case", closing_reason="no_contact").ended()
    assert told.milestones().count("person-missing") == 1
