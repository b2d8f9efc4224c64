"""How the organisation changed: units, heads and leaders, the team, delegations given and ended.

Heads, team leaders and delegates act for the board and are named. Caseworkers are named to those who answer
for the unit or audit it, since it is in their duty that they came and went; others, and what leaves the
house, get their number. Whose own data are protected is never named.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from service.models.history import AccessEvent
from service.models.people import Appointment, User
from service.queries import people
from service.queries.people import Person
from service.rules.permissions import Facts, Permission, Role, may
from service.work import UnitOfWork

NOBODY = "-"  # how the access log writes that a unit has no head


@dataclass(frozen=True)
class Change:
    """Something that became different on a day; `what` is a word that a text exists for."""

    day: date
    what: str
    unit: str
    person: Person | None = None  # None also for one who is not to be named
    position: str = ""  # of who holds a delegation
    code: str = ""  # what the delegation is for
    basis: str = ""
    number: int = 0  # of caseworkers


def changes(
    work: UnitOfWork, units: Collection[str], since: date, until: date, *, named: bool = True
) -> tuple[Change, ...]:
    """What changed in these units from one day to another, the newest first; others' units are left out.

    Without `named`, caseworkers are counted even for those who may see their names.
    """
    mine = {each for each in units if may(work.actor, Permission.STATISTICS_READ, Facts(unit=each))}
    begin = datetime.combine(since, time(), work.zone)
    end = datetime.combine(until + timedelta(days=1), time(), work.zone)
    found = [
        *_units(work, begin, end),
        *_appointments(work, begin, end, _answered_for(work, mine) if named else frozenset()),
        *_delegations(work, since, min(until, work.today)),
    ]
    hidden = set(work.session.scalars(sa.select(User.id).where(User.protected)))
    mine_found = [
        replace(each, person=None) if each.person is not None and each.person.id in hidden else each
        for each in found
        if each.unit in mine
    ]
    return tuple(sorted(mine_found, key=lambda each: (each.day, each.what, each.unit), reverse=True))


def _answered_for(work: UnitOfWork, units: Collection[str]) -> frozenset[str]:
    """The units that the actor leads or audits."""
    return frozenset(each for each in units if may(work.actor, Permission.TRAINING_READ, Facts(unit=each)))


def _units(work: UnitOfWork, begin: datetime, end: datetime) -> Iterator[Change]:
    """Units made and heads named, as the access log tells it."""
    rows = work.session.execute(
        sa.select(AccessEvent.at, AccessEvent.action, AccessEvent.subject)
        .where(
            AccessEvent.action.in_(("unit.added", "unit.head")), AccessEvent.at >= begin, AccessEvent.at < end
        )
        .order_by(AccessEvent.at)
    ).all()
    told = [(row.at, row.action, *(row.subject or "").partition(" ")[::2]) for row in rows]
    who = people.by_username(work, (username for *_, username in told))
    for at, action, unit, username in told:
        day = at.astimezone(work.zone).date()
        if action == "unit.added":
            yield Change(day, "unit_made", unit)
        elif username == NOBODY:
            yield Change(day, "head_left", unit)
        else:
            yield Change(day, "head_named", unit, who.get(username))


def _appointments(
    work: UnitOfWork, begin: datetime, end: datetime, named: Collection[str]
) -> Iterator[Change]:
    """Team leaders by name, caseworkers by name in these units and else by number."""
    rows = work.session.execute(
        sa.select(Appointment, User.username, User.name, User.protected)
        .join(User, User.id == Appointment.user_id)
        .where(
            Appointment.role.in_((Role.TEAM_LEADER, Role.CASEWORKER)),
            sa.or_(
                sa.and_(Appointment.held_from >= begin, Appointment.held_from < end),
                sa.and_(Appointment.held_to >= begin, Appointment.held_to < end),
            ),
        )
    )
    counted: Counter[tuple[date, str, str]] = Counter()
    for row in rows:
        for what, at in (("began", row.Appointment.held_from), ("ended", row.Appointment.held_to)):
            if at is None or not begin <= at < end:
                continue
            day, unit = at.astimezone(work.zone).date(), row.Appointment.unit_key
            person = Person(row.Appointment.user_id, row.username, row.name)
            if row.Appointment.role == Role.TEAM_LEADER:
                yield Change(day, f"leader_{what}", unit, person)
            elif unit in named and not row.protected:
                yield Change(day, f"caseworker_{what}", unit, person)
            else:
                counted[day, f"caseworkers_{what}", unit] += 1
    for (day, what, unit), number in counted.items():
        yield Change(day, what, unit, number=number)


def _delegations(work: UnitOfWork, since: date, until: date) -> Iterator[Change]:
    for row in people.delegations(work):
        told: dict[str, Any] = {"position": row.position, "code": row.code, "basis": row.basis}
        if row.valid_to is not None and row.valid_to < row.valid_from:
            continue  # withdrawn before it held
        if since <= row.valid_from <= until:
            yield Change(row.valid_from, "delegation_began", row.unit, row.person, **told)
        if row.valid_to is not None and since <= row.valid_to < until:
            yield Change(row.valid_to, "delegation_ended", row.unit, row.person, **told)
