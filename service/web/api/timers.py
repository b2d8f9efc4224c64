"""Timers: the deadlines that run, on what legal basis, and what happens when nobody acts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import fields

from service.queries import deadlines
from service.web.api.requests import Blueprint, reads
from service.web.api.schemas import Page, Shown, Words, instant, maybe, page_of
from service.work import UnitOfWork

blueprint = Blueprint("timers", __name__, description="Deadlines")


class TimerItem(Shown):
    """A timer that waits."""

    id = fields.UUID(required=True)
    case = fields.UUID(required=True, attribute="case_id")
    reference = fields.String(required=True)
    unit = fields.String(required=True)
    process = fields.String(required=True)
    element = fields.String(required=True)
    name = Words(required=True)
    right = maybe(fields.String)
    due_at = instant(required=True)
    kind = fields.String(required=True)
    legal_basis = maybe(fields.String)
    consequence = Words(allow_none=True)
    attempts = fields.Integer(required=True)
    given_up = fields.Boolean(required=True)


class Wanted(Page):
    """Which timers to list."""

    due_before = instant()
    case = fields.UUID()


@reads(blueprint, "/timers", page_of(TimerItem, "Timer"), query=Wanted())
def listed(
    work: UnitOfWork,
    *,
    limit: int,
    cursor: str | None = None,
    due_before: datetime | None = None,
    case: UUID | None = None,
) -> Any:
    """List the timers that wait in the cases that you may see, the next first."""
    return deadlines.timers(work, due_before=due_before, case=case, limit=limit, cursor=cursor)
