"""Tasks: the inbox, one task with its form, and what a person does with it."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from service.commands import deadlines, tasks
from service.errors import Stale
from service.queries import worklist
from service.queries.paging import Page
from service.queries.worklist import TaskPage, TaskRow
from service.web.api.requests import Answer, Blueprint, changes, etag, reads, seen_revision, seen_revisions
from service.web.api.schemas import Page as Paged
from service.web.api.schemas import Shown, Strict, Words, instant, maybe, page_of, since, text
from service.web.api.timers import Counted, Move
from service.work import UnitOfWork

blueprint = Blueprint("tasks", __name__, description="Work for people")


class TaskItem(Shown):
    """A task in a list."""

    id = fields.UUID(required=True)
    name = Words(required=True)
    process = fields.String(required=True)
    element = fields.String(required=True)
    right = maybe(fields.String)
    case = fields.UUID(required=True, attribute="case_id")
    reference = fields.String(required=True)
    unit = fields.String(required=True)
    role = fields.String(required=True)
    assignee = maybe(fields.String, attribute="assignee.username", dump_default=None)
    opened_at = instant(required=True)
    due = instant(attribute="due_at", allow_none=True)
    overdue = fields.Boolean(required=True)
    suspended = fields.Boolean(required=True)
    protected = fields.Boolean(required=True)
    counted = fields.Nested(
        Counted, allow_none=True, metadata={"description": "How the due time was counted."}
    )


class Draft(Shown):
    """What has been typed and not submitted."""

    data = fields.Dict(required=True)
    revision = fields.Integer(required=True)
    saved_at = instant(required=True)
    saved_by = fields.String(required=True, attribute="saved_by.username")


class Closing(Shown):
    """How a task was closed."""

    at = instant(required=True)
    outcome = fields.String(required=True, validate=validate.OneOf(["completed", "cancelled"]))
    by = maybe(fields.String, attribute="by.username", dump_default=None)


class TaskDocument(TaskItem):
    """One task, whole."""

    form = maybe(fields.Dict, metadata={"description": "The form-js schema as deployed."})
    data = fields.Dict(required=True, metadata={"description": "Of the case, as the form sees it."})
    draft = fields.Nested(Draft, allow_none=True)
    answers = maybe(fields.Dict, metadata={"description": "What was submitted, once it is completed."})
    closing = fields.Nested(Closing, allow_none=True)
    guidance = Words(allow_none=True)
    legal_basis = maybe(fields.String)
    consequence = Words(allow_none=True)
    delegation = maybe(fields.String)
    version = fields.Integer(required=True, metadata={"description": "Of the process definition."})
    deployment = fields.Integer(required=True)
    may = fields.List(fields.String(), required=True)


class Inbox(Paged):
    """Which tasks to list."""

    assignee = fields.String(load_default="any", validate=validate.OneOf(["me", "none", "mine", "any"]))
    case = fields.UUID()
    role = text(longest=64)
    unit = text(longest=64)
    due_before = since()
    overdue = fields.Boolean(load_default=False)
    q = text(longest=64, metadata={"description": "The beginning of a case's reference."})
    sort = fields.String(validate=validate.OneOf(["due"]))


class Data(Strict):
    """Answers by the form's keys."""

    data = fields.Dict(keys=fields.String(), required=True)


class Assignment(Strict):
    """Who is to do the task."""

    user = text(longest=64, required=True)
    note = maybe(fields.String, validate=validate.Length(max=500))


class Note(Strict):
    """Why, when there is something to say."""

    note = maybe(fields.String, validate=validate.Length(max=500))


class DraftSaved(Shown):
    """The draft's new revision; send it as If-Match with the next one."""

    revision = fields.Integer(required=True)
    saved_at = instant(required=True)


class Completed(Shown):
    """What completing led to."""

    case = fields.UUID(required=True, attribute="case_id")
    next_tasks = fields.List(fields.UUID(), required=True)


@reads(blueprint, "/tasks", page_of(TaskItem, "Task"), query=Inbox())
def inbox(
    work: UnitOfWork, *, limit: int, cursor: str | None = None, sort: str = "due", **wanted: Any
) -> dict[str, Any]:
    """List the open tasks that you may see, the most urgent first."""
    del sort  # there is one order yet
    found: Page[TaskRow] = worklist.tasks(work, worklist.Wanted(**wanted), limit=limit, cursor=cursor)
    rows = [_item(work, row) for row in found.items]
    return {"items": rows, "next": found.next, "total": found.total}


@reads(blueprint, "/tasks/<uuid:task_id>", TaskDocument())
def one(work: UnitOfWork, task_id: UUID) -> Answer:
    """Show one task: what is asked, what is known, what you may do."""
    return _shown(work, task_id)


@changes(blueprint, "/tasks/<uuid:task_id>/claim", TaskDocument())
def claim(work: UnitOfWork, task_id: UUID) -> Answer:
    """Take a free task; the loser learns who was first, and when."""
    _must_be_seen(work, task_id)
    tasks.claim(work, task_id)
    return _shown(work, task_id)


@changes(blueprint, "/tasks/<uuid:task_id>/release", TaskDocument(), body=Note())
def release(work: UnitOfWork, task_id: UUID, *, note: str | None = None) -> Answer:
    """Give a task back to its unit."""
    _must_be_seen(work, task_id)
    tasks.release(work, task_id, note=note)
    return _shown(work, task_id)


@changes(blueprint, "/tasks/<uuid:task_id>/assign", TaskDocument(), body=Assignment())
def assign(work: UnitOfWork, task_id: UUID, *, user: str, note: str | None = None) -> Answer:
    """Hand a task to a colleague."""
    _must_be_seen(work, task_id)
    tasks.assign(work, task_id, username=user, note=note)
    return _shown(work, task_id)


@changes(blueprint, "/tasks/<uuid:task_id>/due", TaskDocument(), body=Move())
def set_due(work: UnitOfWork, task_id: UUID, *, due_at: datetime, reason: str, legal_basis: str) -> Answer:
    """Let a task be due at another instant, as a team leader."""
    _must_be_seen(work, task_id)
    deadlines.set_due(work, task_id, due=due_at, reason=reason, legal_basis=legal_basis)
    return _shown(work, task_id)


@changes(blueprint, "/tasks/<uuid:task_id>/draft", DraftSaved(), body=Data(), method="PUT")
def save_draft(work: UnitOfWork, task_id: UUID, *, data: dict[str, Any]) -> Answer:
    """Keep what has been typed, encrypted until the task is done.

    If-Match names the task as it was seen, or the draft's revision alone.
    """
    seen = seen_revisions()
    if len(seen) > 1:
        _must_be_seen(work, task_id)
    revision = tasks.save_draft(work, task_id, data=data, revision=seen[-1] if seen else None)
    return Answer(
        {"revision": revision, "saved_at": work.now}, etag(worklist.revision(work, task_id), revision)
    )


@changes(blueprint, "/tasks/<uuid:task_id>/complete", Completed(), body=Data())
def complete(work: UnitOfWork, task_id: UUID, *, data: dict[str, Any]) -> tasks.Completed:
    """Submit the answers and let the case go on."""
    return tasks.complete(work, task_id, answers=data, revision=seen_revision())


def _shown(work: UnitOfWork, task_id: UUID) -> Answer:
    page = worklist.task(work, task_id)
    return Answer(_document(work, page), etag(page.revision, page.draft.revision if page.draft else 0))


def _must_be_seen(work: UnitOfWork, task_id: UUID) -> None:
    """Honour If-Match: the case must be as the caller saw it. Other people's cases stay unknown."""
    seen = seen_revision()
    if seen is None:
        return
    page = worklist.task(work, task_id)
    case, _ = work.lock(page.row.case_id)
    if case.revision != seen:
        raise Stale


def _item(work: UnitOfWork, row: TaskRow) -> dict[str, Any]:
    return {**vars(row), "overdue": row.due_at is not None and row.due_at < work.now}


def _document(work: UnitOfWork, page: TaskPage) -> dict[str, Any]:
    element = page.element
    return {
        **_item(work, page.row),
        "form": json.loads(page.form.content) if page.form else None,
        "data": page.data,
        "draft": page.draft,
        "answers": page.answers,
        "closing": page.closing,
        "guidance": element.guidance or None,
        "legal_basis": element.legal_basis,
        "consequence": element.consequence or None,
        "delegation": element.delegation,
        "version": page.version,
        "deployment": page.deployment,
        "may": sorted(each.value for each in page.may),
    }
