"""Drives an instance of a small diagram by the names of its elements; between acts it is only a snapshot."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from service.engine import definition, workflow
from service.engine.definition import Definition
from service.engine.expressions import Moment
from service.engine.workflow import OpenTask, Step

DIAGRAMS = Path(__file__).parent.parent / "diagrams"
MOMENT = Moment(
    now=datetime(2026, 11, 24, 9, tzinfo=UTC),
    zone=ZoneInfo("Europe/Stockholm"),
    days_off=frozenset({date(2026, 12, 24), date(2026, 12, 25), date(2026, 12, 31), date(2027, 1, 1)}),
)


@cache
def defined(*names: str) -> Definition:
    """Read some of the diagrams together with the table that they may ask."""
    files = {f"{name}.bpmn": (DIAGRAMS / f"{name}.bpmn").read_bytes() for name in names}
    return definition.parse(files | {"level_of.dmn": (DIAGRAMS / "level_of.dmn").read_bytes()})


class Running:
    """One instance, and all that its steps have told."""

    def __init__(self, diagram: str, *, process: str = "p", moment: Moment = MOMENT, **data: Any) -> None:
        self.definition = defined(diagram)
        self.moment = moment
        self.tasks: dict[UUID, OpenTask] = {}
        self.passed: list[str] = []
        self.milestones: list[str] = []
        self.take(workflow.start(self.definition, process, data=data, moment=moment))

    def take(self, step: Step) -> None:
        """Learn from a step, as the rest of the house does."""
        self.step = step
        for closed in step.closed:
            del self.tasks[closed]
        self.tasks |= {task.id: task for task in step.opened}
        self.passed += [place.element for place in step.passed]
        self.milestones += [milestone.name for milestone in step.milestones]

    @property
    def open(self) -> list[str]:
        """The elements with open tasks."""
        return sorted(task.place.element for task in self.tasks.values())

    @property
    def waiting(self) -> list[str]:
        """The elements that wait for time or messages."""
        return sorted(each.place.element for each in [*self.step.timers, *self.step.awaited])

    @property
    def due(self) -> dict[str, datetime]:
        """When timers are due, by element."""
        return {timer.place.element: timer.due for timer in self.step.timers}

    @property
    def finished(self) -> bool:
        """Whether the instance is at its end."""
        return self.step.finished

    @property
    def data(self) -> dict[str, Any]:
        """What the instance knows as a whole."""
        return workflow.view(self.definition, self.step.snapshot).data

    @property
    def active(self) -> list[str]:
        """The elements that hold a token."""
        return sorted(place.element for place in workflow.view(self.definition, self.step.snapshot).active)

    def task(self, element: str) -> UUID:
        """Give the first open task of an element."""
        return next(task.id for task in self.tasks.values() if task.place.element == element)

    def sees(self, element: str) -> dict[str, Any]:
        """Give what the form of an open task sees."""
        return workflow.task_data(self.definition, self.step.snapshot, task=self.task(element))

    def complete(self, *elements: str, **answers: Any) -> None:
        """Complete an open task of each element."""
        for element in elements:
            self.complete_task(self.task(element), answers)

    def complete_task(self, task: UUID, answers: Mapping[str, Any]) -> None:
        """Complete one task."""
        self.take(
            workflow.complete(
                self.definition, self.step.snapshot, task=task, answers=answers, moment=self.moment
            )
        )

    def fire(self, element: str, *, late: timedelta = timedelta()) -> None:
        """Let the first timer of an element go off when it is due, or some time later."""
        timer = next(each for each in self.step.timers if each.place.element == element)
        self.moment = replace(self.moment, now=timer.due + late)
        self.take(
            workflow.fire(self.definition, self.step.snapshot, timer=timer.id, moment=self.moment),
        )

    def deliver(self, message: str, **data: Any) -> None:
        """Deliver a message."""
        self.take(
            workflow.deliver(
                self.definition, self.step.snapshot, message=message, data=data, moment=self.moment
            )
        )
