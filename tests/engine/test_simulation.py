"""A definition run on the real engine with a clock of its own."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from service.commands.deployments import read_folder
from service.engine import definition, examples, scripts, simulation
from service.errors import Invalid, Refused
from service.work import clock_of

ROOT = Path(__file__).parents[2]
DIAGRAMS = ROOT / "tests" / "commands" / "diagrams"
FOUND = definition.parse({path.name: path.read_bytes() for path in sorted(DIAGRAMS.iterdir())})
CLOCK = clock_of(FOUND, ZoneInfo("Europe/Stockholm"))
START = datetime(2027, 1, 4, 8, tzinfo=UTC)


def run(process, *acts, **how):
    script = examples.Script(process, START, acts=tuple(examples.Act(**each) for each in acts), **how)
    return simulation.run(FOUND, script, clock=CLOCK)


def test_the_trace_tells_each_element_entered_and_left_in_order():
    found = run(
        "two_steps",
        {"element": "ask", "data": {"what": "sten"}, "after": "PT2H"},
        {"element": "check", "data": {"what": "bly"}},
    )
    assert found.failure is None
    assert found.finished
    seen = [(each.kind, each.place.element) for each in found.trace if each.kind in {"entered", "left"}]
    assert seen.index(("entered", "ask")) < seen.index(("left", "ask")) < seen.index(("entered", "check"))
    left = next(each for each in found.trace if each.kind == "left" and each.place.element == "ask")
    assert (left.at, left.step, left.data) == (START + timedelta(hours=2), 0, {"what": "sten"})


def test_a_step_that_cannot_be_done_stops_the_run_and_is_named():
    found = run("two_steps", {"element": "check", "data": {}})
    assert (found.failure.step, found.failure.element) == (0, "check")
    assert "open is ask" in found.failure.message
    assert [each.place.element for each in found.open] == ["ask"]


def test_the_form_checks_what_is_answered():
    found = run("two_steps", {"element": "ask", "data": {"unheard_of": 1}})
    assert found.failure.step == 0
    assert found.failure.problems


def test_timers_go_off_when_they_fall_due_and_not_before():
    waiting = run("overdue", {"after": "P1D"})
    assert not [each for each in waiting.trace if each.kind == "timer-fired"]
    (timer,) = waiting.timers
    gone = run("overdue", {"after": "P60D"})
    (fired,) = [each for each in gone.trace if each.kind == "timer-fired"]
    assert fired.at == fired.due == timer.due


def test_an_end_that_is_not_reached_is_a_failure():
    assert run("two_steps", ends="nowhere").failure.element == "nowhere"


def test_an_endless_run_is_stopped():
    found = run("overdue", until="2999-01-01T00:00:00Z")
    assert found.now.year <= 2999


def test_the_services_own_examples_go_as_written():
    found = definition.parse(read_folder(ROOT))
    assert len(found.examples) >= 20
    clock = clock_of(found, ZoneInfo("Europe/Stockholm"))
    some = [each for each in found.examples.values() if each.script.process in {"right", "case"}]
    assert list(simulation.problems(found, some, clock=clock)) == []


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({}, "/start_at"),
        ({"start_at": "2027-01-04T09:00:00"}, "/start_at"),
        ({"start_at": "2027-01-04T09:00:00Z", "steps": [{}]}, "/steps/0"),
        ({"start_at": "2027-01-04T09:00:00Z", "steps": [{"elment": "a"}]}, "/steps/0"),
        ({"start_at": "2027-01-04T09:00:00Z", "more": 1}, "/more"),
        ([], ""),
    ],
)
def test_a_bad_example_is_refused_with_the_place(said, pointer):
    with pytest.raises(Refused) as told:
        examples.parse(json.dumps(said).encode(), "case.some.example.json")
    assert pointer in {each.pointer for each in told.value.problems}


def test_what_the_form_of_an_open_task_sees_is_kept():
    found = run("two_steps", {"element": "ask", "data": {"what": "sten"}})
    (task,) = found.open
    assert found.known[task.id]["what"] == "sten"


def test_each_push_tells_what_held_a_token_after_it():
    found = run("two_steps", {"element": "ask", "data": {"what": "sten"}})
    assert [{each.element for each in frame.active} for frame in found.frames] == [{"ask"}, {"check"}]
    assert found.frames[-1].lines == len(found.trace)


@pytest.mark.parametrize(
    ("acts", "ends", "rule"),
    [
        ([{"element": "check"}], None, "not-open"),
        ([{"element": "ask", "data": {"unheard_of": 1}}], None, "given"),
        ([{"after": "2026-01-01T00:00:00Z"}], None, "time-passed"),
        ([{"message": "nobody_waits"}], None, "stopped"),
        ([{"after": "9999-12-31T23:59:59Z"}], None, "far-away"),
        ([], "end", "not-reached"),
    ],
)
def test_a_failure_tells_of_which_kind_it_is(acts, ends, rule):
    failure = run("two_steps", *acts, ends=ends).failure
    assert failure.rule == rule
    if rule in {"not-open", "not-reached"}:
        assert [each.element for each in failure.standing] == ["ask"]


def test_data_is_written_as_assignments_and_read_back():
    data = {
        "who": 'Åsa "Påhittad"\nrad två',
        "count": 3,
        "share": 0.5,
        "yes": True,
        "none": None,
        "list": ["a"],
    }
    moment = CLOCK(START)
    assert scripts.given(scripts.written(data), moment=moment) == data
    assert scripts.given("// inget\n\n", moment=moment) == {}
    assert scripts.given('on = date("2027-01-04")\na.b = 1 + 1\na.c = a.b', moment=moment) == {
        "on": "2027-01-04",
        "a": {"b": 2, "c": 2},
    }


def test_data_that_cannot_be_read_is_refused_in_words():
    with pytest.raises(Invalid) as told:
        scripts.given("hej\nx = (1", moment=CLOCK(START))
    assert len(told.value.problems) >= 2
    assert {each.rule for each in told.value.problems} == {"script"}
