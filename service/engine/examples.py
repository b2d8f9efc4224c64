"""Example cases: a process run as its owner expects it to go, step by step, kept with its diagram.

`<process>.<name>.example.json` holds `{name, start_at, data, steps, ends}`; a step names an open task by its
`element` (and `right`), or a `message`, with the `data` given, `after` some time. `ends` names an element
that must have been passed when all steps are done.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from service.errors import Problem, Refused

ENDING = ".example.json"
MOST_STEPS = 200
LARGEST = 256 * 1024  # bytes
YEARS = range(1900, 3000)  # in which a run can be
_FILE = re.compile(r"([a-z][a-z0-9_]{0,62})\.([a-z][a-z0-9_]{0,62})\.example\.json")
_OF_STEP = frozenset({"element", "right", "message", "data", "after"})
_OF_EXAMPLE = frozenset({"name", "start_at", "data", "steps", "ends", "until"})


@dataclass(frozen=True)
class Act:
    """One thing done: a task completed, a message delivered, or only time that passes (`after`)."""

    element: str | None = None
    right: str | None = None
    message: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    after: str | None = None  # ISO 8601 duration, or an instant with offset


@dataclass(frozen=True)
class Script:
    """What is done, in order, from when on. `ends`: an element to be passed; `until`: wait on to there."""

    process: str
    start_at: datetime  # aware
    data: Mapping[str, Any] = field(default_factory=dict)
    acts: tuple[Act, ...] = ()
    ends: str | None = None
    until: str | None = None
    name: str = ""


@dataclass(frozen=True)
class Example:
    """A script that is deployed. `key` is `<process>.<name>`."""

    key: str
    file: str
    script: Script


def parse(content: bytes, file: str) -> Example:
    """Read an example; raises `Refused` with all problems: file, the step as pointer, and words."""
    named = _FILE.fullmatch(file)
    if named is None:
        raise _refused(file, ["Name an example by its process: case.withdrawn.example.json."])
    if len(content) > LARGEST:
        raise _refused(file, [f"An example has at most {LARGEST // 1024} kB."])
    try:
        said = json.loads(content.decode("utf-8"), parse_constant=_no_constant)
        json.dumps(said, ensure_ascii=False).encode("utf-8")  # half a character is no text
    except (ValueError, RecursionError) as error:
        raise _refused(file, ["The example is not JSON of whole characters."]) from error
    problems = _problems(said)
    if problems:
        raise Refused(problems=[Problem(m, pointer=p, file=file, rule="example") for p, m in problems])
    return Example(f"{named[1]}.{named[2]}", file, script(said, process=named[1]))


def script(said: Mapping[str, Any], *, process: str) -> Script:
    """Make a script of what an example says, once it is known to be well formed."""
    acts = [Act(**{key: each[key] for key in _OF_STEP if key in each}) for each in said.get("steps", [])]
    start = said["start_at"]
    return Script(
        process=process,
        start_at=start if isinstance(start, datetime) else datetime.fromisoformat(start),
        data=said.get("data") or {},
        acts=tuple(acts),
        ends=said.get("ends"),
        until=said.get("until"),
        name=said.get("name") or "",
    )


def _problems(said: Any) -> list[tuple[str, str]]:
    if not isinstance(said, dict):
        return [("", "An example is one object with name, start_at, data, steps and ends.")]
    found = [(f"/{name}", f"An example has no “{name}”.") for name in sorted(said.keys() - _OF_EXAMPLE)]
    found += [
        (f"/{name}", f"Give “{name}” as text.")
        for name in ("name", "ends", "until")
        if not isinstance(said.get(name, ""), str)
    ]
    if not _is_instant(said.get("start_at")):
        found.append(("/start_at", "Say when it begins, with an offset: 2027-01-04T09:00:00+01:00."))
    if not isinstance(said.get("data", {}), dict):
        found.append(("/data", "Give the data as an object."))
    steps = said.get("steps", [])
    if not isinstance(steps, list) or len(steps) > MOST_STEPS:
        return [*found, ("/steps", f"Give a list of at most {MOST_STEPS} steps.")]
    for number, each in enumerate(steps):
        found += [(f"/steps/{number}", message) for message in _of_step(each)]
    return found


def _of_step(said: Any) -> list[str]:
    if not isinstance(said, dict):
        return ["A step is an object with element or message, data and after."]
    found = [f"A step has no “{name}”." for name in sorted(said.keys() - _OF_STEP)]
    words = ("element", "right", "message", "after")
    found += [f"Give “{name}” as text." for name in words if not isinstance(said.get(name, ""), str)]
    if not isinstance(said.get("data", {}), dict):
        found.append("Give the data of the step as an object.")
    if not said.keys() & {"element", "message", "after"}:
        found.append("Say which task (element) or message, or how much time passes (after).")
    return found


def _is_instant(value: Any) -> bool:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return False
    return at is not None and at.tzinfo is not None and at.year in YEARS


def _no_constant(name: str) -> Any:
    raise ValueError(f"there is no {name} in JSON")


def _refused(file: str, messages: list[str]) -> Refused:
    return Refused(problems=[Problem(message, file=file, rule="example") for message in messages])
