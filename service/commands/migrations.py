"""Move running cases to another version of their process, each for itself, and back until somebody acts."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.commands import progress
from service.engine import migration, renaming
from service.engine.definition import Definition as Parsed
from service.engine.migration import Obstacle, Plan
from service.engine.renaming import Names, Signature
from service.engine.step import Place
from service.engine.text import Text
from service.errors import Conflict, Invalid, NotFound, Problem, Unavailable
from service.models.cases import Case, CaseStatus, ProcessInstance, Task, behind
from service.models.definitions import (
    Definition,
    DefinitionKind,
    brought,
    deployment_content,
    newest_with,
)
from service.models.history import HistoryEvent
from service.models.jobs import AwaitedMessage, Incident, Job
from service.models.moves import MIGRATED, MOVED_BACK, acted_since, last_move
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
    stands: tuple[Place, ...] = ()  # where it stands in the version that it is moved to
    problem: str | None = None  # when somebody else had the case just then


def migrate(
    begin: Begin,
    key: str,
    *,
    old: int,
    new: int,
    cases: Collection[UUID] | None = None,
    mapping: Mapping[str, str] | None = None,
    waived: Collection[str] = (),
    note: str = "",
    dry_run: bool = False,
) -> tuple[Moved, ...]:
    """Move cases from one version of a process to another in force, or tell for each what stands in the way.

    Each case is a transaction of its own: one that is blocked, or that fails, is left untouched and the
    others go on. Without `cases`, the first 500 that run on the old version. `mapping` tells which elements
    have another id in the new one, those of a called process as “process/element”. `waived` names steps of
    the old version that no second person needs to do any more; the note says why.
    Raises `NotFound` for unknown versions, `Invalid` without a note, for too many cases, for a mapping or a
    waiver that makes no sense.
    """
    _check(note, cases, dry_run=dry_run)
    with begin() as work:
        require(work.actor, Permission.DEFINITION_DEPLOY)
        target = _target(work, key, new)
        found = _running(work, key, old, target, cases)
        olds = _olds(work, key, old, target)
        names = _names(olds, work.definition(target), key, mapping or {})
        given_up = _waived(olds, work.definition(target), key, names, waived)
    move = _Move(key, target, names, given_up, note.strip())
    return tuple(_one(begin, each, move, dry_run=dry_run) for each in found)


def move_back(begin: Begin, key: str, *, cases: Collection[UUID], note: str) -> tuple[Moved, ...]:
    """Move cases back to the version that they were last moved from, as they stood there.

    Each is a transaction of its own, as when it was moved. One that somebody has acted on since, or that has
    gone on by itself, stays where it is, with the reason. Raises `Invalid` without a note and for too many
    cases.
    """
    _check(note, cases)
    return tuple(_one_back(begin, each, key, note=note.strip()) for each in dict.fromkeys(cases))


def _check(note: str, cases: Collection[UUID] | None, *, dry_run: bool = False) -> None:
    if not note.strip() and not dry_run:
        raise Invalid(problems=[Problem("Say why the cases are moved.", pointer="/note")])
    if cases is not None and len(cases) > MOST:
        raise Invalid(problems=[Problem(f"Move at most {MOST} cases at a time.", pointer="/cases")])


@dataclass(frozen=True)
class _Move:
    """What is asked for all cases alike."""

    key: str
    target: UUID
    names: Names
    waived: frozenset[Signature]
    note: str


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


def _olds(work: UnitOfWork, key: str, version: int, target: UUID) -> list[Parsed]:
    """What the cases of a version run on, and what brought it."""
    running = sa.select(ProcessInstance.deployment_id).join(Case).where(*behind(key, version, target))
    found = {*work.session.scalars(sa.union(running, brought(key, version)))} - {target}
    return [work.definition(each) for each in found]


def _names(olds: Sequence[Parsed], new: Parsed, key: str, mapping: Mapping[str, str]) -> Names:
    """Sort a mapping by process, once every entry of it makes sense in the versions that cases run on."""
    names: dict[str, dict[str, str]] = {}
    pointers: dict[tuple[str, str], str] = {}
    problems = []
    for one, other in mapping.items():
        process, element = _place(one, key)
        pointer = f"/mapping/{one.replace('~', '~0').replace('/', '~1')}"
        if (process, element) in pointers:
            problems.append(Problem(f"“{element}” is told twice.", pointer=pointer, rule="mapping-twice"))
        names.setdefault(process, {})[element] = other
        pointers[process, element] = pointer
    for each in renaming.problems(olds, new, names):
        pointer = pointers[each.process, each.element]
        problems.append(Problem(each.message, pointer=pointer, element=each.element, rule=each.rule))
    if problems:
        raise Invalid(problems=problems)
    return names


def _waived(
    olds: Sequence[Parsed], new: Parsed, key: str, names: Names, waived: Collection[str]
) -> frozenset[Signature]:
    """Which steps need no second person any more; each must be one that would lose theirs."""
    lost = {each for old in olds for each in renaming.unsigned(old, new, names)}
    found = {each: Signature(*_place(each, key)) for each in waived}
    problems = [
        Problem(
            f"“{each}” does not lose its second person; leave it out.",
            pointer=f"/waived/{number}",
            rule="waived-needless",
        )
        for number, each in enumerate(waived)
        if found[each] not in lost
    ]
    if problems:
        raise Invalid(problems=problems)
    return frozenset(found.values())


def _place(told: str, key: str) -> tuple[str, str]:
    """A process and an element out of “process/element”, or of an element of the process itself."""
    process, _, element = told.rpartition("/")
    return process or key, element


def _one(begin: Begin, case_id: UUID, move: _Move, *, dry_run: bool) -> Moved:
    reference = ""
    try:
        with begin() as work:
            require(work.actor, Permission.DEFINITION_DEPLOY)
            case, instances = work.lock(case_id)
            reference = case.reference
            running = [each for each in instances if each.process == move.key and each.finished_at is None]
            if case.status not in RUNNING or not running:
                return Moved(case_id, reference, moved=False, problem="The case does not run any more.")
            plans = [(each, _plan(work, case, each, move)) for each in running]
            obstacles = tuple(one for _, plan in plans for one in plan.obstacles)
            if not obstacles and not dry_run:
                for instance, plan in plans:
                    _move(work, case, instances, instance, plan, move)
            stands = tuple(each for _, plan in plans for each in _stands(plan))
            return Moved(case_id, reference, moved=not obstacles, obstacles=obstacles, stands=stands)
    except (Conflict, NotFound, Unavailable) as error:
        return Moved(case_id, reference, moved=False, problem=error.message)


def _plan(work: UnitOfWork, case: Case, instance: ProcessInstance, move: _Move) -> Plan:
    return migration.plan(
        work.definition(instance.deployment_id),
        work.definition(move.target),
        work.snapshot(case, instance),
        moment=work.moment_under(move.target),
        names=move.names,
        waived=move.waived,
    )


def _stands(plan: Plan) -> tuple[Place, ...]:
    """What a person has to do next, or what is waited for when there is nothing to do."""
    if plan.step is None or plan.obstacles:
        return ()
    tasks = [each.place for each in plan.step.opened]
    timers = [each.place for each in plan.step.timers]
    messages = [each.place for each in plan.step.awaited]
    return tuple(dict.fromkeys(tasks or [*timers, *messages]))


def _move(
    work: UnitOfWork,
    case: Case,
    instances: list[ProcessInstance],
    instance: ProcessInstance,
    plan: Plan,
    move: _Move,
) -> None:
    """Bind the instance to the new deployment, and tell so: its tasks and timers stay the same rows."""
    if plan.step is None:
        raise Conflict("The case cannot be moved.")
    before, stood = instance.deployment_id, work.snapshot(case, instance)
    details = _bind(work, instance, move.target, move.names)
    progress.save(work, case, instances, instance, plan.step)
    work.keep_before_move(case, instance, stood, of=before)
    if plan.waived:
        details["waived"] = [[each.process, each.element] for each in plan.waived]
    _tell(work, case, instance, MIGRATED, {**details, "note": move.note})


def _one_back(begin: Begin, case_id: UUID, key: str, *, note: str) -> Moved:
    reference = ""
    try:
        with begin() as work:
            require(work.actor, Permission.CASES_MOVE_BACK)
            case, instances = work.lock(case_id)
            reference = case.reference
            moved = [each for each in instances if each.process == key and each.before_move is not None]
            event = work.session.scalar(
                sa.select(HistoryEvent).where(
                    HistoryEvent.case_id == case.id, HistoryEvent.sequence == last_move(case.id, key)
                )
            )
            if case.status not in RUNNING or not moved or event is None:
                return Moved(case_id, reference, moved=False, obstacles=(GONE_ON,))
            if work.session.scalar(sa.select(acted_since(event))):
                return Moved(case_id, reference, moved=False, obstacles=(ACTED_ON,))
            for instance in moved:
                _back(work, case, instances, instance, event, note=note)
            return Moved(case_id, reference, moved=True)
    except (Conflict, NotFound, Unavailable) as error:
        return Moved(case_id, reference, moved=False, problem=error.message)


GONE_ON = Obstacle(
    "gone-on",
    None,
    Text("Ärendet har gått vidare sedan det flyttades.", "The case has gone on since it was moved."),
)
ACTED_ON = Obstacle(
    "acted-on",
    None,
    Text(
        "Någon har arbetat i ärendet sedan det flyttades.", "Somebody has acted on the case since it moved."
    ),
)


def _back(
    work: UnitOfWork,
    case: Case,
    instances: list[ProcessInstance],
    instance: ProcessInstance,
    event: HistoryEvent,
    *,
    note: str,
) -> None:
    """Let the instance stand as it stood before it was moved; nothing has come of the move meanwhile."""
    before = work.before_move(case, instance)
    if before is None:
        raise Conflict("The case cannot be moved back.")
    target, stood = before
    names: dict[str, dict[str, str]] = {}
    for process, one, other in event.details.get("renamed", ()):
        names.setdefault(process, {})[other] = one
    details = _bind(work, instance, target, names)
    work.save(case, instance, stood)
    work.stands(case, instances)
    _tell(work, case, instance, MOVED_BACK, {**details, "note": note})


def _bind(work: UnitOfWork, instance: ProcessInstance, target: UUID, names: Names) -> dict[str, Any]:
    """Let the instance and its rows belong to another deployment; gives what the history tells of it."""
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
    told: dict[str, Any] = {
        "from": {"deployment": work.deployment_number(before), "version": version},
        "to": {"deployment": work.deployment_number(target), "version": instance.version},
        "definitions": work.definition(target).digest,
    }
    if names:
        told["renamed"] = [
            [process, one, other]
            for process, ids in sorted(names.items())
            for one, other in sorted(ids.items())
        ]
    return told


def _tell(
    work: UnitOfWork, case: Case, instance: ProcessInstance, type: str, details: Mapping[str, Any]
) -> None:
    deployment_id = instance.deployment_id
    work.record(case, type, process=instance.process, deployment_id=deployment_id, details=details)
    _assign_roles(work, instance, deployment_id)


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
