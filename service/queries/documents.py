"""The documents of a case: which there are, one of them whole, and whether each is the one that was added."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service import verifier
from service.errors import NotFound, Unavailable
from service.models.cases import Case
from service.models.documents import Document, DocumentContent, content_place, label_place
from service.queries import people
from service.queries.paging import DEFAULT, Page, page
from service.queries.people import Person
from service.rules import media
from service.rules.permissions import Permission, may, require
from service.vault import CaseKey
from service.work import UnitOfWork

EVENTS = frozenset({"document.added", "document.withdrawn"})


@dataclass(frozen=True)
class DocumentRow:
    """A document in a list. Title and file name are personal: None for those who may not see them."""

    id: UUID
    case_id: UUID
    kind: str
    title: str | None
    name: str | None
    media_type: str
    size: int
    made_from: datetime | None  # None: uploaded
    added_at: datetime
    added_by: Person | None
    withdrawn_at: datetime | None
    withdrawn_by: Person | None


@dataclass(frozen=True)
class Opened:
    """A document, whole."""

    id: UUID
    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class Added:
    """What an event says of the document that it tells of: what must be stored."""

    sequence: int
    details: Mapping[str, Any]
    fingerprints: Mapping[str, str]


def documents(
    work: UnitOfWork, case_id: UUID, *, limit: int = DEFAULT, cursor: str | None = None
) -> Page[DocumentRow]:
    """List the documents of a case, the newest first; logged. Raises `NotFound`."""
    case = work.session.get(Case, case_id)
    if case is None:
        raise NotFound
    require(work.actor, Permission.CASE_READ, work.facts(case))
    work.looked("list", case_id=case.id, subject="documents")
    found = page(
        work,
        sa.select(Document).where(Document.case_id == case.id),
        by=[Document.added_at, Document.id],
        make=lambda row: row.Document,
        limit=limit,
        cursor=cursor,
        newest_first=True,
    )
    return Page(
        as_rows(work, case, found.items, people.named(work, whose(found.items))), found.next, found.total
    )


def one(work: UnitOfWork, document_id: UUID) -> DocumentRow:
    """One document as its list shows it. Raises `NotFound`."""
    document, case = _found(work, document_id)
    require(work.actor, Permission.CASE_READ, work.facts(case))
    (row,) = as_rows(work, case, [document], people.named(work, whose([document])))
    return row


def opened(work: UnitOfWork, document_id: UUID) -> Opened:
    """Open a document; logged as read, before anything leaves. Raises `NotFound` and `Forbidden`."""
    document, case = _found(work, document_id)
    require(work.actor, Permission.DOCUMENT_READ, work.facts(case))
    work.looked("document.read", case_id=case.id, subject=str(document.id))
    key, sealed = work.key(case), content_of(work, document.id)
    if sealed is None:
        raise Unavailable("The document's content is missing; verify the case.")
    name: str = key.open_json(document.label, label_place(document.id))["name"]
    medium = media.BY_TYPE.get(document.media_type, media.UNKNOWN)
    return Opened(document.id, name, medium.type, key.open(sealed, content_place(document.id)))


def of_case(work: UnitOfWork, case_id: UUID) -> Sequence[Document]:
    """The stored rows of a case's documents, in the order they were added, without their contents."""
    rows = sa.select(Document).where(Document.case_id == case_id).order_by(Document.added_at, Document.id)
    return work.session.scalars(rows).all()


def whose(rows: Iterable[Document]) -> Iterator[UUID | None]:
    """The people that these rows name."""
    for each in rows:
        yield from (each.added_by, each.withdrawn_by)


def as_rows(
    work: UnitOfWork, case: Case, rows: Iterable[Document], who: Mapping[UUID, Person]
) -> tuple[DocumentRow, ...]:
    """Documents of a case that the caller has already let the actor see; `who` are the people they name."""
    opens = case.wrapped_key is not None and may(work.actor, Permission.DOCUMENT_READ, work.facts(case))
    key = work.key(case) if opens else None
    return tuple(_row(each, _label(key, each), who) for each in rows)


def content_of(work: UnitOfWork, document_id: UUID) -> bytes | None:
    """The sealed bytes of a document; None when they are gone."""
    return work.session.scalar(
        sa.select(DocumentContent.content).where(DocumentContent.document_id == document_id)
    )


def wrong(
    work: UnitOfWork, key: CaseKey, rows: Iterable[Document], told: Mapping[UUID, Added], withdrawn: set[UUID]
) -> Iterator[tuple[str, UUID, int | None]]:
    """Compare what is stored of a case's documents with what its events told: why, which one, which event.

    `why` is a key of `service.verifier.WORDS`. One document's content is held at a time.
    """
    stored = {each.id: each for each in rows}
    for document_id, added in told.items():
        row = stored.pop(document_id, None)
        why = "document-missing" if row is None else _wrong_one(work, key, row, added, withdrawn)
        if why is not None:
            yield why, document_id, added.sequence
    for document_id in stored:
        yield "document-extra", document_id, None


def _wrong_one(
    work: UnitOfWork, key: CaseKey, row: Document, added: Added, withdrawn: set[UUID]
) -> str | None:
    sealed = content_of(work, row.id)
    if sealed is None:
        return "document-missing"
    made_from = row.made_from.isoformat() if row.made_from else None
    said = {
        "document": str(row.id),
        "kind": row.kind,
        "media_type": row.media_type,
        "size": row.size,
        "made_from": made_from,
    }
    try:
        content = key.open(sealed, content_place(row.id))
        label = key.open_json(row.label, label_place(row.id))
    except Unavailable:
        return "document-changed"
    if said != added.details or verifier.fingerprints(content, label) != added.fingerprints:
        return "document-changed"
    return None if (row.withdrawn_at is not None) == (row.id in withdrawn) else "document-mark"


def _found(work: UnitOfWork, document_id: UUID) -> tuple[Document, Case]:
    found = work.session.execute(
        sa.select(Document, Case).join(Case, Case.id == Document.case_id).where(Document.id == document_id)
    ).first()
    if found is None:
        raise NotFound
    return found.Document, found.Case


def _row(document: Document, label: Mapping[str, str], who: Mapping[UUID, Person]) -> DocumentRow:
    return DocumentRow(
        id=document.id,
        case_id=document.case_id,
        kind=document.kind,
        title=label.get("title"),
        name=label.get("name"),
        media_type=document.media_type,
        size=document.size,
        made_from=document.made_from,
        added_at=document.added_at,
        added_by=who.get(document.added_by),
        withdrawn_at=document.withdrawn_at,
        withdrawn_by=who.get(document.withdrawn_by) if document.withdrawn_by else None,
    )


def _label(key: CaseKey | None, document: Document) -> dict[str, str]:
    """Title and file name; nothing for those who may not see them, and for what cannot be read any more."""
    if key is None:
        return {}
    try:
        label: dict[str, str] = key.open_json(document.label, label_place(document.id))
    except (Unavailable, json.JSONDecodeError):
        return {}  # verification tells; the rest of the list can be read all the same
    return label
