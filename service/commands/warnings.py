"""Warn about deadlines that come near: on screen and, in the same transaction, as e-mail that waits to leave.

When to warn and whom, the deployment's table `warnings` says. Each level is given once: the case is locked
before its rows are read, and the row says which level comes next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from service.commands import people
from service.engine import decisions
from service.engine.text import Text
from service.models.cases import Case, CaseStatus, Task
from service.models.jobs import Job
from service.models.notices import Mail, Notice
from service.models.people import RoleGrant, UnitHead, User
from service.rules import escalation
from service.rules.escalation import Level, Planned, Span, Whom
from service.rules.permissions import Actor, Permission, Role, may
from service.work import UnitOfWork

ANY_TASK = "any_task"  # what the table calls a task whose time has no rows of its own
LONGEST_NAME = 200


@dataclass(frozen=True)
class Given:
    """One warning that was given: about which deadline, at which level, and to whom."""

    deadline_id: UUID
    level: int
    to: tuple[str, ...]  # usernames


def watch(work: UnitOfWork, row: Task | Job, deployment_id: UUID, *, begun: bool = True) -> None:
    """Note on the row of a task or a timer when to warn about it next, and at which level; asks no database.

    `begun` is False when a deadline that ran already has been moved: stages that passed before are not told.
    """
    planned = _first(work, row, deployment_id, begun=begun)
    row.warn_at, row.warn_level = (planned.at, planned.level.number) if planned else (None, 0)


def take(work: UnitOfWork) -> UUID | None:
    """Lock a case in which somebody must be warned now; None when there is none that is free."""
    late = sa.union(
        sa.select(Task.case_id).where(Task.warn_at <= work.now, Task.closed_at.is_(None)),
        sa.select(Job.case_id).where(Job.warn_at <= work.now),
    )
    return work.session.scalar(
        sa.select(Case.id).where(Case.id.in_(late)).limit(1).with_for_update(of=Case, skip_locked=True)
    )


def give(work: UnitOfWork, case_id: UUID) -> tuple[Given, ...]:
    """Give the warnings that are due in a case; suspended cases keep their clocks."""
    case, instances = work.lock(case_id)
    rows = _due(work, case)
    if not rows:
        return ()
    work.stands(case, instances)
    deployments = {each.id: each.deployment_id for each in instances}
    if case.status not in {CaseStatus.OPEN, CaseStatus.SUSPENDED}:
        for row in rows:
            row.warn_at = None
        return ()
    given = (_give(work, case, row, deployments[row.instance_id]) for row in rows)
    return tuple(each for each in given if each is not None)


def _due(work: UnitOfWork, case: Case) -> list[Task | Job]:
    """The deadlines of a locked case whose warnings are due, as they stand now; the earliest first."""
    fresh = {"populate_existing": True}
    tasks = sa.select(Task).where(Task.case_id == case.id, Task.warn_at <= work.now, Task.closed_at.is_(None))
    timers = sa.select(Job).where(Job.case_id == case.id, Job.warn_at <= work.now)
    found: list[Task | Job] = [
        *work.session.scalars(tasks.execution_options(**fresh)),
        *work.session.scalars(timers.execution_options(**fresh)),
    ]
    return sorted(found, key=lambda row: (row.warn_at or work.now, row.id))


def _give(work: UnitOfWork, case: Case, row: Task | Job, deployment_id: UUID) -> Given | None:
    """Give the highest level that has been reached, tell the history, and note the next one."""
    levels, span = _levels(work, row, deployment_id), _span(work, row, deployment_id)
    planned = row.warn_at or work.now
    passed = escalation.reached(levels, span, next=row.warn_level, at=planned, now=work.now)
    coming = escalation.first(levels, span, since=work.now, begun=False)
    row.warn_at, row.warn_level = (coming.at, coming.level.number) if coming else (None, 0)
    if not passed:  # the case has come to a deployment whose table has other levels
        return None
    level = passed[-1]
    to = _recipients(work, case, row, level.whom)
    _tell(work, case, row, deployment_id, level, to)
    details: dict[str, Any] = {
        "deadline": str(row.id),
        "kind": "task" if isinstance(row, Task) else "timer",
        "level": level.number,
        "whom": level.whom.value,
        "due": span.due.isoformat(),
        "to": [each.username for each in to],
        "late_seconds": max(0, round((work.now - planned).total_seconds())),
    }
    if len(passed) > 1:  # the service was down; one warning, at the highest level, is enough
        details["skipped"] = [each.number for each in passed[:-1]]
    if row.right:
        details["right"] = row.right
    work.record(
        case, "deadline.warned", process=row.process, element=row.element,
        deployment_id=deployment_id, details=details,
    )  # fmt: skip
    return Given(row.id, level.number, tuple(each.username for each in to))


def _tell(
    work: UnitOfWork, case: Case, row: Task | Job, deployment_id: UUID, level: Level, to: Sequence[Actor]
) -> None:
    """Put a notice before each recipient, and an e-mail into the outbox for those who have an address."""
    name = work.definition(deployment_id).processes[row.process].elements[row.element].name
    addresses = _with_address(work, to)
    for person in to:
        # whoever may not know what is in a protected case learns only that a deadline in it comes near
        known = may(person, Permission.CASE_READ, work.facts(case)) or case.protection == "normal"
        told = name if known else None
        work.session.add(_notice(work, case, row, level, person, told))
        if person.id in addresses:
            work.session.add(_mail(work, case, row, level, person, told))


def _notice(
    work: UnitOfWork, case: Case, row: Task | Job, level: Level, person: Actor, name: Text | None
) -> Notice:
    return Notice(
        id=uuid4(),
        user_id=person.id,
        case_id=case.id,
        deadline_id=row.id,
        level=level.number,
        reference=case.reference,
        name_sv=name.sv[:LONGEST_NAME] if name else None,
        name_en=name.in_("en")[:LONGEST_NAME] if name else None,
        due_at=row.due_at,
        at=work.now,
    )


def _mail(
    work: UnitOfWork, case: Case, row: Task | Job, level: Level, person: Actor, name: Text | None
) -> Mail:
    due: datetime = row.due_at or work.now
    content: dict[str, Any] = {
        "reference": case.reference,
        "case": str(case.id),
        "level": level.number,
        "due": due.isoformat(),
        "sv": name.sv[:LONGEST_NAME] if name else None,
        "en": name.in_("en")[:LONGEST_NAME] if name else None,
    }
    return Mail(
        id=uuid4(),
        user_id=person.id,
        case_id=case.id,
        kind="warning",
        content=content,
        made_at=work.now,
        send_at=work.now,
        attempts=0,
    )


def _with_address(work: UnitOfWork, to: Sequence[Actor]) -> set[UUID]:
    """Who can be reached by e-mail; nobody when no server is set."""
    if not work.platform.settings.smtp_host:
        return set()
    ids = [each.id for each in to if each.id is not None]
    return set(work.session.scalars(sa.select(User.id).where(User.id.in_(ids), User.email.is_not(None))))


def _recipients(work: UnitOfWork, case: Case, row: Task | Job, whom: Whom) -> list[Actor]:
    """Who is warned: up to the level's word, and further while there would be nobody."""
    circles = (Whom.ASSIGNEE, Whom.TEAM_LEADER, Whom.HEAD)
    found: dict[UUID, Actor] = {}
    for circle in circles:
        if found and circles.index(circle) > circles.index(whom):
            break
        found |= people.actors(work, _circle(work, case, row, circle))
    return sorted(found.values(), key=lambda each: each.username)


def _circle(work: UnitOfWork, case: Case, row: Task | Job, circle: Whom) -> set[UUID]:
    match circle:
        case Whom.ASSIGNEE:
            return _holders(case, row)
        case Whom.TEAM_LEADER:
            leads = sa.select(RoleGrant.user_id).where(
                RoleGrant.unit_key == case.unit_key, RoleGrant.role == Role.TEAM_LEADER.value
            )
            return set(work.session.scalars(leads))
        case Whom.HEAD:
            head = sa.select(UnitHead.user_id).where(UnitHead.unit_key == case.unit_key)
            return set(work.session.scalars(head))


def _holders(case: Case, row: Task | Job) -> set[UUID]:
    """Whoever has the task; of a timer whoever owns the case, and of a free task too."""
    if isinstance(row, Task) and row.assignee_id is not None:
        return {row.assignee_id}
    return {case.owner_id} if case.owner_id is not None else set()


def _first(work: UnitOfWork, row: Task | Job, deployment_id: UUID, *, begun: bool) -> Planned | None:
    if row.due_at is None:
        return None
    levels = _levels(work, row, deployment_id)
    if not levels:
        return None
    return escalation.first(levels, _span(work, row, deployment_id), since=work.now, begun=begun)


def _span(work: UnitOfWork, row: Task | Job, deployment_id: UUID) -> Span:
    due = row.due_at or work.now
    begins = row.counts_from or due
    day = begins.astimezone(work.zone).date()
    return Span(begins, due, work.zone, work.days_off(deployment_id, day))


def _levels(work: UnitOfWork, row: Task | Job, deployment_id: UUID) -> tuple[Level, ...]:
    """Ask the deployment's table; kept, since the same question has the same answer."""
    tables = work.definition(deployment_id).decisions
    is_task = isinstance(row, Task)
    if "warnings" not in tables:
        return escalation.LAST_RESORT if is_task else ()
    on = (row.counts_from or work.now).astimezone(work.zone).date()
    asked = [each for each in (row.period, ANY_TASK if is_task else None) if each]
    for period in asked:
        levels = _asked(work, deployment_id, period, on)
        if levels:
            return levels
    return ()


def _asked(work: UnitOfWork, deployment_id: UUID, period: str, on: date) -> tuple[Level, ...]:
    known = work.platform.levels
    if (deployment_id, period, on) not in known:
        tables = work.definition(deployment_id).decisions
        data = {"period": period, "on": on.isoformat()}
        told = decisions.decide(tables, "warnings", data, moment=work.moment).outcome
        known[deployment_id, period, on] = escalation.levels(told)
    return known[deployment_id, period, on]
