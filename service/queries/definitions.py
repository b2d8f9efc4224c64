"""What has been deployed: process definitions, their versions, the files byte for byte."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from service.engine import differences
from service.engine.definition import Process
from service.engine.differences import Difference
from service.errors import NotFound
from service.models.cases import Case, CaseStatus, ProcessInstance
from service.models.definitions import (
    Definition,
    DefinitionKind,
    Deployment,
    DeploymentState,
    deployment_content,
)
from service.queries import people
from service.queries.people import Person
from service.rules.permissions import Permission, require
from service.work import UnitOfWork

_PATHS = {
    DefinitionKind.PROCESS: "processes/{}/process.bpmn",
    DefinitionKind.DECISION: "processes/tables/{}.dmn",
    DefinitionKind.FORM: "forms/{}.form.json",
    DefinitionKind.EXAMPLE: "processes/{}/examples/{}.json",
}


@dataclass(frozen=True)
class VersionRow:
    """One version of a process definition."""

    key: str
    name: str
    version: int
    deployment_id: UUID
    deployment: int
    state: str  # pending, active, rejected
    deployed_at: datetime
    deployed_by: Person | None  # None: the service itself
    approved_at: datetime | None
    approved_by: Person | None
    note: str
    open_cases: int


@dataclass(frozen=True)
class ChangeRow:
    """A deployment that took effect: the routine changed."""

    number: int
    at: datetime
    deployed_by: Person | None  # None: the service itself
    approved_by: Person | None
    note: str


@dataclass(frozen=True)
class OneVersion:
    """One version, with its file as deployed and the process as the engine understands it."""

    row: VersionRow
    file: str
    content: bytes
    process: Process


def newest(work: UnitOfWork) -> tuple[VersionRow, ...]:
    """The newest version of each process definition that is in force, by name."""
    rows = _versions(work, Deployment.state == DeploymentState.ACTIVE)
    last: dict[str, VersionRow] = {}
    for row in rows:
        last.setdefault(row.key, row)
    return tuple(sorted(last.values(), key=lambda row: row.name))


def versions(work: UnitOfWork, key: str) -> tuple[VersionRow, ...]:
    """All versions of one process definition, newest first; raises `NotFound`."""
    rows = _versions(work, Definition.key == key)
    if not rows:
        raise NotFound
    return rows


def one(work: UnitOfWork, key: str, version: int) -> OneVersion:
    """One version of a process definition; raises `NotFound`."""
    row = next((row for row in versions(work, key) if row.version == version), None)
    if row is None:
        raise NotFound
    found = work.session.execute(
        sa.select(Definition.file, Definition.content).where(
            Definition.kind == DefinitionKind.PROCESS, Definition.key == key, Definition.version == version
        )
    ).one()
    return OneVersion(row, found.file, found.content, work.definition(row.deployment_id).processes[key])


def running(work: UnitOfWork, key: str) -> dict[int, int]:
    """How many cases still run on each version of a process."""
    require(work.actor, Permission.DEFINITION_READ)
    rows = work.session.execute(
        sa.select(ProcessInstance.version, sa.func.count(ProcessInstance.case_id.distinct()))
        .join(Case)
        .where(*_running(key))
        .group_by(ProcessInstance.version)
    )
    return {version: count for version, count in rows}  # noqa: C416  rows are no pairs to mypy


def behind(work: UnitOfWork, key: str) -> int:
    """How many cases run on another deployment than the one in force: on what it says, or what it calls."""
    require(work.actor, Permission.DEFINITION_READ)
    last = sa.select(sa.func.max(Deployment.number)).where(Deployment.state == DeploymentState.ACTIVE)
    in_force = sa.select(Deployment.id).where(Deployment.number == last.scalar_subquery())
    found = sa.select(sa.func.count(ProcessInstance.case_id.distinct())).join(Case)
    away = ProcessInstance.deployment_id != in_force.scalar_subquery()
    return work.session.scalar(found.where(*_running(key), away)) or 0


def diff(work: UnitOfWork, key: str, old: int, new: int) -> tuple[Difference, ...]:
    """What became different between two versions of a process, its tables and its forms; `NotFound`."""
    rows = {row.version: row for row in versions(work, key)}
    if old not in rows or new not in rows:
        raise NotFound
    return differences.between(
        work.definition(rows[old].deployment_id), work.definition(rows[new].deployment_id), key
    )


def changes(work: UnitOfWork, since: datetime, before: datetime) -> tuple[ChangeRow, ...]:
    """The deployments that took effect from one instant to before another, newest first."""
    require(work.actor, Permission.DEFINITION_READ)
    effect = sa.func.coalesce(Deployment.approved_at, Deployment.deployed_at)
    rows = work.session.scalars(
        sa.select(Deployment)
        .where(Deployment.state == DeploymentState.ACTIVE, effect >= since, effect < before)
        .order_by(Deployment.number.desc())
    ).all()
    who = people.named(work, [each for row in rows for each in (row.deployed_by, row.approved_by)])
    return tuple(
        ChangeRow(
            row.number,
            row.approved_at or row.deployed_at,
            who.get(row.deployed_by) if row.deployed_by else None,
            who.get(row.approved_by) if row.approved_by else None,
            row.note,
        )
        for row in rows
    )


def files_in_force(work: UnitOfWork) -> dict[str, bytes]:
    """Every file in force, byte for byte, by the path that `processes/` and `forms/` keep it under."""
    require(work.actor, Permission.DEFINITION_READ)
    last = (
        sa.select(sa.func.max(Deployment.number))
        .where(Deployment.state == DeploymentState.ACTIVE)
        .scalar_subquery()
    )
    rows = work.session.execute(
        sa.select(Definition.kind, Definition.file, Definition.content)
        .join(deployment_content)
        .join(Deployment, Deployment.id == deployment_content.c.deployment_id)
        .where(Deployment.number == last)
    )
    return {_path(row.kind, row.file): row.content for row in rows}


def _path(kind: DefinitionKind, file: str) -> str:
    """Where a file lies: once, also when several things stand in it."""
    key, _, ending = file.partition(".")
    name = ending.partition(".")[0] if kind is DefinitionKind.EXAMPLE else ""
    return _PATHS[kind].format(key, name)


RUNNING = (
    ProcessInstance.finished_at.is_(None),
    Case.status.in_((CaseStatus.OPEN, CaseStatus.SUSPENDED)),
)


def _running(key: str) -> tuple[sa.ColumnElement[bool], ...]:
    return ProcessInstance.process == key, *RUNNING


def _versions(work: UnitOfWork, *which: sa.ColumnElement[bool]) -> tuple[VersionRow, ...]:
    require(work.actor, Permission.DEFINITION_READ)
    open_cases = (
        sa.select(
            ProcessInstance.process,
            ProcessInstance.version,
            sa.func.count(ProcessInstance.case_id.distinct()).label("open"),
        )
        .join(Case, Case.id == ProcessInstance.case_id)
        .where(*RUNNING)
        .group_by(ProcessInstance.process, ProcessInstance.version)
        .subquery()
    )
    rows = work.session.execute(
        sa.select(Definition.key, Definition.name, Definition.version, Deployment, open_cases.c.open)
        .join(Deployment, Deployment.id == Definition.deployment_id)
        .outerjoin(
            open_cases,
            sa.and_(open_cases.c.process == Definition.key, open_cases.c.version == Definition.version),
        )
        .where(Definition.kind == DefinitionKind.PROCESS, *which)
        .order_by(Definition.key, Definition.version.desc())
    ).all()
    who = people.named(
        work, [each for row in rows for each in (row.Deployment.deployed_by, row.Deployment.approved_by)]
    )
    return tuple(_row(row, who) for row in rows)


def _row(row: sa.Row[tuple[str, str, int, Deployment, int]], who: dict[UUID, Person]) -> VersionRow:
    deployment: Deployment = row.Deployment
    return VersionRow(
        key=row.key,
        name=row.name,
        version=row.version,
        deployment_id=deployment.id,
        deployment=deployment.number,
        state=deployment.state.value,
        deployed_at=deployment.deployed_at,
        deployed_by=who.get(deployment.deployed_by) if deployment.deployed_by else None,
        approved_at=deployment.approved_at,
        approved_by=who.get(deployment.approved_by) if deployment.approved_by else None,
        note=deployment.note,
        open_cases=row.open or 0,
    )
