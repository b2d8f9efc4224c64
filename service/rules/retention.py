"""When what is personal in a closed case must be destroyed, by the table `retention`'s answer. Pure.

The duty arises a time after the last entry, and is done at the latest some calendar years later (SoL 16:1).
Some files may not be destroyed before a person has reached an age (16:2 a), some never (16:2, 16:4).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from service.rules import calendar
from service.rules.escalation import Fault

UNITS = ("days", "weeks", "months", "years")


class State(StrEnum):
    """What is to be done with a closed case."""

    DUE = "due"  # must be destroyed
    WAITS = "waits"  # not yet
    KEPT = "kept"  # never
    UNDECIDED = "undecided"  # the table or the file does not say enough: kept until somebody has looked


@dataclass(frozen=True)
class File:
    """What the rules need to know of a case, and of the other cases of its person."""

    last_entry: date
    is_open: bool  # the person has a case that goes on
    opened_on: date
    is_child: bool  # somebody said so, or that it may be
    placed: bool
    born: date | None  # None: not known
    birth_day: int | None  # of the month; None where only the year is known


@dataclass(frozen=True)
class Verdict:
    """What the law says of a case today."""

    state: State
    legal_basis: str = ""
    confidence: str = ""
    note: str = ""
    due_on: date | None = None
    finish_by: date | None = None


def fault(row: Mapping[str, Any]) -> Fault | None:
    """Say what is wrong with a row of the table `retention`; None when nothing is."""
    if not isinstance(row["kept"], bool):
        return Fault("retention-kept", "“kept” is true or false.")
    if row["kept"]:
        return None
    whole = all(isinstance(row[name], int) for name in ("amount", "finish_years"))
    if not whole or row["amount"] < 1 or row["finish_years"] < 0:
        message = (
            "What is not kept needs an “amount” of 1 or more and “finish_years” of 0 or more, whole numbers."
        )
        return Fault("retention-numbers", message)
    if row["unit"] not in UNITS:
        return Fault("retention-unit", f"“unit” is one of: “{', '.join(UNITS)}”.")
    age = row["not_before_age"]
    if age is not None and (not isinstance(age, int) or age < 1):
        return Fault("retention-age", "“not_before_age” is a whole number of years, or null.")
    return None


def facts(file: File, *, on: date) -> dict[str, Any]:
    """What the table is asked with."""
    return {
        "is_child": file.is_child,
        "age_when_opened": None if file.born is None else _age(file.born, file.opened_on),
        "placed": file.placed,
        "birth_day": file.birth_day,
        "on": on.isoformat(),
    }


def judge(file: File, answer: Mapping[str, Any] | None, *, today: date) -> Verdict:
    """Tell what is to be done with a case, by what the table answered for it."""
    if answer is None:
        return Verdict(State.UNDECIDED)
    told = (str(answer["legal_basis"]), str(answer["confidence"]), str(answer["note"]))
    if answer["kept"]:
        return Verdict(State.KEPT, *told)
    age = answer.get("not_before_age")
    if age is not None and file.born is None:
        return Verdict(State.UNDECIDED, *told)
    if file.is_open:
        return Verdict(State.WAITS, *told)
    due = calendar.later(file.last_entry, int(answer["amount"]), answer["unit"])
    if age is not None and file.born is not None:
        due = max(due, calendar.later(file.born, int(age), "years"))
    finish_by = date(due.year + int(answer["finish_years"]), 12, 31)
    return Verdict(State.DUE if today >= due else State.WAITS, *told, due_on=due, finish_by=finish_by)


def _age(born: date, on: date) -> int:
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
