"""Identifiers: case references that can be read aloud; personal and co-ordination numbers. Pure."""

import re
from datetime import date

ALPHABET = "23456789CDFHJKMNPQRTWXY"  # no look-alikes (0O 1IL 5S... only one of each), no vowels, so no words
LENGTH = 6
REFERENCES = len(ALPHABET) ** LENGTH  # possible references in a year: 148 million
_REFERENCE = re.compile(rf"([0-9]{{2}})-?([{ALPHABET}]{{{LENGTH}}})")

SEPARATOR_OF_THE_OLD = "+"  # written instead of a hyphen from the year in which a person turns 100
COORDINATION = 60  # added to the day of birth (folkbokföringslagen 18 b §, lagen 2022:1697 2:1)
_NUMBER = re.compile(r"(?P<century>[0-9]{2})?(?P<six>[0-9]{6})(?P<separator>[-+]?)(?P<four>[0-9]{4})")


def case_reference(year: int, chosen: int) -> str:
    """Write a case reference such as `26-K7QF3M`; `chosen` is a random number below `REFERENCES`."""
    letters = []
    for _ in range(LENGTH):
        chosen, place = divmod(chosen, len(ALPHABET))
        letters.append(ALPHABET[place])
    return f"{year % 100:02d}-{''.join(letters)}"


def read_case_reference(text: str) -> str | None:
    """Give a case reference in its one spelling, however it was typed; None when it is not one."""
    found = _REFERENCE.fullmatch(re.sub(r"\s", "", text).upper())
    return f"{found[1]}-{found[2]}" if found else None


def personal_number(text: str, *, today: date) -> str | None:
    """Give a personal or co-ordination number as 12 digits, ÅÅÅÅMMDDNNNN, however it was typed.

    None when it is not one: a day that does not exist or lies ahead, or a wrong check digit. `today`
    says which century is meant where only two digits of the year are given.
    """
    found = _NUMBER.fullmatch(re.sub(r"\s", "", text).replace("\N{EN DASH}", "-"))
    if found is None or not _checks(found["six"] + found["four"]):
        return None
    born = _born(found, today)
    if born is None or born > today:
        return None
    return f"{born.year}{found['six'][2:]}{found['four']}"


def born_on(number: str) -> date:
    """The day of birth in a number that `personal_number` gave."""
    return date(int(number[:4]), int(number[4:6]), int(number[6:8]) % COORDINATION)


def _born(found: re.Match[str], today: date) -> date | None:
    month, day = int(found["six"][2:4]), int(found["six"][4:6])
    if day > COORDINATION:
        day -= COORDINATION
    year = _year(found, today)
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _year(found: re.Match[str], today: date) -> int:
    two = int(found["six"][:2])
    if found["century"]:
        return int(found["century"]) * 100 + two
    year = today.year - (today.year - two) % 100  # the latest year with these two digits
    month, day = int(found["six"][2:4]), int(found["six"][4:6]) % COORDINATION
    if year == today.year and (month, day) > (today.month, today.day):
        year -= 100
    return year - 100 if found["separator"] == SEPARATOR_OF_THE_OLD else year


def _checks(ten: str) -> bool:
    """Tell whether the last of ten digits is the Luhn digit of the others."""
    total = 0
    for place, digit in enumerate(ten):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled // 10 + doubled % 10
    return total % 10 == 0
