"""Which names can be known where a token stands: all that is given on some way to there.

Rather too many than too few: a name that is not known here is known on no way. Loops count, as what comes
back brings what it has learnt.
"""

from collections.abc import Callable, Collection, Iterable, Mapping

from service.engine.drawing import Level, Node, Process

Names = int  # a set of names, one bit each: they are joined at every element
Place = tuple[str, str]  # the key of a level and the id of an element on it


class Knowledge:
    """What can be known at each element of processes that share a case's data.

    `gives` tells the names that an element gives; `begins` those that a process can be started with, None for
    any; only the `wanted` names are followed.
    """

    def __init__(
        self,
        processes: Collection[Process],
        wanted: Iterable[str],
        *,
        gives: Callable[[Node], Iterable[str]],
        begins: Mapping[str, Iterable[str] | None],
    ) -> None:
        self.bits = {name: 1 << number for number, name in enumerate(sorted(wanted))}
        self.levels = {level.key: level for process in processes for level in process.levels}
        self.gives = {
            (level.key, node.id): self._names(gives(node))
            for level in self.levels.values()
            for node in level.nodes.values()
        }
        anything = sum(self.bits.values())
        self.around = {
            f"{level.process}/{node.id}": level
            for level in self.levels.values()
            for node in level.nodes.values()
            if node.kind == "subProcess"
        }
        self.begin = dict.fromkeys(self.levels, 0)
        for key, names in begins.items():
            self.begin[key] = anything if names is None else self._names(names)
        self.before: dict[Place, Names] = {}
        self.inside = self._insides()
        self._spread()

    def knows(self, name: str, level: str, node: Node, when: str) -> bool:
        """Tell whether a name can be known at an element: "before" it, "after" it, or when it is "set".

        An event on an edge is set to wait when its activity begins, one that begins a sub-process when the
        level around does.
        """
        bit = self.bits.get(name, 0)
        return not bit or bool(bit & self._at(self.levels[level], node, when))

    def giver(self, name: str) -> Place | None:
        """Give an element that gives the name, the first as drawn."""
        return next((place for place, names in self.gives.items() if names & self.bits[name]), None)

    def _at(self, level: Level, node: Node, when: str) -> Names:
        if when == "set" and node.attached_to:
            return self.before.get((level.key, node.attached_to), 0)
        if when == "set" and node.kind == "startEvent" and level.key in self.around:
            return self.begin[self.around[level.key].key]
        if when == "after" or node.repeat is not None:
            return self._after(level, node)
        return self.before.get((level.key, node.id), 0)

    def _names(self, names: Iterable[str]) -> Names:
        found = 0
        for name in names:
            found |= self.bits.get(name, 0)
        return found

    def _inner(self, level: Level, node: Node) -> str | None:
        """The level that runs inside an element."""
        key = f"{level.process}/{node.id}" if node.kind == "subProcess" else node.called
        return key if key in self.levels else None

    def _insides(self) -> dict[str, Names]:
        """All that is given on each level, with what runs inside it."""
        found, changed = dict.fromkeys(self.levels, 0), True
        while changed:
            changed = False
            for level in self.levels.values():
                known = found[level.key]
                for node in level.nodes.values():
                    inner = self._inner(level, node)
                    known |= self.gives[level.key, node.id] | (found[inner] if inner else 0)
                changed |= known != found[level.key]
                found[level.key] = known
        return found

    def _within(self, level: Level, node: Node) -> Names:
        """What is given by an element and by what runs inside it."""
        inner = self._inner(level, node)
        return self.gives[level.key, node.id] | (self.inside[inner] if inner else 0)

    def _after(self, level: Level, node: Node) -> Names:
        known = self.before.get((level.key, node.id), 0) | self._within(level, node)
        undone = any(each.kind == "compensate" for each in node.triggers) and node.throws
        return known | (self.inside[level.key] if undone else 0)

    def _spread(self) -> None:
        changed = True
        while changed:
            changed = False
            for level in self.levels.values():
                changed |= self._spread_on(level)

    def _spread_on(self, level: Level) -> bool:
        """Carry what is known along the ways of one level; tell whether any level inside it learns more."""
        nodes = level.nodes.values()
        edges: dict[str, list[Node]] = {}
        for each in nodes:
            edges.setdefault(each.attached_to or "", []).append(each)
        links = {each.trigger.name: each.id for each in nodes if each.is_link_target and each.trigger}
        begin, changed = self.begin[level.key], False
        waiting: list[tuple[str, Names]] = [
            (each.id, begin | (self.inside[level.key] if each.by_event else 0))
            for each in nodes
            if each.kind == "startEvent" or each.by_event
        ]
        while waiting:
            id, known = waiting.pop()
            node, old = level.nodes.get(id), self.before.get((level.key, id))
            if node is None or old == known | (old or 0):
                continue
            self.before[level.key, id] = known | (old or 0)
            changed |= self._enter(level, node)
            after = self._after(level, node)
            waiting += [(target, after) for target in node.element.next]
            if node.is_link and node.trigger and node.trigger.name in links:
                waiting.append((links[node.trigger.name], after))
            for edge in edges.get(id, ()):
                if edge.undoes and edge.handler:
                    waiting.append((edge.handler, begin | self.inside[level.key]))
                waiting.append((edge.id, self._beside(level, node)))
        return changed

    def _enter(self, level: Level, node: Node) -> bool:
        """Let the level inside an element begin with what is known there; tell whether that is more."""
        inner = self._inner(level, node)
        if inner is None:
            return False
        known = self.before[level.key, node.id] | self.gives[level.key, node.id]
        if node.repeat is not None:
            known |= self.inside[inner]
        more = known & ~self.begin[inner]
        self.begin[inner] |= more
        return bool(more)

    def _beside(self, level: Level, node: Node) -> Names:
        """What is known when an event on the edge happens: of a task, nothing that its answers would tell."""
        known = self.before[level.key, node.id]
        holds = node.repeat is not None or self._inner(level, node) is not None
        return known | (self._within(level, node) if holds else 0)
