"""What is wrong with events: what they wait for, when timers are due, what throws and what catches."""

import re
from collections.abc import Iterator, Mapping

from service.engine import expressions, timing
from service.engine.drawing import ACTIVITIES, RUNS, TAKES_DATA, Level, Node, Process, Trigger
from service.engine.findings import ANY_MOMENT, Finding, Whole, feel
from service.errors import StepFailed

_Kinds = frozenset[str | None]

_ALARMS: _Kinds = frozenset({"error", "escalation", "message", "signal", "timer", "conditional"})
_PLAIN: _Kinds = frozenset({None})
_MESSAGE: _Kinds = frozenset({"message"})

# What each kind of event may wait for or do; None: nothing.
_EVENTS: Mapping[str, _Kinds] = {
    "startEvent": _PLAIN | _MESSAGE,
    "endEvent": frozenset({None, "error", "escalation", "message", "signal", "terminate", "compensate"}),
    "intermediateThrowEvent": frozenset({None, "escalation", "message", "signal", "link", "compensate"}),
    "intermediateCatchEvent": frozenset({"message", "timer", "signal", "conditional", "link"}),
    "boundaryEvent": _ALARMS | {"compensate"},
    "sendTask": _MESSAGE,
    "receiveTask": _MESSAGE,
}


def event(node: Node, level: Level, process: Process, whole: Whole) -> Iterator[Finding]:
    """Find what is wrong with an event, send task or receive task."""
    if len(node.triggers) > 1:
        yield node.id, "one-event", "An event waits for one thing or does one thing; draw several events."
        return
    trigger = node.trigger
    allowed = _allowed(node, level, process)
    kind = trigger.kind if trigger else None
    if kind not in allowed:
        listed = ", ".join(sorted(each or "plain" for each in allowed))
        message = f"An event of kind “{kind or 'plain'}” is not run here; possible: {listed}."
        yield node.id, "event-kind", message
    elif trigger is not None:
        yield from _trigger(node, trigger)
        yield from _catchable(node, trigger, whole)
        if trigger.kind == "compensate":
            yield from _compensation(node, trigger, level, process)


def boundary(node: Node, level: Level, process: Process, whole: Whole) -> Iterator[Finding]:
    """Find a boundary event that is on the edge of nothing."""
    del process, whole
    activity = level.nodes.get(node.attached_to or "")
    if activity is not None and activity.kind not in RUNS:
        return  # told of the activity itself
    if activity is None or activity.kind not in ACTIVITIES or activity.by_event or activity.for_compensation:
        yield node.id, "attached", "The event is not attached to an activity of the same level."


def event_gateway(node: Node, level: Level, process: Process, whole: Whole) -> Iterator[Finding]:
    """Find what is wrong behind an event gateway."""
    del process, whole
    if len(node.flows) < 2:  # noqa: PLR2004 - between one there is no choice
        yield node.id, "event-gateway", "An event gateway leads to at least two events."
    attached = {each.attached_to for each in level.nodes.values()}
    for flow in node.flows:
        target = level.nodes.get(flow.target)
        if target is None:
            continue
        catches = target.kind in {"receiveTask", "intermediateCatchEvent"} and not target.is_link_target
        if not catches or target.incoming != 1 or target.id in attached or target.repeat:
            message = "Behind an event gateway stand only events that wait, with no other flow into them."
            yield flow.id, "event-gateway", message


def _allowed(node: Node, level: Level, process: Process) -> _Kinds:
    if node.kind == "startEvent" and level.element is not None:
        nodes = (each for one in process.levels for each in one.nodes.values())
        return _ALARMS if any(each.id == level.element and each.by_event for each in nodes) else _PLAIN
    return _EVENTS[node.kind]


def _trigger(node: Node, trigger: Trigger) -> Iterator[Finding]:
    if trigger.missing:
        message = f"“{trigger.missing}” is not in the file, or has no name or code."
        yield node.id, "event-reference", message
        return
    named = {"message", "signal", "link"} | (TAKES_DATA if node.throws else frozenset())
    if not trigger.name and trigger.kind in named:
        message = f"Say which {trigger.kind} is meant; an error or escalation needs a code."
        yield node.id, "event-reference", message
    if trigger.kind == "error" and not node.interrupting:
        yield node.id, "event-kind", "An error always interrupts."
    if trigger.kind == "conditional":
        yield from feel(node.id, trigger.expression or "", "condition")
    if trigger.kind == "timer":
        yield from _timer(node, trigger)


def _catchable(node: Node, trigger: Trigger, whole: Whole) -> Iterator[Finding]:
    if not node.throws or trigger.kind not in {"message", "error"}:
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
        yield from feel(node.id, trigger.expression or "", "timer")
        return
    begins = {"timeDate": r"\d{4}-\d\d-\d\dT", "timeDuration": "P", "timeCycle": "R"}[trigger.measure]
    if not re.match(begins, text):
        yield node.id, "timer", f"“{text}” is not what {trigger.measure} takes; for dates use at(date, time)."
        return
    try:
        if beats:
            timing.cycle(text, moment=ANY_MOMENT)
        else:
            expressions.instant(text, moment=ANY_MOMENT)
    except StepFailed as failure:
        yield node.id, "timer", failure.message


def _compensation(node: Node, trigger: Trigger, level: Level, process: Process) -> Iterator[Finding]:
    undone = [each for each in level.nodes.values() if each.undoes]
    if node.undoes:
        yield from _undoing(node, level)
        return
    if not undone or trigger.name not in {None, *(each.attached_to for each in undone)}:
        message = "On this level nothing is drawn that would be undone by this event."
        yield node.id, "compensation", message
    if trigger.name is None and _undone_below(level, process):
        message = "What is done inside a sub-process is undone only by an event inside it."
        yield node.id, "compensation", message


def _undoing(node: Node, level: Level) -> Iterator[Finding]:
    handler = level.nodes.get(node.handler or "")
    if handler is None or not handler.for_compensation or handler.kind not in ACTIVITIES:
        message = "Draw an association to the activity that undoes, marked for compensation."
        yield node.id, "compensation", message
    thrown = [each.trigger.kind for each in level.nodes.values() if each.throws and each.trigger]
    if "compensate" not in thrown:
        message = "No event on this level throws compensation, so this is never undone."
        yield node.id, "compensation", message


def _undone_below(level: Level, process: Process) -> bool:
    inside = {node.id for node in level.nodes.values()}
    for each in process.levels:  # outer levels come first
        if each.element in inside and each is not level:
            inside |= set(each.nodes)
            if any(node.undoes for node in each.nodes.values()):
                return True
    return False
