"""The register of trainings: who enters what, what is refused, what stays when an entry was a mistake."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from service.commands import people, trainings
from service.errors import Conflict, Forbidden, Invalid, NotFound
from service.models.history import AccessEvent
from service.models.people import Training
from service.queries import trainings as register
from service.rules.permissions import Role

COURSE = "Grundutbildning (påhittad)"
DAY = timedelta(days=1)


def enter(desk, who="bo", **given):
    with desk.begin(who) as work:
        told = {"username": "anna", "unit": "norrmalm", "course": COURSE, "given_on": work.today}
        return trainings.register(work, **told | given)


def rows(desk, who="bo", **wanted):
    with desk.begin(who) as work:
        return register.trainings(work, **wanted).items


def noted(desk):
    with desk.begin("system") as work:
        found = work.session.scalars(sa.select(AccessEvent).where(AccessEvent.action.like("training.%")))
        return [(each.action, each.actor, each.subject, each.reason) for each in found]


def test_a_team_leader_enters_a_training_and_the_access_log_says_so(desk):
    made = enter(desk, username=" ANNA ", course=f"  {COURSE} ")
    (row,) = rows(desk)
    assert (row.id, row.person.username, row.course, row.unit) == (made, "anna", COURSE, "norrmalm")
    assert (row.recorded_by.username, row.valid_until, row.withdrawn_at) == ("bo", None, None)
    assert noted(desk) == [("training.registered", "bo", "anna norrmalm", None)]


@pytest.mark.parametrize("who", ["anna", "petra", "greta", "elin"])
def test_nobody_but_team_leaders_and_administrators_enters(desk, who):
    with pytest.raises(Forbidden):
        enter(desk, who)
    assert noted(desk) == []


def test_a_team_leader_enters_nothing_in_another_unit_and_an_administrator_does(desk):
    with pytest.raises(Forbidden):
        enter(desk, username="elin", unit="farsta")
    enter(desk, "sam", username="elin", unit="farsta")
    assert [row.person.username for row in rows(desk, "sam")] == ["elin"]
    assert rows(desk, "bo") == ()
    with pytest.raises(NotFound):
        rows(desk, "bo", unit="farsta")


def test_an_auditor_reads_what_a_caseworker_may_not(desk):
    enter(desk)
    assert len(rows(desk, "greta")) == 1
    with pytest.raises(Forbidden):
        rows(desk, "anna")


@pytest.mark.parametrize(
    ("given", "pointers"),
    [
        ({"username": "elin"}, ["/user"]),
        ({"username": "nobody", "course": "  "}, ["/user", "/course"]),
        ({"course": "x" * 201}, ["/course"]),
    ],
)
def test_what_makes_no_sense_is_told_field_by_field(desk, given, pointers):
    with pytest.raises(Invalid) as refused:
        enter(desk, **given)
    assert [each.pointer for each in refused.value.problems] == pointers
    assert all(each.rule for each in refused.value.problems)
    assert rows(desk) == ()


def test_days_must_make_sense(desk):
    with desk.begin("bo") as work:
        today = work.today
    for given, pointer in (
        ({"given_on": today + DAY}, "/given_on"),
        ({"given_on": today.replace(year=1900)}, "/given_on"),
        ({"valid_until": today - DAY}, "/valid_until"),
    ):
        with pytest.raises(Invalid) as refused:
            enter(desk, **given)
        assert [each.pointer for each in refused.value.problems] == [pointer]


def test_an_unknown_unit_is_told(desk):
    with pytest.raises(Invalid) as refused:
        enter(desk, "sam", unit="nowhere")
    assert [each.pointer for each in refused.value.problems] == ["/unit"]


def test_who_has_left_the_unit_can_still_be_entered(desk):
    with desk.begin("sam") as work:
        people.revoke(work, username="anna", role=Role.CASEWORKER, unit="norrmalm")
    enter(desk)
    with desk.begin("bo") as work:
        assert "anna" in {person.username for person in register.staff(work, ["norrmalm"])["norrmalm"]}


def test_the_same_is_entered_once_and_again_after_it_was_withdrawn(desk):
    made = enter(desk)
    with pytest.raises(Conflict):
        enter(desk, course=COURSE.upper())
    with desk.begin("bo") as work:
        trainings.withdraw(work, made, reason="Fel person")
    assert enter(desk) != made
    assert {row.withdrawn_at is None for row in rows(desk)} == {True, False}


def test_an_entry_is_withdrawn_once_with_a_reason_and_stays(desk):
    made = enter(desk)
    with desk.begin("bo") as work, pytest.raises(Invalid):
        trainings.withdraw(work, made, reason=" ")
    for who, refusal in (("greta", Forbidden), ("anna", NotFound), ("elin", NotFound)):
        with desk.begin(who) as work, pytest.raises(refusal):
            trainings.withdraw(work, made, reason="Fel")
    with desk.begin("bo") as work:
        trainings.withdraw(work, made, reason=" Fel person ")
    with desk.begin("bo") as work, pytest.raises(Conflict):
        trainings.withdraw(work, made, reason="Igen")
    with desk.begin("system") as work:
        assert work.session.get_one(Training, made).withdrawn_at is not None
    assert noted(desk)[1:] == [("training.withdrawn", "bo", "anna norrmalm", "Fel person")]


def test_the_register_is_paged_with_the_training_given_last_first(desk):
    with desk.begin("bo") as work:
        today = work.today
    for number in range(5):
        enter(desk, course=f"Kurs {number}", given_on=today - number * DAY)
    seen, cursor = [], None
    for _ in range(3):
        with desk.begin("greta") as work:
            page = register.trainings(work, limit=2, cursor=cursor)
        seen += [row.course for row in page.items]
        cursor = page.next
    assert (seen, cursor, page.total) == ([f"Kurs {number}" for number in range(5)], None, 5)
