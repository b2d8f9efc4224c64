"""Two versions of a diagram before cases are moved: what goes on, what to look at, what stops."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from service.commands.migrations import Moved
from service.engine import layouts, renaming, tooling
from service.engine.definition import Definition
from service.engine.drawing import Process
from service.engine.renaming import Names, Signature
from service.queries.migrations import Ground
from service.web import steps, texts
from service.web.presentation import say, t

STATES = ("ok", "attention", "blocked")  # the worst last
LISTED = 3  # what became different with a step, before it is only counted
NOT_SEEN = frozenset({"x", "y", "width", "height"})


@dataclass(frozen=True)
class Row:
    """A step in both versions, or in one of them, and how it goes with the cases there."""

    old: str | None
    new: str | None
    name: str
    new_name: str
    state: str
    words: str
    cases: int = 0  # that are stopped here


@dataclass(frozen=True)
class Map:
    """A process in both versions; a version that does not have it is empty."""

    process: str
    title: str
    old_xml: str
    new_xml: str
    rows: tuple[Row, ...]

    @property
    def state(self) -> str:
        """The worst that there is in it."""
        return max((each.state for each in self.rows), key=STATES.index, default="ok")


def maps(
    ground: Ground, key: str, names: Names, found: Sequence[Moved], waived: Collection[Signature]
) -> tuple[Map, ...]:
    """The process, and those that it calls in which something is to be looked at."""
    old, new = ground.olds[0], ground.new
    keys = dict.fromkeys((*old.reached(key), *new.reached(key)))
    stopped = Counter(
        element for each in found for element in {one.element for one in each.obstacles if one.element}
    )
    lost = frozenset(each for one in ground.olds for each in renaming.unsigned(one, new, names))
    drawn = (_map(each, old, new, names.get(each, {}), stopped, lost, waived) for each in keys)
    return tuple(each for each in drawn if each.process == key or each.state != "ok")


def lost_signatures(ground: Ground, key: str, names: Names) -> tuple[tuple[str, str], ...]:
    """The steps that would lose their second person: “process/element”, and the name."""
    found: dict[str, str] = {}
    for old in ground.olds:
        reached = old.reached(key)
        for each in renaming.unsigned(old, ground.new, names):
            if each.process in reached:
                name = say(old.processes[each.process].elements[each.element].name) or each.element
                found.setdefault(f"{each.process}/{each.element}", name)
    return tuple(found.items())


def _map(
    key: str,
    old: Definition,
    new: Definition,
    ids: Mapping[str, str],
    stopped: Mapping[str, int],
    lost: Collection[Signature],
    waived: Collection[Signature],
) -> Map:
    before, after = old.processes.get(key), new.processes.get(key)
    shown = after or before
    changed = _changed(before, after)
    rows: list[Row] = []
    for id, name in _named(before, stopped):
        now = ids.get(id, id)
        other = after.elements.get(now) if after is not None else None
        state, words = "ok", ""
        if other is None:
            state, words = "attention", t("map.gone")
        elif now != id:
            state, words = "attention", t("map.renamed", id=now)
        elif id in changed:
            state, words = "attention", changed[id]
        if Signature(key, id) in lost:
            state = "attention"
            told = t("map.waived" if Signature(key, id) in waived else "map.unsigned")
            words = f"{words} {told}".strip()
        if stopped.get(id):
            state, words = "blocked", f"{words} {t('map.stops', n=stopped[id])}".strip()
        new_name = (say(other.name) or now) if other is not None else ""
        rows.append(
            Row(id, now if other is not None else None, name, new_name, state, words, stopped.get(id, 0))
        )
    known = {row.new for row in rows}
    rows += [
        Row(None, id, "", name, "attention", t("map.new_step"))
        for id, name in _named(after, ())
        if id not in known
    ]
    return Map(
        process=key,
        title=say(shown.title) if shown is not None else key,
        old_xml=layouts.shown(before.xml, key) if before is not None else "",
        new_xml=layouts.shown(after.xml, key) if after is not None else "",
        rows=tuple(rows),
    )


def _named(process: Process | None, also: Collection[str]) -> Iterator[tuple[str, str]]:
    """The steps of a process that have a name, in its order, and others that something is to be told of."""
    if process is None:
        return
    listed = [(each.id, each.name) for each in steps.table(process)]
    yield from listed
    known = {id for id, _ in listed}
    yield from ((id, id) for id in process.elements if id in also and id not in known)


def _changed(before: Process | None, after: Process | None) -> dict[str, str]:
    """What became different with each step that has kept its id."""
    if before is None or after is None:
        return {}
    found = tooling.diff(before.xml, after.xml).changed
    told = {}
    for id, changes in groupby(found, key=lambda each: each.element):
        what = [_what(each.what) for each in changes if each.what not in NOT_SEEN]
        if what:
            more = [t("map.more", n=len(what) - LISTED)] if len(what) > LISTED else []
            told[id] = t("map.changed", what=", ".join(dict.fromkeys([*what[:LISTED], *more])))
    return told


def _what(told: str) -> str:
    what = told.removeprefix("property ")
    key = f"draft.what_{what}"
    return t(key) if texts.known(key) else what
