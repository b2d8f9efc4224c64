"""The trail as one tree over all cases: leaves, subtrees that are kept, signed checkpoints. Only added to.

A leaf is an event's seal under a number that the next checkpoint gives it. The seal is already the leaf hash
of RFC 9162 (2.1.1): SHA-256 of 0x00 and the event in canonical JSON. No reference leads from a leaf to its
event: an event that is gone must show, not be refused.
"""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.models.base import Base


class TrailLeaf(Base):
    """An event's place in the tree, and its seal when it was given that place."""

    __tablename__ = "trail_leaf"
    number: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)  # from 0 on
    case_id: Mapped[UUID]
    sequence: Mapped[int]
    seal: Mapped[str] = mapped_column(sa.String(64))
    __table_args__ = (sa.UniqueConstraint("case_id", "sequence"),)


class TrailNode(Base):
    """The hash of a complete subtree of 256, 65 536, ... leaves, so that proofs need not read all leaves."""

    __tablename__ = "trail_node"
    level: Mapped[int] = mapped_column(primary_key=True)
    index: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    hash: Mapped[str] = mapped_column(sa.String(64))


class Checkpoint(Base):
    """A signed statement of how many leaves there were and what the tree over them hashed to."""

    __tablename__ = "checkpoint"
    size: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(sa.String(64))
    root: Mapped[str] = mapped_column(sa.String(64))
    peaks: Mapped[str] = mapped_column(sa.Text)  # of the frontier at this size, hex, a line each
    note: Mapped[str] = mapped_column(sa.Text)  # what is signed and the signature, as C2SP tlog-checkpoint
