"""Joins that can wait for ever, and merges where two tokens arrive for one: found by playing tokens out.

A marking says how many tokens wait on which flow. Every choice is tried, as data is not known here; what
moves independently is moved in one order only, which loses no standstill and keeps the game small.
"""

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from service.engine import soundness
from service.engine.drawing import ACTIVITIES, Level, Node

MOST_LOOKS = 60_000  # at tokens, in all that is checked together
MOST_TOKENS = 2  # on one flow; more of them tell nothing new
ENDS_LEVEL = frozenset({"terminate", "error"})  # an error leaves its level as a whole

Flow = tuple[str, str]  # from which element to which
Marking = tuple[tuple[Flow, int], ...]  # sorted


@dataclass(frozen=True)
class Stuck:
    """A join at which tokens wait for ever: where none comes from, and what was passed until then."""

    element: str
    missing: tuple[str, ...]
    path: tuple[str, ...]


@dataclass(frozen=True)
class Doubled:
    """An exclusive gateway that two tokens of one split come to, so that what follows is done twice."""

    element: str
    split: str


def stuck(level: Level, looks: list[int] | None = None) -> list[Stuck]:
    """Find each join that can wait for ever, with the shortest way there.

    `looks` is what is left to spend, here and on other levels. Where it does not reach, ways are followed to
    their end one by one instead of all at once: what is told is true, but some may be missing.
    """
    looks = [MOST_LOOKS] if looks is None else looks
    if not any(_joins(node) for node in level.nodes.values()):
        return []
    share = looks[0] // 2
    found = _Game(level, share)
    found.play(shortest=True)
    looks[0] -= share - max(found.looks, 0)
    if found.looks > 0:
        return list(found.stuck.values())
    found = _Game(level, share)
    found.play(shortest=False)
    looks[0] -= share - max(found.looks, 0)
    return list(found.stuck.values())


def doubled(level: Level) -> Iterator[Doubled]:
    """Find exclusive gateways that merge what was split in parallel."""
    ways = soundness.ways(level)
    splits = [id for id, node in level.nodes.items() if _parts(node) and len(node.flows) > 1]
    merges = [id for id, node in level.nodes.items() if node.kind == "exclusiveGateway" and node.incoming > 1]
    for merge in merges:
        split = next((each for each in splits if _meet(each, merge, level, ways)), None)
        if split is not None:
            yield Doubled(merge, split)


def _parts(node: Node) -> bool:
    """Tell whether tokens leave by every flow."""
    return (node.kind == "parallelGateway" or node.kind in ACTIVITIES) and all(
        flow.condition is None for flow in node.flows
    )


def _meet(split: str, merge: str, level: Level, ways: Mapping[str, Sequence[str]]) -> bool:
    """Tell whether all branches come to the merge, by flows of their own, without having met before.

    Where some go elsewhere it may be meant that each does the same: two reminders, one task.
    """
    branches = [flow.target for flow in level.nodes[split].flows]
    reached = [_reach(each, ways, without={split}) for each in branches]
    often = Counter(id for each in reached for id in each)
    met = {id for id, times in often.items() if times > 1 and _joins(level.nodes[id])}
    flows = [_into(merge, each, level, ways, without={split, *met}) for each in branches]
    return all(flows) and len(set[str]().union(*flows)) > 1


def _into(
    merge: str, begin: str, level: Level, ways: Mapping[str, Sequence[str]], *, without: set[str]
) -> set[str]:
    """Give the flows into the merge that a token comes by from here."""
    if begin == merge:
        return {f"{merge} directly"}
    seen = _reach(begin, ways, without={*without, merge})
    return {flow.id for id in seen for flow in level.nodes[id].flows if flow.target == merge}


def _reach(begin: str, ways: Mapping[str, Sequence[str]], *, without: set[str]) -> set[str]:
    found, waiting = set[str](), [begin]
    while waiting:
        id = waiting.pop()
        if id not in found and id not in without and id in ways:
            found.add(id)
            waiting += ways[id]
    return found


def _joins(node: Node) -> bool:
    return node.kind in {"parallelGateway", "inclusiveGateway"} and node.incoming > 1


class _Game:
    """The tokens of one level, played out."""

    def __init__(self, level: Level, looks: int) -> None:
        self.level = level
        self.looks = looks
        self.stuck: dict[str, Stuck] = {}
        self.sources: dict[str, list[str]] = {}
        self.ways = soundness.ways(level)
        for id, targets in self.ways.items():
            for target in targets:
                self.sources.setdefault(target, []).append(id)
        self.edges: dict[str, list[Node]] = {}
        for node in level.nodes.values():
            if node.kind == "boundaryEvent" and node.attached_to and not node.undoes:
                self.edges.setdefault(node.attached_to, []).append(node)
        self.incoming: dict[str, list[Flow]] = {}
        for node in level.nodes.values():
            for target in dict.fromkeys(each.target for each in node.flows):
                self.incoming.setdefault(target, []).append((node.id, target))
        self.before: dict[Marking, tuple[Marking, str]] = {}  # where a marking comes from, by which element

    def play(self, *, shortest: bool) -> None:
        """Play out what there is to spend for; keep each join once, with the first way to its standstill."""
        starts = [node for node in self.level.nodes.values() if node.kind == "startEvent"]
        seen = {_put((), outputs) for start in starts for outputs in self._outputs(start)}
        waiting = deque(seen)
        while waiting and self.looks > 0:
            marking = waiting.popleft() if shortest else waiting.pop()
            self.looks -= 1 + len(marking)
            moves = self._moves(marking)
            if not moves and marking:
                for each in self._standstill(marking):
                    self.stuck.setdefault(each.element, each)
            for element, after in moves:
                if after not in seen:
                    seen.add(after)
                    self.before[after] = (marking, element)
                    waiting.append(after)

    def _moves(self, marking: Marking) -> list[tuple[str, Marking]]:
        """Give what one element can do next; which one is asked first does not matter."""
        ends = False
        for flow, _ in marking:
            node = self.level.nodes[flow[1]]
            if _joins(node):
                continue
            if _ends_level(node):
                ends = True
                continue
            left = _take(marking, [flow])
            return [(node.id, _put(left, outputs)) for outputs in self._outputs(node)]
        return self._joined(marking) or ([("", ())] if ends else [])

    def _joined(self, marking: Marking) -> list[tuple[str, Marking]]:
        held = dict(marking)
        for flow in held:
            node = self.level.nodes[flow[1]]
            if not _joins(node):
                continue
            arriving = [each for each in self.incoming[node.id] if each in held]
            if node.kind == "parallelGateway":
                ready = len(arriving) == len(self.incoming[node.id])
            else:
                ready = not self._can_come(node, arriving, held)
            if ready:
                left = _take(marking, arriving)
                return [(node.id, _put(left, outputs)) for outputs in self._outputs(node)]
        return []

    def _can_come(self, node: Node, arriving: list[Flow], held: Mapping[Flow, int]) -> bool:
        """Tell whether a token could still come to an inclusive join on a flow that has none."""
        empty = {source for source, _ in self.incoming[node.id]} - {source for source, _ in arriving}
        filled = self._upstream({source for source, _ in arriving}, node.id)
        blocked = self._upstream(empty, node.id) - filled
        return any(flow[1] in blocked for flow in held if flow[1] != node.id)

    def _upstream(self, ids: set[str], without: str) -> set[str]:
        found, waiting = set[str](), list(ids)
        while waiting:
            id = waiting.pop()
            if id not in found and id != without:
                found.add(id)
                waiting += self.sources.get(id, ())
        return found

    def _outputs(self, node: Node) -> list[list[Flow]]:
        """Give every way in which a token can leave an element, also by events on its edge."""
        found = [[(node.id, target) for target in targets] for targets in self._choices(node)]
        for edge in self.edges.get(node.id, ()):
            beside = [[(edge.id, target) for target in targets] for targets in self._choices(edge)]
            plain = found[:1] if not edge.interrupting else [[]]
            found += [[*usual, *each] for each in beside for usual in plain]
        return found

    def _choices(self, node: Node) -> list[list[str]]:
        if node.is_link:
            return [list(self.ways[node.id])]
        targets = [flow.target for flow in node.flows if flow.target in self.level.nodes]
        if node.kind in {"exclusiveGateway", "eventBasedGateway"}:
            return [[each] for each in dict.fromkeys(targets)] or [[]]
        free = [flow.target for flow in node.flows if flow.condition is None and flow.id != node.default]
        chosen = [flow.target for flow in node.flows if flow.condition is not None]
        default = [flow.target for flow in node.flows if flow.id == node.default]
        if not chosen:
            return [targets]
        some = [[*free, each] for each in chosen] + ([[*free, *chosen]] if len(chosen) > 1 else [])
        return some + ([[*free, *default]] if default or free else [])

    def _standstill(self, marking: Marking) -> Iterator[Stuck]:
        held = dict(marking)
        path = self._path(marking)
        for join in dict.fromkeys(target for _, target in held):
            missing = tuple(source for source, _ in self.incoming[join] if (source, join) not in held)
            yield Stuck(join, missing, path)

    def _path(self, marking: Marking) -> tuple[str, ...]:
        passed = []
        while marking in self.before:
            marking, element = self.before[marking]
            passed.append(element)
        start = next(node.id for node in self.level.nodes.values() if node.kind == "startEvent")
        return (start, *reversed(passed))


def _ends_level(node: Node) -> bool:
    return node.kind == "endEvent" and node.trigger is not None and node.trigger.kind in ENDS_LEVEL


def _take(marking: Marking, flows: Sequence[Flow]) -> Marking:
    held = Counter(dict(marking))
    held.subtract(flows)
    return tuple(sorted((flow, number) for flow, number in held.items() if number > 0))


def _put(marking: Marking, flows: Sequence[Flow]) -> Marking:
    held = Counter(dict(marking))
    for flow in flows:
        held[flow] = min(held[flow] + 1, MOST_TOKENS)
    return tuple(sorted(held.items()))
