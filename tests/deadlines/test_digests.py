"""The daily list: at seven, once a day for each person, also with several workers and after downtime."""

import pytest
import sqlalchemy as sa
from moments import at
from together import together

from service import scheduler
from service.commands import cases, people
from service.models.cases import Task
from service.models.notices import Digest, Mail
from service.rules.permissions import Protection


@pytest.fixture
def office(office):
    """Anna and bo want the daily list; there are three cases with deadlines to come."""
    for who in ("anna", "bo"):
        with office.desk.begin(who) as work:
            people.prefer(work, digest=True)
    for _ in range(3):
        office.open("2027-03-16T09:00")
    return office


def lists(office, who=None):
    with office.desk.begin("system") as work:
        made = sa.select(Digest).order_by(Digest.day, Digest.user_id)
        if who:
            made = made.where(Digest.user_id == getattr(office.desk.crew, who).id)
        return [(each.day.isoformat(), each.deadlines) for each in work.session.scalars(made)]


def letters(office):
    return [each for each in office.letters() if each.kind == "digest"]


def test_nothing_is_made_before_seven(office):
    office.warn("2027-03-17T06:59:59")
    assert lists(office) == []
    office.warn("2027-03-17T07:00")
    assert len(lists(office)) == 2


def test_the_list_holds_what_is_due_within_a_week_by_reference_and_step(office, mailbox):
    office.warn("2027-03-17T07:00")
    assert lists(office, "anna") == [("2027-03-17", 3)]  # the appeals, not yet the permits
    office.send("2027-03-17T07:01")
    (letter,) = [each for each in mailbox.letters if "frister" in each["Subject"]]
    assert letter["Subject"] == "Dagens tidsfrister (3)"
    text = letter.get_content()
    assert text.count("2027-03-22 23:59") == 3
    assert text.count("Skriv överklagandet") == 3
    assert "https://andrum.example.se/tasks" in text


def test_whoever_leads_the_team_reads_what_is_late(office):
    office.warn("2027-03-17T07:00")
    assert lists(office, "bo") == [("2027-03-17", 0)]
    office.warn("2027-03-23T07:00")
    assert lists(office, "bo")[-1] == ("2027-03-23", 3)
    office.warn("2027-03-24T07:00")
    assert lists(office, "anna")[-1] == ("2027-03-24", 6)  # late appeals, and permits that end within a week


def test_a_day_without_deadlines_sends_nothing(office):
    office.warn("2027-03-17T07:00")
    assert [each.user_id for each in letters(office)] == [office.desk.crew.anna.id]


def test_each_day_has_one_list_and_days_of_downtime_none(office):
    for when in ("2027-03-17T07:00", "2027-03-17T12:00", "2027-03-17T23:59"):
        office.warn(when)
    office.warn("2027-03-20T15:30")  # down for two days, and back in the afternoon
    office.warn("2027-03-20T16:00")
    assert [day for day, _ in lists(office, "anna")] == ["2027-03-17", "2027-03-20"]


def test_several_workers_make_each_list_once(office, other_worker):
    with at("2027-03-17T07:00"):
        wrong = together(scheduler.warn, (office.platform, other_worker) * 2)
    assert wrong == []
    assert len(lists(office)) == 2
    assert len(letters(office)) == 1


def test_who_does_not_want_it_or_has_no_address_gets_none(office):
    with office.desk.begin("anna") as work:
        people.prefer(work, digest=False)
    with office.desk.begin("bo") as work:
        people.set_address(work, username="bo", email=None)
    office.warn("2027-03-17T07:00")
    assert lists(office) == []


@pytest.mark.parametrize(("when", "made"), [("2027-03-28T06:59", 0), ("2027-03-28T07:00", 2)])
def test_seven_is_seven_on_the_morning_after_the_clocks_change(office, when, made):
    office.warn(when)
    assert len(lists(office)) == made


def test_a_protected_case_is_listed_without_its_step(office):
    case = office.open("2027-03-16T09:00")
    with office.desk.begin("system") as work:
        cases.protect(work, case, protection=Protection.PROTECTED, reason="Hotad")
    office.warn("2027-03-23T07:00")
    with office.desk.begin("system") as work:
        found = work.session.scalars(sa.select(Mail).where(Mail.kind == "digest")).all()
        told = {each.user_id: [row["sv"] for row in each.content["rows"]] for each in found}
    crew = office.desk.crew
    assert told[crew.anna.id].count(None) == 1
    assert None not in told[crew.bo.id]  # closed to him: not in his list at all


def test_one_list_that_fails_keeps_nobody_waiting(office, logs):
    with office.desk.begin("system") as work:
        anna = office.desk.crew.anna.id
        work.session.execute(sa.update(Task).values(element="gone", assignee_id=anna, warn_at=None))
    office.warn("2027-03-17T07:00")
    assert len(lists(office)) == 2
    assert [each["event"] for each in logs].count("a daily list failed") == 1
