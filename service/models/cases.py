"""Cases and what runs in them: instances, tasks, drafts, answers. The case's key seals what is personal."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.models.base import Base, words


class CaseStatus(StrEnum):
    """Where a case stands as a whole."""

    OPEN = "open"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class TaskOutcome(StrEnum):
    """How a task was closed."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Case(Base):
    """The file about one person's matter. Whoever changes anything in it locks this row first."""

    __tablename__ = "case_file"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    reference: Mapped[str] = mapped_column(sa.String(32), unique=True)  # tells nothing about the person
    status: Mapped[CaseStatus] = mapped_column(words(CaseStatus))
    unit_key: Mapped[str] = mapped_column(sa.ForeignKey("unit.key"), index=True)
    owner_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("user_account.id"), index=True)
    protection: Mapped[str] = mapped_column(
        sa.String(32), default="normal"
    )  # a word of rules.permissions.Protection
    person_index: Mapped[str | None] = mapped_column(
        sa.String(64), index=True
    )  # blind index: find and count individuals
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    wrapped_key: Mapped[bytes | None]  # None: destroyed, and with it everything personal in the case
    sequence: Mapped[int] = mapped_column(default=0)  # of the last event in the history
    seal: Mapped[str] = mapped_column(sa.String(64), default="")  # of the last event in the history
    revision: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012  in the WHERE clause of every update
    __table_args__ = (sa.Index("ix_case_file_unit_key_status", "unit_key", "status"),)


class CaseAccess(Base):
    """Named access to a protected case: given by breaking the glass, with a reason, until a moment."""

    __tablename__ = "case_access"
    case_id: Mapped[UUID] = mapped_column(sa.ForeignKey("case_file.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("user_account.id"), primary_key=True)
    given_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(sa.String(500))


class ProcessInstance(Base):
    """One deployed process being executed in a case: the sealed snapshot of its tokens and data."""

    __tablename__ = "process_instance"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    case_id: Mapped[UUID] = mapped_column(sa.ForeignKey("case_file.id"), index=True)
    deployment_id: Mapped[UUID] = mapped_column(sa.ForeignKey("deployment.id"), index=True)
    process: Mapped[str] = mapped_column(sa.String(64))
    version: Mapped[int]
    snapshot: Mapped[bytes]  # sealed; place process_instance.snapshot:<id>
    before_move: Mapped[bytes | None]  # sealed; place process_instance.before_move:<id>; until it goes on
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


def behind(process: str, version: int, target: UUID) -> tuple[sa.ColumnElement[bool], ...]:
    """The conditions that an instance of a version runs on another deployment, in a case that goes on.

    The version may be the same there: what it calls can have changed.
    """
    return (
        ProcessInstance.process == process,
        ProcessInstance.version == version,
        ProcessInstance.deployment_id != target,
        ProcessInstance.finished_at.is_(None),
        Case.status.in_((CaseStatus.OPEN, CaseStatus.SUSPENDED)),
    )


class Task(Base):
    """Work for a person: claim, release, assign, complete, correct."""

    __tablename__ = "task"
    id: Mapped[UUID] = mapped_column(primary_key=True)  # the engine's id of it
    case_id: Mapped[UUID] = mapped_column(sa.ForeignKey("case_file.id"))
    instance_id: Mapped[UUID] = mapped_column(sa.ForeignKey("process_instance.id"))
    process: Mapped[str] = mapped_column(sa.String(64))
    element: Mapped[str] = mapped_column(sa.String(128))
    right: Mapped[str | None] = mapped_column(sa.String(32))  # which right of the package it serves
    role: Mapped[str] = mapped_column(sa.String(32))
    assignee_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("user_account.id"), index=True)
    claimed_at: Mapped[datetime | None]
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    period: Mapped[str | None] = mapped_column(sa.String(64))  # what its time is called in table `periods`
    counts_from: Mapped[datetime | None]  # where that time begins
    warn_at: Mapped[datetime | None]  # when to warn next; None: no more
    warn_level: Mapped[int] = mapped_column(default=0)  # of the next warning
    follow_up_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    outcome: Mapped[TaskOutcome | None] = mapped_column(words(TaskOutcome))
    completed_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("user_account.id"))
    __table_args__ = (
        sa.Index("ix_task_case_id", "case_id", "closed_at", "due_at"),
        sa.Index("ix_task_open", "closed_at", "due_at"),
        sa.Index("ix_task_warn_at", "warn_at"),
    )


class Draft(Base):
    """What someone has typed and not submitted: goes with the answers, stays when the diagram ends a task."""

    __tablename__ = "draft"
    task_id: Mapped[UUID] = mapped_column(sa.ForeignKey("task.id"), primary_key=True)
    saved_by: Mapped[UUID] = mapped_column(sa.ForeignKey("user_account.id"))
    saved_at: Mapped[datetime]
    revision: Mapped[int] = mapped_column()
    data: Mapped[bytes]  # sealed; place draft.data:<task id>
    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012


def completer(task: Task, element: str) -> sa.Select[UUID | None]:
    """Ask who last completed the step that a task checks: in its process, for its right."""
    return (
        sa.select(Task.completed_by)
        .where(
            Task.case_id == task.case_id,
            Task.instance_id == task.instance_id,
            Task.process == task.process,
            Task.element == element,
            Task.right.is_not_distinct_from(task.right),
            Task.outcome == TaskOutcome.COMPLETED,
        )
        .order_by(Task.closed_at.desc())
        .limit(1)
    )


class Answers(Base):
    """What a person gave for one task; a correction is a new version, the old one stays."""

    __tablename__ = "answers"
    task_id: Mapped[UUID] = mapped_column(sa.ForeignKey("task.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    given_by: Mapped[UUID] = mapped_column(sa.ForeignKey("user_account.id"))
    given_at: Mapped[datetime]
    data: Mapped[bytes]  # sealed; place answers.data:<task id>:<version>
