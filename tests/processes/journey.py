"""A journey through real diagrams that fills in what nobody answered, and never stands still."""

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from service.commands.deployments import read_folder
from service.engine import definition, expressions, forms, workflow
from service.engine.components import Component, Type
from service.engine.definition import Definition
from service.engine.expressions import Moment
from service.rules import calendar

ROOT = Path(__file__).parents[2]
ZONE = ZoneInfo("Europe/Stockholm")
TEXT = "Påhittad uppgift."
ONWARD = {
    "contact": "made",
    "reason_to_assume": "yes",
    "citizenship": "third_country",
    "stay": "none",
    "wants_reflection_period": "yes",
    "approval": "approve",
}


@cache
def deployed() -> Definition:
    """All that the folder defines, parsed once."""
    return definition.parse(read_folder(ROOT))


def moment(now: datetime) -> Moment:
    return Moment(now, ZONE, calendar.days_off_around(now.astimezone(ZONE).date()))


class Journey:
    """One instance: what is open, what waits, and what has happened so far."""

    def __init__(self, process: str, *, at: str, **data: Any) -> None:
        start = datetime.fromisoformat(at)
        self.now = (start if start.tzinfo else start.replace(tzinfo=ZONE)).astimezone(UTC)
        self.started_at = self.now.astimezone(ZONE).isoformat()
        self.process, self.given = process, data
        self.definition = deployed()
        self.open: dict[UUID, workflow.OpenTask] = {}
        self.passed: list[str] = []
        self.milestones: list[str] = []
        self.steps: list[dict[str, Any]] = []  # as an example tells them
        self.waited = timedelta()
        self._take(workflow.start(self.definition, process, data=data, moment=moment(self.now)))

    def do(self, element: str, *, right: str | None = None, **answers: Any) -> "Journey":
        """Complete an open task; what the form requires and nobody answered is filled in."""
        task = self.task(element, right=right)
        form = self.definition.forms[self.definition.processes[task.place.process].elements[element].form]
        data = workflow.task_data(self.definition, self.snapshot, task=task.id)
        given = filled(form, answers, data=data, moment=moment(self.now))
        kept = forms.check(form, given, data=data, moment=moment(self.now))
        said = {"element": element, "right": task.place.right, "data": kept}
        self._note({key: value for key, value in said.items() if value is not None})
        return self._take(
            workflow.complete(
                self.definition, self.snapshot, task=task.id, answers=kept, moment=moment(self.now)
            )
        )

    def say(self, message: str, **data: Any) -> "Journey":
        """Deliver a message."""
        element = next(each.place.element for each in self.step.awaited if each.name == message)
        self._note({"element": element, "message": message, "data": data})
        return self._take(
            workflow.deliver(
                self.definition, self.snapshot, message=message, data=data, moment=moment(self.now)
            )
        )

    def wait(self, **time: float) -> "Journey":
        """Let time pass; timers go off in the order they fall due, each at its instant."""
        until = self.now + timedelta(**time)
        self.waited += timedelta(**time)
        while due := sorted((each for each in self.step.timers if each.due <= until), key=lambda t: t.due):
            self.now = max(self.now, due[0].due)
            self._take(
                workflow.fire(self.definition, self.snapshot, timer=due[0].id, moment=moment(self.now))
            )
        self.now = until
        return self

    def task(self, element: str, *, right: str | None = None) -> workflow.OpenTask:
        """The first open task of an element."""
        for task in self.open.values():
            if task.place.element == element and right in (None, task.place.right):
                return task
        raise AssertionError(f"{element} is not open; open are {self.tasks()}")

    def tasks(self) -> list[str]:
        return sorted(task.place.element for task in self.open.values())

    def due(self, element: str) -> str:
        """The local day and time when an open task is due."""
        due = self.task(element).due
        assert due
        return f"{due.astimezone(ZONE):%Y-%m-%d %H:%M}"

    def timers(self) -> dict[str, str]:
        """The local day and time of each waiting timer."""
        return {
            each.place.element: f"{each.due.astimezone(ZONE):%Y-%m-%d %H:%M}" for each in self.step.timers
        }

    def awaited(self) -> set[str]:
        return {each.name for each in self.step.awaited}

    def where(self) -> set[str]:
        """The processes in which something is open, waits or is awaited."""
        return {each.place.process for each in (*self.open.values(), *self.step.timers, *self.step.awaited)}

    def data(self) -> dict[str, Any]:
        return workflow.view(self.definition, self.snapshot).data

    def _note(self, said: dict[str, Any]) -> None:
        if self.waited:
            days, rest = divmod(int(self.waited.total_seconds()), 86400)
            said = {"after": f"PT{days * 24 + rest // 3600}H", **said}
            self.waited = timedelta()
        self.steps.append(said)

    def _take(self, step: workflow.Step) -> "Journey":
        self.step, self.snapshot, self.finished = step, step.snapshot, step.finished
        for id in step.closed:
            self.open.pop(id, None)
        self.open |= {each.id: each for each in step.opened}
        self.passed += [each.element for each in step.passed]
        self.milestones += [each.name for each in step.milestones]
        assert step.finished or self.open or step.timers or step.awaited, "the instance stands still"
        assert not (step.finished and self.open), f"finished with open tasks: {self.tasks()}"
        for each in step.opened:
            drawn = self.definition.processes[each.place.process].elements[each.place.element]
            assert each.due, f"{drawn.id} has no due"
            assert drawn.role in {"caseworker", "team_leader"}, f"{drawn.id} is nobody's"
        return self


def wander(seed: int, *, steps: int = 60) -> Journey:
    """Go where chance leads: any open task with any answer, a message, or some days of waiting."""
    chance = random.Random(seed)  # noqa: S311  nothing secret
    journey = Journey("case", at="2026-12-01T09:00")
    for _ in range(steps):
        if journey.finished:
            break
        said = sorted(journey.awaited())
        if chance.random() < 0.25 or not journey.open:
            journey.wait(days=chance.choice([1, 3, 10, 20]))
        elif said and chance.random() < 0.04:
            journey.say(chance.choice(said))
        else:
            task = chance.choice(sorted(journey.open.values(), key=lambda each: str(each.place)))
            journey.do(task.place.element, right=task.place.right, **guessed(journey, task, chance))
    return journey


def guessed(journey: Journey, task: workflow.OpenTask, chance: random.Random) -> dict[str, Any]:
    """Any choice wherever there is one, but mostly such that the case goes on."""
    drawn = journey.definition.processes[task.place.process].elements[task.place.element]
    questions = journey.definition.forms[drawn.form].fields.items()
    picked = {key: chance.choice(each.options).value for key, each in questions if each.options}
    onward = {key: value for key, value in ONWARD.items() if key in picked and chance.random() < 0.85}
    picked = {
        key: [value] if dict(questions)[key].type in {Type.CHECKLIST, Type.TAGLIST} else value
        for key, value in (picked | onward).items()
    }
    last = f"{journey.now + timedelta(days=29):%Y-%m-%d}"
    return picked | {key: last for key in ("valid_to", "new_valid_to") if key in dict(questions)}


def filled(
    form: forms.Form, answers: Mapping[str, Any], *, data: Mapping[str, Any], moment: Moment
) -> dict[str, Any]:
    """Answer what is required and shown, round after round, since answers show further questions."""
    proposed = forms.initial(form, data)
    given = {key: value for key, value in proposed.items() if value is not None} | dict(answers)
    while True:
        shown = forms.visible(form, given, data=data, moment=moment)
        missing = {
            key: answer(each, moment)
            for key, each in form.fields.items()
            if key in shown and each.rules.required and given.get(key) in (None, "", [])
        }
        if not missing:
            return {key: value for key, value in given.items() if key in shown}
        given |= missing


def answer(question: Component, moment: Moment) -> Any:
    """A valid answer to any question."""
    today = moment.now.astimezone(moment.zone)
    if question.example:
        return question.example
    match question.type:
        case Type.RADIO | Type.SELECT:
            found: Any = question.options[0].value
        case Type.CHECKLIST | Type.TAGLIST:
            found = [question.options[0].value]
        case Type.CHECKBOX:
            found = True
        case Type.NUMBER:
            found = question.rules.minimum or 1
        case Type.DATETIME:
            spelt = {"date": "%Y-%m-%d", "time": "%H:%M", "datetime": "%Y-%m-%dT%H:%M"}
            found = f"{today:{spelt[question.subtype]}}"
        case _:
            found = TEXT
    return found


def replay(example: Mapping[str, Any], process: str) -> Journey:
    """Run an example as it is written; nothing needs to be filled in."""
    journey = Journey(process, at=example["start_at"], **example["data"])
    for step in example["steps"]:
        if "after" in step:
            until = expressions.instant(step["after"], moment=moment(journey.now))
            journey.wait(seconds=(until - journey.now).total_seconds())
        if "message" in step:
            journey.say(step["message"], **step["data"])
        elif "element" in step:
            journey.do(step["element"], right=step.get("right"), **step["data"])
            assert journey.steps[-1]["data"] == step["data"]
    return journey


def examples(process: str) -> list[Path]:
    return sorted((ROOT / "processes" / process / "examples").glob("*.json"))


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
