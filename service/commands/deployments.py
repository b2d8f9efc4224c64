"""Publish diagrams, decision tables and forms: all or nothing, byte for byte, approved by a second person."""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import sqlalchemy as sa

from service.commands import readiness
from service.commands.readiness import ENDINGS
from service.engine import advice, definition, xml
from service.engine.definition import Source
from service.errors import Conflict, Invalid, NotFound, Problem, Refused, Unavailable
from service.models.definitions import (
    Definition,
    DefinitionKind,
    Deployment,
    DeploymentState,
    deployment_content,
)
from service.rules.permissions import SYSTEM, Facts, Permission, require
from service.work import UnitOfWork

LOCK = 8_017_263_402  # any number that nobody else uses on this database
LARGEST = 2 * 1024 * 1024  # bytes of one file
TWICE = "Two files have this name; send one of them."
Brought = Mapping[tuple[str, str], Source]  # what files define, by kind and key
_NAME = re.compile(
    r"[a-z][a-z0-9_]{0,63}(\.bpmn|\.dmn|\.form\.json)|(?=.{3,77}$)[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\.example\.json"
)


@dataclass(frozen=True)
class Published:
    """One definition that came with a deployment, and whether it differs from the one in force."""

    kind: str  # process, decision, form, example
    key: str
    version: int
    changed: bool


@dataclass(frozen=True)
class Deployed:
    """What a deployment brings; `id` and `number` are None after a dry run."""

    id: UUID | None
    number: int | None
    state: str  # pending, active
    definitions: tuple[Published, ...]
    warnings: tuple[Problem, ...] = ()


def read_folder(root: Path) -> dict[str, bytes]:
    """Read `processes/` and `forms/` under this folder, as files named the way they are deployed.

    `processes/case/process.bpmn` becomes `case.bpmn`, `processes/case/examples/withdrawn.json` becomes
    `case.withdrawn.example.json`, tables and forms keep their names.
    Raises `Refused` when two files would get the same name.
    """
    found = [(f"{path.parent.name}.bpmn", path) for path in sorted(root.glob("processes/*/process.bpmn"))]
    found += [(path.name, path) for path in sorted(root.glob("processes/*/*.dmn"))]
    found += [(path.name, path) for path in sorted(root.glob("forms/*.form.json"))]
    found += [
        (f"{path.parents[1].name}.{path.stem}{ENDINGS['example']}", path)
        for path in sorted(root.glob("processes/*/examples/*.json"))
    ]
    files: dict[str, bytes] = {}
    for name, path in found:
        if name in files:
            raise Refused(problems=[Problem(TWICE, file=name, rule="file-twice")])
        files[name] = path.read_bytes()
    return files


def install(work: UnitOfWork, root: Path) -> Deployed | None:
    """Deploy the files under this folder as the service's own, when nothing is in force yet."""
    _one_at_a_time(work)
    if work.session.scalar(_newest()) is not None:
        return None
    return deploy(work, files=read_folder(root), note="De processer som följer med Andrum.")


def deploy(work: UnitOfWork, *, files: Mapping[str, bytes], note: str, dry_run: bool = False) -> Deployed:
    """Check these files with all that is in force and publish them; a file that differs is a new version.

    Takes effect at once when the service itself deploys or four eyes are switched off, else when approved.
    Raises `Refused` with every problem found, `Invalid` without a note, `Conflict` when someone else
    deploys at the same time.
    """
    require(work.actor, Permission.DEFINITION_DEPLOY)
    _one_at_a_time(work)
    if not note.strip() and not dry_run:
        raise Invalid(problems=[Problem("Say what is changed and why.", pointer="/note", rule="note")])
    before = _contents(work)
    kept = named(_called_by_key(files, {row.file for row in before.values()}))
    parsed = definition.parse({row.file: row.content for row in before.values()} | kept)
    brought = {of: source for of, source in parsed.sources.items() if source.file in kept}
    _refuse(readiness.misnamed(parsed, kept))
    published, added = _versions(work, brought, before)
    differing = {row.file for row in added}
    _refuse(readiness.blocking(parsed, differing, work.zone))
    warnings = tuple(advice.warnings(definition_in_force(work), parsed, differing))
    state = DeploymentState.ACTIVE if _takes_effect(work) else DeploymentState.PENDING
    if dry_run:
        return Deployed(None, None, state.value, published, warnings)
    if not added:
        now = work.session.get_one(Deployment, in_force(work))
        return Deployed(now.id, now.number, now.state.value, published)
    deployment = _add(work, state, note, parsed.digest, {**before, **{(r.kind, r.key): r for r in added}})
    for row in added:
        row.deployment_id = deployment.id
    work.session.add_all(added)
    return Deployed(deployment.id, deployment.number, state.value, published, warnings)


def approve(work: UnitOfWork, deployment_id: UUID) -> None:
    """Let a deployment take effect: a second person, who did not deploy it.

    Raises `Conflict` when it is not pending, or when another one took effect after it was made: it would
    undo that.
    """
    _one_at_a_time(work)
    deployment = work.session.get(Deployment, deployment_id)
    if deployment is None:
        raise NotFound
    require(work.actor, Permission.DEFINITION_APPROVE, Facts(author=deployment.deployed_by))
    if deployment.state is not DeploymentState.PENDING:
        raise Conflict("The deployment is not waiting for approval.")
    newer = sa.select(Deployment.id).where(
        Deployment.number > deployment.number, Deployment.state == DeploymentState.ACTIVE
    )
    if work.session.scalar(newer.limit(1)) is not None:
        raise Conflict("Another deployment has taken effect since. Deploy the files again on top of it.")
    deployment.state, deployment.approved_at, deployment.approved_by = (
        DeploymentState.ACTIVE,
        work.now,
        work.actor.id,
    )


def in_force(work: UnitOfWork) -> UUID:
    """The deployment that new cases run on; raises `Unavailable` when there is none."""
    found = work.session.scalar(_newest())
    if found is None:
        raise Unavailable("Nothing has been deployed yet.")
    return found


def definition_in_force(work: UnitOfWork) -> definition.Definition | None:
    """Everything that new cases run on, parsed; None when nothing has been deployed yet."""
    newest = work.session.scalar(_newest())
    return work.definition(newest) if newest is not None else None


def named(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files under the names they are kept by; raises `Refused` for bad names and sizes."""
    if not files:
        raise Refused(problems=[Problem("Send at least one file.", pointer="/files", rule="no-files")])
    problems, kept = [], {}
    for given, content in files.items():
        name = given.replace("\\", "/").rsplit("/", 1)[-1]
        if _NAME.fullmatch(name) is None:
            told = "Name the file by its key: case.bpmn, permit_route.dmn, first_contact.form.json."
            problems.append(Problem(told, file=name, rule="file-name-of-key"))
        elif len(content) > LARGEST:
            told = f"The file is larger than {LARGEST // 1024} kB; split it."
            problems.append(Problem(told, file=name, rule="size"))
        elif name in kept:
            problems.append(Problem(TWICE, file=name, rule="file-twice"))
        kept[name] = content
    if problems:
        raise Refused(problems=problems)
    return kept


def _called_by_key(files: Mapping[str, bytes], known: Collection[str]) -> dict[str, bytes]:
    """Call a diagram of one process by that process's key: in a folder of its own it may be process.bpmn.

    One that is called like a known file replaces that one. Raises `Refused` when two are about one process.
    """
    called: dict[str, bytes] = {}
    for given, content in files.items():
        is_new = given.endswith(ENDINGS["process"]) and given not in known
        key = xml.only_process(content) if is_new else None
        name = f"{key}{ENDINGS['process']}"
        name = name if key and _NAME.fullmatch(name) else given
        if name in called:
            raise Refused(problems=[Problem(TWICE, file=given, rule="file-twice")])
        called[name] = content
    return called


def _refuse(found: Iterable[Problem]) -> None:
    problems = list(found)
    if problems:
        raise Refused(problems=problems)


def _one_at_a_time(work: UnitOfWork) -> None:
    """Let deployments follow one another, so that each sees what the one before brought."""
    if work.session.get_bind().dialect.name == "postgresql":
        work.session.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))


def _newest() -> sa.Select[UUID]:
    return (
        sa.select(Deployment.id)
        .where(Deployment.state == DeploymentState.ACTIVE)
        .order_by(Deployment.number.desc())
        .limit(1)
    )


def _takes_effect(work: UnitOfWork) -> bool:
    return work.actor == SYSTEM or work.platform.settings.four_eyes == "0"


def _contents(work: UnitOfWork) -> dict[tuple[DefinitionKind, str], Definition]:
    """All that is in force, by kind and key."""
    newest = _newest().scalar_subquery()
    rows = work.session.scalars(
        sa.select(Definition).join(deployment_content).where(deployment_content.c.deployment_id == newest)
    )
    return {(row.kind, row.key): row for row in rows}


def _versions(
    work: UnitOfWork, brought: Brought, before: Mapping[tuple[DefinitionKind, str], Definition]
) -> tuple[tuple[Published, ...], list[Definition]]:
    """What each file comes to: the version in force when it is the same, else a new one."""
    last = {
        (row.kind, row.key): row.version
        for row in work.session.execute(
            sa.select(
                Definition.kind, Definition.key, sa.func.max(Definition.version).label("version")
            ).group_by(Definition.kind, Definition.key)
        )
    }
    published, added = [], []
    for (word, key), source in sorted(brought.items(), key=lambda each: each[0]):
        kind, digest = DefinitionKind(word), hashlib.sha256(source.content).hexdigest()
        row = before.get((kind, key))
        changed = row is None or row.digest != digest
        if row is None or changed:
            row = _definition(source, kind, last.get((kind, key), 0) + 1, digest)
            added.append(row)
        published.append(Published(word, key, row.version, changed))
    return tuple(published), added


def _definition(source: Source, kind: DefinitionKind, version: int, digest: str) -> Definition:
    return Definition(
        id=uuid4(),
        kind=kind,
        key=source.key,
        version=version,
        name=source.name,
        file=source.file,
        content=source.content,
        digest=digest,
    )


def _add(
    work: UnitOfWork,
    state: DeploymentState,
    note: str,
    digest: str,
    contents: Mapping[tuple[DefinitionKind, str], Definition],
) -> Deployment:
    number = work.session.scalar(sa.select(sa.func.max(Deployment.number))) or 0
    active = state is DeploymentState.ACTIVE
    deployment = Deployment(
        id=uuid4(),
        number=number + 1,
        state=state,
        note=note.strip(),
        digest=digest,
        deployed_at=work.now,
        deployed_by=work.actor.id,
        approved_at=work.now if active else None,
    )
    work.session.add(deployment)
    work.session.execute(
        sa.insert(deployment_content),
        [{"deployment_id": deployment.id, "definition_id": row.id} for row in contents.values()],
    )
    return deployment
