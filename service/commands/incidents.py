"""What a person does about a job that gave up: try again, or say how it was dealt with."""

from uuid import UUID

import sqlalchemy as sa

from service.commands import mail, progress
from service.commands.cases import require_reason
from service.engine.text import Text
from service.errors import Conflict, NotFound, StepFailed
from service.models.cases import Case, CaseStatus, Task
from service.models.jobs import AwaitedMessage, Incident, IncidentState, Job
from service.models.notices import Mail
from service.rules.permissions import Permission, require
from service.work import UnitOfWork


def retry(work: UnitOfWork, incident_id: UUID) -> None:
    """Let the job run again now, with all its attempts; in a case that stands still, let what waits be seen.

    Raises `Conflict` when its timer waits no more, and when nothing in the case can go on.
    """
    case, incident = _open_one(work, incident_id)
    if incident.job_id is None:
        _restore(work, case)
        _shut(work, case, incident, "incident.retried")
        return
    letter = work.session.get(Mail, incident.job_id, populate_existing=True)
    if letter is not None:
        mail.again(work, letter)
        _shut(work, case, incident, "incident.retried")
        return
    job = work.session.get(Job, incident.job_id, populate_existing=True)
    if job is None:
        told = Text(
            "Tidsfristen finns inte längre. Markera händelsen som löst.",
            "The timer waits no more. Mark the incident as resolved.",
        )
        raise Conflict(told.in_(work.actor.language))
    job.run_at, job.attempts, job.losses = work.now, 0, 0
    job.leased_by = job.leased_until = None
    _shut(work, case, incident, "incident.retried")


def resolve(work: UnitOfWork, incident_id: UUID, *, reason: str) -> None:
    """Say how the incident was dealt with by hand; its timer stays silent.

    Raises `Conflict` when nothing else in the case could move it on: then only a retry or cancelling helps.
    """
    require_reason(reason)
    case, incident = _open_one(work, incident_id)
    if case.status in {CaseStatus.OPEN, CaseStatus.SUSPENDED} and not _moves_on(work, case, incident):
        told = Text(
            "Inget annat i ärendet kan föra det vidare. Försök igen eller avbryt ärendet.",
            "Nothing else in the case could move it on. Retry, or cancel the case.",
        )
        raise Conflict(told.in_(work.actor.language))
    incident.reason = reason
    _shut(work, case, incident, "incident.resolved", reason=reason)


def _restore(work: UnitOfWork, case: Case) -> None:
    case, instances = work.lock(case.id)
    try:
        for instance in instances:
            progress.restore(work, case, instance)
    except StepFailed as error:
        told = Text(
            "Ingenting i ärendet kan föra det vidare. Avbryt det, och starta vid behov ett nytt.",
            "Nothing in the case can move it on. Cancel it, and start a new one if need be.",
        )
        raise Conflict(told.in_(work.actor.language)) from error


def _open_one(work: UnitOfWork, incident_id: UUID) -> tuple[Case, Incident]:
    case_id = work.session.scalar(sa.select(Incident.case_id).where(Incident.id == incident_id))
    if case_id is None:
        raise NotFound
    case, instances = work.lock(case_id)
    incident = work.session.get_one(Incident, incident_id, populate_existing=True)
    require(work.actor, Permission.INCIDENT_HANDLE, work.facts(case))
    if incident.state is not IncidentState.OPEN:
        told = Text(
            "Någon har redan tagit hand om händelsen.", "Someone has already dealt with the incident."
        )
        raise Conflict(told.in_(work.actor.language))
    work.stands(case, instances)
    return case, incident


def _moves_on(work: UnitOfWork, case: Case, incident: Incident) -> bool:
    """Tell whether something else can still move the case: a task, a timer, a message, another incident."""
    left = (
        sa.exists().where(Task.case_id == case.id, Task.closed_at.is_(None)),
        sa.exists().where(Job.case_id == case.id, Job.run_at.is_not(None)),
        sa.exists().where(AwaitedMessage.case_id == case.id, AwaitedMessage.on_the_way.is_(True)),
        sa.exists().where(
            Incident.case_id == case.id, Incident.state == IncidentState.OPEN, Incident.id != incident.id
        ),
    )
    return bool(work.session.scalar(sa.select(sa.or_(*left))))


def _shut(work: UnitOfWork, case: Case, incident: Incident, type: str, *, reason: str | None = None) -> None:
    incident.state, incident.closed_at, incident.closed_by = IncidentState.RESOLVED, work.now, work.actor.id
    work.record(
        case,
        type,
        process=incident.process,
        element=incident.element,
        details={"incident": str(incident.id)},
        values={"reason": reason} if reason else None,
    )
