"""Run what is due. One job, one unit of work; the case is locked before its job is read, always."""

from datetime import timedelta
from uuid import UUID, uuid4

import sqlalchemy as sa

from service.commands import progress
from service.engine import workflow
from service.errors import NotFound, ServiceError, StepFailed
from service.models.cases import Case
from service.models.jobs import Incident, IncidentState, Job
from service.work import UnitOfWork

BACKOFF = (timedelta(seconds=30), timedelta(minutes=5))  # after the first and the second failed attempt
ATTEMPTS = len(BACKOFF) + 1


def take(work: UnitOfWork) -> UUID | None:
    """Lock the case of the job that has waited longest and is free; None when nothing is due."""
    due = (
        sa.select(Case.id, Job.id.label("job_id"))
        .join(Job, Job.case_id == Case.id)
        .where(Job.run_at <= work.now)
        .order_by(Job.run_at, Job.id)
        .limit(1)
        .with_for_update(of=Case, skip_locked=True)
    )
    while (found := work.session.execute(due).first()) is not None:
        # What was joined may be older than the lock: another worker fired it, or a person closed its task.
        still = sa.select(Job.id).where(Job.id == found.job_id, Job.run_at <= work.now)
        if (job_id := work.session.scalar(still)) is not None:
            return job_id
    return None


def fire(work: UnitOfWork, job_id: UUID) -> None:
    """Let the timer of a job go off; suspended cases keep their legal clocks.

    Raises `NotFound` when the timer waits no more, `StepFailed` when the diagram cannot go on.
    """
    job = work.session.get(Job, job_id, populate_existing=True)
    if job is None:
        raise NotFound
    case, instances = work.lock(job.case_id)
    instance = next(each for each in instances if each.id == job.instance_id)
    step = workflow.fire(
        work.definition(instance.deployment_id),
        work.snapshot(case, instance),
        timer=job.id,
        moment=work.moment,
    )
    progress.save(work, case, instances, instance, step)
    progress.apply(work, case, instance, step)


def failed(work: UnitOfWork, job_id: UUID, error: Exception) -> None:
    """Count a failed attempt and put the next one off; after the last, raise an incident."""
    case_id = work.session.scalar(sa.select(Job.case_id).where(Job.id == job_id))
    if case_id is None:
        return
    case, instances = work.lock(case_id)
    job = work.session.get(Job, job_id, populate_existing=True)
    if job is None or job.run_at is None:
        return
    job.attempts += 1
    if job.attempts < ATTEMPTS:
        job.run_at = work.now + BACKOFF[job.attempts - 1]
        return
    job.run_at = None
    work.stands(case, instances)
    _raise_incident(work, case, job, error)


def _raise_incident(work: UnitOfWork, case: Case, job: Job, error: Exception) -> None:
    element = error.element if isinstance(error, StepFailed) and error.element else job.element
    incident = Incident(
        id=uuid4(),
        case_id=case.id,
        job_id=job.id,
        process=job.process,
        element=element,
        cause=error.message
        if isinstance(error, ServiceError)
        else f"An error of the service: {type(error).__name__}.",
        attempts=job.attempts,
        state=IncidentState.OPEN,
        raised_at=work.now,
    )
    work.session.add(incident)
    work.record(
        case,
        "incident.raised",
        process=job.process,
        element=element,
        details={
            "incident": str(incident.id),
            "code": error.code if isinstance(error, ServiceError) else "error",
            "attempts": job.attempts,
            "due": job.due_at.isoformat(),
        },
    )
