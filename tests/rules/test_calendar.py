"""Swedish days off and the law's way of counting."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.rules import calendar


@pytest.mark.parametrize(
    ("day", "swedish", "english"),
    [
        (date(2026, 1, 1), "Nyårsdagen", "New Year's Day"),
        (date(2026, 1, 6), "Trettondedag jul", "Epiphany"),
        (date(2026, 4, 3), "Långfredagen", "Good Friday"),
        (date(2026, 4, 5), "Påskdagen", "Easter Sunday"),
        (date(2026, 4, 6), "Annandag påsk", "Easter Monday"),
        (date(2026, 5, 1), "Första maj", "May Day"),
        (date(2026, 5, 14), "Kristi himmelsfärdsdag", "Ascension Day"),
        (date(2026, 5, 24), "Pingstdagen", "Pentecost"),
        (date(2025, 6, 6), "Nationaldagen", "National Day"),
        (date(2026, 6, 19), "Midsommarafton", "Midsummer Eve"),
        (date(2026, 6, 20), "Midsommardagen", "Midsummer Day"),
        (date(2026, 10, 31), "Alla helgons dag", "All Saints' Day"),
        (date(2026, 12, 24), "Julafton", "Christmas Eve"),
        (date(2026, 12, 25), "Juldagen", "Christmas Day"),
        (date(2026, 12, 26), "Annandag jul", "Second Day of Christmas"),
        (date(2026, 12, 31), "Nyårsafton", "New Year's Eve"),
    ],
)
def test_every_day_off_of_the_two_laws_is_known_by_name(day: date, swedish: str, english: str) -> None:
    assert calendar.day_off_name(day) == swedish
    assert calendar.day_off_name(day, language="en") == english
    assert not calendar.is_working_day(day)


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 1, 5),  # the evening before Epiphany is worked
        date(2026, 4, 2),  # Maundy Thursday
        date(2026, 5, 25),  # Whit Monday, a holiday until 2004
        date(2026, 6, 5),
        date(2026, 10, 30),
    ],
)
def test_days_that_only_feel_like_holidays_are_worked(day: date) -> None:
    assert calendar.is_working_day(day)
    assert calendar.day_off_name(day) is None


def test_an_ordinary_weekend_is_off_but_has_no_name() -> None:
    for day in (date(2026, 3, 7), date(2026, 3, 8)):
        assert not calendar.is_working_day(day)
        assert calendar.day_off_name(day) is None


def test_days_off_around_a_day_span_four_years_and_leave_out_weekends() -> None:
    found = calendar.days_off_around(date(2026, 7, 1))
    assert (min(found), max(found)) == (date(2025, 1, 1), date(2028, 12, 26))
    assert all(day.weekday() < 5 for day in found)
    assert date(2026, 6, 19) in found
    assert date(2026, 6, 20) not in found  # a Saturday anyway
    assert calendar.days_off_around(date(2026, 1, 1)) is found


@given(st.dates(date(2000, 1, 1), date(2060, 12, 31)))
def test_the_days_off_say_the_same_as_the_working_days(day: date) -> None:
    off = day.weekday() > 4 or day in calendar.days_off_around(day)
    assert calendar.is_working_day(day) is not off


@given(st.dates(date(2000, 1, 1), date(2060, 12, 31)))
def test_the_eves_fall_where_the_law_says(day: date) -> None:
    midsummer = day.month == 6 and day.weekday() == 4 and 19 <= day.day <= 25
    if midsummer or (day.month, day.day) in {(12, 24), (12, 31)}:
        assert not calendar.is_working_day(day)


@pytest.mark.parametrize(
    ("start", "amount", "unit", "last"),
    [
        (date(2026, 3, 1), 30, "days", date(2026, 3, 30)),
        (date(2028, 2, 1), 30, "days", date(2028, 3, 1)),
        (date(2026, 3, 1), 1, "days", date(2026, 3, 1)),
        (date(2026, 3, 2), 3, "weeks", date(2026, 3, 23)),
        (date(2026, 1, 31), 1, "months", date(2026, 2, 28)),
        (date(2028, 1, 31), 1, "months", date(2028, 2, 29)),
        (date(2026, 8, 31), 6, "months", date(2027, 2, 28)),
        (date(2028, 2, 29), 1, "years", date(2029, 2, 28)),
        (date(2026, 4, 1), 2, "working days", date(2026, 4, 7)),
    ],
)
def test_the_last_day_of_a_period(start: date, amount: int, unit: str, last: date) -> None:
    assert calendar.last_day(start, amount, unit) == last


def test_periods_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="no last day"):
        calendar.last_day(date(2026, 3, 1), 72, "hours")
    with pytest.raises(ValueError, match="cannot be 0"):
        calendar.last_day(date(2026, 3, 1), 0, "days")


def test_an_act_may_wait_over_days_off_and_no_longer() -> None:
    assert calendar.may_be_done_until(date(2026, 6, 19)) == date(2026, 6, 22)
    assert calendar.may_be_done_until(date(2026, 12, 24)) == date(2026, 12, 28)
    assert calendar.may_be_done_until(date(2026, 6, 18)) == date(2026, 6, 18)


@given(st.dates(date(2000, 1, 1), date(2060, 12, 31)))
def test_the_next_working_day_is_the_first_one(day: date) -> None:
    found = calendar.next_working_day(day)
    between = [day + timedelta(days=each) for each in range((found - day).days)]
    assert calendar.is_working_day(found)
    assert not any(calendar.is_working_day(each) for each in between)


@pytest.mark.parametrize(
    ("amount", "unit", "language", "words"),
    [
        (30, "days", "sv", "30 dagar från 2026-03-01, sista dag 2026-03-30"),
        (30, "days", "en", "30 days from 2026-03-01, last day 2026-03-30"),
        (1, "months", "en", "1 month from 2026-03-01, last day 2026-04-01"),
        (1, "working days", "sv", "1 arbetsdag från 2026-03-01, sista dag 2026-03-02"),
        (72, "hours", "sv", "72 timmar"),
        (3, "weeks", "sv", "3 veckor från 2026-03-01, sista dag 2026-03-22 (ledig dag; tiden flyttas inte)"),
        (
            34,
            "days",
            "en",
            "34 days from 2026-03-01, last day 2026-04-03 (Good Friday, a day off; the time does not move)",
        ),
    ],
)
def test_a_period_is_said_in_words(amount: int, unit: str, language: str, words: str) -> None:
    assert calendar.period_in_words(date(2026, 3, 1), amount, unit, language=language) == words


@pytest.mark.parametrize(
    ("moves", "words"),
    [
        ("next working day", "ledig dag; det som ska göras får göras till och med 2026-03-23"),
        ("in doubt", "ledig dag; om 2026-03-23 räcker är inte kontrollerat, räkna med 2026-03-22"),
        ("no", "ledig dag; tiden flyttas inte"),
    ],
)
def test_whether_an_end_moves_off_a_day_off_is_the_tables_word(moves: str, words: str) -> None:
    said = calendar.period_in_words(date(2026, 3, 1), 3, "weeks", moves=moves)
    assert said == f"3 veckor från 2026-03-01, sista dag 2026-03-22 ({words})"
    assert "(" not in calendar.period_in_words(date(2026, 3, 2), 3, "weeks", moves=moves)


STOCKHOLM = ZoneInfo("Europe/Stockholm")


def at(text: str) -> datetime:
    """A moment on the Swedish wall clock."""
    return datetime.fromisoformat(text).replace(tzinfo=STOCKHOLM)


@pytest.mark.parametrize(
    ("begins", "amount", "unit", "due", "words"),
    [
        ("2026-03-01", 30, "days", "2026-03-30T23:59:59", "30 dagar från 2026-03-01, sista dag 2026-03-30"),
        ("2026-03-01", 30, "days", "2026-03-31T00:00", "30 dagar från 2026-03-01, sista dag 2026-03-30"),
        ("2026-03-02", 7, "days", "2026-03-09T08:00", "7 dagar efter 2026-03-02, alltså 2026-03-09"),
        ("2026-03-30", 10, "days", "2026-03-20T08:00", "10 dagar före 2026-03-30, alltså 2026-03-20"),
        (
            "2026-04-01", 2, "working days", "2026-04-07T08:00",
            "2 arbetsdagar från 2026-04-01, sista dag 2026-04-07",
        ),
        (
            "2026-03-01T14:05", 24, "hours", "2026-03-02T14:05",
            "24 timmar från 2026-03-01 14:05, till 2026-03-02 14:05",
        ),
        ("2026-03-01", 30, "days", "2026-04-10T23:59:59", "räknas från 2026-03-01, satt till 2026-04-10"),
        (
            "2026-03-01T14:05", 24, "hours", "2026-03-04T14:05",
            "räknas från 2026-03-01 14:05, satt till 2026-03-04 14:05",
        ),
    ],
)  # fmt: skip
def test_a_deadline_is_said_with_arithmetic_that_agrees(
    begins: str, amount: int, unit: str, due: str, words: str
) -> None:
    assert (
        calendar.deadline_in_words(at(begins), amount, unit, due=at(due), zone=STOCKHOLM, language="sv")
        == words
    )


@given(st.dates(date(2000, 1, 1), date(2060, 12, 31)), st.integers(1, 40))
def test_working_days_backwards_lead_back(day: date, amount: int) -> None:
    start = calendar.next_working_day(day)
    assert calendar.working_days_from(calendar.working_days_from(start, amount), -amount) == start


@pytest.mark.parametrize("year", range(1990, 2061))
def test_the_named_days_hold_every_day_off(year: int) -> None:
    named = set(calendar.named_days(year).values())
    off = {date(year, 1, 1) + timedelta(days=each) for each in range(365)}
    assert {day for day in off if calendar.day_off_name(day)} <= named


def test_days_off_that_a_table_tells_count_instead() -> None:
    monday = date(2026, 3, 2)
    assert not calendar.is_working_day(monday, off={monday})
    assert calendar.is_working_day(date(2026, 6, 19), off=frozenset())
    assert calendar.last_day(date(2026, 3, 1), 1, "working days", off={monday}) == date(2026, 3, 3)
