"""What is wrong with drawings, found before anything of them runs: by file, element and rule, in words that say what to do.

Whatever the engine does not run is refused here, so that no diagram runs differently from how it reads.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from service.engine import expressions, scripts, timing
from service.engine.drawing import (
    ACTIVITIES,
    EVENTS,
    GATEWAYS,
    PERSONAL,
    RUNS,
    Drawing,
    Flow,
    Level,
    Node,
    Process,
    Trigger,
)
from service.engine.expressions import Moment
from service.errors import Problem, StepFailed

MOST_NODES = 250  # on one level
ROLES = frozenset({"caseworker", "team_leader"})
RIGHTS = frozenset({"housing", "legal", "health", "psychological", "interpreter", "material"})
KEY = re.compile(r"[a-z][a-z0-9_]*")
MILESTONE = re.compile(r"[a-z][a-z0-9-]*")
VARIABLE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)

_SPEAKING = frozenset({"name_en", "milestone", "legalBasis", "right", "consequence", "consequence_en"})
_GUIDING = frozenset({"guidance", "guidance_en"})
_PERSONAL = frozenset({"form", "role", "due", "delegation", "fourEyes"})
_OF_PROCESS = frozenset({"title", "title_en", "owner", "retention", "name_en"})
_OF_LANE = frozenset({"role", "name_en"})

# What each kind of event may wait for or do; None: nothing.
_EVENTS: Mapping[str, frozenset[str | None]] = {
    "startEvent": frozenset({None, "message"}),
    "endEvent": frozenset({None, "error", "escalation", "message", "signal", "terminate", "compensate"}),
    "intermediateThrowEvent": frozenset({None, "escalation", "message", "signal", "link", "compensate"}),
    "intermediateCatchEvent": frozenset({"message", "timer", "signal", "conditional", "link"}),
    "boundaryEvent": frozenset(
        {"error", "escalation", "message", "signal", "timer", "conditional", "compensate"}
    ),
}
_ALARMS = frozenset({"error", "escalation", "message", "signal", "timer", "conditional"})
_THROWING = frozenset({"endEvent", "intermediateThrowEvent", "sendTask"})
_TAKES = frozenset({"message", "signal", "error", "escalation"})  # what can carry data

_INSTEAD = {
    "serviceTask": "No connector is registered that a service task could call; let a person do it in a user task.",
    "complexGateway": "Complex gateways are not run; draw it with exclusive, parallel and inclusive ones.",
    "adHocSubProcess": "Ad-hoc sub-processes are not run; draw the order, or an event sub-process for each act.",
    "transaction": "Transactions are not run; draw a sub-process, with compensation where something must be undone.",
    "dataStoreReference": "Data stores are not run; what a case knows is in its data.",
    "ioSpecification": "Inputs and outputs are not run; use the properties inputs, result and resultVariable.",
    "dataInputAssociation": "Data associations are not run, every task sees the case's data; take the arrow away.",
    "dataOutputAssociation": "Data associations are not run, every task sees the case's data; take the arrow away.",
    "correlationKey": "Correlation keys are not run; messages are correlated by the case's reference.",
    "instantiate": "Only a start event begins a process; take “instantiate” away.",
    "parallelMultiple": "An event waits for one thing; draw several events.",
}


@dataclass(frozen=True)
class Names:
    """What else is deployed together. None: not known, since a file of that kind could not be read."""

    processes: frozenset[str] | None
    decisions: frozenset[str] | None
    forms: frozenset[str] | None


@dataclass(frozen=True)
class _Whole:
    """All that is deployed together, to look things up in."""

    names: Names
    caught: frozenset[tuple[str, str | None]]  # (kind, name) of what some event waits for


Finding = tuple[str | None, str, str]  # element, rule, message


def problems(drawings: Iterable[Drawing], names: Names) -> Iterator[Problem]:
    """Find everything that is wrong with the drawings."""
    drawings = list(drawings)
    whole = _Whole(names, _caught(drawings))
    for drawing in drawings:
        for element, rule, message in _of_file(drawing, whole):
            yield Problem(message, element=element, file=drawing.file, rule=rule)
    keys = Counter(process.key for drawing in drawings for process in drawing.processes)
    for drawing in drawings:
        for process in drawing.processes:
            if keys[process.key] > 1:
                message = f"Process “{process.key}” is defined twice; give one of them another key."
                yield Problem(message, element=process.key, file=drawing.file, rule="key-twice")


def _of_file(drawing: Drawing, whole: _Whole) -> Iterator[Finding]:
    for id, kind in drawing.odd:
        yield id, "not-run", _INSTEAD.get(kind, f"“{kind}” is not run here; take it away.")
    for id, times in Counter(drawing.ids).items():
        if times > 1:
            yield id, "id-twice", f"{times} elements have the id “{id}”; give each its own."
    if not drawing.processes:
        yield None, "no-process", "There is no executable process in the file."
    for process in drawing.processes:
        yield from _of_process(process, whole)


def _of_process(process: Process, whole: _Whole) -> Iterator[Finding]:
    if not KEY.fullmatch(process.key):
        yield (
            process.key,
            "process-key",
            "A process id is small letters, digits and “_”, and begins with a letter.",
        )
    yield from _unknown_properties(process.key, process.properties, _OF_PROCESS)
    yield from _foreign(process.key, process.foreign)
    for lane, properties in process.lane_properties:
        yield from _unknown_properties(lane, properties, _OF_LANE)
        yield from _role(lane, properties.get("role"))
    for level in process.levels:
        yield from _of_level(level, process, whole)


def _of_level(level: Level, process: Process, whole: _Whole) -> Iterator[Finding]:
    here = level.element or level.process
    if len(level.nodes) > MOST_NODES:
        yield (
            here,
            "too-many-nodes",
            f"There are more than {MOST_NODES} elements here; put some into a sub-process.",
        )
    starts = [node for node in level.nodes.values() if node.kind == "startEvent"]
    if len(starts) != 1:
        message = (
            f"There must be exactly one start event here, not {len(starts)}; let gateways choose after it."
        )
        yield here, "one-start", message
    for flow in level.stray:
        yield flow.id, "flow-source", "The flow does not begin at an element of the same level."
    for node in level.nodes.values():
        yield from _of_node(node, level, process, whole)
    if len(starts) == 1:
        yield from _unreachable(level, starts[0])
    yield from _links(level)


def _of_node(node: Node, level: Level, process: Process, whole: _Whole) -> Iterator[Finding]:
    if not node.id:
        yield None, "no-id", f"An element “{node.kind}” has no id."
        return
    if node.kind not in RUNS:
        yield (
            node.id,
            "not-run",
            _INSTEAD.get(node.kind, f"“{node.kind}” is not run here; draw it otherwise."),
        )
        return
    yield from _foreign(node.id, node.foreign)
    for each in node.odd:
        yield node.id, "not-run", _INSTEAD.get(each, f"“{each}” is not run here; take it away.")
    yield from _properties(node)
    yield from _flows(node, level)
    yield from _repeat(node)
    checks: Iterable[_Check] = [
        *_OF_KIND.get(node.kind, ()),
        *([_event] if node.triggers or node.kind in EVENTS else []),
    ]
    for check in checks:
        yield from check(node, level, process, whole)


def _foreign(id: str, words: Iterable[str]) -> Iterator[Finding]:
    for word in sorted(set(words)):
        message = f"“{word}” was written for another tool and is not followed here; use our properties or take it away."
        yield id, "foreign", message


def _unknown_properties(id: str, given: Iterable[str], known: frozenset[str]) -> Iterator[Finding]:
    for name in given:
        if name not in known:
            listed = ", ".join(sorted(known))
            yield id, "property", f"There is no property “{name}” here; those that are followed: {listed}."


def _properties(node: Node) -> Iterator[Finding]:
    yield from _unknown_properties(node.id, node.properties, _known_properties(node))
    own = node.properties
    yield from _role(node.id, own.get("role"))
    if own.get("right", "housing") not in RIGHTS:
        yield node.id, "right", f"A right is one of {', '.join(sorted(RIGHTS))}."
    if not MILESTONE.fullmatch(own.get("milestone", "a")):
        yield node.id, "milestone", "A milestone is small letters, digits and “-”."
    for name in ("variable", "resultVariable", "result"):
        if name in own and not VARIABLE.fullmatch(own[name]):
            yield (
                node.id,
                "variable",
                f"“{own[name]}” cannot be the name of a variable; use letters, digits and “_”.",
            )
    for name in ("inputs", "payload"):
        if name in own:
            yield from _feel(node.id, own[name], f"property “{name}”")
    if "due" in own:
        yield from _due(node.id, own["due"])


def _due(id: str, due: str) -> Iterator[Finding]:
    text = timing.literal(due)
    if text is None:
        yield from _feel(id, due, "property “due”")
        return
    try:
        expressions.instant(text, moment=_ANY_MOMENT, end_of_day=True)
    except StepFailed as failure:
        yield id, "due", failure.message


def _known_properties(node: Node) -> frozenset[str]:
    known = _SPEAKING | _GUIDING
    if node.kind in PERSONAL:
        known |= _PERSONAL
    if node.kind == "businessRuleTask":
        known |= {"inputs", "resultVariable"}
    if node.kind == "callActivity":
        known |= {"inputs", "result"}
    if node.trigger and node.trigger.kind in _TAKES:
        known |= {"payload"} if node.kind in _THROWING else {"variable"}
        if node.kind == "startEvent" and node.element.parent is None:
            known -= {"variable"}  # what a process is started with lands in its data as it is
    return known


def _role(id: str, role: str | None) -> Iterator[Finding]:
    if role is not None and role not in ROLES:
        yield id, "role", f"“{role}” is no role for tasks; choose one of {', '.join(sorted(ROLES))}."


def _feel(id: str, expression: str, where: str) -> Iterator[Finding]:
    for message in expressions.problems(expression):
        yield id, "feel", f"In the {where}: {message}"


def _flows(node: Node, level: Level) -> Iterator[Finding]:
    for flow in node.flows:
        yield from _foreign(flow.id, flow.foreign)
        yield from _target(flow, level)
        if flow.condition is not None:
            yield from _feel(flow.id, flow.condition, "condition")
    if node.flows and (node.kind == "endEvent" or node.by_event or node.for_compensation):
        yield node.id, "flow-out", "No flow may lead out of this element."
    if node.kind in GATEWAYS and not node.flows:
        yield node.id, "flow-out", "The gateway leads nowhere."
    yield from _conditions(node)


def _target(flow: Flow, level: Level) -> Iterator[Finding]:
    target = level.nodes.get(flow.target)
    if target is None:
        yield flow.id, "flow-target", "The flow does not lead to an element of the same level."
    elif target.kind in {"startEvent", "boundaryEvent"} or target.by_event or target.for_compensation:
        yield flow.id, "flow-target", "No flow may lead into its target."


def _conditions(node: Node) -> Iterator[Finding]:
    chooses = node.kind in {"exclusiveGateway", "inclusiveGateway"}
    may = chooses or node.kind in ACTIVITIES
    if node.default is not None and node.default not in {flow.id for flow in node.flows}:
        yield node.id, "default-flow", "The default flow does not begin here."
    if node.default is not None and not may:
        yield node.id, "default-flow", "Only gateways that choose, and activities, have a default flow."
    for flow in node.flows:
        is_default = flow.id == node.default
        if flow.condition is not None and is_default:
            yield flow.id, "default-flow", "The default flow has no condition; take the condition away."
        if flow.condition is not None and not may:
            yield (
                flow.id,
                "condition",
                "A condition stands only after a gateway that chooses, or an activity.",
            )
        if flow.condition is None and not is_default and chooses and len(node.flows) > 1:
            yield flow.id, "condition", "Give the flow a condition, or make it the default flow."


def _unreachable(level: Level, start: Node) -> Iterator[Finding]:
    nodes = level.nodes
    beside: dict[str, list[str]] = {}
    for node in nodes.values():
        if node.kind == "boundaryEvent" and node.attached_to:
            beside.setdefault(node.attached_to, []).append(node.id)
    found, waiting = (
        set[str](),
        [start.id, *(node.id for node in nodes.values() if node.by_event or _is_link(node))],
    )
    while waiting:
        id = waiting.pop()
        if id in found or id not in nodes:
            continue
        found.add(id)
        node = nodes[id]
        waiting += [*node.element.next, *beside.get(id, ())]
        if node.handler and node.trigger and node.trigger.kind == "compensate":
            waiting.append(node.handler)
    for node in nodes.values():
        if node.id and node.id not in found and node.kind in RUNS:
            yield node.id, "unreachable", "No flow from the start leads here."


def _is_link(node: Node) -> bool:
    return node.kind == "intermediateCatchEvent" and bool(node.trigger and node.trigger.kind == "link")


def _links(level: Level) -> Iterator[Finding]:
    throws, catches = [], []
    for node in level.nodes.values():
        if node.trigger and node.trigger.kind == "link":
            (catches if _is_link(node) else throws).append(node)
    names = Counter(node.trigger.name for node in catches if node.trigger)
    for node in throws:
        if node.trigger and names[node.trigger.name] != 1:
            yield (
                node.id,
                "link",
                "A link leads to exactly one catching link of the same name on the same level.",
            )
        if node.flows:
            yield node.id, "flow-out", "A link that is thrown has no flow out of it."
    thrown = {node.trigger.name for node in throws if node.trigger}
    for node in catches:
        if node.trigger and node.trigger.name not in thrown:
            yield node.id, "link", "No link on this level leads here."
        if node.incoming:
            yield node.id, "flow-target", "No flow may lead into a catching link."


def _repeat(node: Node) -> Iterator[Finding]:
    repeat = node.repeat
    if repeat is None:
        return
    if node.by_event or node.for_compensation:
        yield node.id, "repeat", "This cannot be done several times."
    if repeat.kind == "loop":
        if not repeat.condition and not repeat.maximum:
            yield node.id, "repeat", "A loop needs a condition to go on, or a maximum."
        if repeat.maximum is not None and not re.fullmatch(r"[1-9]\d{0,5}", repeat.maximum):
            yield node.id, "repeat", "The maximum of a loop is a number from 1."
    elif bool(repeat.collection) == bool(repeat.cardinality):
        yield node.id, "repeat", "Say either for each item of which list, or how many times."
    if bool(repeat.output) != bool(repeat.output_item):
        yield (
            node.id,
            "repeat",
            "Name both the list of results and the variable that holds one result, or neither.",
        )
    for name in (repeat.item, repeat.output, repeat.output_item):
        if name and not VARIABLE.fullmatch(name):
            yield (
                node.id,
                "variable",
                f"“{name}” cannot be the name of a variable; use letters, digits and “_”.",
            )
    for expression in (repeat.condition, repeat.collection, repeat.cardinality):
        if expression:
            yield from _feel(node.id, expression, "repetition")


def _personal(node: Node, level: Level, process: Process, whole: _Whole) -> Iterator[Finding]:
    del level
    form, eyes = node.element.form, node.element.four_eyes
    if form is not None and whole.names.forms is not None and form not in whole.names.forms:
        yield node.id, "form", f"There is no form “{form}”."
    other = process.elements.get(eyes) if eyes else None
    if eyes is not None and (other is None or other.kind not in PERSONAL or eyes == node.id):
        yield node.id, "four-eyes", f"“{eyes}” is no other task for a person in this process."


def _script(node: Node, level: Level, process: Process, whole: _Whole) -> Iterator[Finding]:
    del level, process, whole
    if (node.script_format or "feel").lower() != "feel":
        yield node.id, "script", f"Scripts are FEEL assignments, not {node.script_format}."
    for message in scripts.problems(node.script or ""):
        yield node.id, "script", message


def _rule(node: Node, level: Level, process: Process, whole: _Whole) -> Iterator[Finding]:
    del level, process
    if not node.decision:
        yield node.id, "decision", "Say which decision is asked (calledDecisionId)."
    elif whole.names.decisions is not None and node.decision not in whole.names.decisions:
        yield node.id, "decision", f"There is no decision “{node.decision}”."
    if not node.properties.get("resultVariable"):
        yield node.id, "decision", "Say where the outcome goes: property resultVariable."


def _call(node: Node, level: Level, process: Process, whole: _Whole) -> Iterator[Finding]:
    del level, process
    if not node.called:
        yield node.id, "called-process", "Say which process is called (calledElement)."
    elif whole.names.processes is not None and node.called not in whole.names.processes:
        yield node.id, "called-process", f"There is no process “{node.called}”."


def _boundary(node: Node, level: Level, process: Process, whole: _Whole) -> Iterator[Finding]:
    del process, whole
    activity = level.nodes.get(node.attached_to or "")
    if activity is None or activity.kind not in ACTIVITIES or activity.by_event or activity.for_compensation:
        yield node.id, "attached", "The event is not attached to an activity of the same level."
    if node.incoming:
        yield node.id, "flow-target", "No flow may lead into a boundary event."


def _event_gateway(node: Node, level: Level, process: Process, whole: _Whole) -> Iterator[Finding]:
    del process, whole
    if len(node.flows) < 2:  # noqa: PLR2004 - between one there is no choice
        yield node.id, "event-gateway", "An event gateway leads to at least two events."
    attached = {each.attached_to for each in level.nodes.values()}
    for flow in node.flows:
        target = level.nodes.get(flow.target)
        if target is None:
            continue
        catches = target.kind == "receiveTask" or (
            target.kind == "intermediateCatchEvent" and not _is_link(target)
        )
        if not catches or target.incoming != 1 or target.id in attached or target.repeat:
            message = "Behind an event gateway stand events that wait, or receive tasks, with no other flow into them."
            yield flow.id, "event-gateway", message


def _event(node: Node, level: Level, process: Process, whole: _Whole) -> Iterator[Finding]:
    if len(node.triggers) > 1:
        yield node.id, "one-event", "An event waits for one thing or does one thing; draw several events."
        return
    trigger = node.trigger
    allowed = _allowed(node, level, process)
    kind = trigger.kind if trigger else None
    if kind not in allowed:
        listed = ", ".join(sorted(each or "plain" for each in allowed))
        yield (
            node.id,
            "event-kind",
            f"An event of kind “{kind or 'plain'}” is not run here; possible: {listed}.",
        )
    elif trigger is not None:
        yield from _trigger(node, trigger, level, process)
        yield from _catchable(node, trigger, whole)


def _allowed(node: Node, level: Level, process: Process) -> frozenset[str | None]:
    if node.kind in {"sendTask", "receiveTask"}:
        return frozenset({"message"})
    if node.kind == "startEvent" and level.element is not None:
        return frozenset(_ALARMS) if _is_by_event(level, process) else frozenset({None})
    return _EVENTS[node.kind]


def _is_by_event(level: Level, process: Process) -> bool:
    nodes = (node for each in process.levels for node in each.nodes.values() if node.id == level.element)
    return any(node.by_event for node in nodes)


def _trigger(node: Node, trigger: Trigger, level: Level, process: Process) -> Iterator[Finding]:
    throws = node.kind in _THROWING
    if trigger.missing:
        yield node.id, "event-reference", f"“{trigger.missing}” is not in the file, or has no name or code."
        return
    if not trigger.name and (
        trigger.kind in {"message", "signal", "link"} or (throws and trigger.kind in _TAKES)
    ):
        yield (
            node.id,
            "event-reference",
            f"Say which {trigger.kind} is meant; an error or escalation needs a code.",
        )
    if trigger.kind == "error" and not node.interrupting:
        yield node.id, "event-kind", "An error always interrupts."
    if trigger.kind == "conditional":
        yield from _feel(node.id, trigger.expression or "", "condition")
    if trigger.kind == "timer":
        yield from _timer(node, trigger)
    if trigger.kind == "compensate":
        yield from _compensation(node, trigger, level, process)


def _catchable(node: Node, trigger: Trigger, whole: _Whole) -> Iterator[Finding]:
    if node.kind not in _THROWING or trigger.kind not in {"message", "error"}:
        return
    any_code = trigger.kind == "error" and (trigger.kind, None) in whole.caught
    if not any_code and (trigger.kind, trigger.name) not in whole.caught:
        yield node.id, "not-caught", f"Nothing can catch this {trigger.kind}: no event waits for it."


def _timer(node: Node, trigger: Trigger) -> Iterator[Finding]:
    if trigger.measure is None:
        yield node.id, "timer", "A timer has exactly one of date, duration and cycle."
        return
    beats = trigger.measure == "timeCycle"
    if beats and (node.interrupting or node.kind == "intermediateCatchEvent"):
        yield node.id, "timer", "A cycle stands only on an event that does not interrupt; use a duration."
    text = timing.literal(trigger.expression or "")
    if text is None:
        yield from _feel(node.id, trigger.expression or "", "timer")
        return
    begins = {"timeDate": r"\d{4}-\d\d-\d\dT", "timeDuration": "P", "timeCycle": "R"}[trigger.measure]
    if not re.match(begins, text):
        yield node.id, "timer", f"“{text}” is not what {trigger.measure} takes; for dates use at(date, time)."
        return
    try:
        if beats:
            timing.cycle(text, moment=_ANY_MOMENT)
        else:
            expressions.instant(text, moment=_ANY_MOMENT)
    except StepFailed as failure:
        yield node.id, "timer", failure.message


def _compensation(node: Node, trigger: Trigger, level: Level, process: Process) -> Iterator[Finding]:
    undone = [each for each in level.nodes.values() if _undoes(each)]
    if node.kind != "boundaryEvent":
        if trigger.name not in {None, *(each.attached_to for each in undone)} or not undone:
            yield (
                node.id,
                "compensation",
                "On this level nothing is drawn that would be undone by this event.",
            )
        if trigger.name is None and _undone_below(level, process):
            message = "What is done inside a sub-process is undone only by an event inside it; draw it on one level."
            yield node.id, "compensation", message
        return
    handler = level.nodes.get(node.handler or "")
    if handler is None or not handler.for_compensation or handler.kind not in ACTIVITIES:
        yield (
            node.id,
            "compensation",
            "Draw an association to the activity that undoes, marked for compensation.",
        )
    if node.flows:
        yield node.id, "flow-out", "A compensation event has no flow out of it, only an association."
    if not any(
        each.trigger and each.trigger.kind == "compensate" and not _undoes(each)
        for each in level.nodes.values()
    ):
        yield node.id, "compensation", "No event on this level throws compensation, so this is never undone."


def _undoes(node: Node) -> bool:
    return node.kind == "boundaryEvent" and bool(node.trigger and node.trigger.kind == "compensate")


def _undone_below(level: Level, process: Process) -> bool:
    inside = {level.element or ""}
    for each in process.levels:  # outer levels come first
        around = next((one for one in process.levels if each.element in one.nodes), None)
        if (
            each is not level
            and around is not None
            and (around is level or (around.element or "") in inside - {""})
        ):
            inside.add(each.element or "")
            if any(_undoes(node) for node in each.nodes.values()):
                return True
    return False


def _caught(drawings: Iterable[Drawing]) -> frozenset[tuple[str, str | None]]:
    waits = {"startEvent", "intermediateCatchEvent", "boundaryEvent", "receiveTask"}
    return frozenset(
        (trigger.kind, trigger.name)
        for drawing in drawings
        for process in drawing.processes
        for level in process.levels
        for node in level.nodes.values()
        if node.kind in waits
        for trigger in node.triggers
    )


_Check = Callable[[Node, Level, Process, _Whole], Iterator[Finding]]

_OF_KIND: Mapping[str, tuple[_Check, ...]] = {
    **dict.fromkeys(PERSONAL, (_personal,)),
    "scriptTask": (_script,),
    "businessRuleTask": (_rule,),
    "callActivity": (_call,),
    "boundaryEvent": (_boundary,),
    "eventBasedGateway": (_event_gateway,),
}
_ANY_MOMENT = Moment(now=datetime(2026, 1, 1, tzinfo=UTC), zone=ZoneInfo("Europe/Stockholm"))
