"""Staff in the team and its valid training equal a recount, person by person, of the raw rows."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
import time_machine

from service.commands import people, trainings
from service.models.people import Appointment, Training
from service.queries import statistics
from service.queries.statistics import Asked, Seen
from service.rules.permissions import Role

ZONE = ZoneInfo("Europe/Stockholm")
WHO = ("anna", "kim", "bo", "elin", "petra")
UNITS = ("norrmalm", "farsta")
TEAM = {"caseworker", "team_leader"}
YEAR = Asked(date(2030, 1, 1), date(2030, 12, 31))


def lives(desk, seed):
    """Two years in which people come, go and are trained, by chance; today is then in the third."""
    chance, day = random.Random(seed), date(2029, 1, 10)  # noqa: S311  nothing secret
    while day < date(2031, 2, 1):
        with time_machine.travel(datetime(day.year, day.month, day.day, 22, 30, tzinfo=UTC), tick=False):
            for _ in range(2):
                try:
                    one_thing(desk, chance)
                except Exception as refused:
                    if not hasattr(refused, "problems"):
                        raise
        day += timedelta(days=chance.randrange(3, 15))


def one_thing(desk, chance):
    who, unit = chance.choice(WHO), chance.choice(UNITS)
    role = chance.choice([Role.CASEWORKER, Role.TEAM_LEADER, Role.PROCESS_OWNER])
    with desk.begin("system") as work:
        match chance.randrange(5):
            case 0:
                people.grant(work, username=who, role=role, unit=unit)
            case 1:
                people.revoke(work, username=who, role=role, unit=unit)
            case 2 | 3:
                given = work.today - timedelta(days=chance.randrange(200))
                until = chance.choice([None, given + timedelta(days=chance.randrange(300))])
                trainings.register(
                    work, username=who, unit=unit, course=f"{chance.random()}", given_on=given,
                    valid_until=until,
                )  # fmt: skip
            case 4:
                known = work.session.scalars(sa.select(Training.id).order_by(Training.recorded_at)).all()
                if known:
                    trainings.withdraw(work, chance.choice(known), reason="Fel")


def recount(work, last, units):
    """The same figures the slow way: each person, at the end of the day or now."""
    appointments = work.session.scalars(sa.select(Appointment)).all()
    entries = work.session.scalars(sa.select(Training)).all()
    end = min(datetime(last.year, last.month, last.day, 23, 59, 59, 999_999, tzinfo=ZONE), work.now)
    day = min(last, work.today)
    team = set()
    for each in appointments:
        left = each.held_to is not None and each.held_to <= end and each.held_to != work.now
        if each.role in TEAM and each.unit_key in units and each.held_from <= end and not left:
            team.add(each.user_id)
    trained = {
        each.user_id
        for each in entries
        if each.withdrawn_at is None and each.given_on <= day <= (each.valid_until or date.max)
    }
    return len(team), len(team & trained)


@pytest.mark.parametrize("seed", [3])
def test_both_figures_equal_a_recount_each_month_and_each_year(desk, seed):
    lives(desk, seed)
    told = []
    with time_machine.travel(datetime(2031, 2, 10, 12, tzinfo=UTC), tick=False):
        for asked in (
            YEAR,
            Asked(date(2029, 1, 1), date(2031, 12, 31)),
            Asked(date(2031, 1, 1), date(2031, 12, 31)),
        ):
            with desk.begin("system") as work:
                found = statistics.statistics(work, asked)
                staff, trained = (found.figures[key] for key in ("staff_in_team", "staff_trained"))
                for (span, many), (_, few) in zip(staff.spans, trained.spans, strict=True):
                    counted = recount(work, span.last, UNITS)
                    assert (many.number, few.number) == counted, span
                    told.append(counted)
                last = staff.spans[-1][0].last
                assert (staff.total.number, trained.total.number) == recount(work, last, UNITS)
                for unit in staff.units:
                    one = trained.units.get(unit)
                    assert (staff.units[unit].number, one.number if one else 0) == recount(work, last, {unit})
    assert len(set(told)) > 2, told  # something happened
    assert any(0 < few < many for many, few in told), told


def test_nothing_is_said_of_trainings_while_the_register_is_empty(desk):
    with desk.begin("bo") as work:
        assert statistics.statistics(work, YEAR).figures["staff_trained"].total.seen is Seen.NOT_COUNTED
        made = trainings.register(
            work, username="anna", unit="norrmalm", course="Kurs", given_on=work.today, valid_until=None
        )
    today = Asked(date(2020, 1, 1), date(2039, 12, 31))
    with desk.begin("bo") as work:
        assert statistics.statistics(work, today).figures["staff_trained"].total.number == 1
        trainings.withdraw(work, made, reason="Fel")
    with desk.begin("bo") as work:
        assert statistics.statistics(work, today).figures["staff_trained"].total.seen is Seen.NOT_COUNTED


def test_a_training_counts_to_its_last_day_and_no_longer(desk):
    with desk.begin("bo") as work:
        today = work.today
    for lasts, counted in ((0, 1), (-1, 0)):
        with desk.begin("bo") as work:
            made = trainings.register(
                work, username="anna", unit="norrmalm", course="Kurs",
                given_on=today - timedelta(days=9), valid_until=today + timedelta(days=lasts),
            )  # fmt: skip
        with desk.begin("bo") as work:
            found = statistics.statistics(work, Asked(today.replace(month=1, day=1), today))
            assert found.figures["staff_trained"].total.number == counted
            trainings.withdraw(work, made, reason="Nästa fall")
