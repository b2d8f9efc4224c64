"""Names that are read before they are given, on every way: told with it; loops, edges and calls count."""

import json
from itertools import pairwise

import pytest
from test_variables import NS, field

from service.engine import definition, variables

FORM = {"type": "default", "schemaVersion": 19, "title": "T", "properties": {"title_en": "T"}}


def task(id, *, form=None, due=None, more=""):
    named = {"form": form, "due": due}
    said = "".join(f'<s:property name="{name}" value="{value}"/>' for name, value in named.items() if value)
    return (
        f'<b:userTask id="{id}" name="{id}"><b:extensionElements><s:properties>{said}</s:properties>'
        f"</b:extensionElements>{more}</b:userTask>"
    )


def timer(expression, kind="timeDuration"):
    return f"<b:timerEventDefinition><b:{kind}>{expression}</b:{kind}></b:timerEventDefinition>"


def edge(id, on, event):
    return f'<b:boundaryEvent id="{id}" attachedToRef="{on}">{event}</b:boundaryEvent>'


def flows(*chains, conditions=None):
    texts = {
        pair: f"<b:conditionExpression>{text}</b:conditionExpression>"
        for pair, text in (conditions or {}).items()
    }
    return "".join(
        f'<b:sequenceFlow id="{one}_{other}" sourceRef="{one}" targetRef="{other}">'
        f"{texts.get((one, other), '')}</b:sequenceFlow>"
        for chain in chains
        for one, other in pairwise(chain)
    )


def told(body, *more, begins=""):
    """What is told of a process with these elements, beside a start and an end; `asked` asks for age."""
    plain = f'<b:startEvent id="s">{begins}</b:startEvent><b:endEvent id="e"/>'
    processes = f'<b:process id="p" isExecutable="true">{plain}{body}</b:process>' + "".join(more)
    asked = FORM | {"id": "asked", "components": [field("age")]}
    files = {
        "p.bpmn": f'<b:definitions {NS} id="d" targetNamespace="t">{processes}</b:definitions>'.encode(),
        "asked.form.json": json.dumps(asked).encode(),
    }
    return [
        (each.element, each.rule, each.message.split("“")[2].split("”")[0], each.message.split("“")[3][:3])
        for each in variables.warnings(definition.parse(files), files)
    ]


ASK, WAIT = task("ask", form="asked"), task("wait", due="age")
STRAIGHT = flows(("s", "wait", "ask", "e"))
CHOICE = '<b:exclusiveGateway id="x" default="x_e"/>'


def test_what_is_given_only_later_is_told_with_the_way_and_who_gives_it():
    assert told(ASK + WAIT + STRAIGHT) == [("wait", "name-early", "s → wait", "ask")]
    assert told(ASK + WAIT + flows(("s", "ask", "wait", "e"))) == []


def test_a_task_does_not_know_its_own_answers_but_the_flows_out_of_it_do():
    own = task("ask", form="asked", due="age")
    assert told(own + flows(("s", "ask", "e"))) == [("ask", "name-early", "s → ask", "ask")]
    ways = flows(("s", "ask", "x", "e"), ("x", "wait", "e"), conditions={("x", "wait"): "age = 1"})
    assert told(ASK + task("wait") + CHOICE + ways) == []


def test_what_is_given_on_another_branch_is_told_and_what_comes_back_in_a_loop_is_not():
    ways = (("s", "x", "wait", "e"), ("x", "ask", "e"))
    split = '<b:parallelGateway id="x"/>'
    assert told(ASK + WAIT + split + flows(*ways)) == [("wait", "name-early", "s → x → wait", "ask")]
    back = flows(("s", "wait", "x", "e"), ("x", "ask", "wait"), conditions={("x", "ask"): "now() = null"})
    assert told(ASK + WAIT + CHOICE + back) == []


def test_a_script_keeps_and_counts_and_reads_its_own_lines():
    script = '<b:scriptTask id="work"><b:script>{}</b:script></b:scriptTask>'
    ways = flows(("s", "work", "ask", "e"))
    kept = "n = if n = null then 1 else n\nm = n"
    assert told(ASK + script.format(kept) + ways) == []
    assert told(ASK + script.format("n = m\nm = age") + ways) == [
        ("work", "name-early", "s → work", "wor"),
        ("work", "name-early", "s → work", "ask"),
    ]


def test_a_time_on_an_edge_is_worked_out_when_the_activity_begins():
    late = edge("late", "ask", timer("age"))
    assert told(ASK + late + flows(("s", "ask", "e"), ("late", "e"))) == [
        ("late", "name-early", "s → ask → late", "ask")
    ]
    inside = f'<b:subProcess id="sub"><b:startEvent id="s1"/><b:endEvent id="e1"/>{ASK}' + flows(
        ("s1", "ask", "e1")
    )
    after = edge("late", "sub", timer("PT1H"))
    ways = flows(("s", "sub", "e"), ("late", "wait", "e"))
    assert told(f"{inside}</b:subProcess>" + after + WAIT + ways) == []


@pytest.mark.parametrize(
    ("event", "found"),
    [
        (timer("age"), [("s1", "name-early", "s1", "ask")]),
        (
            "<b:conditionalEventDefinition><b:condition>age = 1</b:condition></b:conditionalEventDefinition>",
            [],
        ),
    ],
)
def test_a_time_beside_a_level_is_worked_out_when_the_level_begins_and_a_condition_all_the_time(event, found):
    beside = (
        f'<b:subProcess id="sub" triggeredByEvent="true"><b:startEvent id="s1" isInterrupting="true">{event}'
        f'</b:startEvent>{WAIT}<b:endEvent id="e1"/>{flows(("s1", "wait", "e1"))}</b:subProcess>'
    )
    assert told(ASK + beside + flows(("s", "ask", "e"))) == found


def test_a_called_process_knows_what_any_caller_knows_and_gives_what_it_learns():
    call = '<b:callActivity id="call" calledElement="q"/>'
    called = (
        '<b:process id="q" isExecutable="true"><b:startEvent id="qs"/><b:endEvent id="qe"/>{}</b:process>'
    )
    reads = called.format(task("read", due="age") + flows(("qs", "read", "qe")))
    assert told(ASK + call + flows(("s", "ask", "call", "e")), reads) == []
    assert told(ASK + call + flows(("s", "call", "ask", "e")), reads) == [
        ("read", "name-early", "qs → read", "ask")
    ]
    asks = called.format(ASK + flows(("qs", "ask", "qe")))
    assert told(call + WAIT + flows(("s", "call", "wait", "e")), asks) == []


def test_a_case_that_a_message_begins_may_know_anything():
    begins = '<b:messageEventDefinition messageRef="m"/>'
    assert told(ASK + WAIT + STRAIGHT, '<b:message id="m" name="m"/>', begins=begins) == []
