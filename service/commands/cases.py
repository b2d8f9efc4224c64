"""What is done to a case as a whole: open, suspend, resume, cancel, transfer, protect, break the glass."""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from service.commands import deployments, people, progress
from service.engine import workflow
from service.engine.text import Text
from service.errors import Conflict, Forbidden, Invalid, Problem
from service.models.cases import Case, CaseAccess, CaseStatus, ProcessInstance, Task
from service.models.definitions import Definition, DefinitionKind, deployment_content
from service.models.jobs import Incident, IncidentState
from service.models.people import Unit
from service.rules import identifiers
from service.rules.permissions import Facts, Permission, Protection, Role, may, require
from service.work import UnitOfWork

GLASS = timedelta(minutes=60)  # how long a protected case stays open to whoever broke the glass
REASON = 500  # characters


def start(work: UnitOfWork, process: str, *, unit: str, data: Mapping[str, Any] | None = None) -> UUID:
    """Open a case in a unit and start its process on what is in force; gives the case's id.

    Raises `Forbidden` without the right role in the unit, `Invalid` for an unknown unit or process,
    `StepFailed` when the diagram cannot go on.
    """
    if not may(work.actor, Permission.CASE_START, Facts(unit=unit)):
        if work.session.get(Unit, unit) is None:  # which there are is no secret
            raise Invalid(problems=[Problem(f"There is no unit {unit!r}.", pointer="/unit")])
        raise Forbidden
    data = dict(data or {})
    deployment_id = deployments.in_force(work)
    definition = work.definition(deployment_id)
    if process not in definition.processes:
        raise Invalid(problems=[Problem(f"There is no process {process!r}.", pointer="/process")])
    step = workflow.start(definition, process, data=data, moment=work.moment_under(deployment_id))
    case = _new(work, unit)
    case.person_index = person_index(work, data)
    instance = ProcessInstance(
        id=uuid4(),
        case_id=case.id,
        deployment_id=deployment_id,
        process=process,
        version=_version(work, deployment_id, process),
        started_at=work.now,
    )
    work.session.add_all([case, instance])
    progress.save(work, case, [instance], instance, step)
    work.record(case, "case.opened", details={"reference": case.reference, "unit": unit})
    details = {"version": instance.version, "definitions": definition.digest}
    work.record(
        case, "instance.started", process=process, deployment_id=deployment_id, details=details, values=data
    )
    progress.apply(work, case, instance, step)
    return case.id


def suspend(work: UnitOfWork, case_id: UUID, *, reason: str) -> None:
    """Let nobody work on the case's tasks for now; its deadlines run on, as the law has it."""
    case = _managed(work, case_id, reason)
    _must_be(work, case, CaseStatus.OPEN)
    case.status = CaseStatus.SUSPENDED
    work.record(case, "case.suspended", values={"reason": reason})


def resume(work: UnitOfWork, case_id: UUID, *, reason: str) -> None:
    """Let people work on the case again."""
    case = _managed(work, case_id, reason)
    _must_be(work, case, CaseStatus.SUSPENDED)
    case.status = CaseStatus.OPEN
    work.record(case, "case.resumed", values={"reason": reason})


def cancel(work: UnitOfWork, case_id: UUID, *, reason: str) -> None:
    """End the case before its diagram does: its tasks are closed, nothing is awaited any more."""
    require_reason(reason)
    case, instances = work.lock(case_id)
    require(work.actor, Permission.CASE_MANAGE, work.facts(case))
    _must_be(work, case, CaseStatus.OPEN, CaseStatus.SUSPENDED)
    case.status, case.closed_at = CaseStatus.CANCELLED, work.now
    work.stands(case, instances)
    work.record(case, "case.cancelled", values={"reason": reason})
    progress.stop(work, case, instances)
    left = {"state": IncidentState.RESOLVED, "closed_at": work.now, "closed_by": work.actor.id}
    with work.session.no_autoflush:
        work.session.execute(
            sa.update(Incident)
            .where(Incident.case_id == case.id, Incident.state == IncidentState.OPEN)
            .values(left),
            execution_options={"synchronize_session": False},
        )


def transfer(
    work: UnitOfWork, case_id: UUID, *, unit: str | None = None, owner: str | None = None, reason: str
) -> None:
    """Give the case to another unit, to another owner (a username), or both.

    Tasks that someone outside the new unit had taken become free again. Raises `Invalid` for an unknown
    unit, and for an owner who is not a caseworker or team leader there.
    """
    case = _managed(work, case_id, reason)
    _must_be(work, case, CaseStatus.OPEN, CaseStatus.SUSPENDED)
    if unit is None and owner is None:
        raise Invalid(problems=[Problem("Say the new unit, the new owner, or both.", pointer="/unit")])
    to = unit or case.unit_key
    if work.session.get(Unit, to) is None:
        raise Invalid(problems=[Problem(f"There is no unit {to!r}.", pointer="/unit")])
    details = {"from": case.unit_key, "to": to}
    case.owner_id = _owner(work, owner, to) if owner else case.owner_id if to == case.unit_key else None
    if to != case.unit_key:
        case.unit_key = to
        _free_tasks(work, case, to)
    work.record(case, "case.transferred", details={**details, "owner": owner}, values={"reason": reason})


def protect(work: UnitOfWork, case_id: UUID, *, protection: Protection, reason: str) -> None:
    """Hide the case from all but its owner and those named, or show it to its unit again."""
    case = _managed(work, case_id, reason)
    details = {"from": case.protection, "to": protection.value}
    case.protection = protection.value
    work.record(case, "case.protected", details=details, values={"reason": reason})


def break_glass(work: UnitOfWork, case_id: UUID, *, reason: str) -> None:
    """Open a protected case for oneself for an hour; the reason stays in history and access log.

    Raises `NotFound` for people outside the unit, `Conflict` when the case is not protected.
    """
    require_reason(reason)
    case, _ = work.lock(case_id)
    require(work.actor, Permission.CASE_OPEN_PROTECTED, work.facts(case))
    if case.protection == Protection.NORMAL or work.actor.id is None:
        raise Conflict(
            Text("Ärendet är inte skyddat.", "The case is not protected.").in_(work.actor.language)
        )
    with work.session.no_autoflush:
        given = work.session.get(CaseAccess, (case.id, work.actor.id))
    if given is None:
        given = CaseAccess(case_id=case.id, user_id=work.actor.id)
        work.session.add(given)
    given.given_at, given.ends_at, given.reason = work.now, work.now + GLASS, reason
    details = {"to": work.actor.username, "until": given.ends_at.isoformat()}
    work.record(case, "access.granted", details=details, values={"reason": reason})
    work.looked("protected.opened", case_id=case.id, reason=reason)


def person_index(work: UnitOfWork, data: Mapping[str, Any]) -> str | None:
    """A code for the person that the data name by personal number, to find and count individuals by."""
    given = data.get("personal_number")
    number = identifiers.personal_number(given, today=work.today) if isinstance(given, str) else None
    return work.vault.blind_index("person", number) if number else None


def require_reason(reason: str) -> None:
    """Refuse an empty reason, and one that is longer than is kept; raises `Invalid`."""
    if not reason.strip() or len(reason) > REASON:
        raise Invalid(problems=[Problem(f"Give a reason of at most {REASON} characters.", pointer="/reason")])


def _new(work: UnitOfWork, unit: str) -> Case:
    case_id = uuid4()
    _, wrapped = work.vault.new_case_key(str(case_id))
    return Case(
        id=case_id,
        reference=_unused_reference(work),
        status=CaseStatus.OPEN,
        unit_key=unit,
        owner_id=work.actor.id,
        protection=Protection.NORMAL.value,
        opened_at=work.now,
        wrapped_key=wrapped,
        sequence=0,
        seal="",
    )


def _unused_reference(work: UnitOfWork) -> str:
    while True:
        reference = identifiers.case_reference(work.today.year, secrets.randbelow(identifiers.REFERENCES))
        if work.session.scalar(sa.select(Case.id).where(Case.reference == reference)) is None:
            return reference


def _version(work: UnitOfWork, deployment_id: UUID, process: str) -> int:
    return work.session.scalars(
        sa.select(Definition.version)
        .join(deployment_content)
        .where(
            deployment_content.c.deployment_id == deployment_id,
            Definition.kind == DefinitionKind.PROCESS,
            Definition.key == process,
        )
    ).one()


def _managed(work: UnitOfWork, case_id: UUID, reason: str) -> Case:
    """Lock a case that the actor may manage."""
    require_reason(reason)
    case, instances = work.lock(case_id)
    require(work.actor, Permission.CASE_MANAGE, work.facts(case))
    work.stands(case, instances)
    return case


def _must_be(work: UnitOfWork, case: Case, *statuses: CaseStatus) -> None:
    if case.status not in statuses:
        raise Conflict(STANDS[case.status].in_(work.actor.language))


STANDS = {
    CaseStatus.OPEN: Text("Ärendet är öppet.", "The case is open."),
    CaseStatus.SUSPENDED: Text(
        "Ärendet är vilande. Det måste återupptas först.", "The case is suspended. It must be resumed first."
    ),
    CaseStatus.CLOSED: Text("Ärendet är avslutat.", "The case is closed."),
    CaseStatus.CANCELLED: Text("Ärendet är avbrutet.", "The case has been cancelled."),
}


def _owner(work: UnitOfWork, username: str, unit: str) -> UUID | None:
    person = people.actor(work, username=username, pointer="/owner")
    if unit not in person.units(Role.CASEWORKER, Role.TEAM_LEADER):
        raise Invalid(problems=[Problem(f"{person.name} does not work in that unit.", pointer="/owner")])
    return person.id


def _free_tasks(work: UnitOfWork, case: Case, unit: str) -> None:
    with work.session.no_autoflush:
        taken = work.session.scalars(
            sa.select(Task).where(
                Task.case_id == case.id, Task.closed_at.is_(None), Task.assignee_id.is_not(None)
            )
        ).all()
        actors = people.actors(work, {task.assignee_id for task in taken if task.assignee_id})
    for task in taken:
        holder = actors.get(task.assignee_id) if task.assignee_id else None
        if holder is None or not may(holder, Permission.TASK_RELEASE, Facts(unit=unit, assignee=holder.id)):
            task.assignee_id = task.claimed_at = None
            work.record(
                case, "task.released", process=task.process, element=task.element,
                details={"task": str(task.id)},
            )  # fmt: skip
