"""Cases: start one, find one, see where it stands, and what is done to it as a whole."""

from typing import Any
from uuid import UUID

from flask import url_for
from marshmallow import fields, validate

from service.commands import cases
from service.errors import NotFound, Stale
from service.models.cases import CaseStatus
from service.queries import casefile, people
from service.queries.casefile import CaseFile, CaseRow
from service.rules.permissions import Protection
from service.web.api.requests import Answer, Blueprint, changes, etag, reads, seen_revision
from service.web.api.schemas import (
    PROTECTIONS,
    Place,
    Reason,
    Shown,
    Strict,
    Words,
    instant,
    maybe,
    page_of,
    text,
)
from service.web.api.schemas import Page as Paged
from service.web.api.tasks import TaskItem
from service.web.api.timers import TimerItem
from service.work import UnitOfWork

blueprint = Blueprint("cases", __name__, description="The file about one person's matter")


class ProcessVersion(Shown):
    """Which process a case runs, and in which version."""

    key = fields.String(required=True)
    version = fields.Integer(required=True)
    title = Words(required=True)


class CaseItem(Shown):
    """A case in a list: nothing personal."""

    id = fields.UUID(required=True)
    reference = fields.String(required=True)
    process = fields.Nested(ProcessVersion)
    status = fields.String(validate=validate.OneOf([each.value for each in CaseStatus]))
    unit = fields.String()
    owner = maybe(fields.String, attribute="owner.username", dump_default=None)
    protection = fields.String(validate=validate.OneOf(PROTECTIONS))
    opened_at = instant()
    closed_at = instant(allow_none=True)
    next_due = instant(allow_none=True)
    milestones = fields.List(fields.String())
    incidents = fields.Integer()


class Right(Shown):
    """How far one right of the package has come."""

    right = fields.String(required=True)
    state = fields.String(required=True)
    since = instant(allow_none=True)
    waiting = fields.List(Words(), required=True)


class Awaited(Shown):
    """A message that the case waits for."""

    name = fields.String(required=True)
    process = fields.String(required=True)
    element = fields.String(required=True)
    label = Words(required=True)


class CaseDocument(CaseItem):
    """One case: where it stands and why, what comes next, which deadlines run."""

    deployment = fields.Integer()
    active = fields.List(fields.Nested(Place), metadata={"description": "Elements that hold a token."})
    deadlines = fields.List(fields.Nested(TimerItem))
    rights = fields.List(fields.Nested(Right))
    tasks = fields.List(fields.Nested(TaskItem), metadata={"description": "Open ones."})
    awaited = fields.List(fields.Nested(Awaited))
    may = fields.List(fields.String())
    links = fields.Dict(keys=fields.String(), values=fields.String())


class Wanted(Paged):
    """Which cases to list."""

    status = fields.String(validate=validate.OneOf([each.value for each in CaseStatus]))
    process = text(longest=64)
    unit = text(longest=64)
    owner = text(longest=64, metadata={"description": "A username, or `me`."})
    q = text(longest=64, metadata={"description": "The beginning of a reference."})
    overdue = fields.Boolean(load_default=False)


class NewCase(Strict):
    """What a case begins with."""

    process = text(longest=64, required=True)
    unit = text(longest=64, required=True)
    data = fields.Dict(keys=fields.String(), load_default=dict)


class Transfer(Reason):
    """Where a case goes: to another unit, another owner (a username), or both."""

    unit = text(longest=64)
    owner = text(longest=64)


class Protected(Reason):
    """How far a case is hidden."""

    protection = fields.String(required=True, validate=validate.OneOf(PROTECTIONS))


@changes(blueprint, "/cases", CaseDocument(), body=NewCase(), status=201)
def start(work: UnitOfWork, *, process: str, unit: str, data: dict[str, Any]) -> Answer:
    """Open a case and start its process on what is in force."""
    shown = _shown(work, cases.start(work, process, unit=unit, data=data))
    location = url_for("api_cases.one", case_id=shown.value["id"])
    return Answer(shown.value, {**shown.headers, "Location": location})


@reads(blueprint, "/cases", page_of(CaseItem, "Case"), query=Wanted())
def listed(
    work: UnitOfWork, *, limit: int, cursor: str | None = None, owner: str | None = None, **wanted: Any
) -> dict[str, Any]:
    """List the cases that you may see, the newest first."""
    if owner is not None:
        found = work.actor.id if owner == "me" else _user(work, owner)
        if found is None:
            return {"items": [], "next": None, "total": 0}
        wanted["owner"] = found
    page = casefile.cases(work, casefile.Wanted(**wanted), limit=limit, cursor=cursor)
    return {"items": [_item(row) for row in page.items], "next": page.next, "total": page.total}


@reads(blueprint, "/cases/<uuid:case_id>", CaseDocument())
def one(work: UnitOfWork, case_id: UUID) -> Answer:
    """Show one case; the look is logged."""
    return _shown(work, case_id)


@changes(blueprint, "/cases/<uuid:case_id>/suspend", CaseDocument(), body=Reason())
def suspend(work: UnitOfWork, case_id: UUID, *, reason: str) -> Answer:
    """Let nobody work on the case for now; its deadlines run on."""
    _must_be_seen(work, case_id)
    cases.suspend(work, case_id, reason=reason)
    return _shown(work, case_id)


@changes(blueprint, "/cases/<uuid:case_id>/resume", CaseDocument(), body=Reason())
def resume(work: UnitOfWork, case_id: UUID, *, reason: str) -> Answer:
    """Let people work on the case again."""
    _must_be_seen(work, case_id)
    cases.resume(work, case_id, reason=reason)
    return _shown(work, case_id)


@changes(blueprint, "/cases/<uuid:case_id>/cancel", CaseDocument(), body=Reason())
def cancel(work: UnitOfWork, case_id: UUID, *, reason: str) -> Answer:
    """End the case before its diagram does."""
    _must_be_seen(work, case_id)
    cases.cancel(work, case_id, reason=reason)
    return _shown(work, case_id)


@changes(blueprint, "/cases/<uuid:case_id>/transfer", CaseDocument(), body=Transfer())
def transfer(
    work: UnitOfWork, case_id: UUID, *, reason: str, unit: str | None = None, owner: str | None = None
) -> Answer:
    """Give the case to another unit or owner; whoever may not see it there gets its id and reference only."""
    reference = _must_be_seen(work, case_id, always=True)
    cases.transfer(work, case_id, unit=unit, owner=owner, reason=reason)
    try:
        return _shown(work, case_id)
    except NotFound:
        return Answer({"id": case_id, "reference": reference})


@changes(blueprint, "/cases/<uuid:case_id>/protect", CaseDocument(), body=Protected())
def protect(work: UnitOfWork, case_id: UUID, *, protection: str, reason: str) -> Answer:
    """Hide the case from all but its owner and those named, or show it to its unit again."""
    reference = _must_be_seen(work, case_id, always=True)
    cases.protect(work, case_id, protection=Protection(protection), reason=reason)
    try:
        return _shown(work, case_id)
    except NotFound:
        return Answer({"id": case_id, "reference": reference})


@changes(blueprint, "/cases/<uuid:case_id>/break-glass", CaseDocument(), body=Reason())
def break_glass(work: UnitOfWork, case_id: UUID, *, reason: str) -> Answer:
    """Open a protected case for yourself for an hour; the reason stays in history and access log."""
    cases.break_glass(work, case_id, reason=reason)
    return _shown(work, case_id)


def _shown(work: UnitOfWork, case_id: UUID) -> Answer:
    file = casefile.case(work, case_id)
    return Answer(_document(work, file), etag(file.revision))


def _must_be_seen(work: UnitOfWork, case_id: UUID, *, always: bool = False) -> str:
    """Honour If-Match; gives the reference when `always`. Nothing is told of a case that is not theirs."""
    seen = seen_revision()
    if seen is None and not always:
        return ""
    file = casefile.case(work, case_id)
    if seen is not None and work.lock(case_id)[0].revision != seen:
        raise Stale
    return file.row.reference


def _user(work: UnitOfWork, username: str) -> UUID | None:
    found = people.by_username(work, [username]).get(username)
    return found.id if found else None


def _item(row: CaseRow) -> dict[str, Any]:
    process = {"key": row.process, "version": row.version, "title": row.process_title}
    return {**vars(row), "process": process}


def _document(work: UnitOfWork, file: CaseFile) -> dict[str, Any]:
    processes = file.definition.processes
    case_id = file.row.id
    return {
        **_item(file.row),
        "deployment": file.deployment,
        "active": [
            {
                **vars(place),
                "name": processes[place.process].elements[place.element].name,
                "kind": processes[place.process].elements[place.element].kind,
            }
            for place in file.active
        ],
        "deadlines": file.deadlines,
        "rights": file.rights,
        "tasks": [
            {**vars(row), "overdue": row.due_at is not None and row.due_at < work.now} for row in file.tasks
        ],
        "awaited": file.awaited,
        "may": sorted(each.value for each in file.may),
        "links": {
            "self": url_for("api_cases.one", case_id=case_id),
            "tasks": url_for("api_tasks.inbox", case=case_id),
            "documents": url_for("api_documents.listed", case_id=case_id),
            "history": url_for("api_history.timeline", case_id=case_id),
            "timers": url_for("api_timers.listed", case=case_id),
            "definition": url_for("api_definitions.one", key=file.row.process, version=file.row.version),
        },
    }
