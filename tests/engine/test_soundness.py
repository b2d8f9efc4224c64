"""Paths that never come to an end, found in a drawing."""

import pytest

from service.engine import definition, soundness

HEAD = (
    '<b:definitions xmlns:b="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t">'
    '<b:process id="p" isExecutable="true">'
)


def endless(nodes, flows):
    made = [f'<b:{kind} id="{id}"/>' for kind, id in (each.split() for each in nodes)]
    for each in flows:
        source, target = each.split()
        flow = f'<b:sequenceFlow id="{source}_{target}" sourceRef="{source}" targetRef="{target}">'
        condition = "<b:conditionExpression>x = 1</b:conditionExpression>" if source.startswith("x") else ""
        made.append(f"{flow}{condition}</b:sequenceFlow>")
    files = {"p.bpmn": f"{HEAD}{''.join(made)}</b:process></b:definitions>".encode()}
    (level,) = definition.parse(files).processes["p"].levels
    return [(each.element, each.path) for each in soundness.endless(level)]


def circling(**called):
    files = {}
    for key, (nodes, flows) in called.items():
        made = [f"<b:{each}/>" for each in nodes]
        for number, each in enumerate(flows):
            source, target = each.split()
            made.append(f'<b:sequenceFlow id="{key}{number}" sourceRef="{source}" targetRef="{target}"/>')
        files[f"{key}.bpmn"] = f"{HEAD}{''.join(made)}</b:process></b:definitions>".replace('"p"', f'"{key}"')
    parsed = definition.parse({name: content.encode() for name, content in files.items()})
    return sorted((node.element.process, node.id) for node in soundness.circling(parsed.processes))


START, END = 'startEvent id="s"', 'endEvent id="e"'
STRAIGHT = ["s c", "c e"]


def calling(key):
    return f'callActivity id="c" calledElement="{key}"'


def test_processes_that_can_only_call_each_other_never_end():
    assert circling(a=([START, calling("a"), END], STRAIGHT)) == [("a", "c")]
    two = {key: ([START, calling(other), END], STRAIGHT) for key, other in (("a", "b"), ("b", "a"))}
    caller = [START, calling("a"), END], STRAIGHT
    assert circling(**two, g=caller) == [("a", "c"), ("b", "c"), ("g", "c")]
    timer = "<b:timerEventDefinition><b:timeDuration>P1D</b:timeDuration></b:timerEventDefinition>"
    late = f'boundaryEvent id="t" attachedToRef="c">{timer}</b:boundaryEvent><b:task id="k"'
    way_out = [START, calling("a"), late, END], [*STRAIGHT, "t k"]
    assert circling(a=two["a"], b=way_out, g=caller) == []


NODES = ["startEvent s", "userTask a", "exclusiveGateway x", "userTask b", "userTask c", "endEvent e"]


@pytest.mark.parametrize(
    ("flows", "found"),
    [
        (["s a", "a x", "x b", "x c", "b e", "c e"], []),
        (["s a", "a x", "x b", "x c", "x e", "b c", "c b"], [("b", "s a x b"), ("c", "s a x c")]),
        (["s a", "a x", "x b", "x e", "b c", "c a"], []),
    ],
)
def test_an_element_without_a_way_to_an_end_is_told_with_its_path(flows, found):
    assert endless(NODES, flows) == [(element, tuple(path.split())) for element, path in found]
