"""Swedish days off and how the law counts periods. Pure: dates in, dates and words out.

Days off are Sundays and public holidays (lag 1989:253 om allmänna helgdagar) and, with them, Saturdays,
Midsummer Eve, Christmas Eve and New Year's Eve (lag 1930:173 om beräkning av lagstadgad tid, 2 §).
"""

from calendar import monthrange
from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache

import holidays

FRIDAY = 4
LANGUAGES = {"sv": "sv", "en": "en_US"}
UNITS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "sv": {
        "hours": ("timme", "timmar"),
        "days": ("dag", "dagar"),
        "working days": ("arbetsdag", "arbetsdagar"),
        "weeks": ("vecka", "veckor"),
        "months": ("månad", "månader"),
        "years": ("år", "år"),
    },
    "en": {
        "hours": ("hour", "hours"),
        "days": ("day", "days"),
        "working days": ("working day", "working days"),
        "weeks": ("week", "weeks"),
        "months": ("month", "months"),
        "years": ("year", "years"),
    },
}


def days_off_around(day: date) -> frozenset[date]:
    """Days off from Monday to Friday, from the year before the day's to the second year after it."""
    return _days_off(day.year)


def is_working_day(day: date) -> bool:
    """Tell whether ordinary work goes on: neither weekend, public holiday, nor one of the three eves."""
    return day.weekday() <= FRIDAY and day not in _of_year(day.year, "sv")


def day_off_name(day: date, *, language: str = "sv") -> str | None:
    """Name a public holiday or an eve, as "Midsommarafton"; None for other days, also ordinary weekends."""
    return _of_year(day.year, language).get(day)


def next_working_day(day: date) -> date:
    """Give the day itself if it is a working day, else the first one after it."""
    while not is_working_day(day):
        day += timedelta(days=1)
    return day


def may_be_done_until(last_day: date) -> date:
    """Tell until when an act may be done whose time runs out on a given day (lag 1930:173, 2 §).

    That grace is for acts only: it lengthens neither a permit nor a period that merely passes.
    """
    return next_working_day(last_day)


def last_day(start: date, amount: int, unit: str) -> date:
    """Give the last day of a period that begins on a day.

    `amount` is at least 1. "days": the first day counts, so 30 days from 2026-03-01 end on 2026-03-30.
    "weeks", "months" and "years" end on the same weekday or day number, or on the month's last day when
    it has no such number (lag 1930:173, 1 §). "working days" are counted from the day after the start.
    Raises `ValueError` for other units and amounts.
    """
    if amount < 1:
        raise ValueError(f"a period cannot be {amount} {unit}")
    match unit:
        case "days":
            return start + timedelta(days=amount - 1)
        case "weeks":
            return start + timedelta(weeks=amount)
        case "months":
            return _months_later(start, amount)
        case "years":
            return _months_later(start, amount * 12)
        case "working days":
            return _working_days_after(start, amount)
        case _:
            raise ValueError(f"a period in {unit} has no last day")


def period_in_words(start: date, amount: int, unit: str, *, language: str = "sv") -> str:
    """Say a period so that nobody has to count: "30 dagar från 2026-03-01, sista dag 2026-03-30".

    When the last day is a day off, the day until which an act may be done is told too. Hours have no last
    day.
    Raises `KeyError` for unknown units and languages, `ValueError` for amounts below 1.
    """
    one, several = UNITS[language][unit]
    length = f"{amount} {one if amount == 1 else several}"
    if unit == "hours":
        return length
    last = last_day(start, amount, unit)
    until = may_be_done_until(last)
    if language == "sv":
        said = f"{length} från {start}, sista dag {last}"
        grace = f" (ledig dag; det som ska göras får göras till och med {until})"
    else:
        said = f"{length} from {start}, last day {last}"
        grace = f" (a day off; what must be done may be done until {until})"
    return said if until == last else said + grace


@lru_cache(maxsize=64)
def _days_off(year: int) -> frozenset[date]:
    return frozenset(
        day for each in range(year - 1, year + 3) for day in _of_year(each, "sv") if day.weekday() <= FRIDAY
    )


@lru_cache(maxsize=64)
def _of_year(year: int, language: str) -> Mapping[date, str]:
    found = holidays.country_holidays(
        "SE",
        years=year,
        expand=False,
        language=LANGUAGES[language],
        categories=("public", "de_facto"),
        include_sundays=False,
    )
    return dict(found)


def _months_later(start: date, months: int) -> date:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))


def _working_days_after(start: date, amount: int) -> date:
    found = start
    for _ in range(amount):
        found = next_working_day(found + timedelta(days=1))
    return found
