"""The figures equal an independent recount: raw history events of cases led by chance, counted by hand."""

import random
from collections import Counter
from datetime import date, datetime
from statistics import median

import pytest
import sqlalchemy as sa
from story import ZONE, Story
from test_wandering import wander

from service.commands import cases, people
from service.models.cases import Case
from service.models.history import HistoryEvent
from service.queries import statistics
from service.queries.statistics import Asked
from service.rules.permissions import SYSTEM, Role

NAMES = {
    "applications_sent": "application-sent",
    "decisions_granted": "decision-granted",
    "decisions_refused": "decision-refused",
    "police_reports": "police-report-made",
    "extensions_requested": "extension-requested",
    "appeals": "appeal-sent",
}


def stories(begin, seed, many):
    """Cases led by chance, one after the other, every third of them handed to the other unit."""
    chance = random.Random(seed)  # noqa: S311  nothing secret
    told = begin("2026-10-05 09:05")
    for number in range(many):
        wander(told, chance)
        with told.platform.begin(SYSTEM) as work:
            if number % 3 == 2 and not told.closed:
                cases.transfer(work, told.id, unit="farsta", reason="Flytt")
        if number + 1 < many:
            told = Story(told.platform, told.hands, told.clock)
    return told


def reader(platform):
    """Bo, who now leads both units."""
    with platform.begin(SYSTEM) as work:
        people.grant(work, username="bo", role=Role.TEAM_LEADER, unit="farsta")
    with platform.begin(SYSTEM) as work:
        return people.actor(work, username="bo")


def raw(platform):
    """Every event of every case in order, with the case's unit and person."""
    with platform.begin(SYSTEM) as work:
        known = {each.id: each for each in work.session.scalars(sa.select(Case))}
        told = {id: [] for id in known}
        for event in work.session.scalars(sa.select(HistoryEvent).order_by(HistoryEvent.sequence)):
            told[event.case_id].append(event)
        return [(known[id], events) for id, events in told.items()], work.now


def day(instant):
    return instant.astimezone(ZONE).date()


def recount(platform, first, last, unit=None):
    """The same figures, the slow way."""
    told, now = raw(platform)
    counts, persons, days = Counter(), set(), []

    def inside(instant):
        return first <= day(instant) <= last

    for case, events in told:
        if unit in {None, case.unit_key}:
            recount_milestones(case, events, inside, (counts, persons, days))
            counts.update(recount_deadlines(events, inside, now))
    counts["individuals_rights_package_activated"] = len(persons)
    return counts, median(days) if days else None


def recount_milestones(case, events, inside, into):
    counts, persons, days = into
    sent = activated = None
    for event in [each for each in events if each.type == "milestone.reached"]:
        name = event.details["name"]
        if name == "rights-package-activated":
            activated = event.at
        if inside(event.at):
            counts.update(key for key, each in NAMES.items() if each == name)
            persons |= {case.person_index or case.id} if name == "rights-package-activated" else set()
            soon = name == "right-started" and (event.at - activated).total_seconds() <= 72 * 3600
            counts["rights_started_within_72h"] += soon
        if name.startswith("decision-") and sent:
            days += [(day(event.at) - day(sent)).days] if inside(event.at) else []
            sent = None
        sent = event.at if name == "application-sent" else sent


def recount_deadlines(events, inside, now):
    due = {
        event.details["task"]: datetime.fromisoformat(event.details["due"])
        for event in events
        if event.type == "task.opened" and event.details["due"]
    }
    closed = {
        event.details["task"]: event for event in events if event.type in {"task.completed", "task.cancelled"}
    }
    for task, at in due.items():
        if inside(at) and at < now:
            end = closed.get(task)
            if end is None or end.at > at:
                yield "deadlines_missed"
            elif end.type == "task.completed":
                yield "deadlines_met"


def compare(platform, actor, first, last, unit=None):
    with platform.begin(actor) as work:
        found = statistics.statistics(work, Asked(first, last, unit))
    counts, days = recount(platform, first, last, unit)
    assert found.exact
    figures = {key: each.total.number for key, each in found.figures.items()}
    counted = {*NAMES, "individuals_rights_package_activated", "rights_started_within_72h"}
    counted |= {"deadlines_met", "deadlines_missed"}
    assert {key: figures[key] for key in counted} == {key: counts[key] for key in counted}
    assert figures["days_application_to_decision"] == days
    for key in counted - {"individuals_rights_package_activated"}:
        figure = found.figures[key]
        assert sum(each.number for each in figure.units.values()) == figure.total.number, key
        assert sum(each.number for _, each in figure.spans) == figure.total.number, key
    return counts


@pytest.mark.parametrize("seed", [11])
def test_every_figure_is_what_a_recount_of_the_raw_events_gives(story, seed):
    told = stories(story, seed, 3)
    actor = reader(told.platform)
    today = date.fromisoformat(told.today)
    whole = compare(told.platform, actor, date(2026, 1, 1), today)
    assert sum(whole.values()) > 20, whole
    compare(told.platform, actor, date(2026, 10, 20), date(2026, 11, 9))
    compare(told.platform, actor, date(2026, 1, 1), date(2026, 12, 31), "farsta")
    compare(told.platform, actor, date(2026, 1, 1), today, "norrmalm")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.parametrize("seed", range(20, 32))
def test_every_figure_of_many_cases_is_what_a_recount_gives(story, seed):
    told = stories(story, seed, 8)
    actor = reader(told.platform)
    for month in range(1, 13):
        compare(told.platform, actor, date(2026, month, 1), date(2026, month, 28))
        compare(told.platform, actor, date(2027, 1, 1), date(2027, month, 28), "norrmalm")
