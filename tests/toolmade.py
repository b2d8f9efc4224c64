# ruff: noqa: E501 - XML reads better unbroken
"""Whole BPMN files in the manner of each tool: its namespaces and ids, and what it draws besides the flow."""

from collections.abc import Iterator

MODEL = "http://www.omg.org/spec/BPMN/20100524/MODEL"
_FLOW = (
    '<{p}startEvent id="s" name="In"/>{more}<{p}endEvent id="e"/>'
    '<{p}sequenceFlow id="f1" sourceRef="s" targetRef="t"/><{p}sequenceFlow id="f2" sourceRef="t" targetRef="e"/>'
)
_SCENERY = (
    '<{p}laneSet id="ls"><{p}lane id="l1" name="Handläggare"><{p}flowNodeRef>t</{p}flowNodeRef><{p}childLaneSet id="cl">'
    '<{p}lane id="l2" name="Chef"/></{p}childLaneSet></{p}lane></{p}laneSet>'
    '<{p}task id="t" name="Gör"/><{p}dataObject id="do"/><{p}dataObjectReference id="dor" dataObjectRef="do"/>'
    '<{p}textAnnotation id="ta"><{p}text>Not</{p}text></{p}textAnnotation>'
    '<{p}association id="as" sourceRef="t" targetRef="ta"/><{p}group id="g" categoryValueRef="cv"/>'
)
_POOLS = (
    '<{p}collaboration id="c"><{p}participant id="p1" name="Vi" processRef="foreign"/>'
    '<{p}participant id="p2" name="Svart låda"/><{p}participant id="p3" name="De" processRef="theirs">'
    '<{p}participantMultiplicity minimum="0" maximum="2"/></{p}participant>'
    '<{p}messageFlow id="mf" sourceRef="p2" targetRef="t"/></{p}collaboration>'
)
_THEIRS = '<{p}process id="theirs" isExecutable="false"><{p}task id="tt"/></{p}process>'
_ROOTS = {
    "messages": '<{p}message id="m" name="M" itemRef="idef"/><{p}itemDefinition id="idef" structureRef="xs:string"/>',
    "signals": '<{p}signal id="si" name="S"/><{p}error id="er" name="E"/><{p}escalation id="ec" name="X"/>',
    "category": '<{p}category id="ca"><{p}categoryValue id="cv" value="Grupp"/></{p}category>',
    "interface": '<{p}interface id="if" name="I"><{p}operation id="op" name="O"><{p}inMessageRef>m</{p}inMessageRef>'
    "</{p}operation></{p}interface>",
    "resource": '<{p}resource id="re" name="R"/>',
    "data-store": '<{p}dataStore id="ds" name="Lager"/>',
    "import": '<{p}import importType="http://www.w3.org/2001/XMLSchema" location="x.xsd" namespace="urn:x"/>',
    "partner": '<{p}partnerEntity id="pe" name="P"/>',
    "global-task": '<{p}globalUserTask id="gu" name="G"/>',
    "choreography": '<{p}choreography id="ch"><{p}choreographyTask id="ct" initiatingParticipantRef="a">'
    "<{p}participantRef>a</{p}participantRef></{p}choreographyTask></{p}choreography>",
    "conversation": '<{p}collaboration id="co2"><{p}conversation id="cn"/></{p}collaboration>',
    "relationship": '<{p}relationship type="x"><{p}source>a</{p}source><{p}target>b</{p}target></{p}relationship>',
    "correlation": '<{p}correlationProperty id="cp" name="C"/>',
    "event-at-root": '<{p}timerEventDefinition id="ted"><{p}timeDuration>P1D</{p}timeDuration></{p}timerEventDefinition>',
    "extension": '<{p}extension mustUnderstand="true" definition="x"/>',
}
_INSIDE = {
    "property": '<{p}task id="t"/><{p}property id="pr" name="x"/>',
    "io": '<{p}ioSpecification><{p}inputSet/><{p}outputSet/></{p}ioSpecification><{p}task id="t"/>',
    "monitoring": '<{p}auditing id="au"/><{p}monitoring id="mo"/><{p}task id="t"/>',
    "performer": '<{p}userTask id="t"><{p}potentialOwner><{p}resourceRef>re</{p}resourceRef></{p}potentialOwner></{p}userTask>',
    "ad-hoc": '<{p}adHocSubProcess id="t" ordering="Parallel"><{p}task id="i"/><{p}completionCondition>x</{p}completionCondition>'
    "</{p}adHocSubProcess>",
    "transaction": '<{p}transaction id="t" method="##Compensate"><{p}startEvent id="i"/><{p}endEvent id="j">'
    '<{p}cancelEventDefinition/></{p}endEvent><{p}sequenceFlow id="k" sourceRef="i" targetRef="j"/></{p}transaction>',
    "event-sub": '<{p}task id="t"/><{p}subProcess id="es" triggeredByEvent="true"><{p}startEvent id="i" isInterrupting="false">'
    '<{p}messageEventDefinition messageRef="m"/></{p}startEvent><{p}endEvent id="j"/>'
    '<{p}sequenceFlow id="k" sourceRef="i" targetRef="j"/></{p}subProcess>',
    "two-starts": '<{p}startEvent id="s2"/><{p}task id="t"/><{p}sequenceFlow id="x" sourceRef="s2" targetRef="t"/>',
    "timer-start": '<{p}startEvent id="s2"><{p}timerEventDefinition/></{p}startEvent><{p}task id="t"/>',
    "multiple": '<{p}intermediateCatchEvent id="t" parallelMultiple="true"><{p}messageEventDefinition/>'
    "<{p}timerEventDefinition/></{p}intermediateCatchEvent>",
    "complex": '<{p}complexGateway id="t" default="f2"><{p}activationCondition>x</{p}activationCondition></{p}complexGateway>',
    "data-flow": '<{p}userTask id="t"><{p}dataInputAssociation id="di"><{p}sourceRef>dor</{p}sourceRef><{p}targetRef>x</{p}targetRef>'
    "</{p}dataInputAssociation></{p}userTask>",
    "service": '<{p}serviceTask id="t" operationRef="op" implementation="##WebService"/>',
    "send": '<{p}sendTask id="t" messageRef="m"/>',
    "receive": '<{p}receiveTask id="t" instantiate="true" messageRef="m"/>',
    "call-global": '<{p}callActivity id="t" calledElement="gu"/>',
    "rule": '<{p}businessRuleTask id="t" implementation="##unspecified"/>',
    "loop": '<{p}task id="t"><{p}standardLoopCharacteristics loopMaximum="3"/></{p}task>',
    "implicit": '<{p}task id="t"/><{p}task id="alone"/>',
}


def drawn(prefix: str, body: str, *, roots: str = "", executable: str = ' isExecutable="true"') -> bytes:
    """A file with this prefix (or none), drawn in two diagrams."""
    p = f"{prefix}:" if prefix else ""
    bound = f"xmlns:{prefix}" if prefix else "xmlns"
    di = "http://www.omg.org/spec/BPMN/20100524/DI"
    pages = "".join(
        f'<di:BPMNDiagram id="d{n}" name="Sida {n}"><di:BPMNPlane id="pl{n}" bpmnElement="foreign"><di:BPMNShape '
        f'id="sh{n}" bpmnElement="t"><c:Bounds x="0" y="0" width="9" height="9"/></di:BPMNShape></di:BPMNPlane>'
        "</di:BPMNDiagram>"
        for n in range(2)
    )
    made = (
        f'<{p}definitions {bound}="{MODEL}" xmlns:di="{di}" xmlns:c="http://www.omg.org/spec/DD/20100524/DC" '
        f'xmlns:xs="http://www.w3.org/2001/XMLSchema" id="sid-4F0A" exporter="Något" targetNamespace="urn:x">'
        f'{roots}<{p}process id="foreign"{executable} processType="None" isClosed="false">{_FLOW}</{p}process>'
        f"{pages}</{p}definitions>"
    )
    return made.replace("{more}", body).replace("{p}", p).encode()


def of_tools() -> Iterator[tuple[str, bytes]]:
    """Whole files, as tools write them."""
    for prefix in ("", "bpmn", "bpmn2", "semantic", "model", "ns0"):
        yield f"pools-{prefix}", drawn(prefix, _SCENERY, roots=_POOLS + _ROOTS["category"] + _THEIRS)
    for kind, root in _ROOTS.items():
        yield (
            f"root-{kind}",
            drawn("semantic", _SCENERY, roots=_ROOTS["messages"] * (kind != "messages") + root),
        )
    for kind, body in _INSIDE.items():
        yield f"inside-{kind}", drawn("bpmn2", body, roots=_ROOTS["messages"])
    yield "executable-not-said", drawn("", _SCENERY, executable="")
    yield "executable-false", drawn("", _SCENERY, executable=' isExecutable="false"')
    yield "executable-one", drawn("", _SCENERY, executable=' isExecutable="1"')
    yield "twice-the-process", drawn("", _SCENERY, roots=_THEIRS.replace("theirs", "foreign"))
    yield "long-ids", drawn("", _SCENERY).replace(b'"t"', b'"sid-' + b"A" * 2_000 + b'"')
    yield "spaces-around", b"\r\n  " + drawn("", _SCENERY)
    yield "bom", b"\xef\xbb\xbf" + drawn("bpmn", _SCENERY)
