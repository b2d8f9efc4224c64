"""The trace: a case as it stood after any of its events, folded from the events alone; deadlines kept or not.

No snapshot is read: what the history does not tell, the trace does not show. A personal value is never part
of where a case stood.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.engine.definition import Definition
from service.engine.workflow import Place
from service.errors import NotFound
from service.models.cases import Case, CaseStatus, ProcessInstance
from service.models.definitions import Deployment
from service.models.moves import MOVES
from service.queries import history
from service.queries.history import Event
from service.rules.permissions import Permission, require
from service.work import UnitOfWork

STANDS_READY = frozenset({"boundaryEvent", "startEvent"})
ENDED = frozenset({CaseStatus.CLOSED.value, CaseStatus.CANCELLED.value})


@dataclass(frozen=True)
class StandingTask:
    """A task that was open."""

    id: str
    place: Place
    opened_at: datetime
    due_at: datetime | None
    assignee: str | None  # a username


@dataclass(frozen=True)
class StandingTimer:
    """A timer that ran."""

    id: str
    place: Place
    due_at: datetime
    paused: bool = False


@dataclass(frozen=True)
class Deadline:
    """What became of a deadline: of a task, or a timer of the diagram.

    `outcome`: kept, missed (of tasks); fired, called-off (of timers); dropped (the task was not needed any
    more); waiting, overdue (at the moment looked at). `by` is how long before (kept, called-off, dropped,
    waiting) or after (missed, overdue, fired) the deadline that was.
    """

    kind: str  # task, timer
    place: Place
    due_at: datetime
    outcome: str
    by: timedelta
    sequence: int | None  # of the event that settled it


@dataclass(frozen=True)
class Standing:
    """Where a case stood after an event."""

    status: str
    tasks: tuple[StandingTask, ...]
    timers: tuple[StandingTimer, ...]
    messages: tuple[tuple[str, Place], ...]  # name, where it is awaited
    passed: tuple[Place, ...]  # elements completed until then, in order
    milestones: tuple[str, ...]
    deadlines: tuple[Deadline, ...]
    deployment: int | None  # number of the one that it ran on


@dataclass(frozen=True)
class Trace:
    """A case's history, and where it stood after one of its events."""

    case_id: UUID
    reference: str
    process: str
    protection: str
    events: tuple[Event, ...]
    at: int  # the event that is looked at
    moment: datetime
    standing: Standing
    definition: Definition  # of the deployment that it ran on then

    @property
    def destroyed(self) -> Event | None:
        """The event by which what was personal in the case was destroyed."""
        return history.destruction(self.events)

    @property
    def active(self) -> tuple[Place, ...]:
        """The elements that held a token, and the calls around them; not what stands ready at a border."""
        now = self.standing
        waiting = [each.place for each in now.tasks]
        waiting += [*(each.place for each in now.timers), *(place for _, place in now.messages)]
        inside: list[Place] = [
            each for each in dict.fromkeys(waiting) if self._kind(each) not in STANDS_READY
        ]
        return tuple(dict.fromkeys([*inside, *self._calls(inside)]))

    def _kind(self, place: Place) -> str:
        process = self.definition.processes.get(place.process)
        element = process.elements.get(place.element) if process is not None else None
        return element.kind if element is not None else ""

    def _calls(self, inside: Sequence[Place]) -> Iterator[Place]:
        """The call activities whose processes were being run, outwards."""
        running = {(place.process, place.right) for place in inside}
        for key, process in self.definition.processes.items():
            for node in (node for level in process.levels for node in level.nodes.values()):
                called = [right for name, right in running if name == node.called]
                own = node.element.right
                if called and (own is None or own in called) and self._entered(key, node.id):
                    place = Place(key, node.id, own)
                    yield place
                    if (key, own) not in running and key != self.process:
                        yield from self._calls([place])

    def _entered(self, process: str, element: str) -> bool:
        """Tell whether a process was begun by then and has not passed this element."""
        passed = {(each.process, each.element) for each in self.standing.passed}
        return (process, element) not in passed and (
            process == self.process or any(each == process for each, _ in passed)
        )


def trace(work: UnitOfWork, case_id: UUID, *, at: int | None = None) -> Trace:
    """Show where a case stood after event `at`, the last one when None; logged as looked at.

    Raises `NotFound`, also for an event that there is not.
    """
    case = work.session.get(Case, case_id)
    if case is None:
        raise NotFound
    require(work.actor, Permission.HISTORY_READ, work.facts(case))
    work.looked("history.read", case_id=case.id)
    events = history.events_of(work, case)
    wanted = len(events) if at is None else at
    if not 1 <= wanted <= len(events):
        raise NotFound
    standing = fold(events[:wanted])
    root = work.session.scalars(
        sa.select(ProcessInstance)
        .where(ProcessInstance.case_id == case.id)
        .order_by(ProcessInstance.started_at)
        .limit(1)
    ).one()
    return Trace(
        case_id=case.id,
        reference=case.reference,
        process=root.process,
        protection=case.protection,
        events=events,
        at=wanted,
        moment=events[wanted - 1].at,
        standing=standing,
        definition=work.definition(_deployment(work, standing, events) or root.deployment_id),
    )


def fold(events: Sequence[Event]) -> Standing:
    """Fold events, from a case's first on, into where the case stood after the last of them."""
    folding = Folding()
    for event in events:
        folding.take(event)
    return folding.standing(events[-1].at)


@dataclass
class Folding:
    """What is known so far; takes a case's events one by one, from the first on."""

    status: str = CaseStatus.OPEN.value
    deployment: int | None = None
    tasks: dict[str, StandingTask] = field(default_factory=dict)
    timers: dict[str, StandingTimer] = field(default_factory=dict)
    messages: dict[str, tuple[str, Place]] = field(default_factory=dict)
    passed: list[Place] = field(default_factory=list)
    milestones: dict[str, None] = field(default_factory=dict)
    settled: list[Deadline] = field(default_factory=list)

    def take(self, event: Event) -> None:
        """Take in one event."""
        if event.deployment is not None:
            self.deployment = event.deployment
        kind, _, done = event.type.partition(".")
        taking = {
            "task": self._task,
            "timer": self._timer,
            "waiting": self._waiting,
            "deadline": self._deadline,
            "case": self._case,
            "instance": self._instance,
        }.get(kind)
        if taking is not None:
            taking(event, done)
        elif event.type == "elements.passed":
            self.passed += [Place(*place) for place in event.details["passed"]]
        elif event.type == "milestone.reached":
            self.milestones[str(event.details["name"])] = None

    def standing(self, moment: datetime) -> Standing:
        """Where the case stands now; what runs is set against this moment."""
        running = [
            _running("task", each.place, each.due_at, moment)
            for each in self.tasks.values()
            if each.due_at is not None
        ]
        running += [_running("timer", each.place, each.due_at, moment) for each in self.timers.values()]
        return Standing(
            status=self.status,
            tasks=tuple(self.tasks.values()),
            timers=tuple(sorted(self.timers.values(), key=lambda each: (each.due_at, each.id))),
            messages=tuple(self.messages.values()),
            passed=tuple(self.passed),
            milestones=tuple(self.milestones),
            deadlines=tuple(sorted([*self.settled, *running], key=lambda each: each.due_at)),
            deployment=self.deployment,
        )

    def _task(self, event: Event, done: str) -> None:
        id = str(event.details.get("task"))
        if done == "opened":
            self.tasks[id] = StandingTask(
                id, _place(event), event.at, _instant(event.details.get("due")), None
            )
        elif done in {"completed", "cancelled"}:
            task = self.tasks.pop(id, None)
            if task is not None and task.due_at is not None:
                self.settled.append(_settled_task(task, task.due_at, event, completed=done == "completed"))
        elif id in self.tasks:
            self.tasks[id] = _held(self.tasks[id], event, done)

    def _timer(self, event: Event, done: str) -> None:
        id = str(event.details.get("timer"))
        if done == "fired":
            due = datetime.fromisoformat(event.details["due"])
            self.timers.pop(id, None)
            self.settled.append(
                Deadline("timer", _place(event), due, "fired", max(event.at - due, NOTHING), event.sequence)
            )

    def _waiting(self, event: Event, done: str) -> None:
        del done
        details: Mapping[str, Any] = event.details
        for id in details.get("called_off", ()):
            timer = self.timers.pop(id, None)
            if timer is not None:
                self.settled.append(_called_off(timer, event))
        for id, *place, due in details.get("timers", ()):  # new ones, and those that are due anew
            self.timers[id] = StandingTimer(id, Place(*place), datetime.fromisoformat(due))
        for id in details.get("no_longer", ()):
            self.messages.pop(id, None)
        for id, *place, name in details.get("messages", ()):
            self.messages[id] = (name, Place(*place))

    def _deadline(self, event: Event, done: str) -> None:
        """A person has moved, paused or resumed a deadline."""
        task = self.tasks.get(str(event.details.get("task")))
        if task is not None and done == "moved":
            self.tasks[task.id] = replace(task, due_at=_instant(event.details.get("to")))
        timer = self.timers.get(str(event.details.get("timer")))
        if timer is not None and done in {"paused", "resumed"}:
            due = _instant(event.details.get("to")) or timer.due_at
            self.timers[timer.id] = replace(timer, due_at=due, paused=done == "paused")

    def _instance(self, event: Event, done: str) -> None:
        """The case was moved to a version in which some elements have other ids, or back from there."""
        del done
        if event.type not in MOVES or not event.details.get("renamed"):
            return
        names = {(process, one): other for process, one, other in event.details["renamed"]}

        def anew(place: Place) -> Place:
            return replace(place, element=names.get((place.process, place.element), place.element))

        self.tasks = {id: replace(each, place=anew(each.place)) for id, each in self.tasks.items()}
        self.timers = {id: replace(each, place=anew(each.place)) for id, each in self.timers.items()}
        self.messages = {id: (name, anew(place)) for id, (name, place) in self.messages.items()}
        self.passed = [anew(each) for each in self.passed]
        self.settled = [replace(each, place=anew(each.place)) for each in self.settled]

    def _case(self, event: Event, done: str) -> None:
        self.status = STATUSES.get(done, self.status)
        if self.status in ENDED:
            for timer in self.timers.values():
                self.settled.append(_called_off(timer, event))
            self.timers, self.messages = {}, {}


NOTHING = timedelta(0)
STATUSES = {
    "suspended": CaseStatus.SUSPENDED.value,
    "resumed": CaseStatus.OPEN.value,
    "cancelled": CaseStatus.CANCELLED.value,
    "closed": CaseStatus.CLOSED.value,
}


def _held(task: StandingTask, event: Event, done: str) -> StandingTask:
    """Who has the task after this event."""
    holder = {"claimed": event.actor, "released": None, "assigned": event.details.get("to")}
    return replace(task, assignee=holder.get(done, task.assignee))


def _settled_task(task: StandingTask, due: datetime, event: Event, *, completed: bool) -> Deadline:
    late = event.at > due
    outcome = "missed" if late else "kept" if completed else "dropped"
    return Deadline("task", task.place, due, outcome, abs(event.at - due), event.sequence)


def _called_off(timer: StandingTimer, event: Event) -> Deadline:
    by = abs(timer.due_at - event.at)
    return Deadline("timer", timer.place, timer.due_at, "called-off", by, event.sequence)


def _running(kind: str, place: Place, due: datetime, moment: datetime) -> Deadline:
    return Deadline(
        kind, place, due, "overdue" if due < moment else "waiting", abs(due - moment), sequence=None
    )


def _place(event: Event) -> Place:
    return Place(event.process or "", event.element or "", event.details.get("right"))


def _instant(given: Any) -> datetime | None:
    return datetime.fromisoformat(given) if isinstance(given, str) else None


def _deployment(work: UnitOfWork, standing: Standing, events: Sequence[Event]) -> UUID | None:
    """The deployment that the case ran on then; before anything ran, the one that it began on."""
    begun = (each.deployment for each in events if each.deployment is not None)
    number = standing.deployment if standing.deployment is not None else next(begun, None)
    return work.session.scalar(sa.select(Deployment.id).where(Deployment.number == number))


def counts(deadlines: Iterable[Deadline]) -> dict[str, int]:
    """How many deadlines had each outcome."""
    found: dict[str, int] = {}
    for each in deadlines:
        found[each.outcome] = found.get(each.outcome, 0) + 1
    return found
