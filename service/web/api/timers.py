"""Timers: the deadlines that run, on what legal basis, and what happens when nobody acts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import fields

from service.commands import deadlines as commands
from service.queries import deadlines
from service.queries.deadlines import TimerPage
from service.web.api.requests import Blueprint, changes, reads
from service.web.api.schemas import Page, Reason, Shown, Words, instant, maybe, page_of, since, text
from service.work import UnitOfWork

blueprint = Blueprint("timers", __name__, description="Deadlines")


class Counted(Shown):
    """How a deadline was counted."""

    period = fields.String(required=True, metadata={"description": "Key in the table `periods`."})
    words = Words(required=True, metadata={"description": "With the arithmetic."})
    legal_basis = fields.String(required=True)
    confidence = fields.String(required=True)
    note = fields.String(required=True)
    fixed = fields.Boolean(required=True, metadata={"description": "By law: moves only on listed grounds."})
    moves = fields.String(required=True, metadata={"description": "Whether it moves off a day off."})
    moves_basis = fields.String(required=True)


class GroundItem(Shown):
    """A ground on which a deadline that the law fixes may move."""

    ground = fields.String(required=True)
    name = Words(required=True)
    legal_basis = fields.String(required=True)
    confidence = fields.String(required=True)
    note = fields.String(required=True)


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
    paused_at = instant(allow_none=True)
    counted = fields.Nested(Counted, allow_none=True)


class TimerDocument(TimerItem):
    """One timer, and the grounds on which it may move; none are listed where any will do."""

    grounds = fields.List(fields.Nested(GroundItem), required=True)


class Basis(Reason):
    """Why a deadline changes; it stays in the history."""

    legal_basis = text(
        longest=300,
        required=True,
        metadata={"description": "For a fixed deadline the key of one of its grounds, else words."},
    )


class Move(Basis):
    """To when a deadline is moved."""

    due_at = instant(required=True)


class Resume(Reason):
    """How a paused deadline runs on."""

    due_at = instant(metadata={"description": "Else as much later as it stood still."})


class Wanted(Page):
    """Which timers to list."""

    due_before = since()
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


@reads(blueprint, "/timers/<uuid:timer_id>", TimerDocument())
def one(work: UnitOfWork, timer_id: UUID) -> dict[str, Any]:
    """Show one timer that waits."""
    return _document(deadlines.one(work, timer_id))


@changes(blueprint, "/timers/<uuid:timer_id>/move", TimerDocument(), body=Move())
def move(
    work: UnitOfWork, timer_id: UUID, *, due_at: datetime, reason: str, legal_basis: str
) -> dict[str, Any]:
    """Let a timer go off at another instant, as a team leader."""
    commands.move(work, timer_id, due=due_at, reason=reason, legal_basis=legal_basis)
    return _document(deadlines.one(work, timer_id))


@changes(blueprint, "/timers/<uuid:timer_id>/pause", TimerDocument(), body=Basis())
def pause(work: UnitOfWork, timer_id: UUID, *, reason: str, legal_basis: str) -> dict[str, Any]:
    """Let the clock of a timer stand still, as a team leader."""
    commands.pause(work, timer_id, reason=reason, legal_basis=legal_basis)
    return _document(deadlines.one(work, timer_id))


@changes(blueprint, "/timers/<uuid:timer_id>/resume", TimerDocument(), body=Resume())
def resume(
    work: UnitOfWork, timer_id: UUID, *, reason: str, due_at: datetime | None = None
) -> dict[str, Any]:
    """Let a paused timer run on, as a team leader."""
    commands.resume(work, timer_id, reason=reason, due=due_at)
    return _document(deadlines.one(work, timer_id))


def _document(found: TimerPage) -> dict[str, Any]:
    return {**vars(found.row), "grounds": found.grounds}
