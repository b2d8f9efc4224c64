"""What would happen: a version in force, or files that are not deployed yet, on a clock of its own."""

from collections.abc import Mapping
from uuid import UUID

import sqlalchemy as sa

from service.engine import definition, simulation
from service.engine.examples import Script
from service.engine.simulation import Simulation
from service.errors import NotFound
from service.models.definitions import Definition, DefinitionKind
from service.models.drafts import DraftState
from service.queries import drafts
from service.queries.drafts import DraftRow
from service.rules.permissions import Permission, require
from service.work import UnitOfWork, clock_of


def simulate(
    work: UnitOfWork, script: Script, *, version: int | None = None, files: Mapping[str, bytes] | None = None
) -> Simulation:
    """Run a script and keep nothing: on one version, or on files laid over what is in force.

    Raises `NotFound` for an unknown process or version, `Refused` when the files cannot be deployed.
    """
    require(work.actor, Permission.DEFINITION_DEPLOY)
    found = (
        _of_version(work, script.process, version)
        if version
        else definition.parse(drafts.in_force(work) | dict(files or {}))
    )
    if script.process not in found.processes:
        raise NotFound
    return simulation.run(found, script, clock=clock_of(found, work.zone), language=work.actor.language)


def ground(work: UnitOfWork, draft_id: UUID) -> tuple[DraftRow, dict[str, bytes]]:
    """A draft, and all files that a run of it stands on: its own over what is in force.

    To be run when no transaction is open. Raises `NotFound`, also for one that was thrown away.
    """
    require(work.actor, Permission.DEFINITION_DEPLOY)
    row = drafts.one(work, draft_id).row
    if row.state == DraftState.DISCARDED.value:
        raise NotFound
    return row, drafts.laid_over(work, draft_id)


def _of_version(work: UnitOfWork, key: str, version: int) -> definition.Definition:
    deployment_id = work.session.scalar(
        sa.select(Definition.deployment_id).where(
            Definition.kind == DefinitionKind.PROCESS, Definition.key == key, Definition.version == version
        )
    )
    if deployment_id is None:
        raise NotFound
    return work.definition(deployment_id)
