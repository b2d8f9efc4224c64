"""Would cases have gone the same way on a candidate? Their histories are gone through on the engine.

What people answered is read for it, which is logged for each case; it goes to the engine and nowhere else.
Nothing is kept. Protected cases are left out: nobody but those named may learn of them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.engine import definition, replay
from service.engine.definition import Definition
from service.engine.replay import Push, Stood, Verdict
from service.engine.step import Place
from service.engine.text import Text
from service.errors import Invalid, NotFound, Problem
from service.models.cases import Case, ProcessInstance
from service.models.moves import MOVES
from service.queries import drafts, history
from service.queries.history import Event
from service.queries.trace import Folding
from service.rules.permissions import Permission, Protection, require
from service.work import UnitOfWork, clock_of

SAMPLE = 20  # cases, unless told
MOST = 200  # cases at a time
MOST_PUSHES = 4_000  # in all: about half a minute
Begin = Callable[[], AbstractContextManager[UnitOfWork]]


@dataclass(frozen=True)
class Replayed:
    """How one case went: its reference, and the verdict with the name of the element that it is about."""

    case_id: UUID
    reference: str
    status: str
    verdict: Verdict
    name: Text


@dataclass(frozen=True)
class Replays:
    """How cases went; those that came after the limit on pushes are only counted."""

    items: tuple[Replayed, ...]
    left_out: int

    @property
    def counts(self) -> dict[str, int]:
        """How many cases had each outcome."""
        outcomes = [each.verdict.outcome for each in self.items]
        return {each: outcomes.count(each) for each in (replay.SAME, replay.DIVERGES, replay.BLOCKED)}


def run(
    begin: Begin,
    files: Mapping[str, bytes],
    *,
    process: str | None = None,
    cases: Collection[UUID] | None = None,
    sample: int = SAMPLE,
) -> Replays:
    """Go through cases on files laid over what is in force: those named, else the newest.

    `process` takes those cases alone whose process it is, or calls it. Raises `NotFound` for an unknown
    process, `Refused` for files that cannot be deployed, `Invalid` for cases that are not there.
    """
    with begin() as work:
        require(work.actor, Permission.DEFINITION_DEPLOY)
        laid = drafts.in_force(work) | dict(files)
        zone = work.zone
    candidate = definition.parse(laid)  # a second of thinking, with no transaction open
    if process is not None and process not in candidate.processes:
        raise NotFound
    with begin() as work:
        found = _chosen(work, candidate, process, cases, min(sample, MOST))
    clock, items, pushes = clock_of(candidate, zone), [], 0
    for case_id in found:
        if pushes > MOST_PUSHES:
            break
        with begin() as work:
            case, root, before, happened = _read(work, case_id)
        pushes += len(happened)
        verdict = replay.replay(candidate, root, happened, clock=clock)
        name = _name(verdict.place, candidate, before)
        items.append(Replayed(case.id, case.reference, case.status.value, verdict, name))
    return Replays(tuple(items), len(found) - len(items))


def _chosen(
    work: UnitOfWork,
    candidate: Definition,
    process: str | None,
    cases: Collection[UUID] | None,
    sample: int,
) -> list[UUID]:
    which = [Case.protection == Protection.NORMAL.value, Case.wrapped_key.is_not(None)]
    if process is not None:
        roots = [key for key in candidate.processes if process in candidate.reached(key)]
        which.append(ProcessInstance.process.in_(roots))
    if cases is not None:
        which.append(Case.id.in_(cases))
    rows = sa.select(Case.id).join(ProcessInstance).where(*which).order_by(Case.opened_at.desc(), Case.id)
    found = list(dict.fromkeys(work.session.scalars(rows.limit(MOST if cases is not None else sample))))
    if cases is not None and set(cases) - set(found):
        told = "There is no such case that could be gone through; protected ones cannot."
        missing = [number for number, each in enumerate(cases) if each not in found]
        raise Invalid(problems=[Problem(told, pointer=f"/cases/{each}", rule="case") for each in missing])
    return found


def _read(work: UnitOfWork, case_id: UUID) -> tuple[Case, str, Definition, list[Push]]:
    """Read a case's way, and log that it was."""
    case = work.session.get_one(Case, case_id)
    work.looked("case.replayed", case_id=case_id)
    root = work.session.scalars(
        sa.select(ProcessInstance)
        .where(ProcessInstance.case_id == case_id)
        .order_by(ProcessInstance.started_at, ProcessInstance.id)
        .limit(1)
    ).one()
    pushes = pushes_of(history.events_for_engine(work, case))
    return case, root.process, work.definition(root.deployment_id), pushes


def pushes_of(events: Sequence[Event]) -> list[Push]:
    """Fold a history into what moved the case on, each with where the case stood after it.

    Elements are named as the newest version that the case was moved to names them. A cancelled case is gone
    through until then.
    """
    found: list[Push] = []
    names, folding = _Names(events), Folding()
    for stretch in _stretches(events):
        begun = _begun(stretch[0], names) if _moves_on(stretch[0]) else None
        passed: list[Place] = []
        decided: list[tuple[Place, Any]] = []
        for event in stretch:
            folding.take(event)
            if event.type == "elements.passed":
                passed += [names.of(Place(*each)) for each in event.details["passed"]]
            elif event.type == "decision.made" and event.values is not None:
                decided.append((names.of(_place(event)), event.values["outcome"]))
            elif event.type in MOVES:
                names.moved(event)
        if begun is not None:
            finished = any(event.type == "instance.finished" for event in stretch)
            found.append(
                replace(
                    begun,
                    passed=tuple(passed),
                    decided=tuple(decided),
                    after=_stood(folding, names),
                    finished=finished,
                )
            )
    return found


def _stretches(events: Sequence[Event]) -> list[list[Event]]:
    """Cut a history where something moved the case on; what came before the first stands alone."""
    found: list[list[Event]] = [[]]
    for event in events:
        if event.type == "case.cancelled":
            break
        if _moves_on(event):
            found.append([])
        found[-1].append(event)
    return [each for each in found if each]


class _Names:
    """How an element of any version is called in the newest that the case was moved to."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.ahead = [_renamed(event) for event in events if event.type in MOVES]

    def moved(self, event: Event) -> None:
        """From here on the history itself uses the names of this move."""
        self.ahead.remove(_renamed(event))

    def of(self, place: Place) -> Place:
        """A place by its last name."""
        for names in self.ahead:
            place = replace(place, element=names.get((place.process, place.element), place.element))
        return place


def _renamed(event: Event) -> dict[tuple[str, str], str]:
    return {(process, one): other for process, one, other in event.details.get("renamed") or ()}


def _moves_on(event: Event) -> bool:
    """Tell whether somebody or something pushed the case here."""
    if event.type == "timer.moved":
        return event.commitment is not None  # a person says why; what a push moves has no reason
    if event.type == "deadline.resumed":
        return "timer" in event.details
    return event.type in {"instance.started", "task.completed", "message.delivered", "timer.fired"}


def _begun(event: Event, names: _Names) -> Push:
    """What pushed the case; what came of it is not known yet."""
    details = event.details
    kind, subject = {
        "instance.started": ("start", event.process),
        "task.completed": ("task", details.get("task")),
        "message.delivered": ("message", details.get("message")),
        "timer.fired": ("timer", details.get("timer")),
    }.get(event.type, ("move", details.get("timer")))
    return Push(
        kind=kind,
        at=event.at,
        subject=str(subject),
        place=names.of(_place(event)) if event.element else None,
        data=event.values if kind in {"start", "task", "message"} else {},
        passed=(),
        decided=(),
        after=Stood(),
        finished=False,
        due=datetime.fromisoformat(details["to"]) if kind == "move" else None,
    )


def _place(event: Event) -> Place:
    return Place(event.process or "", event.element or "", event.details.get("right"))


def _stood(folding: Folding, names: _Names) -> Stood:
    return Stood(
        tasks={id: (names.of(each.place), each.due_at) for id, each in folding.tasks.items()},
        timers={id: (names.of(each.place), each.due_at) for id, each in folding.timers.items()},
        messages={id: (name, names.of(place)) for id, (name, place) in folding.messages.items()},
    )


def _name(place: Place | None, *definitions: Definition) -> Text:
    """What an element is called, in the first of these that has it."""
    for each in definitions:
        process = each.processes.get(place.process) if place else None
        if place and process and place.element in process.elements:
            return process.elements[place.element].name
    return Text()
