"""Deadlines: the timers that run, what they mean in law, and how their days were counted."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.engine.definition import Text
from service.errors import NotFound
from service.models.cases import Case, CaseStatus, ProcessInstance
from service.models.jobs import Job
from service.queries.paging import DEFAULT, Page, page
from service.queries.visibility import visible
from service.rules import calendar
from service.work import UnitOfWork


@dataclass(frozen=True)
class Counted:
    """How a deadline was counted, by the table `periods` of the deployment that its case runs on."""

    period: str
    words: Text  # "30 dagar från 2026-03-01, sista dag 2026-03-30"
    legal_basis: str
    confidence: str  # A read in the law, B at the authority, C in a secondary source, D not verified
    note: str
    fixed: bool  # by law: it moves only on a ground that is listed
    moves: str  # off a day off: no, next working day, in doubt
    moves_basis: str


@dataclass(frozen=True)
class Ground:
    """A ground on which a fixed deadline may move."""

    ground: str
    name: Text
    legal_basis: str
    confidence: str
    note: str


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
    paused_at: datetime | None
    counted: Counted | None  # None where the diagram does not name the time


@dataclass(frozen=True)
class TimerPage:
    """One timer, and on what grounds it may be moved; none are listed where any will do."""

    row: TimerRow
    grounds: tuple[Ground, ...]


def timers(
    work: UnitOfWork,
    *,
    due_before: datetime | None = None,
    case: UUID | None = None,
    limit: int = DEFAULT,
    cursor: str | None = None,
) -> Page[TimerRow]:
    """List the waiting timers of the cases that the actor may see, the next first."""
    rows = _rows(work)
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
        given_up=job.run_at is None and job.paused_at is None,
        paused_at=job.paused_at,
        counted=counted(
            work,
            row.ProcessInstance.deployment_id,
            period=job.period,
            begins=job.counts_from,
            due=job.due_at,
        ),
    )


def one(work: UnitOfWork, timer_id: UUID) -> TimerPage:
    """Show one waiting timer; logged. Raises `NotFound`, also for one that the actor may not know of."""
    found = work.session.execute(_rows(work).where(Job.id == timer_id)).first()
    if found is None:
        raise NotFound
    row = timer(work, found)
    work.looked("list", case_id=row.case_id, subject="timers")
    return TimerPage(row, grounds(work, found.ProcessInstance.deployment_id, row.counted))


def counted(
    work: UnitOfWork,
    deployment_id: UUID,
    *,
    period: str | None,
    begins: datetime | None,
    due: datetime | None,
) -> Counted | None:
    """Say how a deadline was counted; None where the diagram or the table does not name its time."""
    told = work.period_of(deployment_id, period, begins)
    if told is None or period is None or begins is None or due is None:
        return None
    off = work.days_off(deployment_id, begins.astimezone(work.zone).date())
    moves = told.get("moves", "no")

    def words(language: str) -> str:
        return calendar.deadline_in_words(
            begins,
            int(told["amount"]),
            told["unit"],
            due=due,
            zone=work.zone,
            moves=moves,
            off=off,
            language=language,
        )

    return Counted(
        period=period,
        words=Text(words("sv"), words("en")),
        legal_basis=told["legal_basis"],
        confidence=told["confidence"],
        note=told["note"],
        fixed=bool(told.get("fixed")),
        moves=moves,
        moves_basis=told.get("moves_basis", ""),
    )


def grounds(work: UnitOfWork, deployment_id: UUID, counted: Counted | None) -> tuple[Ground, ...]:
    """On what grounds a deadline may move today; none are listed where the law does not fix it."""
    if counted is None or not counted.fixed:
        return ()
    return tuple(
        Ground(
            each["ground"],
            Text(each["name"], each["name_en"]),
            each["legal_basis"],
            each["confidence"],
            each["note"],
        )
        for each in work.grounds(deployment_id, counted.period)
    )


def _rows(work: UnitOfWork) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(Job, Case, ProcessInstance)
        .join(Case, Case.id == Job.case_id)
        .join(ProcessInstance, ProcessInstance.id == Job.instance_id)
        .where(visible(work), Case.status.in_((CaseStatus.OPEN, CaseStatus.SUSPENDED)))
    )
