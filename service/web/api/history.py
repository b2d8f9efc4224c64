"""The trail: a case's sealed events, whether the chain is whole, and who looked."""

from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import fields

from service.queries import casefile, history
from service.queries.history import Event
from service.web import trail
from service.web.api.requests import Blueprint, reads
from service.web.api.schemas import Page, Shown, instant, maybe, page_of, text
from service.work import UnitOfWork

blueprint = Blueprint("history", __name__, description="The trail")


class EventItem(Shown):
    """One sealed fact."""

    case = fields.UUID(required=True)
    seq = fields.Integer(required=True)
    at = instant(required=True)
    actor = fields.String(required=True)
    type = fields.String(required=True)
    process = maybe(fields.String)
    element = maybe(fields.String)
    version = maybe(fields.Integer, metadata={"description": "Number of the deployment."})
    summary = fields.String(required=True)
    details = fields.Dict(required=True, metadata={"description": "Nothing personal."})
    data = maybe(fields.Dict, metadata={"description": "The personal values, for those who may see them."})
    commitment = maybe(fields.String)
    state_digest = fields.String(required=True)
    prev_hash = fields.String(required=True)
    hash = fields.String(required=True)


class Verdict(Shown):
    """Whether what is stored is what was recorded."""

    ok = fields.Boolean(required=True)
    events = fields.Integer(required=True)
    first_bad = maybe(fields.Integer)
    why = maybe(fields.String)


class WholeVerdict(Shown):
    """The same for all the cases that you may check."""

    ok = fields.Boolean(required=True)
    cases = fields.Integer(required=True)
    events = fields.Integer(required=True)
    bad = fields.List(fields.Dict(), required=True)


class AccessItem(Shown):
    """Somebody looked at something."""

    at = instant(required=True)
    actor = fields.String(required=True)
    action = fields.String(required=True)
    case = fields.UUID(attribute="case_id", allow_none=True)
    subject = maybe(fields.String)
    reason = maybe(fields.String)


Window = Page.from_dict(
    {"from": instant(), "to": instant(), "actor": text(longest=64), "case": fields.UUID()}, name="Window"
)


class Changes(Window):  # type: ignore[misc, valid-type]  # made from a dict, since `from` is a word of Python
    """Which changes to list."""

    type = text(longest=64)


@reads(blueprint, "/cases/<uuid:case_id>/history", page_of(EventItem, "Event"))
def timeline(work: UnitOfWork, case_id: UUID) -> dict[str, Any]:
    """Show every event of a case in order; the look is logged."""
    events = history.timeline(work, case_id)
    definition = casefile.case(work, case_id).definition
    told = {each.sequence: each.words for each in trail.tell(events, definition, whole=True)}
    items = [_event(event, told.get(event.sequence, event.type)) for event in events]
    return {"items": items, "next": None, "total": len(items)}


@reads(blueprint, "/cases/<uuid:case_id>/history/verification", Verdict())
def verification(work: UnitOfWork, case_id: UUID) -> Any:
    """Recompute a case's chain from what is stored."""
    return history.verify(work, case_id)


@reads(blueprint, "/audit/events", page_of(EventItem, "Change"), query=Changes())
def changed(work: UnitOfWork, *, limit: int, cursor: str | None = None, **wanted: Any) -> dict[str, Any]:
    """List changes across the cases that you may see, the newest first, without personal values."""
    found = history.changes(work, limit=limit, cursor=cursor, **_window(wanted))
    items = [_event(event, trail.event_type(event.type)) for event in found.items]
    return {"items": items, "next": found.next, "total": found.total}


@reads(blueprint, "/audit/access-log", page_of(AccessItem, "Access"), query=Window())
def looked(work: UnitOfWork, *, limit: int, cursor: str | None = None, **wanted: Any) -> Any:
    """List who looked at what, the newest first (lagen 2001:454, 10 §)."""
    return history.access_log(work, limit=limit, cursor=cursor, **_window(wanted))


@reads(blueprint, "/audit/verification", WholeVerdict())
def everything(work: UnitOfWork) -> dict[str, Any]:
    """Recompute the chains of all the cases that you may check."""
    verdicts = {case_id: history.verify(work, case_id) for case_id in history.every_case(work)}
    bad = [
        {"case": str(case_id), "first_bad": verdict.first_bad, "why": verdict.why}
        for case_id, verdict in verdicts.items()
        if not verdict.ok
    ]
    events = sum(verdict.events for verdict in verdicts.values())
    return {"ok": not bad, "cases": len(verdicts), "events": events, "bad": bad}


def _window(wanted: dict[str, Any]) -> dict[str, Any]:
    since: datetime | None = wanted.pop("from", None)
    until: datetime | None = wanted.pop("to", None)
    return {**wanted, "since": since, "until": until}


def _event(event: Event, summary: str) -> dict[str, Any]:
    return {
        **vars(event),
        "case": event.case_id,
        "seq": event.sequence,
        "version": event.deployment,
        "summary": summary,
        "data": event.values,
        "prev_hash": event.previous,
        "hash": event.seal,
    }
