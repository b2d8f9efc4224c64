"""What a BPMN file says, as plain values: processes, levels, elements, flows. Reads; judges nothing."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from service.engine.text import Text

BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
DI = "{http://www.omg.org/spec/BPMN/20100524/DI}"
DC = "{http://www.omg.org/spec/DD/20100524/DC}"
DD = "{http://www.omg.org/spec/DD/20100524/DI}"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
SPIFF = "{http://spiffworkflow.org/bpmn/schema/1.0/core}"

GATEWAYS = frozenset({"exclusiveGateway", "parallelGateway", "inclusiveGateway", "eventBasedGateway"})
EVENTS = frozenset(
    {"startEvent", "endEvent", "intermediateCatchEvent", "intermediateThrowEvent", "boundaryEvent"},
)
PERSONAL = frozenset({"userTask", "manualTask", "task"})  # what a person completes
TASKS = PERSONAL | {"scriptTask", "sendTask", "receiveTask", "businessRuleTask"}
ACTIVITIES = TASKS | {"subProcess", "callActivity"}
THROWING = frozenset({"endEvent", "intermediateThrowEvent", "sendTask"})
TAKES_DATA = frozenset({"message", "signal", "error", "escalation"})
RUNS = ACTIVITIES | EVENTS | GATEWAYS

# Drawn beside the flow; they say nothing to the engine.
SCENERY = frozenset(
    {
        "documentation",
        "extensionElements",
        "textAnnotation",
        "association",
        "group",
        "laneSet",
        "incoming",
        "outgoing",
    }
    | {"dataObject", "dataObjectReference", "sequenceFlow", "standardLoopCharacteristics"}
    | {"multiInstanceLoopCharacteristics"},
)

# What names another element; some tools write it as a name with a prefix, which no editor resolves.
REFERENCES = frozenset(
    {"activityRef", "attachedToRef", "calledElement", "default", "errorRef", "escalationRef", "messageRef"}
    | {"signalRef", "sourceRef", "targetRef"}
)
# Attributes of BPMN that elements of a flow, what they wait for and how they are repeated can have.
_ATTRIBUTES = REFERENCES | frozenset(
    {"behavior", "cancelActivity", "cancelRemainingInstances", "completionQuantity", "dataObjectRef"}
    | {"dataStoreRef", "definitionalCollaborationRef", "eventGatewayType", "gatewayDirection", "id"}
    | {"implementation", "instantiate", "isClosed", "isExecutable", "isForCompensation", "isImmediate"}
    | {"isInterrupting", "isSequential", "itemSubjectRef", "loopMaximum", "method", "name"}
    | {"noneBehaviorEventRef", "oneBehaviorEventRef", "operationRef", "ordering", "parallelMultiple"}
    | {"processType", "scriptFormat", "startQuantity", "testBefore", "triggeredByEvent", "waitForCompletion"},
)
_EXPRESSIONS = frozenset(
    {"completionCondition", "condition", "conditionExpression", "loopCardinality", "loopCondition"}
    | {"timeCycle", "timeDate", "timeDuration"}
)


@dataclass(frozen=True)
class Element:
    """One flow node of a diagram as the house sees it: what it is called, who does it, what the law says."""

    id: str
    process: str
    kind: str  # BPMN's local name: userTask, startEvent, ...
    name: Text
    form: str | None = None
    role: str | None = None  # its own, else that of its lane
    due: str | None = None  # FEEL
    period: str | None = None  # what its time is called in the table `periods`
    counts_from: str | None = None  # FEEL: where that time begins
    guidance: Text = field(default=Text())  # markdown
    milestone: str | None = None
    legal_basis: str | None = None
    right: str | None = None  # its own, else that of the sub-process around it
    consequence: Text = field(default=Text())
    delegation: str | None = None
    four_eyes: str | None = None  # id of the user task whose completer may not do this one
    parent: str | None = None  # id of the sub-process around it
    next: tuple[str, ...] = ()  # targets of its outgoing flows, in the order drawn


@dataclass(frozen=True)
class Flow:
    """A sequence flow."""

    id: str
    source: str
    target: str
    condition: str | None = None  # FEEL
    languages: tuple[str, ...] = ()  # that its condition says it is written in


@dataclass(frozen=True)
class Trigger:
    """What an event waits for or does."""

    kind: str  # timer, message, signal, error, escalation, conditional, link, terminate, compensate, cancel
    name: str | None = (
        None  # of the message, signal or link; the code of an error or escalation; activity to compensate
    )
    expression: str | None = None  # of a timer or a condition
    measure: str | None = None  # of a timer: timeDate, timeDuration, timeCycle
    missing: str | None = None  # a reference to something that the file does not have


@dataclass(frozen=True)
class Repeat:
    """How often an activity is done."""

    kind: str  # loop, parallel, sequential
    condition: str | None = None  # loop: goes on while true; otherwise: enough when true
    maximum: str | None = None
    before: bool = False  # loop: the condition is asked before the first turn too
    collection: str | None = None
    cardinality: str | None = None
    item: str | None = None
    output: str | None = None
    output_item: str | None = None


@dataclass(frozen=True)
class Node:
    """An element with all that it takes to run it."""

    element: Element
    properties: Mapping[str, str]
    flows: tuple[Flow, ...] = ()
    incoming: int = 0
    default: str | None = None  # id of the flow that is taken when no condition is true
    triggers: tuple[Trigger, ...] = ()
    repeat: Repeat | None = None
    attached_to: str | None = None
    interrupting: bool = True
    by_event: bool = False  # an event sub-process
    for_compensation: bool = False
    handler: str | None = None  # of a compensation boundary event: the activity that undoes
    called: str | None = None
    decision: str | None = None
    script: str | None = None
    script_format: str | None = None
    odd: tuple[str, ...] = ()  # what BPMN has and the engine does not run
    languages: tuple[str, ...] = ()  # that its expressions say they are written in

    @property
    def id(self) -> str:
        """The element's id."""
        return self.element.id

    @property
    def kind(self) -> str:
        """BPMN's local name."""
        return self.element.kind

    @property
    def throws(self) -> bool:
        """Whether it is an event that does something rather than waits."""
        return self.kind in THROWING

    @property
    def is_link_target(self) -> bool:
        """Whether links lead here."""
        return self.kind == "intermediateCatchEvent" and self._is("link")

    @property
    def is_link(self) -> bool:
        """Whether it leads to a link target instead of along a flow."""
        return self.kind == "intermediateThrowEvent" and self._is("link")

    @property
    def undoes(self) -> bool:
        """Whether it says on the edge of an activity by what that is undone."""
        return self.kind == "boundaryEvent" and self._is("compensate")

    def _is(self, kind: str) -> bool:
        return self.trigger is not None and self.trigger.kind == kind

    @property
    def trigger(self) -> Trigger | None:
        """The one thing that the event waits for or does; None of a plain event."""
        return self.triggers[0] if self.triggers else None


@dataclass(frozen=True)
class Level:
    """A process or a sub-process: the nodes that share one flow."""

    key: str  # "case", or "case/Sub_1" of a sub-process
    process: str
    element: str | None  # the sub-process; None of a process
    nodes: Mapping[str, Node]
    stray: tuple[Flow, ...] = ()  # flows whose source is not on this level


@dataclass(frozen=True)
class Process:
    """A process as drawn."""

    key: str
    file: str
    name: str
    title: Text
    owner: str | None
    retention: str | None
    xml: bytes = field(repr=False)
    elements: Mapping[str, Element] = field(repr=False)
    levels: tuple[Level, ...] = field(repr=False)  # itself first
    properties: Mapping[str, str] = field(repr=False)
    lane_properties: tuple[tuple[str, Mapping[str, str]], ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Drawing:
    """All that one file says."""

    file: str
    processes: tuple[Process, ...]
    odd: tuple[tuple[str | None, str], ...]  # (id, kind) of what stands in the file and is not run
    ids: tuple[str, ...]  # of all elements and of how they are drawn, as often as they occur
    prefixed: tuple[tuple[str | None, str], ...] = ()  # (id, reference) of what names another by a prefix
    asleep: tuple[Process, ...] = ()  # where none is to run: those that would be
    kind: str = "definitions"  # of the root
    id: str | None = None  # of the root
    foreign: tuple[tuple[str | None, str], ...] = ()  # (id, word) of other tools: nobody here follows it
    idle: tuple[tuple[str | None, str], ...] = ()  # (id, name): our properties where none are read


def read(root: Any, *, file: str, xml: bytes) -> Drawing:
    """Read the root of a .bpmn file into values; what makes no sense is kept for the checks to find."""
    names = _Names(root)
    drawn = root.findall(f"{BPMN}process")
    runs = [each for each in drawn if _yes(each.get("isExecutable", "true"))]
    processes, asleep = (
        tuple(_process(each, names, file=file, xml=xml) for each in some)
        for some in (runs, [] if runs else drawn)
    )
    known = {
        "process",
        "message",
        "signal",
        "error",
        "escalation",
        "collaboration",
        "category",
        "itemDefinition",
    }
    known |= {"documentation", "extensionElements"}
    known |= {"correlationProperty", "dataStore", "endPoint", "interface", "partnerEntity"}
    known |= {"partnerRole", "relationship", "resource"}  # named here, asked for by nothing that is run
    odd = [
        (each.get("id") or root.get("id"), _local(each))
        for each in root
        if each.tag.startswith(BPMN) and _local(each) not in known
    ]
    odd += [(each.get("id"), "correlationKey") for each in root.iter(f"{BPMN}correlationKey")]
    ids = tuple(
        each.get("id")
        for each in root.iter()
        if isinstance(each.tag, str) and each.tag.startswith((BPMN, DI)) and each.get("id")
    )
    words = _Words()
    for each in root:
        sleeps = bool(processes) and _local(each) == "process" and not _yes(each.get("isExecutable", "true"))
        if each.tag.startswith(BPMN) and _local(each) in known - {"extensionElements"} and not sleeps:
            words.read(each, None)
    return Drawing(
        file,
        processes,
        tuple(odd),
        ids,
        tuple(_prefixed(root)),
        asleep,
        kind=_local(root) if root.tag.startswith(BPMN) else "",
        id=root.get("id"),
        foreign=tuple(words.foreign),
        idle=tuple(words.idle),
    )


def _prefixed(root: Any) -> Iterator[tuple[str | None, str]]:
    for each in root.iter(f"{BPMN}*"):
        for name in REFERENCES.intersection(each.attrib):
            if _prefix(each, each.get(name)):
                place = next((one.get("id") for one in [each, *each.iterancestors()] if one.get("id")), None)
                yield place, each.get(name)


def _prefix(node: Any, reference: str | None) -> str:
    """Give the prefix of a reference into the file's own namespace, or nothing."""
    prefix, colon, _ = (reference or "").partition(":")
    own = node.getroottree().getroot().get("targetNamespace")
    return f"{prefix}:" if colon and own and node.nsmap.get(prefix) == own else ""


def _reference(node: Any, name: str) -> str | None:
    found = node.get(name)
    return found if found is None else str(found).removeprefix(_prefix(node, found))


class _Names:
    """Names behind the references of one file."""

    def __init__(self, root: Any) -> None:
        self.messages = {each.get("id"): each.get("name") for each in root.findall(f"{BPMN}message")}
        self.signals = {each.get("id"): each.get("name") for each in root.findall(f"{BPMN}signal")}
        self.errors = {each.get("id"): each.get("errorCode") for each in root.findall(f"{BPMN}error")}
        self.escalations = {
            each.get("id"): each.get("escalationCode") for each in root.findall(f"{BPMN}escalation")
        }


def _process(node: Any, names: _Names, *, file: str, xml: bytes) -> Process:
    properties = _properties(node)
    key = node.get("id") or ""
    lanes, lane_properties = _lanes(node)
    levels = tuple(_levels(node, names, _Around(key, key, None, None, None, lanes)))
    elements = {each.id: each.element for level in levels for each in level.nodes.values()}
    name = node.get("name") or key
    return Process(
        key=key,
        file=file,
        name=name,
        title=Text(properties.get("title", name), properties.get("title_en", "")),
        owner=properties.get("owner"),
        retention=properties.get("retention"),
        xml=xml,
        elements=elements,
        levels=levels,
        properties=properties,
        lane_properties=lane_properties,
    )


@dataclass(frozen=True)
class _Around:
    """What a level takes over from what is around it."""

    key: str
    process: str
    element: str | None
    role: str | None
    right: str | None
    lanes: Mapping[str, str | None]


def _levels(node: Any, names: _Names, around: _Around) -> Iterator[Level]:
    flows = [_flow(each) for each in node.findall(f"{BPMN}sequenceFlow")]
    paths = _Paths(
        leaving=_grouped(flows),
        arriving=Counter(each.target for each in flows),
        handlers={
            _reference(each, "sourceRef"): _reference(each, "targetRef")
            for each in node.findall(f"{BPMN}association")
        },
    )
    shapes = [each for each in node if each.tag.startswith(BPMN) and _local(each) not in SCENERY]
    own = {each.get("id") for each in shapes}
    nodes = {}
    for each in shapes:
        found = _node(each, names, around, paths)
        nodes[found.id] = found
    stray = tuple(each for each in flows if each.source not in own)
    yield Level(around.key, around.process, around.element, nodes, stray)
    for each in shapes:
        if _local(each) == "subProcess":
            inner = nodes[each.get("id") or ""].element
            key = f"{around.process}/{inner.id}"
            yield from _levels(
                each,
                names,
                _Around(key, around.process, inner.id, inner.role, inner.right, around.lanes),
            )


@dataclass(frozen=True)
class _Paths:
    """What goes from and to the elements of one level."""

    leaving: Mapping[str, tuple[Flow, ...]]
    arriving: Mapping[str, int]
    handlers: Mapping[
        str | None, str | None
    ]  # who undoes an activity, by the boundary event that it hangs on


def _grouped(flows: list[Flow]) -> Mapping[str, tuple[Flow, ...]]:
    """Flows by where they come from, in the order drawn."""
    by_source = defaultdict[str, list[Flow]](list)
    for each in flows:
        by_source[each.source].append(each)
    return {source: tuple(found) for source, found in by_source.items()}


def _node(node: Any, names: _Names, around: _Around, paths: _Paths) -> Node:
    id = node.get("id") or ""
    kind = _local(node)
    own = _properties(node)
    out = paths.leaving.get(id, ())
    element = Element(
        id=id,
        process=around.process,
        kind=kind,
        name=Text(node.get("name") or "", own.get("name_en", "")),
        form=own.get("form"),
        role=own.get("role") or around.lanes.get(id) or around.role,
        due=own.get("due"),
        period=own.get("period"),
        counts_from=own.get("countsFrom"),
        guidance=Text(own.get("guidance", ""), own.get("guidance_en", "")),
        milestone=own.get("milestone"),
        legal_basis=own.get("legalBasis"),
        right=own.get("right") or around.right,
        consequence=Text(own.get("consequence", ""), own.get("consequence_en", "")),
        delegation=own.get("delegation"),
        four_eyes=own.get("fourEyes"),
        parent=around.element,
        next=tuple(each.target for each in out),
    )
    script = node.find(f"{BPMN}script")
    triggers = _triggers(node, names)
    interrupting = (
        node.get("isInterrupting", "true") if kind == "startEvent" else node.get("cancelActivity", "true")
    )
    return Node(
        element=element,
        properties=own,
        flows=out,
        incoming=paths.arriving.get(id, 0),
        default=_reference(node, "default"),
        triggers=triggers,
        repeat=_repeat(node),
        attached_to=_reference(node, "attachedToRef"),
        interrupting=_yes(interrupting),
        by_event=_yes(node.get("triggeredByEvent")),
        for_compensation=_yes(node.get("isForCompensation")),
        handler=paths.handlers.get(id),
        called=_reference(node, "calledElement"),
        decision=node.findtext(f"{BPMN}extensionElements/{SPIFF}calledDecisionId"),
        script=script.text if script is not None else None,
        script_format=node.get("scriptFormat"),
        odd=tuple(_odd(node, kind)),
        languages=tuple(_languages(node)),
    )


def _flow(node: Any) -> Flow:
    condition = node.find(f"{BPMN}conditionExpression")
    return Flow(
        id=node.get("id") or "",
        source=_reference(node, "sourceRef") or "",
        target=_reference(node, "targetRef") or "",
        condition=(condition.text or "").strip() if condition is not None else None,
        languages=tuple(_languages(node)),
    )


def _triggers(node: Any, names: _Names) -> tuple[Trigger, ...]:
    if _local(node) in {"sendTask", "receiveTask"}:
        return (_named("message", _reference(node, "messageRef"), names.messages),)
    return tuple(
        _trigger(each, names)
        for each in node
        if each.tag.startswith(BPMN) and _local(each).endswith("EventDefinition")
    )


def _trigger(node: Any, names: _Names) -> Trigger:
    kind = _local(node).removesuffix("EventDefinition")
    references: dict[str, tuple[str, Mapping[str, str | None]]] = {
        "message": ("messageRef", names.messages),
        "signal": ("signalRef", names.signals),
        "error": ("errorRef", names.errors),
        "escalation": ("escalationRef", names.escalations),
    }
    if kind in references:
        attribute, known = references[kind]
        return _named(kind, _reference(node, attribute), known)
    if kind == "timer":
        return _timer(node)
    expression = (node.findtext(f"{BPMN}condition") or "").strip() if kind == "conditional" else None
    name = _reference(node, "activityRef") if kind == "compensate" else node.get("name")
    return Trigger(kind, name=name, expression=expression)


def _timer(node: Any) -> Trigger:
    measures = [each for each in node if _local(each) in {"timeDate", "timeDuration", "timeCycle"}]
    if len(measures) != 1:
        return Trigger("timer")
    return Trigger("timer", expression=(measures[0].text or "").strip(), measure=_local(measures[0]))


def _named(kind: str, reference: str | None, names: Mapping[str, str | None]) -> Trigger:
    if not reference:
        return Trigger(kind)
    name = names.get(reference)
    return Trigger(kind, name=name, missing=None if name else reference)


def _repeat(node: Any) -> Repeat | None:
    loop = node.find(f"{BPMN}standardLoopCharacteristics")
    if loop is not None:
        return Repeat(
            "loop",
            condition=_words(loop, "loopCondition"),
            maximum=loop.get("loopMaximum"),
            before=_yes(loop.get("testBefore")),
        )
    many = node.find(f"{BPMN}multiInstanceLoopCharacteristics")
    if many is None:
        return None
    return Repeat(
        "sequential" if _yes(many.get("isSequential")) else "parallel",
        condition=_words(many, "completionCondition"),
        collection=_words(many, "loopDataInputRef"),
        cardinality=_words(many, "loopCardinality"),
        item=_item(many, "inputDataItem"),
        output=_words(many, "loopDataOutputRef"),
        output_item=_item(many, "outputDataItem"),
    )


def _words(node: Any, tag: str) -> str | None:
    found = node.findtext(f"{BPMN}{tag}")
    return found.strip() if found is not None else None


def _item(node: Any, tag: str) -> str | None:
    found = node.find(f"{BPMN}{tag}")
    return None if found is None else (found.get("id") or found.get("name"))


def _lanes(node: Any) -> tuple[dict[str, str | None], tuple[tuple[str, Mapping[str, str]], ...]]:
    """Tell the role of each element that stands in a lane; an inner lane wins over the one around it."""
    roles: dict[str, str | None] = {}
    seen = []
    for lane in node.iter(f"{BPMN}lane"):  # outer lanes come first
        own = _properties(lane)
        seen.append((lane.get("id") or "", own))
        role = own.get("role")
        for reference in lane.findall(f"{BPMN}flowNodeRef"):
            id = (reference.text or "").strip()
            roles[id] = role or roles.get(id)
    return roles, tuple(seen)


def _properties(node: Any) -> dict[str, str]:
    found = node.findall(f"{BPMN}extensionElements/{SPIFF}properties/{SPIFF}property")
    return {each.get("name") or "": each.get("value") or "" for each in found}


def _languages(node: Any) -> Iterator[str]:
    """Tell the languages that expressions say they are written in, of the element or of what it waits for."""
    for each in node:
        if _local(each).endswith(("EventDefinition", "LoopCharacteristics")):
            yield from _languages(each)
        elif _local(each) in _EXPRESSIONS and each.get("language"):
            yield each.get("language")


def _unknown(node: Any) -> Iterator[str]:
    """Name the attributes of an element, or of a part of it, that BPMN does not have."""
    kind = _local(node)
    if kind in _EXPRESSIONS:
        known = frozenset({"id", "language", "evaluatesToTypeRef"})
    elif kind in RUNS | {"sequenceFlow"} or kind.endswith(("EventDefinition", "LoopCharacteristics")):
        known = _ATTRIBUTES
    else:
        return
    yield from (name for name in node.attrib if not name.startswith("{") and name not in known)


_PROSE = frozenset({"documentation", "text"})
_SINGLE = RUNS - {"subProcess"} | {"sequenceFlow"}  # with what stands inside it, one element to its reader


class _Words:
    """What is written on elements in words that are not BPMN's: another tool's, or ours where none are read.

    What is not run at all is told as that, and not looked into.
    """

    def __init__(self) -> None:
        self.foreign: list[tuple[str | None, str]] = []
        self.idle: list[tuple[str | None, str]] = []

    def read(self, node: Any, whole: str | None) -> None:
        """Read an element of BPMN and all inside it; `whole` is what it is a part of, if it is."""
        id, kind = whole or node.get("id"), _local(node)
        self.foreign += [(id, _last(each)) for each in node.attrib if _is_foreign(each)]
        self.foreign += [(id, each) for each in _unknown(node)]
        level = kind in {"process", "subProcess"}
        for each in node:
            inner = _local(each)
            if not each.tag.startswith(BPMN):
                self.foreign.append((id, inner))
            elif inner == "extensionElements":
                self._extensions(each, id, kind)
            elif inner not in _PROSE and (not level or inner in SCENERY | RUNS):
                is_part = whole or kind in _SINGLE or inner.endswith("LoopCharacteristics")
                self.read(each, id if is_part or not each.get("id") else None)

    def _extensions(self, node: Any, id: str | None, kind: str) -> None:
        for each in node:
            if each.tag == f"{SPIFF}properties":
                if kind not in RUNS | {"process", "lane"}:
                    names = (one.get("name") or "" for one in each.findall(f"{SPIFF}property"))
                    self.idle += [(id, name) for name in names]
            elif each.tag != f"{SPIFF}calledDecisionId" or kind != "businessRuleTask":
                self.foreign.append((id, _local(each)))


def _is_foreign(attribute: str) -> bool:
    """Tell whether an attribute is another tool's; XML's own say only of what type a text is."""
    return attribute.startswith("{") and not attribute.startswith(XSI)


def _odd(node: Any, kind: str) -> Iterator[str]:
    yield from _odd_attributes(node)
    allowed = SCENERY | {"script"}
    for each in node:
        if not each.tag.startswith(BPMN):
            continue
        local = _local(each)
        inside = kind == "subProcess" and local not in {"ioSpecification", "property"}
        if local not in allowed and not inside and not local.endswith("EventDefinition"):
            yield local


def _odd_attributes(node: Any) -> Iterator[str]:
    for attribute in ("instantiate", "parallelMultiple"):
        if _yes(node.get(attribute)):
            yield attribute
    for attribute in ("startQuantity", "completionQuantity"):
        if node.get(attribute, "1").strip() != "1":
            yield attribute
    if any(each.get("behavior", "All") != "All" for each in node):
        yield "behavior"
    if any(not _yes(each.get("waitForCompletion", "true")) for each in node):
        yield "waitForCompletion"
    if node.get("eventGatewayType", "Exclusive") != "Exclusive":
        yield "eventGatewayType"


def _yes(said: str | None) -> bool:
    """Read a boolean as XML writes it."""
    return (said or "").strip() in {"true", "1"}


def _local(node: Any) -> str:
    return _last(str(node.tag))


def _last(name: str) -> str:
    return name.rpartition("}")[2]
