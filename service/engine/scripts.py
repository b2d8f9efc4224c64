"""The body of a script task: `name = FEEL expression`, one on a line; `//` begins a comment line."""

import re

from service.engine import expressions

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


def _lines(body: str) -> list[str]:
    lines = [line.strip() for line in body.splitlines()]
    return [line for line in lines if line and not line.startswith("//")]
