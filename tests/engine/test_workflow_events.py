"""Events: time, messages, signals, errors, escalations, conditions, links, ends and undoing."""

from datetime import UTC, datetime, timedelta

import pytest
from running import Running

from service.engine import workflow
from service.errors import Conflict, Invalid, StepFailed


@pytest.mark.parametrize(
    ("diagram", "due"),
    [
        ("timer_date", datetime(2026, 12, 27, 7, tzinfo=UTC)),
        ("timer_date_literal", datetime(2027, 1, 1, 7, tzinfo=UTC)),
        ("timer_duration", datetime(2026, 12, 24, 9, tzinfo=UTC)),
        ("timer_duration_from_data", datetime(2026, 11, 24, 14, tzinfo=UTC)),
    ],
)
def test_a_timer_is_due_at_an_instant_and_fires_when_told(diagram: str, due: datetime) -> None:
    running = Running(diagram, day="2026-12-27", hours=5)
    assert running.due == {"wait": due}
    running.fire("wait")
    assert running.open == ["after"]
    (fired,) = running.step.fired
    assert (fired.place.element, fired.due) == ("wait", due)


def test_a_timer_from_nothing_is_told_in_words() -> None:
    with pytest.raises(StepFailed) as failure:
        Running("timer_date")
    assert failure.value.element == "wait"


def test_a_timer_that_does_not_wait_any_more_is_a_conflict() -> None:
    running = Running("boundary_timer_interrupting")
    (timer,) = running.step.timers
    running.complete("work")
    assert running.finished
    with pytest.raises(Conflict):
        workflow.fire(running.definition, running.step.snapshot, timer=timer.id, moment=running.moment)


def test_an_interrupting_timer_takes_the_task_away() -> None:
    running = Running("boundary_timer_interrupting")
    running.fire("too_late")
    assert running.open == ["late"]
    assert "work" not in running.passed
    running.complete("late")
    assert running.finished


def test_non_interrupting_timers_go_off_beside_the_task_and_leave_with_it() -> None:
    running = Running("boundary_timer_non_interrupting")
    running.fire("remind")
    assert running.open == ["reminder", "work"]
    assert list(running.due) == ["escalate"]
    running.complete("work")
    assert running.open == ["reminder"], "what was reminded of stays"
    assert running.step.timers == ()
    running.complete("reminder")
    assert running.finished


def test_an_overdue_timer_does_not_go_off_when_someone_else_moves_the_case() -> None:
    running = Running("boundary_timer_non_interrupting")
    running.fire("remind", late=timedelta(days=30))
    assert [timer.place.element for timer in running.step.fired] == ["remind"]
    running.complete("reminder")
    assert running.step.fired == ()
    assert list(running.due) == ["escalate"]


def test_a_cycle_beats_as_often_as_it_says() -> None:
    running = Running("boundary_timer_cycle")
    for day in (25, 26, 27):
        assert running.due == {"remind": datetime(2026, 11, day, 9, tzinfo=UTC)}
        running.fire("remind", late=timedelta(hours=1))
    assert running.due == {}
    assert running.open == ["reminder", "reminder", "reminder", "work"]


def test_a_cycle_fires_once_after_downtime_and_keeps_its_rhythm() -> None:
    running = Running("boundary_timer_cycle")
    running.fire("remind", late=timedelta(hours=30))
    assert running.open == ["reminder", "work"]
    assert running.due == {"remind": datetime(2026, 11, 27, 9, tzinfo=UTC)}


def test_a_monthly_rhythm_is_counted_on_the_local_calendar_and_never_drifts() -> None:
    running = Running("boundary_timer_monthly")
    seen = []
    for _ in range(4):
        seen.append(running.due["remind"])
        running.fire("remind")
    assert seen == [
        datetime(2027, 1, 31, 7, tzinfo=UTC),
        datetime(2027, 2, 28, 7, tzinfo=UTC),
        datetime(2027, 3, 31, 6, tzinfo=UTC),
        datetime(2027, 4, 30, 6, tzinfo=UTC),
    ]


def test_a_deadline_is_moved() -> None:
    running = Running("boundary_timer_interrupting")
    (timer,) = running.step.timers
    due = datetime(2027, 2, 1, 8, tzinfo=UTC)
    step = workflow.reschedule(
        running.definition, running.step.snapshot, timer=timer.id, due=due, moment=running.moment
    )
    assert [(each.id, each.due) for each in step.timers] == [(timer.id, due)]
    assert step.opened == step.closed == step.fired == ()


def test_a_message_lands_in_its_variable() -> None:
    running = Running("message_catch")
    (awaited,) = running.step.awaited
    assert (awaited.name, awaited.place.element) == ("word", "wait")
    running.deliver("word", a=1, b=[2])
    assert running.sees("after") == {"reply": {"a": 1, "b": [2]}}


def test_a_message_that_nothing_waits_for_is_a_conflict() -> None:
    running = Running("message_catch")
    with pytest.raises(Conflict):
        running.deliver("other")


def test_data_that_would_be_dropped_is_refused() -> None:
    running = Running("message_catch_without_variable")
    with pytest.raises(Invalid):
        running.deliver("word", a=1)
    running.deliver("word")
    assert running.open == ["after"]


@pytest.mark.parametrize("diagram", ["message_throw_and_catch", "message_end_event"])
def test_a_thrown_message_is_caught_in_the_same_instance(diagram: str) -> None:
    running = Running(diagram)
    running.complete("first", n=3)
    assert running.open == ["after"]
    assert running.sees("after").get("reply") == ({"a": 3} if diagram == "message_throw_and_catch" else None)


def test_a_process_that_a_message_starts_is_started() -> None:
    running = Running("message_start_event", a=1)
    assert running.open == ["ask"]
    assert running.waiting == []


def test_an_interrupting_message_keeps_what_was_learnt_inside() -> None:
    running = Running("boundary_message_interrupting", before=1)
    running.complete("a", learnt=2)
    running.deliver("withdrawn", reason="x")
    assert running.open == ["closing"]
    assert running.sees("closing") == {"before": 1, "learnt": 2, "withdrawal": {"reason": "x"}}
    running.complete("closing")
    assert running.finished


def test_a_non_interrupting_message_stays_armed() -> None:
    running = Running("boundary_message_stays_armed")
    for number in (1, 2, 3):
        running.deliver("word", n=number)
        assert running.open == ["handle"] * number + ["work"]
        assert running.waiting == ["heard"]
    seen = [
        workflow.task_data(running.definition, running.step.snapshot, task=id)["word"]["n"]
        for id, task in running.tasks.items()
        if task.place.element == "handle"
    ]
    assert sorted(seen) == [1, 2, 3]
    running.complete("work")
    assert running.waiting == []
    running.complete("handle", "handle", "handle")
    assert running.finished


def test_a_message_reaches_one_the_outermost_and_first() -> None:
    running = Running("message_reaches_one")
    running.deliver("word")
    assert running.open == ["after_first"]
    running.deliver("word")
    assert running.open == ["after_first", "after_second"]
    running.deliver("word")
    assert running.open == ["after_first", "after_second", "inner"]


def test_a_signal_reaches_all_that_wait_for_it() -> None:
    running = Running("signal_reaches_all")
    running.complete("first", n=7)
    assert running.open == ["after_one", "after_two"]
    assert running.sees("after_two")["told"] == 7


def test_a_signal_end_event_is_caught() -> None:
    running = Running("signal_end_event")
    running.complete("first")
    assert running.open == ["after"]
    running.complete("after")
    assert running.finished


def test_a_signal_interrupts() -> None:
    running = Running("signal_boundary")
    running.complete("first")
    assert running.open == ["stopped"]


def test_an_error_takes_its_activity_away_and_the_code_that_is_named_wins() -> None:
    running = Running("error_boundary")
    assert running.open == ["a", "b"]
    running.complete("a", n=1)
    assert running.open == ["handle_one"]
    assert running.sees("handle_one") == {"n": 1}
    assert "failed" in running.passed


def test_an_error_event_without_code_catches_any() -> None:
    running = Running("error_boundary_catches_any")
    running.complete("a")
    assert running.open == ["handle"]


def test_an_error_only_reaches_the_activity_that_it_came_from() -> None:
    running = Running("error_only_reaches_its_own_activity")
    running.complete("a")
    assert running.open == ["b", "handle_one"]


def test_an_error_comes_out_of_a_call_activity() -> None:
    running = Running("error_on_a_call_activity")
    running.complete("q_ask", why="x")
    assert running.open == ["handle"]
    assert running.sees("handle") == {"why": "x"}


def test_an_error_that_nothing_catches_is_told_in_words() -> None:
    running = Running("error_that_nothing_catches")
    with pytest.raises(StepFailed, match="Nothing catches the error “E1”") as failure:
        running.complete("ask", fails=True)
    assert failure.value.element == "failed"


def test_an_escalation_is_handled_beside_and_the_older_value_does_not_win() -> None:
    running = Running("escalation_non_interrupting", before=0)
    running.complete("a", status="sent")
    assert running.open == ["b", "beside"]
    assert running.sees("beside") == {"before": 0, "status": "sent", "filing": {"on": "2026-11-24"}}
    running.complete("b", status="decided")
    running.complete("after")
    running.complete("beside", beside=True)
    assert running.finished
    assert running.data == {
        "before": 0,
        "status": "decided",
        "beside": True,
        "filing": {"on": "2026-11-24"},
    }


def test_an_interrupting_escalation_takes_the_activity_away() -> None:
    running = Running("escalation_interrupting")
    running.complete("a")
    assert running.open == ["instead"]


def test_an_escalation_that_nothing_catches_changes_nothing() -> None:
    running = Running("escalation_that_nothing_catches")
    running.complete("after")
    assert running.finished
    assert running.passed == ["start", "filed", "after", "end"]


def test_an_escalation_comes_out_of_a_call_activity() -> None:
    running = Running("escalation_out_of_a_call")
    running.complete("q_ask")
    assert running.open == ["beside", "q_more"]
    running.complete("beside")
    running.complete("q_more")
    running.complete("after")
    assert running.finished


def test_a_condition_sees_what_another_branch_learnt() -> None:
    running = Running("condition_on_another_branch")
    running.complete("prepare", ready=True)
    assert running.open == ["after"]


def test_a_condition_interrupts() -> None:
    running = Running("boundary_condition")
    running.complete("other", stopped=True)
    assert running.open == ["instead"]


def test_a_condition_counts_each_time_that_it_becomes_true() -> None:
    running = Running("boundary_condition_each_time")
    for level in (1, 6, 7, 2, 9):
        running.complete("set", level=level)
    assert running.passed.count("count") == 2


def test_a_link_leads_to_its_target() -> None:
    running = Running("link_events")
    running.complete("a")
    assert running.open == ["b"]
    running.complete("b")
    assert running.passed == ["start", "a", "away", "there", "b", "end"]


def test_a_terminate_end_event_ends_everything() -> None:
    running = Running("terminate_end_event")
    running.complete("a", x=1)
    assert running.finished
    assert running.open == []
    assert running.data == {"x": 1}


def test_a_terminate_end_event_ends_only_its_own_level() -> None:
    running = Running("terminate_in_a_sub_process")
    running.complete("a", x=1)
    assert running.open == ["after"]
    assert running.sees("after") == {"x": 1}


def test_compensation_undoes_the_last_done_first_and_goes_on() -> None:
    running = Running("compensation")
    running.complete("book", room=1)
    running.complete("pay", well=False)
    assert running.open == ["unpay"]
    running.complete("unpay", paid_back=True)
    assert running.open == ["unbook"]
    running.complete("unbook")
    assert running.sees("after") == {"room": 1, "well": False, "paid_back": True}
    running.complete("after")
    assert running.finished


def test_without_compensation_nothing_is_undone() -> None:
    running = Running("compensation")
    running.complete("book")
    running.complete("pay", well=True)
    assert running.open == ["after"]


def test_compensation_of_one_activity_undoes_only_that() -> None:
    running = Running("compensation_of_one_activity")
    running.complete("book")
    running.complete("pay")
    assert running.open == ["unbook"]
    running.complete("unbook")
    assert running.finished
