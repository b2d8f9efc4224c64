"""The register of trainings, looked up: who has been trained in what, and until when it holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from service.errors import Forbidden, NotFound
from service.models.people import Appointment, Training, Unit, User
from service.queries.paging import DEFAULT, Page, page
from service.queries.people import Person
from service.rules.permissions import Facts, Permission, may
from service.work import UnitOfWork


@dataclass(frozen=True)
class TrainingRow:
    """An entry in the register."""

    id: UUID
    person: Person
    unit: str
    course: str
    given_on: date
    valid_until: date | None  # None: it does not grow old
    recorded_at: datetime
    recorded_by: Person | None  # None: the service itself
    withdrawn_at: datetime | None

    def holds(self, day: date) -> bool:
        """Tell whether it counts on this day."""
        return self.withdrawn_at is None and (self.valid_until is None or self.valid_until >= day)


def trainings(
    work: UnitOfWork,
    *,
    unit: str | None = None,
    user: str | None = None,
    limit: int = DEFAULT,
    cursor: str | None = None,
) -> Page[TrainingRow]:
    """The register, the training given last first, in the units that the actor may see.

    Raises `Forbidden` for who may see none, `NotFound` for a unit that is not among them.
    """
    units = readable(work)
    if not units and not may(work.actor, Permission.TRAINING_READ):  # who may read all, also where none are
        raise Forbidden
    if unit is not None and unit not in units:
        raise NotFound
    recorder = aliased(User)
    rows = (
        sa.select(
            Training, User.username, User.name, recorder.username.label("by"), recorder.name.label("by_name")
        )
        .join(User, User.id == Training.user_id)
        .outerjoin(recorder, recorder.id == Training.recorded_by)
        .where(Training.unit_key.in_([unit] if unit else units))
    )
    if user is not None:
        rows = rows.where(User.username == user.strip().lower())
    return page(
        work,
        rows,
        by=[Training.given_on, Training.id],
        make=_row,
        limit=limit,
        cursor=cursor,
        newest_first=True,
    )


def readable(work: UnitOfWork) -> dict[str, str]:
    """The units whose trainings the actor may see: names by key."""
    return _units(work, Permission.TRAINING_READ)


def writable(work: UnitOfWork) -> dict[str, str]:
    """The units in which the actor may enter trainings: names by key."""
    return _units(work, Permission.TRAINING_REGISTER)


def staff(work: UnitOfWork, units: Iterable[str]) -> dict[str, tuple[Person, ...]]:
    """Who has or had a role in each of these units, and can be entered there."""
    rows = work.session.execute(
        sa.select(Appointment.unit_key, User.id, User.username, User.name)
        .join(User, User.id == Appointment.user_id)
        .where(Appointment.unit_key.in_(units))
        .distinct()
        .order_by(Appointment.unit_key, User.name, User.username)
    )
    found: dict[str, list[Person]] = {}
    for row in rows:
        found.setdefault(row.unit_key, []).append(Person(row.id, row.username, row.name))
    return {unit: tuple(people) for unit, people in found.items()}


def courses(work: UnitOfWork, units: Iterable[str]) -> tuple[str, ...]:
    """The names under which courses have been entered, so that the same one gets the same name."""
    named = sa.select(Training.course).where(Training.unit_key.in_(units), Training.withdrawn_at.is_(None))
    return tuple(work.session.scalars(named.distinct().order_by(Training.course)))


def _units(work: UnitOfWork, permission: Permission) -> dict[str, str]:
    rows = work.session.execute(sa.select(Unit.key, Unit.name).order_by(Unit.name, Unit.key))
    return {row.key: row.name for row in rows if may(work.actor, permission, Facts(unit=row.key))}


def _row(row: Any) -> TrainingRow:
    training: Training = row.Training
    by = None
    if training.recorded_by is not None:
        by = Person(training.recorded_by, row.by, row.by_name)
    return TrainingRow(
        training.id,
        Person(training.user_id, row.username, row.name),
        training.unit_key,
        training.course,
        training.given_on,
        training.valid_until,
        training.recorded_at,
        by,
        training.withdrawn_at,
    )
