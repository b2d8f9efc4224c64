"""Names in expressions that nothing gives: told with the name that was probably meant."""

import json
from pathlib import Path

import pytest

from service.commands.deployments import read_folder
from service.engine import definition, variables
from service.errors import Refused

ROOT = Path(__file__).parents[2]
NS = (
    'xmlns:b="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:s="http://spiffworkflow.org/bpmn/schema/1.0/core"'
)
DMN = """<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d" namespace="n">
<decision id="level"><decisionTable id="levels" hitPolicy="FIRST">
<input id="i"><inputExpression id="e" typeRef="number"><text>{}</text></inputExpression></input>
<output id="o" name="level" typeRef="string"/>
<rule id="r"><inputEntry id="c"><text>{}</text></inputEntry>
<outputEntry id="x"><text>"low"</text></outputEntry>
</rule></decisionTable></decision></definitions>"""
EXAMPLE = {"name": "x", "start_at": "2027-01-04T09:00:00+01:00", "data": {"given_at_start": 1}, "steps": []}


def field(key, **more):
    return {
        "type": "number",
        "id": f"f_{key}",
        "key": key,
        "label": key,
        "properties": {"label_en": key},
    } | more


def bundle(
    condition="age > 17", *, form=True, test="> 3", read="weight", hide=None, example=False, second=""
):
    """A task with a form, a script, a table, a called process, several times; and a condition after all."""
    properties = '<s:property name="form" value="asked"/>' if form else ""
    said = f"""<b:definitions {NS} id="d" targetNamespace="t"><b:process id="p" isExecutable="true">
<b:startEvent id="s"/><b:userTask id="ask" name="Ask"><b:extensionElements><s:properties>{properties}
</s:properties></b:extensionElements></b:userTask>
<b:scriptTask id="work"><b:script>total.sum = age + 1\nlater = total.sum</b:script></b:scriptTask>
<b:businessRuleTask id="rule"><b:extensionElements><s:calledDecisionId>level</s:calledDecisionId>
<s:properties><s:property name="inputs" value="{{weight: age}}"/>
<s:property name="resultVariable" value="outcome"/></s:properties></b:extensionElements></b:businessRuleTask>
<b:callActivity id="call" calledElement="q"><b:extensionElements><s:properties>
<s:property name="inputs" value="{{ &quot;handed&quot;: age }}"/></s:properties></b:extensionElements>
<b:multiInstanceLoopCharacteristics><b:loopDataInputRef>[1, 2]</b:loopDataInputRef>
<b:inputDataItem id="number"/></b:multiInstanceLoopCharacteristics></b:callActivity>
<b:exclusiveGateway id="choose" default="no"/><b:endEvent id="e"/>
<b:sequenceFlow id="f1" sourceRef="s" targetRef="ask"/>
<b:sequenceFlow id="f2" sourceRef="ask" targetRef="work"/>
<b:sequenceFlow id="f3" sourceRef="work" targetRef="rule"/>
<b:sequenceFlow id="f4" sourceRef="rule" targetRef="call"/>
<b:sequenceFlow id="f5" sourceRef="call" targetRef="choose"/>
<b:sequenceFlow id="yes" sourceRef="choose" targetRef="e"><b:conditionExpression>{condition}
</b:conditionExpression></b:sequenceFlow><b:sequenceFlow id="no" sourceRef="choose" targetRef="e"/>
</b:process><b:process id="q" isExecutable="true"><b:startEvent id="qs"/><b:userTask id="wait" name="W">
<b:extensionElements><s:properties>{second}</s:properties></b:extensionElements></b:userTask>
<b:endEvent id="qe"/><b:sequenceFlow id="q1" sourceRef="qs" targetRef="wait"/>
<b:sequenceFlow id="q2" sourceRef="wait" targetRef="qe"/></b:process></b:definitions>"""
    more = {"conditional": {"hide": hide}} if hide else {}
    asked = {
        "id": "asked",
        "type": "default",
        "schemaVersion": 19,
        "title": "T",
        "components": [field("age"), field("why", **more)],
        "properties": {"title_en": "T"},
    }
    files = {
        "p.bpmn": said.replace("> 17", "&gt; 17").encode(),
        "level.dmn": DMN.format(read, test.replace(">", "&gt;")).encode(),
        "asked.form.json": json.dumps(asked).encode(),
    }
    return files | ({"p.x.example.json": json.dumps(EXAMPLE).encode()} if example else {})


def told(files, only=None):
    try:
        parsed = definition.parse(files)
    except Refused as refused:
        raise AssertionError(refused.problems) from refused
    return [
        (each.file, each.element, each.rule, each.message.partition("“")[2])
        for each in variables.warnings(parsed, only or files)
    ]


@pytest.mark.parametrize(
    "condition",
    [
        "age = 1",
        "total.sum = 1 and later = 1",
        'outcome = "low"',
        "handed = number",
        "some each in [1, 2] satisfies each = age",
        "{a: age, b: a + 1}.b = 2",
        "count([1, 2][item = 1]) = 1",
        "today() = date(now())",
        "working days between(today(), today()) = 1",
        'string length("age") = 3',
    ],
)  # fmt: skip
def test_what_forms_scripts_tables_calls_and_lists_give_is_known(condition):
    assert told(bundle(condition)) == []


def test_a_name_that_nothing_gives_is_told_with_the_nearest_one():
    assert told(bundle("agee = 1")) == [
        ("p.bpmn", "yes", "name-misspelled", "agee”, so it is always null. Did you mean “age”?")
    ]


def test_a_name_like_no_other_is_told_where_the_data_comes_from_forms():
    ((file, element, rule, _),) = told(bundle("zebra = 1"))
    assert (file, element, rule) == ("p.bpmn", "yes", "name-unknown")
    assert told(bundle("zebra = 1", form=False)) == []


def test_what_an_example_starts_with_is_known():
    assert [rule for *_, rule, _ in told(bundle("given_at_start = 1"))] == ["name-unknown"]
    assert told(bundle("given_at_start = 1", example=True)) == []


def test_tables_see_their_inputs_and_a_text_without_quotation_marks_is_found():
    assert told(bundle(read="wieght")) == [
        ("level.dmn", "levels", "name-misspelled", "wieght”, so it is always null. Did you mean “weight”?")
    ]
    assert [(file, rule) for file, _, rule, _ in told(bundle(test="low"))] == [("level.dmn", "name-unknown")]


def test_forms_and_called_processes_are_looked_at_too():
    assert told(bundle(hide="agge = 1"))[0][:3] == ("asked.form.json", "f_why", "name-misspelled")
    assert told(bundle(hide="later = 1")) == []
    due = '<s:property name="due" value="{}"/>'
    assert told(bundle(second=due.format("totals.sum")))[0][:3] == ("p.bpmn", "wait", "name-misspelled")
    assert told(bundle(second=due.format("handed"))) == []


def test_a_form_that_takes_a_question_away_warns_of_who_reads_it():
    files = bundle("why = 1")
    assert told(files, {"other.bpmn"}) == []
    files["asked.form.json"] = files["asked.form.json"].replace(b'"key": "why"', b'"key": "wherefore"')
    assert [each[:2] for each in told(files, {"asked.form.json"})] == [("p.bpmn", "yes")]


def test_our_own_processes_and_the_tests_diagrams_read_nothing_unknown():
    files = read_folder(ROOT)
    assert told(files) == []
    tables = {each.name: each.read_bytes() for each in (ROOT / "tests" / "diagrams").glob("*.dmn")}
    for path in sorted((ROOT / "tests" / "diagrams").glob("*.bpmn")):
        assert told({"x.bpmn": path.read_bytes(), **tables}) == [], path.name


def test_a_slip_in_a_name_of_our_own_processes_is_found():
    files = read_folder(ROOT)
    slipped = files["reflection_period.bpmn"].replace(b"date(valid_to)", b"date(valid_too)", 1)
    assert slipped != files["reflection_period.bpmn"]
    assert [each[2] for each in told(files | {"reflection_period.bpmn": slipped})] == ["name-misspelled"]
