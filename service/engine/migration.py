"""Moves a running instance to another version of its diagrams, or tells what stands in the way.

Tokens, data, ids of tasks and the due instants of timers stay as they are; only what comes next is drawn
differently. An instance is moved only when everything that it stands on means the same in both versions.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from service.engine import renaming, state, workflow
from service.engine.assembly import ALARM
from service.engine.definition import Definition
from service.engine.drawing import Node
from service.engine.elements import Spec
from service.engine.events import Catch
from service.engine.expressions import Moment
from service.engine.gateways import EventGateway, Join
from service.engine.renaming import Names, Signature
from service.engine.state import Standing
from service.engine.step import Step
from service.engine.text import Text
from service.errors import StepFailed


@dataclass(frozen=True)
class Obstacle:
    """Why an instance cannot be moved: a word for programs, where, and a sentence for people."""

    reason: str
    element: str | None
    message: Text


@dataclass(frozen=True)
class Plan:
    """What moving an instance comes to: where it then stands, or all that stands in the way."""

    obstacles: tuple[Obstacle, ...]
    step: Step | None = None  # None when blocked
    waived: tuple[Signature, ...] = ()  # of those that were given up, the ones that it may still come to


def plan(
    old: Definition,
    new: Definition,
    snapshot: bytes,
    *,
    moment: Moment,
    names: Names | None = None,
    waived: Collection[Signature] = (),
) -> Plan:
    """Try to move a snapshot from one definition to another; nothing of the instance is changed.

    `names` tells which elements go by another id in the new one; obstacles name the old ids. `waived` are
    steps that no second person needs to do any more, though the old definition asks for one.
    """
    lost = renaming.unsigned(old, new, names or {})
    ahead = [each for each in lost if (each.process, each.element) in _ahead(old, state.standings(snapshot))]
    found = _named(old, new, snapshot, moment, names)
    told = {each.element for each in found.obstacles}
    missed = [
        _obstacle("second-person-lost", each.element)
        for each in ahead
        if each not in waived and each.element not in told
    ]
    if missed:
        return Plan((*found.obstacles, *missed))
    return replace(found, waived=tuple(ahead))


def _named(old: Definition, new: Definition, snapshot: bytes, moment: Moment, names: Names | None) -> Plan:
    if not names:
        return _plan(old, new, snapshot, moment)
    told = renaming.renamed(old, names)
    found = _plan(told, new, renaming.carried(snapshot, told, names), moment)
    before = {other: one for ids in names.values() for one, other in ids.items()}
    obstacles = (
        replace(each, element=before.get(each.element or "", each.element)) for each in found.obstacles
    )
    return replace(found, obstacles=tuple(obstacles))


def _plan(old: Definition, new: Definition, snapshot: bytes, moment: Moment) -> Plan:
    standings = state.standings(snapshot)
    obstacles = tuple(dict.fromkeys(_obstacles(old, new, standings)))
    if obstacles:
        return Plan(obstacles)
    try:
        before = workflow.standing(old, snapshot, moment=moment)
        after = workflow.standing(new, state.rebound(snapshot, new), moment=moment)
    except StepFailed as failure:
        return Plan((_obstacle("stands-still", failure.element),))
    if {each.id for each in before.opened} != {each.id for each in after.opened}:
        return Plan((_obstacle("tasks-differ", None),))
    return Plan((), after)


_WORDS: Mapping[str, Text] = {
    "scope-removed": Text(
        "Delprocessen som pågår finns inte i den nya versionen.",
        "The sub-process that runs is not in the new version.",
    ),
    "element-removed": Text(
        "Ärendet står på ett steg som inte finns i den nya versionen.",
        "The case stands on an element that is not in the new version.",
    ),
    "passed-removed": Text(
        "En förgrening som ärendet passerat finns inte i den nya versionen, men dess grenar pågår.",
        "A fork that the case has passed is not in the new version, but its branches still run.",
    ),
    "kind-changed": Text(
        "Ärendet står på ett steg som är av ett annat slag i den nya versionen.",
        "The case stands on an element that is of another kind in the new version.",
    ),
    "edge-changed": Text(
        "Händelserna på kanten av ett pågående steg är andra i den nya versionen.",
        "The events on the edge of a running element are others in the new version.",
    ),
    "listening-changed": Text(
        "Händelsedelprocesserna i det som pågår är andra i den nya versionen.",
        "The event sub-processes of what runs are others in the new version.",
    ),
    "choice-changed": Text(
        "Ärendet väntar på en av flera händelser, och de är andra i den nya versionen.",
        "The case waits for one of several events, and they are others in the new version.",
    ),
    "new-branch": Text(
        "Ärendet har redan passerat förgreningen; den nya grenen skulle aldrig utföras.",
        "The case has passed the fork already; the new branch would never be done.",
    ),
    "join-changed": Text(
        "Ärendet väntar på en gren som det i den nya versionen aldrig kan komma från.",
        "The case would wait for a branch from which it can never come in the new version.",
    ),
    "second-person-lost": Text(
        "Någon annan än den som gjorde ett tidigare steg ska göra det här, men den nya versionen ser inte "
        "till det. Välj vad stegen blev, eller avstå från kontrollen och skriv varför.",
        "Somebody else than who did an earlier step must do this, but the new version does not see to it. "
        "Choose what the steps became, or give the check up and write why.",
    ),
    "stands-still": Text(
        "Ärendet skulle stå stilla i den nya versionen.", "The case would stand still in the new version."
    ),
    "tasks-differ": Text(
        "Öppna uppgifter skulle försvinna eller tillkomma.", "Open tasks would disappear or be added."
    ),
}


def _obstacle(reason: str, element: str | None) -> Obstacle:
    return Obstacle(reason, element, _WORDS[reason])


def _obstacles(old: Definition, new: Definition, standings: Iterable[Standing]) -> Iterator[Obstacle]:
    for level, here in _by_level(standings).items():
        if level not in new.specs:
            yield _obstacle("scope-removed", level.rpartition("/")[2])
            continue
        before, after = old.specs[level].task_specs, new.specs[level].task_specs
        yield from _missing(before, after, here)
        live = {each.spec for each in here if each.live}
        if live and _alarms(old.specs[level]) != _alarms(new.specs[level]):
            yield _obstacle("listening-changed", level.rpartition("/")[2])
        yield from _branches(before, after, here)
        yield from _joins(before, after, here)


def _by_level(standings: Iterable[Standing]) -> dict[str, list[Standing]]:
    levels: dict[str, list[Standing]] = {}
    for each in standings:
        levels.setdefault(each.level, []).append(each)
    return levels


def _ahead(old: Definition, standings: Iterable[Standing]) -> set[tuple[str, str]]:
    """Tell which elements an instance stands on or may still come to, with all that lies within those."""
    found: set[tuple[str, str]] = set()
    for level, here in _by_level(standings).items():
        specs, process = old.specs[level].task_specs, level.partition("/")[0]
        for name in _reachable(specs, {each.spec for each in here if each.live}):
            node = getattr(specs[name], "node", None)
            if node is not None:
                found.update(_within(old, process, node))
    return found


def _within(old: Definition, process: str, node: Node) -> Iterator[tuple[str, str]]:
    yield process, node.id
    for level in old.processes[process].levels:
        if level.element == node.id:
            for each in level.nodes.values():
                yield from _within(old, process, each)
    for key in old.reached(node.called) if node.called else ():
        yield from ((key, id) for id in old.processes[key].elements)


def _missing(
    before: Mapping[str, Any], after: Mapping[str, Any], here: Iterable[Standing]
) -> Iterator[Obstacle]:
    for each in here:
        was, now = before[each.spec], after.get(each.spec)
        if now is None:
            yield _obstacle("element-removed" if each.live else "passed-removed", was.bpmn_id)
        elif type(was) is not type(now) or (each.live and not _means_the_same(was, now)):
            yield _obstacle("kind-changed", was.bpmn_id)
        elif each.live and _edge(was, before) != _edge(now, after):
            yield _obstacle("edge-changed", was.bpmn_id)
        elif isinstance(was, EventGateway) and _targets(was) != _targets(now):
            yield _obstacle("choice-changed", was.bpmn_id)


def _means_the_same(was: Any, now: Any) -> bool:
    """Tell whether what a token stands on waits for the same, calls the same, and repeats the same."""
    if isinstance(was, Catch):
        one, other = was.trigger, now.trigger
        return (one.kind, one.name, one.measure) == (other.kind, other.name, other.measure)
    if getattr(was, "node", None) is None:
        return True
    return bool(was.node.called == now.node.called and was.node.repeat == now.node.repeat)


def _edge(spec: Any, specs: Mapping[str, Any]) -> frozenset[str]:
    guard = getattr(spec, "guard", None)
    return _targets(specs[guard]) if guard else frozenset()


def _alarms(level: Any) -> frozenset[str]:
    return frozenset(target for target in _targets(level.start) if target.endswith(ALARM))


def _targets(spec: Any) -> frozenset[str]:
    return frozenset(way.target for way in spec.ways)


def _branches(
    before: Mapping[str, Any], after: Mapping[str, Any], here: list[Standing]
) -> Iterator[Obstacle]:
    """Find forks that the instance has passed and that lead on to more in the new version."""
    live = {each.spec for each in here if each.live}
    ahead = _reachable(before, live)
    kept = {each.spec for each in here if not each.live}
    for name, was in before.items():
        now = after.get(name)
        if now is None or not _forks(now) or _targets(now) <= _targets(was):
            continue
        below = _reachable(before, _targets(was))
        if below & live and (name not in ahead or name in kept):
            yield _obstacle("new-branch", was.bpmn_id)


def _forks(spec: Any) -> bool:
    """Tell whether more than one way is taken from here at once."""
    if not isinstance(spec, Spec) or spec.node is None or len(spec.ways) < 2:  # noqa: PLR2004
        return False
    return spec.node.kind not in {"exclusiveGateway", "eventBasedGateway"}


def _joins(before: Mapping[str, Any], after: Mapping[str, Any], here: list[Standing]) -> Iterator[Obstacle]:
    """Find joins that would wait for what cannot come any more."""
    live = {each.spec for each in here if each.live}
    was_ahead, ahead = _reachable(before, live), _reachable(after, live & after.keys())
    for name, now in after.items():
        if not isinstance(now, Join) or name not in ahead:
            continue
        arrived = {each.notes.get("from") for each in here if each.spec == name and each.live}
        was = before.get(name)
        waited = set(was.sources) & (was_ahead | arrived) if isinstance(was, Join) else set(now.sources)
        lost = {each for each in now.sources if each not in ahead | arrived}
        new = set(now.sources) - set(was.sources if isinstance(was, Join) else ())
        if lost & (waited | new) or (arrived and (arrived >= set(now.sources) or arrived - set(now.sources))):
            yield _obstacle("join-changed", name)


def _reachable(specs: Mapping[str, Any], starts: Iterable[str]) -> set[str]:
    """Tell which specs a token on one of these, or one of these themselves, can come to."""
    found: set[str] = set()
    waiting = [each for each in starts if each in specs]
    while waiting:
        name = waiting.pop()
        if name in found or name not in specs:
            continue
        found.add(name)
        spec = specs[name]
        waiting += [way.target for way in getattr(spec, "ways", ())]
        if getattr(spec, "guard", None):
            waiting.append(spec.guard)
    return found
