"""The table of retention, asked as the service asks it: who is kept, how long, and what nobody can decide."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from journey import ROOT, ZONE, deployed

from service.commands import tables
from service.commands.deployments import read_folder
from service.engine import decisions, definition
from service.engine.expressions import Moment
from service.rules import retention
from service.rules.retention import File, State

MOMENT = Moment(datetime(2031, 5, 4, 9, tzinfo=UTC), ZONE)
GROWN = File(
    last_entry=date(2026, 5, 4),
    is_open=False,
    opened_on=date(2026, 1, 7),
    is_child=False,
    placed=False,
    born=date(1990, 3, 17),
    birth_day=17,
)


def judged(today="2031-05-04", **changed):
    file, day = replace(GROWN, **changed), date.fromisoformat(today)
    answer = decisions.decide(
        deployed().decisions, "retention", retention.facts(file, on=day), moment=MOMENT
    ).outcome
    return retention.judge(file, answer, today=day)


def test_what_is_personal_goes_five_years_after_the_last_entry_and_by_the_end_of_the_next_year():
    assert judged("2031-05-03").state is State.WAITS
    due = judged()
    assert (due.state, due.due_on, due.finish_by) == (State.DUE, date(2031, 5, 4), date(2032, 12, 31))
    assert (due.legal_basis, due.confidence) == ("16 kap. 1 § socialtjänstlagen (2025:400)", "A")
    assert judged(last_entry=date(2028, 2, 29), today="2033-02-28").state is State.DUE


def test_nothing_goes_while_the_person_has_a_case_that_goes_on():
    assert judged("2060-01-01", is_open=True).state is State.WAITS


@pytest.mark.parametrize(
    "child",
    [
        {"is_child": True, "born": date(2010, 3, 17)},
        {"is_child": False, "born": date(2008, 1, 8)},  # said to be grown, and a day too young for it
    ],
)
def test_a_child_is_not_forgotten_before_it_is_thirty(child):
    thirty = child["born"].replace(year=child["born"].year + 30)
    assert judged(str(thirty.replace(day=thirty.day - 1)), **child).state is State.WAITS
    due = judged(str(thirty), **child)
    assert (due.state, due.due_on) == (State.DUE, thirty)
    assert "2 a §" in due.legal_basis


def test_a_child_of_whom_no_birth_is_known_is_left_for_people_to_decide():
    assert judged("2090-01-01", is_child=True, born=None, birth_day=None).state is State.UNDECIDED
    assert judged("2031-05-04", born=None, birth_day=None).state is State.DUE  # somebody said: grown


def test_files_of_placed_children_are_kept_for_ever():
    kept = judged("2090-01-01", is_child=True, placed=True, born=date(2010, 3, 17))
    assert (kept.state, kept.confidence) == (State.KEPT, "A")
    assert judged(placed=True).state is State.DUE  # a grown person in a shelter


@pytest.mark.parametrize("day", [5, 15, 25])
def test_who_may_belong_to_the_sample_for_research_is_kept_and_that_is_in_doubt(day):
    kept = judged("2090-01-01", born=date(1990, 3, day), birth_day=day)
    assert (kept.state, kept.confidence) == (State.KEPT, "D")


def test_the_law_of_the_day_is_asked_for_and_what_nobody_has_read_says_so():
    before = judged("2025-06-30", last_entry=date(2015, 1, 1))
    assert (before.legal_basis, before.confidence) == ("12 kap. 1 § socialtjänstlagen (2001:453)", "D")
    after = judged("2025-07-01", last_entry=date(2015, 1, 1))
    assert (after.legal_basis, after.confidence) == ("16 kap. 1 § socialtjänstlagen (2025:400)", "A")


def test_without_an_answer_nothing_is_destroyed():
    assert retention.judge(GROWN, None, today=date(2090, 1, 1)).state is State.UNDECIDED


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"kept": None}, "retention-kept"),
        ({"amount": None}, "retention-numbers"),
        ({"amount": 0}, "retention-numbers"),
        ({"finish_years": "ett"}, "retention-numbers"),
        ({"unit": "år"}, "retention-unit"),
        ({"not_before_age": "trettio"}, "retention-age"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused_at_deployment(changed, rule):
    row = {"kept": False, "amount": 5, "unit": "years", "not_before_age": None, "finish_years": 1}
    assert retention.fault(row) is None
    assert retention.fault(row | changed).rule == rule
    files = read_folder(ROOT)
    name = next(each for each in files if each.endswith("retention.dmn"))
    broken = files[name].replace(b"<text>5</text>", b"<text>0</text>")
    parsed = definition.parse(files | {name: broken})
    assert {each.rule for each in tables.problems(parsed, {name})} == {"retention-numbers"}
