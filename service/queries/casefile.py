"""The case file: where a case stands, why, what comes next, which deadlines run; and the list of cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.engine import workflow
from service.engine.definition import Definition, Element, Text
from service.engine.forms import Form
from service.engine.workflow import Place
from service.errors import NotFound
from service.models.cases import Answers, Case, CaseStatus, ProcessInstance, Task
from service.models.jobs import AwaitedMessage, Incident, IncidentState, Job
from service.queries import deadlines, documents, history, incidents, people, worklist
from service.queries.deadlines import Ground, TimerRow
from service.queries.documents import DocumentRow
from service.queries.history import Event
from service.queries.incidents import IncidentRow
from service.queries.paging import DEFAULT, Page, page
from service.queries.people import Person
from service.queries.visibility import visible
from service.queries.worklist import Closing, TaskRow
from service.rules.permissions import Permission, may, require
from service.work import UnitOfWork

RIGHTS = (
    "housing",
    "legal",
    "health",
    "psychological",
    "interpreter",
    "material",
)  # Convention CETS 197 art. 12(1)


@dataclass(frozen=True)
class CaseRow:
    """A case in a list: nothing personal."""

    id: UUID
    reference: str
    process: str
    process_title: Text
    version: int
    status: str  # open, suspended, closed, cancelled
    unit: str
    owner: Person | None
    protection: str  # normal, protected
    opened_at: datetime
    closed_at: datetime | None
    next_due: datetime | None  # of its open tasks
    milestones: tuple[str, ...]
    incidents: int


@dataclass(frozen=True)
class ClosedTask:
    """A task that is done or was called off, with the answers for those who may see them."""

    row: TaskRow
    closing: Closing
    form: Form | None
    answers: dict[str, Any] | None


@dataclass(frozen=True)
class RightState:
    """How far one right of the package has come: the last milestone reached for it."""

    right: str
    state: str  # not-yet, or the milestone less `right-`: offered, declined, started, followed-up
    since: datetime | None
    waiting: tuple[Text, ...]  # the open tasks that serve it


@dataclass(frozen=True)
class Waiting:
    """A message that the case waits for."""

    id: UUID
    name: str
    process: str
    element: str
    label: Text
    consequence: Text | None  # what registering it sets going; None: only other systems send it


@dataclass(frozen=True)
class CaseFile:
    """One case, whole, as its page shows it."""

    row: CaseRow
    revision: int
    deployment: int
    definition: Definition  # what the case runs on: diagrams, tables and forms
    active: tuple[Place, ...]  # elements that hold a token
    passed: tuple[Place, ...]  # elements completed so far, in order
    tasks: tuple[TaskRow, ...]  # open, the most urgent first
    closed: tuple[ClosedTask, ...]  # in the order of closing
    deadlines: tuple[TimerRow, ...]
    grounds: dict[str, tuple[Ground, ...]]  # on which the fixed times among them may move, by period
    awaited: tuple[Waiting, ...]
    rights: tuple[RightState, ...]
    incidents: tuple[IncidentRow, ...]
    documents: tuple[DocumentRow, ...]  # in the order they were added
    events: tuple[Event, ...]
    data: dict[str, Any]  # personal; empty for those who may not see it
    may: frozenset[Permission]

    @property
    def destroyed(self) -> Event | None:
        """The event by which what was personal in it was destroyed."""
        return history.destruction(self.events)


@dataclass(frozen=True)
class Wanted:
    """Which cases to list; what is None or False does not narrow."""

    status: str | None = None
    process: str | None = None
    unit: str | None = None
    owner: UUID | None = None
    q: str | None = None  # the beginning of a reference
    overdue: bool = False


@dataclass(frozen=True)
class Stub:
    """All that someone learns of a protected case that is closed to them: that it is theirs to ask for."""

    id: UUID
    reference: str
    unit: str


def cases(
    work: UnitOfWork, wanted: Wanted, *, limit: int = DEFAULT, cursor: str | None = None
) -> Page[CaseRow]:
    """List the cases that the actor may see, the newest first."""
    rows = _rows().where(visible(work), *_narrow(work, wanted))
    found = page(
        work,
        rows,
        by=[Case.opened_at, Case.id],
        make=lambda row: row,
        limit=limit,
        cursor=cursor,
        newest_first=True,
    )
    owners = people.named(work, (row.Case.owner_id for row in found.items))
    reached = _milestones(work, [row.Case.id for row in found.items])
    for row in found.items:
        work.looked("list", case_id=row.Case.id, subject="cases")
    items = tuple(_row(work, row, owners, reached.get(row.Case.id, ())) for row in found.items)
    return Page(items, found.next, found.total)


def case(work: UnitOfWork, case_id: UUID) -> CaseFile:
    """Show a case; logged as looked at. Raises `NotFound`, also for a case that the actor may not know of."""
    found = work.session.execute(_rows().where(Case.id == case_id)).first()
    if found is None:
        raise NotFound
    row: Case = found.Case
    facts = work.facts(row)
    require(work.actor, Permission.CASE_READ, facts)
    work.looked("case.read", case_id=row.id)
    instance: ProcessInstance = found.ProcessInstance
    definition = work.definition(instance.deployment_id)
    events = history.events_of(work, row)
    every = work.session.scalars(
        sa.select(Task).where(Task.case_id == row.id).order_by(Task.closed_at, Task.id)
    ).all()
    papers = documents.of_case(work, row.id)
    who = people.named(
        work,
        [
            row.owner_id,
            *(t.assignee_id for t in every),
            *(t.completed_by for t in every),
            *documents.whose(papers),
        ],
    )
    open_tasks = sorted(
        (t for t in every if t.closed_at is None),
        key=lambda t: (t.due_at is None, t.due_at or t.opened_at, t.id),
    )
    tasks = tuple(worklist.as_row(work, task, row, instance, who) for task in open_tasks)
    running = _deadlines(work, row.id)
    values = row.wrapped_key is not None and may(work.actor, Permission.HISTORY_VALUES, facts)
    view = workflow.view(definition, work.snapshot(row, instance)) if row.wrapped_key is not None else None
    return CaseFile(
        row=_row(work, found, who, _reached(events)),
        revision=row.revision,
        deployment=work.deployment_number(instance.deployment_id),
        definition=definition,
        active=view.active if view and row.status in {CaseStatus.OPEN, CaseStatus.SUSPENDED} else (),
        passed=_passed(events),
        tasks=tasks,
        closed=_closed(
            work, row, instance, [t for t in every if t.closed_at is not None], who, values=values
        ),
        deadlines=running,
        grounds=_grounds(work, instance.deployment_id, [*running, *tasks]),
        awaited=_awaited(work, row.id, definition),
        rights=_rights(events, tasks),
        incidents=incidents.incidents(work, case=row.id, limit=200).items,
        documents=documents.as_rows(work, row, papers, who),
        events=events,
        data=view.data if view and values else {},
        may=frozenset(
            each
            for each in (
                Permission.CASE_MANAGE,
                Permission.DEADLINE_MOVE,
                Permission.DEADLINE_PAUSE,
                Permission.MESSAGE_DELIVER,
                Permission.DOCUMENT_READ,
                Permission.DOCUMENT_ADD,
                Permission.DOCUMENT_WITHDRAW,
                Permission.ACCESS_LOG_READ,
                Permission.INCIDENT_HANDLE,
                Permission.HISTORY_READ,
            )
            if may(work.actor, each, facts)
        ),
    )


def protected(work: UnitOfWork, case_id: UUID) -> Stub:
    """Tell someone of the unit that a case is protected and can be opened with a reason.

    Raises `NotFound` for everybody else, and for cases that are not protected.
    """
    row = work.session.get(Case, case_id)
    if row is None or row.protection == "normal":
        raise NotFound
    require(work.actor, Permission.CASE_OPEN_PROTECTED, work.facts(row))
    work.looked("protected.asked", case_id=row.id)
    return Stub(row.id, row.reference, row.unit_key)


def _rows() -> sa.Select[*tuple[Any, ...]]:
    """Cases with their root instance and the few numbers that a list shows, in one query."""
    due = (
        sa.select(sa.func.min(Task.due_at))
        .where(Task.case_id == Case.id, Task.closed_at.is_(None))
        .scalar_subquery()
    )
    failed = (
        sa.select(sa.func.count())
        .where(Incident.case_id == Case.id, Incident.state == IncidentState.OPEN)
        .scalar_subquery()
    )
    return sa.select(Case, ProcessInstance, due.label("next_due"), failed.label("failed")).join(
        ProcessInstance, ProcessInstance.case_id == Case.id
    )


def _narrow(work: UnitOfWork, wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    late = sa.exists().where(Task.case_id == Case.id, Task.closed_at.is_(None), Task.due_at < work.now)
    given = {
        "status": None if wanted.status is None else Case.status == CaseStatus(wanted.status),
        "process": None if wanted.process is None else ProcessInstance.process == wanted.process,
        "unit": None if wanted.unit is None else Case.unit_key == wanted.unit,
        "owner": None if wanted.owner is None else Case.owner_id == wanted.owner,
        "q": None if not wanted.q else Case.reference.istartswith(wanted.q.strip(), autoescape=True),
        "overdue": late if wanted.overdue else None,
    }
    return [condition for condition in given.values() if condition is not None]


def _row(work: UnitOfWork, found: Any, who: Mapping[UUID, Person], milestones: Sequence[str]) -> CaseRow:
    row, instance = found.Case, found.ProcessInstance
    return CaseRow(
        id=row.id,
        reference=row.reference,
        process=instance.process,
        process_title=work.definition(instance.deployment_id).processes[instance.process].title,
        version=instance.version,
        status=row.status.value,
        unit=row.unit_key,
        owner=who.get(row.owner_id) if row.owner_id else None,
        protection=row.protection,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        next_due=found.next_due,
        milestones=tuple(milestones),
        incidents=found.failed,
    )


def _milestones(work: UnitOfWork, case_ids: Sequence[UUID]) -> dict[UUID, tuple[str, ...]]:
    reached: dict[UUID, dict[str, None]] = {}
    for case_id, name in history.milestones(work, case_ids):
        reached.setdefault(case_id, {})[name] = None
    return {case_id: tuple(names) for case_id, names in reached.items()}


def _reached(events: Sequence[Event]) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(event.details["name"] for event in events if event.type == "milestone.reached")
    )


def _passed(events: Sequence[Event]) -> tuple[Place, ...]:
    return tuple(
        Place(*place)
        for event in events
        if event.type == "elements.passed"
        for place in event.details["passed"]
    )


def _closed(
    work: UnitOfWork,
    row: Case,
    instance: ProcessInstance,
    tasks: Sequence[Task],
    who: dict[UUID, Person],
    *,
    values: bool,
) -> tuple[ClosedTask, ...]:
    given: dict[UUID, Answers] = {}
    if values and tasks:
        mine = (
            sa.select(Answers)
            .join(Task, Task.id == Answers.task_id)
            .where(Task.case_id == row.id)
            .order_by(Answers.version)
        )
        given = {
            answers.task_id: answers for answers in work.session.scalars(mine)
        }  # the newest version wins
    return tuple(
        ClosedTask(
            row=worklist.as_row(work, task, row, instance, who),
            form=_form(worklist.definition_with(work, task, instance), task),
            closing=worklist.closing(task, who),
            answers=_opened(work, row, given[task.id]) if task.id in given else None,
        )
        for task in tasks
    )


def _form(definition: Definition, task: Task) -> Form | None:
    form = definition.processes[task.process].elements[task.element].form
    return definition.forms.get(form) if form else None


def _opened(work: UnitOfWork, row: Case, answers: Answers) -> dict[str, Any]:
    opened: dict[str, Any] = work.key(row).open_json(
        answers.data, f"answers.data:{answers.task_id}:{answers.version}"
    )
    return opened


def _deadlines(work: UnitOfWork, case_id: UUID) -> tuple[TimerRow, ...]:
    rows = (
        sa.select(Job, Case, ProcessInstance)
        .join(Case, Case.id == Job.case_id)
        .join(ProcessInstance, ProcessInstance.id == Job.instance_id)
        .where(Job.case_id == case_id)
        .order_by(Job.due_at, Job.id)
    )
    return tuple(deadlines.timer(work, row) for row in work.session.execute(rows))


def _grounds(
    work: UnitOfWork, deployment_id: UUID, rows: Sequence[TimerRow | TaskRow]
) -> dict[str, tuple[Ground, ...]]:
    fixed = {row.counted.period: row.counted for row in rows if row.counted and row.counted.fixed}
    return {period: deadlines.grounds(work, deployment_id, counted) for period, counted in fixed.items()}


def _awaited(work: UnitOfWork, case_id: UUID, definition: Definition) -> tuple[Waiting, ...]:
    rows = work.session.scalars(
        sa.select(AwaitedMessage)
        .where(AwaitedMessage.case_id == case_id)
        .order_by(AwaitedMessage.name, AwaitedMessage.id)
    )
    places = {(row.instance_id, row.process, row.element): row for row in rows}  # one turn of each
    return tuple(
        _waiting(row, definition.processes[row.process].elements[row.element]) for row in places.values()
    )


def _waiting(row: AwaitedMessage, element: Element) -> Waiting:
    consequence = element.consequence if element.consequence.sv else None
    return Waiting(row.id, row.name, row.process, row.element, element.name, consequence)


def _rights(events: Sequence[Event], tasks: Sequence[TaskRow]) -> tuple[RightState, ...]:
    last: dict[str, Event] = {}
    for event in events:
        right = event.details.get("right")
        if event.type == "milestone.reached" and right and event.details["name"].startswith("right-"):
            last[right] = event
    return tuple(
        RightState(
            right=right,
            state=last[right].details["name"].removeprefix("right-") if right in last else "not-yet",
            since=last[right].at if right in last else None,
            waiting=tuple(task.name for task in tasks if task.right == right),
        )
        for right in RIGHTS
    )
