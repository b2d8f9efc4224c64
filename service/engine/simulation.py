"""Runs a definition on the real engine with a clock of its own: what would happen, and nothing is kept.

Timers go off in the order in which they fall due, each at its instant; the forms check what is answered.
What goes wrong ends the run at the step where it went wrong, and the trace tells all that came before.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from service.engine import expressions, forms, workflow
from service.engine.definition import Definition
from service.engine.examples import YEARS, Act, Example, Script
from service.engine.expressions import Moment
from service.engine.step import OpenTask, Place, Step, Timer
from service.errors import Invalid, Problem, ServiceError, StepFailed

MOST_PUSHES = 1_000
MOST_PASSED = 5_000  # elements in one run

Clock = Callable[[datetime], Moment]  # how an instant is seen: its zone and its days off


@dataclass(frozen=True)
class Told:
    """One line of the trace.

    `kind`: entered, left, opened, cancelled, timer-set, timer-moved, timer-fired, timer-withdrawn, awaits,
    decided, milestone, message, waited, ended. `data` is what was known or given there.
    """

    at: datetime
    kind: str
    step: int | None = None  # of the script, from 0; None: the start
    place: Place | None = None
    data: Mapping[str, Any] | None = None
    due: datetime | None = None
    name: str | None = None  # of the message, milestone or table


@dataclass(frozen=True)
class Failure:
    """Why the run stopped early, or did not end as expected; `step` None: at the start or at the end.

    `rule`: not-open, not-reached, time-passed, far-away, too-long (of the script); stopped (of the diagram);
    given (of what was given: then `problems` say more).
    """

    step: int | None
    message: str
    element: str | None = None
    problems: tuple[Problem, ...] = ()
    rule: str = "stopped"
    standing: tuple[Place, ...] = ()  # the open tasks, when another one was expected


@dataclass(frozen=True)
class Frame:
    """After one push: how many lines of the trace had been told by then, and what held a token."""

    lines: int
    active: tuple[Place, ...]


@dataclass(frozen=True)
class Simulation:
    """What happened and where it stands."""

    trace: tuple[Told, ...]
    finished: bool
    now: datetime
    active: tuple[Place, ...] = ()  # elements that hold a token
    open: tuple[OpenTask, ...] = ()
    timers: tuple[Timer, ...] = ()
    awaited: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    failure: Failure | None = None
    known: Mapping[UUID, Mapping[str, Any]] = field(default_factory=dict)  # what each open task's form sees
    frames: tuple[Frame, ...] = ()


def run(definition: Definition, script: Script, *, clock: Clock, language: str = "en") -> Simulation:
    """Run a script; never raises for what the diagram or the script does wrong: that is its `failure`."""
    run = _Run(definition, script.process, clock, script.start_at, language)
    try:
        run.start(script.data)
        for number, act in enumerate(script.acts):
            run.number = number
            run.act(act)
        run.number = None
        if script.until is not None:
            run.wait(script.until)
        if script.ends is not None:
            run.must_have_passed(script.ends)
    except ServiceError as error:
        run.fails(error)
    return run.result()


def problems(
    definition: Definition, examples: Iterable[Example], *, clock: Clock, language: str = "en"
) -> Iterator[Problem]:
    """Run examples as they are written and tell which do not go as they say, naming the step."""
    for each in examples:
        failure = run(definition, each.script, clock=clock, language=language).failure
        if failure is None:
            continue
        where = "at the end" if failure.step is None else f"in step {failure.step + 1}"
        details = " ".join(f"{one.pointer or one.element or ''}: {one.message}" for one in failure.problems)
        name = each.script.name or each.key
        yield Problem(
            f"The example “{name}” does not go as written, {where}: {failure.message} {details}".strip(),
            pointer=None if failure.step is None else f"/steps/{failure.step}",
            element=failure.element,
            file=each.file,
            rule="example",
        )


class _Unexpected(StepFailed):
    """The script does not fit where the process stands."""

    def __init__(self, rule: str, message: str, *, element: str | None = None) -> None:
        super().__init__(message, element=element)
        self.rule = rule


class _Run:
    """One run: the instance, its clock, and what has been told so far."""

    def __init__(
        self, definition: Definition, process: str, clock: Clock, now: datetime, language: str
    ) -> None:
        self.definition, self.process, self.clock, self.now = definition, process, clock, now
        self.language = language
        self.trace: list[Told] = []
        self.number: int | None = None
        self.element: str | None = None
        self.failure: Failure | None = None
        self.step: Step | None = None
        self.open: dict[UUID, OpenTask] = {}
        self.passed: set[str] = set()
        self.active: tuple[Place, ...] = ()
        self.frames: list[Frame] = []
        self.pushes = self.count = 0

    def start(self, data: Mapping[str, Any]) -> None:
        """Begin the instance."""
        self._within(self.now)
        self.now = self.now.astimezone(UTC)
        step = workflow.start(self.definition, self.process, data=data, moment=self.clock(self.now))
        self._take(step, data, None)

    def act(self, act: Act) -> None:
        """Do one step of the script."""
        self.element = act.element
        if act.after is not None:
            self.wait(act.after)
        if act.message is not None:
            self._deliver(act.message, act.data)
        elif act.element is not None:
            self._complete(act.element, act.right, act.data)

    def wait(self, time: str) -> None:
        """Let time pass until an instant or for a duration, and what falls due go off."""
        until = expressions.instant(time, moment=self.clock(self.now))
        if until < self.now:
            message = "Time only goes on: this instant has passed already."
            raise _Unexpected("time-passed", message, element=self.element)
        self._within(until)
        while due := sorted((each for each in self._timers() if each.due <= until), key=_order):
            self.now = max(self.now, due[0].due)
            step = workflow.fire(
                self.definition, self._snapshot(), timer=due[0].id, moment=self.clock(self.now)
            )
            self._tell("timer-fired", place=due[0].place, due=due[0].due)
            self._take(step, None, None)
        self.now = until
        self._tell("waited")

    def must_have_passed(self, element: str) -> None:
        """Stop unless an element has been passed."""
        if element in self.passed:
            return
        message = f"“{element}” was not reached; open is {self._standing()}."
        raise _Unexpected("not-reached", message, element=element)

    def fails(self, error: ServiceError) -> None:
        """Keep why it stopped."""
        element = error.element if isinstance(error, StepFailed) else self.element
        rule = "given" if isinstance(error, Invalid) else "stopped"
        standing: tuple[Place, ...] = ()
        if isinstance(error, _Unexpected):
            rule, standing = error.rule, tuple(each.place for each in self.open.values())
        self.failure = Failure(self.number, error.message, element, error.problems, rule, standing)

    def result(self) -> Simulation:
        """Tell what came of it."""
        step = self.step
        if step is None:
            return Simulation(tuple(self.trace), finished=False, now=self.now, failure=self.failure)
        return Simulation(
            trace=tuple(self.trace),
            finished=step.finished,
            now=self.now,
            active=self.active,
            open=tuple(self.open.values()),
            timers=tuple(sorted(step.timers, key=_order)),
            awaited=tuple(dict.fromkeys(each.name for each in step.awaited)),
            data=workflow.view(self.definition, step.snapshot).data,
            failure=self.failure,
            known={id: workflow.task_data(self.definition, step.snapshot, task=id) for id in self.open},
            frames=tuple(self.frames),
        )

    def _complete(self, element: str, right: str | None, data: Mapping[str, Any]) -> None:
        task = self._task(element, right)
        key = self.definition.processes[task.place.process].elements[element].form
        moment = self.clock(self.now)
        answers = dict(data)
        if key is not None:
            known = workflow.task_data(self.definition, self._snapshot(), task=task.id)
            answers = forms.check(
                self.definition.forms[key], data, data=known, moment=moment, language=self.language
            )
        step = workflow.complete(
            self.definition, self._snapshot(), task=task.id, answers=answers, moment=moment
        )
        self._take(step, answers, task)

    def _deliver(self, message: str, data: Mapping[str, Any]) -> None:
        places = [each.place for each in self._step().awaited if each.name == message]
        step = workflow.deliver(
            self.definition, self._snapshot(), message=message, data=data, moment=self.clock(self.now)
        )
        self._tell("message", place=places[0] if places else None, data=data, name=message)
        self._take(step, None, None)

    def _task(self, element: str, right: str | None) -> OpenTask:
        for task in self.open.values():
            if task.place.element == element and right in (None, task.place.right):
                return task
        message = f"“{element}” is not open here; open is {self._standing()}."
        raise _Unexpected("not-open", message, element=element)

    def _standing(self) -> str:
        return ", ".join(sorted({each.place.element for each in self.open.values()})) or "nothing"

    def _take(self, step: Step, given: Mapping[str, Any] | None, done: OpenTask | None) -> None:
        before, self.step = self.step, step
        self._limit(step)
        view = workflow.view(self.definition, step.snapshot)
        self._tell_passed(step, given, done)
        self._tell_cancelled(step, done)
        self._tell_entered(view.active)
        for task in step.opened:
            known = workflow.task_data(self.definition, step.snapshot, task=task.id)
            self._tell("opened", place=task.place, data=known, due=task.due)
        self.open |= {each.id: each for each in step.opened}
        self._tell_waiting(before, step)
        self.active = view.active
        if step.finished:
            self._tell("ended", data=view.data)
        self.frames.append(Frame(len(self.trace), view.active))

    def _tell_passed(self, step: Step, given: Mapping[str, Any] | None, done: OpenTask | None) -> None:
        standing = set(self.active)
        for place in step.passed:
            if place not in standing:
                self._tell("entered", place=place)
            is_given = given is not None and (place == done.place if done else place == step.passed[0])
            self._tell("left", place=place, data=given if is_given else None)
            standing.discard(place)
            self.passed.add(place.element)
        for decision in step.decisions:
            said = {"inputs": decision.inputs, "outcome": decision.outcome, "rules": list(decision.rules)}
            self._tell("decided", place=decision.place, data=said, name=decision.table)
        for milestone in step.milestones:
            self._tell("milestone", place=milestone.place, name=milestone.name)

    def _tell_cancelled(self, step: Step, done: OpenTask | None) -> None:
        for id in step.closed:
            task = self.open.pop(id, None)
            if task is not None and task != done:
                self._tell("cancelled", place=task.place)

    def _tell_entered(self, active: tuple[Place, ...]) -> None:
        for place in active:
            if place not in self.active:
                self._tell("entered", place=place)

    def _tell_waiting(self, before: Step | None, step: Step) -> None:
        waited = {each.id: each for each in before.timers} if before else {}
        now = {each.id: each for each in step.timers}
        fired = {each.id for each in step.fired}
        for id, timer in now.items():
            if id not in waited:
                self._tell("timer-set", place=timer.place, due=timer.due)
            elif timer.due != waited[id].due:
                self._tell("timer-moved", place=timer.place, due=timer.due)
        for id, timer in waited.items():
            if id not in now and id not in fired:
                self._tell("timer-withdrawn", place=timer.place, due=timer.due)
        awaited = {each.id for each in before.awaited} if before else set()
        for each in step.awaited:
            if each.id not in awaited:
                self._tell("awaits", place=each.place, name=each.name)

    def _tell(self, kind: str, **told: Any) -> None:
        self.trace.append(Told(self.now, kind, self.number, **told))

    def _within(self, at: datetime) -> None:
        if at.year not in YEARS:
            message = f"A run is between the years {YEARS[0]} and {YEARS[-1]}."
            raise _Unexpected("far-away", message, element=self.element)

    def _limit(self, step: Step) -> None:
        self.pushes += 1
        self.count += len(step.passed)
        if self.pushes > MOST_PUSHES or self.count > MOST_PASSED:
            message = "The simulation takes too many steps; let less time pass, or end the loop."
            raise _Unexpected("too-long", message, element=self.element)

    def _step(self) -> Step:
        if self.step is None:
            raise StepFailed("Nothing has been started.")
        return self.step

    def _snapshot(self) -> bytes:
        return self._step().snapshot

    def _timers(self) -> tuple[Timer, ...]:
        return self._step().timers


def _order(timer: Timer) -> tuple[datetime, str]:
    return timer.due, str(timer.id)
