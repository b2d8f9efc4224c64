"""Drafts: which there are, what is in one beside what is in force, what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from service.errors import NotFound
from service.models.definitions import Definition, Deployment, DeploymentState, deployment_content
from service.models.drafts import PRESENT, DefinitionDraft, DraftFile, DraftPresence, DraftState
from service.queries import people
from service.queries.people import Person
from service.rules.permissions import Facts, Permission, may, require
from service.work import UnitOfWork


@dataclass(frozen=True)
class DraftRow:
    """A draft. `state` is open, submitted (waits for a second person), active or discarded."""

    id: UUID
    state: str
    author: Person
    created_at: datetime
    revision: int
    saved_by: Person
    saved_at: datetime
    note: str
    returned: str
    deployment: int | None  # number of what it came to
    files: tuple[str, ...]
    may_change: bool
    may_approve: bool


@dataclass(frozen=True)
class FileInDraft:
    """A file of a draft; `before` is the one in force, None when the file is new."""

    name: str
    content: bytes
    before: bytes | None


@dataclass(frozen=True)
class Present:
    """Somebody else who has the draft open, and since when."""

    person: Person
    since: datetime


@dataclass(frozen=True)
class OneDraft:
    """A draft with its files."""

    row: DraftRow
    files: tuple[FileInDraft, ...]


def current(work: UnitOfWork, *, file: str | None = None) -> tuple[DraftRow, ...]:
    """Drafts that somebody still has to do something with, newest first; those that hold a file, if named."""
    require(work.actor, Permission.DEFINITION_READ)
    wanted = sa.or_(
        DefinitionDraft.state == DraftState.OPEN,
        sa.and_(DefinitionDraft.state == DraftState.SUBMITTED, Deployment.state == DeploymentState.PENDING),
    )
    rows = _rows(work, wanted)
    return tuple(row for row in rows if file is None or file in row.files)


def one(work: UnitOfWork, draft_id: UUID) -> OneDraft:
    """One draft with its files beside those in force; raises `NotFound`."""
    require(work.actor, Permission.DEFINITION_READ)
    rows = _rows(work, DefinitionDraft.id == draft_id)
    if not rows:
        raise NotFound
    found = work.session.scalars(
        sa.select(DraftFile).where(DraftFile.draft_id == draft_id).order_by(DraftFile.file)
    )
    before = in_force(work)
    files = tuple(FileInDraft(each.file, each.content, before.get(each.file)) for each in found)
    return OneDraft(rows[0], files)


def company(work: UnitOfWork, draft_id: UUID) -> tuple[Present, ...]:
    """The others who have the draft open, as their pages said a moment ago; who came first stands first."""
    require(work.actor, Permission.DEFINITION_READ)
    rows = work.session.scalars(
        sa.select(DraftPresence)
        .where(
            DraftPresence.draft_id == draft_id,
            DraftPresence.user_id != work.actor.id,
            DraftPresence.seen_at >= work.now - PRESENT,
        )
        .order_by(DraftPresence.since)
    ).all()
    who = people.named(work, [row.user_id for row in rows])
    return tuple(Present(who[row.user_id], row.since) for row in rows)


def in_force(work: UnitOfWork) -> dict[str, bytes]:
    """Every file in force, by the name it was deployed under."""
    require(work.actor, Permission.DEFINITION_READ)
    last = (
        sa.select(sa.func.max(Deployment.number))
        .where(Deployment.state == DeploymentState.ACTIVE)
        .scalar_subquery()
    )
    rows = work.session.execute(
        sa.select(Definition.file, Definition.content)
        .join(deployment_content)
        .join(Deployment, Deployment.id == deployment_content.c.deployment_id)
        .where(Deployment.number == last)
    )
    return {row.file: row.content for row in rows}


def laid_over(work: UnitOfWork, draft_id: UUID) -> dict[str, bytes]:
    """Everything in force with the draft's files in place of theirs."""
    require(work.actor, Permission.DEFINITION_READ)
    rows = work.session.execute(
        sa.select(DraftFile.file, DraftFile.content).where(DraftFile.draft_id == draft_id)
    ).all()
    return in_force(work) | {row.file: row.content for row in rows}


def _rows(work: UnitOfWork, wanted: sa.ColumnElement[bool]) -> tuple[DraftRow, ...]:
    found = work.session.execute(
        sa.select(DefinitionDraft, Deployment)
        .outerjoin(Deployment, Deployment.id == DefinitionDraft.deployment_id)
        .where(wanted)
        .order_by(DefinitionDraft.saved_at.desc())
    ).all()
    ids = [row.DefinitionDraft.id for row in found]
    files: dict[UUID, list[str]] = {}
    for each in work.session.execute(
        sa.select(DraftFile.draft_id, DraftFile.file)
        .where(DraftFile.draft_id.in_(ids))
        .order_by(DraftFile.file)
    ):
        files.setdefault(each.draft_id, []).append(each.file)
    who = people.named(
        work, [id for row in found for id in (row.DefinitionDraft.author_id, row.DefinitionDraft.saved_by)]
    )
    return tuple(
        _row(work, row.DefinitionDraft, row.Deployment, who, files.get(row.DefinitionDraft.id, []))
        for row in found
    )


def _row(
    work: UnitOfWork,
    draft: DefinitionDraft,
    deployment: Deployment | None,
    who: Mapping[UUID, Person],
    files: list[str],
) -> DraftRow:
    is_open = draft.state is DraftState.OPEN
    pending = not is_open and deployment is not None and deployment.state is DeploymentState.PENDING
    active = not is_open and deployment is not None and deployment.state is DeploymentState.ACTIVE
    facts = Facts(author=deployment.deployed_by if deployment is not None else None)
    return DraftRow(
        id=draft.id,
        state="active" if active else draft.state.value,
        author=who[draft.author_id],
        created_at=draft.created_at,
        revision=draft.revision,
        saved_by=who[draft.saved_by],
        saved_at=draft.saved_at,
        note=draft.note,
        returned=draft.returned,
        deployment=deployment.number if deployment is not None else None,
        files=tuple(files),
        may_change=is_open and may(work.actor, Permission.DEFINITION_DRAFT),
        may_approve=pending and may(work.actor, Permission.DEFINITION_APPROVE, facts),
    )
