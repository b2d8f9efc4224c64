"""Find the cases that nothing moves, and tell people of them."""

from uuid import UUID

import sqlalchemy as sa

from service.commands.jobs import raise_incident
from service.engine.text import Text
from service.errors import NotFound
from service.models.backups import held
from service.models.cases import Case, ProcessInstance
from service.models.jobs import Job
from service.models.stuck import passed_over, stands_still
from service.work import UnitOfWork

MOST = 200  # cases that one look reports; the next look reports the rest

STILL = Text(
    "Ärendet står stilla: det är öppet, men har ingen uppgift, ingen frist som löper och inget att vänta på.",
    "The case stands still: it is open, but has no task, no deadline that runs and nothing to wait for.",
)
SILENT = Text(
    "Ärendet står stilla: en tidsfrist har slutat löpa utan att någon har fått veta det.",
    "The case stands still: a timer has stopped and nobody was told.",
)
OVERDUE = Text(
    "En tidsfrist har gått ut, men ingen arbetsprocess har löst ut den. Den löser ut så snart det går.",
    "A timer is overdue and no worker has let it go off. It goes off as soon as that is possible.",
)


def find(work: UnitOfWork) -> tuple[UUID, ...]:
    """Look for cases that stand still or have a timer that the workers, not being held, have passed over."""
    late = sa.select(Job.case_id).where(passed_over(work.now), ~held())
    found = sa.union(sa.select(Case.id).where(stands_still()), late).limit(MOST)
    return tuple(work.session.scalars(found))


def report(work: UnitOfWork, case_id: UUID) -> None:
    """Raise an incident for each thing that holds the case up, if it still does once the case is locked."""
    try:
        case, instances = work.lock(case_id)
    except NotFound:
        return
    work.stands(case, instances)
    late = work.session.scalars(sa.select(Job).where(Job.case_id == case.id, passed_over(work.now))).all()
    for job in late:
        _tell(work, case, job, OVERDUE, code="overdue")
    if not late and work.session.scalar(sa.select(Case.id).where(Case.id == case.id, stands_still())):
        _report_still(work, case, instances)


def _report_still(work: UnitOfWork, case: Case, instances: list[ProcessInstance]) -> None:
    stopped = work.session.scalars(sa.select(Job).where(Job.case_id == case.id).order_by(Job.due_at)).all()
    for job in stopped:
        _tell(work, case, job, SILENT, code="stuck")
    if not stopped:
        process = instances[0].process if instances else ""
        cause = STILL.in_(work.actor.language)
        raise_incident(work, case, process=process, element=None, cause=cause, code="stuck")


def _tell(work: UnitOfWork, case: Case, job: Job, cause: Text, *, code: str) -> None:
    words = cause.in_(work.actor.language)
    raise_incident(work, case, process=job.process, element=job.element, cause=words, code=code, job=job)
