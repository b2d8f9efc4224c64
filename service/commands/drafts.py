"""Drafts of diagrams, tables and forms: begin, save, discard, submit, send back. What is in force stays."""

from collections.abc import Mapping
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from service.commands import deployments
from service.commands.deployments import Deployed
from service.engine.text import Text
from service.errors import Conflict, Invalid, NotFound, Problem, Refused, Stale
from service.models.definitions import Deployment, DeploymentState
from service.models.drafts import PRESENT, DefinitionDraft, DraftFile, DraftPresence, DraftState
from service.models.people import User
from service.rules.permissions import Facts, Permission, require
from service.work import UnitOfWork


def create(work: UnitOfWork, *, files: Mapping[str, bytes]) -> UUID:
    """Begin a draft with these files, copies of a version; raises `Refused` for bad names and sizes."""
    require(work.actor, Permission.DEFINITION_DRAFT)
    named = deployments.named(files)
    draft = DefinitionDraft(
        id=uuid4(),
        state=DraftState.OPEN,
        author_id=work.actor.id,
        created_at=work.now,
        revision=1,
        saved_by=work.actor.id,
        saved_at=work.now,
    )
    work.session.add(draft)
    work.session.add_all(DraftFile(draft_id=draft.id, file=name, content=named[name]) for name in named)
    return draft.id


def save(work: UnitOfWork, draft_id: UUID, *, file: str, content: bytes, revision: int) -> int:
    """Keep one file of a draft, a new one too; gives the draft's new revision.

    Raises `Stale`, which tells who saved when, if the draft is no longer at the revision that was seen.
    """
    draft = _open(work, draft_id, revision)
    [(name, kept)] = deployments.named({file: content}).items()
    row = work.session.get(DraftFile, (draft_id, name))
    if row is None:
        work.session.add(DraftFile(draft_id=draft_id, file=name, content=kept))
    else:
        row.content = kept
    return _touch(work, draft)


def seen(work: UnitOfWork, draft_id: UUID, *, revision: int) -> None:
    """See that a draft can be changed and is as it was seen; raises `Stale`, which tells who saved when."""
    _open(work, draft_id, revision)


def attend(work: UnitOfWork, draft_id: UUID) -> None:
    """Note that whoever asks has the draft open; those who have not said so for a while are forgotten."""
    require(work.actor, Permission.DEFINITION_READ)
    if work.session.get(DefinitionDraft, draft_id) is None:
        raise NotFound
    work.session.execute(sa.delete(DraftPresence).where(DraftPresence.seen_at < work.now - PRESENT))
    insert = postgresql.insert if work.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = {"draft_id": draft_id, "user_id": work.actor.id, "since": work.now, "seen_at": work.now}
    work.session.execute(
        insert(DraftPresence)
        .values(row)
        .on_conflict_do_update(index_elements=["draft_id", "user_id"], set_={"seen_at": work.now})
    )


def remove(work: UnitOfWork, draft_id: UUID, *, file: str, revision: int) -> int:
    """Take a file out of a draft: what is in force stays as it is. Raises `NotFound`, `Stale`."""
    draft = _open(work, draft_id, revision)
    row = work.session.get(DraftFile, (draft_id, file))
    if row is None:
        raise NotFound
    work.session.delete(row)
    return _touch(work, draft)


def discard(work: UnitOfWork, draft_id: UUID) -> None:
    """Throw a draft away."""
    draft = _open(work, draft_id)
    draft.state = DraftState.DISCARDED
    work.session.execute(sa.delete(DraftFile).where(DraftFile.draft_id == draft_id))
    _touch(work, draft)


def submit(work: UnitOfWork, draft_id: UUID, *, note: str, revision: int) -> Deployed:
    """Hand a draft over for a second person's approval.

    Raises `Invalid` without a note or when nothing differs from what is in force, `Refused` with every
    problem in the files, `Stale` when somebody saved since.
    """
    draft = _open(work, draft_id, revision)
    rows = work.session.scalars(sa.select(DraftFile).where(DraftFile.draft_id == draft_id))
    made = deployments.deploy(work, files={row.file: row.content for row in rows}, note=note)
    if made.id is None or not any(each.changed for each in made.definitions):
        told = Text("Inget skiljer sig från det som gäller.", "Nothing differs from what is in force.")
        raise Invalid(problems=[Problem(told.in_(work.actor.language), pointer="/files")])
    draft.state, draft.note, draft.deployment_id, draft.returned = (
        DraftState.SUBMITTED,
        note.strip(),
        made.id,
        "",
    )
    _touch(work, draft)
    return made


def approve(work: UnitOfWork, draft_id: UUID) -> None:
    """Let what was submitted take effect: a second person. Raises what `deployments.approve` does."""
    deployments.approve(work, _submitted(work, draft_id)[1].id)


def send_back(work: UnitOfWork, draft_id: UUID, *, reason: str) -> None:
    """Open a submitted draft again, with a reason: an approver says no, or an owner sees a mistake."""
    draft, deployment = _submitted(work, draft_id)
    if deployment.state is not DeploymentState.PENDING:
        raise Conflict("The deployment is not waiting for approval.")
    if work.actor.id == deployment.deployed_by:
        require(work.actor, Permission.DEFINITION_DRAFT)
    else:
        require(work.actor, Permission.DEFINITION_APPROVE, Facts(author=deployment.deployed_by))
    if not reason.strip():
        told = Text("Skriv vad som ska ändras.", "Write what is to be changed.").in_(work.actor.language)
        raise Invalid(problems=[Problem(told, pointer="/reason")])
    deployment.state = DeploymentState.REJECTED
    draft.state, draft.returned = DraftState.OPEN, reason.strip()
    draft.revision += 1


def _touch(work: UnitOfWork, draft: DefinitionDraft) -> int:
    if work.actor.id is None:
        raise Refused("A draft is a person's.")
    draft.revision, draft.saved_by, draft.saved_at = draft.revision + 1, work.actor.id, work.now
    return draft.revision


def _open(work: UnitOfWork, draft_id: UUID, revision: int | None = None) -> DefinitionDraft:
    """The draft, if it can still be changed and nobody has since this revision."""
    require(work.actor, Permission.DEFINITION_DRAFT)
    draft = work.session.get(DefinitionDraft, draft_id)
    if draft is None:
        raise NotFound
    if draft.state is not DraftState.OPEN:
        told = Text("Utkastet är inte öppet längre.", "The draft is no longer open.")
        raise Conflict(told.in_(work.actor.language))
    if revision is not None and revision != draft.revision:
        raise Stale(_who_was_first(work, draft))
    return draft


def _submitted(work: UnitOfWork, draft_id: UUID) -> tuple[DefinitionDraft, Deployment]:
    draft = work.session.get(DefinitionDraft, draft_id)
    if draft is None or draft.deployment_id is None:
        raise NotFound
    return draft, work.session.get_one(Deployment, draft.deployment_id)


def _who_was_first(work: UnitOfWork, draft: DefinitionDraft) -> str:
    name = work.session.scalar(sa.select(User.name).where(User.id == draft.saved_by)) or ""
    local = draft.saved_at.astimezone(work.zone)
    when = f"{local:%H:%M}" if local.date() == work.today else f"{local:%Y-%m-%d %H:%M}"
    told = Text(
        "{who} sparade utkastet {when}. Ladda om sidan för att se det.",
        "{who} saved the draft at {when}. Load the page again to see it.",
    )
    return told.in_(work.actor.language).format(who=name, when=when)
