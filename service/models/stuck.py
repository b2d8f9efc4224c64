"""Which cases nothing moves, as SQL over the stored rows: what the engine thinks of them is not asked."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from service.models.cases import Case, CaseStatus, ProcessInstance, Task
from service.models.jobs import AwaitedMessage, Incident, IncidentState, Job, leased

GRACE = timedelta(minutes=5)  # how long a due job may wait before somebody asks why


def stands_still() -> sa.ColumnElement[bool]:
    """The condition on `Case` that it is open, and holds nothing that could move it.

    No open task of a running instance, no timer that runs or that somebody has paused, no message that its
    way goes through, no open incident. Suspended cases keep their deadlines, so they are asked about as well.
    """
    return sa.and_(
        Case.status.in_((CaseStatus.OPEN, CaseStatus.SUSPENDED)),
        ~sa.exists().where(
            Task.case_id == Case.id,
            Task.closed_at.is_(None),
            ProcessInstance.id == Task.instance_id,
            ProcessInstance.finished_at.is_(None),
        ),
        ~sa.exists().where(
            Job.case_id == Case.id, sa.or_(Job.run_at.is_not(None), Job.paused_at.is_not(None))
        ),
        ~sa.exists().where(AwaitedMessage.case_id == Case.id, AwaitedMessage.on_the_way.is_(True)),
        ~sa.exists().where(Incident.case_id == Case.id, Incident.state == IncidentState.OPEN),
    )


def passed_over(now: datetime) -> sa.ColumnElement[bool]:
    """The condition on `Job` that it is overdue, nobody has it, and the workers are past it.

    They take the oldest first: while one that was due before it is leased, it waits its turn in a backlog.
    """
    other = sa.orm.aliased(Job)
    oldest = sa.select(sa.func.min(other.run_at)).where(other.run_at <= now, leased(now, other))
    reached = oldest.scalar_subquery()
    return sa.and_(
        Job.run_at <= now - GRACE,
        ~leased(now, Job),
        sa.or_(reached.is_(None), Job.run_at < reached),
        ~sa.exists().where(Incident.job_id == Job.id, Incident.state == IncidentState.OPEN),
    )
