"""The history: sealed facts, one chain per case, append-only; and who looked. Nothing personal in clear."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service import verifier
from service.models.base import Base


class HistoryEvent(Base):
    """One fact: who, when, what, where, tied to the event before it and to the state after it."""

    __tablename__ = "history_event"
    case_id: Mapped[UUID] = mapped_column(sa.ForeignKey("case_file.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(sa.String(64))  # a username, or "system"
    type: Mapped[str] = mapped_column(sa.String(64))
    process: Mapped[str | None] = mapped_column(sa.String(64))
    element: Mapped[str | None] = mapped_column(sa.String(128))
    deployment: Mapped[int | None]  # number of the deployment that the case runs on
    details: Mapped[dict[str, Any]]  # nothing personal
    commitment: Mapped[str | None] = mapped_column(sa.String(64))  # to the values, salted
    values: Mapped[
        bytes | None
    ]  # salt and values, sealed with the case's key; place history_event.values:<case>:<sequence>
    state_digest: Mapped[str] = mapped_column(
        sa.String(64)
    )  # SHA-256 of the sealed snapshot(s) after this event
    previous: Mapped[str] = mapped_column(sa.String(64))
    seal: Mapped[str] = mapped_column(sa.String(64))
    stamp: Mapped[str] = mapped_column(sa.String(64))  # of the seal, with a key that is not in the database
    __table_args__ = (
        sa.Index("ix_history_event_type_at", "type", "at"),
        sa.Index("ix_history_event_at", "at"),
    )

    def sealed(self) -> str:
        """Compute the seal from what is stored: SHA-256 of 0x00 (RFC 9162, 2.1.1) and canonical JSON."""
        return verifier.seal(self.facts())

    def facts(self) -> dict[str, Any]:
        """All that the seal is over."""
        return {
            "actor": self.actor,
            "at": self.at.isoformat(),
            "case": str(self.case_id),
            "commitment": self.commitment,
            "deployment": self.deployment,
            "details": self.details,
            "element": self.element,
            "previous": self.previous,
            "process": self.process,
            "sequence": self.sequence,
            "state_digest": self.state_digest,
            "type": self.type,
        }


class AccessEvent(Base):
    """Who looked at, searched for, printed or exported what, and why (lagen 2001:454, 10 §)."""

    __tablename__ = "access_event"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(sa.String(64), index=True)
    action: Mapped[str] = mapped_column(
        sa.String(32)
    )  # case.read, task.read, history.read, list, search, export ...
    case_id: Mapped[UUID | None] = mapped_column(index=True)
    subject: Mapped[str | None] = mapped_column(
        sa.String(200)
    )  # what of it: a task id, a route; nothing personal
    reason: Mapped[str | None] = mapped_column(sa.String(500))
