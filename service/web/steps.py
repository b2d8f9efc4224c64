"""A diagram in words: its steps in order, where each stands, what is next. The text twin of the drawing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from service.engine.drawing import GATEWAYS, PERSONAL, Element, Level, Node, Process
from service.web.presentation import say, t

AUTOMATIC = GATEWAYS | {"scriptTask", "businessRuleTask", "sendTask", "intermediateThrowEvent", "startEvent"}
CHOOSES = GATEWAYS - {"parallelGateway"}


@dataclass(frozen=True)
class Step:
    """One step of a diagram: what it is called, who does it, where it stands, what follows."""

    id: str
    name: str
    kind: str  # in words; empty for tasks
    who: str
    next: str
    state: str  # done, here, later, skipped; empty when no case is looked at
    element: Element


@dataclass(frozen=True)
class Standing:
    """What a case has done in one process: elements that hold a token, those passed, whether it is over.

    When the past is not known, what cannot come any more has no state: it was done, or skipped.
    """

    here: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()
    over: bool = False
    knows_past: bool = True


def table(process: Process, standing: Standing | None = None) -> list[Step]:
    """All named steps of a process in the order of its flow."""
    nodes = nodes_of(process)
    states = _states(nodes, standing) if standing is not None else {}
    return [
        Step(
            id=node.id,
            name=say(node.element.name),
            kind=_kind(node),
            who=who(node),
            next=", ".join(_names(nodes[each] for each in _following(nodes, node)[1])),
            state=states.get(node.id, ""),
            element=node.element,
        )
        for node in _in_order(process.levels, process.levels[0])
        if say(node.element.name)
    ]


def what_next(process: Process, element_id: str) -> str:
    """Say in one sentence what comes after an element and who does it."""
    nodes = nodes_of(process)
    chosen, found = _following(nodes, nodes[element_id])
    if not found:
        return t("next.end", process=say(process.title))
    said = [_with_who(nodes[each], process) for each in found]
    if len(said) == 1:
        return t("next.one", step=said[0])
    return t("next.or" if chosen else "next.and", steps="; ".join(said))


def coming(process: Process, standing: Standing) -> list[str]:
    """The tasks of people that come next after what is open, by name."""
    nodes = nodes_of(process)
    found = dict.fromkeys(
        each for id in sorted(standing.here) if id in nodes for each in _following(nodes, nodes[id])[1]
    )
    return [
        say(nodes[each].element.name)
        for each in found
        if nodes[each].kind in PERSONAL and each not in standing.here | standing.done
    ]


def nodes_of(process: Process) -> dict[str, Node]:
    """All nodes of a process, those of its sub-processes too."""
    return {id: node for level in process.levels for id, node in level.nodes.items()}


def who(node: Node) -> str:
    """Say who does a step, or what it waits for."""
    if node.kind in PERSONAL:
        return t(f"role.{node.element.role or 'caseworker'}")
    if node.called:
        return t("steps.part")
    trigger = node.trigger
    if node.kind in {"intermediateCatchEvent", "boundaryEvent", "receiveTask"} and trigger is not None:
        words = {"timer": "steps.waits_time", "message": "steps.waits_message"}
        return t(words.get(trigger.kind, "steps.waits_event"))
    return t("steps.automatic") if node.kind in {"scriptTask", "businessRuleTask", "sendTask"} else ""


def _kind(node: Node) -> str:
    if node.kind in GATEWAYS:
        return t("kind.choice") if node.kind in CHOOSES else t("kind.parallel")
    if node.kind in {"startEvent", "endEvent", "boundaryEvent", "callActivity", "subProcess"}:
        return t(f"kind.{node.kind}")
    if node.kind in {"intermediateCatchEvent", "intermediateThrowEvent"}:
        return t("kind.event")
    return ""


def _with_who(node: Node, process: Process) -> str:
    name = say(node.element.name) or _kind(node)
    if node.kind == "endEvent":
        return (
            t("next.ends", name=name)
            if say(node.element.name)
            else t("next.end_of", process=say(process.title))
        )
    doer = who(node) if node.kind in PERSONAL else ""
    return t("next.by", name=name, who=doer) if doer else t("next.step", name=name)


def _following(nodes: Mapping[str, Node], node: Node) -> tuple[bool, list[str]]:
    """Whether only some of them come, and the next elements that people do or wait for."""
    chosen, seen = False, {node.id}
    found: dict[str, None] = {}
    ahead = list(node.element.next)
    while ahead:
        each = ahead.pop(0)
        if each in seen or each not in nodes:
            continue
        seen.add(each)
        if nodes[each].kind in AUTOMATIC and nodes[each].element.next:
            chosen = chosen or (nodes[each].kind in CHOOSES and len(nodes[each].element.next) > 1)
            ahead += nodes[each].element.next
        else:
            found[each] = None
    parent = node.element.parent
    ends = [each for each in found if nodes[each].kind == "endEvent"]
    if parent is not None and parent in nodes and (ends or not found):
        outer_chosen, outer = _following(nodes, nodes[parent])
        kept = [each for each in found if each not in ends]
        return chosen or outer_chosen or bool(kept), [*kept, *outer]
    return chosen, list(found)


def _names(nodes: Iterable[Node]) -> Iterator[str]:
    return (name for name in (say(node.element.name) for node in nodes) if name)


def _states(nodes: Mapping[str, Node], standing: Standing) -> dict[str, str]:
    here = set(standing.here) & set(nodes)
    for id in tuple(here):
        here |= set(_around(nodes, id))
    reachable = set() if standing.over else _reachable(nodes, here)
    started = bool(here or standing.done) or standing.over
    states = {id: _state(id, here, standing.done, reachable, started=started) for id in nodes}
    if standing.knows_past:
        return states
    return {id: state for id, state in states.items() if state in {"here", "later"}}


def _state(id: str, here: set[str], done: frozenset[str], reachable: set[str], *, started: bool) -> str:
    if id in here:
        return "here"
    if id in done:
        return "done"
    return "later" if id in reachable or not started else "skipped"


def _around(nodes: Mapping[str, Node], id: str) -> Iterator[str]:
    parent = nodes[id].element.parent
    while parent is not None and parent in nodes:
        yield parent
        parent = nodes[parent].element.parent


def _reachable(nodes: Mapping[str, Node], here: set[str]) -> set[str]:
    """What can still come from where the tokens are: along flows, into sub-processes, at borders."""
    inside, borders = _under(nodes)
    found: set[str] = set()
    ahead = [*here, *(id for id, node in nodes.items() if node.by_event and here)]
    while ahead:
        id = ahead.pop()
        follows = {*nodes[id].element.next, *borders.get(id, ()), *(() if id in here else inside.get(id, ()))}
        new = (follows & nodes.keys()) - found
        found |= new
        ahead += new
    return found


def _under(nodes: Mapping[str, Node]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """What is inside each sub-process, and the events at the border of each activity."""
    inside: dict[str, list[str]] = {}
    borders: dict[str, list[str]] = {}
    for id, node in nodes.items():
        if node.element.parent is not None:
            inside.setdefault(node.element.parent, []).append(id)
        if node.attached_to is not None:
            borders.setdefault(node.attached_to, []).append(id)
    return inside, borders


def _in_order(levels: tuple[Level, ...], level: Level) -> Iterator[Node]:
    """The nodes of a level as its flow goes, each sub-process followed by what is inside it."""
    _, borders = _under(level.nodes)
    seen: set[str] = set()
    later: list[str] = []  # each after all that can follow it, so that the reverse is the order of the flow
    for start in level.nodes.values():
        if start.incoming == 0 and start.attached_to is None:
            _visit(level.nodes, borders, start.id, seen, later)
    for id in [*reversed(later), *(id for id in level.nodes if id not in seen)]:
        yield level.nodes[id]
        for inner in levels:
            if inner.element == id:
                yield from _in_order(levels, inner)


def _visit(
    nodes: Mapping[str, Node], borders: Mapping[str, list[str]], id: str, seen: set[str], later: list[str]
) -> None:
    """Walk on from a node, the flow before what may happen meanwhile."""
    if id in seen or id not in nodes:
        return
    seen.add(id)
    for each in [*borders.get(id, ()), *reversed(nodes[id].element.next)]:
        _visit(nodes, borders, each, seen, later)
    later.append(id)
