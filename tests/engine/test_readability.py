"""What could be misunderstood in a diagram is told as advice: once, in our words, and never at any price."""

import re
from itertools import pairwise
from pathlib import Path

from service.commands.deployments import read_folder
from service.engine import advice, layouts, readability, tooling
from service.engine.definition import parse
from service.web.workshop.findings import SWEDISH

ROOT = Path(__file__).parents[2]
HELD = re.compile(r'^  "([a-z-]+)": \[', re.MULTILINE)
KINDS = {"s": "startEvent", "e": "endEvent", "x": "parallelGateway", "b": "subProcess"}
NS = (
    'xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:di="http://www.omg.org/spec/BPMN/20100524/DI" '
    'xmlns:dc="http://www.omg.org/spec/DD/20100524/DC" id="d" targetNamespace="n"'
)


def level(*chains, inside=None):
    """Elements joined along chains of ids, each with its id as its name; the first letter tells the kind."""
    ids = dict.fromkeys(id for chain in chains for id in chain)
    nodes = (f'<{kind(id)} id="{id}" name="{id}">{(inside or {}).get(id, "")}</{kind(id)}>' for id in ids)
    flows = (
        f'<sequenceFlow id="{one}_{other}_{number}" sourceRef="{one}" targetRef="{other}"/>'
        for number, chain in enumerate(chains)
        for one, other in pairwise(chain)
    )
    return "".join([*nodes, *flows])


def kind(id):
    return KINDS.get(id[0], "task")


def diagram(content, *, drawn=True):
    """A file with one process, drawn by the service."""
    bare = f'<definitions {NS}><process id="p" isExecutable="true">{content}</process></definitions>'.encode()
    return layouts.shown(bare, "p").encode() if drawn else bare


def large(levels):
    """A diagram of as many sub-processes of 250 elements each."""
    inside = {
        f"b{n}": level((f"s{n}", *(f"t{n}_{each}" for each in range(248)), f"e{n}")) for n in range(levels)
    }
    return diagram(level(("s", *inside, "e"), inside=inside), drawn=False)


def told(**files):
    named = {f"{key}.bpmn": content for key, content in files.items()}
    found = advice.warnings(None, parse(named), named)
    return [
        (each.file, each.element, each.rule)
        for each in found
        if each.rule not in {"task-incomplete", "laid-out"}
    ]


def test_every_rule_that_diagrams_are_held_to_is_told_in_both_languages():
    source = (ROOT / "frontend" / "src" / "engine" / "lint_rules.js").read_text(encoding="utf-8")
    rules = set(HELD.findall(source))
    assert len(rules) == 23
    assert readability.SAYS.keys() == rules | {"readable"}
    assert {f"bpmnlint-{rule}" for rule in readability.SAYS} - SWEDISH.keys() == set()


def test_our_own_diagrams_cannot_be_misunderstood():
    files = read_folder(ROOT)
    found = readability.warnings(parse(files), files, [])
    assert [(each.file, each.element, each.rule) for each in found] == []


def test_flows_that_meet_in_a_task_are_told_whether_or_not_the_file_says_a_flow_at_its_ends():
    merged = diagram(level(("s", "x", "t1", "t3", "e"), ("x", "t2", "t3")))
    assert told(p=merged) == [("p.bpmn", "t3", "bpmnlint-fake-join")]
    assert b"incoming" not in merged


def test_of_an_element_one_thing_is_told_at_a_time():
    both = diagram(level(("s", "x", "t1", "t3", "e"), ("x", "t2", "t3")).replace(' name="t3"', ""))
    assert told(p=both) == [("p.bpmn", "t3", "bpmnlint-fake-join")]
    mended = diagram(level(("s", "t3", "e")).replace(' name="t3"', ""))
    assert told(p=mended) == [("p.bpmn", "t3", "bpmnlint-label-required")]


def test_two_flows_that_are_one_are_told_at_one_of_them():
    twice = diagram(level(("s", "x1", "x2", "e"), ("x1", "x2")))
    assert told(p=twice) == [("p.bpmn", "x1_x2_1", "bpmnlint-no-duplicate-sequence-flows")]


def test_what_is_not_drawn_is_told_once():
    drawn = diagram(level(("s", "t", "e")))
    gone = re.sub(rb'(?s)<[^<]*:BPMN(Shape|Edge)[^>]*bpmnElement="(t|s_t_0)".*?:BPMN\1>', b"", drawn)
    assert told(p=gone) == [
        ("p.bpmn", "t", "element-not-drawn"),
        ("p.bpmn", "s_t_0", "bpmnlint-no-bpmndi"),
    ]
    assert told(p=diagram(level(("s", "t", "e")), drawn=False)) == []


def test_what_an_editor_would_lose_is_told():
    lost = diagram(level(("s", "t", "e"))).replace(b'name="t"', b'name="t" default="nobody"')
    refused = lost.replace(b' default="nobody"', b"").replace(
        b"</process>", b'<association id="a" sourceRef="t" targetRef="nobody"/></process>'
    )
    assert ("p.bpmn", "a", "bpmnlint-readable") in told(p=refused)


def test_four_thousand_tasks_are_looked_through_and_what_is_beyond_is_told_to_be_left_out():
    content = large(16)
    one = content.replace(b'name="t3_7"', b"")
    assert ("p.bpmn", "t3_7", "bpmnlint-label-required") in told(p=one)
    other = content.replace(b'id="p"', b'id="q"')
    assert [each for each in told(p=one, q=other) if each[2] == "lint-left-out"] == [
        ("q.bpmn", None, "lint-left-out")
    ]


def test_a_diagram_that_takes_too_long_is_left_out_and_the_next_is_looked_through(monkeypatch):
    monkeypatch.setattr(tooling, "LINT_SECONDS", 0.001)
    assert ("p.bpmn", None, "lint-left-out") in told(p=large(9))
    monkeypatch.undo()
    assert told(p=large(9)) == []
