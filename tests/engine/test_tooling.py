"""Diagrams as drawings: lint, layout, difference."""

import re

import pytest

from service.engine import tooling
from service.engine.tooling import Change, diff, layout, lint
from service.errors import Malformed, Refused

HEAD = (
    '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"'
    ' xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI" xmlns:dc="http://www.omg.org/spec/DD/20100524/DC"'
    ' xmlns:di="http://www.omg.org/spec/DD/20100524/DI" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core" id="defs" targetNamespace="n">'
)
PROCESS = """
<process id="p" name="Återhämtning" isExecutable="true">
  <startEvent id="start" name="In"><outgoing>f1</outgoing></startEvent>
  <userTask id="task" name="Samtal">
    <extensionElements><spiffworkflow:properties>
      <spiffworkflow:property name="form" value="talk"/>
      <spiffworkflow:property name="due" value="duration(&quot;P3D&quot;)"/>
    </spiffworkflow:properties></extensionElements>
    <incoming>f1</incoming><outgoing>f2</outgoing>
  </userTask>
  <boundaryEvent id="late" name="Sent" attachedToRef="task" cancelActivity="false">
    <outgoing>f4</outgoing>
    <timerEventDefinition id="timer">
      <timeDuration xsi:type="tFormalExpression">PT24H</timeDuration>
    </timerEventDefinition>
  </boundaryEvent>
  <exclusiveGateway id="split" name="Vill?" default="f3">
    <incoming>f2</incoming><outgoing>f3</outgoing><outgoing>f5</outgoing>
  </exclusiveGateway>
  <endEvent id="end" name="Ut"><incoming>f3</incoming></endEvent>
  <endEvent id="told" name="Påmind"><incoming>f4</incoming></endEvent>
  <endEvent id="yes" name="Ja"><incoming>f5</incoming></endEvent>
  <sequenceFlow id="f1" sourceRef="start" targetRef="task"/>
  <sequenceFlow id="f2" sourceRef="task" targetRef="split"/>
  <sequenceFlow id="f3" sourceRef="split" targetRef="end"/>
  <sequenceFlow id="f4" sourceRef="late" targetRef="told"/>
  <sequenceFlow id="f5" name="ja" sourceRef="split" targetRef="yes">
    <conditionExpression xsi:type="tFormalExpression">wants = "yes"</conditionExpression>
  </sequenceFlow>
</process>
"""
PLAIN = f"{HEAD}{PROCESS}</definitions>".encode()


def changed(old: str, new: str) -> list[tuple[str, str, str | None, str | None]]:
    after = PLAIN.decode().replace(old, new)
    assert after.encode() != PLAIN
    return [(each.element, each.what, each.old, each.new) for each in diff(PLAIN, after.encode()).changed]


def test_a_diagram_without_a_drawing_is_drawn_and_says_the_same() -> None:
    drawn = layout(PLAIN)
    found = diff(PLAIN, drawn)
    assert (found.added, found.removed, found.changed) == ((), (), ())
    assert set(found.moved) == {
        "start",
        "task",
        "late",
        "split",
        "end",
        "told",
        "yes",
        *(f"f{n}" for n in range(1, 6)),
    }
    assert layout(PLAIN) == drawn
    assert diff(drawn, layout(drawn)).moved == ()


def test_lint_says_what_a_reader_could_misunderstand() -> None:
    assert lint(layout(PLAIN)) == ()
    assert lint(PLAIN) == ()  # drawn nowhere: the service draws it
    bare = re.sub(rb"(?s)<[^<]*:BPMNShape[^>]*bpmnElement=.end..*?:BPMNShape>", b"", layout(PLAIN))
    assert [(each.rule, each.element) for each in lint(bare)] == [("no-bpmndi", "end")]
    found = lint(layout(PLAIN.replace(b' name="Vill?"', b"")))
    assert [(each.rule, each.element) for each in found] == [("label-required", "split")]
    merged = PLAIN.replace(b'targetRef="told"', b'targetRef="task"').replace(
        b"<incoming>f1</incoming><outgoing>", b"<incoming>f1</incoming><incoming>f4</incoming><outgoing>"
    )
    assert ("fake-join", "task") in {(each.rule, each.element) for each in lint(merged)}


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ('name="Samtal"', 'name="Möte"', [("task", "name", "Samtal", "Möte")]),
        ('value="talk"', 'value="meeting"', [("task", "property form", "talk", "meeting")]),
        ("P3D", "P5D", [("task", "property due", 'duration("P3D")', 'duration("P5D")')]),
        (
            '<spiffworkflow:property name="form" value="talk"/>',
            "",
            [("task", "property form", "talk", None)],
        ),
        ("PT24H", "PT72H", [("late", "timerEventDefinition/timeDuration", "PT24H", "PT72H")]),
        ('wants = "yes"', 'wants = "no"', [("f5", "conditionExpression", 'wants = "yes"', 'wants = "no"')]),
        (' default="f3"', "", [("split", "default", "f3", None)]),
        ('cancelActivity="false"', "", [("late", "cancelActivity", "false", None)]),
        ('name="Återhämtning"', 'name="Betänketid"', [("p", "name", "Återhämtning", "Betänketid")]),
        (
            'sourceRef="task" targetRef="split"',
            'sourceRef="task" targetRef="end"',
            [("f2", "targetRef", "split", "end")],
        ),
        (
            '<endEvent id="end" name="Ut"><incoming>f3</incoming></endEvent>',
            '<endEvent id="end" name="Ut"><terminateEventDefinition/><incoming>f3</incoming></endEvent>',
            [("end", "terminateEventDefinition", None, "")],
        ),
    ],
)
def test_every_change_is_told_with_what_was_and_what_is(
    old: str, new: str, changes: list[tuple[str, str, str | None, str | None]]
) -> None:
    assert changed(old, new) == changes


def test_added_removed_and_moved_elements_are_told() -> None:
    drawn = layout(PLAIN)
    more = drawn.replace(b"</process>", b'<endEvent id="extra" name="X" /></process>')
    more = more.replace(b"</bpmn:process>", b'<bpmn:endEvent id="extra" name="X" /></bpmn:process>')
    assert diff(drawn, more).added == ("extra",)
    assert diff(more, drawn).removed == ("extra",)
    assert diff(drawn, drawn) == tooling.Difference((), (), (), ())


def test_a_lane_that_loses_an_element_is_a_change() -> None:
    lanes = (
        '<laneSet id="lanes"><lane id="a" name="Handläggare">'
        "<flowNodeRef>start</flowNodeRef><flowNodeRef>task</flowNodeRef></lane>"
        '<lane id="b" name="Chef"><flowNodeRef>end</flowNodeRef></lane></laneSet>'
    )
    before = PLAIN.replace(b'<startEvent id="start"', lanes.encode() + b'<startEvent id="start"')
    after = before.replace(b"<flowNodeRef>task</flowNodeRef>", b"").replace(
        b"<flowNodeRef>end</flowNodeRef>", b"<flowNodeRef>end</flowNodeRef><flowNodeRef>task</flowNodeRef>"
    )
    assert diff(before, after).changed == (
        Change("a", "flowNodeRef", "start\ntask", "start"),
        Change("b", "flowNodeRef", "end", "end\ntask"),
    )


def test_a_coordinate_is_the_same_however_it_is_written() -> None:
    drawn = layout(PLAIN)
    assert diff(drawn, drawn.replace(b'width="100"', b'width="100.0"')).moved == ()
    assert diff(drawn, drawn.replace(b'width="100"', b'width="nonsense"')).moved == ("task",)


def test_what_is_no_diagram_is_refused() -> None:
    with pytest.raises(Refused):
        lint(b"<!DOCTYPE x><definitions/>")
    with pytest.raises(Malformed):
        layout(b"<nonsense/>")
    with pytest.raises(Refused):
        diff(PLAIN, b"<a>")
