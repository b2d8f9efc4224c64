"""How the lives of the invented people begin, and the law's days counted by hand, apart from any table."""

from collections.abc import Callable
from datetime import date, timedelta

from story import Story

# Besides Saturdays and Sundays, from Christmas 2026 to Easter 2027: Christmas Eve and Day, New Year's Eve
# and Day, Epiphany, Good Friday, Easter Monday.
FREE = {
    date(2026, 12, 24),
    date(2026, 12, 25),
    date(2026, 12, 31),
    date(2027, 1, 1),
    date(2027, 1, 6),
    date(2027, 3, 26),
    date(2027, 3, 29),
}
NO_RIGHTS = {"offer": {"right_wish": "no"}}
NO_POLICE = {"ask_consent": {"consent_police": "no"}}
WISH = {
    "citizenship": "third_country",
    "stay": "none",
    "removal_decision": "no",
    "wants_reflection_period": "yes",
}


def day(first: str, number: int) -> str:
    """The numbered day of a period whose first day is day 1."""
    return f"{date.fromisoformat(first) + timedelta(days=number - 1)}"


def after(start: str, **time: int) -> str:
    """The day that lies this long after another."""
    return f"{date.fromisoformat(start) + timedelta(**time)}"


def working(start: str, number: int) -> str:
    """The numbered day after this one on which people work."""
    found = date.fromisoformat(start)
    while number:
        found += timedelta(days=1)
        number -= works(found)
    return f"{found}"


def next_working(start: str) -> str:
    """This day if people work on it, else the first after it on which they do."""
    return start if works(date.fromisoformat(start)) else working(start, 1)


def works(each: date) -> bool:
    """Tell whether people work on this day."""
    return each.weekday() < 5 and each not in FREE


def identified(
    begin: Callable[..., Story], minute: str, *, by: str = "commands", crime: str = "trafficking", **wish: str
) -> Story:
    """From the first report to the wish of the person, within a day; every task is due as counted by hand."""
    told = begin(minute, by=by)
    today, clock = told.today, minute[-5:]
    assert told.due("register_report") == f"{working(today, 1)} 23:59"
    told.do("register_report", report_source="police", person_name="Påhittad Person")
    assert told.due("make_first_contact") == f"{after(today, days=1)} {clock}"
    told.do("make_first_contact", interpreter_needed="yes", interpreter_language="edo")
    assert told.due("arrange_urgent_protection") == f"{after(today, days=1)} {clock}"
    told.do("arrange_urgent_protection", protection_needed="yes", protection_measures=["shelter"])
    assert told.due("assess_indicators") == f"{working(today, 5)} 23:59"
    told.do("assess_indicators", coercion=["documents", "debt"])
    assert told.row("decide_grounds").role == "team_leader"
    assert told.due("decide_grounds") == f"{working(today, 2)} 23:59"
    told.do("decide_grounds", reason_to_assume="yes", crime=crime)
    assert told.due("inform_person") == f"{working(today, 2)} 23:59"
    asked = told.sheet("inform_person").form.fields
    return told.do("inform_person", **{key: each for key, each in (WISH | wish).items() if key in asked})


def filed(begin: Callable[..., Story], minute: str, **more: str) -> Story:
    """To the application that has been sent, signed by a second person who holds the delegation."""
    told = identified(begin, minute, **more)
    today = told.today
    assert told.due("prepare_application") == f"{working(today, 2)} 23:59"
    assert told.elements() == ["prepare_application"]
    told.do("prepare_application")
    assert told.due("sign_application") == f"{working(today, 1)} 23:59"
    told.do("sign_application", approval="approve")
    assert told.due("send_application") == f"{working(today, 1)} 23:59"
    assert "rights-package-activated" not in told.milestones()
    told.do("send_application", application_sent_on=today)
    assert told.who_did("prepare_application").isdisjoint(told.who_did("sign_application"))
    rights = {row.right for row in told.file().tasks if row.element == "offer"}
    assert rights == {"housing", "legal", "health", "psychological", "interpreter", "material"}
    return told


def without_rights(told: Story) -> Story:
    """The person declines everything that is offered."""
    while "offer" in told.elements():
        told.do("offer", right_wish="no")
    return told
