"""What process owners publish: deployments, and the diagrams, tables and forms in them. Immutable."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from service.models.base import Base, words


class DeploymentState(StrEnum):
    """A deployment takes effect when it is approved."""

    PENDING = "pending"
    ACTIVE = "active"
    REJECTED = "rejected"


class DefinitionKind(StrEnum):
    """What a file defines."""

    PROCESS = "process"
    DECISION = "decision"
    FORM = "form"
    EXAMPLE = "example"  # a case that shows how a process goes; its key is `<process>.<name>`


class Deployment(Base):
    """One act of publishing: who, when, why, approved by whom, and all that is in force after it."""

    __tablename__ = "deployment"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    number: Mapped[int] = mapped_column(unique=True)
    state: Mapped[DeploymentState] = mapped_column(words(DeploymentState))
    note: Mapped[str] = mapped_column(sa.Text)
    digest: Mapped[str] = mapped_column(
        sa.String(64)
    )  # of all that is in force after it; names the parsed definition
    deployed_at: Mapped[datetime]
    deployed_by: Mapped[UUID | None] = mapped_column(
        sa.ForeignKey("user_account.id")
    )  # None: the service itself
    approved_at: Mapped[datetime | None]
    approved_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("user_account.id"))
    contents: Mapped[list["Definition"]] = relationship(secondary="deployment_content", lazy="raise")


class Definition(Base):
    """One version of a diagram, a decision table or a form, kept byte for byte."""

    __tablename__ = "definition"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    kind: Mapped[DefinitionKind] = mapped_column(words(DefinitionKind))
    key: Mapped[str] = mapped_column(sa.String(64))
    version: Mapped[int]
    name: Mapped[str] = mapped_column(sa.String(200))
    file: Mapped[str] = mapped_column(sa.String(200))
    content: Mapped[bytes]
    digest: Mapped[str] = mapped_column(sa.String(64))
    deployment_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("deployment.id"), index=True
    )  # the one that brought it
    __table_args__ = (sa.UniqueConstraint("kind", "key", "version"),)


deployment_content = sa.Table(
    "deployment_content",
    Base.metadata,
    sa.Column("deployment_id", sa.ForeignKey("deployment.id"), primary_key=True),
    sa.Column("definition_id", sa.ForeignKey("definition.id"), primary_key=True),
)


def newest_with(key: str, version: int) -> sa.Select[UUID]:
    """Ask for the newest deployment in force that has this version of a process."""
    return (
        sa.select(Deployment.id)
        .join(deployment_content, deployment_content.c.deployment_id == Deployment.id)
        .join(Definition, Definition.id == deployment_content.c.definition_id)
        .where(
            Definition.kind == DefinitionKind.PROCESS,
            Definition.key == key,
            Definition.version == version,
            Deployment.state == DeploymentState.ACTIVE,
        )
        .order_by(Deployment.number.desc())
        .limit(1)
    )


def brought(key: str, version: int) -> sa.Select[UUID]:
    """Ask which deployment brought this version of a process."""
    return sa.select(Definition.deployment_id).where(
        Definition.kind == DefinitionKind.PROCESS, Definition.key == key, Definition.version == version
    )
