"""The calendar feed: a person's deadlines, at a secret address that opens nothing else."""

from datetime import timedelta

from flask import Response

from service.queries import agenda
from service.queries.agenda import Entry
from service.rules import calendar
from service.web import auth, icalendar
from service.web.api.requests import Blueprint, files
from service.web.api.schemas import Strict, text
from service.web.presentation import END_OF_DAY, moment, say, t, zone

blueprint = Blueprint("feeds", __name__, description="Deadlines in calendar programs")
REFRESH = timedelta(hours=1)


class Secret(Strict):
    """What opens the feed."""

    token = text(longest=200, metadata={"description": "The secret that settings gave."})


@files(blueprint, "/deadlines.ics", "text/calendar", query=Secret())
def show(*, token: str = "") -> Response:
    """Give your running deadlines as a calendar (RFC 5545): references and steps, nothing personal.

    The secret is made, replaced and taken back under settings. Protected cases are not named.
    """
    with auth.begin_with_feed(token) as work:
        entries = agenda.agenda(work)
        site = work.platform.settings.public_url.rstrip("/")
    events = [_event(each, site) for each in entries]
    written = icalendar.calendar(t("feed.name"), events, refresh=REFRESH)
    return Response(written, content_type="text/calendar; charset=utf-8")


def _event(entry: Entry, site: str) -> icalendar.Event:
    local = entry.due_at.astimezone(zone())
    whole = local.time() >= END_OF_DAY or local.time() == local.min.time()
    name = say(entry.name) if entry.name else t("feed.protected")
    summary = f"{name}: {entry.reference}" if entry.reference else name
    return icalendar.Event(
        uid=f"{entry.id}@andrum",
        stamp=entry.since,
        start=calendar.day_of(entry.due_at, zone()) if whole else entry.due_at,
        summary=": ".join((t("feed.paused"), summary)) if entry.paused else summary,
        description=t("feed.due", at=moment(entry.due_at)),
        url=f"{site}/cases/{entry.case_id}" if site and entry.reference else None,
        cancelled=entry.paused,
    )
