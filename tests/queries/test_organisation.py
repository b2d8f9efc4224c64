"""How the organisation changed: whom it names to whom, and what it only counts."""

from datetime import UTC, date, datetime, timedelta

import time_machine

from service.commands import people
from service.queries import organisation
from service.rules.permissions import Role

DAY = timedelta(days=1)


def changes(desk, who="bo", units=("norrmalm", "farsta"), since=date(2031, 1, 1), until=date(2031, 12, 31)):
    with desk.begin(who) as work:
        return [
            (f"{each.day:%m-%d}", each.what, each.unit, each.person.username if each.person else each.number)
            for each in organisation.changes(work, units, since, until)
        ]


def on(month, day, hour=10):
    return time_machine.travel(datetime(2031, month, day, hour, tzinfo=UTC), tick=False)


def test_a_year_is_told_with_the_newest_first_and_only_of_units_one_may_see(desk):
    with on(2, 1), desk.begin("sam") as work:
        people.add_unit(work, key="hagsatra", name="Hagsätra")
        people.set_head(work, unit="norrmalm", username="petra")
        people.set_head(work, unit="farsta", username="petra")
        people.grant(work, username="kim", role=Role.TEAM_LEADER, unit="norrmalm")
    with on(3, 31, 22), desk.begin("sam") as work:  # the first of April in Stockholm
        for username in ("petra", "pia"):
            people.grant(work, username=username, role=Role.CASEWORKER, unit="norrmalm")
        people.revoke(work, username="kim", role=Role.TEAM_LEADER, unit="norrmalm")
    with on(5, 1), desk.begin("sam") as work:
        people.set_head(work, unit="norrmalm", username=None)
        people.disable(work, username="pia")
    with on(6, 1):
        assert changes(desk) == [
            ("05-01", "head_left", "norrmalm", 0),
            ("05-01", "caseworker_ended", "norrmalm", "pia"),
            ("04-01", "leader_ended", "norrmalm", "kim"),
            ("04-01", "caseworker_began", "norrmalm", "petra"),
            ("04-01", "caseworker_began", "norrmalm", "pia"),
            ("02-01", "leader_began", "norrmalm", "kim"),
            ("02-01", "head_named", "norrmalm", "petra"),
        ]
        assert changes(desk, "elin") == [("02-01", "head_named", "farsta", "petra")]
        assert changes(desk, until=date(2031, 1, 31)) == []
        assert ("02-01", "unit_made", "hagsatra", 0) in changes(desk, "system", units=("hagsatra",))


def test_a_delegation_is_told_when_it_begins_and_when_it_has_ended(desk):
    told = {"username": "kim", "code": "x", "position": "chef", "unit": "norrmalm", "basis": "SN 1"}
    with on(2, 1), desk.begin("sam") as work:
        people.delegate(work, **told, valid_from=date(2031, 2, 10), valid_to=date(2031, 3, 10))
        later = people.delegate(work, **told, valid_from=date(2031, 2, 1))
        never = people.delegate(work, **told, valid_from=work.today)
        people.end_delegation(work, never)
    with on(2, 15):
        assert [each[:2] for each in changes(desk)] == [
            ("02-10", "delegation_began"),
            ("02-01", "delegation_began"),
        ]
    with on(4, 2), desk.begin("sam") as work:
        people.end_delegation(work, later)
    with on(4, 3):
        assert [each[:2] for each in changes(desk)] == [
            ("04-01", "delegation_ended"),
            ("03-10", "delegation_ended"),
            ("02-10", "delegation_began"),
            ("02-01", "delegation_began"),
        ]


def test_caseworkers_are_named_to_leaders_and_auditors_and_counted_for_others_and_on_paper(desk):
    with on(3, 1), desk.begin("sam") as work:
        for username in ("petra", "pia"):
            people.grant(work, username=username, role=Role.CASEWORKER, unit="norrmalm")
    named = [
        ("03-01", "caseworker_began", "norrmalm", "petra"),
        ("03-01", "caseworker_began", "norrmalm", "pia"),
    ]
    counted = [("03-01", "caseworkers_began", "norrmalm", 2)]
    assert [sorted(changes(desk, who)) for who in ("bo", "greta")] == [named, named]
    assert changes(desk, "anna") == counted
    with desk.begin("greta") as work:
        told = organisation.changes(work, ("norrmalm",), date(2031, 1, 1), date(2031, 12, 31), named=False)
        assert [(each.what, each.number) for each in told] == [("caseworkers_began", 2)]


def test_whoever_is_protected_is_named_in_no_duty(desk):
    with on(3, 1), desk.begin("sam") as work:
        people.grant(work, username="pia", role=Role.CASEWORKER, unit="norrmalm")
        people.grant(work, username="kim", role=Role.TEAM_LEADER, unit="norrmalm")
        for username in ("pia", "kim"):
            people.protect(work, username=username, protected=True)
    assert changes(desk, "greta") == [
        ("03-01", "leader_began", "norrmalm", 0),
        ("03-01", "caseworkers_began", "norrmalm", 1),
    ]
    with desk.begin("sam") as work:
        people.protect(work, username="kim", protected=False)
    assert ("03-01", "leader_began", "norrmalm", "kim") in changes(desk, "greta")
