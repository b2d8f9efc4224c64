"""The documents of a case: the list, adding one that is sent or made from the answers, one as a file."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from marshmallow import fields, validate

from service.commands import documents
from service.errors import Invalid, Problem, WrongType
from service.models.documents import DocumentKind
from service.queries import documents as papers
from service.queries.documents import DocumentRow
from service.rules import media
from service.web import downloads, letters, security
from service.web.api.requests import (
    Answer,
    Blueprint,
    changes,
    files,
    load,
    read_json,
    reads,
    seen_revision,
)
from service.web.api.schemas import Page, Reason, Shown, Strict, instant, maybe, page_of
from service.web.auth import begin
from service.web.letters import Letter
from service.work import UnitOfWork

blueprint = Blueprint("documents", __name__, description="What a case holds on paper")
KINDS = [each.value for each in DocumentKind]
BINARY = {"type": "string", "format": "binary"}


class DocumentItem(Shown):
    """A document; title and file name are null for those who may not see what is personal."""

    id = fields.UUID(required=True)
    case = fields.UUID(required=True)
    kind = fields.String(required=True)
    title = maybe(fields.String, required=True)
    name = maybe(fields.String, required=True)
    media_type = fields.String(required=True)
    size = fields.Integer(required=True, metadata={"description": "Bytes."})
    made_from = instant(
        allow_none=True,
        metadata={"description": "When the answers were read that it is made from; null: uploaded."},
    )
    added_at = instant(required=True)
    added_by = maybe(fields.String)
    withdrawn_at = instant(allow_none=True)
    withdrawn_by = maybe(fields.String)
    content = fields.String(required=True, metadata={"description": "Where its bytes are."})


class Sent(Strict):
    """What goes with a file that is sent."""

    kind = fields.String(load_default="other", validate=validate.OneOf(KINDS))
    title = fields.String(load_default="", validate=validate.Length(0, documents.LONGEST_TITLE))


class Wished(Strict):
    """A document to be made from what the case holds."""

    kind = fields.String(required=True, validate=validate.OneOf(letters.MADE))
    language = fields.String(
        load_default="sv",
        validate=validate.OneOf(["sv", "en"]),
        metadata={"description": "Of the letter; an application is always in Swedish."},
    )


ADDED = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "additionalProperties": False,
                "properties": {
                    "file": {
                        **BINARY,
                        "description": f"One of {', '.join(each.name for each in media.TAKEN)}, by content.",
                    },
                    "kind": {"type": "string", "enum": KINDS, "default": "other"},
                    "title": {"type": "string", "maxLength": documents.LONGEST_TITLE},
                },
            }
        },
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["kind"],
                "additionalProperties": False,
                "properties": {
                    "kind": {"type": "string", "enum": list(letters.MADE)},
                    "language": {"type": "string", "enum": ["sv", "en"], "default": "sv"},
                },
            }
        },
    },
}


@dataclass(frozen=True)
class _Upload:
    """A file that was sent, and what was said of it."""

    content: bytes
    name: str
    kind: str
    title: str


@reads(blueprint, "/cases/<uuid:case_id>/documents", page_of(DocumentItem, "Document"), query=Page())
def listed(work: UnitOfWork, case_id: UUID, *, limit: int, cursor: str | None = None) -> dict[str, Any]:
    """List the documents of a case, the newest first; the look is logged."""
    page = papers.documents(work, case_id, limit=limit, cursor=cursor)
    return {"items": [_item(row) for row in page.items], "next": page.next, "total": page.total}


def _made(*, case_id: UUID) -> Letter | None:
    """Make what is wished for, before the case is locked; None for what is sent."""
    if not request.is_json:
        return None
    with begin() as work:  # who asks comes before what is asked
        wished = load(Wished(), read_json(request.get_data()))
        found = letters.gather(work, case_id, kind=wished["kind"], language=wished["language"])
    return letters.make(found)


@changes(
    blueprint,
    "/cases/<uuid:case_id>/documents",
    DocumentItem(),
    status=201,
    document={"requestBody": ADDED},
    beforehand=_made,
)
@security.takes_documents
def add(work: UnitOfWork, case_id: UUID, *, ready: Letter | None) -> Answer:
    """Add a document: a file that is sent, or one made from the answers that the case holds."""
    seen = seen_revision()
    if ready is not None:
        document_id = letters.keep(work, case_id, ready, revision=seen)
    else:
        sent = _upload()
        document_id = documents.add(
            work,
            case_id,
            kind=DocumentKind(sent.kind),
            content=sent.content,
            title=sent.title,
            name=sent.name,
            revision=seen,
        )
    item = _item(papers.one(work, document_id))
    return Answer(item, {"Location": item["content"]})


@files(blueprint, "/documents/<uuid:document_id>", [each.type for each in media.TAKEN])
def one(document_id: UUID) -> Response:
    """Give a document as a file to keep; the reading is logged."""
    return downloads.download(document_id)


@changes(blueprint, "/documents/<uuid:document_id>/withdraw", DocumentItem(), body=Reason())
def withdraw(work: UnitOfWork, document_id: UUID, *, reason: str) -> dict[str, Any]:
    """Mark a document as added by mistake; it stays, with the reason in the history."""
    documents.withdraw(work, document_id, reason=reason)
    return _item(papers.one(work, document_id))


def _upload() -> _Upload:
    if request.mimetype != "multipart/form-data":
        raise WrongType("Send a file as multipart/form-data, or a wish as application/json.")
    given = {name: value for name, value in request.form.items() if name != "csrf"}  # of a page's own form
    told = load(Sent(), given)
    sent = list(request.files.items(multi=True))
    if [name for name, _ in sent] != ["file"]:
        raise Invalid(
            problems=[Problem("Send one file, in the field “file”.", pointer="/file", rule="required")]
        )
    file = sent[0][1]
    return _Upload(file.read(), file.filename or "", told["kind"], told["title"])


def _item(row: DocumentRow) -> dict[str, Any]:
    return {
        **vars(row),
        "case": row.case_id,
        "added_by": row.added_by.username if row.added_by else None,
        "withdrawn_by": row.withdrawn_by.username if row.withdrawn_by else None,
        "content": url_for("api_documents.one", document_id=row.id),
    }
