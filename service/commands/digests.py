"""The daily list: at seven, each person's deadlines as one e-mail. Once a day, also after downtime."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from service.commands import people
from service.models.cases import Case, CaseAccess, CaseStatus, ProcessInstance, Task
from service.models.jobs import Job
from service.models.notices import Digest, Mail
from service.models.people import UnitHead, User
from service.rules.permissions import Actor, Role
from service.work import UnitOfWork

MORNING = time(7)  # local
AHEAD = timedelta(days=7)
MOST = 50  # rows of one list


def make_next(work: UnitOfWork) -> UUID | None:
    """Make today's list for one person who has none yet; gives whose. None when all have theirs.

    Nobody gets two for a day: the row of the day is its key, and the person's row is locked while it is made.
    A day on which the service was down at seven gets its list later; days that have passed get none.
    """
    settings = work.platform.settings
    if not settings.smtp_host or work.now.astimezone(work.zone).time() < MORNING:
        return None
    person = work.session.scalar(_next(work, work.today))
    if person is None:
        return None
    actor = people.actors(work, [person.id])[person.id]
    rows = _rows(work, actor)
    work.session.add(Digest(user_id=person.id, day=work.today, made_at=work.now, deadlines=len(rows)))
    if rows:
        content = {"rows": rows[:MOST], "more": max(0, len(rows) - MOST)}
        work.session.add(
            Mail(
                id=uuid4(),
                user_id=person.id,
                case_id=None,
                kind="digest",
                content=content,
                made_at=work.now,
                send_at=work.now,
                attempts=0,
            )
        )
    return person.id


def _next(work: UnitOfWork, day: date) -> sa.Select[User]:
    made = sa.exists().where(Digest.user_id == User.id, Digest.day == day)
    wants = (User.email.is_not(None), User.digest.is_(True), User.disabled_at.is_(None), sa.not_(made))
    del work
    return sa.select(User).where(*wants).order_by(User.id).limit(1).with_for_update(of=User, skip_locked=True)


def _rows(work: UnitOfWork, actor: Actor) -> list[dict[str, Any]]:
    """The person's deadlines that have passed or come within a week, the earliest first."""
    until = work.now + AHEAD
    found = [
        *work.session.execute(
            _select(Task).where(Task.closed_at.is_(None), Task.due_at < until, _concerns(work, actor, Task))
        ),
        *work.session.execute(
            _select(Job).where(
                Job.period.is_not(None),
                Job.due_at < until,
                Job.paused_at.is_(None),
                _concerns(work, actor, Job),
            )
        ),
    ]
    found.sort(key=lambda row: (row[0].due_at, row[0].id))
    return [_row(work, row) for row in found]


def _select(table: type[Task | Job]) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(table, Case, ProcessInstance)
        .join(Case, Case.id == table.case_id)
        .join(ProcessInstance, ProcessInstance.id == table.instance_id)
        .where(Case.status.in_((CaseStatus.OPEN, CaseStatus.SUSPENDED)))
    )


def _concerns(work: UnitOfWork, actor: Actor, table: type[Task | Job]) -> sa.ColumnElement[bool]:
    """What is the person's own; for a team leader and a head also what is late in the unit."""
    units = set(actor.units(Role.CASEWORKER, Role.TEAM_LEADER))
    mine = sa.and_(Case.owner_id == actor.id, Case.unit_key.in_(units))
    if table is Task:
        free = sa.and_(mine, Task.assignee_id.is_(None))
        mine = sa.or_(sa.and_(Task.assignee_id == actor.id, Case.unit_key.in_(units)), free)
    heads = set(work.session.scalars(sa.select(UnitHead.unit_key).where(UnitHead.user_id == actor.id)))
    leads = heads | set(actor.units(Role.TEAM_LEADER))
    late = sa.and_(Case.unit_key.in_(leads), table.due_at < work.now)
    named = sa.exists().where(
        CaseAccess.case_id == Case.id, CaseAccess.user_id == actor.id, CaseAccess.ends_at > work.now
    )
    open_to = sa.or_(Case.protection == "normal", Case.owner_id == actor.id, named)
    return sa.and_(sa.or_(mine, late), open_to)


def _row(work: UnitOfWork, row: Any) -> dict[str, Any]:
    deadline, case, instance = row
    name = work.definition(instance.deployment_id).processes[deadline.process].elements[deadline.element].name
    due: datetime = deadline.due_at
    told = {"sv": name.sv, "en": name.in_("en")} if case.protection == "normal" else {"sv": None, "en": None}
    return {"reference": case.reference, "due": due.isoformat(), **told}
