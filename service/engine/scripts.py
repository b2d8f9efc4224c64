"""The body of a script task: `name = FEEL expression`, one on a line; `//` begins a comment line.

Data that a person gives or reads where there is no form is written in the same way.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from service.engine import expressions
from service.engine.expressions import Moment
from service.errors import Invalid, Problem, StepFailed

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*=(?!=)\s*(\S.*)", re.ASCII)

Assignment = tuple[tuple[str, ...], str]


def read(body: str) -> tuple[Assignment, ...]:
    """Read a body that was checked."""
    found = []
    for line in _lines(body):
        parts = _ASSIGNMENT.fullmatch(line)
        if parts is not None:
            found.append((tuple(parts[1].split(".")), parts[2]))
    return tuple(found)


def problems(body: str) -> list[str]:
    """Say what is wrong with a body; nothing when it is fine."""
    found = []
    lines = _lines(body)
    for line in lines:
        parts = _ASSIGNMENT.fullmatch(line)
        if parts is None:
            found.append(f"“{line}” is no assignment; write name = expression, one on a line.")
        else:
            found += expressions.problems(parts[2])
    return found if lines else ["The script is empty; write assignments, or draw something else."]


def given(body: str, *, moment: Moment) -> dict[str, Any]:
    """Read data that a person wrote; nothing when nothing is written.

    Raises `Invalid` with what is wrong, line by line.
    """
    wrong = problems(body) if _lines(body) else []
    found: dict[str, Any] = {}
    for path, expression in read(body) if not wrong else ():
        try:
            value = expressions.evaluate(expression, found, moment=moment)
        except StepFailed as failure:
            wrong.append(failure.message)
            continue
        inner = found
        for name in path[:-1]:
            inside = inner.get(name)
            inner[name] = inner = dict(inside) if isinstance(inside, Mapping) else {}
        inner[path[-1]] = value
    if wrong:
        raise Invalid(problems=[Problem(message, rule="script") for message in wrong])
    return found


def written(data: Mapping[str, Any]) -> str:
    """Write data as `given` reads it; JSON's values are FEEL's."""
    return "\n".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in data.items())


def _lines(body: str) -> list[str]:
    lines = [line.strip() for line in body.splitlines()]
    return [line for line in lines if line and not line.startswith("//")]
