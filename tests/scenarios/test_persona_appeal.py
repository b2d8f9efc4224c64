"""Persona 8, refused for public order on 16 December: three weeks, which end on Epiphany."""

import pytest
from lives import NO_POLICE, after, filed, without_rights, working

from service.commands import people
from service.queries import casefile
from service.rules.permissions import SYSTEM

DECIDED, LAST = "2026-12-16", "2027-01-06"


def refused(story, **more):
    told = filed(story, "2026-12-07 09:00", **more)
    told.do("register_receipt", application_received_on="2026-12-07")
    reminders = {"first_reminder": 2, "second_reminder": 3}
    expected = {name: f"{working('2026-12-07', number)} 08:00" for name, number in reminders.items()}
    assert told.timers() == expected
    without_rights(told).until("2026-12-17 09:00")
    assert told.elements() == ["ask_agency", "ask_agency", "register_decision"]
    told.do("register_decision", decision="refused", decision_on=DECIDED, refusal_ground="order_security")
    assert told.elements() == ["decide_appeal"]
    assert told.row("decide_appeal").role == "team_leader"
    assert told.timers() == {
        "after_first_reminder": f"{after(DECIDED, days=7)} 08:00",
        "after_second_reminder": f"{after(DECIDED, days=14)} 08:00",
        "after_alarm": f"{after(DECIDED, days=18)} 08:00",
    }
    assert after(DECIDED, weeks=3) == LAST
    assert told.file().data["appeal_last_day"] == LAST
    return told


@pytest.mark.parametrize("by", ["commands", "api"])
def test_persona_8_appeals_within_three_weeks_of_the_day_of_the_decision(story, by):
    told = refused(story, by=by)
    assert told.due("decide_appeal") == f"{LAST} 23:59"  # a holiday, and still the day that counts
    told.until("2026-12-18 10:00").do("decide_appeal", appeal_decision="appeal").do("write_appeal")
    assert told.refuses("sign_appeal", "anna")
    told.do("sign_appeal", appeal_approval="approve")
    assert (told.who_did("write_appeal"), told.who_did("sign_appeal")) == ({"anna"}, {"bo"})
    sheet = told.sheet("send_appeal")
    assert "lag (1930:173)" in sheet.guidance
    assert "inte kontrollerat" in sheet.guidance  # the grace is told, and as doubtful
    assert told.due("send_appeal") == f"{LAST} 23:59"
    told.until("2026-12-23 08:00")
    assert told.elements() == ["answer_reminder", "send_appeal"]
    told.until("2026-12-29 14:00").do("send_appeal", appeal_sent_on="2026-12-29")
    assert "appeal-sent" in told.milestones()
    assert told.elements() == ["register_outcome"]
    assert told.timers() == {}
    assert told.due("register_outcome") == "2027-03-29 23:59"  # three months
    told.until("2027-03-02 09:00").do("register_outcome", appeal_outcome="rejected")
    assert told.elements() == ["plan_without_permit"]
    told.finish(NO_POLICE)
    assert told.fired == [
        ("2026-12-09 08:00", "first_reminder"),
        ("2026-12-10 08:00", "second_reminder"),
        ("2026-12-23 08:00", "after_first_reminder"),
    ]


def test_persona_8_whose_last_day_passes_sees_it_and_may_still_send_the_appeal_late(story):
    told = refused(story).until(f"{LAST} 23:59")
    assert not told.row("decide_appeal").overdue
    told.until(f"{after(LAST, days=1)} 00:00")
    assert told.elements() == ["answer_reminder", "answer_reminder", "decide_appeal", "secure_appeal"]
    assert told.row("decide_appeal").overdue
    assert told.row("secure_appeal").role == "team_leader"
    assert told.file().row.status == "open"
    with told.platform.begin(SYSTEM) as work:
        bo = people.actor(work, username="bo")
    with told.platform.begin(bo) as work:
        assert told.id in {row.id for row in casefile.cases(work, casefile.Wanted(overdue=True)).items}
    assert [element for _, element in told.fired[-3:]] == [
        "after_first_reminder",
        "after_second_reminder",
        "after_alarm",
    ]
    told.do("decide_appeal", appeal_decision="appeal").do("write_appeal")
    told.do("sign_appeal", appeal_approval="approve")
    assert told.row("send_appeal").overdue
    told.do("send_appeal", appeal_late_reason="Påhittad orsak: ingen såg larmet.")
    told.do("register_outcome", appeal_outcome="dismissed").finish(NO_POLICE)
    assert {"appeal-sent", "appeal-decided", "case-closed"} <= set(told.milestones())


def test_persona_8_whose_appeal_wins_gets_the_period(story):
    told = refused(story).do("decide_appeal", appeal_decision="appeal").do("write_appeal")
    told.do("sign_appeal", appeal_approval="approve").do("send_appeal").until("2027-02-01 10:00")
    told.do("register_outcome", appeal_outcome="granted", valid_from="2027-02-08", valid_to="2027-03-09")
    assert told.timers()["permit_ends"] == "2027-03-10 00:00"
    told.finish({"hold_talk": {"cooperation": "declines"}, "tell_what_applies": {"after_permit": "none"}})
