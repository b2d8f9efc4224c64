"""The worklist: the tasks I may act on; and one task with all that its page shows."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import sqlalchemy.orm

from service.engine import workflow
from service.engine.definition import Definition, Element, Process, Text
from service.engine.expressions import Moment
from service.engine.forms import Form
from service.errors import NotFound
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
from service.models.definitions import Deployment
from service.models.history import HistoryEvent
from service.models.moves import MOVES
from service.queries import deadlines, people
from service.queries.deadlines import Counted
from service.queries.paging import DEFAULT, NEVER, Page, page
from service.queries.people import Person
from service.queries.visibility import visible
from service.rules.permissions import Permission, may, require
from service.work import UnitOfWork


@dataclass(frozen=True)
class TaskRow:
    """A task in a list: no names, the case by its reference."""

    id: UUID
    name: Text
    process: str
    process_title: Text
    element: str
    right: str | None
    case_id: UUID
    reference: str
    unit: str
    suspended: bool
    protected: bool
    role: str
    assignee: Person | None
    claimed_at: datetime | None
    opened_at: datetime
    due_at: datetime | None
    follow_up_at: datetime | None
    counted: Counted | None  # how the due instant was counted; None where the diagram does not name the time


@dataclass(frozen=True)
class SavedDraft:
    """What someone typed and has not submitted."""

    data: dict[str, Any]
    saved_at: datetime
    saved_by: Person
    revision: int


@dataclass(frozen=True)
class LeftBehind:
    """What someone had typed in a task that was taken away when another one opened."""

    task_id: UUID
    name: Text
    form: Form | None
    draft: SavedDraft


@dataclass(frozen=True)
class Closing:
    """How, when and by whom a task was closed."""

    at: datetime
    outcome: str  # completed, cancelled
    by: Person | None


@dataclass(frozen=True)
class TaskPage:
    """One task: what is asked, what is known, what may be done."""

    row: TaskRow
    revision: int  # of the case, for If-Match
    deployment: int
    version: int
    root: str  # the process that the case runs
    element: Element
    diagram: Process  # the process that the task stands in
    form: Form | None
    data: dict[str, Any]  # of the case, as the form sees it; personal
    moment: Moment  # of looking, as the form sees it
    draft: SavedDraft | None
    answers: dict[str, Any] | None  # when it is completed
    closing: Closing | None
    may: frozenset[Permission]


@dataclass(frozen=True)
class Wanted:
    """Which tasks to list; what is None or False does not narrow."""

    assignee: str = "any"  # me, none, mine (me or none), any
    case: UUID | None = None
    role: str | None = None
    unit: str | None = None
    due_before: datetime | None = None
    overdue: bool = False
    q: str | None = None  # the beginning of a case's reference


@dataclass(frozen=True)
class Counts:
    """How many tasks each filter of the inbox shows."""

    mine: int
    unassigned: int
    all: int
    overdue: int
    today: int


def tasks(
    work: UnitOfWork, wanted: Wanted, *, limit: int = DEFAULT, cursor: str | None = None
) -> Page[TaskRow]:
    """List open tasks in the cases that the actor may see, the most urgent first."""
    rows = _open(work).where(*_narrow(work, wanted))
    found = page(
        work,
        rows,
        by=[sa.func.coalesce(Task.due_at, sa.literal(NEVER, Task.due_at.type)), Task.id],
        make=lambda row: row,
        limit=limit,
        cursor=cursor,
    )
    people_of = people.named(work, (row.Task.assignee_id for row in found.items))
    items = tuple(as_row(work, row.Task, row.Case, row.ProcessInstance, people_of) for row in found.items)
    for case_id in dict.fromkeys(row.case_id for row in items):
        work.looked("list", case_id=case_id, subject="worklist")
    return Page(items, found.next, found.total)


def counts(work: UnitOfWork) -> Counts:
    """Count what each filter of the inbox shows, in one query."""
    mine, nobodys = Task.assignee_id == work.actor.id, Task.assignee_id.is_(None)

    def number(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.count().filter(condition)

    row = work.session.execute(
        _open(work).with_only_columns(
            number(mine),
            number(nobodys),
            sa.func.count(),
            number(Task.due_at < work.now),
            number(Task.due_at < tomorrow(work)),
            maintain_column_froms=True,
        )
    ).one()
    return Counts(*row)


def tomorrow(work: UnitOfWork) -> datetime:
    """The instant at which the legal day after this one begins."""
    return datetime.combine(work.today + timedelta(days=1), time(), work.zone)


def following(work: UnitOfWork, case_id: UUID) -> tuple[TaskRow, ...]:
    """The open tasks of one case, to offer the next one."""
    return tasks(work, Wanted(case=case_id), limit=20).items


def task(work: UnitOfWork, task_id: UUID) -> TaskPage:
    """Show one task, open or closed; logged as looked at. Raises `NotFound`."""
    found = work.session.execute(
        sa.select(Task, Case, ProcessInstance, Draft)
        .join(Case, Case.id == Task.case_id)
        .join(ProcessInstance, ProcessInstance.id == Task.instance_id)
        .outerjoin(Draft, Draft.task_id == Task.id)
        .where(Task.id == task_id)
    ).first()
    if found is None:
        raise NotFound
    task, case, instance, draft = found
    require(work.actor, Permission.CASE_READ, work.facts(case))
    work.looked("task.read", case_id=case.id, subject=str(task.id))
    definition = definition_with(work, task, instance)
    element = definition.processes[task.process].elements[task.element]
    who = people.named(work, (task.assignee_id, task.completed_by, draft.saved_by if draft else None))
    return TaskPage(
        row=as_row(work, task, case, instance, who),
        revision=case.revision,
        deployment=work.deployment_number(instance.deployment_id),
        version=instance.version,
        root=instance.process,
        element=element,
        diagram=definition.processes[task.process],
        form=definition.forms.get(element.form) if element.form else None,
        data=_data(work, task, case, instance),
        moment=work.moment_under(instance.deployment_id),
        draft=_draft(work, case, draft, who),
        answers=_answers(work, task, case),
        closing=closing(task, who) if task.closed_at else None,
        may=_may(work, task, case, element),
    )


def revision(work: UnitOfWork, task_id: UUID) -> int:
    """The revision of a task's case; whoever asks has been let through by a command."""
    of_case = sa.select(Case.revision).join(Task, Task.case_id == Case.id).where(Task.id == task_id)
    return work.session.scalars(of_case).one()


def left_behind(work: UnitOfWork, task_id: UUID) -> tuple[LeftBehind, ...]:
    """Give what had been typed in the tasks that were taken away in the moment in which this one opened.

    Call it after `task`, which logs the look and judges it.
    """
    before, after = sa.orm.aliased(Task), sa.orm.aliased(Task)
    found = work.session.execute(
        sa.select(before, Case, ProcessInstance, Draft)
        .join(Draft, Draft.task_id == before.id)
        .join(after, sa.and_(after.case_id == before.case_id, after.opened_at == before.closed_at))
        .join(Case, Case.id == before.case_id)
        .join(ProcessInstance, ProcessInstance.id == before.instance_id)
        .where(
            after.id == task_id,
            after.instance_id == before.instance_id,
            before.outcome == TaskOutcome.CANCELLED,
        )
        .order_by(before.opened_at, before.id)
    ).all()
    who = people.named(work, (draft.saved_by for *_, draft in found))
    left = []
    for task, case, instance, kept in found:
        draft, definition = _draft(work, case, kept, who), definition_with(work, task, instance)
        if draft is not None:
            element = definition.processes[task.process].elements[task.element]
            form = definition.forms.get(element.form) if element.form else None
            left.append(LeftBehind(task.id, element.name, form, draft))
    return tuple(left)


def _open(work: UnitOfWork) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(Task, Case, ProcessInstance)
        .join(Case, Case.id == Task.case_id)
        .join(ProcessInstance, ProcessInstance.id == Task.instance_id)
        .where(Task.closed_at.is_(None), visible(work))
    )


def _narrow(work: UnitOfWork, wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    mine, nobodys = Task.assignee_id == work.actor.id, Task.assignee_id.is_(None)
    whose = {"me": mine, "none": nobodys, "mine": sa.or_(mine, nobodys)}.get(wanted.assignee)
    given = {
        "assignee": whose,
        "case": None if wanted.case is None else Task.case_id == wanted.case,
        "role": None if wanted.role is None else Task.role == wanted.role,
        "unit": None if wanted.unit is None else Case.unit_key == wanted.unit,
        "due_before": None if wanted.due_before is None else Task.due_at < wanted.due_before,
        "overdue": Task.due_at < work.now if wanted.overdue else None,
        "q": None if not wanted.q else Case.reference.istartswith(wanted.q.strip(), autoescape=True),
    }
    return [condition for condition in given.values() if condition is not None]


def definition_with(work: UnitOfWork, task: Task, instance: ProcessInstance) -> Definition:
    """What has the task's step: what the case runs on, or ran on before a move left the step behind."""
    found = work.definition(instance.deployment_id)
    if _has(found, task):
        return found
    moves = work.session.scalars(
        sa.select(HistoryEvent.details)
        .where(HistoryEvent.case_id == task.case_id, HistoryEvent.type.in_(MOVES))
        .order_by(HistoryEvent.sequence.desc())
    )
    numbers = [details["from"]["deployment"] for details in moves]
    rows = work.session.execute(
        sa.select(Deployment.number, Deployment.id).where(Deployment.number.in_(numbers))
    ).all()
    ids = {row.number: row.id for row in rows}
    earlier = (work.definition(ids[each]) for each in numbers)
    return next((each for each in earlier if _has(each, task)), found)


def _has(found: Definition, task: Task) -> bool:
    process = found.processes.get(task.process)
    return process is not None and task.element in process.elements


def as_row(
    work: UnitOfWork, task: Task, case: Case, instance: ProcessInstance, who: dict[UUID, Person]
) -> TaskRow:
    """Show a task in a list; `who` holds the people it names."""
    process = definition_with(work, task, instance).processes[task.process]
    return TaskRow(
        id=task.id,
        name=process.elements[task.element].name,
        process=task.process,
        process_title=process.title,
        element=task.element,
        right=task.right,
        case_id=case.id,
        reference=case.reference,
        unit=case.unit_key,
        suspended=case.status is CaseStatus.SUSPENDED,
        protected=case.protection != "normal",
        role=task.role,
        assignee=who.get(task.assignee_id) if task.assignee_id else None,
        claimed_at=task.claimed_at,
        opened_at=task.opened_at,
        due_at=task.due_at,
        follow_up_at=task.follow_up_at,
        counted=deadlines.counted(
            work, instance.deployment_id, period=task.period, begins=task.counts_from, due=task.due_at
        ),
    )


def closing(task: Task, who: dict[UUID, Person]) -> Closing:
    """How a closed task was closed."""
    if task.closed_at is None or task.outcome is None:
        raise ValueError("the task is open")
    return Closing(
        task.closed_at, task.outcome.value, who.get(task.completed_by) if task.completed_by else None
    )


def _data(work: UnitOfWork, task: Task, case: Case, instance: ProcessInstance) -> dict[str, Any]:
    if task.closed_at is not None or not may(work.actor, Permission.HISTORY_VALUES, work.facts(case)):
        return {}
    snapshot = work.snapshot(case, instance)
    return workflow.task_data(work.definition(instance.deployment_id), snapshot, task=task.id)


def _draft(work: UnitOfWork, case: Case, draft: Draft | None, who: dict[UUID, Person]) -> SavedDraft | None:
    if draft is None or not may(work.actor, Permission.HISTORY_VALUES, work.facts(case)):
        return None
    data = work.key(case).open_json(draft.data, f"draft.data:{draft.task_id}")
    return SavedDraft(data, draft.saved_at, who[draft.saved_by], draft.revision)


def _answers(work: UnitOfWork, task: Task, case: Case) -> dict[str, Any] | None:
    if task.closed_at is None or not may(work.actor, Permission.HISTORY_VALUES, work.facts(case)):
        return None
    newest = sa.select(Answers).where(Answers.task_id == task.id).order_by(Answers.version.desc()).limit(1)
    given = work.session.scalar(newest)
    if given is None:
        return None
    opened: dict[str, Any] = work.key(case).open_json(given.data, f"answers.data:{task.id}:{given.version}")
    return opened


def _may(work: UnitOfWork, task: Task, case: Case, element: Element) -> frozenset[Permission]:
    if task.closed_at is not None or case.status is not CaseStatus.OPEN:
        return frozenset()
    facts = work.facts(
        case,
        assignee=task.assignee_id,
        role=task.role,
        delegation=element.delegation,
        not_by=work.session.scalar(completer(task, element.four_eyes)) if element.four_eyes else None,
    )
    asked = (
        Permission.TASK_CLAIM,
        Permission.TASK_RELEASE,
        Permission.TASK_ASSIGN,
        Permission.TASK_DRAFT,
        Permission.TASK_COMPLETE,
    )
    return frozenset(each for each in asked if may(work.actor, each, facts))
