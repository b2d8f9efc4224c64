"""Paths that never come to an end, told with the elements that they run through."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from service.engine.drawing import Level, Node, Process


@dataclass(frozen=True)
class Endless:
    """An element from which no end can be reached, and the shortest way from the start to it."""

    element: str
    path: tuple[str, ...]


def endless(level: Level) -> Iterator[Endless]:
    """Find the first elements on each way from which nothing leads to an end of the level."""
    paths = ways(level)
    ends = {id for id, node in level.nodes.items() if _is_end(node)}
    ending = _leading_to(ends, paths)
    starts = [id for id, node in level.nodes.items() if node.kind == "startEvent"]
    seen: dict[str, tuple[str, ...]] = {start: (start,) for start in starts}
    waiting = list(starts)
    while waiting:
        id = waiting.pop(0)
        if id not in ending:
            yield Endless(id, seen[id])
            continue  # all behind it is endless too
        for target in paths[id]:
            if target not in seen:
                seen[target] = (*seen[id], target)
                waiting.append(target)


def circling(processes: Mapping[str, Process]) -> Iterator[Node]:
    """Find the calls that no way to an end goes past, of processes that call each other in a circle."""
    ending = {key for key, each in processes.items() if not _can_end(each, frozenset())}  # told as endless
    waiting = processes.keys() - ending
    while more := {key for key in waiting if _can_end(processes[key], waiting)}:
        ending |= more
        waiting -= more
    for key in sorted(waiting):
        nodes = processes[key].levels[0].nodes.values()
        yield from (node for node in nodes if node.called in waiting and node.repeat is None)


def _can_end(process: Process, closed: Collection[str]) -> bool:
    """Tell whether a way leads from the start to an end without passing a call of one of these processes."""
    level = process.levels[0]
    calls = {id for id, node in level.nodes.items() if node.called in closed and node.repeat is None}
    paths = {
        id: tuple(each for each in targets if id not in calls or level.nodes[each].attached_to == id)
        for id, targets in ways(level).items()
    }
    ends = {id for id, node in level.nodes.items() if _is_end(node) and id not in calls}
    leading = _leading_to(ends, paths)
    return any(node.kind == "startEvent" and id in leading for id, node in level.nodes.items())


def way(level: Level, element: str) -> tuple[str, ...]:
    """Give the shortest way from a start of the level to an element: itself alone when none leads there."""
    paths = ways(level)
    starts = [id for id, node in level.nodes.items() if node.kind == "startEvent"]
    seen: dict[str, tuple[str, ...]] = {start: (start,) for start in starts}
    waiting = deque(starts)
    while waiting and element not in seen:
        id = waiting.popleft()
        for target in paths[id]:
            if target not in seen:
                seen[target] = (*seen[id], target)
                waiting.append(target)
    return seen.get(element, (element,))


def ways(level: Level) -> Mapping[str, tuple[str, ...]]:
    """Tell where a token can go from each element: along flows, links, and by events on its edge."""
    nodes = level.nodes.values()
    edges: dict[str, list[str]] = {}
    links: dict[str | None, str] = {}
    for node in nodes:
        if node.kind == "boundaryEvent" and node.attached_to:
            edges.setdefault(node.attached_to, []).append(node.id)
        if node.is_link_target and node.trigger:
            links[node.trigger.name] = node.id
    found = {}
    for node in nodes:
        linked = [links[node.trigger.name]] if _leads_by_link(node, links) and node.trigger else []
        targets = [*node.element.next, *edges.get(node.id, ()), *linked]
        found[node.id] = tuple(each for each in targets if each in level.nodes)
    return found


def _leads_by_link(node: Node, links: Mapping[str | None, str]) -> bool:
    return node.is_link and node.trigger is not None and node.trigger.name in links


def _is_end(node: Node) -> bool:
    """Tell whether a token ends here: at an end event, or where no flow leads on."""
    return not node.flows and not node.is_link


def _leading_to(ends: set[str], ways: Mapping[str, tuple[str, ...]]) -> set[str]:
    before: dict[str, set[str]] = {}
    for id, targets in ways.items():
        for target in targets:
            before.setdefault(target, set()).add(id)
    found, waiting = set(ends), list(ends)
    while waiting:
        new = before.get(waiting.pop(), set()) - found
        found |= new
        waiting.extend(new)
    return found
