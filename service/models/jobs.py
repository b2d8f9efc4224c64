"""What must run when: waiting timers, awaited messages, incidents. Jobs are the only judge of time."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.models.base import Base, words

LEASE = timedelta(seconds=30)  # how long a worker may keep due jobs to itself


class IncidentState(StrEnum):
    """An incident stays until a person has dealt with it."""

    OPEN = "open"
    RESOLVED = "resolved"


class Job(Base):
    """A waiting timer. `due_at` is the legal or planned instant, `run_at` when to try (again).

    While it is paused its clock stands still: `paused_at` says since when, and `run_at` is None.
    """

    __tablename__ = "job"
    id: Mapped[UUID] = mapped_column(primary_key=True)  # the engine's id of the timer
    case_id: Mapped[UUID] = mapped_column(sa.ForeignKey("case_file.id"), index=True)
    instance_id: Mapped[UUID] = mapped_column(sa.ForeignKey("process_instance.id"))
    process: Mapped[str] = mapped_column(sa.String(64))
    element: Mapped[str] = mapped_column(sa.String(128))
    right: Mapped[str | None] = mapped_column(sa.String(32))
    due_at: Mapped[datetime]
    run_at: Mapped[datetime | None]  # None: paused, or gave up and an incident tells
    attempts: Mapped[int] = mapped_column(default=0)
    period: Mapped[str | None] = mapped_column(sa.String(64))  # what its time is called in table `periods`
    counts_from: Mapped[datetime | None]  # where that time begins
    paused_at: Mapped[datetime | None]
    warn_at: Mapped[datetime | None]  # when to warn next; None: no more
    warn_level: Mapped[int] = mapped_column(default=0)  # of the next warning
    leased_by: Mapped[str | None] = mapped_column(sa.String(64))  # the worker that is about to run it
    leased_until: Mapped[datetime | None]  # from when another worker may take it
    losses: Mapped[int] = mapped_column(default=0)  # leases that ran out: their workers died, or were slow
    __table_args__ = (sa.Index("ix_job_run_at", "run_at", "id"), sa.Index("ix_job_warn_at", "warn_at"))


def leased(now: datetime, job: type[Job] = Job) -> sa.ColumnElement[bool]:
    """The condition on `Job` that a worker has it and may be running it.

    A lease that ends later than any could was taken before the clock was put back: nobody knows how long ago.
    """
    return sa.and_(job.leased_until.is_not(None), job.leased_until > now, job.leased_until <= now + LEASE)


class AwaitedMessage(Base):
    """A message that a case waits for."""

    __tablename__ = "awaited_message"
    id: Mapped[UUID] = mapped_column(primary_key=True)  # the engine's id of what waits
    case_id: Mapped[UUID] = mapped_column(sa.ForeignKey("case_file.id"), index=True)
    instance_id: Mapped[UUID] = mapped_column(sa.ForeignKey("process_instance.id"))
    process: Mapped[str] = mapped_column(sa.String(64))
    element: Mapped[str] = mapped_column(sa.String(128))
    name: Mapped[str] = mapped_column(sa.String(128), index=True)
    on_the_way: Mapped[bool] = mapped_column(default=True)  # False: it may come beside, nothing waits for it


class Incident(Base):
    """A job or a step that gave up: the cause in words, and what can be done."""

    __tablename__ = "incident"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    case_id: Mapped[UUID] = mapped_column(sa.ForeignKey("case_file.id"), index=True)
    job_id: Mapped[UUID | None]  # the job may be gone by now, so no foreign key
    process: Mapped[str | None] = mapped_column(sa.String(64))
    element: Mapped[str | None] = mapped_column(sa.String(128))
    cause: Mapped[str] = mapped_column(sa.Text)
    attempts: Mapped[int]
    state: Mapped[IncidentState] = mapped_column(words(IncidentState))
    raised_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("user_account.id"))
    reason: Mapped[str | None] = mapped_column(sa.Text)


class Heartbeat(Base):
    """When each worker last polled; readiness and the watchdog ask."""

    __tablename__ = "heartbeat"
    worker: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    at: Mapped[datetime]


class IdempotentAnswer(Base):
    """The first answer to a request that carried an Idempotency-Key."""

    __tablename__ = "idempotent_answer"
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("user_account.id"), primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(128), primary_key=True)
    request_digest: Mapped[str] = mapped_column(sa.String(64))
    status: Mapped[int]
    answer: Mapped[bytes]  # sealed by the vault; place idempotent_answer:<user id>:<key>
    at: Mapped[datetime] = mapped_column(index=True)
