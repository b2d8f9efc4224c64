"""The documents of a case: what is known of each and, apart, its content; sealed with the case's key."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.models.base import Base


class DocumentKind(StrEnum):
    """What a document is in its case."""

    APPLICATION = "application"  # for a reflection period
    RIGHTS_LETTER = "rights_letter"  # to the person, about the period and the rights
    DECISION = "decision"
    RECEIPT = "receipt"
    LETTER = "letter"
    IDENTITY = "identity"
    CERTIFICATE = "certificate"
    OTHER = "other"


class Document(Base):
    """A document that somebody uploaded or the service made. A withdrawn one stays, marked."""

    __tablename__ = "document"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    case_id: Mapped[UUID] = mapped_column(sa.ForeignKey("case_file.id"))
    kind: Mapped[str] = mapped_column(sa.String(32))  # a word of DocumentKind
    media_type: Mapped[str] = mapped_column(sa.String(100))
    size: Mapped[int]  # bytes of the content
    made_from: Mapped[datetime | None]  # when the answers were read that it was made from; None: uploaded
    added_at: Mapped[datetime]
    added_by: Mapped[UUID] = mapped_column(sa.ForeignKey("user_account.id"))
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("user_account.id"))
    label: Mapped[bytes]  # sealed title and file name; place document.label:<id>
    __table_args__ = (sa.Index("ix_document_case_id", "case_id", "added_at"),)


class DocumentContent(Base):
    """The bytes of a document, in a table of their own: a list never reads them."""

    __tablename__ = "document_content"
    document_id: Mapped[UUID] = mapped_column(sa.ForeignKey("document.id"), primary_key=True)
    content: Mapped[bytes]  # sealed; place document_content.content:<document id>


def label_place(document_id: UUID) -> str:
    """Where a document's title and file name stand, for the seal."""
    return f"document.label:{document_id}"


def content_place(document_id: UUID) -> str:
    """Where a document's bytes stand, for the seal."""
    return f"document_content.content:{document_id}"
