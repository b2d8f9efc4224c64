"""Goes a case's way once more on a candidate: the same pushes at the same instants, until something differs.

What was given is pushed again; where the case then stands is set against where it stood. No value that
anybody gave is part of the verdict.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from service.engine import forms, workflow
from service.engine.definition import Definition
from service.engine.simulation import Clock
from service.engine.step import Place, Step
from service.engine.text import Text
from service.errors import Conflict, Invalid, StepFailed

SAME, DIVERGES, BLOCKED = "same", "diverges", "blocked"


@dataclass(frozen=True)
class Stood:
    """What a case waited for, by the ids that its history has."""

    tasks: Mapping[str, tuple[Place, datetime | None]] = field(default_factory=dict)
    timers: Mapping[str, tuple[Place, datetime]] = field(default_factory=dict)
    messages: Mapping[str, tuple[str, Place]] = field(default_factory=dict)


@dataclass(frozen=True)
class Push:
    """One thing that moved a case on, and where it stood after it.

    `kind`: start, task, message, timer, move (of a timer, by a person). `subject` is the id of the task or
    timer, the name of the message, the process that was started. `data` None: it cannot be read any more.
    """

    kind: str
    at: datetime
    subject: str
    place: Place | None
    data: Mapping[str, Any] | None
    passed: tuple[Place, ...]
    decided: tuple[tuple[Place, Any], ...]  # where a table was asked, and what it answered
    after: Stood
    finished: bool
    due: datetime | None = None  # of a move


@dataclass(frozen=True)
class Verdict:
    """Whether the case would have gone the same way: `outcome` is same, diverges or blocked; where, why."""

    outcome: str
    steps: int  # that went the same
    reason: str | None = None
    place: Place | None = None
    at: datetime | None = None
    fields: tuple[str, ...] = ()  # of the form that does not take the answers

    @property
    def message(self) -> Text:
        """The reason as a sentence."""
        return REASONS[self.reason] if self.reason else Text()


REASONS: Mapping[str, Text] = {
    "passes": Text(
        "Här går ärendet en annan väg: steget passeras.",
        "The case takes another way here: it passes this.",
    ),
    "passes-not": Text(
        "Här går ärendet en annan väg: steget passeras inte.",
        "The case takes another way here: it does not pass this.",
    ),
    "decides": Text("Beslutstabellen svarar något annat.", "The decision table answers otherwise."),
    "opens": Text("Uppgiften öppnas; det gjorde den inte då.", "The task opens; it did not then."),
    "opens-not": Text("Uppgiften öppnas inte; det gjorde den då.", "The task does not open; it did then."),
    "stays": Text("Uppgiften blir kvar; då stängdes den.", "The task stays; it was closed then."),
    "closes": Text("Uppgiften stängs; då blev den kvar.", "The task is closed; it stayed then."),
    "due": Text("Uppgiften får en annan frist.", "The task is due at another time."),
    "waits": Text(
        "Ärendet väntar på en tid; det gjorde det inte då.",
        "The case waits for a time; it did not then.",
    ),
    "waits-not": Text(
        "Ärendet väntar inte på tiden; det gjorde det då.",
        "The case does not wait for the time; it did then.",
    ),
    "timer-due": Text("Tidsgränsen infaller en annan tid.", "The timer is due at another time."),
    "awaits": Text(
        "Ärendet väntar på ett meddelande; det gjorde det inte då.",
        "The case waits for a message; it did not then.",
    ),
    "awaits-not": Text(
        "Ärendet väntar inte på meddelandet; det gjorde det då.",
        "The case does not wait for the message; it did then.",
    ),
    "ends": Text("Ärendet avslutas; då pågick det.", "The case ends; it went on then."),
    "ends-not": Text("Ärendet pågår; då avslutades det.", "The case goes on; it ended then."),
    "answers-refused": Text(
        "Formuläret godtar inte svaren som lämnades då.",
        "The form does not take the answers given then.",
    ),
    "cannot-go-on": Text("Ärendet kan inte fortsätta härifrån.", "The case cannot go on from here."),
    "no-process": Text("Processen finns inte.", "There is no such process."),
    "values-gone": Text(
        "Svaren kan inte läsas längre, så vägen kan inte prövas.",
        "The answers cannot be read any more.",
    ),
    "no-history": Text("Historiken är inte hel, så vägen kan inte prövas.", "The history is not whole."),
}


def replay(definition: Definition, process: str, pushes: Sequence[Push], *, clock: Clock) -> Verdict:
    """Push a case's pushes once more; tell the first thing that goes differently, or that cannot go on."""
    if process not in definition.processes:
        return Verdict(BLOCKED, 0, "no-process")
    if not pushes or pushes[0].kind != "start":
        return Verdict(BLOCKED, 0, "no-history")
    going = _Going(definition, process, clock)
    for number, push in enumerate(pushes):
        try:
            going.take(push)
        except _DiffersError as found:
            return Verdict(found.outcome, number, found.reason, found.place, push.at, found.fields)
    return Verdict(SAME, len(pushes))


class _DiffersError(Exception):
    """Something goes differently: here, for this reason."""

    def __init__(
        self, reason: str, place: Place | None, *, outcome: str = DIVERGES, fields: tuple[str, ...] = ()
    ) -> None:
        super().__init__(reason)
        self.reason, self.place, self.outcome, self.fields = reason, place, outcome, fields


class _Going:
    """A case on its way: the candidate's state, and which of its tasks and timers the history means."""

    def __init__(self, definition: Definition, process: str, clock: Clock) -> None:
        self.definition, self.process, self.clock = definition, process, clock
        self.snapshot = b""
        self.before = Stood()
        self.tasks: dict[str, UUID] = {}
        self.timers: dict[str, UUID] = {}

    def take(self, push: Push) -> None:
        """Push once, and set what came of it against what did then."""
        if push.data is None:
            raise _DiffersError("values-gone", push.place, outcome=BLOCKED)
        try:
            step = self._pushed(push, push.data)
        except StepFailed as failure:
            at = Place(push.place.process, failure.element) if push.place and failure.element else push.place
            raise _DiffersError("cannot-go-on", at, outcome=BLOCKED) from failure
        except Conflict as error:
            raise _DiffersError("cannot-go-on", push.place, outcome=BLOCKED) from error
        self.snapshot = step.snapshot
        _same_places(push.passed, step.passed, "passes")
        _same_outcomes(push.decided, [(each.place, each.outcome) for each in step.decisions])
        self._same_tasks(push.after, step)
        self._same_timers(push.after, step)
        awaited = [(each.place, each.name) for each in step.awaited]
        _same([(place, name) for name, place in push.after.messages.values()], awaited, "awaits")
        if step.finished != push.finished:
            raise _DiffersError("ends" if step.finished else "ends-not", push.place)
        self.before = push.after

    def _pushed(self, push: Push, data: Mapping[str, Any]) -> Step:
        moment = self.clock(push.at)
        match push.kind:
            case "start":
                return workflow.start(self.definition, self.process, data=data, moment=moment)
            case "task":
                task = _known(self.tasks, push)
                answers = self._answers(push, task, data)
                return workflow.complete(
                    self.definition, self.snapshot, task=task, answers=answers, moment=moment
                )
            case "message":
                return workflow.deliver(
                    self.definition, self.snapshot, message=push.subject, data=data, moment=moment
                )
            case "timer":
                timer = _known(self.timers, push)
                return workflow.fire(self.definition, self.snapshot, timer=timer, moment=moment)
            case _:
                timer, due = _known(self.timers, push), push.due or push.at
                return workflow.reschedule(
                    self.definition, self.snapshot, timer=timer, due=due, moment=moment
                )

    def _answers(self, push: Push, task: UUID, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """What was answered, as the candidate's form takes it."""
        place = push.place
        element = self.definition.processes[place.process].elements[place.element] if place else None
        form = self.definition.forms[element.form] if element and element.form else None
        if form is None:
            return data
        known = workflow.task_data(self.definition, self.snapshot, task=task)
        try:
            return forms.check(form, data, data=known, moment=self.clock(push.at))
        except Invalid as error:
            parts = [(each.pointer or "").split("/") for each in error.problems]
            fields = tuple(dict.fromkeys(each[2] for each in parts if len(each) > 2))  # noqa: PLR2004  /data/field
            raise _DiffersError("answers-refused", place, outcome=BLOCKED, fields=fields) from error

    def _same_tasks(self, after: Stood, step: Step) -> None:
        new = {id: one for id, one in after.tasks.items() if id not in self.tasks}
        opened = {each.id: (each.place, each.due) for each in step.opened}
        _same_places([place for place, _ in new.values()], [place for place, _ in opened.values()], "opens")
        self.tasks |= _paired(new, opened, "due")
        stand = {self.tasks[id] for id in after.tasks}
        for id in self.before.tasks:
            if id not in after.tasks and self.tasks[id] not in step.closed:
                raise _DiffersError("stays", self.before.tasks[id][0])
            if id in after.tasks and self.tasks[id] in step.closed:
                raise _DiffersError("closes", after.tasks[id][0])
        self.tasks = {id: one for id, one in self.tasks.items() if one in stand}

    def _same_timers(self, after: Stood, step: Step) -> None:
        waiting = {each.id: (each.place, each.due) for each in step.timers}
        _same_places(
            [each for each, _ in after.timers.values()], [each for each, _ in waiting.values()], "waits"
        )
        known = {id: one for id, one in self.timers.items() if id in after.timers and one in waiting}
        for id, one in known.items():
            if waiting[one][1] != after.timers[id][1]:
                raise _DiffersError("timer-due", after.timers[id][0])
        new = {id: one for id, one in after.timers.items() if id not in known}
        fresh = {id: one for id, one in waiting.items() if id not in known.values()}
        self.timers = known | _paired(new, fresh, "timer-due")


def _known(ids: Mapping[str, UUID], push: Push) -> UUID:
    """The candidate's own id of what was acted on; a history that lacks it was mended by hand."""
    if push.subject not in ids:
        raise _DiffersError("no-history", push.place, outcome=BLOCKED)
    return ids[push.subject]


Dated = tuple[Place, datetime | None]


def _same_places(then: Iterable[Place], now: Iterable[Place], reason: str) -> None:
    _same([(each, "") for each in then], [(each, "") for each in now], reason)


def _same(then: list[tuple[Place, str]], now: list[tuple[Place, str]], reason: str) -> None:
    """Let the same pass, in any order; else tell the first place that is new, or that is missing."""
    more, fewer = Counter(now) - Counter(then), Counter(then) - Counter(now)
    for each in now:
        if each in more:
            raise _DiffersError(reason, each[0])
    for each in then:
        if each in fewer:
            raise _DiffersError(f"{reason}-not", each[0])


def _same_outcomes(then: Sequence[tuple[Place, Any]], now: Sequence[tuple[Place, Any]]) -> None:
    """Let the same answers of tables pass; that other tables were asked is told by what was passed."""
    left = list(then)
    for place, outcome in now:
        told = [each for each in left if each[0] == place]
        if told and (place, outcome) not in told:
            raise _DiffersError("decides", place)
        if told:
            left.remove((place, outcome))


def _paired(then: Mapping[str, Dated], now: Mapping[UUID, Dated], reason: str) -> dict[str, UUID]:
    """Tell which is which among things at the same places: those due first are the same."""
    left = sorted(now.items(), key=_order)
    found = {}
    for id, (place, due) in sorted(then.items(), key=_order):
        other = next(each for each in left if each[1][0] == place)
        left.remove(other)
        if other[1][1] != due:
            raise _DiffersError(reason, place)
        found[id] = other[0]
    return found


def _order(item: tuple[Any, Dated]) -> tuple[bool, Any]:
    due = item[1][1]
    return due is None, due.timestamp() if due else 0
