"""Walks a diagram as people and time would: answers checked by the forms, timers fired when they are due."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from service.engine import definition, expressions, forms, workflow
from service.engine.definition import Definition
from service.engine.expressions import Moment
from service.engine.step import OpenTask, Step, Timer
from service.rules import calendar

ROOT = Path(__file__).parents[2]
ZONE = ZoneInfo("Europe/Stockholm")
BENDS = frozenset({"exclusiveGateway", "parallelGateway", "subProcess"})  # told by what stands around them


@lru_cache
def deployed() -> Definition:
    """All diagrams, tables and forms as they would be deployed."""
    processes = ROOT / "processes"
    files = {f"{path.parent.name}.bpmn": path.read_bytes() for path in processes.glob("*/process.bpmn")}
    files |= {path.name: path.read_bytes() for path in processes.glob("*/*.dmn")}
    files |= {path.name: path.read_bytes() for path in (ROOT / "forms").glob("*.form.json")}
    return definition.parse(files)


def examples(process: str) -> list[Path]:
    """The stored examples of a process."""
    return sorted((ROOT / "processes" / process / "examples").glob("*.json"))


def speechless(process: str) -> list[str]:
    """User tasks that do not say all: who, what, by when, how, and what if nobody acts."""
    found = []
    for element in deployed().processes[process].elements.values():
        said = (
            element.role and element.form and element.due and element.legal_basis,
            element.name.sv and element.name.en,
            element.guidance.sv and element.guidance.en,
            element.consequence.sv and element.consequence.en,
        )
        if element.kind == "userTask" and not all(said):
            found.append(element.id)
    return found


def at(day: str, clock: str = "09:00") -> datetime:
    """A local date and time."""
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZONE)


@dataclass
class Walk:
    """One instance on its way, with the clock that it sees."""

    process: str
    now: datetime
    data: dict[str, Any] = field(default_factory=dict)
    step: Step = field(init=False)
    tasks: dict[Any, OpenTask] = field(init=False, default_factory=dict)
    passed: list[str] = field(init=False, default_factory=list)  # "process/element"
    milestones: list[str] = field(init=False, default_factory=list)
    fired: list[tuple[str, datetime]] = field(init=False, default_factory=list)
    rules: list[str] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.now = self.now.astimezone(UTC)
        self._take(workflow.start(deployed(), self.process, data=self.data, moment=self.moment))

    @property
    def moment(self) -> Moment:
        """The moment that expressions see."""
        return Moment(self.now, ZONE, calendar.days_off_around(self.now.astimezone(ZONE).date()))

    @property
    def open(self) -> list[str]:
        """The elements of the open tasks."""
        return sorted(task.place.element for task in self.tasks.values())

    @property
    def awaited(self) -> list[str]:
        """The names of the awaited messages."""
        return sorted({each.name for each in self.step.awaited})

    @property
    def result(self) -> dict[str, Any]:
        """What the instance as a whole knows."""
        return workflow.view(deployed(), self.step.snapshot).data

    def task(self, element: str, *, right: str | None = None) -> OpenTask:
        """The open task at an element."""
        found = [t for t in self.tasks.values() if t.place.element == element]
        found = [t for t in found if right is None or t.place.right == right]
        assert len(found) == 1, f"{element} is not open once; open are {self.open} at {self.now}"
        return found[0]

    def answer(self, element: str, answers: Mapping[str, Any], *, right: str | None = None) -> None:
        """Complete a task with answers that its form takes."""
        self.answer_task(self.task(element, right=right), answers)

    def answer_task(self, task: OpenTask, answers: Mapping[str, Any]) -> None:
        """Complete this open task, be it one of several at its element."""
        drawn = deployed().processes[task.place.process].elements[task.place.element]
        form = deployed().forms[str(drawn.form)]
        seen = workflow.task_data(deployed(), self.step.snapshot, task=task.id)
        kept = forms.check(form, answers, data=seen, moment=self.moment)
        self._take(
            workflow.complete(deployed(), self.step.snapshot, task=task.id, answers=kept, moment=self.moment)
        )

    def role(self, element: str) -> str | None:
        """Who the diagram asks to do an open task."""
        task = self.task(element)
        return deployed().processes[task.place.process].elements[element].role

    def message(self, name: str, data: Mapping[str, Any]) -> None:
        """Deliver a message."""
        self._take(
            workflow.deliver(deployed(), self.step.snapshot, message=name, data=data, moment=self.moment)
        )

    def wait(self, until: datetime) -> None:
        """Let time pass; what falls due on the way goes off at its instant, the earliest first."""
        until = until.astimezone(UTC)
        while due := [timer for timer in self.step.timers if timer.due <= until]:
            self._fire(min(due, key=lambda timer: timer.due))
        self.now = max(self.now, until)

    def stored(self, example: str, element: str) -> dict[str, Any]:
        """What a stored example answers at an element, the first time."""
        path = ROOT / "processes" / self.process / "examples" / f"{example}.json"
        steps = json.loads(path.read_text(encoding="utf-8"))["steps"]
        found: dict[str, Any] = next(each["data"] for each in steps if each.get("element") == element)
        return found

    def follow(self, steps: list[dict[str, Any]]) -> None:
        """Take the steps of an example."""
        for each in steps:
            if "after" in each:
                self.wait(expressions.instant(each["after"], moment=self.moment))
            if "message" in each:
                self.message(each["message"], each["data"])
            elif "element" in each:
                self.answer(each["element"], each["data"], right=each.get("right"))

    def _fire(self, timer: Timer) -> None:
        self.now = max(self.now, timer.due)
        self.fired.append((timer.place.element, timer.due.astimezone(ZONE)))
        self._take(workflow.fire(deployed(), self.step.snapshot, timer=timer.id, moment=self.moment))

    def _take(self, step: Step) -> None:
        self.step = step
        for closed in step.closed:
            self.tasks.pop(closed, None)
        self.tasks |= {task.id: task for task in step.opened}
        self.passed += [f"{place.process}/{place.element}" for place in step.passed]
        self.milestones += [each.name for each in step.milestones]
        self.rules += [rule for each in step.decisions for rule in each.rules]
        assert step.finished or self.tasks or step.timers or step.awaited, "a dead end"


def walk(path: Path) -> Walk:
    """Walk a stored example from its start to where it says that it ends."""
    example = json.loads(path.read_text(encoding="utf-8"))
    made = Walk(path.parts[-3], datetime.fromisoformat(example["start_at"]), example["data"])
    made.follow(example["steps"])
    assert made.step.finished, f"{path.name}: still open {made.open}, {made.awaited}"
    assert f"{made.process}/{example['ends']}" in made.passed
    return made


def elements(process: str) -> Iterator[str]:
    """Every element that a token passes, so that a test can ask which ones no example reached."""
    for element in deployed().processes[process].elements.values():
        if element.kind not in BENDS:
            yield f"{process}/{element.id}"
