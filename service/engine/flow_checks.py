"""What is wrong with the flows of a level: where they lead, when they are taken, what they never reach."""

from collections import Counter
from collections.abc import Iterator

from service.engine.drawing import ACTIVITIES, GATEWAYS, RUNS, Flow, Level, Node
from service.engine.findings import Finding, feel, languages


def flows_of(node: Node, level: Level) -> Iterator[Finding]:
    """Find what is wrong with the flows out of an element."""
    for flow in node.flows:
        yield from languages(flow.id, flow.languages)
        yield from _target(flow, level)
        if flow.condition is not None:
            yield from feel(flow.id, flow.condition, "condition")
    ends = node.kind == "endEvent" or node.by_event or node.for_compensation or node.undoes or node.is_link
    if node.flows and ends:
        yield node.id, "flow-out", "No flow may lead out of this element."
    if node.kind in GATEWAYS and not node.flows:
        yield node.id, "flow-out", "The gateway leads nowhere."
    yield from _conditions(node)
    yield from _default(node)


def unreachable(level: Level, start: Node) -> Iterator[Finding]:
    """Find the elements that no token can come to."""
    nodes = level.nodes
    beside: dict[str, list[str]] = {}
    for node in nodes.values():
        if node.kind == "boundaryEvent" and node.attached_to:
            beside.setdefault(node.attached_to, []).append(node.id)
    found = set[str]()
    waiting = [start.id, *(node.id for node in nodes.values() if node.by_event or node.is_link_target)]
    while waiting:
        id = waiting.pop()
        if id in found or id not in nodes:
            continue
        found.add(id)
        waiting += [*nodes[id].element.next, *beside.get(id, ())]
        if nodes[id].undoes and nodes[id].handler:
            waiting.append(nodes[id].handler or "")
    for node in nodes.values():
        if node.id and node.id not in found and node.kind in RUNS:
            yield node.id, "unreachable", "No flow from the start leads here."


def links(level: Level) -> Iterator[Finding]:
    """Find links without exactly one target, and targets without a link."""
    sources = [node for node in level.nodes.values() if node.is_link]
    targets = [node for node in level.nodes.values() if node.is_link_target]
    names = Counter(_name(node) for node in targets)
    for node in sources:
        if names[_name(node)] != 1:
            message = "A link leads to exactly one catching link of the same name on the same level."
            yield node.id, "link", message
    linked = {_name(node) for node in sources}
    for node in targets:
        if _name(node) not in linked:
            yield node.id, "link", "No link on this level leads here."
        if node.incoming:
            yield node.id, "flow-target", "No flow may lead into a catching link."


def _target(flow: Flow, level: Level) -> Iterator[Finding]:
    target = level.nodes.get(flow.target)
    if target is None:
        yield flow.id, "flow-target", "The flow does not lead to an element of the same level."
    elif target.kind in {"startEvent", "boundaryEvent"} or target.by_event or target.for_compensation:
        yield flow.id, "flow-target", "No flow may lead into its target."


def _conditions(node: Node) -> Iterator[Finding]:
    chooses = node.kind in {"exclusiveGateway", "inclusiveGateway"}
    for flow in node.flows:
        if flow.condition is not None and not (chooses or node.kind in ACTIVITIES):
            yield (
                flow.id,
                "condition",
                "A condition stands only after a gateway that chooses, or an activity.",
            )
        if chooses and flow.condition is None and flow.id != node.default and len(node.flows) > 1:
            yield flow.id, "condition", "Give the flow a condition, or make it the default flow."


def _default(node: Node) -> Iterator[Finding]:
    if node.default is None:
        return
    if node.default not in {flow.id for flow in node.flows}:
        yield node.id, "default-flow", "The default flow does not begin here."
    if node.kind not in ACTIVITIES | {"exclusiveGateway", "inclusiveGateway"}:
        yield node.id, "default-flow", "Only gateways that choose, and activities, have a default flow."
    for flow in node.flows:
        if flow.id == node.default and flow.condition is not None:
            yield flow.id, "default-flow", "The default flow has no condition; take the condition away."


def _name(node: Node) -> str | None:
    return node.trigger.name if node.trigger else None
