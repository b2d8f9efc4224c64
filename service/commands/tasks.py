"""What a person does with a task: claim, release, assign, keep a draft, complete."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.commands import cases, people, progress
from service.engine import forms, workflow
from service.engine.definition import Definition, Element
from service.engine.text import Text
from service.errors import Conflict, Forbidden, Invalid, NotFound, Problem, Stale
from service.models.cases import (
    Answers,
    Case,
    CaseStatus,
    Draft,
    ProcessInstance,
    Task,
    TaskOutcome,
    completer,
)
from service.models.people import User
from service.rules import permissions
from service.rules.permissions import Facts, Permission, may, require
from service.work import UnitOfWork


@dataclass(frozen=True)
class Completed:
    """What completing a task led to: the tasks that opened by it."""

    case_id: UUID
    next_tasks: tuple[UUID, ...]


@dataclass(frozen=True)
class _Held:
    """An open task whose case is locked, with all that a command needs to judge and to act."""

    case: Case
    instances: list[ProcessInstance]
    instance: ProcessInstance
    task: Task
    draft: Draft | None
    definition: Definition
    element: Element
    facts: Facts


def claim(work: UnitOfWork, task_id: UUID) -> None:
    """Take a free task; taking one's own again changes nothing. The loser learns who won, and when."""
    held = _hold(work, task_id)
    task = held.task
    _permit(work, Permission.TASK_CLAIM, held.facts)
    if task.assignee_id == work.actor.id:
        return
    if task.assignee_id is not None:
        raise Conflict(
            _told(
                work,
                task.assignee_id,
                task.claimed_at,
                "{who} tog uppgiften {when}.",
                "{who} took the task at {when}.",
            )
        )
    task.assignee_id, task.claimed_at = work.actor.id, work.now
    _record(work, held, "task.claimed")


def release(work: UnitOfWork, task_id: UUID, *, note: str | None = None) -> None:
    """Let the task be free again; the draft stays with it for whoever takes it next."""
    held = _hold(work, task_id)
    _permit(work, Permission.TASK_RELEASE, held.facts)
    if held.task.assignee_id is None:
        raise Conflict(
            Text("Ingen har tagit uppgiften.", "Nobody has taken the task.").in_(work.actor.language)
        )
    held.task.assignee_id = held.task.claimed_at = None
    _record(work, held, "task.released", values={"note": note} if note else None)


def assign(work: UnitOfWork, task_id: UUID, *, username: str, note: str | None = None) -> None:
    """Give the task to someone who may do it; raises `Invalid` when that person may not."""
    held = _hold(work, task_id)
    _permit(work, Permission.TASK_ASSIGN, held.facts)
    person = people.actor(work, username=username, pointer="/user")
    if not may(person, Permission.TASK_CLAIM, held.facts):
        told = Text(f"{person.name} får inte göra den här uppgiften.", f"{person.name} may not do this task.")
        raise Invalid(problems=[Problem(told.in_(work.actor.language), pointer="/user")])
    held.task.assignee_id, held.task.claimed_at = person.id, work.now
    _record(
        work, held, "task.assigned", details={"to": person.username}, values={"note": note} if note else None
    )


def save_draft(
    work: UnitOfWork, task_id: UUID, *, data: Mapping[str, Any], revision: int | None = None
) -> int:
    """Keep what has been typed so far, sealed; gives the draft's new revision.

    `revision` is the one that the person saw, 0 for none; left out, the draft is overwritten. Raises
    `Stale`, with a problem for each field that shows both values, when someone has saved another one since.
    """
    held = _hold(work, task_id)
    _permit(work, Permission.TASK_DRAFT, held.facts)
    draft, user_id = held.draft, work.actor.id
    if user_id is None:
        raise Forbidden
    key, place = work.key(held.case), f"draft.data:{task_id}"
    if revision is not None and revision != (draft.revision if draft else 0):
        raise _overtaken(work, key.open_json(draft.data, place) if draft else {}, data)
    sealed = key.seal_json(dict(data), place)
    if draft is None:
        work.session.add(Draft(task_id=task_id, saved_by=user_id, saved_at=work.now, data=sealed))
        return 1
    draft.saved_by, draft.saved_at, draft.data = user_id, work.now, sealed
    return draft.revision + 1


def complete(
    work: UnitOfWork, task_id: UUID, *, answers: Mapping[str, Any], revision: int | None = None
) -> Completed:
    """Submit the answers of a task and let the case go on.

    `revision` is the case's as the person saw it. Raises `Stale` when the case has changed since,
    `Conflict` when the task is no longer open (it says who submitted, and when), `Forbidden`, `Invalid`
    with a pointer for each field, and `StepFailed` when the diagram cannot go on; then nothing has changed.
    """
    held = _hold(work, task_id)
    _permit(work, Permission.TASK_COMPLETE, held.facts)
    if revision is not None and revision != held.case.revision:
        raise Stale
    given = _checked(work, held, answers)
    step = workflow.complete(
        held.definition,
        work.snapshot(held.case, held.instance),
        task=task_id,
        answers=given,
        moment=work.moment_under(held.instance.deployment_id),
    )
    _close(work, held, given)
    progress.save(work, held.case, held.instances, held.instance, step)
    _record(work, held, "task.completed", values=given)
    progress.apply(work, held.case, held.instance, step, completed=task_id)
    return Completed(held.case.id, tuple(each.id for each in step.opened))


def _hold(work: UnitOfWork, task_id: UUID) -> _Held:
    """Lock the case of an open task and load what belongs to it.

    Raises `NotFound` for a task that the actor may not know of, `Conflict` when it or its case is not open.
    """
    case, instances = work.lock(sa.select(Task.case_id).where(Task.id == task_id).scalar_subquery())
    found = work.session.execute(_with_draft(), {"task": task_id}).one()
    task: Task = found.Task
    if not may(work.actor, Permission.CASE_READ, work.facts(case)):
        raise NotFound
    if task.closed_at is not None:
        raise _closed(work, task)
    if case.status is not CaseStatus.OPEN:
        raise Conflict(cases.STANDS[case.status].in_(work.actor.language))
    instance = next(each for each in instances if each.id == task.instance_id)
    definition = work.definition(instance.deployment_id)
    element = definition.processes[task.process].elements[task.element]
    facts = work.facts(
        case,
        assignee=task.assignee_id,
        role=task.role,
        delegation=element.delegation,
        not_by=work.session.scalar(completer(task, element.four_eyes)) if element.four_eyes else None,
    )
    return _Held(case, instances, instance, task, found.Draft, definition, element, facts)


@cache
def _with_draft() -> sa.Select[Task, Draft]:
    """A task with its draft; made once, since every verb asks."""
    return (
        sa.select(Task, Draft)
        .outerjoin(Draft, Draft.task_id == Task.id)
        .where(Task.id == sa.bindparam("task"))
        .execution_options(populate_existing=True)
    )


def _permit(work: UnitOfWork, permission: Permission, facts: Facts) -> None:
    """Let the actor pass, or say in words what is missing."""
    try:
        require(work.actor, permission, facts)
    except Forbidden as error:
        raise Forbidden(_missing(work, permission, facts)) from error


def _missing(work: UnitOfWork, permission: Permission, facts: Facts) -> str | None:
    """The first thing that keeps the actor from doing this, as a sentence."""
    asked = {predicate for line in permissions.PERMISSIONS[permission] for predicate in line}
    for holds, told in REASONS.items():
        if holds in asked and not holds(work.actor, facts):
            return told.in_(work.actor.language)
    return None


REASONS = {
    permissions.works_in_unit: Text(
        "Det här är en uppgift för enhetens handläggare.", "This is for the unit's caseworkers."
    ),
    permissions.has_the_role: Text("Uppgiften är för en annan roll.", "The task is for another role."),
    permissions.has_the_delegation: Text(
        "Uppgiften kräver en delegation som du inte har.", "The task needs a delegation that you do not hold."
    ),
    permissions.is_second_person: Text(
        "Du gjorde steget som ska kontrolleras. Någon annan måste göra det här.",
        "You did the step that is to be checked. Someone else must do this.",
    ),
    permissions.is_assignee: Text("Ta uppgiften först.", "Take the task first."),
}


def _checked(work: UnitOfWork, held: _Held, answers: Mapping[str, Any]) -> dict[str, Any]:
    form = held.definition.forms.get(held.element.form) if held.element.form else None
    if form is None:
        if answers:
            told = Text("Uppgiften har inga frågor.", "The task has no questions.").in_(work.actor.language)
            raise Invalid(problems=[Problem(told, pointer=f"/data/{name}") for name in answers])
        return {}
    data = (
        workflow.task_data(held.definition, work.snapshot(held.case, held.instance), task=held.task.id)
        if form.is_conditional
        else {}
    )
    moment = work.moment_under(held.instance.deployment_id)
    return forms.check(form, answers, data=data, moment=moment, language=work.actor.language)


def _close(work: UnitOfWork, held: _Held, given: Mapping[str, Any]) -> None:
    """Keep the answers as their first version, close the task, let the draft go."""
    task, user_id = held.task, work.actor.id
    if user_id is None:
        raise Forbidden
    task.closed_at, task.outcome, task.completed_by = work.now, TaskOutcome.COMPLETED, user_id
    task.warn_at = None
    sealed = work.key(held.case).seal_json(dict(given), f"answers.data:{task.id}:1")
    work.session.add(Answers(task_id=task.id, version=1, given_by=user_id, given_at=work.now, data=sealed))
    if held.draft is not None:
        work.session.delete(held.draft)
    found = cases.person_index(work, given)
    if found is not None:
        held.case.person_index = found


def _record(work: UnitOfWork, held: _Held, type: str, **told: Any) -> None:
    task = held.task
    if type != "task.completed":  # there the step's state stands already
        work.stands(held.case, held.instances)
    details = {"task": str(task.id), **told.pop("details", {})}
    if task.right is not None:
        details["right"] = task.right
    work.record(
        held.case,
        type,
        process=task.process,
        element=task.element,
        deployment_id=held.instance.deployment_id,
        details=details,
        **told,
    )


def _closed(work: UnitOfWork, task: Task) -> Conflict:
    if task.outcome is TaskOutcome.COMPLETED:
        return Conflict(
            _told(
                work,
                task.completed_by,
                task.closed_at,
                "{who} skickade in {when}.",
                "{who} submitted at {when}.",
            )
        )
    return Conflict(
        _told(
            work, None, task.closed_at,
            "Uppgiften behövs inte längre sedan {when}.", "The task has not been needed since {when}.",
        )
    )  # fmt: skip


def _told(work: UnitOfWork, user_id: UUID | None, at: datetime | None, sv: str, en: str) -> str:
    """Tell who was first, and when: the time alone when it was today."""
    name = work.session.scalar(sa.select(User.name).where(User.id == user_id)) if user_id else ""
    local = (at or work.now).astimezone(work.zone)
    when = f"{local:%H:%M}" if local.date() == work.today else f"{local:%Y-%m-%d %H:%M}"
    return Text(sv, en).in_(work.actor.language).format(who=name, when=when)


def _overtaken(work: UnitOfWork, kept: Mapping[str, Any], typed: Mapping[str, Any]) -> Stale:
    """Show what is kept beside what was typed, for each field that differs."""
    words = Text("Sparat: {kept} – ditt: {typed}", "Saved: {kept} – yours: {typed}").in_(work.actor.language)
    problems = [
        Problem(
            words.format(kept=_shown(kept.get(name)), typed=_shown(typed.get(name))), pointer=f"/data/{name}"
        )
        for name in dict.fromkeys([*kept, *typed])
        if kept.get(name) != typed.get(name)
    ]
    told = Text(
        "Utkastet har sparats någon annanstans sedan du öppnade det.",
        "The draft has been saved elsewhere since you opened it.",
    )
    return Stale(told.in_(work.actor.language), problems=problems)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
