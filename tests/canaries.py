"""A bundle with a text in every place that one can be in, and what puts executable canaries there.

`LIVE` is what a canary would do if anything ever ran it; `sung` tells whether one did.
"""

import builtins
import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from lxml import etree

from service.engine import expressions, tooling

Files = Mapping[str, bytes]
Place = tuple[str, str, Callable[[Any, str], None]]  # the file, what it is called, how to write there

TAG = "<img src=canary onerror=canary()>"
SUM = "{{ 40960|int+1 }}${40960+1}#{40960+1}<%= 40960+1 %>"  # comes to 40961
PYTHON = "__import__('builtins').__dict__.update(canary=1)"
CALLED = "globalThis.constructor.constructor('globalThis.canary=1')()"
LIVE = (
    f"{TAG}{SUM}",
    PYTHON,
    "x = __import__('pathlib').Path('{file}').touch()",
    f"globalThis.canary = 1; {CALLED}",
    "${T(java.lang.Runtime).getRuntime().exec('touch {file}')}",
    "{{ cycler.__init__.__globals__.os.system('touch {file}') }}",
    f'"{TAG}"',  # FEEL that is fine, and comes to a text
    '"a".constructor.constructor("globalThis.canary=1")()',
    '[1][constructor.constructor("globalThis.canary=1")()]',
    'function(x) external { java: { class: "java.lang.Runtime", method signature: "exec" } }',
    "[skriv](javascript:canary())",
    "../../../../{file}",
)  # fmt: skip

MODEL = "http://www.omg.org/spec/BPMN/20100524/MODEL"
SPIFF = "http://spiffworkflow.org/bpmn/schema/1.0/core"
CAMUNDA = "http://camunda.org/schema/1.0/bpmn"
ZEEBE = "http://camunda.org/schema/zeebe/1.0"
OF_TOOLS = {
    CAMUNDA: (
        "assignee candidateUsers candidateGroups formKey formRef dueDate class expression delegateExpression "
        "resultVariable type topic asyncBefore decisionRef initiator historyTimeToLive versionTag"
    ),
    ZEEBE: "type retries correlationKey expression formId decisionId",
    SPIFF: "preScript postScript scriptsOnInstances isOutputSynced",
}
CHILDREN = (
    (CAMUNDA, "executionListener", "script"),
    (CAMUNDA, "taskListener", "expression"),
    (CAMUNDA, "inputOutput", "inputParameter"),
    (CAMUNDA, "connector", "connectorId"),
    (CAMUNDA, "field", "string"),
    (ZEEBE, "taskDefinition", "type"),
    (ZEEBE, "script", "expression"),
    (ZEEBE, "ioMapping", "input"),
    (ZEEBE, "executionListeners", "type"),
    (SPIFF, "preScript", "postScript"),
    (SPIFF, "postScript", "preScript"),
    (SPIFF, "serviceTaskOperator", "resultVariable"),
    (SPIFF, "instructionsForEndUser", "value"),
    (SPIFF, "variableName", "value"),
    (SPIFF, "messagePayload", "value"),
    (SPIFF, "unitTests", "value"),
)


def properties(**given: str) -> str:
    told = "".join(f'<s:property name="{name}" value="{value}"/>' for name, value in given.items())
    return f"<b:extensionElements><s:properties>{told}</s:properties></b:extensionElements>"


GIVEN = properties(
    form="asked", role="caseworker", name_en="E", due="P3D", guidance="**g**", guidance_en="g", right="legal",
    legalBasis="5 kap.", milestone="asked", consequence="c", consequence_en="c", delegation="",
    period="p", countsFrom="today()",
).replace('<s:property name="delegation" value=""/>', "")  # fmt: skip

BPMN = f"""<b:definitions xmlns:b="{MODEL}" xmlns:s="{SPIFF}" id="defs" name="N" targetNamespace="urn:t"
 exporter="X" exporterVersion="1" expressionLanguage="feel" typeLanguage="x">
<b:collaboration id="col" name="C"><b:documentation>D</b:documentation>
<b:participant id="pool" name="P" processRef="song"/></b:collaboration>
<b:message id="m" name="heard"/><b:signal id="sig" name="seen"/><b:error id="err" name="E" errorCode="bad"/>
<b:escalation id="esc" name="S" escalationCode="up"/>
<b:process id="song" name="Song" isExecutable="true" processType="None">
<b:documentation textFormat="text/plain">Doc</b:documentation>
{properties(title="T", title_en="T", owner="O", retention="R")}
<b:laneSet id="lanes" name="L"><b:lane id="lane" name="A">{properties(role="caseworker", name_en="L")}
<b:flowNodeRef>ask</b:flowNodeRef></b:lane></b:laneSet>
<b:startEvent id="s" name="Start"/>
<b:userTask id="ask" name="Ask" implementation="##unspecified">
<b:documentation>D</b:documentation>{GIVEN}</b:userTask>
<b:boundaryEvent id="late" name="Late" attachedToRef="ask" cancelActivity="false">
<b:timerEventDefinition id="td">
<b:timeDuration>duration("P1D") + duration("P1D")</b:timeDuration></b:timerEventDefinition></b:boundaryEvent>
<b:boundaryEvent id="told" name="Told" attachedToRef="ask">{properties(variable="said")}
<b:messageEventDefinition id="md" messageRef="m"/></b:boundaryEvent>
<b:scriptTask id="work" name="Work" scriptFormat="feel"><b:script>kept = what</b:script></b:scriptTask>
<b:businessRuleTask id="rule" name="Rule"><b:extensionElements><s:calledDecisionId>pitch</s:calledDecisionId>
<s:properties><s:property name="resultVariable" value="high"/>
<s:property name="inputs" value="{{tone: what}}"/>
</s:properties></b:extensionElements></b:businessRuleTask>
<b:exclusiveGateway id="choose" name="Choose" default="no"/>
<b:callActivity id="call" name="Call" calledElement="verse">{properties(inputs="{tone: what}", result="back")}
<b:multiInstanceLoopCharacteristics id="mi"><b:loopDataInputRef>[1]</b:loopDataInputRef>
<b:inputDataItem id="each" name="each"/><b:completionCondition>each = 2</b:completionCondition>
</b:multiInstanceLoopCharacteristics></b:callActivity>
<b:endEvent id="e" name="End"/><b:endEvent id="e2" name="End"/>
<b:sequenceFlow id="f1" name="F" sourceRef="s" targetRef="ask"><b:documentation>D</b:documentation>
</b:sequenceFlow>
<b:sequenceFlow id="f2" sourceRef="ask" targetRef="work"/>
<b:sequenceFlow id="f3" sourceRef="work" targetRef="rule"/>
<b:sequenceFlow id="f4" sourceRef="rule" targetRef="choose"/>
<b:sequenceFlow id="yes" name="Yes" sourceRef="choose" targetRef="call">
<b:conditionExpression id="ce" language="feel">what != "x"</b:conditionExpression></b:sequenceFlow>
<b:sequenceFlow id="no" sourceRef="choose" targetRef="e2"/>
<b:sequenceFlow id="f5" sourceRef="call" targetRef="e"/>
<b:sequenceFlow id="f6" sourceRef="late" targetRef="e2"/>
<b:sequenceFlow id="f7" sourceRef="told" targetRef="e2"/>
<b:dataObject id="do" name="D"/><b:dataObjectReference id="dor" name="D" dataObjectRef="do"/>
<b:textAnnotation id="ta" textFormat="text/plain"><b:text>Note</b:text></b:textAnnotation>
<b:association id="as" sourceRef="ask" targetRef="ta" associationDirection="None"/>
<b:group id="g" categoryValueRef="cv"/>
</b:process>
<b:process id="verse" name="Verse" isExecutable="true"><b:startEvent id="vs" name="Start"/>
<b:userTask id="sing" name="Sing">{
    properties(form="asked", due="P1D", guidance="g", guidance_en="g")
}</b:userTask>
<b:endEvent id="ve" name="End"/><b:sequenceFlow id="v1" sourceRef="vs" targetRef="sing"/>
<b:sequenceFlow id="v2" sourceRef="sing" targetRef="ve"/></b:process>
</b:definitions>"""

DMN = """<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="dd" name="N" namespace="n"
 exporter="X">
<description>D</description><decision id="pitch" name="P"><description>D</description><question>Q</question>
<decisionTable id="pitches" hitPolicy="FIRST" outputLabel="O"><input id="i" label="L"><inputExpression id="ie"
 typeRef="string"><text>tone</text></inputExpression></input>
<output id="o" name="high" label="H" typeRef="string"/>
<annotation name="A"/><rule id="r"><description>D</description><inputEntry id="c"><text>"low"</text>
</inputEntry>
<outputEntry id="x"><text>"deep"</text></outputEntry><annotationEntry><text>A</text></annotationEntry></rule>
<rule id="r2"><inputEntry id="c2"><text>-</text></inputEntry><outputEntry id="x2"><text>"clear"</text>
</outputEntry>
</rule></decisionTable></decision></definitions>"""

ENGLISH = {"label_en": "E", "description_en": "E"}
FORM = {
    "id": "asked", "type": "default", "schemaVersion": 19, "title": "T", "properties": {"title_en": "T"},
    "exporter": {"name": "X", "version": "1"}, "executionPlatform": "X",
    "components": [
        {"type": "text", "id": "w", "text": "Words {{what}}", "properties": {"text_en": "Words"}},
        {"type": "textfield", "id": "f", "key": "what", "label": "L", "description": "D",
         "properties": ENGLISH, "validate": {"maxLength": 200}},
        {"type": "radio", "id": "r", "key": "which", "label": "L", "properties": {"label_en": "L"},
         "values": [{"value": "a", "label": "A"}, {"value": "b", "label": "B"}],
         "conditional": {"hide": 'what = "x"'}},
    ],
}  # fmt: skip
FILES: Files = {
    "song.bpmn": BPMN.encode(),
    "pitch.dmn": DMN.encode(),
    "asked.form.json": json.dumps(FORM).encode(),
}


def places() -> Iterator[Place]:
    """Every attribute and text of the bundle."""
    for file in ("song.bpmn", "pitch.dmn"):
        for number, element in enumerate(etree.fromstring(FILES[file]).iter()):
            kind = f"{number} {etree.QName(element).localname}"
            for name in element.attrib:
                yield file, f"{kind} {name}", _attribute(number, str(name))
            if (element.text or "").strip():
                yield file, f"{kind} text", _text(number)
    for path in _texts(FORM, ()):
        yield "asked.form.json", f"form {path}", _in_form(path)


def places_of_tools() -> Iterator[Place]:
    """Attributes and elements that other tools would write, on every element that could have them."""
    for number, element in enumerate(etree.fromstring(FILES["song.bpmn"]).iter()):
        kind = f"{number} {etree.QName(element).localname}"
        if element.get("id"):
            for namespace, names in OF_TOOLS.items():
                for name in names.split():
                    yield "song.bpmn", f"{kind} with {name}", _attribute(number, f"{{{namespace}}}{name}")
            for child in CHILDREN:
                yield "song.bpmn", f"{kind} around {child[1]}", _child(number, *child)


def written(*spots: tuple[Place, str]) -> Files:
    """The bundle with these canaries in these places."""
    roots = {name: etree.fromstring(FILES[name]) for name in ("song.bpmn", "pitch.dmn")}
    form = deepcopy(FORM)
    at: dict[str, Any] = {name: list(root.iter()) for name, root in roots.items()}
    for (file, _, write), canary in spots:
        write(at.get(file, form), canary)
    made = {name: etree.tostring(root) for name, root in roots.items()}
    return made | {"asked.form.json": json.dumps(form).encode()}


def live(folder: Path) -> list[str]:
    """The canaries, which would leave a file in this folder."""
    return [each.replace("{file}", str(folder / "canary")) for each in LIVE]


def sung(folder: Path) -> list[str]:
    """Where something ran that never may."""
    found = ["a file was made"] if (folder / "canary").exists() else []
    found += ["Python ran"] if hasattr(builtins, "canary") else []
    for isolate in (expressions._ISOLATE, tooling._ISOLATE):
        if isolate.call("(() => JSON.stringify(typeof globalThis.canary))") != "undefined":
            found.append(f"JavaScript ran in {isolate.bundle}")
    return found


def _attribute(number: int, name: str) -> Callable[[Any, str], None]:
    return lambda elements, canary: elements[number].set(name, canary)


def _text(number: int) -> Callable[[Any, str], None]:
    def write(elements: Any, canary: str) -> None:
        elements[number].text = canary

    return write


def _child(number: int, namespace: str, name: str, attribute: str) -> Callable[[Any, str], None]:
    def write(elements: Any, canary: str) -> None:
        element = elements[number]
        around = element.find(f"{{{MODEL}}}extensionElements")
        if around is None:
            around = etree.SubElement(element, f"{{{MODEL}}}extensionElements")
        child = etree.SubElement(around, f"{{{namespace}}}{name}")
        child.set(attribute, canary)
        child.text = canary

    return write


def _texts(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(each, (*path, key))
    elif isinstance(value, str):
        yield path


def _in_form(path: tuple[Any, ...]) -> Callable[[Any, str], None]:
    def write(form: Any, canary: str) -> None:
        *way, last = path
        for key in way:
            form = form[key]
        form[last] = canary

    return write
