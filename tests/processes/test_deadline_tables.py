"""The tables that deadlines are counted, warned about and moved by: whole, dated, as the diagrams ask."""

from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from service.commands import deployments
from service.engine import decisions, definition
from service.engine.expressions import Moment
from service.rules import calendar

MOMENT = Moment(datetime(2026, 11, 24, 9, tzinfo=UTC), ZoneInfo("Europe/Stockholm"))
WORDS = {"assignee": 1, "team_leader": 2, "head": 3}


@cache
def deployed():
    return definition.parse(deployments.read_folder(Path(__file__).parents[2]))


def ask(table, **data):
    return decisions.decide(deployed().decisions, table, data, moment=MOMENT).outcome


@cache
def keys(table):
    rules = deployed().decisions[table].rules
    return {each.strip('"') for rule in rules for each in rule.tests[0].split(",")}


@pytest.mark.parametrize("year", [1990, 2004, 2005, 2008, 2026, 2027, 2038, 2060])
def test_the_table_of_days_off_says_what_the_law_says(year):
    named = calendar.named_days(year)
    told = {key: ask("days_off", day=key, on=day.isoformat()) for key, day in named.items()}
    off = {named[key] for key, answer in told.items() if answer is not None and answer["off"]}
    every = [date.fromordinal(date(year, 1, 1).toordinal() + each) for each in range(366)]
    assert off == {day for day in every if day.year == year and calendar.day_off_name(day)}


def test_the_national_day_took_the_place_of_whit_monday():
    assert ask("days_off", day="national_day", on="2004-06-06") is None
    assert ask("days_off", day="national_day", on="2005-06-06")["off"] is True
    assert ask("days_off", day="whit_monday", on="2004-05-31")["off"] is True
    assert ask("days_off", day="whit_monday", on="2005-05-16") is None


def test_the_eves_are_days_off_by_a_law_that_nobody_has_read():
    for eve in ("midsummer_eve", "christmas_eve", "new_years_eve"):
        told = ask("days_off", day=eve, on="2026-12-24")
        assert (told["off"], told["confidence"]) == (True, "D")
        assert "1930:173" in told["legal_basis"]
    assert ask("days_off", day="walpurgis_night", on="2026-04-30")["off"] is False


def test_every_name_of_a_time_in_the_diagrams_is_in_the_table():
    used = {
        element.period
        for process in deployed().processes.values()
        for element in process.elements.values()
        if element.period
    }
    assert used <= keys("periods")
    assert {"appeal", "reflection_period", "decision_expected", "revocation_comment"} <= used


def test_every_timer_that_waits_for_a_counted_day_names_its_time():
    waits = {"intermediateCatchEvent", "boundaryEvent"}
    timers = [
        node.element
        for process in deployed().processes.values()
        for level in process.levels
        for node in level.nodes.values()
        if node.kind in waits and node.trigger and node.trigger.kind == "timer"
    ]
    assert len(timers) > 10
    assert {each.id for each in timers if each.period is None} == {"offer_again"}


def test_warnings_widen_step_by_step_and_only_to_words_that_are_known():
    for period in keys("warnings"):
        levels = ask("warnings", period=period, on="2026-11-24")
        first = 9 if period == "late_task" else 1  # after all others
        assert [each["level"] for each in levels] == list(range(first, first + len(levels))), period
        whom = [WORDS[each["whom"]] for each in levels]
        assert whom == sorted(whom), period
    assert keys("warnings") - {"any_task", "late_task"} <= keys("periods")


def test_the_warnings_of_the_appeal_and_the_period_are_those_agreed_on():
    def told(period):
        levels = ask("warnings", period=period, on="2026-11-24")
        return [(each["amount"], each["unit"], each["counted"]) for each in levels]

    assert told("appeal") == [(each, "days", "after start") for each in (7, 14, 18)]
    assert told("reflection_period") == [(each, "days", "day of period") for each in (10, 20, 25, 28)]
    assert told("reimbursement_claim") == [(each, "days", "before due") for each in (60, 30, 10)]
    assert told("decision_expected")[:2] == [(each, "working days", "after start") for each in (2, 3)]


def test_what_the_law_fixes_moves_only_on_grounds_and_never_by_itself():
    for period in keys("periods"):
        told = ask("periods", period=period, on="2026-11-24")
        if told["fixed"]:
            assert told["confidence"] == "A", period
            assert ask("move_grounds", period=period, on="2026-11-24"), period
        assert told["moves"] != "next working day", period  # no rule about it has been read yet
        if told["moves"] == "in doubt":
            assert "(D)" in told["moves_basis"]
    assert not ask("periods", period="reflection_reminder_1", on="2026-11-24")["fixed"]
