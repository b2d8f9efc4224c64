"""Swedish days off and how the law counts periods. Pure: dates in, dates and words out.

Which named days are off, and since when, the decision table `days_off` says; what stands here counts where
none is deployed, and is the same: Sundays and public holidays (lag 1989:253 om allmänna helgdagar) and, with
them, Saturdays, Midsummer Eve, Christmas Eve and New Year's Eve (lag 1930:173 om beräkning av lagstadgad
tid, 2 §).
"""

from calendar import monthrange
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

FRIDAY = 4
LANGUAGES = {"sv": "sv", "en": "en_US"}
NAMED: Mapping[str, str] = {
    "New Year's Day": "new_years_day",
    "Twelfth Night": "epiphany_eve",
    "Epiphany": "epiphany",
    "Maundy Thursday": "maundy_thursday",
    "Good Friday": "good_friday",
    "Holy Saturday": "holy_saturday",
    "Easter Sunday": "easter_sunday",
    "Easter Monday": "easter_monday",
    "Walpurgis Night": "walpurgis_night",
    "May Day": "may_day",
    "Ascension Day": "ascension_day",
    "National Day": "national_day",
    "Pentecost Eve": "whit_saturday",
    "Pentecost": "whit_sunday",
    "Pentecost Monday": "whit_monday",
    "Midsummer Eve": "midsummer_eve",
    "Midsummer Day": "midsummer_day",
    "All Saints' Eve": "all_saints_eve",
    "All Saints' Day": "all_saints_day",
    "Christmas Eve": "christmas_eve",
    "Christmas Day": "christmas_day",
    "Second Day of Christmas": "second_day_of_christmas",
    "New Year's Eve": "new_years_eve",
}  # what the package calls a day: what the table calls it
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


def named_days(year: int) -> Mapping[str, date]:
    """The days of a year that have a name, holidays or not, by the table's key for them."""
    found: dict[str, date] = {}
    for day, names in _of_year(year, "en", every=True).items():
        for name in names.split("; "):
            key = NAMED.get(name.removesuffix(" (from 2pm)"))
            if key is not None:
                found[key] = day
    return found


def years_around(day: date) -> range:
    """The years whose days off are told: from the one before the day's to the second after it."""
    return range(day.year - 1, day.year + 3)


def days_off_around(day: date) -> frozenset[date]:
    """Days off from Monday to Friday, from the year before the day's to the second year after it."""
    return _days_off(day.year)


def is_working_day(day: date, *, off: AbstractSet[date] | None = None) -> bool:
    """Tell whether ordinary work goes on: neither weekend, public holiday, nor one of the three eves.

    `off` are the days off from Monday to Friday, where a table has told them.
    """
    return day.weekday() <= FRIDAY and day not in (_of_year(day.year, "sv") if off is None else off)


def day_off_name(day: date, *, language: str = "sv") -> str | None:
    """Name a public holiday or an eve, as "Midsommarafton"; None for other days, also ordinary weekends."""
    return _of_year(day.year, language).get(day)


def next_working_day(day: date, *, off: AbstractSet[date] | None = None) -> date:
    """Give the day itself if it is a working day, else the first one after it."""
    while not is_working_day(day, off=off):
        day += timedelta(days=1)
    return day


def working_days_from(start: date, amount: int, *, off: AbstractSet[date] | None = None) -> date:
    """Give the n-th working day after a day, or before it when the amount is negative."""
    found, step = start, timedelta(days=1 if amount > 0 else -1)
    for _ in range(abs(amount)):
        found += step
        while not is_working_day(found, off=off):
            found += step
    return found


def may_be_done_until(last_day: date, *, off: AbstractSet[date] | None = None) -> date:
    """Tell until when an act may be done whose time runs out on a given day (lag 1930:173, 2 §).

    That grace is for acts only: it lengthens neither a permit nor a period that merely passes.
    """
    return next_working_day(last_day, off=off)


def last_day(start: date, amount: int, unit: str, *, off: AbstractSet[date] | None = None) -> date:
    """Give the last day of a period that begins on a day.

    `amount` is at least 1. "days": the first day counts, so 30 days from 2026-03-01 end on 2026-03-30.
    "weeks", "months" and "years" end on the same weekday or day number, or on the month's last day when
    it has no such number (lag 1930:173, 1 §). "working days" are counted from the day after the start.
    Raises `ValueError` for other units and amounts.
    """
    if amount < 1:
        raise ValueError(f"a period cannot be {amount} {unit}")
    if unit == "days":
        return start + timedelta(days=amount - 1)
    return later(start, amount, unit, off=off)


def later(start: date, amount: int, unit: str, *, off: AbstractSet[date] | None = None) -> date:
    """Give the day that comes an amount of days, weeks, months, years or working days after a day.

    Earlier when the amount is negative. Raises `ValueError` for other units.
    """
    match unit:
        case "days":
            return start + timedelta(days=amount)
        case "weeks":
            return start + timedelta(weeks=amount)
        case "months":
            return _months_later(start, amount)
        case "years":
            return _months_later(start, amount * 12)
        case "working days":
            return working_days_from(start, amount, off=off)
        case _:
            raise ValueError(f"a period in {unit} has no last day")


def length_in_words(amount: int, unit: str, *, language: str = "sv") -> str:
    """Say how long a period is: "30 dagar". Raises `KeyError` for unknown units and languages."""
    one, several = UNITS[language][unit]
    return f"{amount} {one if amount == 1 else several}"


def period_in_words(
    start: date,
    amount: int,
    unit: str,
    *,
    moves: str = "no",
    off: AbstractSet[date] | None = None,
    language: str = "sv",
) -> str:
    """Say a period so that nobody has to count: "30 dagar från 2026-03-01, sista dag 2026-03-30".

    `moves` is the word of the table `periods`: whether the end moves off a day off, does not, or whether
    that is in doubt. What is in doubt does not move, but is told. Hours have no last day.
    Raises `KeyError` for unknown units and languages, `ValueError` for amounts below 1.
    """
    length = length_in_words(amount, unit, language=language)
    if unit == "hours":
        return length
    last = last_day(start, amount, unit, off=off)
    return _SAID[language]["period"].format(length=length, start=start, last=last) + _on_day_off(
        last, moves, off, language
    )


def deadline_in_words(
    begins: datetime,
    amount: int,
    unit: str,
    *,
    due: datetime,
    zone: ZoneInfo,
    moves: str = "no",
    off: AbstractSet[date] | None = None,
    language: str = "sv",
) -> str:
    """Say how a deadline was counted, as far as the arithmetic agrees with the instant that it is due.

    A time of 30 days may end on its last day, come 30 days after a day, or 30 days before one; whichever is
    true is said. When none is, because a decision or a person has set another day, only that day is told.
    """
    said = _SAID[language]
    length = length_in_words(amount, unit, language=language)
    if unit == "hours":
        agrees = begins + timedelta(hours=amount) == due
        at = f"{begins.astimezone(zone):%Y-%m-%d %H:%M}"
        return said["hours" if agrees else "other"].format(length=length, start=at, due=_at(due, zone))
    start, local, day = begins.astimezone(zone).date(), due.astimezone(zone), day_of(due, zone)
    last = last_day(start, amount, unit, off=off)
    moved = may_be_done_until(last, off=off) if moves == MOVES else last
    if day in {last, moved}:
        return period_in_words(start, amount, unit, moves=moves, off=off, language=language)
    for word, direction in (("after", 1), ("before", -1)):
        if local.date() == later(start, direction * amount, unit, off=off):
            return said[word].format(length=length, start=start, due=local.date())
    return said["other"].format(length=length, start=start, due=day)


def day_of(due: datetime, zone: ZoneInfo) -> date:
    """Give the local day on which a time ends; midnight is the end of the day before."""
    local = due.astimezone(zone)
    return local.date() - timedelta(days=1) if local.time() == time() else local.date()


MOVES, IN_DOUBT = "next working day", "in doubt"  # words of the table `periods`
_SAID: Mapping[str, Mapping[str, str]] = {
    "sv": {
        "period": "{length} från {start}, sista dag {last}",
        "hours": "{length} från {start}, till {due}",
        "after": "{length} efter {start}, alltså {due}",
        "before": "{length} före {start}, alltså {due}",
        "other": "räknas från {start}, satt till {due}",
        "off": "ledig dag",
        MOVES: " ({what}; det som ska göras får göras till och med {until})",
        IN_DOUBT: " ({what}; om {until} räcker är inte kontrollerat, räkna med {last})",
        "no": " ({what}; tiden flyttas inte)",
    },
    "en": {
        "period": "{length} from {start}, last day {last}",
        "hours": "{length} from {start}, until {due}",
        "after": "{length} after {start}, which is {due}",
        "before": "{length} before {start}, which is {due}",
        "other": "counted from {start}, set to {due}",
        "off": "a day off",
        MOVES: " ({what}; what must be done may be done until {until})",
        IN_DOUBT: " ({what}; whether {until} is in time is not verified, count on {last})",
        "no": " ({what}; the time does not move)",
    },
}


def _on_day_off(last: date, moves: str, off: AbstractSet[date] | None, language: str) -> str:
    until = may_be_done_until(last, off=off)
    if until == last:
        return ""
    name = day_off_name(last, language=language)
    what = f"{name}, {_SAID[language]['off']}" if name else _SAID[language]["off"]
    return _SAID[language][moves].format(what=what, last=last, until=until)


def _at(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M}"


@lru_cache(maxsize=64)
def _days_off(year: int) -> frozenset[date]:
    years = years_around(date(year, 1, 1))
    return frozenset(day for each in years for day in _of_year(each, "sv") if day.weekday() <= FRIDAY)


@lru_cache(maxsize=64)
def _of_year(year: int, language: str, *, every: bool = False) -> Mapping[date, str]:
    found = holidays.country_holidays(
        "SE",
        years=year,
        expand=False,
        language=LANGUAGES[language],
        categories=("public", "de_facto", "optional") if every else ("public", "de_facto"),
        include_sundays=False,
    )
    return dict(found)


def _months_later(start: date, months: int) -> date:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))
