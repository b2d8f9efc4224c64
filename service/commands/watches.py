"""When to warn next about a deadline: kept on its row, so that one index finds who is to be told."""

from datetime import date
from uuid import UUID

from service.engine import decisions
from service.models.cases import Task
from service.models.jobs import Job
from service.rules import escalation
from service.rules.escalation import Level, Planned, Span
from service.work import UnitOfWork

ANY_TASK = "any_task"  # what the table calls a task whose time has no rows of its own
LATE_TASK = "late_task"  # what it calls any task that is late, also one that has rows of its own


def note(work: UnitOfWork, row: Task | Job, deployment_id: UUID, *, begun: bool = True) -> None:
    """Note on the row of a task or a timer when to warn about it next, and at which level; asks no database.

    `begun` is False when a deadline that ran already has been moved: stages that passed before are not told.
    """
    planned = _first(work, row, deployment_id, begun=begun)
    row.warn_at, row.warn_level = (planned.at, planned.level.number) if planned else (None, 0)


def span(work: UnitOfWork, row: Task | Job, deployment_id: UUID) -> Span:
    """The time that a task or a timer ends: from where, until when, on which calendar."""
    due = row.due_at or work.now
    begins = row.counts_from or due
    day = begins.astimezone(work.zone).date()
    return Span(begins, due, work.zone, work.days_off(deployment_id, day))


def levels(work: UnitOfWork, row: Task | Job, deployment_id: UUID) -> tuple[Level, ...]:
    """Ask the deployment's table; kept, since the same question has the same answer."""
    tables = work.definition(deployment_id).decisions
    is_task = isinstance(row, Task)
    if "warnings" not in tables:
        return escalation.LAST_RESORT if is_task else ()
    on = (row.counts_from or work.now).astimezone(work.zone).date()
    own = _asked(work, deployment_id, row.period, on) if row.period else ()
    if not is_task:
        return own
    return (own or _asked(work, deployment_id, ANY_TASK, on)) + _asked(work, deployment_id, LATE_TASK, on)


def _first(work: UnitOfWork, row: Task | Job, deployment_id: UUID, *, begun: bool) -> Planned | None:
    if row.due_at is None:
        return None
    wanted = levels(work, row, deployment_id)
    if not wanted:
        return None
    return escalation.first(wanted, span(work, row, deployment_id), since=work.now, begun=begun)


def _asked(work: UnitOfWork, deployment_id: UUID, period: str, on: date) -> tuple[Level, ...]:
    known = work.platform.levels
    if (deployment_id, period, on) not in known:
        tables = work.definition(deployment_id).decisions
        data = {"period": period, "on": on.isoformat()}
        told = decisions.decide(tables, "warnings", data, moment=work.moment).outcome
        known[deployment_id, period, on] = escalation.levels(told)
    return known[deployment_id, period, on]
