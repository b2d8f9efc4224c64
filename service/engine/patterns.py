"""Regular expressions from a form's file: which ones could hold up the service, told before they are run."""

import re
from collections.abc import Iterator

LONGEST_PATTERN = 500
LONGEST_VALUE = 256  # characters, at most 1 kB; what a pattern is run on
MOST_REPEATS = 3  # n characters and k repeats without a limit cost up to n to the power of k
FEW = 10

_TOKEN = re.compile(
    r"""(?P<skip>\\.|\[\^?\]?(?:\\.|[^\]\\])*\])   # an escaped character, or a class of characters
      | (?P<open>\((?:\?(?:[:=!]|<[=!]|P?<\w+>))?)
      | (?P<close>\))
      | (?P<repeat>[*+?]|\{\d*,?\d*\})[?+]?
      | (?P<either>\|)
      | .""",
    re.VERBOSE | re.DOTALL,
)


def dangers(pattern: str) -> Iterator[str]:
    """Tell in words why a pattern could take too long on some input (ReDoS); nothing when it cannot."""
    if len(pattern) > LONGEST_PATTERN:
        yield f"Shorten the pattern to at most {LONGEST_PATTERN} characters."
        return
    endless, nested = _measure(pattern)
    if nested:
        yield "Rewrite the pattern: what repeats must match in one way only, unlike (a+)+ or (a|b)+."
    if endless > MOST_REPEATS:
        yield f"Rewrite the pattern with at most {MOST_REPEATS} repeats without an upper limit (*, +)."


def _measure(pattern: str) -> tuple[int, bool]:
    """Count the repeats without a limit, and tell whether one that varies stands inside another."""
    endless, nested = 0, False
    groups = [0]  # how much the content of each open group can vary: 0 not, 1 by one character, 2 freely
    closed = 0  # of the group that was closed just before
    for token in _TOKEN.finditer(pattern):
        kind = token.lastgroup
        if kind == "open":
            groups.append(0)
        elif kind == "either":
            groups[-1] = max(groups[-1], 1)
        elif kind == "close" and len(groups) > 1:
            closed = groups.pop()
            groups[-1] = max(groups[-1], closed)
            continue
        elif kind == "repeat":
            low, high = _bounds(token["repeat"])
            endless += high is None
            nested |= _multiplies(closed, high)
            groups[-1] = max(groups[-1], 1 if high == 1 else 2 if high != low else 0)
        closed = 0
    return endless, nested


def _multiplies(inside: int, high: int | None) -> bool:
    return inside > 0 and (high is None or (high > 1 and inside > 1) or high > FEW)


def _bounds(repeat: str) -> tuple[int, int | None]:
    if repeat in "*+?":
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[repeat]
    low, comma, high = repeat[1:-1].partition(",")
    return int(low or 0), (int(high) if high else None) if comma else int(low or 0)
