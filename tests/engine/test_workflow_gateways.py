"""Gateways: where a token chooses, parts and meets others."""

from datetime import UTC, datetime, timedelta

import pytest
from running import Running

from service.errors import Conflict, StepFailed


@pytest.mark.parametrize(("n", "next_task"), [(5, "small"), (50, "large"), (500, "other"), (None, "other")])
def test_an_exclusive_gateway_takes_the_first_open_flow_else_the_default(
    n: int | None, next_task: str
) -> None:
    running = Running("exclusive_gateway")
    running.complete("ask", n=n)
    assert running.open == [next_task]


def test_an_exclusive_gateway_without_match_is_told_in_words() -> None:
    running = Running("exclusive_gateway_without_match")
    with pytest.raises(StepFailed, match="No flow out of “Vilken väg\\?” can be taken") as failure:
        running.complete("ask", n=50)
    assert failure.value.element == "choose"


def test_a_condition_that_is_neither_true_nor_false_is_told_in_words() -> None:
    running = Running("condition_that_is_no_condition")
    with pytest.raises(StepFailed, match="neither true nor false") as failure:
        running.complete("ask", n="ja")
    assert failure.value.element == "choose"


def test_a_parallel_gateway_parts_and_joins() -> None:
    running = Running("parallel_gateway")
    assert running.open == ["a", "b"]
    running.complete("a", x=1)
    assert running.open == ["b"]
    assert running.active == ["b", "join"]
    running.complete("b", y=2)
    assert running.sees("after") == {"x": 1, "y": 2}


def test_a_parallel_gateway_in_a_loop_waits_for_both_branches_in_each_turn() -> None:
    running = Running("parallel_gateway_in_a_loop")
    for turn in range(5):
        running.complete("b" if turn % 2 else "a", x=turn)
        assert len(running.open) == 1
        running.complete(*running.open)
        assert running.sees("check")["x"] == turn
        running.complete("check", done=turn == 4)
    assert running.finished


def test_tokens_that_wait_for_what_can_never_come_are_told_in_words() -> None:
    running = Running("join_that_can_never_come")
    running.complete("ask", n=1)
    with pytest.raises(StepFailed, match="stands still") as failure:
        running.complete("a")
    assert failure.value.element == "join"


def test_a_message_beside_does_not_hide_that_tokens_stand_still() -> None:
    running = Running("join_that_can_never_come_inside")
    running.complete("ask", n=1)
    assert running.waiting == ["withdrawn"]
    with pytest.raises(StepFailed, match="stands still") as failure:
        running.complete("a")
    assert failure.value.element == "join"


@pytest.mark.parametrize(
    ("wants", "opened"),
    [({"wants_a": True, "wants_b": True}, ["a", "b"]), ({"wants_b": True}, ["b"]), ({}, ["c"])],
)
def test_an_inclusive_gateway_waits_for_what_it_started(wants: dict[str, bool], opened: list[str]) -> None:
    running = Running("inclusive_gateway")
    running.complete("ask", **wants)
    assert running.open == opened
    for element in opened:
        assert "after" not in running.open
        running.complete(element)
    assert running.open == ["after"]


def test_an_inclusive_join_waits_for_a_token_on_a_detour() -> None:
    running = Running("inclusive_join_with_a_detour")
    running.complete("ask", wants_a=True)
    running.complete("a", detour=True)
    assert running.open == ["more"]
    running.complete("more")
    assert running.open == ["after"]


def test_behind_an_event_gateway_the_earliest_timer_wins_and_the_rest_are_withdrawn() -> None:
    running = Running("event_gateway_with_two_timers")
    assert running.due["early"] == datetime(2026, 11, 24, 10, tzinfo=UTC)
    assert running.due["late"] == datetime(2026, 11, 24, 14, tzinfo=UTC)
    running.fire("early")
    assert running.open == ["after_early"]
    assert running.step.timers == ()


def test_behind_an_event_gateway_a_message_withdraws_the_timer() -> None:
    running = Running("event_gateway_with_message_and_timer")
    assert running.waiting == ["enough", "word"]
    running.deliver("word", a=1)
    assert running.open == ["heard"]
    assert running.sees("heard")["word"] == {"a": 1}
    assert running.waiting == []


def test_behind_an_event_gateway_a_timer_withdraws_the_message() -> None:
    running = Running("event_gateway_with_message_and_timer")
    running.fire("enough", late=timedelta(days=1))
    assert running.open == ["silence"]
    with pytest.raises(Conflict):
        running.deliver("word")


def test_behind_an_event_gateway_a_condition_is_seen() -> None:
    running = Running("event_gateway_with_a_condition")
    assert running.open == ["prepare"]
    running.complete("prepare", ready=True)
    assert running.open == ["go"]
    assert running.step.timers == ()
