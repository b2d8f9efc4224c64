"""What is done several times: multi-instance and loops."""

import pytest
from running import Running

from service.engine import workflow
from service.errors import StepFailed


def test_parallel_instances_see_their_item_and_results_stand_in_order() -> None:
    running = Running("multi_instance_parallel", people=["A", "B", "C"])
    tasks = {
        workflow.task_data(running.definition, running.step.snapshot, task=id)["person"]: id
        for id in running.tasks
    }
    for person in ("C", "A", "B"):
        running.complete_task(tasks[person], {"answer": person.lower(), "person": "changed"})
    assert running.sees("after") == {"people": ["A", "B", "C"], "answers": ["a", "b", "c"]}
    assert running.passed.count("ask") == 3


def test_sequential_instances_see_what_those_before_them_changed() -> None:
    running = Running("multi_instance_sequential", people=["A", "B"], n=0)
    assert running.sees("ask") == {"people": ["A", "B"], "person": "A", "n": 0}
    running.complete("ask", n=1)
    assert running.sees("ask") == {"people": ["A", "B"], "person": "B", "n": 1}
    running.complete("ask", n=2)
    assert running.sees("after") == {"people": ["A", "B"], "n": 2}


def test_so_many_instances_as_said_even_with_an_output_that_exists() -> None:
    running = Running("multi_instance_cardinality", n=2, answers=["old"])
    assert running.open == ["ask", "ask"]
    assert running.sees("ask")["number"] == 1
    running.complete("ask", answer="x")
    running.complete("ask", answer="y")
    assert running.sees("after")["answers"] == ["x", "y"]


def test_instances_stop_when_it_is_enough() -> None:
    running = Running("multi_instance_completion_condition", people=["A", "B", "C"])
    running.complete("ask", answer=1)
    assert running.open == ["ask", "ask"]
    running.complete("ask", answer=2)
    assert running.open == ["after"]
    assert running.sees("after")["answers"] == [1, 2]


def test_parallel_instances_change_what_they_changed_and_nothing_else() -> None:
    running = Running("multi_instance_changes_without_output", people=["A", "B"], x=0, y=0)
    running.complete("ask", x=1)
    assert running.data["x"] == 1
    running.complete("ask", y=1)
    assert running.sees("after") == {"people": ["A", "B"], "x": 1, "y": 1}


@pytest.mark.parametrize("people", [[], None])
def test_nothing_is_done_for_an_empty_list(people: list[str] | None) -> None:
    running = Running("multi_instance_parallel", people=people)
    assert running.open == ["after"]
    assert running.sees("after")["answers"] == []


def test_what_is_no_list_is_told_in_words() -> None:
    with pytest.raises(StepFailed, match="is not a list") as failure:
        Running("multi_instance_parallel", people="A")
    assert failure.value.element == "ask"


def test_more_than_500_instances_are_not_begun() -> None:
    assert len(Running("multi_instance_cardinality", n=500).open) == 500
    with pytest.raises(StepFailed, match="500") as failure:
        Running("multi_instance_cardinality", n=10**12)
    assert failure.value.element == "ask"


def test_a_multi_instance_sub_process_is_interrupted_as_a_whole() -> None:
    running = Running("multi_instance_sub_process_interrupted", people=["A", "B"])
    running.complete("a", learnt=1)
    assert running.open == ["a", "b"]
    running.deliver("stop")
    assert running.open == ["stopped"]
    assert running.sees("stopped") == {"people": ["A", "B"], "learnt": 1}
    running.complete("stopped")
    assert running.finished


def test_a_process_is_called_once_for_each() -> None:
    running = Running("multi_instance_call", people=["A", "B"])
    running.complete("q_ask", said=1)
    running.complete("q_ask", said=2)
    assert running.sees("after") == {"people": ["A", "B"], "results": [1, 2]}


def test_a_loop_goes_on_while_its_condition_is_true() -> None:
    running = Running("standard_loop")
    for turn in range(20):
        running.complete("again", more=turn < 19)
    assert running.open == ["after"]


def test_a_loop_that_asks_before_may_do_nothing() -> None:
    assert Running("standard_loop_before", more=False).open == ["after"]
    running = Running("standard_loop_before", more=True)
    running.complete("again", more=False)
    assert running.open == ["after"]


def test_a_loop_ends_at_its_maximum() -> None:
    running = Running("standard_loop_maximum")
    running.complete("again", "again", "again")
    assert running.open == ["after"]


def test_the_thousandth_turn_of_a_loop_needs_no_more_room_than_the_tenth() -> None:
    for diagram, element in (("standard_loop", "again"), ("loop_by_flow", "turn")):
        running = Running(diagram)
        sizes = []
        for _ in range(1_000):
            running.complete(element, more=True)
            sizes.append(len(running.step.snapshot))
        assert running.open == [element]
        assert sizes[-1] <= sizes[10] + 8


def test_a_process_that_runs_in_circles_is_stopped() -> None:
    running = Running("loop_that_never_ends")
    with pytest.raises(StepFailed, match="in circles") as failure:
        running.complete("ask", n=0)
    assert failure.value.element in {"count", "again", "enough"}
