"""A deployment's diagrams, tables and forms: read and checked once, shared by instances, never changed."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

from service.engine import assembly, checks, decisions, drawing, examples, forms, xml
from service.engine.decisions import Decision
from service.engine.drawing import Drawing, Element, Process
from service.engine.examples import Example
from service.engine.findings import Names
from service.engine.forms import Form
from service.engine.text import Text
from service.errors import Problem, Refused

__all__ = ["Definition", "Element", "Process", "Source", "Text", "parse"]

MOST_TOLD = 300  # problems in one answer
KEPT = 32  # definitions that stay in memory


@dataclass(frozen=True)
class Source:
    """A file's own definition: what it defines and under which key."""

    file: str
    key: str
    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Definition:
    """Everything that one deployment says. `digest` is of all its files, names and contents."""

    digest: str
    processes: Mapping[str, Process] = field(repr=False)
    decisions: Mapping[str, Decision] = field(repr=False)
    forms: Mapping[str, Form] = field(repr=False)
    sources: Mapping[tuple[str, str], Source] = field(
        repr=False
    )  # by ("process" | "decision" | "form" | "example", key)
    specs: Mapping[str, Any] = field(
        repr=False
    )  # SpiffWorkflow's: processes by key, sub-processes by "process/element"
    examples: Mapping[str, Example] = field(default_factory=dict, repr=False)

    def reached(self, process: str) -> tuple[str, ...]:
        """The process and all that it calls, and those call, as far as they are here."""
        found: dict[str, None] = {}
        waiting = [process]
        while waiting:
            key = waiting.pop()
            if key in found or key not in self.processes:
                continue
            found[key] = None
            levels = self.processes[key].levels
            waiting += [node.called for level in levels for node in level.nodes.values() if node.called]
        return tuple(found)


def parse(files: Mapping[str, bytes]) -> Definition:
    """Read and check `*.bpmn`, `*.dmn`, `*.form.json` and `*.example.json` files, by name.

    Kept by digest; safe to share between threads.

    Raises `Refused` with all problems at once: file, element, rule, and what to do.
    """
    digest = _digest(files)
    with _lock:
        known = _known.get(digest)
        if known is not None:
            _known.move_to_end(digest)
            return known
    made = _parse(files, digest)
    with _lock:
        _known[digest] = made
        while len(_known) > KEPT:
            _known.popitem(last=False)
    return made


_lock = threading.Lock()
_known: "OrderedDict[str, Definition]" = OrderedDict()


def _digest(files: Mapping[str, bytes]) -> str:
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(f"{name}\0{len(files[name])}\0".encode())
        whole.update(files[name])
    return whole.hexdigest()


def _parse(files: Mapping[str, bytes], digest: str) -> Definition:
    reading = _Reading()
    for name in sorted(files):
        reading.take(name, files[name])
    names = _names(reading)
    reading.find(checks.problems(reading.drawings, names))
    reading.find(_of_examples(reading.examples.values(), names))
    if reading.problems:
        raise Refused(problems=_bounded(reading.problems))
    processes = {each.key: each for one in reading.drawings for each in one.processes}
    return Definition(
        digest=digest,
        processes=MappingProxyType(processes),
        decisions=MappingProxyType(reading.decisions),
        forms=MappingProxyType(reading.forms),
        sources=MappingProxyType(_sources(files, processes, reading)),
        specs=MappingProxyType(assembly.assemble(processes.values())),
        examples=MappingProxyType(reading.examples),
    )


def _bounded(problems: list[Problem]) -> list[Problem]:
    """Tell no more than anybody reads, and how many more there are."""
    if len(problems) <= MOST_TOLD:
        return problems
    more = len(problems) - MOST_TOLD
    last = Problem(f"{more} more problems are not told; mend these first.", rule="more-problems")
    return [*problems[:MOST_TOLD], last]


class _Reading:
    """What was read so far, and what was wrong with it."""

    def __init__(self) -> None:
        self.drawings: list[Drawing] = []
        self.decisions: dict[str, Decision] = {}
        self.forms: dict[str, Form] = {}
        self.examples: dict[str, Example] = {}
        self.problems: list[Problem] = []
        self.unread: set[str] = set()  # kinds of which a file could not be read

    def find(self, problems: Iterable[Problem]) -> None:
        """Add problems."""
        self.problems += problems

    def take(self, file: str, content: bytes) -> None:
        """Read one file; its own problems are kept for later."""
        try:
            if file.endswith(".bpmn"):
                self.drawings.append(drawing.read(xml.root(content, file), file=file, xml=content))
            elif file.endswith(".dmn"):
                for each in decisions.parse(content, file):
                    self._add(self.decisions, each.key, each, file)
            elif file.endswith(".form.json"):
                form = forms.parse(content, file)
                self._add(self.forms, form.key, form, file)
            elif file.endswith(examples.ENDING):
                example = examples.parse(content, file)
                self.examples[example.key] = example
            else:
                message = (
                    "Only .bpmn, .dmn, .form.json and .example.json files are deployed; take this one away."
                )
                self.problems.append(Problem(message, file=file, rule="file-kind"))
        except Refused as refused:
            self.unread.add(file.partition(".")[2])
            self.find(refused.problems)

    def _add(self, where: dict[str, Any], key: str, value: Any, file: str) -> None:
        if key in where:
            message = f"“{key}” is defined twice; give one of them another key."
            self.problems.append(Problem(message, file=file, element=key, rule="key-twice"))
        where[key] = value


def _names(reading: _Reading) -> Names:
    processes = frozenset(each.key for one in reading.drawings for each in (*one.processes, *one.asleep))
    return Names(
        processes=None if "bpmn" in reading.unread else processes,
        decisions=None if "dmn" in reading.unread else frozenset(reading.decisions),
        forms=None if "form.json" in reading.unread else frozenset(reading.forms),
    )


def _of_examples(found: Iterable[Example], names: Names) -> Iterable[Problem]:
    for each in found:
        if names.processes is not None and each.script.process not in names.processes:
            message = f"There is no process “{each.script.process}” that the example could run."
            yield Problem(message, file=each.file, rule="example")


def _sources(
    files: Mapping[str, bytes],
    processes: Mapping[str, Process],
    reading: _Reading,
) -> dict[tuple[str, str], Source]:
    found = {}
    for key, process in processes.items():
        found["process", key] = Source(process.file, key, process.name, files[process.file])
    for key, decision in reading.decisions.items():
        found["decision", key] = Source(decision.file, key, decision.name or key, files[decision.file])
    for key, form in reading.forms.items():
        found["form", key] = Source(
            form.file, key, form.title.sv or PurePosixPath(form.file).stem, files[form.file]
        )
    for key, example in reading.examples.items():
        name = example.script.name or key
        found["example", key] = Source(example.file, key, name, files[example.file])
    return found
