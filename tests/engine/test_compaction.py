"""What is forgotten is never missed: random diagrams run with and without compaction, as the blocks say."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from blocks import Aside, Chain, Expectation, Open, Work, diagrams, files
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from service.commands.deployments import read_folder
from service.engine import workflow
from service.engine.definition import Definition, parse
from service.engine.expressions import Moment
from service.engine.tree import Instance
from service.rules import calendar

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "processes").glob("*/examples/*.json"))
MOMENT = Moment(datetime(2026, 3, 2, 9, tzinfo=UTC), ZoneInfo("Europe/Stockholm"), frozenset())
STEPS = 40
Choices = Sequence[
    tuple[int, int]
]  # for each step: which of what is open, and what is said there, bit by bit


class Run:
    """One instance of a diagram that is driven by what is expected to be open."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.tasks: dict[UUID, str] = {}
        self.known: dict[int, UUID] = {}
        self._take(workflow.start(definition, "random", data={}, moment=MOMENT))

    def _take(self, step: workflow.Step) -> None:
        self.step = step
        for id in step.closed:
            del self.tasks[id]
        self.tasks |= {each.id: each.place.element for each in step.opened}

    def open(self) -> dict[UUID, tuple[str, str]]:
        """Give what can be done: kind and element by id."""
        return {
            **{id: ("task", element) for id, element in self.tasks.items()},
            **{each.id: ("timer", each.place.element) for each in self.step.timers},
            **{each.id: ("message", each.place.element) for each in self.step.awaited},
        }

    def recognise(self, expected: Sequence[Open]) -> None:
        """Demand that just what is expected is open, and learn which is which."""
        now = self.open()
        self.known = {each.number: self.known[each.number] for each in expected if each.number in self.known}
        for number, id in self.known.items():
            assert id in now, f"number {number} is gone"
        new = [(kind, element, id) for id, (kind, element) in now.items() if id not in self.known.values()]
        missing = [each for each in expected if each.number not in self.known]
        assert sorted((kind, element) for kind, element, _ in new) == sorted(
            (each.kind, each.element) for each in missing
        )
        new.sort(key=lambda each: each[:2])
        for each, (_, _, id) in zip(sorted(missing, key=lambda e: (e.kind, e.element)), new, strict=True):
            self.known[each.number] = id

    def do(self, item: Open, answers: Mapping[str, Any]) -> None:
        """Do one of the things that are open."""
        now = {"moment": MOMENT}
        snapshot, id = self.step.snapshot, self.known[item.number]
        if item.kind == "task":
            self._take(workflow.complete(self.definition, snapshot, task=id, answers=answers, **now))
        elif item.kind == "timer":
            self._take(workflow.fire(self.definition, snapshot, timer=id, **now))
        else:
            self._take(workflow.deliver(self.definition, snapshot, message=item.element, data={}, **now))

    def data(self) -> dict[int | str, Any]:
        """Give what is known as a whole and at each task."""
        snapshot = self.step.snapshot
        tasks = {number: id for number, id in self.known.items() if id in self.tasks}
        seen = {n: workflow.task_data(self.definition, snapshot, task=id) for n, id in tasks.items()}
        return {"all": workflow.view(self.definition, snapshot).data, **seen}


class Memory:
    """Stands for `state` where nothing is stored: each instance stays in memory, whole, from step to step."""

    def __init__(self) -> None:
        self.instances: dict[bytes, Instance] = {}

    def dump(self, instance: Instance) -> bytes:
        key = uuid4().bytes
        self.instances[key] = instance
        return key

    def load(self, key: bytes, _: Definition, *, script_engine: Any = None) -> Instance:
        instance = self.instances[key]
        instance.script_engine = script_engine
        return instance


def unforgetting(what: Any, *given: Any) -> Any:
    """Do something without storing, reloading or compacting."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workflow, "state", MEMORY)
        return what(*given)


MEMORY = Memory()


@cache
def deployed() -> Definition:
    return parse(read_folder(ROOT))


class Told:
    """An instance of a real process that does what an example tells, and what was seen after each step."""

    def __init__(self, process: str, example: Mapping[str, Any]) -> None:
        self.now = datetime.fromisoformat(example["start_at"]).astimezone(UTC)
        self.open: dict[UUID, workflow.OpenTask] = {}
        self.seen: list[Any] = []
        self.take(workflow.start(deployed(), process, data=example["data"], moment=self.moment))
        for step in example["steps"]:
            self.wait(step.get("after", ""))
            self.do(**{key: value for key, value in step.items() if key != "after"})

    @property
    def moment(self) -> Moment:
        return replace(MOMENT, now=self.now, days_off=calendar.days_off_around(self.now.date()))

    def take(self, step: workflow.Step) -> None:
        self.step = step
        self.open = {id: task for id, task in self.open.items() if id not in step.closed}
        self.open |= {task.id: task for task in step.opened}
        self.seen.append(
            (
                sorted(str((task.place, task.due)) for task in self.open.values()),
                sorted(str((timer.place, timer.due)) for timer in step.timers),
                sorted(str((each.place, each.name)) for each in step.awaited),
                step.finished,
                workflow.view(deployed(), step.snapshot).data,
            )
        )

    def wait(self, after: str) -> None:
        hours = {"W": 168, "D": 24, "H": 1}
        parts = re.findall(r"(\d+)([WDH])", after)
        until = self.now + timedelta(hours=sum(int(number) * hours[unit] for number, unit in parts))
        while due := sorted((each for each in self.step.timers if each.due <= until), key=lambda e: e.due):
            self.now = max(self.now, due[0].due)
            given = {"timer": due[0].id, "moment": self.moment}
            self.take(workflow.fire(deployed(), self.step.snapshot, **given))
        self.now = until

    def do(self, data: Any, element: str = "", message: str = "", right: str | None = None) -> None:
        snapshot, now = self.step.snapshot, {"moment": self.moment}
        if message:
            self.take(workflow.deliver(deployed(), snapshot, message=message, data=data, **now))
            return
        wanted = [task for task in self.open.values() if task.place.element == element]
        task = next(task for task in wanted if right in (None, task.place.right))
        self.take(workflow.complete(deployed(), snapshot, task=task.id, answers=data, **now))


def drive(diagram: Chain, choices: Choices) -> None:
    """Run a diagram twice and as the blocks say, and demand the same of all three after every step."""
    definition = parse(files(diagram))
    MEMORY.instances.clear()
    expected = Expectation(diagram)
    stored, whole = Run(definition), unforgetting(Run, definition)
    for number, (choice, bits) in enumerate(choices):
        for run in (stored, whole):
            run.recognise(expected.opened())
        assert stored.data() == unforgetting(whole.data)
        assert stored.step.finished == whole.step.finished == (not expected.opened())
        item = chosen(expected.opened(), choice)
        if item is None:
            break
        said = Said(bits)
        note(f"{item} {bits:b}")
        expected.do(item, said)
        answers = {f"w_{item.element}": number, **said.variables(item, diagram)}
        stored.do(item, answers)
        unforgetting(whole.do, item, answers)


class Said:
    """What the task of a deciding block says of its variables."""

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def __call__(self, variable: str) -> bool:
        last = variable.rsplit("_", 1)[1]
        return bool(self.bits >> (int(last) if last.isdigit() else 0) & 1)

    def variables(self, item: Open, _: Chain) -> dict[str, bool]:
        block = item.element.removesuffix("_d")
        if block == item.element:
            return {}
        names = [f"{block}_{n}" for n in range(3)] if block.startswith("s") else [f"{block}_again"]
        return {name: self(name) for name in names}


def chosen(items: Sequence[Open], choice: int) -> Open | None:
    """Pick something to do; a message only where just one thing waits for it."""
    waiting = [(each.kind, each.element) for each in items]
    fit = [each for each in items if each.kind != "message" or waiting.count((each.kind, each.element)) == 1]
    return fit[choice % len(fit)] if fit else None


CHOICES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 7)), min_size=8, max_size=STEPS)
QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=60, **QUIET)
@given(diagrams(), CHOICES)
def test_random_diagrams_run_alike_with_and_without_compaction(diagram, choices):
    drive(diagram, choices)


# Two branches that end by themselves, begun before and after the task `mid`; `last` ends the whole.
STRANDS = Chain(
    (Aside("a1", Chain((Work("one"),))), Work("mid"), Aside("a2", Chain((Work("two"),))), Work("last"))
)


@pytest.mark.parametrize(
    "said",
    [
        [("one", {"a": 1}), ("mid", {}), ("two", {"b": 2}), ("last", {"c": 3})],
        [("one", {"v": 1}), ("mid", {}), ("two", {"v": 2}), ("last", {})],
        [("mid", {}), ("two", {"v": 2}), ("one", {"v": 1}), ("last", {})],
        [("one", {"v": [1]}), ("mid", {"v": [2]}), ("two", {"w": 1}), ("last", {})],
        [("mid", {"v": [2]}), ("one", {"v": [1]}), ("two", {"v": [2, 3]}), ("last", {"v": [2, 4]})],
        [("one", {"v": {"x": 1}}), ("mid", {"v": {"y": 1}}), ("two", {"v": {"z": 1}}), ("last", {})],
    ],
)
def test_branches_that_ended_add_the_same_to_the_end(said):
    MEMORY.instances.clear()
    assert answered(said) == unforgetting(answered, said)


def test_nothing_that_an_ended_branch_said_is_lost():
    said = [("one", {"a": 1}), ("mid", {}), ("two", {"b": 2}), ("last", {"c": 3})]
    assert answered(said)[-1] == {"a": 1, "b": 2, "c": 3}


def answered(said: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Any]:
    """Complete the tasks of `STRANDS` in some order; give what is known after each."""
    run, seen = Run(parse(files(STRANDS))), []
    for element, answers in said:
        id = next(id for id, name in run.tasks.items() if name == element)
        step = workflow.complete(run.definition, run.step.snapshot, task=id, answers=answers, moment=MOMENT)
        run._take(step)
        seen.append(workflow.view(run.definition, step.snapshot).data)
    assert run.step.finished
    return seen


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_real_cases_run_alike_with_and_without_compaction(path):
    MEMORY.instances.clear()
    process, example = path.parts[-3], json.loads(path.read_text())
    assert Told(process, example).seen == unforgetting(Told, process, example).seen


@pytest.mark.slow
@settings(max_examples=3_000, **QUIET)
@given(diagrams(size=16), CHOICES)
def test_many_random_diagrams_run_alike_with_and_without_compaction(diagram, choices):
    drive(diagram, choices)
