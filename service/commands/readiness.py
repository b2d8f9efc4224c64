"""Whether files can take effect: what keeps them from it, and what to think of first."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from service.commands import tables
from service.engine import advice, definition, layouts, simulation
from service.engine.definition import Definition
from service.engine.examples import Example
from service.errors import Problem, Refused
from service.work import clock_of

ENDINGS = {"process": ".bpmn", "decision": ".dmn", "form": ".form.json", "example": ".example.json"}


@dataclass(frozen=True)
class Readiness:
    """What keeps files from being deployed, and what to think of though they can be."""

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()


def look(files: Mapping[str, bytes], before: Definition | None, zone: ZoneInfo) -> Readiness:
    """Look at all files as they would be in force, beside what is; as a deployment does.

    Needs no database, and takes a second: none should be held.
    """
    try:
        parsed = definition.parse(files)
    except Refused as refused:
        return Readiness(refused.problems)
    known = {each.file: each.content for each in before.sources.values()} if before else {}
    added = {name for name, content in files.items() if known.get(name) != content}
    wrong = tuple(misnamed(parsed, added)) or tuple(blocking(parsed, added, zone))
    return Readiness(wrong, tuple(advice.warnings(before, parsed, added)))


def misnamed(parsed: Definition, files: Collection[str]) -> Iterator[Problem]:
    """Find files that are not named after something in them: the next version would not replace them."""
    brought = {of: source for of, source in parsed.sources.items() if source.file in files}
    right = {f"{key}{ENDINGS[kind]}" for kind, key in brought}
    for (kind, key), source in brought.items():
        if source.file not in right:
            message = f"Name the file “{key}{ENDINGS[kind]}”, after its key."
            yield Problem(message, file=source.file, rule="file-name")


def blocking(parsed: Definition, files: Collection[str], zone: ZoneInfo) -> list[Problem]:
    """Find what cannot be shown, or would fail, in these files; if nothing, examples that they make fail."""
    if not files:
        return []
    found = [
        *layouts.problems(parsed, files),
        *advice.circles(parsed, files),
        *advice.overlaps(parsed, files),
        *tables.problems(parsed, files),
    ]
    return found or list(simulation.problems(parsed, _touched(parsed, files), clock=clock_of(parsed, zone)))


def _touched(parsed: Definition, files: Collection[str]) -> list[Example]:
    """Give the examples that these files can change: all, unless only diagrams came that they never call."""
    brought = {each.key for each in parsed.processes.values() if each.file in files}
    only_diagrams = all(name.endswith((ENDINGS["process"], ENDINGS["example"])) for name in files)
    return [
        each
        for each in parsed.examples.values()
        if not only_diagrams
        or each.file in files
        or not brought.isdisjoint(parsed.reached(each.script.process))
    ]
