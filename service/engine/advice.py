"""What an owner should know before files take effect: lost milestones, gaps, unknown names, poor drawings."""

from collections.abc import Collection, Iterator

from service.engine import coverage, joins, layouts, readability, soundness, variables
from service.engine.decisions import DecisionTable, HitPolicy
from service.engine.definition import Definition
from service.engine.drawing import Element, Process
from service.errors import Problem


def warnings(before: Definition | None, after: Definition, files: Collection[str]) -> Iterator[Problem]:
    """Warn of what these files bring or take away, and of what could be misread in them."""
    said = list(_warnings(before, after, files))
    yield from said
    yield from readability.warnings(after, files, said)


def _warnings(before: Definition | None, after: Definition, files: Collection[str]) -> Iterator[Problem]:
    yield from _milestones(before, after, files)
    looks = [joins.MOST_LOOKS]
    for process in after.processes.values():
        if process.file in files:
            yield from _endless(process)
            yield from _joins(process, looks)
            for element in process.elements.values():
                yield from _of_task(element, process.file)
    for table in after.decisions.values():
        if table.file in files and isinstance(table, DecisionTable):
            yield from _gaps(table)
    yield from variables.warnings(after, files)
    yield from layouts.warnings(after, files)


def overlaps(found: Definition, files: Collection[str]) -> Iterator[Problem]:
    """Find rules of UNIQUE tables in these files that can both hit: the table would fail then."""
    for table in found.decisions.values():
        if table.file not in files or not isinstance(table, DecisionTable):
            continue
        if table.hit_policy is HitPolicy.UNIQUE:
            for one, other in coverage.overlaps(table):
                message = (
                    f"Rules “{one}” and “{other}” can both hit; narrow one of them, or choose another hit "
                    "policy than UNIQUE."
                )
                yield Problem(message, element=other, file=table.file, rule="dmn-overlap")


def circles(found: Definition, files: Collection[str]) -> Iterator[Problem]:
    """Find calls in these files of what never ends, since processes call each other: cases would fail."""
    for node in soundness.circling(found.processes):
        file = found.processes[node.element.process].file
        if file in files:
            message = (
                "What is called here never ends, since processes call each other in a circle; draw a way to "
                "an end that does not pass the call."
            )
            yield Problem(message, element=node.id, file=file, rule="calls-circle")


def _milestones(before: Definition | None, after: Definition, files: Collection[str]) -> Iterator[Problem]:
    for key, process in (before.processes if before else {}).items():
        if process.file not in files or key not in after.processes:
            continue
        kept = {each.milestone for each in after.processes[key].elements.values()}
        for element in process.elements.values():
            if element.milestone and element.milestone not in kept:
                message = (
                    f"The milestone “{element.milestone}” would disappear: figures that count it stop here. "
                    "Put it on another element, or say why in the note."
                )
                yield Problem(message, element=element.id, file=process.file, rule="milestone-lost")


def _endless(process: Process) -> Iterator[Problem]:
    for level in process.levels:
        for each in soundness.endless(level):
            path = " → ".join(each.path)
            message = f"From here no path comes to an end (“{path}”); draw a way out to an end event."
            yield Problem(message, element=each.element, file=process.file, rule="never-ends")


def _joins(process: Process, looks: list[int]) -> Iterator[Problem]:
    for level in process.levels:
        for stuck in joins.stuck(level, looks):
            path = " → ".join(stuck.path)
            if not stuck.missing:
                message = (
                    f"Something stays here for ever when a case goes “{path}”: it comes once too often. Draw "
                    "the split and its join alike."
                )
                yield Problem(message, element=stuck.element, file=process.file, rule="join-left-over")
                continue
            missing = stuck.missing[0]
            message = (
                f"Nothing comes from “{missing}” when a case goes “{path}”, so it waits here for ever. "
                "Join with a gateway of the same kind as the split."
            )
            yield Problem(message, element=stuck.element, file=process.file, rule="join-stuck")
        for each in joins.doubled(level):
            message = (
                f"The branches of “{each.split}” all come here, each by itself, so what follows is done more "
                "than once. Join them with a parallel gateway."
            )
            yield Problem(message, element=each.element, file=process.file, rule="done-twice")


def _of_task(element: Element, file: str) -> Iterator[Problem]:
    if element.kind not in {"userTask", "manualTask", "task"}:
        return
    said = {
        "form": element.form,
        "role": element.role,
        "due": element.due,
        "guidance": element.guidance.sv,
        "guidance_en": element.guidance.en,
    }
    missing = [name for name, value in said.items() if not value]
    if missing:
        message = f"The task does not say {', '.join(missing)}; caseworkers rely on it. Fill it in."
        yield Problem(message, element=element.id, file=file, rule="task-incomplete")


def _gaps(table: DecisionTable) -> Iterator[Problem]:
    found = coverage.gap(table)
    if found is not None:
        inputs = ", ".join(f"{name}: {value}" for name, value in found.inputs.items())
        message = f"No rule hits when {inputs}; add a rule or a default, unless that is meant."
        yield Problem(message, element=table.table, file=table.file, rule="dmn-gap")
