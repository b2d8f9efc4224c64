"""Runs one process instance: a snapshot and one push in, one Step out. Knows no database and no clock."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from SpiffWorkflow.exceptions import SpiffWorkflowException
from SpiffWorkflow.util.task import TaskState

from service.engine import state
from service.engine.definition import Definition
from service.engine.elements import begin
from service.engine.events import Catch, conditional, deliver_to
from service.engine.expressions import Moment
from service.engine.gateways import inclusive
from service.engine.push import Push, place
from service.engine.step import Awaited, Decision, Milestone, OpenTask, Place, Step, Timer, View
from service.engine.tokens import everywhere, find, gathered
from service.engine.tree import Instance, Token, shelve, unshelve
from service.errors import Conflict, Invalid, NotFound, Problem, StepFailed

__all__ = [
    "Awaited",
    "Decision",
    "Milestone",
    "OpenTask",
    "Place",
    "Step",
    "Timer",
    "View",
    "complete",
    "deliver",
    "fire",
    "reschedule",
    "standing",
    "start",
    "task_data",
    "view",
]

MOST_LEVELS = 50  # of data inside data
LARGEST = 2**53  # what JSON carries everywhere without loss


def start(definition: Definition, process: str, *, data: Mapping[str, Any], moment: Moment) -> Step:
    """Begin an instance of a process with some data (plain JSON; dates become ISO texts).

    Raises NotFound for an unknown process, Invalid for data that is not plain, StepFailed when it cannot go
    on.
    """
    if process not in definition.processes:
        raise NotFound(f"There is no process “{process}”.")
    given = shelve(plain(data))
    with _pushing(definition, moment) as push:
        instance = Instance(definition, process, script_engine=push)
        begin(instance, given)
        _run(instance)
        return _step(instance, before={})


def complete(
    definition: Definition,
    snapshot: bytes,
    *,
    task: UUID,
    answers: Mapping[str, Any],
    moment: Moment,
) -> Step:
    """Complete an open task with its form's answers, which land in the case's data.

    Raises Conflict when the task is not open any more, StepFailed when the process cannot go on.
    """
    given = plain(answers)
    with _pushing(definition, moment) as push:
        instance, before = _resumed(definition, snapshot, push)
        token = _open_task(instance, task)
        token.data = {**token.data, **given}
        token.complete()
        _run(instance)
        return _step(instance, before=before)


def deliver(
    definition: Definition, snapshot: bytes, *, message: str, data: Mapping[str, Any], moment: Moment
) -> Step:
    """Give a message to what waits for it.

    Raises Conflict when nothing does, Invalid when it takes no data.
    """
    given = plain(data)
    with _pushing(definition, moment) as push:
        instance, before = _resumed(definition, snapshot, push)
        deliver_to(instance, message, given)
        _run(instance)
        return _step(instance, before=before)


def fire(definition: Definition, snapshot: bytes, *, timer: UUID, moment: Moment) -> Step:
    """Let a timer go off; whoever keeps the timers judges when.

    Raises Conflict when it does not wait any more.
    """
    with _pushing(definition, moment) as push:
        instance, before = _resumed(definition, snapshot, push)
        token = _timer(instance, timer)
        fired = _as_timer(token)
        token.task_spec.happens(token)
        _run(instance)
        return _step(instance, before=before, fired=(fired,))


def reschedule(
    definition: Definition, snapshot: bytes, *, timer: UUID, due: datetime, moment: Moment
) -> Step:
    """Move a running deadline to another instant. Raises Conflict when it does not wait any more."""
    with _pushing(definition, moment) as push:
        instance, before = _resumed(definition, snapshot, push)
        token = _timer(instance, timer)
        token.internal_data["due"] = due.isoformat()
        return _step(instance, before=before)


def standing(definition: Definition, snapshot: bytes, *, moment: Moment) -> Step:
    """Tell all that waits in an instance, as a step that changes nothing: `opened` holds every open task.

    Raises StepFailed when nothing in it can go on.
    """
    with _pushing(definition, moment) as push:
        instance, _ = _resumed(definition, snapshot, push)
        return _step(instance, before={})


def task_data(definition: Definition, snapshot: bytes, *, task: UUID) -> dict[str, Any]:
    """Give the data that the form of an open task sees. Raises Conflict when it is not open any more."""
    return unshelve(_open_task(state.load(snapshot, definition), task).shelf())


def view(definition: Definition, snapshot: bytes) -> View:
    """Tell where an instance stands and what it knows as a whole."""
    instance = state.load(snapshot, definition)
    places = [place(token) for token in everywhere(instance) if _is_active(token)]
    data = instance.data if instance.completed else unshelve(gathered(instance))
    return View(active=tuple(dict.fromkeys(places)), data=data)


def plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """Copy data into plain JSON: dates and times become ISO texts. Raises Invalid where that cannot be."""
    found: dict[str, Any] = _plain(data, "")
    return found


@contextmanager
def _pushing(definition: Definition, moment: Moment) -> Iterator[Push]:
    """Give the push; what fails without naming an element is told of the element that was being run."""
    push = Push(definition.decisions, moment)
    try:
        yield push
    except StepFailed as failure:
        element = failure.element or push.element
        if element is None or element == failure.element:
            raise
        raise StepFailed(failure.message, element=element) from failure
    except (SpiffWorkflowException, RecursionError) as error:
        raise StepFailed("The process cannot go on from here.", element=push.element) from error


def _resumed(definition: Definition, snapshot: bytes, push: Push) -> tuple[Instance, dict[UUID, Token]]:
    instance = state.load(snapshot, definition, script_engine=push)
    return instance, _open_tasks(instance)


def _run(instance: Instance) -> None:
    """Run all that needs no person, no time and no message."""
    push: Push = instance.script_engine
    while True:
        while push.agenda:
            token = push.agenda.popleft()
            if token._state == TaskState.READY:
                push.at(token.task_spec.bpmn_id)
                push.count()
                token.task_spec.acts(token)
            if token._state == TaskState.READY:
                token.complete()
        push.count()
        if not (inclusive(instance) or conditional(instance)):
            return


def _step(instance: Instance, *, before: Mapping[UUID, Token], fired: tuple[Timer, ...] = ()) -> Step:
    push: Push = instance.script_engine
    tasks = _open_tasks(instance)
    waiting = [token for token in everywhere(instance) if isinstance(token.task_spec, Catch)]
    timers = [_as_timer(token) for token in waiting if token.task_spec.trigger.kind == "timer"]
    beside = _can_wait_beside(waiting)
    awaited = [
        Awaited(token.id, place(token), token.task_spec.trigger.name, token.task_spec.holds_token or beside)
        for token in waiting
        if token.task_spec.trigger.kind == "message"
    ]
    if not (instance.completed or tasks or timers or any(each.on_the_way for each in awaited)):
        _refuse_standstill(instance)
    return Step(
        snapshot=state.dump(instance),
        opened=tuple(_as_task(token) for id, token in tasks.items() if id not in before),
        closed=tuple(id for id in before if id not in tasks),
        passed=tuple(push.passed),
        fired=fired,
        milestones=tuple(push.milestones),
        decisions=tuple(push.decisions),
        timers=tuple(timers),
        awaited=tuple(awaited),
        finished=instance.completed,
    )


def _can_wait_beside(waiting: list[Token]) -> bool:
    """Tell whether tokens wait for what a message beside them can bring about: a signal, a condition."""
    kinds = {(token.task_spec.trigger.kind, token.task_spec.holds_token) for token in waiting}
    return not kinds.isdisjoint({("signal", True), ("conditional", True)})


def _refuse_standstill(instance: Instance) -> None:
    specs = [token.task_spec for token in everywhere(instance)]
    stuck = [spec.bpmn_id for spec in specs if spec.bpmn_id and spec.holds_token and not spec.contains]
    message = "The process stands still: tokens wait here for others that can never come."
    raise StepFailed(message, element=next(iter(stuck), None))


def _open_tasks(instance: Instance) -> dict[UUID, Token]:
    return {
        token.id: token
        for token in everywhere(instance)
        if token.task_spec.manual and token._state == TaskState.READY
    }


def _open_task(instance: Instance, id: UUID) -> Token:
    token = find(instance, id)
    if token is None or not token.task_spec.manual or token._state != TaskState.READY:
        raise Conflict("The task is not open any more.")
    return token


def _timer(instance: Instance, id: UUID) -> Token:
    token = find(instance, id)
    if token is None or not isinstance(token.task_spec, Catch) or token.task_spec.trigger.kind != "timer":
        raise Conflict("The timer does not wait any more.")
    return token


def _as_task(token: Token) -> OpenTask:
    return OpenTask(token.id, place(token), _noted(token, "due"), _noted(token, "counts_from"))


def _as_timer(token: Token) -> Timer:
    due = datetime.fromisoformat(token.internal_data["due"])
    return Timer(token.id, place(token), due, _noted(token, "counts_from"))


def _noted(token: Token, name: str) -> datetime | None:
    text = token.internal_data.get(name)
    return datetime.fromisoformat(text) if text else None


def _is_active(token: Token) -> bool:
    spec = token.task_spec
    return spec.bpmn_id is not None and not spec.repeats and (spec.holds_token or spec.body)


def _plain(value: Any, pointer: str) -> Any:
    if value is None or isinstance(value, str | bool) or _is_number(value):
        return value
    if isinstance(value, date | time):
        return value.isoformat()
    if pointer.count("/") > MOST_LEVELS:
        raise _not_plain(f"Data lies at most {MOST_LEVELS} levels deep.", pointer)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise _not_plain("Only texts may be names.", pointer)
        return {key: _plain(each, f"{pointer}/{_escaped(key)}") for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, f"{pointer}/{number}") for number, each in enumerate(value)]
    raise _not_plain(f"This {type(value).__name__} is not plain JSON, or too large.", pointer)


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and abs(value) < LARGEST


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _not_plain(message: str, pointer: str) -> Invalid:
    return Invalid(message, problems=[Problem(message, pointer=pointer)])
