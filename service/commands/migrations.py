"""Move running cases to another version of their process: each case for itself, with a preview for each."""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.commands import progress
from service.engine import migration, renaming
from service.engine.migration import Obstacle, Plan
from service.engine.renaming import Names
from service.errors import Conflict, Invalid, NotFound, Problem, Unavailable
from service.models.cases import Case, CaseStatus, ProcessInstance, Task, behind
from service.models.definitions import (
    Definition,
    DefinitionKind,
    brought,
    deployment_content,
    newest_with,
)
from service.models.jobs import AwaitedMessage, Incident, Job
from service.rules.permissions import Permission, Role, require
from service.work import UnitOfWork

MOST = 500  # cases in one call
RUNNING = (CaseStatus.OPEN, CaseStatus.SUSPENDED)
Begin = Callable[[], AbstractContextManager[UnitOfWork]]


@dataclass(frozen=True)
class Moved:
    """What became of one case; after a dry run, what would become of it."""

    case_id: UUID
    reference: str
    moved: bool
    obstacles: tuple[Obstacle, ...] = ()
    problem: str | None = None  # when somebody else had the case just then


def migrate(
    begin: Begin,
    key: str,
    *,
    old: int,
    new: int,
    cases: Collection[UUID] | None = None,
    mapping: Mapping[str, str] | None = None,
    note: str = "",
    dry_run: bool = False,
) -> tuple[Moved, ...]:
    """Move cases from one version of a process to another in force, or tell for each what stands in the way.

    Each case is a transaction of its own: one that is blocked, or that fails, is left untouched and the
    others go on. Without `cases`, the first 500 that run on the old version. `mapping` tells which elements
    have another id in the new one, those of a called process as “process/element”.
    Raises `NotFound` for unknown versions, `Invalid` without a note, for too many cases, for a mapping that
    makes no sense.
    """
    if not note.strip() and not dry_run:
        raise Invalid(problems=[Problem("Say why the cases are moved.", pointer="/note")])
    if cases is not None and len(cases) > MOST:
        raise Invalid(problems=[Problem(f"Move at most {MOST} cases at a time.", pointer="/cases")])
    with begin() as work:
        require(work.actor, Permission.DEFINITION_DEPLOY)
        target = _target(work, key, new)
        found = _running(work, key, old, target, cases)
        names = _names(work, key, old, target, mapping or {})
    return tuple(_one(begin, each, key, target, names, note=note, dry_run=dry_run) for each in found)


def _target(work: UnitOfWork, key: str, version: int) -> UUID:
    """The newest deployment in force that has this version of the process."""
    found = work.session.scalar(newest_with(key, version))
    if found is None:
        raise NotFound
    return found


def _running(
    work: UnitOfWork, key: str, version: int, target: UUID, cases: Collection[UUID] | None
) -> list[UUID]:
    which = [*behind(key, version, target)]
    if cases is not None:
        which.append(Case.id.in_(cases))
    found = work.session.scalars(
        sa.select(Case.id).join(ProcessInstance).where(*which).order_by(Case.opened_at, Case.id).limit(MOST)
    )
    return list(dict.fromkeys(found))


def _names(work: UnitOfWork, key: str, version: int, target: UUID, mapping: Mapping[str, str]) -> Names:
    """Sort a mapping by process, once every entry of it makes sense in the versions that cases run on."""
    names: dict[str, dict[str, str]] = {}
    pointers: dict[tuple[str, str], str] = {}
    problems = []
    for one, other in mapping.items():
        process, _, element = one.rpartition("/")
        pointer = f"/mapping/{one.replace('~', '~0').replace('/', '~1')}"
        if (process or key, element) in pointers:
            problems.append(Problem(f"“{element}” is told twice.", pointer=pointer, rule="mapping-twice"))
        names.setdefault(process or key, {})[element] = other
        pointers[process or key, element] = pointer
    running = sa.select(ProcessInstance.deployment_id).join(Case).where(*behind(key, version, target))
    olds = {*work.session.scalars(sa.union(running, brought(key, version)))} - {target}
    before = [work.definition(each) for each in olds]
    for each in renaming.problems(before, work.definition(target), names):
        pointer = pointers[each.process, each.element]
        problems.append(Problem(each.message, pointer=pointer, element=each.element, rule=each.rule))
    if problems:
        raise Invalid(problems=problems)
    return names


def _one(
    begin: Begin, case_id: UUID, key: str, target: UUID, names: Names, *, note: str, dry_run: bool
) -> Moved:
    reference = ""
    try:
        with begin() as work:
            require(work.actor, Permission.DEFINITION_DEPLOY)
            case, instances = work.lock(case_id)
            reference = case.reference
            running = [each for each in instances if each.process == key and each.finished_at is None]
            if case.status not in RUNNING or not running:
                return Moved(case_id, reference, moved=False, problem="The case does not run any more.")
            plans = [(each, _plan(work, case, each, target, names)) for each in running]
            obstacles = tuple(one for _, plan in plans for one in plan.obstacles)
            if not obstacles and not dry_run:
                for instance, plan in plans:
                    _move(work, case, instances, instance, plan, target=target, names=names, note=note)
            return Moved(case_id, reference, moved=not obstacles, obstacles=obstacles)
    except (Conflict, NotFound, Unavailable) as error:
        return Moved(case_id, reference, moved=False, problem=error.message)


def _plan(work: UnitOfWork, case: Case, instance: ProcessInstance, target: UUID, names: Names) -> Plan:
    return migration.plan(
        work.definition(instance.deployment_id),
        work.definition(target),
        work.snapshot(case, instance),
        moment=work.moment_under(target),
        names=names,
    )


def _move(
    work: UnitOfWork,
    case: Case,
    instances: list[ProcessInstance],
    instance: ProcessInstance,
    plan: Plan,
    *,
    target: UUID,
    names: Names,
    note: str,
) -> None:
    """Bind the instance to the new deployment, and tell so: its tasks and timers stay the same rows."""
    if plan.step is None:
        raise Conflict("The case cannot be moved.")
    before, version = instance.deployment_id, instance.version
    instance.deployment_id = target
    instance.version = work.session.scalars(
        sa.select(Definition.version)
        .join(deployment_content)
        .where(
            deployment_content.c.deployment_id == target,
            Definition.kind == DefinitionKind.PROCESS,
            Definition.key == instance.process,
        )
    ).one()
    _rename(work, instance, names)
    progress.save(work, case, instances, instance, plan.step)
    details: dict[str, Any] = {
        "from": {"deployment": work.deployment_number(before), "version": version},
        "to": {"deployment": work.deployment_number(target), "version": instance.version},
        "note": note.strip(),
        "definitions": work.definition(target).digest,
    }
    if names:
        details["renamed"] = [
            [process, one, other]
            for process, ids in sorted(names.items())
            for one, other in sorted(ids.items())
        ]
    work.record(case, "instance.migrated", process=instance.process, deployment_id=target, details=details)
    _assign_roles(work, instance, target)


def _rename(work: UnitOfWork, instance: ProcessInstance, names: Names) -> None:
    """Let the rows of what was done and of what waits follow their elements."""
    rows = (
        (Task, Task.instance_id == instance.id),
        (Job, Job.instance_id == instance.id),
        (AwaitedMessage, AwaitedMessage.instance_id == instance.id),
        (Incident, sa.true()),  # these are the case's
    )
    for process, ids in names.items():
        for table, mine in rows:
            work.session.execute(
                sa.update(table)
                .where(table.case_id == instance.case_id, mine)
                .where(table.process == process, table.element.in_(ids))
                .values(element=sa.case(ids, value=table.element)),
                execution_options={"synchronize_session": False},
            )


def _assign_roles(work: UnitOfWork, instance: ProcessInstance, target: UUID) -> None:
    """Let open tasks ask for the role that the new version asks for; their deadlines stay."""
    processes = work.definition(target).processes
    open_tasks = sa.select(Task).where(
        Task.case_id == instance.case_id, Task.instance_id == instance.id, Task.closed_at.is_(None)
    )
    for task in work.session.scalars(open_tasks):
        task.role = processes[task.process].elements[task.element].role or Role.CASEWORKER
