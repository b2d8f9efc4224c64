"""Levels: sub-processes, event sub-processes and calls."""

import pytest
from running import Running

from service.errors import Conflict, StepFailed


def test_sub_processes_run_inside_each_other() -> None:
    running = Running("sub_process", x=0)
    running.complete("a", a=1)
    assert running.active == ["b", "deeper", "inside"]
    running.complete("b", x=2)
    assert running.sees("after") == {"x": 2, "a": 1}
    assert running.passed == [
        *("start", "inner_start", "a", "deep_start", "b"),
        *("deep_end", "deeper", "inner_end", "inside"),
    ]


def test_an_interrupting_event_sub_process_takes_the_level_away_and_keeps_what_it_knew() -> None:
    running = Running("event_sub_process_interrupting")
    assert running.waiting == ["stop_start"]
    running.complete("a", learnt=1)
    running.deliver("withdrawn", why="x")
    assert running.open == ["handle"]
    assert running.waiting == []
    assert running.sees("handle") == {"learnt": 1, "withdrawal": {"why": "x"}}
    running.complete("handle")
    assert running.finished


def test_an_event_sub_process_whose_event_never_comes_does_not_keep_the_level_alive() -> None:
    running = Running("event_sub_process_interrupting")
    running.complete("a", "b")
    assert running.finished
    assert running.waiting == []


def test_a_non_interrupting_event_sub_process_runs_beside_and_again() -> None:
    running = Running("event_sub_process_non_interrupting")
    running.complete("a", learnt=1)
    running.deliver("word", n=1)
    running.deliver("word", n=2)
    assert running.open == ["b", "handle", "handle"]
    assert running.sees("handle") == {"learnt": 1, "word": {"n": 1}}
    running.complete("handle", noted=True)
    running.complete("b")
    assert not running.finished
    running.complete("handle")
    assert running.finished
    assert running.data["noted"] is True


def test_an_event_sub_process_with_a_timer_interrupts_and_does_not_keep_the_level_alive() -> None:
    running = Running("event_sub_process_with_a_timer")
    running.fire("late_start")
    assert running.open == ["handle"]
    other = Running("event_sub_process_with_a_timer")
    other.complete("a")
    assert other.finished


def test_an_event_sub_process_with_a_cycle_beats_while_the_level_lives() -> None:
    running = Running("event_sub_process_with_a_cycle")
    running.fire("beat_start")
    running.fire("beat_start")
    assert running.open == ["a", "handle", "handle"]
    running.complete("a")
    assert running.waiting == ["beat_start"]
    running.complete("handle", "handle")
    assert running.finished


@pytest.mark.parametrize("fails", [True, False])
def test_an_event_sub_process_catches_the_error_of_its_level(*, fails: bool) -> None:
    running = Running("event_sub_process_with_an_error")
    assert running.waiting == []
    running.complete("a", fails=fails)
    assert running.finished is not fails
    assert running.open == (["handle"] if fails else [])


def test_an_event_sub_process_catches_the_escalation_of_its_level() -> None:
    running = Running("event_sub_process_with_an_escalation")
    running.complete("a")
    assert running.open == ["b", "handle"]


def test_an_event_sub_process_sees_a_condition() -> None:
    running = Running("event_sub_process_with_a_condition")
    running.complete("a", danger=True)
    assert running.open == ["handle"]


def test_an_event_sub_process_hears_a_signal_and_the_token_that_threw_it_is_gone() -> None:
    running = Running("event_sub_process_with_a_signal")
    running.complete("a")
    assert running.open == ["handle"]
    running.complete("handle")
    assert running.finished


def test_an_event_sub_process_works_inside_a_sub_process() -> None:
    running = Running("event_sub_process_inside_a_sub_process")
    running.deliver("stop")
    assert running.open == ["handle"]
    running.complete("handle", x=1)
    assert running.sees("after") == {"x": 1}
    with pytest.raises(Conflict):
        running.deliver("stop")


def test_a_called_process_shares_the_data() -> None:
    running = Running("call_activity", x=0)
    (task,) = running.tasks.values()
    assert (task.place.process, task.place.element) == ("q", "q_ask")
    running.complete("q_ask", y=1)
    assert running.sees("after") == {"x": 0, "y": 1}


def test_inputs_lie_over_the_data_of_a_call_and_result_keeps_its_outcome_apart() -> None:
    running = Running("call_activity_with_inputs_and_result", n=1)
    (task,) = running.tasks.values()
    assert task.place.right == "housing"
    assert running.sees("q_ask") == {"n": 2, "right": "housing"}
    assert running.data == {"n": 1, "rights": {"housing": {"n": 2, "right": "housing"}}}
    running.complete("q_ask", done=True)
    assert running.sees("after") == {
        "n": 1,
        "rights": {"housing": {"n": 2, "right": "housing", "done": True}},
    }


def test_calls_are_at_most_five_levels_deep() -> None:
    with pytest.raises(StepFailed, match="5 levels") as failure:
        Running("call_that_calls_itself")
    assert failure.value.element == "call"


def test_each_pool_of_a_collaboration_is_a_process_of_its_own() -> None:
    assert Running("two_pools").open == ["ask"]
    assert Running("two_pools", process="q").open == ["q_ask"]
