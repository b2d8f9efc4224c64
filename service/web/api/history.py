"""The trail: a case's sealed events, whether the chain is whole, and who looked."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response, after_this_request
from marshmallow import fields, validate

from service import verifier
from service.commands import checkpoints
from service.queries import casefile, history
from service.queries.history import Event
from service.queries.paging import part
from service.queries.verification import Checked
from service.web import auth, trail
from service.web.api.requests import Blueprint, changes, reads, works_alone
from service.web.api.schemas import MOST, Page, Shown, Strict, instant, maybe, page_of, since, text, until
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
    destroyed = fields.Boolean(
        required=True, metadata={"description": "What was personal is gone; all that is left was verified."}
    )
    document = maybe(fields.UUID, metadata={"description": "The one that is wrong."})


class Wrong(Shown):
    """Something that is not as it was recorded."""

    case = maybe(fields.UUID, metadata={"description": "null: in a case that you may not see."})
    reference = maybe(fields.String)
    seq = maybe(fields.Integer)
    checkpoint = maybe(fields.Integer)
    document = maybe(fields.UUID)
    why = fields.String(required=True, validate=validate.OneOf(list(verifier.WORDS)))


class WholeVerdict(Shown):
    """Whether the whole trail is what was recorded."""

    ok = fields.Boolean(required=True)
    cases = fields.Integer(required=True)
    events = fields.Integer(required=True)
    covered = fields.Integer(required=True, metadata={"description": "Events with a place in the tree."})
    checkpoints = fields.Integer(required=True)
    bad = fields.List(fields.Nested(Wrong), required=True)


class CheckpointItem(Shown):
    """A signed checkpoint (C2SP tlog-checkpoint) over the tree of all events (RFC 9162)."""

    size = fields.Integer(required=True)
    at = instant(required=True)
    actor = fields.String(required=True)
    root = fields.String(required=True)
    note = fields.String(required=True, metadata={"description": "The signed text."})
    before = maybe(fields.Integer, metadata={"description": "Size of the checkpoint before."})
    proof = fields.List(fields.String(), required=True, metadata={"description": "That it extends that one."})


class Checkpoints(page_of(CheckpointItem, "Checkpoint").__class__):  # type: ignore[misc]
    """Checkpoints, and the public key that they are signed with (C2SP signed-note)."""

    key = fields.String(required=True)


class Signed(Shown):
    """A checkpoint, just signed."""

    size = fields.Integer(required=True)
    note = fields.String(required=True)


class AccessItem(Shown):
    """Somebody looked at something."""

    at = instant(required=True)
    actor = fields.String(required=True)
    action = fields.String(required=True)
    case = fields.UUID(attribute="case_id", allow_none=True)
    subject = maybe(fields.String)
    reason = maybe(fields.String)


class Whole(Page):
    """Which part of a case's history; without `limit` all that is left of it."""

    limit = fields.Integer(validate=validate.Range(1, MOST), metadata={"description": "Rows."})


Window = Page.from_dict(
    {"from": since(), "to": until(), "actor": text(longest=64), "case": fields.UUID()}, name="Window"
)


class Changes(Window):  # type: ignore[misc, valid-type]  # made from a dict, since `from` is a word of Python
    """Which changes to list."""

    type = text(longest=64)
    unit = text(longest=64)
    process = text(longest=64)
    person = fields.String(
        validate=validate.Regexp(r"[0-9a-f]{64}\Z"),
        metadata={"description": "`code` of `POST /audit/person`."},
    )


class Looks(Window):  # type: ignore[misc, valid-type]
    """Which looks to list."""

    action = text(longest=32)


class PersonSought(Strict):
    """A person, by personal number: in a body, since addresses end up in logs."""

    person = text(longest=20, required=True)


class PersonCode(Shown):
    """What finds the person's cases and tells nothing else."""

    code = fields.String(required=True)


@reads(blueprint, "/cases/<uuid:case_id>/history", page_of(EventItem, "Event"), query=Whole())
def timeline(work: UnitOfWork, case_id: UUID, **which: Any) -> dict[str, Any]:
    """Show every event of a case in order, a page of them when `limit` asks for one; the look is logged."""
    events = history.timeline(work, case_id)
    definition = casefile.case(work, case_id).definition
    told = {each.sequence: each.words for each in trail.tell(events, definition, whole=True)}
    found = part(work, events, by=["sequence"], **{"limit": len(events), **which})
    items = [_event(event, told.get(event.sequence, event.type)) for event in found.items]
    return {**vars(found), "items": items}


@reads(blueprint, "/cases/<uuid:case_id>/history/verification", Verdict())
def verification(work: UnitOfWork, case_id: UUID) -> Any:
    """Recompute a case's chain from what is stored."""
    return history.verify(work, case_id)


@reads(blueprint, "/audit/events", page_of(EventItem, "Change"), query=Changes())
def changed(work: UnitOfWork, *, limit: int, cursor: str | None = None, **wanted: Any) -> dict[str, Any]:
    """List changes across the cases that you may see, the newest first, without personal values."""
    found = history.changes(work, history.Sought(**_window(wanted)), limit=limit, cursor=cursor)
    items = [_event(event, trail.event_type(event.type)) for event in found.items]
    return {"items": items, "next": found.next, "total": found.total}


@reads(blueprint, "/audit/access-log", page_of(AccessItem, "Access"), query=Looks())
def looked(work: UnitOfWork, *, limit: int, cursor: str | None = None, **wanted: Any) -> Any:
    """List who looked at what, the newest first (lagen 2001:454, 10 §)."""
    return history.access_log(work, limit=limit, cursor=cursor, **_window(wanted))


@changes(blueprint, "/audit/person", PersonCode(), body=PersonSought())
def find_person(work: UnitOfWork, *, person: str) -> dict[str, str]:
    """Give the code by which a person's events are found; the search is logged, the number is not kept."""
    return {"code": history.person_code(work, person)}


@works_alone(blueprint, "/audit/verification", WholeVerdict())
def everything() -> Any:
    """Recompute the whole trail: the cases that you may check, the tree over all cases, the checkpoints.

    Works in small transactions of its own, so that it keeps nobody waiting.
    """
    return _whole(history.verify_everything(auth.begin))


@reads(blueprint, "/audit/checkpoints", Checkpoints(), query=Page())
def signed(work: UnitOfWork, *, limit: int, cursor: str | None = None) -> dict[str, Any]:
    """List the signed checkpoints, the newest first, with the key that they are signed with."""
    found = history.checkpoints(work, limit=limit, cursor=cursor)
    return {**vars(found), "key": history.public_key(work)}


@changes(blueprint, "/audit/checkpoints", Signed(), status=201)
def sign(work: UnitOfWork) -> Any:
    """Sign a checkpoint now; the last one again when nothing has happened since."""
    made = checkpoints.take(work)

    @after_this_request
    def publish(answer: Response) -> Response:
        """Write it outside the database, once it is in it for good."""
        if answer.status_code < 400:  # noqa: PLR2004  not an error
            checkpoints.publish(auth.platform(), made)
        return answer

    return made


def _whole(checked: Checked) -> dict[str, Any]:
    bad = [
        {
            "case": str(each.case_id) if each.case_id and each.seen else None,
            "reference": each.reference,
            "seq": each.sequence,
            "checkpoint": each.size,
            "why": each.why,
            "document": each.document,
        }
        for each in checked.findings
    ]
    return {
        "ok": not bad,
        "cases": checked.cases,
        "events": checked.events,
        "covered": checked.leaves,
        "checkpoints": checked.checkpoints,
        "bad": bad,
    }


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
