"""What is wrong with drawings, found before anything runs: by file, element and rule, in helpful words.

Whatever the engine does not run is refused here, so that no diagram runs differently from how it reads.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from service.engine import event_checks, expressions, flow_checks, scripts, timing
from service.engine.drawing import (
    EVENTS,
    PERSONAL,
    RUNS,
    TAKES_DATA,
    Drawing,
    Level,
    Node,
    Process,
    Repeat,
)
from service.engine.findings import (
    ANY_MOMENT,
    VARIABLE,
    Check,
    Finding,
    Names,
    Whole,
    caught,
    feel,
    foreign,
    languages,
    not_run,
)
from service.errors import Problem, StepFailed

MOST_NODES = 250  # on one level
ROLES = frozenset({"caseworker", "team_leader"})
RIGHTS = frozenset({"housing", "legal", "health", "psychological", "interpreter", "material"})
KEY = re.compile(r"[a-z][a-z0-9_]*")
_ID = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)  # what every editor reads
MILESTONE = re.compile(r"[a-z][a-z0-9-]*")

_SPEAKING = frozenset({"name_en", "milestone", "legalBasis", "right", "consequence", "consequence_en"})
_GUIDING = frozenset({"guidance", "guidance_en"})
_TIMED = frozenset({"period", "countsFrom"})
_PERSONAL = frozenset({"form", "role", "due", "delegation", "fourEyes"}) | _TIMED
_OF_PROCESS = frozenset({"title", "title_en", "owner", "retention", "name_en"})
_OF_LANE = frozenset({"role", "name_en"})
_OF_OTHERS = frozenset({"name_en"})


def problems(drawings: Iterable[Drawing], names: Names) -> Iterator[Problem]:
    """Find everything that is wrong with the drawings."""
    drawings = list(drawings)
    whole = Whole(names, caught(drawings))
    for drawing in drawings:
        for element, rule, message in _of_file(drawing, whole):
            yield Problem(message, element=element, file=drawing.file, rule=rule)
    keys = Counter(process.key for drawing in drawings for process in drawing.processes)
    for drawing in drawings:
        for process in drawing.processes:
            if keys[process.key] > 1:
                message = f"Process “{process.key}” is defined twice; give one of them another key."
                yield Problem(message, element=process.key, file=drawing.file, rule="key-twice")


def _of_file(drawing: Drawing, whole: Whole) -> Iterator[Finding]:
    if drawing.kind != "definitions":
        message = (
            "This is not a BPMN 2.0 file: it does not begin with <definitions> in the namespace of BPMN."
        )
        yield drawing.id, "bpmn-namespace", message
        return
    for id, kind in drawing.odd:
        yield not_run(id, kind)
    yield from foreign(drawing.foreign)
    for id, name in drawing.idle:
        yield from _unknown_properties(id, [name], _OF_OTHERS)
    yield from _of_ids(drawing)
    if not drawing.processes:
        message = "There is no executable process in the file; set isExecutable of one to true."
        yield next((each.key for each in drawing.asleep), drawing.id), "no-process", message
    for process in (*drawing.processes, *drawing.asleep):
        yield from _of_process(process, whole)


def _of_ids(drawing: Drawing) -> Iterator[Finding]:
    for id, times in Counter(drawing.ids).items():
        if times > 1:
            yield id, "id-twice", f"{times} elements have the id “{id}”; give each its own."
        if not _ID.fullmatch(id):
            message = "An id is letters a–z, digits, “_”, “-” and “.”, and begins with a letter or “_”."
            yield id, "id-form", message
    for place, reference in dict.fromkeys(drawing.prefixed):
        message = f"“{reference}” names an element with a prefix; write “{reference.partition(':')[2]}”."
        yield place, "reference-prefix", message


def _of_process(process: Process, whole: Whole) -> Iterator[Finding]:
    if not KEY.fullmatch(process.key):
        message = "A process id is small letters, digits and “_”, and begins with a letter."
        yield process.key, "process-key", message
    yield from _unknown_properties(process.key, process.properties, _OF_PROCESS)
    for lane, properties in process.lane_properties:
        yield from _unknown_properties(lane, properties, _OF_LANE)
        yield from _role(lane, properties.get("role"))
    for level in process.levels:
        yield from _of_level(level, process, whole)


def _of_level(level: Level, process: Process, whole: Whole) -> Iterator[Finding]:
    here = level.element or level.process
    if len(level.nodes) > MOST_NODES:
        message = f"There are more than {MOST_NODES} elements here; put some into a sub-process."
        yield here, "too-many-nodes", message
    starts = [node for node in level.nodes.values() if node.kind == "startEvent"]
    if len(starts) != 1:
        message = f"Exactly one start event is needed here, not {len(starts)}; let gateways choose after it."
        yield here, "one-start", message
    for flow in level.stray:
        yield flow.id, "flow-source", "The flow does not begin at an element of the same level."
    for node in level.nodes.values():
        yield from _of_node(node, level, process, whole)
    if len(starts) == 1:
        yield from flow_checks.unreachable(level, starts[0])
    yield from flow_checks.links(level)


def _of_node(node: Node, level: Level, process: Process, whole: Whole) -> Iterator[Finding]:
    if node.kind not in RUNS:
        yield not_run(node.id or level.element or level.process, node.kind)
        return
    if not node.id:
        message = f"An element “{node.kind}” has no id; give it one."
        yield level.element or level.process, "no-id", message
        return
    yield from languages(node.id, node.languages)
    for each in node.odd:
        yield not_run(node.id, each)
    if node.kind == "startEvent" and "form" in node.properties:
        message = (
            "A start event asks nothing: put the form on the first user task after it. What a program starts "
            "a case with lands in the case's data as it is."
        )
        yield node.id, "form-on-start", message
    yield from _properties(node)
    yield from flow_checks.flows_of(node, level)
    if node.repeat is not None:
        yield from _repeat(node, node.repeat)
    for check in _OF_KIND.get(node.kind, ()):
        yield from check(node, level, process, whole)


def _unknown_properties(id: str | None, given: Iterable[str], known: frozenset[str]) -> Iterator[Finding]:
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
        if name in own:
            yield from _variable(node.id, own[name])
    for name in ("inputs", "payload"):
        if name in own:
            yield from feel(node.id, own[name], f"property “{name}”")
    yield from _time(node.id, own)


def _variable(id: str, name: str) -> Iterator[Finding]:
    if not VARIABLE.fullmatch(name):
        message = f"“{name}” cannot be the name of a variable; use letters, digits and “_”."
        yield id, "variable", message


def _time(id: str, own: Mapping[str, str]) -> Iterator[Finding]:
    if "due" in own:
        yield from _due(id, own["due"])
    if "countsFrom" in own:
        yield from feel(id, own["countsFrom"], "property “countsFrom”")
    if not KEY.fullmatch(own.get("period", "a")):
        yield id, "period", "A period is a key of the table “periods”: small letters, digits and “_”."


def _due(id: str, due: str) -> Iterator[Finding]:
    text = timing.literal(due)
    if text is None:
        yield from feel(id, due, "property “due”")
        return
    try:
        expressions.instant(text, moment=ANY_MOMENT, end_of_day=True)
    except StepFailed as failure:
        yield id, "due", failure.message


def _known_properties(node: Node) -> frozenset[str]:
    known = _SPEAKING | _GUIDING
    if node.kind == "startEvent":
        known |= {"form"}  # has words of its own
    if node.kind in PERSONAL:
        known |= _PERSONAL
    if node.trigger and node.trigger.kind == "timer":
        known |= _TIMED
    if node.kind == "businessRuleTask":
        known |= {"inputs", "resultVariable"}
    if node.kind == "callActivity":
        known |= {"inputs", "result"}
    if node.trigger and node.trigger.kind in TAKES_DATA:
        known |= {"payload"} if node.throws else {"variable"}
        if node.kind == "startEvent" and node.element.parent is None:
            known -= {"variable"}  # what a process is started with lands in its data as it is
    return known


def _role(id: str, role: str | None) -> Iterator[Finding]:
    if role is not None and role not in ROLES:
        yield id, "role", f"“{role}” is no role for tasks; choose one of {', '.join(sorted(ROLES))}."


def _repeat(node: Node, repeat: Repeat) -> Iterator[Finding]:
    if node.by_event or node.for_compensation:
        yield node.id, "repeat", "This cannot be done several times."
    if repeat.kind == "loop":
        yield from _loop(node, repeat)
    elif bool(repeat.collection) == bool(repeat.cardinality):
        yield node.id, "repeat", "Say either for each item of which list, or how many times."
    if bool(repeat.output) != bool(repeat.output_item):
        message = "Name both the list of results and the variable that holds one result, or neither."
        yield node.id, "repeat", message
    for name in filter(None, (repeat.item, repeat.output, repeat.output_item)):
        yield from _variable(node.id, name)
    for expression in filter(None, (repeat.condition, repeat.collection, repeat.cardinality)):
        yield from feel(node.id, expression, "repetition")


def _loop(node: Node, repeat: Repeat) -> Iterator[Finding]:
    if not repeat.condition and not repeat.maximum:
        yield node.id, "repeat", "A loop needs a condition to go on, or a maximum."
    if not re.fullmatch(r"[1-9]\d{0,5}", repeat.maximum or "1"):
        yield node.id, "repeat", "The maximum of a loop is a number from 1."


def _personal(node: Node, level: Level, process: Process, whole: Whole) -> Iterator[Finding]:
    del level
    form, eyes = node.element.form, node.element.four_eyes
    if form is not None and whole.names.forms is not None and form not in whole.names.forms:
        yield node.id, "form", f"There is no form “{form}”."
    other = process.elements.get(eyes) if eyes else None
    if eyes is not None and (other is None or other.kind not in PERSONAL or eyes == node.id):
        yield node.id, "four-eyes", f"“{eyes}” is no other task for a person in this process."


def _script(node: Node, level: Level, process: Process, whole: Whole) -> Iterator[Finding]:
    del level, process, whole
    if (node.script_format or "feel").lower() != "feel":
        yield node.id, "script", f"Scripts are FEEL assignments, not {node.script_format}."
    for message in scripts.problems(node.script or ""):
        yield node.id, "script", message


def _rule(node: Node, level: Level, process: Process, whole: Whole) -> Iterator[Finding]:
    del level, process
    if not node.decision:
        yield node.id, "decision", "Say which decision is asked (calledDecisionId)."
    elif whole.names.decisions is not None and node.decision not in whole.names.decisions:
        yield node.id, "decision", f"There is no decision “{node.decision}”."
    if not node.properties.get("resultVariable"):
        yield node.id, "decision", "Say where the outcome goes: property resultVariable."


def _call(node: Node, level: Level, process: Process, whole: Whole) -> Iterator[Finding]:
    del level, process
    if not node.called:
        yield node.id, "called-process", "Say which process is called (calledElement)."
    elif whole.names.processes is not None and node.called not in whole.names.processes:
        yield node.id, "called-process", f"There is no process “{node.called}”."


_OF_KIND: Mapping[str, tuple[Check, ...]] = {
    **dict.fromkeys(EVENTS, (event_checks.event,)),
    **dict.fromkeys(PERSONAL, (_personal,)),
    "sendTask": (event_checks.event,),
    "receiveTask": (event_checks.event,),
    "boundaryEvent": (event_checks.boundary, event_checks.event),
    "eventBasedGateway": (event_checks.event_gateway,),
    "scriptTask": (_script,),
    "businessRuleTask": (_rule,),
    "callActivity": (_call,),
}
