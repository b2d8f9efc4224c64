"""A person's deadlines as a calendar shows them: their own tasks, and the counted times of their cases."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.engine.text import Text
from service.models.cases import Case, CaseStatus, ProcessInstance, Task
from service.models.jobs import Job
from service.queries.visibility import visible
from service.work import UnitOfWork

MOST = 1000  # entries of one calendar


@dataclass(frozen=True)
class Entry:
    """A deadline in a calendar; a protected case is neither named nor numbered, since calendars travel."""

    id: UUID
    kind: str  # task, timer
    case_id: UUID
    reference: str | None
    name: Text | None
    due_at: datetime
    since: datetime  # when it came to be
    paused: bool


def agenda(work: UnitOfWork) -> tuple[Entry, ...]:
    """List the actor's running deadlines, the earliest first; logged.

    Tasks that the actor has taken, free ones in cases that the actor owns, and the timers there that count a
    named time.
    """
    owner = Case.owner_id == work.actor.id
    tasks = _select(Task).where(
        Task.closed_at.is_(None),
        Task.due_at.is_not(None),
        sa.or_(Task.assignee_id == work.actor.id, sa.and_(owner, Task.assignee_id.is_(None))),
        visible(work),
    )
    timers = _select(Job).where(Job.period.is_not(None), owner, visible(work))
    found = [
        *work.session.execute(tasks.order_by(Task.due_at, Task.id).limit(MOST)),
        *work.session.execute(timers.order_by(Job.due_at, Job.id).limit(MOST)),
    ]
    found.sort(key=lambda row: (row[0].due_at, row[0].id))
    shown = found[:MOST]
    for case_id in dict.fromkeys(row.Case.id for row in shown):
        work.looked("list", case_id=case_id, subject="calendar")
    return tuple(_entry(work, row) for row in shown)


def _select(table: type[Task | Job]) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(table, Case, ProcessInstance)
        .join(Case, Case.id == table.case_id)
        .join(ProcessInstance, ProcessInstance.id == table.instance_id)
        .where(Case.status.in_((CaseStatus.OPEN, CaseStatus.SUSPENDED)))
    )


def _entry(work: UnitOfWork, row: Any) -> Entry:
    deadline, case, instance = row
    process = work.definition(instance.deployment_id).processes[deadline.process]
    is_open = case.protection == "normal"
    return Entry(
        id=deadline.id,
        kind="task" if isinstance(deadline, Task) else "timer",
        case_id=case.id,
        reference=case.reference if is_open else None,
        name=process.elements[deadline.element].name if is_open else None,
        due_at=deadline.due_at,
        since=deadline.opened_at if isinstance(deadline, Task) else (deadline.counts_from or case.opened_at),
        paused=isinstance(deadline, Job) and deadline.paused_at is not None,
    )
