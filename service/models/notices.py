"""What people are told about deadlines: notices on screen, e-mail that waits to leave, the calendar feed."""

from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.models.base import Base


class Notice(Base):
    """A warning to one person about one deadline. Nothing personal: a reference, a step's name, a date."""

    __tablename__ = "notice"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("user_account.id"))
    case_id: Mapped[UUID] = mapped_column(sa.ForeignKey("case_file.id"), index=True)
    deadline_id: Mapped[UUID]  # of the task or the timer, which may be gone by now: no foreign key
    level: Mapped[int]
    reference: Mapped[str] = mapped_column(sa.String(32))
    name_sv: Mapped[str | None] = mapped_column(
        sa.String(200)
    )  # None: a protected case, closed to the reader
    name_en: Mapped[str | None] = mapped_column(sa.String(200))
    due_at: Mapped[datetime]
    at: Mapped[datetime]
    seen_at: Mapped[datetime | None]
    __table_args__ = (sa.Index("ix_notice_user_id_seen_at", "user_id", "seen_at"),)


class Mail(Base):
    """An e-mail that must leave the building: written with what it tells of, sent by whoever leases it.

    `send_at` is when to try (again); None when it has been sent or given up.
    """

    __tablename__ = "mail"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)  # names it to other servers, each time
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("user_account.id"), index=True)
    case_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("case_file.id"), index=True)
    kind: Mapped[str] = mapped_column(sa.String(32))  # warning, digest
    content: Mapped[dict[str, Any]]  # references, steps' names, dates; nothing personal
    made_at: Mapped[datetime]
    send_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    lease: Mapped[UUID | None]  # of the worker that is sending it; only the holder may tell how it went
    lease_ends_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]  # gave up
    trouble: Mapped[str | None] = mapped_column(sa.String(500))  # what went wrong the last time
    __table_args__ = (sa.Index("ix_mail_send_at", "send_at", "id"),)


class Digest(Base):
    """A person's daily list has been made for this day; the key lets only one worker do it."""

    __tablename__ = "digest"
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("user_account.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]
    deadlines: Mapped[int]  # how many it told of; with none there was no e-mail


class CalendarFeed(Base):
    """The secret address at which a person's calendar program fetches deadlines; only its hash is kept."""

    __tablename__ = "calendar_feed"
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("user_account.id"), primary_key=True)
    secret_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    made_at: Mapped[datetime]
    fetched_at: Mapped[datetime | None]
