"""Tasks: what people and scripts do, what is told of it, and where data goes."""

from datetime import UTC, datetime

import pytest
from running import MOMENT, Running, defined

from service.engine import workflow
from service.errors import Conflict, Invalid, NotFound, StepFailed


def test_a_person_completes_a_task_and_the_process_ends() -> None:
    running = Running("user_task", name="x")
    assert running.open == running.active == ["ask"]
    running.complete("ask", answer=1)
    assert running.finished
    assert running.passed == ["start", "ask", "end"]
    assert running.data == {"name": "x", "answer": 1}


def test_every_task_of_a_person_is_open_until_it_is_completed() -> None:
    running = Running("tasks_of_a_person")
    for element in ("plain", "manual", "user"):
        assert running.open == [element]
        running.complete(element)
    assert running.finished


def test_a_task_completed_twice_is_a_conflict() -> None:
    running = Running("user_task")
    task = running.task("ask")
    running.complete("ask")
    with pytest.raises(Conflict):
        running.complete_task(task, {})


def test_an_unknown_process_is_not_found() -> None:
    with pytest.raises(NotFound):
        workflow.start(defined("user_task"), "nowhere", data={}, moment=MOMENT)


def test_a_script_assigns_line_by_line_and_into_contexts() -> None:
    running = Running("script_assigns", amount=4, case={"id": "A"})
    assert running.sees("look")["total"] == 5
    assert running.sees("look")["case"] == {"id": "A", "sum": 10, "note": "ok"}


def test_an_error_in_a_script_names_its_element_and_changes_nothing() -> None:
    running = Running("script_fails")
    before = running.step.snapshot
    with pytest.raises(StepFailed) as failure:
        running.complete("ask", amount="secret")
    assert failure.value.element == "work_out"
    assert "secret" not in failure.value.message
    assert running.step.snapshot == before
    assert running.open == ["ask"]


@pytest.mark.parametrize(("amount", "name", "rule"), [(2, "low", "rule_low"), (5, "high", "rule_high")])
def test_a_business_rule_task_asks_its_table_and_tells_which_rule_hit(
    amount: int, name: str, rule: str
) -> None:
    running = Running("business_rule", amount=amount)
    (decision,) = running.step.decisions
    assert (decision.table, decision.rules, decision.place.element) == ("level_table", (rule,), "decide")
    assert decision.outcome == name
    seen = running.sees("look")
    assert seen["route"] == {"chosen": name}
    assert "level" not in seen


def test_a_due_is_worked_out_when_the_task_opens() -> None:
    running = Running("due_of_a_task")
    (task,) = running.tasks.values()
    assert task.due == datetime(2026, 11, 26, 9, tzinfo=UTC)
    assert task.counts_from is None
    running.complete("by_duration")
    (task,) = running.tasks.values()
    assert task.due == datetime(2026, 12, 24, 22, 59, 59, tzinfo=UTC)
    assert task.counts_from == datetime(2026, 11, 24, 23, tzinfo=UTC)  # midnight in Stockholm
    assert running.definition.processes["p"].elements["by_date"].period == "a_month"
    running.complete("by_date")
    (task,) = running.tasks.values()
    assert task.due == datetime(2026, 12, 24, 8, 30, tzinfo=UTC)


def test_milestones_are_told_with_their_place() -> None:
    running = Running("milestones")
    assert running.milestones == ["opened"]
    running.complete("ask")
    assert running.milestones == ["opened", "asked", "half-way", "closed"]
    assert running.step.milestones[0].place.right == "legal"


def test_a_send_task_reaches_a_receive_task() -> None:
    running = Running("send_and_receive_task")
    assert running.waiting == ["receive"]
    running.complete("first", word="hej")
    assert running.open == ["after"]
    assert running.sees("after")["heard"] == {"said": "hej"}


def test_several_flows_out_of_a_task_are_all_taken() -> None:
    running = Running("implicit_split")
    running.complete("ask")
    assert running.open == ["a", "b"]
    running.complete("a")
    assert not running.finished
    running.complete("b")
    assert running.finished


def test_several_flows_into_a_task_do_it_once_for_each_token() -> None:
    running = Running("implicit_merge")
    running.complete("a", "b")
    assert running.open == ["after", "after"]
    running.complete("after", "after")
    assert running.finished


@pytest.mark.parametrize(("answer", "next_task"), [("yes", "yes"), ("maybe", "no")])
def test_a_conditional_flow_out_of_a_task_is_taken_only_when_true(answer: str, next_task: str) -> None:
    running = Running("conditional_flow_out_of_a_task")
    running.complete("ask", answer=answer)
    assert running.open == [next_task]


def test_a_task_whose_flows_are_all_closed_is_told_in_words() -> None:
    running = Running("conditional_flow_without_default")
    with pytest.raises(StepFailed, match="No flow out of “ask”") as failure:
        running.complete("ask", answer="no")
    assert failure.value.element == "ask"


def test_form_data_with_engine_words_in_it_is_plain_data() -> None:
    poison = {"typename": "MessageEventDefinition", "name": "x", "children": [], "internal_data": {}}
    running = Running("tasks_of_a_person")
    running.complete("plain", form=poison, typename="Task")
    running.complete("manual", people=[poison])
    assert running.sees("user") == {"form": poison, "typename": "Task", "people": [poison]}


def test_dates_become_iso_texts_and_what_is_not_plain_is_invalid() -> None:
    running = Running("user_task", on=datetime(2026, 11, 24, tzinfo=UTC).date(), pair=(1, 2))
    assert running.sees("ask") == {"on": "2026-11-24", "pair": [1, 2]}
    with pytest.raises(Invalid) as invalid:
        running.complete("ask", rows=[{"a": object()}])
    assert invalid.value.problems[0].pointer == "/rows/0/a"
    deep: list[object] = []
    for _ in range(100):
        deep = [deep]
    for value in ({1: "a"}, float("nan"), 2**60, b"x", deep):
        with pytest.raises(Invalid):
            running.complete("ask", rows=value)


def test_parallel_branches_keep_their_data_and_a_join_takes_what_each_changed() -> None:
    running = Running("parallel_branches_keep_their_data")
    running.complete("u")
    assert running.sees("v") == {"d": {"a": {"b": 0, "c": 0}}, "list": [1], "x": 0}
    running.complete("v")
    running.complete("v2")
    seen = running.sees("after")
    assert seen["d"] == {"a": {"b": 99, "c": 7}}
    assert seen["list"] == [1, 2, 3]
    assert seen["x"] == 1


def test_a_long_chain_of_tasks_runs() -> None:
    running = Running("long_chain_of_scripts", n=0)
    assert running.sees("ask") == {"n": 240}
    long = Running("long_chain")
    for number in range(240):
        long.complete(f"t{number}")
    assert long.finished
