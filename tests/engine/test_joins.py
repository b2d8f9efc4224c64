"""Joins that can wait for ever and what is done twice, found by playing tokens out."""

from pathlib import Path
from time import perf_counter

import pytest
from blocks import diagrams, files
from hypothesis import given, settings

from service.commands.deployments import read_folder
from service.engine import advice, definition, drawing, joins, xml

DIAGRAMS = Path(__file__).parents[1] / "diagrams"
HEAD = (
    '<b:definitions xmlns:b="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t">'
    '<b:process id="p" isExecutable="true">'
)
TRIGGERS = {"terminate": "<b:terminateEventDefinition/>", "timer": "<b:timerEventDefinition/>"}


def level(nodes, flows):
    """One level, of "parallelGateway a", "boundaryEvent w on t timer" and of flows "a b", "a b ?"."""
    made = []
    for each in nodes:
        kind, id, *more = each.split()
        host = f' attachedToRef="{more[1]}"' if more[:1] == ["on"] else ""
        keeps = ' cancelActivity="false"' if "beside" in more else ""
        inner = TRIGGERS.get(more[-1] if more else "", "")
        made.append(f'<b:{kind} id="{id}"{host}{keeps}>{inner}</b:{kind}>')
    for each in flows:
        source, target, *condition = each.split()
        inner = "<b:conditionExpression>x = 1</b:conditionExpression>" if condition else ""
        made.append(
            f'<b:sequenceFlow id="{source}_{target}" sourceRef="{source}" targetRef="{target}">{inner}'
            "</b:sequenceFlow>"
        )
    content = f"{HEAD}{''.join(made)}</b:process></b:definitions>".encode()
    return drawing.read(xml.root(content, "p.bpmn"), file="p.bpmn", xml=content).processes[0].levels[0]


def stuck(nodes, flows):
    return [(each.element, each.missing, " ".join(each.path)) for each in joins.stuck(level(nodes, flows))]


def diamond(split, join):
    nodes = ["startEvent s", f"{split} x", "task a", "task b", f"{join} j", "endEvent e"]
    return nodes, ["s x", "x a ?" if split == "inclusiveGateway" else "x a", "x b", "a j", "b j", "j e"]


@pytest.mark.parametrize(
    ("split", "join", "found"),
    [
        ("parallelGateway", "parallelGateway", []),
        ("exclusiveGateway", "exclusiveGateway", []),
        ("inclusiveGateway", "inclusiveGateway", []),
        ("exclusiveGateway", "inclusiveGateway", []),
        ("parallelGateway", "inclusiveGateway", []),
        ("task", "parallelGateway", []),
        ("exclusiveGateway", "parallelGateway", [("j", ("b",), "s x a")]),
        ("eventBasedGateway", "parallelGateway", [("j", ("b",), "s x a")]),
    ],
)
def test_a_join_fits_the_split_before_it(split, join, found):
    assert stuck(*diamond(split, join)) == found


def test_an_inclusive_split_may_leave_a_parallel_join_waiting():
    nodes, flows = diamond("inclusiveGateway", "parallelGateway")
    flows[2] = "x b ?"
    assert stuck(nodes, flows) == [("j", ("b",), "s x a")]


def test_a_way_out_of_a_parallel_branch_leaves_the_join_waiting_unless_it_ends_all():
    nodes = ["startEvent s", "parallelGateway x", "exclusiveGateway a", "task b", "parallelGateway j"]
    flows = ["s x", "x a", "x b", "a j", "b j", "j e", "a out"]
    assert stuck([*nodes, "endEvent e", "endEvent out"], flows) == [("j", ("a",), "s x a out b")]
    assert stuck([*nodes, "endEvent e", "endEvent out terminate"], flows) == []


def test_an_event_on_the_edge_that_interrupts_takes_the_token_with_it():
    nodes = ["startEvent s", "parallelGateway x", "task a", "task b", "parallelGateway j", "endEvent e"]
    flows = ["s x", "x a", "x b", "a j", "b j", "j e", "late out"]
    edge = "boundaryEvent late on a timer"
    assert stuck([*nodes, edge, "endEvent out"], flows) == [("j", ("a",), "s x a out b")]
    edge = "boundaryEvent late on a beside timer"
    assert stuck([*nodes, edge, "endEvent out"], flows) == []


def test_a_loop_into_a_parallel_join_waits_for_itself():
    nodes = ["startEvent s", "parallelGateway j", "exclusiveGateway x", "endEvent e"]
    assert stuck(nodes, ["s j", "j x", "x j", "x e"]) == [("j", ("x",), "s")]
    nodes[1] = "exclusiveGateway j"
    assert stuck(nodes, ["s j", "j x", "x j", "x e"]) == []


def doubled(nodes, flows):
    return [(each.element, each.split) for each in joins.doubled(level(nodes, flows))]


def test_a_parallel_split_that_an_exclusive_gateway_closes_does_what_follows_twice():
    assert doubled(*diamond("parallelGateway", "exclusiveGateway")) == [("j", "x")]
    assert doubled(*diamond("exclusiveGateway", "exclusiveGateway")) == []
    assert doubled(*diamond("parallelGateway", "parallelGateway")) == []


def test_branches_that_met_before_come_once():
    nodes = ["startEvent s", "parallelGateway x", "task a", "task b", "parallelGateway j", "endEvent e"]
    nodes += ["exclusiveGateway y", "task c", "task d", "exclusiveGateway m"]
    flows = ["s x", "x a", "x b", "a j", "b j", "j y", "y c", "y d", "c m", "d m", "m e"]
    assert doubled(nodes, flows) == []


def test_two_reminders_that_lead_to_one_task_are_meant():
    nodes = ["startEvent s", "parallelGateway x", "task a", "task b", "task c", "exclusiveGateway m"]
    flows = ["s x", "x a", "x b", "x c", "a m", "b m", "m t", "t e", "c e"]
    assert doubled([*nodes, "task t", "endEvent e"], flows) == []


@given(diagrams())
@settings(max_examples=60, deadline=None)
def test_what_is_made_of_nested_blocks_is_never_blamed(chain):
    for content in files(chain).values():
        if content.startswith(b"<"):
            for process in drawing.read(xml.root(content, "p.bpmn"), file="p.bpmn", xml=content).processes:
                for each in process.levels:
                    assert joins.stuck(each) == []
                    assert list(joins.doubled(each)) == []


def test_our_own_processes_are_not_blamed():
    for process in definition.parse(read_folder(DIAGRAMS.parents[1])).processes.values():
        for each in process.levels:
            assert joins.stuck(each) == []
            assert list(joins.doubled(each)) == []


def test_what_is_too_much_to_play_out_is_told_in_time():
    nodes = ["startEvent s", "parallelGateway a", "parallelGateway j", "endEvent e"]
    flows = ["s a", "j e"]
    for n in range(60):
        nodes += [f"exclusiveGateway x{n}", f"task t{n}", f"endEvent e{n}"]
        flows += [f"a x{n}", f"x{n} t{n}", f"x{n} e{n}", f"t{n} j"]
    wide = level(nodes, flows)
    began = perf_counter()
    assert [each.element for each in joins.stuck(wide)] == ["j"]
    assert perf_counter() - began < 2


def test_the_owner_is_told_with_the_path():
    parsed = definition.parse({"p.bpmn": (DIAGRAMS / "join_that_can_never_come.bpmn").read_bytes()})
    (told,) = [each for each in advice.warnings(None, parsed, {"p.bpmn"}) if each.rule == "join-stuck"]
    assert (told.file, told.element) == ("p.bpmn", "join")
    assert told.message.startswith("Nothing comes from “b” when a case goes “start → ask → choose → a”")
