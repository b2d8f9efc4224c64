"""What the engine tells the house after one push, and what it shows of a standing instance: frozen values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class Place:
    """Where something stands: the process, its element, and the right of the package that it serves."""

    process: str
    element: str
    right: str | None = None


@dataclass(frozen=True)
class OpenTask:
    """Work that a person can do now. `due` is what the diagram's `due` came to when the task opened.

    `counts_from` is what its `countsFrom` came to: where the time that ends then began.
    """

    id: UUID
    place: Place
    due: datetime | None = None
    counts_from: datetime | None = None


@dataclass(frozen=True)
class Timer:
    """A timer event that waits for its instant."""

    id: UUID
    place: Place
    due: datetime
    counts_from: datetime | None = None  # where the time that ends then began


@dataclass(frozen=True)
class Awaited:
    """A message that something waits for.

    `on_the_way` tells whether the process may stand and wait for it alone; one that is only listened for
    beside other work moves nothing on until somebody happens to send it.
    """

    id: UUID
    place: Place
    name: str
    on_the_way: bool = True


@dataclass(frozen=True)
class Milestone:
    """An element with a `milestone` was completed."""

    name: str
    place: Place


@dataclass(frozen=True)
class Decision:
    """A decision table was asked: which rules hit (their ids), in which table. The values are personal."""

    place: Place
    table: str
    rules: tuple[str, ...]
    inputs: dict[str, Any]
    outcome: Any


@dataclass(frozen=True)
class Step:
    """What one push changed: all that the rest of the house learns from the engine."""

    snapshot: bytes
    opened: tuple[OpenTask, ...] = ()  # tasks open now that were not before
    closed: tuple[UUID, ...] = ()  # tasks that were open before and are no more, the completed one too
    passed: tuple[Place, ...] = ()  # elements completed by this push, in order
    fired: tuple[Timer, ...] = ()  # with the instant that they were due
    milestones: tuple[Milestone, ...] = ()
    decisions: tuple[Decision, ...] = ()
    timers: tuple[Timer, ...] = ()  # ALL that wait after this push
    awaited: tuple[Awaited, ...] = ()  # ALL that are awaited after this push
    finished: bool = False


@dataclass(frozen=True)
class View:
    """Where an instance stands, for people to look at: nothing is changed."""

    active: tuple[Place, ...]  # elements that hold a token
    data: dict[str, Any]  # of the instance as a whole; personal
