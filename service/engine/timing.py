"""When timers are due: literals of ISO 8601, and rhythms like R3/PT24H that outlive any downtime."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from service.engine import expressions
from service.engine.expressions import Moment
from service.errors import StepFailed

_LITERAL = re.compile(r"(?:-?P\d|-?PT\d|R\d*/P|R\d*/\d{4}-|\d{4}-\d\d-\d\d)\S*")
_CYCLE = re.compile(r"R(\d*)/(?:(\d{4}-[^/]+)/)?(P[^/]+)")
_PART = re.compile(r"\d+")
_BEATS = 1_000_000  # a rhythm that has missed more than this is no rhythm


@dataclass(frozen=True)
class Cycle:
    """A rhythm: the next beat is number `beat` since `start`, and `left` of them remain (None: no end)."""

    interval: str
    start: datetime
    left: int | None
    beat: int
    due: datetime

    def after(self, moment: Moment) -> "Cycle | None":
        """Give the rhythm after one beat: beats that passed meanwhile are gone. None when it is over."""
        left, beat = self.left, self.beat
        while beat - self.beat < _BEATS:
            beat += 1
            if left is not None:
                left -= 1
                if left <= 0:
                    return None
            due = _beat(self.interval, beat, self.start, moment)
            if due > moment.now:
                return replace(self, left=left, beat=beat, due=due)
        raise StepFailed("The rhythm of the timer beats too fast.")

    def noted(self) -> dict[str, Any]:
        """Give it as plain JSON."""
        return {
            "interval": self.interval,
            "start": self.start.isoformat(),
            "left": self.left,
            "beat": self.beat,
        }


def literal(expression: str) -> str | None:
    """Give the ISO 8601 text when an expression is nothing but that, bare or in quotation marks."""
    text = expressions.stripped(expression)
    if text.startswith('"') and text.endswith('"') and text.count('"') == 2:  # noqa: PLR2004 - one at each end
        text = text[1:-1]
        return text or None
    return text if _LITERAL.fullmatch(text) else None


def cycle(value: Any, *, moment: Moment) -> Cycle:
    """Read a rhythm: R[times]/[start/]duration. Without a start it begins now. Raise StepFailed in words."""
    found = _CYCLE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise StepFailed("A rhythm like R3/PT24H was expected.")
    times, begins, interval = found.groups()
    if times == "0":
        raise StepFailed("A rhythm that beats no times is none.")
    left = int(times) if times else None
    if begins is None:
        due = _beat(interval, 1, moment.now, moment)
        return Cycle(interval, moment.now, left, 1, due)
    start = expressions.instant(begins, moment=moment)
    return Cycle(interval, start, left, 0, start)


def resumed(noted: dict[str, Any], due: datetime) -> Cycle:
    """Give a rhythm back from what was noted of it."""
    start = datetime.fromisoformat(noted["start"])
    return Cycle(noted["interval"], start, noted["left"], noted["beat"], due)


def _beat(interval: str, number: int, start: datetime, moment: Moment) -> datetime:
    """Give the instant of one beat; counted from the start, so that months never drift."""
    if number == 0:
        return start
    many = _PART.sub(lambda part: str(int(part[0]) * number), interval)
    return expressions.instant(many, moment=replace(moment, now=start))
