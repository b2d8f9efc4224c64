"""The register of trainings: who was trained in what, entered and, when that was a mistake, withdrawn."""

from collections.abc import Iterator
from datetime import date
from uuid import UUID, uuid4

import sqlalchemy as sa

from service.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from service.models.people import Appointment, Training, Unit, User
from service.rules.permissions import Facts, Permission, may
from service.work import UnitOfWork

LONGEST_COURSE = 200
LONGEST_REASON = 500
FIRST_YEAR = 1950  # of a training; an earlier year is a slip of the pen


def register(
    work: UnitOfWork,
    *,
    username: str,
    unit: str,
    course: str,
    given_on: date,
    valid_until: date | None = None,
) -> UUID:
    """Enter that somebody was trained, in a unit where they work or have worked; noted in the access log.

    Raises `Forbidden`, `Invalid` with a problem for each field, `Conflict` for what is registered already.
    """
    if not may(work.actor, Permission.TRAINING_REGISTER, Facts(unit=unit)):
        raise Forbidden
    user, course = _person(work, username, unit), course.strip()
    problems = list(_problems(work, user, course, given_on, valid_until))
    if work.session.get(Unit, unit) is None:
        problems = [Problem(f"There is no unit {unit!r}.", pointer="/unit", rule="training-unit")]
    if problems or user is None:
        raise Invalid(problems=problems)
    same = sa.exists().where(
        Training.user_id == user.id,
        Training.given_on == given_on,
        sa.func.lower(Training.course) == course.lower(),
        Training.withdrawn_at.is_(None),
    )
    if work.session.scalar(sa.select(same)):
        told = "This training of this person on this day is registered already."
        raise Conflict(told, problems=[Problem(told, pointer="/course", rule="training-twice")])
    training = Training(
        id=uuid4(),
        user_id=user.id,
        unit_key=unit,
        course=course,
        given_on=given_on,
        valid_until=valid_until,
        recorded_at=work.now,
        recorded_by=work.actor.id,
    )
    work.session.add(training)
    work.looked("training.registered", subject=f"{user.username} {unit}")
    return training.id


def withdraw(work: UnitOfWork, training_id: UUID, *, reason: str) -> None:
    """Let a training that was entered by mistake count no more; it stays in the register, marked.

    Raises `NotFound`, `Forbidden`, `Invalid` without a reason, `Conflict` when it has been withdrawn before.
    """
    training = work.session.get(Training, training_id, with_for_update=True)
    facts = Facts(unit=training.unit_key) if training is not None else Facts()
    if training is None or not may(work.actor, Permission.TRAINING_READ, facts):
        raise NotFound
    if not may(work.actor, Permission.TRAINING_REGISTER, facts):
        raise Forbidden
    if training.withdrawn_at is not None:
        raise Conflict("This training has been withdrawn already.")
    if not 0 < len(reason.strip()) <= LONGEST_REASON:
        told = f"Say why in at most {LONGEST_REASON} characters."
        raise Invalid(problems=[Problem(told, pointer="/reason", rule="training-reason")])
    training.withdrawn_at = work.now
    username = work.session.get_one(User, training.user_id).username
    work.looked("training.withdrawn", subject=f"{username} {training.unit_key}", reason=reason.strip())


def _person(work: UnitOfWork, username: str, unit: str) -> User | None:
    """Whoever has this username and a role in the unit, now or before; locked against entering twice."""
    has_worked = sa.exists().where(Appointment.user_id == User.id, Appointment.unit_key == unit)
    return work.session.scalar(
        sa.select(User).where(User.username == username.strip().lower(), has_worked).with_for_update(of=User)
    )


def _problems(
    work: UnitOfWork, user: User | None, course: str, given_on: date, valid_until: date | None
) -> Iterator[Problem]:
    if user is None:
        told = "Name somebody who works or has worked in the unit."
        yield Problem(told, pointer="/user", rule="training-person")
    if not 0 < len(course) <= LONGEST_COURSE:
        told = f"Name the course in at most {LONGEST_COURSE} characters."
        yield Problem(told, pointer="/course", rule="training-course")
    if not given_on.year >= FIRST_YEAR or given_on > work.today:
        told = f"Give the day on which the training was given: today or before, from {FIRST_YEAR} on."
        yield Problem(told, pointer="/given_on", rule="training-given")
    if valid_until is not None and valid_until < given_on:
        told = "Let the training be valid until the day it was given or later, or leave the day out."
        yield Problem(told, pointer="/valid_until", rule="training-valid")
