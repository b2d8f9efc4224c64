"""The calendar feed: a person's deadlines, at a secret address that opens nothing else."""

from datetime import timedelta

from flask import Response, url_for
from marshmallow import fields

from service.commands import feeds
from service.queries import agenda
from service.queries.agenda import Entry
from service.rules import calendar
from service.web import auth, icalendar
from service.web.api.requests import Answer, Blueprint, changes, files
from service.web.api.schemas import Shown, Strict, text
from service.web.presentation import END_OF_DAY, moment, say, t, zone
from service.work import UnitOfWork

blueprint = Blueprint("feeds", __name__, description="Deadlines in calendar programs")
REFRESH = timedelta(hours=1)


class Secret(Strict):
    """What opens the feed."""

    token = text(
        longest=200,
        metadata={"description": "What settings or `POST /feed` gave; left out: who asks is identified."},
    )


class FeedAddress(Shown):
    """Where a calendar program finds the feed; told this once."""

    token = fields.String(required=True)
    url = fields.String(required=True)


@files(blueprint, "/deadlines.ics", "text/calendar", query=Secret())
def show(*, token: str = "") -> Response:
    """Give your running deadlines as a calendar (RFC 5545): references and steps, nothing personal.

    The secret is made, replaced and taken back under settings or here. Protected cases are not named.
    """
    with auth.begin_with_feed(token) if token else auth.begin() as work:
        entries = agenda.agenda(work)
        site = work.platform.settings.public_url.rstrip("/")
    events = [_event(each, site) for each in entries]
    written = icalendar.calendar(t("feed.name"), events, refresh=REFRESH)
    return Response(written, content_type="text/calendar; charset=utf-8")


@changes(blueprint, "/feed", FeedAddress(), status=201)
def make(work: UnitOfWork) -> dict[str, str]:
    """Make a new address of your feed; the one before, if any, is no good from now on."""
    secret = feeds.rotate(work)
    site = work.platform.settings.public_url.rstrip("/")
    return {"token": secret, "url": f"{site}{url_for('api_feeds.show', token=secret)}"}


@changes(blueprint, "/feed", None, method="DELETE", status=204)
def end(work: UnitOfWork) -> Answer:
    """Take your feed back."""
    feeds.revoke(work)
    return Answer(None)


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
