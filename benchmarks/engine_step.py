"""What one step of the engine costs: against SpiffWorkflow's own serializer, and after thousands of turns.

Run `python benchmarks/engine_step.py`. A step is: load the instance, complete one task, run what needs no
person, save. Times are CPU times of this thread, medians. Ends with status 1 when a bound is broken.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import thread_time
from typing import Any
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).parents[1]))

from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.spiff.parser.process import SpiffBpmnParser
from SpiffWorkflow.spiff.serializer.config import SPIFF_CONFIG
from SpiffWorkflow.util.task import TaskState

from service.engine import workflow
from service.engine.definition import Definition, parse
from service.engine.expressions import Moment

FASTER = 4.0  # at least so many times faster than SpiffWorkflow's own serializer
STEADY = 1.3  # a late turn costs at most so many times an early one
TURNS, PARALLEL_TURNS = 2_000, 500
EARLY = 10
WINDOW = 10  # turns on either side

MOMENT = Moment(datetime(2026, 3, 2, 9, tzinfo=UTC), ZoneInfo("Europe/Stockholm"), frozenset())
NS = (
    'xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core"'
)
SPEAKS = (
    "<bpmn:extensionElements><spiffworkflow:properties>"
    '<spiffworkflow:property name="form" value="note"/>'
    '<spiffworkflow:property name="role" value="caseworker"/>'
    "</spiffworkflow:properties></bpmn:extensionElements>"
)
FORM = b"""{"type": "default", "id": "note", "title": "Anteckning", "schemaVersion": 19,
"properties": {"title_en": "Note"}, "components": [
{"type": "textfield", "key": "note", "label": "Anteckning", "properties": {"label_en": "Note"}}]}"""


@dataclass(frozen=True)
class Line:
    """One line of the table: two costs in seconds, and the bound on their ratio."""

    what: str
    first: float
    second: float
    ratio: float
    bound: str
    holds: bool


def main() -> int:
    lines = [case_line(), *loop_lines()]
    print(f"{'':58}{'first':>10}{'second':>10}{'ratio':>8}  bound")
    for line in lines:
        costs = f"{line.first * 1e3:8.2f}ms{line.second * 1e3:8.2f}ms{line.ratio:8.2f}"
        print(f"{line.what:58}{costs}  {line.bound}{'' if line.holds else '  BROKEN'}")
    return 0 if all(line.holds for line in lines) else 1


def case_line() -> Line:
    """Compare a case of 30 tasks with the same under SpiffWorkflow's own serializer."""
    files = {"case.bpmn": case(), "note.form.json": FORM}
    ours = [cost for _ in range(3) for cost in ours_through(parse(files))]
    theirs = list(theirs_through(files["case.bpmn"]))
    first, second = median(theirs), median(ours)
    ratio = first / second
    bound = f">= {FASTER} times faster"
    return Line("30-task case: SpiffWorkflow / ours", first, second, ratio, bound, ratio >= FASTER)


def loop_lines() -> Iterator[Line]:
    """Compare late turns of loops with early ones."""
    for what, body, turns in (
        ("loop", [task("a")], TURNS),
        ("loop around a parallel block", parallel("p", [[task("a")], [task("b")]]), PARALLEL_TURNS),
        ("loop with a reminder that went off", [*reminded("a")], PARALLEL_TURNS),
    ):
        first, second = turn_costs(loop(body), turns)
        ratio = second / first
        name = f"{what}: turn {EARLY} / turn {turns}"
        yield Line(name, first, second, ratio, f"<= {STEADY} times dearer", ratio <= STEADY)


def ours_through(definition: Definition) -> Iterator[float]:
    """Complete all tasks of a case; give what each step cost."""
    step = workflow.start(definition, "case", data={}, moment=MOMENT)
    open_ = [each.id for each in step.opened]
    number = 0
    while open_:
        number += 1
        begun = thread_time()
        answers = answered(number)
        step = workflow.complete(definition, step.snapshot, task=open_.pop(0), answers=answers, moment=MOMENT)
        yield thread_time() - begun
        open_ += [each.id for each in step.opened]
    assert step.finished


def theirs_through(xml: bytes) -> Iterator[float]:
    """Do the same with SpiffWorkflow as it comes."""
    parser = SpiffBpmnParser()
    parser.add_bpmn_str(xml)
    serializer = BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure(SPIFF_CONFIG))
    started = BpmnWorkflow(parser.get_spec("case"), parser.get_subprocess_specs("case"))
    started.do_engine_steps()
    stored = serializer.serialize_json(started)
    number, completed = 0, False
    while not completed:
        number += 1
        begun = thread_time()
        case_ = serializer.deserialize_json(stored)
        ready = case_.get_next_task(state=TaskState.READY, manual=True)
        ready.data.update(answered(number))
        ready.run()
        case_.do_engine_steps()
        stored = serializer.serialize_json(case_)
        yield thread_time() - begun
        completed = case_.is_completed()


def turn_costs(xml: bytes, turns: int) -> tuple[float, float]:
    """Go through a loop; give what turns around an early and a late one cost, measured by turns."""
    definition = parse({"case.bpmn": xml, "note.form.json": FORM})
    step = workflow.start(definition, "case", data={}, moment=MOMENT)
    standing = [Standing(step, step.opened)]
    for number in range(turns + WINDOW):
        standing.append(turn(definition, standing[-1], number))
    costs: tuple[list[float], list[float]] = [], []
    for offset in (*range(-WINDOW, WINDOW), *range(-WINDOW, WINDOW)):
        for number, found in zip((EARLY, turns), costs, strict=True):
            begun = thread_time()
            turn(definition, standing[number + offset], number + offset)
            found.append(thread_time() - begun)
    return median(costs[0]), median(costs[1])


@dataclass(frozen=True)
class Standing:
    """Where a loop stands at the beginning of a turn."""

    step: workflow.Step
    opened: tuple[workflow.OpenTask, ...]


def turn(definition: Definition, standing: Standing, number: int) -> Standing:
    """Go through a loop once: all timers go off, all tasks are completed."""
    step, opened = standing.step, list[workflow.OpenTask]()
    for timer in step.timers:
        step = workflow.fire(definition, step.snapshot, timer=timer.id, moment=MOMENT)
    answers = {**answered(number % 7), "again": True}
    for each in standing.opened:
        step = workflow.complete(definition, step.snapshot, task=each.id, answers=answers, moment=MOMENT)
        opened += step.opened
    return Standing(step, tuple(opened))


def answered(number: int) -> Mapping[str, Any]:
    """Give the answers of a form: invented, of the size of a real one."""
    return {f"field_{number}_{n}": f"Ett svar av vanlig längd, nummer {n}, i ärendet." for n in range(6)}


# --- diagrams: a part is a function that draws itself after a node and names the node to go on from ---

Part = Callable[["Sheet", str], str]


class Sheet:
    """A process that is being drawn."""

    def __init__(self) -> None:
        self.xml: list[str] = []

    def node(self, tag: str, id: str, inside: str = "", **attributes: str) -> str:
        """Draw a node; give its id."""
        more = "".join(f' {name}="{value}"' for name, value in attributes.items())
        self.xml.append(f'<bpmn:{tag} id="{id}" name="{id}"{more}>{inside}</bpmn:{tag}>')
        return id

    def flow(self, source: str, target: str, condition: str = "", id: str = "") -> None:
        """Draw a flow."""
        inside = f"<bpmn:conditionExpression>{condition}</bpmn:conditionExpression>" if condition else ""
        id = id or f"flow{len(self.xml)}"
        ends = f'sourceRef="{source}" targetRef="{target}"'
        self.xml.append(f'<bpmn:sequenceFlow id="{id}" {ends}>{inside}</bpmn:sequenceFlow>')

    def chain(self, parts: Sequence[Part], before: str) -> str:
        """Draw parts one after the other."""
        for part in parts:
            before = part(self, before)
        return before


def drawn(parts: Sequence[Part]) -> bytes:
    sheet = Sheet()
    sheet.node("startEvent", "start")
    last = sheet.chain(parts, "start")
    sheet.node("endEvent", "end")
    sheet.flow(last, "end")
    inside = "".join(sheet.xml)
    process = f'<bpmn:process id="case" name="Fall" isExecutable="true">{inside}</bpmn:process>'
    return f'<bpmn:definitions {NS} id="D" targetNamespace="urn:bench">{process}</bpmn:definitions>'.encode()


def case() -> bytes:
    """Draw 30 user tasks: six, then six branches of three with reminders, then six in a sub-process."""
    branches = [[task(f"offer{n}"), *reminded(f"arrange{n}"), task(f"follow{n}")] for n in range(6)]
    first, last = [task(f"first{n}") for n in range(6)], [task(f"last{n}") for n in range(6)]
    return drawn([*first, *parallel("rights", branches), sub_process("closing", last)])


def loop(body: Sequence[Part]) -> bytes:
    def part(sheet: Sheet, before: str) -> str:
        sheet.flow(before, sheet.node("exclusiveGateway", "top"))
        last = sheet.chain(body, "top")
        sheet.flow(last, sheet.node("exclusiveGateway", "bottom", default="on"))
        sheet.flow("bottom", "top", "again")
        sheet.flow("bottom", sheet.node("intermediateThrowEvent", "after"), id="on")
        return "after"

    return drawn([part])


def task(id: str) -> Part:
    def part(sheet: Sheet, before: str) -> str:
        sheet.flow(before, sheet.node("userTask", id, SPEAKS))
        return id

    return part


def reminded(id: str) -> Iterator[Part]:
    """A task with a reminder that interrupts nothing."""
    yield task(id)

    def part(sheet: Sheet, before: str) -> str:
        day = '<bpmn:timeDuration>"PT24H"</bpmn:timeDuration>'
        timer = f"<bpmn:timerEventDefinition>{day}</bpmn:timerEventDefinition>"
        sheet.node("boundaryEvent", f"{id}_late", timer, attachedToRef=id, cancelActivity="false")
        sheet.flow(f"{id}_late", sheet.node("endEvent", f"{id}_told"))
        return before

    yield part


def parallel(id: str, branches: Sequence[Sequence[Part]]) -> list[Part]:
    def part(sheet: Sheet, before: str) -> str:
        split, join = (
            sheet.node("parallelGateway", f"{id}_split"),
            sheet.node("parallelGateway", f"{id}_join"),
        )
        sheet.flow(before, split)
        for branch in branches:
            sheet.flow(sheet.chain(branch, split), join)
        return join

    return [part]


def sub_process(id: str, parts: Sequence[Part]) -> Part:
    def part(sheet: Sheet, before: str) -> str:
        inner = Sheet()
        inner.node("startEvent", f"{id}_start")
        last = inner.chain(parts, f"{id}_start")
        inner.node("endEvent", f"{id}_end")
        inner.flow(last, f"{id}_end")
        inside = "".join(inner.xml).replace('id="flow', f'id="{id}_flow')
        sheet.flow(before, sheet.node("subProcess", id, inside))
        return id

    return part


if __name__ == "__main__":
    sys.exit(main())
