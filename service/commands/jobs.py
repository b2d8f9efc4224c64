"""Run what is due. One job, one unit of work; the case is locked before its job is read, always.

A worker takes a lease on some due jobs at a time and then runs them one by one. The lease keeps the other
workers away, so that they share the work, and tells of a worker that died; it is no lock. What makes a job
run once is the case's lock, under which its row is read again: when it has run, the row is gone or put off.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import sqlalchemy as sa

from service.commands import progress
from service.engine import workflow
from service.engine.text import Text
from service.errors import NotFound, ServiceError, StepFailed
from service.models.backups import held
from service.models.cases import Case
from service.models.jobs import LEASE, Incident, IncidentState, Job, leased
from service.work import UnitOfWork

BACKOFF = (timedelta(seconds=30), timedelta(minutes=5))  # after the first and the second failed attempt
ATTEMPTS = len(BACKOFF) + 1
BATCH = 50  # jobs in one lease
LOSSES = 3  # leases on a job that may run out before a person is told
FREE = {"leased_by": None, "leased_until": None}


@dataclass(frozen=True)
class Lease:
    """Jobs that one worker is about to run, the oldest first; others may take them after `until`."""

    worker: str
    until: datetime
    jobs: tuple[UUID, ...]

    def holds(self, job: Job) -> bool:
        """Tell whether the job is still this lease's: nobody else has taken it since."""
        return job.leased_by == self.worker and job.leased_until == self.until


def lease(work: UnitOfWork, *, worker: str) -> Lease | None:
    """Take the jobs that have waited longest and that no other worker has; None when there are none.

    A job whose last lease ran out is taken alone: should it be what kills workers, it kills nothing else.
    None either while everything is held since a restore; warnings and letters wait as well.
    """
    due = (
        sa.select(Job.id, Job.leased_until)
        .where(Job.run_at <= work.now, ~leased(work.now), ~held())
        .order_by(Job.run_at, Job.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    found = work.session.execute(due).all()
    if not found:
        return None
    lost = found[0].leased_until is not None
    fresh = next((i for i, each in enumerate(found) if each.leased_until is not None), len(found))
    taken = Lease(worker, work.now + LEASE, tuple(each.id for each in (found[:1] if lost else found[:fresh])))
    values = {"leased_by": worker, "leased_until": taken.until}
    work.session.execute(
        sa.update(Job).where(Job.id.in_(taken.jobs)).values(losses=Job.losses + int(lost), **values),
        execution_options={"synchronize_session": False},
    )
    return taken


def give_back(work: UnitOfWork, lease: Lease) -> None:
    """Let others have the jobs of a lease that has not been used up."""
    mine = (Job.id.in_(lease.jobs), Job.leased_by == lease.worker, Job.leased_until == lease.until)
    work.session.execute(
        sa.update(Job).where(*mine).values(FREE), execution_options={"synchronize_session": False}
    )


def fire(work: UnitOfWork, job_id: UUID, lease: Lease) -> bool:
    """Let the timer of a leased job go off; suspended cases keep their legal clocks.

    Gives False, and does nothing, when it is no longer this lease's to run: its task is done, it has been
    moved, the clock was put back, another worker has it. Raises `StepFailed` when the diagram cannot go on.
    """
    try:
        case, instances = work.lock(sa.select(Job.case_id).where(Job.id == job_id).scalar_subquery())
    except NotFound:
        return False
    job = work.session.get(Job, job_id, populate_existing=True)
    if job is None or not lease.holds(job):
        return False
    if job.run_at is None or job.run_at > work.now:
        job.leased_by = job.leased_until = None
        return False
    if job.losses > LOSSES:
        told = Text(
            f"Arbetsprocessen dog eller hängde sig {LOSSES} gånger när tidsfristen skulle lösa ut.",
            f"The worker died or hung {LOSSES} times when the timer was to go off.",
        )
        raise StepFailed(told.in_(work.actor.language), element=job.element)
    instance = next(each for each in instances if each.id == job.instance_id)
    step = workflow.fire(
        work.definition(instance.deployment_id),
        work.snapshot(case, instance),
        timer=job.id,
        moment=work.moment_under(instance.deployment_id),
    )
    progress.save(work, case, instances, instance, step)
    progress.apply(work, case, instance, step)
    return True


def failed(work: UnitOfWork, job_id: UUID, error: Exception, *, lease: Lease | None = None) -> None:
    """Count a failed attempt and put the next one off; after the last, raise an incident.

    Does nothing when another worker has the job by now.
    """
    try:
        case, instances = work.lock(sa.select(Job.case_id).where(Job.id == job_id).scalar_subquery())
    except NotFound:
        return
    job = work.session.get(Job, job_id, populate_existing=True)
    if job is None or job.run_at is None or (lease is not None and not lease.holds(job)):
        return
    job.attempts += 1
    job.leased_by = job.leased_until = None
    if job.attempts < ATTEMPTS and job.losses <= LOSSES:
        job.run_at = work.now + BACKOFF[job.attempts - 1]
        return
    job.run_at = None
    work.stands(case, instances)
    raise_incident(
        work,
        case,
        process=job.process,
        element=error.element if isinstance(error, StepFailed) and error.element else job.element,
        cause=error.message
        if isinstance(error, ServiceError)
        else f"An error of the service: {type(error).__name__}.",
        code=error.code if isinstance(error, ServiceError) else "error",
        job=job,
    )


def raise_incident(
    work: UnitOfWork,
    case: Case,
    *,
    process: str,
    element: str | None,
    cause: str,
    code: str,
    job: Job | None = None,
    subject: UUID | None = None,
) -> None:
    """Tell people, in the case's history too, that the case needs one of them; the case is locked.

    `subject` is the id of something other than a job that a retry is about: a letter that did not leave.
    """
    incident = Incident(
        id=uuid4(),
        case_id=case.id,
        job_id=job.id if job else subject,
        process=process,
        element=element,
        cause=cause,
        attempts=job.attempts if job else 0,
        state=IncidentState.OPEN,
        raised_at=work.now,
    )
    work.session.add(incident)
    details: dict[str, str | int] = {"incident": str(incident.id), "code": code}
    if job is not None:
        details |= {"attempts": job.attempts, "due": job.due_at.isoformat()}
    work.record(case, "incident.raised", process=process, element=element, details=details)
