"""Deployed files: what is read, what is refused and in which words, and that nothing read is ever changed."""

import hashlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from running import DIAGRAMS, MOMENT, Running, defined

from service.engine import definition, workflow
from service.engine.definition import Definition
from service.engine.drawing import RUNS
from service.engine.findings import INSTEAD
from service.errors import Refused, ServiceError

REFUSED: dict[str, tuple[str | None, str]] = {
    "ad_hoc_sub_process": ("it", "not-run"),
    "attribute_without_a_namespace": ("it", "foreign"),
    "boundary_event_on_a_gateway": ("it", "attached"),
    "call_of_nothing": ("it", "called-process"),
    "camunda_expression": ("start_to_it", "feel"),
    "camunda_form": ("it", "foreign"),
    "camunda_listener": ("it", "foreign"),
    "cancel_end_event": ("it", "event-kind"),
    "choice_without_a_condition": ("it_to_b", "condition"),
    "compensation_of_nothing": ("it", "compensation"),
    "compensation_that_is_never_thrown": ("it", "compensation"),
    "compensation_without_a_handler": ("it", "compensation"),
    "complex_gateway": ("it", "not-run"),
    "condition_after_a_parallel_gateway": ("it_to_a", "condition"),
    "condition_from_another_file": ("it", "foreign"),
    "condition_in_another_language": ("it", "expression-language"),
    "correlation_key": ("key", "not-run"),
    "data_association": ("it", "not-run"),
    "data_store": ("it", "not-run"),
    "decision_without_a_variable": ("it", "decision"),
    "default_flow_of_something_else": ("it", "default-flow"),
    "default_flow_with_a_condition": ("d", "default-flow"),
    "due_that_is_no_feel": ("it", "feel"),
    "due_with_a_broken_duration": ("it", "due"),
    "element_with_an_id_of_swedish_letters": ("åtgärd", "id-form"),
    "element_without_an_id": ("p", "no-id"),
    "error_on_the_way": ("it", "event-kind"),
    "error_that_does_not_interrupt": ("it", "event-kind"),
    "error_that_nothing_can_catch": ("it", "not-caught"),
    "event_gateway_before_a_task": ("it_to_a", "event-gateway"),
    "event_gateway_that_begins_a_process": ("it", "not-run"),
    "event_sub_process_without_an_event": ("s", "event-kind"),
    "flow_between_levels": ("start_to_inner", "flow-target"),
    "flow_into_a_start_event": ("a_to_start", "flow-target"),
    "flow_into_an_event_sub_process": ("start_to_it", "flow-target"),
    "flow_out_of_an_end_event": ("end", "flow-out"),
    "flow_to_nowhere": ("it_to_gone", "flow-target"),
    "four_eyes_of_nobody": ("it", "four-eyes"),
    "gateway_that_leads_nowhere": ("it", "flow-out"),
    "import_of_another_file": ("i", "not-run"),
    "inputs_and_outputs": ("it", "not-run"),
    "inputs_that_are_no_feel": ("it", "feel"),
    "link_with_two_targets": ("it", "link"),
    "link_without_a_target": ("it", "link"),
    "loop_without_an_end": ("it", "repeat"),
    "message_that_is_not_in_the_file": ("it", "event-reference"),
    "message_that_nothing_can_catch": ("it", "not-caught"),
    "multi_instance_of_nothing": ("it", "repeat"),
    "multi_instance_that_throws": ("it", "not-run"),
    "multi_instance_with_half_an_output": ("it", "repeat"),
    "no_executable_process": ("p", "no-process"),
    "no_start_event": ("p", "one-start"),
    "parallel_multiple_event": ("it", "not-run"),
    "plain_catch_event": ("it", "event-kind"),
    "process_key_with_capitals": ("Big", "process-key"),
    "receive_task_without_message": ("it", "event-reference"),
    "reference_with_a_prefix": ("it", "reference-prefix"),
    "script_before_a_task": ("it", "foreign"),
    "script_in_another_language": ("it", "script"),
    "script_in_python": ("it", "script"),
    "script_that_is_empty": ("it", "script"),
    "script_with_python_in_an_expression": ("it", "script"),
    "service_task": ("it", "not-run"),
    "several_events_in_one": ("it", "one-event"),
    "several_start_events": ("p", "one-start"),
    "start_event_with_a_message_in_a_sub_process": ("s", "event-kind"),
    "task_that_waits_for_two_tokens": ("it", "not-run"),
    "the_same_id_twice": ("it", "id-twice"),
    "the_same_process_twice": ("p", "key-twice"),
    "timer_in_another_language": ("it", "expression-language"),
    "timer_start_event": ("start", "event-kind"),
    "timer_with_a_broken_cycle": ("it", "timer"),
    "timer_with_a_broken_duration": ("it", "timer"),
    "timer_with_a_cron_cycle": ("it", "feel"),
    "timer_with_a_cycle_that_interrupts": ("it", "timer"),
    "timer_with_a_date_as_duration": ("it", "timer"),
    "timer_with_a_date_only": ("it", "timer"),
    "timer_with_a_naive_date": ("it", "timer"),
    "timer_with_a_negative_duration": ("it", "timer"),
    "timer_with_no_duration": ("it", "timer"),
    "timer_with_words": ("it", "feel"),
    "timer_without_a_time": ("it", "timer"),
    "too_many_elements": ("p", "too-many-nodes"),
    "transaction": ("it", "not-run"),
    "unknown_called_process": ("it", "called-process"),
    "unknown_decision": ("it", "decision"),
    "form_on_a_start_event": ("start", "form-on-start"),
    "unknown_form": ("it", "form"),
    "unknown_property": ("it", "property"),
    "unknown_right": ("it", "right"),
    "unknown_role": ("it", "role"),
    "unreachable_circle": ("it", "unreachable"),
    "unreachable_task": ("it", "unreachable"),
    "variable_that_is_no_name": ("it", "variable"),
    "words_of_other_tools": ("message", "foreign"),
    "zeebe_task": ("it", "foreign"),
}
TABLE = (DIAGRAMS / "level_of.dmn").read_bytes()
SHARED = (
    "boundary_message_stays_armed",
    "event_sub_process_interrupting",
    "event_sub_process_non_interrupting",
    "multi_instance_parallel",
    "parallel_gateway_in_a_loop",
    "standard_loop",
    "compensation",
)


def test_an_event_on_what_is_not_run_is_not_told_as_well() -> None:
    file = (DIAGRAMS / "refused" / "reference_with_a_prefix.bpmn").read_bytes()
    with pytest.raises(Refused) as refused:
        definition.parse({"p.bpmn": file.replace(b"userTask", b"serviceTask").replace(b"own:", b"")})
    assert {(each.element, each.rule) for each in refused.value.problems} == {("task", "not-run")}


def test_what_would_be_wrong_in_a_process_that_is_not_to_run_is_told_at_once() -> None:
    file = (DIAGRAMS / "refused" / "unknown_role.bpmn").read_bytes()
    with pytest.raises(Refused) as refused:
        definition.parse({"p.bpmn": file.replace(b'isExecutable="true"', b'isExecutable="false"')})
    assert {(each.element, each.rule) for each in refused.value.problems} == {
        ("p", "no-process"),
        ("it", "role"),
    }


@pytest.mark.parametrize("root", ["<html/>", '<process xmlns="{0}" id="p"/>', "<definitions/>"])
def test_what_is_no_diagram_is_told_to_be_none(root: str) -> None:
    content = root.format("http://www.omg.org/spec/BPMN/20100524/MODEL").encode()
    with pytest.raises(Refused) as refused:
        definition.parse({"p.bpmn": content})
    assert [each.rule for each in refused.value.problems] == ["bpmn-namespace"]


def test_thousands_of_problems_are_told_as_some_and_a_number() -> None:
    file = (DIAGRAMS / "refused" / "unknown_role.bpmn").read_bytes()
    strays = b"".join(b'<bpmn:task id="w%d" />' % number for number in range(1000))
    with pytest.raises(Refused) as refused:
        definition.parse({"p.bpmn": file.replace(b"</bpmn:process>", strays + b"</bpmn:process>")})
    assert len(refused.value.problems) == definition.MOST_TOLD + 1
    assert refused.value.problems[-1].rule == "more-problems"


def test_every_refused_diagram_has_its_reason() -> None:
    assert {path.stem for path in (DIAGRAMS / "refused").glob("*.bpmn")} == set(REFUSED)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_does_not_run_is_refused_by_element_and_rule(name: str) -> None:
    with pytest.raises(Refused) as refused:
        parsed(DIAGRAMS / "refused" / f"{name}.bpmn")
    found = {(problem.element, problem.rule): problem for problem in refused.value.problems}
    assert REFUSED[name] in found, found
    problem = found[REFUSED[name]]
    assert problem.file == f"{name}.bpmn"
    assert len(problem.message.split()) > 2


def test_words_of_other_tools_are_told_wherever_they_stand_and_ours_where_none_are_read() -> None:
    with pytest.raises(Refused) as refused:
        parsed(DIAGRAMS / "refused" / "words_of_other_tools.bpmn")
    found = [(each.element, each.rule) for each in refused.value.problems]
    foreign = ["message", "signal", "error", "pool", "lane", "it", "object", "data", "note"]
    assert found == [*((id, "foreign") for id in foreign), ("start_to_it", "property")]


@pytest.mark.parametrize("path", sorted(DIAGRAMS.glob("*.bpmn")), ids=lambda path: path.stem)
def test_every_other_diagram_is_taken(path: Path) -> None:
    assert parsed(path).processes


def test_the_readme_of_the_processes_lists_what_runs_and_what_is_refused() -> None:
    readme = (DIAGRAMS.parent.parent / "processes" / "README.md").read_text()
    runs, refused = readme.split("## What is refused")
    assert [kind for kind in sorted(RUNS) if f"`{kind}`" not in runs] == []
    assert [kind for kind in sorted(INSTEAD) if f"`{kind}`" not in refused] == []


def test_all_problems_of_all_files_come_at_once() -> None:
    names = ("unknown_form", "unknown_role", "script_in_python", "the_same_id_twice")
    files = {f"{name}.bpmn": (DIAGRAMS / "refused" / f"{name}.bpmn").read_bytes() for name in names}
    files |= {"broken.bpmn": b"<x", "notes.txt": b"", "broken.dmn": b"", "broken.form.json": b"{"}
    with pytest.raises(Refused) as refused:
        definition.parse(files)
    assert {problem.file for problem in refused.value.problems} >= set(files) - {"unknown_form.bpmn"}


def test_a_form_that_cannot_be_read_does_not_make_its_users_wrong_too() -> None:
    files = {
        "unknown_form.bpmn": (DIAGRAMS / "refused" / "unknown_form.bpmn").read_bytes(),
        "nowhere.form.json": b"{",
    }
    with pytest.raises(Refused) as refused:
        definition.parse(files)
    assert {problem.file for problem in refused.value.problems} == {"nowhere.form.json"}


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "xml-syntax"),
        (b"<?xml version='1.0' encoding='utf-16'?><a/>", "xml-encoding"),
        ("<ä/>".encode("latin-1"), "xml-encoding"),
        (b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>", "xml-doctype"),
        (b"<a>" + b" " * 2_000_001 + b"</a>", "xml-too-large"),
        (b"<a>" + b"<b/>" * 20_001 + b"</a>", "xml-too-large"),
        (b"<a>" * 200 + b"</a>" * 200, "xml-too-large"),
        (b"<html/>", "bpmn-namespace"),
    ],
)
def test_xml_that_is_no_plain_diagram_is_refused(content: bytes, rule: str) -> None:
    with pytest.raises(Refused) as refused:
        definition.parse({"x.bpmn": content})
    assert [problem.rule for problem in refused.value.problems] == [rule]


def test_comments_change_nothing() -> None:
    content = (DIAGRAMS / "script_assigns.bpmn").read_bytes()
    commented = content.replace(b"<bpmn:script>", b"<bpmn:script><!-- a -->")
    commented = commented.replace(b"<bpmn:userTask", b"<!-- b --><bpmn:userTask")
    step = workflow.start(
        definition.parse({"x.bpmn": commented}), "p", data={"amount": 1, "case": {}}, moment=MOMENT
    )
    assert [task.place.element for task in step.opened] == ["look"]


def test_elements_are_told_as_drawn() -> None:
    process = defined("milestones").processes["p"]
    ask = process.elements["ask"]
    assert (ask.kind, ask.name.sv, ask.milestone, ask.right) == ("userTask", "ask", "asked", "legal")
    assert ask.next == ("half_way",)
    assert process.file == "milestones.bpmn"


def test_lanes_give_the_role_the_inner_one_first_and_into_sub_processes() -> None:
    elements = defined("lanes").processes["p"].elements
    assert elements["a"].role == "team_leader"
    assert elements["b"].role == elements["c"].role == "caseworker"
    assert elements["b"].parent == "inside"
    assert elements["d"].role == "team_leader"


def test_lanes_are_never_lost_however_many_files_are_read() -> None:
    lanes = (DIAGRAMS / "lanes.bpmn").read_bytes()
    for number in range(50):
        noise = {f"n{number}.bpmn": lanes.replace(b'"p"', f'"n{number}"'.encode())}
        found = definition.parse({"lanes.bpmn": lanes} | noise).processes["p"]
        assert found.elements["a"].role == "team_leader"


def test_sources_name_every_definition() -> None:
    found = defined("business_rule").sources
    assert set(found) == {("process", "p"), ("decision", "level_of")}
    assert found["process", "p"].content == (DIAGRAMS / "business_rule.bpmn").read_bytes()
    assert found["decision", "level_of"].name == "Level"


def test_the_same_files_are_read_once_and_others_have_another_digest() -> None:
    files = {"a.bpmn": (DIAGRAMS / "user_task.bpmn").read_bytes()}
    assert definition.parse(files) is definition.parse(dict(files))
    renamed = {"b.bpmn": files["a.bpmn"]}
    assert definition.parse(renamed).digest != definition.parse(files).digest


@pytest.mark.parametrize("name", SHARED)
def test_a_definition_shared_by_eight_threads_is_never_changed(name: str) -> None:
    shared = defined(name)
    before = fingerprint(shared)
    results: list[list[str]] = []

    def work() -> None:
        for _ in range(4):
            running = Running(name, people=["A", "B"], more=False, done=True, well=False)
            for message in [each.name for each in running.step.awaited]:
                running.deliver(message)
            for _ in range(12):
                if running.open:
                    running.complete(running.open[0])
            results.append(running.passed)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
    finally:
        sys.setswitchinterval(interval)
    assert len(results) == 32
    assert all(result == results[0] for result in results)
    assert fingerprint(shared) == before


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_spoilt_diagram_is_refused_or_runs_but_never_breaks_anything(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(DIAGRAMS.rglob("*.bpmn"))))
    root = etree.fromstring(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        _spoil(root, data)
    files = {"x.bpmn": etree.tostring(root), "level_of.dmn": TABLE}
    try:
        read = definition.parse(files)
        step = workflow.start(read, next(iter(read.processes)), data={}, moment=MOMENT)
        for _ in range(5):
            if step.opened:
                step = workflow.complete(
                    read, step.snapshot, task=step.opened[0].id, answers={}, moment=MOMENT
                )
            elif step.timers:
                step = workflow.fire(read, step.snapshot, timer=step.timers[0].id, moment=MOMENT)
    except Refused as refused:
        unnamed = [problem for problem in refused.problems if not (problem.file and problem.rule)]
    except ServiceError:
        unnamed = []
    else:
        unnamed = []
    assert not unnamed


def _spoil(root: Any, data: st.DataObject) -> None:
    nodes = [each for each in root.iter() if "BPMN/20100524/MODEL" in each.tag and each is not root]
    if not nodes:
        return
    node = data.draw(st.sampled_from(nodes))
    kind = data.draw(st.sampled_from(["remove", "attribute", "value", "text", "tag", "copy"]))
    other = data.draw(st.sampled_from(nodes))
    if kind == "remove":
        node.getparent().remove(node)
    elif kind == "attribute" and node.attrib:
        del node.attrib[data.draw(st.sampled_from(sorted(node.attrib)))]
    elif kind == "value" and node.attrib:
        name = data.draw(st.sampled_from(sorted(node.attrib)))
        node.set(
            name,
            data.draw(st.sampled_from(["", "x", "start", "end", "true", "false", other.get("id") or ""])),
        )
    elif kind == "text":
        node.text = data.draw(st.sampled_from(["", "x", "1", "=", "P1D", "true", "for", '"', "x = 1"]))
    elif kind == "tag":
        node.tag = other.tag
    elif kind == "copy" and other not in node.iter() and node not in other.iter():
        node.append(other.__copy__())


def parsed(path: Path) -> Definition:
    """Read one diagram with the table that it may ask."""
    return definition.parse({path.name: path.read_bytes(), "level_of.dmn": TABLE})


def fingerprint(read: Definition) -> str:
    """Digest everything that the specs hold, down to plain values."""
    return hashlib.sha256(repr(list(_told(read.specs, set()))).encode()).hexdigest()


def _told(value: Any, seen: set[int]) -> Iterator[Any]:
    if isinstance(value, str | int | float | bool | UUID | None):
        yield value
        return
    if id(value) in seen:
        return
    seen.add(id(value))
    if hasattr(value, "items"):
        for key, each in value.items():
            yield key
            yield from _told(each, seen)
    elif isinstance(value, list | tuple | set | frozenset):
        for each in sorted(value, key=repr) if isinstance(value, set | frozenset) else value:
            yield from _told(each, seen)
    else:
        yield type(value).__name__
        yield from _told(getattr(value, "__dict__", None), seen)  # not a copy: its id may be another's


def test_a_yes_may_be_written_as_one() -> None:
    content = (DIAGRAMS / "boundary_timer_interrupting.bpmn").read_bytes()
    as_ones = content.replace(b'isExecutable="true"', b'isExecutable="1"')
    as_ones = as_ones.replace(b'attachedToRef="work"', b'attachedToRef="work" cancelActivity="1"')
    (level,) = definition.parse({"p.bpmn": as_ones}).processes["p"].levels
    assert level.nodes["too_late"].interrupting
    as_noughts = as_ones.replace(b'cancelActivity="1"', b'cancelActivity="0"')
    (level,) = definition.parse({"p.bpmn": as_noughts}).processes["p"].levels
    assert not level.nodes["too_late"].interrupting
