"""Warnings on screen: the actor's own, the newest first, and how many are new."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from service.engine.text import Text
from service.models.notices import CalendarFeed, Notice
from service.models.people import User
from service.queries.paging import DEFAULT, Page, page
from service.work import UnitOfWork


@dataclass(frozen=True)
class NoticeRow:
    """A warning: which deadline in which case; no name where the case is closed to the reader."""

    id: UUID
    case_id: UUID
    reference: str
    name: Text | None
    level: int
    due_at: datetime
    at: datetime
    seen_at: datetime | None


@dataclass(frozen=True)
class Channels:
    """How a person is told outside the pages."""

    email: str | None
    digest: bool
    mails: bool  # a mail server is set
    feed_made_at: datetime | None  # None: no calendar feed
    feed_fetched_at: datetime | None


def mine(work: UnitOfWork, *, limit: int = DEFAULT, cursor: str | None = None) -> Page[NoticeRow]:
    """List the actor's warnings, the newest first."""
    rows = sa.select(Notice).where(Notice.user_id == work.actor.id)
    return page(
        work,
        rows,
        by=[Notice.at, Notice.id],
        make=lambda row: _row(row.Notice),
        limit=limit,
        cursor=cursor,
        newest_first=True,
    )


def unseen(work: UnitOfWork) -> int:
    """Count the actor's warnings that are new."""
    new = sa.select(sa.func.count()).where(Notice.user_id == work.actor.id, Notice.seen_at.is_(None))
    return work.session.scalar(new) or 0


def channels(work: UnitOfWork) -> Channels:
    """Tell how the actor is told outside the pages."""
    user = work.session.get(User, work.actor.id)
    feed = work.session.get(CalendarFeed, work.actor.id)
    return Channels(
        email=user.email if user else None,
        digest=bool(user and user.digest),
        mails=bool(work.platform.settings.smtp_host),
        feed_made_at=feed.made_at if feed else None,
        feed_fetched_at=feed.fetched_at if feed else None,
    )


def _row(notice: Notice) -> NoticeRow:
    named = notice.name_sv is not None
    return NoticeRow(
        id=notice.id,
        case_id=notice.case_id,
        reference=notice.reference,
        name=Text(notice.name_sv or "", notice.name_en or "") if named else None,
        level=notice.level,
        due_at=notice.due_at,
        at=notice.at,
        seen_at=notice.seen_at,
    )
