"""Deadlines: the timers that run, and what they mean in law."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.engine.definition import Text
from service.models.cases import Case, CaseStatus, ProcessInstance
from service.models.jobs import Job
from service.queries.paging import DEFAULT, Page, page
from service.queries.visibility import visible
from service.work import UnitOfWork


@dataclass(frozen=True)
class TimerRow:
    """A timer that waits: when it goes off, on what legal basis, and what happens then."""

    id: UUID
    case_id: UUID
    reference: str
    unit: str
    process: str
    element: str
    name: Text
    right: str | None
    due_at: datetime
    kind: str  # boundaryEvent, intermediateCatchEvent, startEvent
    legal_basis: str | None
    consequence: Text | None
    attempts: int
    given_up: bool


def timers(
    work: UnitOfWork,
    *,
    due_before: datetime | None = None,
    case: UUID | None = None,
    limit: int = DEFAULT,
    cursor: str | None = None,
) -> Page[TimerRow]:
    """List the waiting timers of the cases that the actor may see, the next first."""
    rows = (
        sa.select(Job, Case, ProcessInstance)
        .join(Case, Case.id == Job.case_id)
        .join(ProcessInstance, ProcessInstance.id == Job.instance_id)
        .where(visible(work), Case.status.in_((CaseStatus.OPEN, CaseStatus.SUSPENDED)))
    )
    if due_before is not None:
        rows = rows.where(Job.due_at < due_before)
    if case is not None:
        rows = rows.where(Job.case_id == case)
    found = page(
        work, rows, by=[Job.due_at, Job.id], make=lambda row: timer(work, row), limit=limit, cursor=cursor
    )
    for case_id in dict.fromkeys(row.case_id for row in found.items):
        work.looked("list", case_id=case_id, subject="timers")
    return found


def timer(work: UnitOfWork, row: Any) -> TimerRow:
    """Say what a waiting timer means; `row` holds its Job, Case and ProcessInstance."""
    job: Job = row.Job
    element = work.definition(row.ProcessInstance.deployment_id).processes[job.process].elements[job.element]
    return TimerRow(
        id=job.id,
        case_id=job.case_id,
        reference=row.Case.reference,
        unit=row.Case.unit_key,
        process=job.process,
        element=job.element,
        name=element.name,
        right=job.right,
        due_at=job.due_at,
        kind=element.kind,
        legal_basis=element.legal_basis,
        consequence=element.consequence,
        attempts=job.attempts,
        given_up=job.run_at is None,
    )
