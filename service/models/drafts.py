"""What process owners are drawing: drafts, and the files in them. Nothing in force is touched."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.models.base import Base, words

PRESENT = timedelta(seconds=30)  # after a sign of life; pages give one every eight seconds


class DraftState(StrEnum):
    """A draft is open until it is submitted; one that is sent back is open again."""

    OPEN = "open"
    SUBMITTED = "submitted"
    DISCARDED = "discarded"


class DefinitionDraft(Base):
    """Changes to any number of files, made by one or several owners, not yet deployed."""

    __tablename__ = "definition_draft"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    state: Mapped[DraftState] = mapped_column(words(DraftState))
    author_id: Mapped[UUID] = mapped_column(sa.ForeignKey("user_account.id"))
    created_at: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=1)  # counts the saves of any of its files
    saved_by: Mapped[UUID] = mapped_column(sa.ForeignKey("user_account.id"))
    saved_at: Mapped[datetime]
    note: Mapped[str] = mapped_column(sa.Text, default="")  # what is changed and why
    deployment_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("deployment.id"))  # what it came to
    returned: Mapped[str] = mapped_column(sa.Text, default="")  # why it was sent back
    __mapper_args__ = {"version_id_col": revision, "version_id_generator": False}  # noqa: RUF012  as declared


class DraftFile(Base):
    """One file of a draft, as it was last saved."""

    __tablename__ = "definition_draft_file"
    draft_id: Mapped[UUID] = mapped_column(sa.ForeignKey("definition_draft.id"), primary_key=True)
    file: Mapped[str] = mapped_column(sa.String(200), primary_key=True)
    content: Mapped[bytes]


class DraftPresence(Base):
    """Somebody who has a draft open: their page says so again and again, and old rows count no more."""

    __tablename__ = "definition_draft_presence"
    draft_id: Mapped[UUID] = mapped_column(sa.ForeignKey("definition_draft.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("user_account.id"), primary_key=True)
    since: Mapped[datetime]
    seen_at: Mapped[datetime]
