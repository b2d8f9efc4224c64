"""Move, pause and resume a running deadline: by who may, with a reason and its legal basis, all in one.

A deadline that the law fixes (table `periods`: `fixed`) moves only on a ground that the table `move_grounds`
lists for it. What a person writes is sealed with the case's key; dates and grounds stand in clear.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.commands import progress, watches
from service.commands.cases import STANDS, require_reason
from service.engine import workflow
from service.engine.text import Text
from service.errors import Conflict, Invalid, Problem
from service.models.cases import Case, CaseStatus, ProcessInstance, Task
from service.models.jobs import Job
from service.rules.permissions import Permission, require
from service.work import UnitOfWork

FURTHEST = timedelta(days=3653)  # ten years
LONGEST_BASIS = 300  # characters

NO_BASIS = Text("Ange lagrum eller annan grund.", "Give the legal basis, or another ground.")
NOT_A_GROUND = Text(
    "Fristen är fast i lagen. Välj en av de grunder som får flytta den.",
    "The law fixes this deadline. Choose one of the grounds on which it may move.",
)
NOT_A_DATE = Text(
    "Datumet ligger före ärendets början eller mer än tio år fram.",
    "The date is before the case began, or more than ten years ahead.",
)
PAUSED = Text("Fristen är stoppad. Låt den löpa vidare först.", "The deadline is paused. Resume it first.")
RUNS = Text("Fristen är inte stoppad.", "The deadline is not paused.")
PASSED = Text("Fristen har redan passerats.", "The deadline has passed already.")
GAVE_UP = Text(
    "Fristen kunde inte lösa ut. Ta hand om händelsen först.",
    "The deadline could not go off. Deal with its incident first.",
)
CLOSED = Text("Uppgiften är inte längre öppen.", "The task is no longer open.")


@dataclass(frozen=True)
class _Held:
    """A deadline whose case is locked."""

    case: Case
    instances: list[ProcessInstance]
    instance: ProcessInstance
    row: Task | Job


def move(work: UnitOfWork, timer_id: UUID, *, due: datetime, reason: str, legal_basis: str) -> UUID:
    """Let a timer go off at another instant; gives the case's id.

    Raises `NotFound` for a timer that the actor may not know of, `Forbidden`, `Invalid` for what was given,
    `Conflict` when it is paused or has given up.
    """
    held, job = _timer(work, timer_id, Permission.DEADLINE_MOVE)
    told = _grounds(work, held, reason, legal_basis)
    _require_date(work, held.case, due)
    if job.run_at is None:
        raise Conflict((PAUSED if job.paused_at else GAVE_UP).in_(work.actor.language))
    _reschedule(work, held, job, due, "timer.moved", told)
    return held.case.id


def pause(work: UnitOfWork, timer_id: UUID, *, reason: str, legal_basis: str) -> UUID:
    """Let the clock of a timer stand still until it is resumed; gives the case's id.

    Raises as `move` does, and `Conflict` for one that has passed.
    """
    held, job = _timer(work, timer_id, Permission.DEADLINE_PAUSE)
    told = _grounds(work, held, reason, legal_basis)
    if job.run_at is None:
        raise Conflict((PAUSED if job.paused_at else GAVE_UP).in_(work.actor.language))
    if job.due_at <= work.now:
        raise Conflict(PASSED.in_(work.actor.language))
    job.paused_at, job.run_at, job.warn_at = work.now, None, None
    job.leased_by = job.leased_until = None
    work.stands(held.case, held.instances)
    _record(work, held, "deadline.paused", told, {"due": job.due_at.isoformat()})
    return held.case.id


def resume(work: UnitOfWork, timer_id: UUID, *, reason: str, due: datetime | None = None) -> UUID:
    """Let a paused timer run on: as much later as it stood still, or until a given instant.

    Gives the case's id. Raises as `move` does, and `Conflict` when it is not paused.
    """
    held, job = _timer(work, timer_id, Permission.DEADLINE_PAUSE)
    require_reason(reason)
    if job.paused_at is None:
        raise Conflict(RUNS.in_(work.actor.language))
    stood = work.now - job.paused_at
    if due is not None:
        _require_date(work, held.case, due)
    told = ({"paused_seconds": round(stood.total_seconds())}, {"reason": reason})
    _reschedule(work, held, job, due or job.due_at + stood, "deadline.resumed", told)
    return held.case.id


def set_due(work: UnitOfWork, task_id: UUID, *, due: datetime, reason: str, legal_basis: str) -> UUID:
    """Let a task be due at another instant; gives the case's id.

    Raises `NotFound` for a task that the actor may not know of, `Forbidden`, `Invalid`, `Conflict` when it is
    not open any more.
    """
    held = _hold(work, Task, task_id, Permission.DEADLINE_MOVE)
    task = held.row
    told = _grounds(work, held, reason, legal_basis)
    _require_date(work, held.case, due)
    if not isinstance(task, Task) or task.closed_at is not None:
        raise Conflict(CLOSED.in_(work.actor.language))
    before = task.due_at
    task.due_at = due
    watches.note(work, task, held.instance.deployment_id, begun=False)
    work.stands(held.case, held.instances)
    dates = {"from": before.isoformat() if before else None, "to": due.isoformat()}
    _record(work, held, "deadline.moved", told, dates)
    return held.case.id


def _timer(work: UnitOfWork, timer_id: UUID, permission: Permission) -> tuple[_Held, Job]:
    held = _hold(work, Job, timer_id, permission)
    if not isinstance(held.row, Job):
        raise TypeError(held.row)
    return held, held.row


def _hold(work: UnitOfWork, table: type[Task | Job], id: UUID, permission: Permission) -> _Held:
    """Lock the case of a deadline, and let nobody pass who may not."""
    case, instances = work.lock(sa.select(table.case_id).where(table.id == id).scalar_subquery())
    require(work.actor, permission, work.facts(case))
    row: Task | Job | None = work.session.get(  # type: ignore[assignment]  # one of the two tables
        table, id, populate_existing=True
    )
    if row is None:  # it went off, or its task closed, while we waited for the case
        raise Conflict
    if case.status not in {CaseStatus.OPEN, CaseStatus.SUSPENDED}:
        raise Conflict(STANDS[case.status].in_(work.actor.language))
    instance = next(each for each in instances if each.id == row.instance_id)
    return _Held(case, instances, instance, row)


def _grounds(
    work: UnitOfWork, held: _Held, reason: str, legal_basis: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What stands in clear and what is sealed of why a deadline changes; raises `Invalid`."""
    require_reason(reason)
    basis, language = legal_basis.strip(), work.actor.language
    told = work.period_of(held.instance.deployment_id, held.row.period, held.row.counts_from)
    if told is not None and told.get("fixed"):
        grounds = work.grounds(held.instance.deployment_id, held.row.period or "")
        ground: Mapping[str, Any] | None = next((each for each in grounds if each["ground"] == basis), None)
        if ground is None:
            raise Invalid(problems=[Problem(NOT_A_GROUND.in_(language), pointer="/legal_basis")])
        return {"ground": basis, "legal_basis": ground["legal_basis"]}, {"reason": reason}
    if not basis or len(basis) > LONGEST_BASIS:
        raise Invalid(problems=[Problem(NO_BASIS.in_(language), pointer="/legal_basis")])
    return {}, {"reason": reason, "legal_basis": basis}


def _require_date(work: UnitOfWork, case: Case, due: datetime) -> None:
    """Refuse what can only be a slip of the pen; a day that has passed may be the true one."""
    opened = case.opened_at.astimezone(work.zone).date()
    if due.astimezone(work.zone).date() < opened or due > work.now + FURTHEST:
        raise Invalid(problems=[Problem(NOT_A_DATE.in_(work.actor.language), pointer="/due_at")])


def _reschedule(
    work: UnitOfWork,
    held: _Held,
    job: Job,
    due: datetime,
    type: str,
    told: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    """Move the timer in the engine's state and in its row, and tell both dates."""
    step = workflow.reschedule(
        work.definition(held.instance.deployment_id),
        work.snapshot(held.case, held.instance),
        timer=job.id,
        due=due,
        moment=work.moment_under(held.instance.deployment_id),
    )
    progress.save(work, held.case, held.instances, held.instance, step)
    dates = {"from": job.due_at.isoformat(), "to": due.isoformat()}
    _record(work, held, type, told, dates)
    progress.apply(work, held.case, held.instance, step, moved=job.id)
    job.due_at = job.run_at = due
    job.paused_at, job.attempts = None, 0
    watches.note(work, job, held.instance.deployment_id, begun=False)


def _record(
    work: UnitOfWork,
    held: _Held,
    type: str,
    told: tuple[dict[str, Any], dict[str, Any]],
    dates: Mapping[str, Any],
) -> None:
    row = held.row
    details: dict[str, Any] = {"task" if isinstance(row, Task) else "timer": str(row.id), **dates, **told[0]}
    if row.right:
        details["right"] = row.right
    work.record(
        held.case,
        type,
        process=row.process,
        element=row.element,
        deployment_id=held.instance.deployment_id,
        details=details,
        values=told[1],
    )
