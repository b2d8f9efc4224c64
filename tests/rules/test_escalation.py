"""When warnings fall, on the calendar: levels in, instants out."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.rules import calendar, escalation
from service.rules.escalation import Level, Span, Whom

STOCKHOLM = ZoneInfo("Europe/Stockholm")
COUNTED = ("before due", "after due", "after start", "day of period")


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=STOCKHOLM).astimezone(UTC)


def span(begins: str = "2026-03-02", due: str = "2026-03-23T23:59:59") -> Span:
    start = local(begins)
    return Span(start, local(due), STOCKHOLM, calendar.days_off_around(start.date()))


def level(amount: int, unit: str, counted: str, number: int = 1) -> Level:
    return Level(number, amount, unit, counted, Whom.ASSIGNEE)


@pytest.mark.parametrize(
    ("amount", "unit", "told"),
    [
        (1, "working days", ["2026-03-24T08:00", "2026-03-25T08:00", "2026-03-26T08:00", "2026-03-27T08:00",
                             "2026-03-30T08:00"]),
        (1, "weeks", ["2026-03-30T08:00", "2026-04-06T08:00", "2026-04-13T08:00"]),
        (8, "hours", ["2026-03-24T07:59:59", "2026-03-24T15:59:59", "2026-03-24T23:59:59"]),
    ],
)  # fmt: skip
def test_what_is_late_is_told_again_and_again_after_all_other_levels(amount, unit, told):
    levels = [level(3, "days", "before due"), level(amount, unit, "again", number=9)]
    now, found = local("2026-03-20T08:00"), []
    for _ in told:
        planned = escalation.first(levels, span(), since=now, begun=False)
        assert escalation.reached(levels, span(), next=9, at=planned.at, now=planned.at) == [levels[1]]
        now = planned.at
        found.append(now)
    assert found == [local(each) for each in told]


def test_after_a_long_silence_it_is_told_once_and_goes_on():
    levels = [level(1, "working days", "again", number=9)]
    planned = escalation.first(levels, span(), since=local("2026-06-01T12:00"), begun=False)
    assert planned.at == local("2026-06-02T08:00")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"amount": -1}, "whole numbers"),
        ({"level": 0}, "whole numbers"),
        ({"amount": "2"}, "whole numbers"),
        ({"unit": "dagar"}, "“unit” is one of"),
        ({"whom": "chef"}, "“whom” is one of"),
        ({"counted": "when late"}, "“counted” is one of"),
        ({"unit": "percent"}, "“percent” goes with"),
        ({"counted": "day of period", "amount": 0}, "“day of period” goes with"),
        ({"counted": "again", "amount": 0}, "at least 1"),
    ],
)
def test_a_row_that_cannot_be_put_on_the_calendar_is_told_in_words(wrong, words):
    row = {"level": 1, "amount": 2, "unit": "days", "counted": "before due", "whom": "head"}
    assert escalation.fault(row) is None
    assert words in escalation.fault(row | wrong).message


@pytest.mark.parametrize(
    ("amount", "unit", "counted", "at"),
    [
        (7, "days", "after start", "2026-03-09T08:00"),
        (10, "days", "day of period", "2026-03-11T08:00"),
        (3, "days", "before due", "2026-03-20T08:00"),
        (1, "working days", "before due", "2026-03-20T08:00"),  # a Friday: the time ends on a Monday
        (2, "working days", "after due", "2026-03-25T08:00"),
        (1, "weeks", "before due", "2026-03-16T08:00"),
        (1, "months", "before due", "2026-02-23T08:00"),
        (4, "hours", "before due", "2026-03-23T19:59:59"),
        (0, "hours", "after due", "2026-03-23T23:59:59"),
        (12, "hours", "after start", "2026-03-02T12:00"),
        (50, "percent", "of the time", "2026-03-12T23:59:59.500000"),
    ],
)
def test_a_level_falls_where_the_table_counts_it(amount: int, unit: str, counted: str, at: str) -> None:
    (planned,) = escalation.warnings([level(amount, unit, counted)], span())
    assert planned.at == local(at)


def test_midnight_counts_as_the_end_of_the_day_before() -> None:
    (planned,) = escalation.warnings([level(1, "days", "before due")], span(due="2026-03-24T00:00"))
    assert planned.at == local("2026-03-22T08:00")


def test_eight_in_the_morning_is_so_on_both_sides_of_summer_time() -> None:
    levels = [level(each, "days", "after start", each) for each in (26, 27, 28)]
    found = [each.at for each in escalation.warnings(levels, span())]
    assert found == [local(f"2026-03-{day}T08:00") for day in (28, 29, 30)]
    assert found[1] - found[0] == timedelta(hours=23)


def test_what_has_passed_when_a_time_begins_to_be_watched_is_told_once_at_its_latest() -> None:
    levels = [level(7, "days", "after start", 1), level(14, "days", "after start", 2)]
    late = local("2026-03-17T10:00")
    first = escalation.first(levels, span(), since=late)
    assert first is not None
    assert (first.at, first.level.number) == (late, 2)
    assert escalation.first(levels, span(), since=late, begun=False) is None


def test_what_counts_back_from_the_end_is_not_told_in_the_second_in_which_a_task_opens() -> None:
    levels = [level(3, "days", "before due", 1), level(0, "hours", "after due", 2)]
    first = escalation.first(levels, span(), since=local("2026-03-22T10:00"))
    assert first is not None
    assert first.level.number == 2


@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.sampled_from(["hours", "days", "weeks"]), st.sampled_from(COUNTED)),
        min_size=1,
        max_size=6,
    ),
    st.lists(st.integers(1, 2000), min_size=1, max_size=30),
)
def test_however_often_one_looks_each_level_is_given_once_and_the_last_of_those_passed(
    rows: list[tuple[int, str, str]], steps: list[int]
) -> None:
    levels = [level(*row, number) for number, row in enumerate(rows, 1)]
    now, given_levels = span().begins, []
    planned = escalation.first(levels, span(), since=now)
    for step in steps:
        now += timedelta(hours=step)
        if planned is None or planned.at > now:
            continue
        passed = escalation.reached(levels, span(), next=planned.level.number, at=planned.at, now=now)
        assert passed
        given_levels += [each.number for each in passed]
        planned = escalation.first(levels, span(), since=now, begun=False)
    assert len(given_levels) == len(set(given_levels))
    if planned is None:
        coming = [each for each in escalation.warnings(levels, span()) if each.at > now]
        assert coming == []
