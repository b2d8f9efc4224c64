"""Moments of the Swedish wall clock, for tests."""

from datetime import datetime
from zoneinfo import ZoneInfo

import time_machine

STOCKHOLM = ZoneInfo("Europe/Stockholm")


def local(text: str) -> datetime:
    """A moment of the Swedish wall clock."""
    return datetime.fromisoformat(text).replace(tzinfo=STOCKHOLM)


def at(text: str) -> time_machine.travel:
    """Be there for a while."""
    return time_machine.travel(local(text), tick=False)
