"""Builds what runs from what was drawn and checked: one spec for each element, wired along the flows."""

from collections.abc import Callable, Iterable, Mapping
from typing import cast

from service.engine import scripts
from service.engine.drawing import PERSONAL, Level, Node, Process, Trigger
from service.engine.elements import (
    Call,
    Guard,
    LevelSpec,
    PersonalTask,
    Rule,
    Script,
    Spec,
    SubProcess,
    Terminate,
    Way,
)
from service.engine.events import Alarm, Boundary, Catch, Compensate, ThrowEvent
from service.engine.gateways import EventGateway, Exclusive, Inclusive, Join, Parallel
from service.engine.repeats import repeated

GUARD, ALARM, BODY = AROUND = (".guard", ".alarm", ".body")  # specs that an element has besides its own


def assemble(processes: Iterable[Process]) -> dict[str, LevelSpec]:
    """Build every process and sub-process, by the key of its level."""
    pairs = [(level, process.file) for process in processes for level in process.levels]
    levels = {level.key: level for level, _ in pairs}
    return {level.key: _Builder(level, file, levels).build() for level, file in pairs}


class _Builder:
    """Builds one level."""

    def __init__(self, level: Level, file: str, levels: Mapping[str, Level]) -> None:
        self.level = level
        self.levels = levels
        self.spec = LevelSpec(level.key, file)
        nodes = level.nodes.values()
        self.edges = {
            node.id: [each for each in nodes if each.attached_to == node.id and not each.undoes]
            for node in nodes
        }
        self.undone = {each.attached_to: each.handler for each in nodes if each.undoes}
        self.links = {
            node.trigger.name: node.id
            for node in nodes
            if node.kind == "intermediateCatchEvent" and node.trigger and node.trigger.kind == "link"
        }
        self.by_event = level.element is not None and self._around().by_event

    def build(self) -> LevelSpec:
        """Build and wire all."""
        for node in self.level.nodes.values():
            if node.undoes:
                continue
            spec = self._repeated(node) if node.repeat else self._make(node, node.id)
            spec.ways = self._ways(node)
            spec.undone_by = self.undone.get(node.id)
            if node.for_compensation:
                spec.body, spec.holds_token = True, False
            self._guard(node, spec)
        starts = [node for node in self.level.nodes.values() if node.kind == "startEvent"]
        alarms = [self._alarm(node) for node in self.level.nodes.values() if node.by_event]
        self.spec.start.ways = tuple(Way(name) for name in [*alarms, *(node.id for node in starts)])
        for spec in self.spec.task_specs.values():
            if isinstance(spec, Join):
                self._join(spec)
        return self.spec

    def _make(self, node: Node, name: str) -> Spec:
        if node.kind in PERSONAL:
            return PersonalTask(self.spec, name, node)
        return _MAKERS[node.kind](self, node, name)

    def make_start(self, node: Node, name: str) -> Spec:
        """Build a start event; that of an event sub-process was told when its event came."""
        spec = Spec(self.spec, name, node)
        spec.tells = spec.reaches = not self.by_event
        return spec

    def make_end(self, node: Node, name: str) -> Spec:
        """Build an end event."""
        if node.trigger is None:
            return Spec(self.spec, name, node)
        if node.trigger.kind == "terminate":
            return Terminate(self.spec, name, node)
        return self._thrower(node, name, node.trigger)

    def make_throw(self, node: Node, name: str) -> Spec:
        """Build an event that throws, marks a milestone or leads to a link; or a send task."""
        if node.trigger is None or node.trigger.kind == "link":
            return Spec(self.spec, name, node)
        return self._thrower(node, name, node.trigger)

    def _thrower(self, node: Node, name: str, trigger: Trigger) -> Spec:
        if trigger.kind == "compensate":
            return Compensate(self.spec, name, node, activity=trigger.name)
        return ThrowEvent(self.spec, name, node, trigger=trigger)

    def make_catch(self, node: Node, name: str) -> Spec:
        """Build an intermediate event that waits, or a receive task."""
        trigger = cast("Trigger", node.trigger)
        if trigger.kind == "link":
            return Spec(self.spec, name, node)
        gateways = [
            source.id
            for source in self.level.nodes.values()
            if source.kind == "eventBasedGateway" and node.id in source.element.next
        ]
        return Catch(self.spec, name, node, trigger=trigger, among=next(iter(gateways), None))

    def make_boundary(self, node: Node, name: str) -> Spec:
        """Build an event on the edge of an activity."""
        spec = Boundary(self.spec, name, node, trigger=cast("Trigger", node.trigger))
        spec.watches = node.attached_to or ""
        spec.beside = _guard_name(spec.watches)
        return spec

    def make_script(self, node: Node, name: str) -> Spec:
        """Build a script task."""
        return Script(self.spec, name, node, assignments=scripts.read(node.script or ""))

    def make_rule(self, node: Node, name: str) -> Spec:
        """Build a business rule task."""
        return Rule(self.spec, name, node)

    def make_call(self, node: Node, name: str) -> Spec:
        """Build a call activity."""
        return Call(self.spec, name, node, spec=node.called or "")

    def make_sub_process(self, node: Node, name: str) -> Spec:
        """Build a sub-process."""
        return SubProcess(self.spec, name, node, spec=f"{self.level.process}/{node.id}")

    def make_exclusive(self, node: Node, name: str) -> Spec:
        """Build an exclusive gateway."""
        return Exclusive(self.spec, name, node)

    def make_parallel(self, node: Node, name: str) -> Spec:
        """Build a parallel gateway."""
        return Parallel(self.spec, name, node)

    def make_inclusive(self, node: Node, name: str) -> Spec:
        """Build an inclusive gateway."""
        return Inclusive(self.spec, name, node)

    def make_event_gateway(self, node: Node, name: str) -> Spec:
        """Build an event gateway."""
        return EventGateway(self.spec, name, node)

    def _repeated(self, node: Node) -> Spec:
        body = self._make(node, node.id + BODY)
        body.body = True
        body.holds_token = False  # the one that repeats it does
        body.reaches = False
        return repeated(self.spec, node, body=body.name)

    def _guard(self, node: Node, spec: Spec) -> None:
        if not self.edges[node.id]:
            return
        guard = Guard(self.spec, _guard_name(node.id))
        spec.guard = guard.name
        guard.ways = tuple(Way(each) for each in [*(edge.id for edge in self.edges[node.id]), node.id])

    def _alarm(self, node: Node) -> str:
        inner = self.levels[f"{self.level.process}/{node.id}"]
        start = next(each for each in inner.nodes.values() if each.kind == "startEvent")
        alarm = Alarm(self.spec, node.id + ALARM, start, trigger=cast("Trigger", start.trigger))
        alarm.ways = (Way(node.id),)
        return node.id + ALARM

    def _ways(self, node: Node) -> tuple[Way, ...]:
        if node.is_link and node.trigger:
            return (Way(self._entry(self.links[node.trigger.name])),)
        return tuple(
            Way(
                self._entry(flow.target),
                None if flow.id == node.default else flow.condition,
                default=flow.id == node.default,
            )
            for flow in node.flows
        )

    def _entry(self, id: str) -> str:
        return _guard_name(id) if self.edges[id] else id

    def _join(self, spec: Join) -> None:
        flows = [flow for node in self.level.nodes.values() for flow in node.flows]
        spec.sources = tuple(flow.source for flow in flows if flow.target == spec.name)
        if isinstance(spec, Inclusive):
            spec.upstream = {source: self._upstream(source, without=spec.name) for source in spec.sources}

    def _upstream(self, id: str, *, without: str) -> frozenset[str]:
        """Tell from which elements a token could come to this one without passing another on its way."""
        before: dict[str, set[str]] = {}
        for node in self.level.nodes.values():
            targets = [*node.element.next, *(edge.id for edge in self.edges[node.id])]
            if node.is_link and node.trigger:
                targets.append(self.links[node.trigger.name])
            for target in targets:
                before.setdefault(target, set()).add(node.id)
        found, waiting = {id}, [id]
        while waiting:
            new = before.get(waiting.pop(), set()) - found - {without}
            found |= new
            waiting.extend(new)
        return frozenset(found)

    def _around(self) -> Node:
        return next(
            node
            for level in self.levels.values()
            if level.process == self.level.process
            for node in level.nodes.values()
            if node.id == self.level.element
        )


def _guard_name(id: str) -> str:
    return id + GUARD


_MAKERS: Mapping[str, Callable[[_Builder, Node, str], Spec]] = {
    "startEvent": _Builder.make_start,
    "endEvent": _Builder.make_end,
    "intermediateThrowEvent": _Builder.make_throw,
    "sendTask": _Builder.make_throw,
    "intermediateCatchEvent": _Builder.make_catch,
    "receiveTask": _Builder.make_catch,
    "boundaryEvent": _Builder.make_boundary,
    "scriptTask": _Builder.make_script,
    "businessRuleTask": _Builder.make_rule,
    "callActivity": _Builder.make_call,
    "subProcess": _Builder.make_sub_process,
    "exclusiveGateway": _Builder.make_exclusive,
    "parallelGateway": _Builder.make_parallel,
    "inclusiveGateway": _Builder.make_inclusive,
    "eventBasedGateway": _Builder.make_event_gateway,
}
