"""A simulated run in words: its trace line by line, and the diagrams as they stood after any of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from service.engine.decisions import DecisionTable
from service.engine.definition import Definition
from service.engine.drawing import PERSONAL, Node
from service.engine.examples import YEARS
from service.engine.simulation import Failure, Frame, Simulation, Told
from service.engine.step import Place
from service.engine.text import Text
from service.queries.casefile import RIGHTS, RightState
from service.web import drawings, forms, steps, trail
from service.web.presentation import language, moment, say, t
from service.web.steps import Standing, Step

WORDS = {
    "entered": "play.entered",
    "opened": "play.opened",
    "cancelled": "play.cancelled",
    "timer-set": "play.timer_set",
    "timer-moved": "play.timer_moved",
    "timer-fired": "play.timer_fired",
    "timer-withdrawn": "play.timer_withdrawn",
    "awaits": "play.awaits",
    "decided": "play.decided",
    "milestone": "play.milestone",
    "message": "play.message",
    "waited": "play.waited",
    "ended": "play.ended",
}
WHY = {
    "not-open": "play.not_open",
    "not-reached": "play.not_reached",
    "time-passed": "play.time_passed",
    "far-away": "play.far_away",
    "too-long": "play.too_long",
    "given": "play.wrong_answers",
    "stopped": "play.stopped",
}
AROUND = frozenset({"callActivity", "subProcess"})  # what begins long before it is passed
HAPPENS = frozenset({"timer-fired", "message"})
BY_PEOPLE = frozenset({"left", "opened", "cancelled"})
BY_CLOCK = frozenset({"timer-fired", "waited"})


@dataclass(frozen=True)
class Row:
    """One line of the trace for people. `lines`: how much of the trace had been told with it."""

    number: int
    at: datetime
    words: str
    who: str
    given: tuple[tuple[str, str], ...]
    mark: str  # milestone, late; empty for all else
    place: Place | None
    drawn: str | None  # the diagram that the place is in
    lines: int


@dataclass(frozen=True)
class Shown:
    """A run as it stood after one row: that row, the diagram and its steps, and what can be shown instead."""

    rows: tuple[Row, ...]
    at: int
    drawn: str
    title: str
    drawings: tuple[tuple[str, str, str], ...]
    opens: Mapping[str, str]  # element of a call -> diagram
    xml: str
    steps: tuple[Step, ...]
    rights: tuple[RightState, ...]  # empty when the diagrams serve none

    @property
    def now(self) -> Row | None:
        """The row that is looked at."""
        return self.rows[self.at - 1] if self.rows else None

    @property
    def chosen(self) -> str | None:
        """The element that it tells of, when the diagram shows it."""
        place = self.now.place if self.now else None
        return place.element if place and any(each.id == place.element for each in self.steps) else None


def show(
    definition: Definition, process: str, run: Simulation, *, at: int | None = None, drawn: str | None = None
) -> Shown:
    """Show a run after row `at`, the last one when None or when there is no such; in a diagram, if known."""
    rows = tuple(_Telling(definition, run).rows())
    at = at if at is not None and 1 <= at <= len(rows) else len(rows)
    lines = rows[at - 1].lines if at < len(rows) else len(run.trace)
    standing = _standing(definition, process, run, lines)
    of_row = rows[at - 1].drawn if at < len(rows) else None
    drawn = next((each for each in (drawn, of_row) if each in standing), None) or drawings.liveliest(standing)
    diagram = definition.processes[drawn.partition(":")[0]]
    return Shown(
        rows=rows,
        at=at,
        drawn=drawn,
        title=drawings.name(definition, drawn),
        drawings=tuple(drawings.choices(definition, standing)),
        opens=drawings.called(definition, drawn, standing),
        xml=diagram.xml.decode(),
        steps=tuple(steps.table(diagram, standing[drawn])),
        rights=_rights(definition, process, run.trace[:lines]),
    )


def place_name(definition: Definition, place: Place) -> str:
    """Say where something is: the step, and the right that it serves."""
    return trail.at_element(definition, place.process, place.element, place.right)


def element_name(definition: Definition, element: str, process: str) -> str:
    """Say what an element is called when only its id is known; the process itself is asked first."""
    for key in (process, *definition.processes):
        found = definition.processes[key].elements.get(element)
        if found is not None:
            return say(found.name) or element
    return element


def why(definition: Definition, process: str, failure: Failure) -> str:
    """Say why a run stopped, or did not end as expected."""
    standing = ", ".join(dict.fromkeys(place_name(definition, each) for each in failure.standing))
    return t(
        WHY[failure.rule],
        name=element_name(definition, failure.element, process) if failure.element else t("play.there"),
        standing=standing or t("play.nothing_open"),
        details=" ".join(each.message for each in failure.problems) or failure.message,
        first=YEARS[0],
        last=YEARS[-1],
    )


def passed(definition: Definition, run: Simulation) -> list[tuple[str, str]]:
    """The named elements that a run has passed, the last first: id and name."""
    found: dict[str, str] = {}
    for told in reversed(run.trace):
        if told.kind == "left" and told.place is not None and _node(definition, told.place) is not None:
            found.setdefault(told.place.element, place_name(definition, told.place))
    return list(found.items())


def _standing(definition: Definition, process: str, run: Simulation, lines: int) -> dict[str, Standing]:
    """The diagrams as they stood when so many lines had been told."""
    done = [told.place for told in run.trace[:lines] if told.kind == "left" and told.place is not None]
    over = run.finished and lines == len(run.trace)
    return drawings.of(definition, process, passed=done, active=_active(run, lines), over=over)


def _active(run: Simulation, lines: int) -> Iterable[Place]:
    """What held a token when so many lines had been told; on the way, also what it came to next."""
    before = next((each for each in reversed(run.frames) if each.lines <= lines), Frame(0, ()))
    after = next((each for each in run.frames if each.lines >= lines), None)
    ahead = run.trace[lines : after.lines] if after else ()
    if after and not any(told.kind == "left" for told in ahead):
        return after.active
    active = dict.fromkeys(before.active)
    for told in run.trace[before.lines : lines]:
        if told.place is not None and told.kind == "entered":
            active[told.place] = None
        elif told.place is not None and told.kind == "left":
            active.pop(told.place, None)
    following = next((told.place for told in ahead if told.kind == "entered" and told.place), None)
    return [*active, following] if following else active


def _rights(definition: Definition, process: str, told: Sequence[Told]) -> tuple[RightState, ...]:
    """How far each right of the package had come, as on the page of a case."""
    served = (
        each.right
        for key in definition.reached(process)
        for each in definition.processes[key].elements.values()
    )
    if not any(served):
        return ()
    last: dict[str, Told] = {}
    waiting: dict[Place, Text] = {}
    for each in told:
        if each.place is None or each.place.right is None:
            continue
        if each.kind == "milestone" and (each.name or "").startswith("right-"):
            last[each.place.right] = each
        elif each.kind == "opened":
            waiting[each.place] = definition.processes[each.place.process].elements[each.place.element].name
        elif each.kind in {"left", "cancelled"}:
            waiting.pop(each.place, None)
    return tuple(
        RightState(
            right=right,
            state=(last[right].name or "").removeprefix("right-") if right in last else "not-yet",
            since=last[right].at if right in last else None,
            waiting=tuple(name for place, name in waiting.items() if place.right == right),
        )
        for right in RIGHTS
    )


def _node(definition: Definition, place: Place) -> Node | None:
    """An element that has a name to be told by."""
    process = definition.processes.get(place.process)
    node = steps.nodes_of(process).get(place.element) if process is not None else None
    return node if node is not None and say(node.element.name) else None


class _Telling:
    """Goes through a trace and says what people want to know of it."""

    def __init__(self, definition: Definition, run: Simulation) -> None:
        self.definition, self.trace = definition, run.trace
        self.due: dict[Place, datetime | None] = {}

    @cached_property
    def nodes(self) -> dict[tuple[str, str], Node]:
        return {
            (key, id): node
            for key, process in self.definition.processes.items()
            for id, node in steps.nodes_of(process).items()
            if say(node.element.name)
        }

    @cached_property
    def tables(self) -> dict[str, str]:
        decisions = self.definition.decisions.values()
        return {each.table: each.name for each in decisions if isinstance(each, DecisionTable)}

    def rows(self) -> Iterable[Row]:
        number = 0
        for lines, told in enumerate(self.trace, 1):
            node = self.nodes.get((told.place.process, told.place.element)) if told.place else None
            if told.kind == "opened" and told.place is not None:
                self.due[told.place] = told.due
            if self._is_quiet(told, node) or _goes_without_saying(self.trace, lines - 1):
                continue
            number += 1
            mark = "milestone" if told.kind == "milestone" else "late" if self._is_late(told, node) else ""
            yield Row(
                number=number,
                at=told.at,
                words=self._words(told, node, late=mark == "late"),
                who=_who(told, node),
                given=tuple(self._given(told, node)),
                mark=mark,
                place=told.place,
                drawn=drawings.key_of(self.definition, told.place) if told.place else None,
                lines=lines,
            )

    def _is_quiet(self, told: Told, node: Node | None) -> bool:
        if told.kind == "entered":
            return node is None or node.kind not in AROUND
        return told.place is not None and node is None

    def _is_late(self, told: Told, node: Node | None) -> bool:
        due = self.due.get(told.place) if told.place else None
        return told.kind == "left" and _is_personal(node) and due is not None and told.at > due

    def _words(self, told: Told, node: Node | None, *, late: bool) -> str:
        place = place_name(self.definition, told.place) if told.place else ""
        if told.kind == "left":
            due = self.due.get(told.place) if told.place else None
            if late and due is not None:
                return t("play.done_late", place=place, due=moment(due))
            return t("play.done" if _is_personal(node) else "play.passed", place=place)
        if told.kind == "opened" and told.due is not None:
            return t("play.opened_due", place=place, due=moment(told.due))
        return t(
            WORDS[told.kind],
            place=place,
            due=moment(told.due) if told.due else "",
            at=moment(told.at),
            name=self._name(told),
        )

    def _name(self, told: Told) -> str:
        if told.kind == "milestone":
            return trail.milestone(told.name or "")
        return self.tables.get(told.name or "", "") or told.name or ""

    def _given(self, told: Told, node: Node | None) -> Iterable[tuple[str, str]]:
        if not told.data or told.kind not in {"left", "message", "decided"}:
            return ()
        if told.kind == "decided":
            return self._decided(told.data)
        form = self.definition.forms.get(node.element.form) if node and node.element.form else None
        if form is not None:
            return forms.given(form, told.data, language())
        return trail.flat(told.data, "")

    def _decided(self, said: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        return [
            *trail.flat(said["inputs"], ""),
            *trail.flat(said["outcome"], t("play.outcome")),
        ]


def _goes_without_saying(trace: Sequence[Told], number: int) -> bool:
    """Tell whether the line beside it says the same: what begins ends at once, or ends since it happened."""
    told = trace[number]
    if told.kind == "entered":
        beside = trace[number + 1 : number + 2]
        return any(each.kind == "left" and each.place == told.place for each in beside)
    beside = trace[max(0, number - 1) : number]
    return told.kind == "left" and any(each.kind in HAPPENS and each.place == told.place for each in beside)


def _who(told: Told, node: Node | None) -> str:
    if told.kind in BY_CLOCK:
        return t("play.clock")
    if told.kind == "message":
        return t("play.outside")
    theirs = node is not None and told.kind in BY_PEOPLE and _is_personal(node)
    return steps.who(node) if node is not None and theirs else t("system.name")


def _is_personal(node: Node | None) -> bool:
    return node is not None and node.kind in PERSONAL
