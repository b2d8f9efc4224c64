"""How the service is doing, for machines that watch it: is it ready, and a few numbers. Nothing personal."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from service.models import schema
from service.models.backups import Backup, Restoration, held
from service.models.cases import Case, CaseStatus, Task
from service.models.jobs import Heartbeat, Incident, IncidentState, Job
from service.models.notices import Mail
from service.models.stuck import stands_still
from service.work import UnitOfWork


@dataclass(frozen=True)
class Readiness:
    """Whether the service can do its work: the tables are the newest, and a worker polls for what is due."""

    migrated: bool
    last_beat: datetime | None
    held: bool = False  # since a restore: nothing goes off until an administrator releases it


@dataclass(frozen=True)
class Gauges:
    """A few numbers of now."""

    cases: dict[str, int]  # by status
    tasks_open: int
    tasks_overdue: int
    timers_waiting: int
    timers_late_seconds: float  # how long the oldest due timer has been waiting to go off
    incidents_open: int
    last_beat: datetime | None


@dataclass(frozen=True)
class Watch:
    """What an alarm outside the service must know of deadlines: only numbers; ages in seconds."""

    overdue: float  # of the timer that has been due for longest; 0 when none is due
    poll: float | None  # since a worker last polled; None when none ever has
    stuck: int  # open cases that nothing moves
    unsent: int  # e-mails that wait to leave
    unsent_age: float  # of the oldest of them
    undelivered: int  # e-mails that were given up during the last day
    backup: float | None  # since the last good backup was taken; None when none ever was
    held: bool  # since a restore


FUTURE = timedelta(minutes=1)  # a heartbeat further ahead was written before the clock was put back
DAY = timedelta(days=1)


def readiness(work: UnitOfWork) -> Readiness:
    """Look whether the service can do its work; raises `Unavailable` when the database is away."""
    migrated = schema.is_current(work.session.connection())
    return (
        Readiness(migrated, _last_beat(work), held_since(work) is not None)
        if migrated
        else Readiness(migrated, None)
    )


def held_since(work: UnitOfWork) -> datetime | None:
    """The moment of the backup that was restored, while everything is held; None when it is not.

    No timer goes off then, and no letter leaves.
    """
    return work.session.scalar(
        sa.select(sa.func.max(Restoration.backup_at)).where(Restoration.released_at.is_(None))
    )


def gauges(work: UnitOfWork) -> Gauges:
    """Count what is worth watching."""
    counted = work.session.execute(sa.select(Case.status, sa.func.count()).group_by(Case.status)).all()
    by_status = dict.fromkeys((each.value for each in CaseStatus), 0)
    by_status |= {status.value: number for status, number in counted}
    tasks = work.session.execute(
        sa.select(sa.func.count(), sa.func.count().filter(Task.due_at < work.now))
        .join(Case, Case.id == Task.case_id)
        .where(Task.closed_at.is_(None))
    ).one()
    timers = work.session.execute(
        sa.select(sa.func.count(), sa.func.min(Job.run_at)).where(Job.run_at.is_not(None))
    ).one()
    incidents = sa.select(sa.func.count()).where(Incident.state == IncidentState.OPEN)
    late = (work.now - timers[1]).total_seconds() if timers[1] else 0.0
    return Gauges(
        cases=by_status,
        tasks_open=tasks[0],
        tasks_overdue=tasks[1],
        timers_waiting=timers[0],
        timers_late_seconds=max(late, 0.0),
        incidents_open=work.session.scalar(incidents) or 0,
        last_beat=_last_beat(work),
    )


def watch(work: UnitOfWork) -> Watch:
    """Look at the deadlines as a whole, in one query."""
    waits = sa.and_(Mail.sent_at.is_(None), Mail.failed_at.is_(None))
    overdue, beat, stuck, unsent, oldest, undelivered, backup, holds = work.session.execute(
        sa.select(
            sa.select(sa.func.min(Job.run_at)).where(Job.run_at <= work.now).scalar_subquery(),
            _newest_beat(work).scalar_subquery(),
            sa.select(sa.func.count()).select_from(Case).where(stands_still()).scalar_subquery(),
            sa.select(sa.func.count()).select_from(Mail).where(waits).scalar_subquery(),
            sa.select(sa.func.min(Mail.made_at)).where(waits).scalar_subquery(),
            sa.select(sa.func.count())
            .select_from(Mail)
            .where(Mail.failed_at > work.now - DAY)
            .scalar_subquery(),
            sa.select(sa.func.max(Backup.at)).scalar_subquery(),
            held(),
        )
    ).one()
    return Watch(
        overdue=_age(work, overdue) or 0.0,
        poll=_age(work, beat),
        stuck=stuck,
        unsent=unsent,
        unsent_age=_age(work, oldest) or 0.0,
        undelivered=undelivered,
        backup=_age(work, backup),
        held=bool(holds),
    )


def _age(work: UnitOfWork, since: datetime | None) -> float | None:
    return max(0.0, (work.now - since).total_seconds()) if since is not None else None


def _last_beat(work: UnitOfWork) -> datetime | None:
    return work.session.scalar(_newest_beat(work))


def _newest_beat(work: UnitOfWork) -> sa.Select[datetime | None]:
    return sa.select(sa.func.max(Heartbeat.at)).where(Heartbeat.at <= work.now + FUTURE)
