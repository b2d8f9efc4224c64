"""Warnings on screen: one's own, and that they have been seen."""

from typing import Any
from uuid import UUID

from marshmallow import fields

from service.commands import notices as commands
from service.queries import notices
from service.web.api.requests import Blueprint, changes, reads
from service.web.api.schemas import Page, Shown, Words, instant, page_of
from service.work import UnitOfWork

blueprint = Blueprint("notices", __name__, description="Warnings about deadlines")


class NoticeItem(Shown):
    """A warning about a deadline."""

    id = fields.UUID(required=True)
    case = fields.UUID(required=True, attribute="case_id")
    reference = fields.String(required=True)
    name = Words(allow_none=True, metadata={"description": "Null in a case that is closed to you."})
    level = fields.Integer(required=True)
    due_at = instant(required=True)
    at = instant(required=True)
    seen_at = instant(allow_none=True)


class Seen(Shown):
    """How many warnings were new until now."""

    seen = fields.Integer(required=True)


@reads(blueprint, "/notices", page_of(NoticeItem, "Notice"), query=Page())
def listed(work: UnitOfWork, *, limit: int, cursor: str | None = None) -> Any:
    """List your own warnings, the newest first."""
    return notices.mine(work, limit=limit, cursor=cursor)


@changes(blueprint, "/notices/seen", Seen())
def all_seen(work: UnitOfWork) -> dict[str, int]:
    """Mark all your warnings as seen."""
    return {"seen": commands.seen(work)}


@changes(blueprint, "/notices/<uuid:notice_id>/seen", Seen())
def seen(work: UnitOfWork, notice_id: UUID) -> dict[str, int]:
    """Mark one of your warnings as seen."""
    return {"seen": commands.seen(work, notice_id=notice_id)}
