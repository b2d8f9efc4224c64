"""Carry what an engine step changed over to tasks, jobs, messages and history."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.commands import watches
from service.engine import workflow
from service.engine.workflow import OpenTask, Place, Step, Timer
from service.models.cases import Case, CaseStatus, ProcessInstance, Task, TaskOutcome
from service.models.jobs import AwaitedMessage, Job
from service.rules.permissions import SYSTEM, Role
from service.work import UnitOfWork


def save(
    work: UnitOfWork, case: Case, instances: list[ProcessInstance], instance: ProcessInstance, step: Step
) -> None:
    """Keep the state that a step came to, so that every event from here on is tied to it."""
    work.save(case, instance, step.snapshot)
    work.stands(case, instances)


def apply(
    work: UnitOfWork,
    case: Case,
    instance: ProcessInstance,
    step: Step,
    *,
    completed: UUID | None = None,
    moved: UUID | None = None,
) -> None:
    """Tell the history what the step did and bring tasks, jobs and awaited messages to where it stands.

    `completed` is the task that the caller has closed itself, `moved` the timer whose move it tells. Few
    statements: one to read what waits, one for each kind of row that is added or removed; the rest goes out
    together at the commit.
    """
    with work.session.no_autoflush:  # else each statement below would first send a half-told case
        _tell(work, case, instance, step)
        _close(work, case, instance, [each for each in step.closed if each != completed])
        _open(work, case, instance, step.opened)
        _wait(work, case, instance, step, told=moved)
        if step.finished:
            _finish(work, case, instance)


def restore(work: UnitOfWork, case: Case, instance: ProcessInstance) -> None:
    """Let rows stand again for all that the instance's state says waits; a task that was lost opens anew.

    Raises `StepFailed` when nothing in the instance can go on.
    """
    step = workflow.standing(
        work.definition(instance.deployment_id), work.snapshot(case, instance), moment=work.moment
    )
    instance.finished_at = None
    with work.session.no_autoflush:
        found = work.session.scalars(sa.select(Task).where(Task.id.in_([each.id for each in step.opened])))
        known = {task.id: task for task in found}
        for task in known.values():
            if task.closed_at is not None:
                task.closed_at = task.outcome = task.completed_by = None
                place = Place(task.process, task.element, task.right)
                _event(
                    work, case, instance.deployment_id, "task.opened", place, details={"task": str(task.id)}
                )
        _open(work, case, instance, [each for each in step.opened if each.id not in known])
        _wait(work, case, instance, step)
        if step.finished:
            _finish(work, case, instance)


def stop(work: UnitOfWork, case: Case, instances: Iterable[ProcessInstance]) -> None:
    """Let nothing in the case run or wait any more: it has been cancelled."""
    with work.session.no_autoflush:
        for instance in instances:
            if instance.finished_at is None:
                instance.finished_at = work.now
                open_tasks = work.session.scalars(
                    sa.select(Task.id).where(
                        Task.case_id == case.id,
                        Task.instance_id == instance.id,
                        Task.closed_at.is_(None),
                    )
                )
                _close(work, case, instance, list(open_tasks))
        _forget(work, Job, Job.case_id == case.id)
        _forget(work, AwaitedMessage, AwaitedMessage.case_id == case.id)


def _tell(work: UnitOfWork, case: Case, instance: ProcessInstance, step: Step) -> None:
    deployment_id = instance.deployment_id
    for timer in sorted(step.fired, key=lambda each: each.due):
        late = max(0, round((work.now - timer.due).total_seconds()))
        _event(
            work, case, deployment_id, "timer.fired", timer.place,
            actor=SYSTEM,
            details={"timer": str(timer.id), "due": timer.due.isoformat(), "late_seconds": late},
        )  # fmt: skip
    if step.passed:
        places = [list(_place(each)) for each in step.passed]
        work.record(case, "elements.passed", deployment_id=deployment_id, details={"passed": places})
    for decision in step.decisions:
        _event(
            work, case, deployment_id, "decision.made", decision.place,
            details={"table": decision.table, "rules": list(decision.rules)},
            values={"inputs": decision.inputs, "outcome": decision.outcome},
        )  # fmt: skip
    for milestone in step.milestones:
        _event(
            work, case, deployment_id, "milestone.reached", milestone.place, details={"name": milestone.name}
        )


def _close(work: UnitOfWork, case: Case, instance: ProcessInstance, task_ids: list[UUID]) -> None:
    """Close tasks that the diagram took away: a boundary event, a terminating end, a cancelled case.

    Their drafts stay: nobody submitted them, and what has been typed is lost to nobody.
    """
    if not task_ids:
        return
    found = work.session.scalars(
        sa.select(Task)
        .where(Task.id.in_(task_ids), Task.closed_at.is_(None))
        .order_by(Task.opened_at, Task.id)
        .execution_options(populate_existing=True)
    )
    for task in found:
        task.closed_at, task.outcome, task.warn_at = work.now, TaskOutcome.CANCELLED, None
        place = Place(task.process, task.element, task.right)
        _event(work, case, instance.deployment_id, "task.cancelled", place, details={"task": str(task.id)})


def _open(work: UnitOfWork, case: Case, instance: ProcessInstance, opened: Iterable[OpenTask]) -> None:
    definition = work.definition(instance.deployment_id)
    for each in opened:
        element = definition.processes[each.place.process].elements[each.place.element]
        task = Task(
            id=each.id,
            case_id=case.id,
            instance_id=instance.id,
            process=each.place.process,
            element=each.place.element,
            right=each.place.right,
            role=element.role or Role.CASEWORKER,
            opened_at=work.now,
            due_at=each.due,
            period=element.period,
            counts_from=each.counts_from or work.now,
        )
        watches.note(work, task, instance.deployment_id)
        work.session.add(task)
        due = each.due.isoformat() if each.due else None
        _event(
            work, case, instance.deployment_id, "task.opened", each.place,
            details={"task": str(each.id), "due": due},
        )  # fmt: skip


def _wait(
    work: UnitOfWork,
    case: Case,
    instance: ProcessInstance,
    step: Step,
    *,
    told: UUID | None = None,
) -> None:
    """Let the rows of timers and messages be exactly those that the instance waits for now."""
    timers, messages = _waiting(work, instance)
    _tell_of_waiting(work, case, instance, step, timers, messages)
    _schedule(work, case, instance, step, timers, told)
    awaited = {each.id: each for each in step.awaited}
    gone = set(messages) - set(awaited)
    _forget(work, AwaitedMessage, AwaitedMessage.id.in_(gone) if gone else None)
    turned = [each for each in step.awaited if messages.get(each.id, each.on_the_way) != each.on_the_way]
    if turned:
        work.session.execute(
            sa.update(AwaitedMessage), [{"id": each.id, "on_the_way": each.on_the_way} for each in turned]
        )
    work.session.add_all(
        AwaitedMessage(
            id=each.id,
            case_id=case.id,
            instance_id=instance.id,
            process=each.place.process,
            element=each.place.element,
            name=each.name,
            on_the_way=each.on_the_way,
        )
        for each in awaited.values()
        if each.id not in messages
    )


def _tell_of_waiting(
    work: UnitOfWork,
    case: Case,
    instance: ProcessInstance,
    step: Step,
    timers: Mapping[UUID, datetime],
    messages: Collection[UUID],
) -> None:
    """Tell in one event what is waited for from now on and what no more, so that the past can be seen again.

    A timer that goes off is told by its own event, and so is a case that is cancelled as a whole.
    """
    gone = set(timers) - {each.id for each in (*step.timers, *step.fired)}
    told = {
        "timers": [
            [str(each.id), *_place(each.place), each.due.isoformat()]
            for each in step.timers
            if timers.get(each.id) != each.due
        ],
        "called_off": sorted(map(str, gone)),
        "messages": [
            [str(each.id), *_place(each.place), each.name] for each in step.awaited if each.id not in messages
        ],
        "no_longer": sorted(map(str, set(messages) - {each.id for each in step.awaited})),
    }
    if any(told.values()):
        details = {name: changed for name, changed in told.items() if changed}
        work.record(case, "waiting.changed", deployment_id=instance.deployment_id, details=details)


def _place(place: Place) -> tuple[str, str, str | None]:
    return place.process, place.element, place.right


def _schedule(
    work: UnitOfWork,
    case: Case,
    instance: ProcessInstance,
    step: Step,
    before: dict[UUID, datetime],
    told: UUID | None,
) -> None:
    wanted = {each.id: each for each in step.timers}
    gone = set(before) - set(wanted)
    _forget(work, Job, Job.id.in_(gone) if gone else None)
    moved = [each for each in step.timers if before.get(each.id, each.due) != each.due]
    if moved:
        work.session.execute(sa.update(Job), [_again(_job(work, case, instance, each)) for each in moved])
    fired = {each.id for each in step.fired}
    for each in moved:
        if each.id not in fired and each.id != told:  # the next turn of a cycle is no change of plans
            details = {
                "timer": str(each.id),
                "from": before[each.id].isoformat(),
                "to": each.due.isoformat(),
            }
            _event(work, case, instance.deployment_id, "timer.moved", each.place, details=details)
    work.session.add_all(
        _job(work, case, instance, each, begun=True) for each in step.timers if each.id not in before
    )


def _job(
    work: UnitOfWork, case: Case, instance: ProcessInstance, timer: Timer, *, begun: bool = False
) -> Job:
    place = timer.place
    job = Job(
        id=timer.id,
        case_id=case.id,
        instance_id=instance.id,
        process=place.process,
        element=place.element,
        right=place.right,
        due_at=timer.due,
        run_at=timer.due,
        attempts=0,
        period=work.definition(instance.deployment_id)
        .processes[place.process]
        .elements[place.element]
        .period,
        counts_from=timer.counts_from or work.now,
    )
    watches.note(work, job, instance.deployment_id, begun=begun)
    return job


def _again(job: Job) -> dict[str, Any]:
    """What changes in the row of a timer that is due at another instant: it runs as if for the first time."""
    free = {"attempts": 0, "leased_by": None, "leased_until": None, "losses": 0, "paused_at": None}
    warned = {"warn_at": job.warn_at, "warn_level": job.warn_level}
    return {"id": job.id, "due_at": job.due_at, "run_at": job.due_at, **free, **warned}


def _waiting(work: UnitOfWork, instance: ProcessInstance) -> tuple[dict[UUID, datetime], dict[UUID, bool]]:
    """The timers with their due instants, and the messages, that rows stand for; in one query."""
    whose = {"case": instance.case_id, "instance": instance.id}
    rows: Sequence[Any] = work.session.execute(_rows_of_what_waits(), whose).all()
    timers = {id: due for id, due, _ in rows if due is not None}
    return timers, {id: bool(on_the_way) for id, due, on_the_way in rows if due is None}


@cache
def _rows_of_what_waits() -> sa.CompoundSelect[Any]:
    """Timers and messages of an instance, found by its case; made once, since every step asks."""

    def its(table: type[Job | AwaitedMessage]) -> sa.ColumnElement[bool]:
        case, instance = (sa.bindparam(name, type_=sa.Uuid) for name in ("case", "instance"))
        return sa.and_(table.case_id == case, table.instance_id == instance)

    message = AwaitedMessage
    return sa.union_all(
        sa.select(Job.id, Job.due_at, sa.false()).where(its(Job)),
        sa.select(message.id, sa.null(), message.on_the_way).where(its(message)),
    )


def _finish(work: UnitOfWork, case: Case, instance: ProcessInstance) -> None:
    instance.finished_at = work.now
    work.record(case, "instance.finished", process=instance.process, deployment_id=instance.deployment_id)
    case.status, case.closed_at = CaseStatus.CLOSED, work.now
    work.record(case, "case.closed")


def _event(work: UnitOfWork, case: Case, deployment_id: UUID, type: str, place: Place, **told: Any) -> None:
    """Record what happened at a place of the diagrams, with the right of the package that it served."""
    if place.right is not None:
        told["details"] = {**told.get("details", {}), "right": place.right}
    work.record(case, type, process=place.process, element=place.element, deployment_id=deployment_id, **told)


def _forget(
    work: UnitOfWork, table: type[Job | AwaitedMessage], which: sa.ColumnElement[bool] | None
) -> None:
    if which is not None:
        work.session.execute(sa.delete(table).where(which), execution_options={"synchronize_session": False})
