"""The daily list: at seven, each person's deadlines as one e-mail. Once a day, also after downtime."""

from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from service.commands import people, watches
from service.models.backups import held
from service.models.cases import Case, CaseAccess, CaseStatus, ProcessInstance, Task
from service.models.jobs import Job
from service.models.notices import Digest, Mail
from service.models.people import UnitHead, User
from service.rules.permissions import Actor, Role
from service.work import UnitOfWork

MORNING = time(7)  # local
AHEAD = timedelta(days=7)
MOST = 50  # rows of one list


def take(work: UnitOfWork) -> UUID | None:
    """Lock one person who has no list for today yet; None when all have theirs, or it is not seven yet.

    A day on which the service was down at seven gets its lists later; days that have passed get none.
    """
    early = work.now.astimezone(work.zone).time() < MORNING
    if early or not work.platform.settings.smtp_host:
        return None
    made = sa.exists().where(Digest.user_id == User.id, Digest.day == work.today)
    wants = (
        User.email.is_not(None),
        User.digest.is_(True),
        User.disabled_at.is_(None),
        sa.not_(made),
        ~held(),
    )
    next_one = sa.select(User.id).where(*wants).order_by(User.id).limit(1)
    return work.session.scalar(next_one.with_for_update(of=User, skip_locked=True))


def make(work: UnitOfWork, user_id: UUID) -> int:
    """Make today's list for a person whom `take` gave; gives how many deadlines it holds.

    Nobody gets two for a day: person and day are the key of the row that tells of it.
    """
    actor = people.actors(work, [user_id])[user_id]
    rows = _rows(work, actor)
    work.session.add(Digest(user_id=user_id, day=work.today, made_at=work.now, deadlines=len(rows)))
    if rows:
        content = {"rows": rows[:MOST], "more": max(0, len(rows) - MOST)}
        work.session.add(
            Mail(
                id=uuid4(),
                user_id=user_id,
                case_id=None,
                kind="digest",
                content=content,
                made_at=work.now,
                send_at=work.now,
                attempts=0,
            )
        )
    return len(rows)


def skip(work: UnitOfWork, user_id: UUID) -> None:
    """Leave a person without a list for today: it could not be made, and others wait for theirs."""
    work.session.add(Digest(user_id=user_id, day=work.today, made_at=work.now, deadlines=0))


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
    found = [row for row in found if isinstance(row[0], Task) or _is_watched(work, row)]
    found.sort(key=lambda row: (row[0].due_at, row[0].id))
    return [_row(work, row) for row in found]


def _is_watched(work: UnitOfWork, row: Any) -> bool:
    """Tell whether a timer ends a time that people are warned about; reminders only remind."""
    return bool(watches.levels(work, row[0], row.ProcessInstance.deployment_id))


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
