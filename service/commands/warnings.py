"""Warn about deadlines that come near: on screen and, in the same transaction, as e-mail that waits to leave.

When to warn and whom, the deployment's table `warnings` says. Each level is given once: the case is locked
before the deadline's row is read, and the row says which level comes next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from service.commands import jobs, people, watches
from service.engine.text import Text
from service.errors import ServiceError
from service.models.backups import held
from service.models.cases import Case, CaseStatus, Task
from service.models.jobs import Incident, IncidentState, Job
from service.models.notices import Mail, Notice
from service.models.people import RoleGrant, UnitHead, User
from service.rules import escalation
from service.rules.escalation import Level, Whom
from service.rules.permissions import Actor, Permission, Role, may
from service.work import UnitOfWork

LONGEST_NAME = 200
FEW = 50  # rows among which a worker looks for one whose case is free
AGAIN = timedelta(minutes=5)  # when a warning could not be given


@dataclass(frozen=True)
class Due:
    """A deadline about which somebody must be warned now; its case is locked."""

    case_id: UUID
    id: UUID


def take(work: UnitOfWork) -> Due | None:
    """Lock the case of the deadline whose warning has waited longest and is free; None when there is none."""
    late = sa.union_all(*(sa.select(_oldest(work, each)) for each in (Task, Job))).subquery()
    found = work.session.execute(
        sa.select(Case.id, late.c.id.label("row_id"))
        .join(late, late.c.case_id == Case.id)
        .order_by(late.c.warn_at, late.c.id)
        .limit(1)
        .with_for_update(of=Case, skip_locked=True)
    ).first()
    return Due(found.id, found.row_id) if found else None


def _oldest(work: UnitOfWork, table: type[Task | Job]) -> sa.Subquery:
    """The few rows whose warnings have waited longest: read off the index, however many wait behind them."""
    late = sa.select(table.id, table.case_id, table.warn_at).where(table.warn_at <= work.now, ~held())
    if table is Task:
        late = late.where(Task.closed_at.is_(None))
    return late.order_by(table.warn_at).limit(FEW).subquery()


def give(work: UnitOfWork, due: Due) -> bool:
    """Give the warning that is due about a deadline; suspended cases keep their clocks.

    False, and nothing told, when it is due no more: someone else gave it, its task is done.
    """
    case, instances = work.lock(due.case_id)
    row = _row(work, due)
    if row is None:
        return False
    if case.status not in {CaseStatus.OPEN, CaseStatus.SUSPENDED}:
        row.warn_at = None
        return False
    work.stands(case, instances)
    instance = next(each for each in instances if each.id == row.instance_id)
    return _give(work, case, row, instance.deployment_id)


def failed(work: UnitOfWork, due: Due, error: Exception) -> None:
    """Put a warning off that could not be given, and tell people once."""
    case, instances = work.lock(due.case_id)
    row = _row(work, due)
    if row is None:
        return
    row.warn_at = work.now + AGAIN
    with work.session.no_autoflush:
        told = sa.select(Incident.id).where(
            Incident.case_id == case.id, Incident.state == IncidentState.OPEN, Incident.job_id == row.id
        )
        if work.session.scalar(told.limit(1)) is not None:
            return
    work.stands(case, instances)
    why = error.message if isinstance(error, ServiceError) else type(error).__name__
    cause = Text(f"En varning kunde inte ges: {why}", f"A warning could not be given: {why}")
    jobs.raise_incident(
        work,
        case,
        process=row.process,
        element=row.element,
        cause=cause.in_(work.actor.language),
        code="warning-failed",
        subject=row.id,
    )


def _row(work: UnitOfWork, due: Due) -> Task | Job | None:
    """The task or timer as it stands now, if its warning is still due. The case is locked."""
    task = work.session.get(Task, due.id, populate_existing=True)
    row = task or work.session.get(Job, due.id, populate_existing=True)
    closed = task is not None and task.closed_at is not None
    waits = row is None or row.warn_at is None or row.warn_at > work.now
    return None if closed or waits else row


def _give(work: UnitOfWork, case: Case, row: Task | Job, deployment_id: UUID) -> bool:
    """Give the highest level that has been reached, tell the history, and note the next one."""
    levels, span = watches.levels(work, row, deployment_id), watches.span(work, row, deployment_id)
    planned = row.warn_at or work.now
    passed = escalation.reached(levels, span, next=row.warn_level, at=planned, now=work.now)
    coming = escalation.first(levels, span, since=work.now, begun=False)
    row.warn_at, row.warn_level = (coming.at, coming.level.number) if coming else (None, 0)
    if not passed:  # the case has come to a deployment whose table has other levels
        return False
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
    return True


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
    if not found:
        found = people.actors(work, _working_in(work, case.unit_key, Role.CASEWORKER))
    return sorted(found.values(), key=lambda each: each.username)


def _circle(work: UnitOfWork, case: Case, row: Task | Job, circle: Whom) -> set[UUID]:
    match circle:
        case Whom.ASSIGNEE:
            return _holders(case, row)
        case Whom.TEAM_LEADER:
            return _working_in(work, case.unit_key, Role.TEAM_LEADER)
        case Whom.HEAD:
            head = sa.select(UnitHead.user_id).where(UnitHead.unit_key == case.unit_key)
            return set(work.session.scalars(head))


def _working_in(work: UnitOfWork, unit: str, role: Role) -> set[UUID]:
    held = sa.select(RoleGrant.user_id).where(RoleGrant.unit_key == unit, RoleGrant.role == role.value)
    return set(work.session.scalars(held))


def _holders(case: Case, row: Task | Job) -> set[UUID]:
    """Whoever has the task; of a timer whoever owns the case, and of a free task too."""
    if isinstance(row, Task) and row.assignee_id is not None:
        return {row.assignee_id}
    return {case.owner_id} if case.owner_id is not None else set()
