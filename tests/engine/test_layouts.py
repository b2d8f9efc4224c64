"""Processes whose file does not say how they are drawn."""

from itertools import pairwise
from pathlib import Path
from time import perf_counter

import pytest
from lxml import etree

from service.engine import definition, layouts, tooling
from service.engine.tooling import diff

DIAGRAMS = Path(__file__).parents[1] / "diagrams"
MODEL = "http://www.omg.org/spec/BPMN/20100524/MODEL"
NS = f'xmlns="{MODEL}" xmlns:di="http://www.omg.org/spec/BPMN/20100524/DI"'
SHAPE = (
    '<di:BPMNShape id="{0}_di" bpmnElement="{0}"><c:Bounds x="0" y="0" width="9" height="9"/></di:BPMNShape>'
)
BOUNDS = 'xmlns:c="http://www.omg.org/spec/DD/20100524/DC"'


def process(key: str, tasks: int = 1) -> str:
    ids = [f"{key}_{n}" for n in range(tasks + 2)]
    kinds = ["startEvent", *["task"] * tasks, "endEvent"]
    nodes = "".join(f'<{kind} id="{id}" name="{id}"/>' for kind, id in zip(kinds, ids, strict=True))
    flows = "".join(f'<sequenceFlow id="{a}_{b}" sourceRef="{a}" targetRef="{b}"/>' for a, b in pairwise(ids))
    return f'<process id="{key}" isExecutable="true">{nodes}{flows}</process>'


def drawing(key: str, *elements: str) -> str:
    shapes = "".join(SHAPE.format(each) for each in elements)
    plane = f'<di:BPMNPlane bpmnElement="{key}">{shapes}</di:BPMNPlane>'
    return f'<di:BPMNDiagram id="d_{key}">{plane}</di:BPMNDiagram>'


def file(*parts: str) -> bytes:
    return f'<definitions {NS} {BOUNDS} targetNamespace="t">{"".join(parts)}</definitions>'.encode()


def drawn_in(text: str) -> list[set[str]]:
    root = etree.fromstring(text.encode())
    return [
        {each.get("bpmnElement") for each in one.iter("{*}BPMNShape", "{*}BPMNEdge")}
        for one in root.iter("{*}BPMNDiagram")
    ]


def rules(found):
    return [(each.rule, each.element, each.file) for each in found]


def test_a_process_that_is_not_drawn_is_shown_with_everything_in_it_and_says_the_same():
    bare = file(process("p", 3))
    shown = layouts.shown(bare, "p")
    assert drawn_in(shown) == [{*(f"p_{n}" for n in range(5)), *(f"p_{n}_p_{n + 1}" for n in range(4))}]
    difference = diff(bare, shown.encode())
    assert (difference.added, difference.removed, difference.changed) == ((), (), ())


@pytest.mark.parametrize("path", sorted(DIAGRAMS.glob("*.bpmn")), ids=lambda path: path.stem)
def test_every_diagram_can_be_laid_out_whole(path):
    root = etree.fromstring(path.read_bytes())
    for each in root.findall("{*}BPMNDiagram"):
        root.remove(each)
    for one in root.findall(f"{{{MODEL}}}process"):
        (drawn, *_) = drawn_in(layouts.shown(etree.tostring(root), one.get("id")))
        nodes = {each.get("id") for each in one.iter("{*}sequenceFlow", "{*}startEvent", "{*}boundaryEvent")}
        assert nodes - drawn == set()


def test_what_is_inside_a_sub_process_lies_within_it():
    path = DIAGRAMS / "sub_process.bpmn"
    root = etree.fromstring(path.read_bytes())
    for each in root.findall("{*}BPMNDiagram"):
        root.remove(each)
    shown = etree.fromstring(layouts.shown(etree.tostring(root), "p").encode())
    boxes = {
        shape.get("bpmnElement"): [float(shape[0].get(side)) for side in ("x", "y", "width", "height")]
        for shape in shown.iter("{*}BPMNShape")
    }
    x, y, width, height = boxes["inside"]
    for each in ("inner_start", "a", "deeper", "b", "inner_end"):
        left, top, wide, high = boxes[each]
        assert x < left < left + wide < x + width
        assert y < top < top + high < y + height


def test_a_drawn_process_is_shown_as_its_file_has_it():
    content = file(process("p"), drawing("p", "p_0", "p_1", "p_2"))
    assert layouts.shown(content, "p").encode() == content


@pytest.mark.parametrize("drawn", [True, False])
def test_spaces_and_prefixes_that_readers_of_bpmn_trip_over_are_shown_in_the_usual_way(drawn):
    content = file(process("p"), drawing("p", "p_0", "p_1", "p_2") if drawn else "").decode()
    spaced = content.replace('id="p_1"', 'id = "p_1"')
    strange = (
        content.replace("<", "<ö:").replace("<ö:/", "</ö:").replace("ö:di:", "di:").replace("ö:c:", "c:")
    )
    strange = strange.replace("xmlns=", "xmlns:ö=")
    for each in (spaced, strange):
        shown = layouts.shown(each.encode(), "p")
        assert "p_1" in drawn_in(shown)[0]
        tooling.layout(shown.encode())  # reads it
        assert 'id="p_1"' in shown


def test_of_several_processes_in_a_file_the_one_looked_at_is_drawn_first():
    both = file(process("p"), process("q"), drawing("p", "p_0"), drawing("q", "q_0", "q_1"))
    assert drawn_in(layouts.shown(both, "q")) == [{"q_0", "q_1"}, {"p_0"}]
    one = file(process("p"), process("q"), drawing("p", "p_0"))
    assert "q_1" in drawn_in(layouts.shown(one, "q"))[0]
    assert "q_1" in drawn_in(layouts.shown(file(process("p"), process("q")), "q"))[0]


def test_the_owner_is_told_of_what_is_laid_out_and_what_is_drawn_nowhere():
    parsed = definition.parse(
        {"p.bpmn": file(process("p")), "q.bpmn": file(process("q"), drawing("q", "q_0", "q_1"))}
    )
    assert rules(layouts.warnings(parsed, {"p.bpmn", "q.bpmn"})) == [
        ("laid-out", "p", "p.bpmn"),
        ("element-not-drawn", "q_2", "q.bpmn"),
    ]
    assert rules(layouts.warnings(parsed, {"other.bpmn"})) == []
    assert rules(layouts.problems(parsed, {"p.bpmn", "q.bpmn"})) == []


def test_notes_are_drawn_over_the_rest_and_what_has_no_place_is_told():
    beside = (
        '<laneSet id="ls"><lane id="l"><flowNodeRef>p_1</flowNodeRef></lane></laneSet><group id="g"/>'
        '<textAnnotation id="n2"><text>Last</text></textAnnotation><textAnnotation id="n1"/>'
        '<association id="a2" sourceRef="n2" targetRef="p_2"/>'
        '<association id="a1" sourceRef="p_1" targetRef="n1"/>'
    )
    pools = (
        '<collaboration id="c"><participant id="us" processRef="p"/><participant id="them"/></collaboration>'
    )
    content = file(pools, process("p").replace("</process>", f"{beside}</process>"))
    shown = layouts.shown(content, "p")
    (drawn,) = drawn_in(shown)
    assert {"n1", "n2", "a1", "a2"} <= drawn
    boxes = {
        shape.get("bpmnElement"): [float(shape[0].get(side)) for side in ("x", "y", "width", "height")]
        for shape in etree.fromstring(shown.encode()).iter("{*}BPMNShape")
    }
    (x1, y1, wide, high), (x2, *_) = boxes.pop("n1"), boxes.pop("n2")
    assert x1 + wide < x2
    assert y1 + high < min(y for _, y, _, _ in boxes.values())
    told = rules(layouts.warnings(definition.parse({"p.bpmn": content}), {"p.bpmn"}))
    assert {element for rule, element, _ in told if rule == "element-not-drawn"} == {"l", "g", "us", "them"}
    difference = diff(content, shown.encode())
    assert (difference.added, difference.removed, difference.changed) == ((), (), ())


def test_what_cannot_be_laid_out_is_a_problem_and_shown_as_it_is(monkeypatch):
    monkeypatch.setattr(layouts, "MOST_NODES", 8)
    content = file(process("many", 8))
    parsed = definition.parse({"many.bpmn": content})
    assert rules(layouts.problems(parsed, {"many.bpmn"})) == [("not-drawn", "many", "many.bpmn")]
    assert layouts.shown(content, "many").encode() == content


def test_what_cannot_be_read_is_shown_as_it_is():
    assert layouts.shown(b"<nonsense") == "<nonsense"
    assert layouts.shown(file()) == file().decode()


def test_five_hundred_elements_are_laid_out_at_once():
    inner = [process(f"p{n}", 248).replace("process", "subProcess", 1) for n in range(2)]
    inner = [
        each.replace("</process>", "</subProcess>").replace(' isExecutable="true"', "") for each in inner
    ]
    began = perf_counter()
    (drawn,) = drawn_in(layouts.shown(file(f'<process id="p">{"".join(inner)}</process>'), "p"))
    assert len(drawn) == 2 * (250 + 249) + 2
    assert perf_counter() - began < 2
