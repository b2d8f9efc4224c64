"""Which backups were taken and held good, and whether everything holds still since one was restored."""

from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.models.base import Base


class Backup(Base):
    """A backup that was written, opened again and found whole."""

    __tablename__ = "backup"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    at: Mapped[datetime] = mapped_column(index=True)
    file: Mapped[str] = mapped_column(sa.String(200))  # its name, without the folder
    size: Mapped[int] = mapped_column(sa.BigInteger)
    digest: Mapped[str] = mapped_column(sa.String(64))


class Restoration(Base):
    """The database comes from a backup. Until it is released no timer goes off and no letter leaves."""

    __tablename__ = "restoration"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    at: Mapped[datetime]
    backup_at: Mapped[datetime]
    last_event_at: Mapped[datetime | None]  # what happened later is not here
    released_at: Mapped[datetime | None]
    released_by: Mapped[str | None] = mapped_column(sa.String(64))


def held() -> sa.ColumnElement[bool]:
    """The condition that everything holds still: somebody must first say what happened since the backup."""
    return sa.exists().where(Restoration.released_at.is_(None))
