"""What is done to a case's documents: one is added, uploaded or made; one added by mistake is withdrawn."""

import unicodedata
from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa

from service import verifier
from service.commands import cases
from service.engine.text import Text
from service.errors import Conflict, Forbidden, Invalid, Problem, Stale, TooLarge, WrongType
from service.models.cases import Case, CaseStatus
from service.models.documents import Document, DocumentContent, DocumentKind, content_place, label_place
from service.rules import media
from service.rules.media import Medium
from service.rules.permissions import Permission, require
from service.work import UnitOfWork

LONGEST_TITLE = 200  # characters
MOST, FULL = 500, 20  # documents in a case; all of them together, in largest documents


def add(
    work: UnitOfWork,
    case_id: UUID,
    *,
    kind: DocumentKind,
    content: bytes,
    title: str = "",
    name: str = "",
    made_from: datetime | None = None,
    revision: int | None = None,
) -> UUID:
    """Add a document to an open case: its bytes, its row and its event stand or fall together. Gives its id.

    `made_from` says when the answers were read that the service made it from, `revision` is the case's as the
    person saw it. Raises `NotFound`, `Forbidden`, `Stale`, `Conflict` when the case is not open, `Invalid`,
    `TooLarge`, `WrongType`.
    """
    case, instances = work.lock(case_id)
    require(work.actor, Permission.DOCUMENT_ADD, work.facts(case))
    if revision is not None and revision != case.revision:
        raise Stale
    if case.status is not CaseStatus.OPEN:
        raise Conflict(cases.STANDS[case.status].in_(work.actor.language))
    if work.actor.id is None:
        raise Forbidden
    medium = _medium(work, content)
    label = _label(work, title, name, medium)
    _require_room(work, case, len(content))
    document_id, key = uuid4(), work.key(case)
    work.session.add_all(
        [
            Document(
                id=document_id,
                case_id=case.id,
                kind=kind.value,
                media_type=medium.type,
                size=len(content),
                made_from=made_from,
                added_at=work.now,
                added_by=work.actor.id,
                label=key.seal_json(label, label_place(document_id)),
            ),
            DocumentContent(document_id=document_id, content=key.seal(content, content_place(document_id))),
        ]
    )
    work.stands(case, instances)
    details = {
        "document": str(document_id),
        "kind": kind.value,
        "media_type": medium.type,
        "size": len(content),
        "made_from": made_from.isoformat() if made_from else None,
    }
    work.record(case, "document.added", details=details, values=verifier.fingerprints(content, label))
    return document_id


def withdraw(work: UnitOfWork, document_id: UUID, *, reason: str) -> UUID:
    """Mark a document as added by mistake; it stays, and so does what is told of it. Gives the case's id.

    Raises `NotFound`, `Forbidden`, `Invalid` without a reason, `Conflict` when it is withdrawn already.
    """
    cases.require_reason(reason)
    case, instances = work.lock(
        sa.select(Document.case_id).where(Document.id == document_id).scalar_subquery()
    )
    require(work.actor, Permission.DOCUMENT_WITHDRAW, work.facts(case))
    document = work.session.get_one(Document, document_id, populate_existing=True)
    if document.withdrawn_at is not None:
        told = Text("Handlingen är redan återtagen.", "The document has been withdrawn already.")
        raise Conflict(told.in_(work.actor.language))
    document.withdrawn_at, document.withdrawn_by = work.now, work.actor.id
    work.stands(case, instances)
    details = {"document": str(document_id), "kind": document.kind}
    work.record(case, "document.withdrawn", details=details, values={"reason": reason})
    return case.id


def _medium(work: UnitOfWork, content: bytes) -> Medium:
    """What the file is; raises `Invalid` for an empty one, `TooLarge` or `WrongType` for one not taken."""
    language = work.actor.language
    if not content:
        told = Text("Välj en fil som inte är tom.", "Choose a file that is not empty.")
        raise Invalid(problems=[Problem(told.in_(language), pointer="/file", rule="required")])
    if len(content) > work.platform.settings.document_bytes:
        raise TooLarge(largest(work.platform.settings.largest_document).in_(language))
    medium = media.recognise(content)
    if medium is None:
        taken = ", ".join(each.name for each in media.TAKEN) + " (UTF-8)"
        told = Text(
            f"Filens innehåll är inte av ett slag som tas emot. Spara den som något av: {taken}.",
            f"The file's content is of a kind that is not taken. Save it as one of: {taken}.",
        )
        raise WrongType(
            told.in_(language), problems=[Problem(told.in_(language), pointer="/file", rule="type")]
        )
    return medium


def largest(megabytes: str) -> Text:
    """Say how large a document may be."""
    return Text(
        f"En handling får vara högst {megabytes} MB. Dela upp filen eller spara den mindre.",
        f"A document has at most {megabytes} MB. Split the file, or save it smaller.",
    )


def _label(work: UnitOfWork, title: str, name: str, medium: Medium) -> dict[str, str]:
    """Title and file name as they are kept; a document without a title is called what its file is."""
    name = media.harmless(name, medium) or f"andrum.{medium.endings[0]}"
    title = " ".join(unicodedata.normalize("NFC", title).split()) or name.rpartition(".")[0]
    if len(title) > LONGEST_TITLE or any(unicodedata.category(each)[0] == "C" for each in title):
        told = Text(
            f"Skriv en titel på högst {LONGEST_TITLE} tecken, utan styrtecken.",
            f"Write a title of at most {LONGEST_TITLE} characters, without control characters.",
        )
        raise Invalid(problems=[Problem(told.in_(work.actor.language), pointer="/title", rule="too-long")])
    return {"title": title, "name": name}


def _require_room(work: UnitOfWork, case: Case, size: int) -> None:
    """Let nobody fill the database with one case; raises `TooLarge`."""
    with work.session.no_autoflush:
        count, held = work.session.execute(
            sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(Document.size), 0)).where(
                Document.case_id == case.id
            )
        ).one()
    if count >= MOST or held + size > FULL * work.platform.settings.document_bytes:
        told = Text(
            "Ärendet rymmer inte fler handlingar. Be driften höja ANDRUM_LARGEST_DOCUMENT.",
            "The case has no room for more documents. Ask operations to raise ANDRUM_LARGEST_DOCUMENT.",
        )
        raise TooLarge(told.in_(work.actor.language))
