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
