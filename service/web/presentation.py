"""How values look on a page: dates, due badges in words, the reader's language, addresses of static files."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import nh3
from flask import Flask, current_app, g, request, url_for
from markdown_it import MarkdownIt
from markupsafe import Markup

from service.engine.text import Text
from service.rules import calendar, media
from service.rules.permissions import Role
from service.web import auth, texts

END_OF_DAY = time(23, 59)
MARKDOWN = MarkdownIt("commonmark", {"html": False, "linkify": False})
ALLOWED = {"p", "ul", "ol", "li", "strong", "em", "a", "h3", "h4", "blockquote", "br", "code"}


@dataclass(frozen=True)
class Due:
    """When something is due, for people: `state` is late, today, tomorrow, soon, later; `words` say it."""

    state: str
    words: str
    day: date
    at: datetime


def register(app: Flask) -> None:
    """Give the templates their words."""
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals |= {
        "t": t,
        "known": texts.known,
        "language": language,
        "asset": asset,
        "due": due,
        "actor": auth.actor,
        "unseen": auth.unseen,
        "held_since": auth.held_since,
        "built": built,
        "idle_seconds": auth.seconds_left,
        "csrf_token": auth.csrf_token,
        "navigation": navigation,
        "demo": lambda: auth.platform().settings.demo == "1",
        "with_query": with_query,
    }
    app.jinja_env.filters |= {
        "say": say,
        "day": day,
        "moment": moment,
        "clock": clock,
        "weekday": weekday,
        "markdown": markdown,
        "instant": instant,
        "filesize": filesize,
        "file_type": file_type,
    }


def language() -> str:
    """The reader's language: their own setting, else what they chose before, else the browser's."""
    actor = auth.actor()
    if actor is not None and actor.language in texts.LANGUAGES:
        return actor.language
    chosen = g.get("chosen_language") or request.cookies.get("language")
    if chosen in texts.LANGUAGES:
        return chosen
    return request.accept_languages.best_match(texts.LANGUAGES, default="sv") or "sv"


def t(key: str, **values: object) -> str:
    """Say a text of the catalogue in the reader's language."""
    return texts.text(key, language(), **values)


def say(text: Text | None) -> str:
    """Say what a diagram holds in the reader's language; nothing for None."""
    return text.in_(language()) if text is not None else ""


def zone() -> ZoneInfo:
    """Where legal dates are counted."""
    return auth.platform().settings.zone


def instant(at: datetime) -> str:
    """Write an instant for machines."""
    return at.astimezone(zone()).isoformat(timespec="minutes")


def day(at: datetime | date) -> str:
    """Write a date: 2026-11-23."""
    return (at.astimezone(zone()).date() if isinstance(at, datetime) else at).isoformat()


def clock(at: datetime) -> str:
    """Write a time of day: 14:05."""
    return at.astimezone(zone()).strftime("%H:%M")


def moment(at: datetime) -> str:
    """Write a date and a time of day; only the date where the day's end is meant."""
    return day(at) if _is_whole_day(at) else f"{day(at)} {clock(at)}"


def filesize(size: int) -> str:
    """Write how large a file is: 12 kB, 3,4 MB."""
    if size < 1000 * 1000:
        return f"{max(1, round(size / 1000))} kB"
    number = f"{size / (1000 * 1000):.1f}"
    return f"{number.replace('.', ',') if language() == 'sv' else number} MB"


def file_type(media_type: str) -> str:
    """Say what kind of file it is: PDF."""
    return media.BY_TYPE.get(media_type, media.UNKNOWN).name


def weekday(at: datetime | date) -> str:
    """Write a date with its weekday and week number: torsdag 2026-11-26 (v. 48)."""
    local = at.astimezone(zone()).date() if isinstance(at, datetime) else at
    name = t(f"weekday.{local.isoweekday()}")
    return t("date.with_weekday", weekday=name, day=local.isoformat(), week=local.isocalendar().week)


def due(at: datetime | None, *, now: datetime | None = None) -> Due | None:
    """Say when something is due, seen from now: by calendar days of the legal time zone."""
    if at is None:
        return None
    now = now or g.now
    local, here = at.astimezone(zone()), now.astimezone(zone())
    days = (local.date() - here.date()).days
    whole = _is_whole_day(at)
    if at < now:
        words = t("due.late_days", n=-days) if days else t("due.late_since", time=clock(at))
        return Due("late", words, local.date(), at)
    if days == 0:
        return Due("today", t("due.today") if whole else t("due.today_at", time=clock(at)), local.date(), at)
    if days == 1:
        return Due("tomorrow", t("due.tomorrow"), local.date(), at)
    state = "soon" if days <= 3 else "later"  # noqa: PLR2004  three days ahead
    return Due(state, t("due.in_days", n=days, day=local.date().isoformat()), local.date(), at)


def days_between(first: datetime, last: datetime) -> int:
    """Count the local dates from one to another."""
    return (last.astimezone(zone()).date() - first.astimezone(zone()).date()).days


def working_days_between(first: datetime, last: datetime) -> int:
    """Count the working days after one local date up to and with another."""
    start = first.astimezone(zone()).date()
    days = range(1, days_between(first, last) + 1)
    return sum(calendar.is_working_day(start + timedelta(days=each)) for each in days)


def markdown(text: str) -> Markup:
    """Show an owner's guidance: markdown without HTML, cleaned once more."""
    return Markup(nh3.clean(MARKDOWN.render(text), tags=ALLOWED, link_rel="noopener noreferrer"))  # noqa: S704  cleaned


def asset(name: str) -> str:
    """The address of a static file, which changes with its content."""
    folder = current_app.static_folder or ""
    path = Path(folder) / name
    stamp = path.stat().st_mtime_ns if path.exists() else 0
    return url_for("static", filename=name, v=_digest(path, stamp))


def built(name: str) -> str | None:
    """The address of a bundle that the front end's build made; None when it has not been built."""
    folder = Path(current_app.static_folder or "") / "build"
    manifest = folder / "manifest.json"
    if not manifest.exists():
        return None
    file = _manifest(manifest, manifest.stat().st_mtime_ns).get(name)
    return url_for("static", filename=f"build/{file}", v=1) if file else None


def navigation() -> list[tuple[str, str]]:
    """The pages that the reader's roles have use for: address and the key of the words.

    Auditors find the access log beside the other pages of those who check.
    """
    actor = auth.actor()
    if actor is None:
        return []
    workers = {Role.CASEWORKER, Role.TEAM_LEADER}
    offered = (
        ("/tasks", "nav.tasks", workers),
        ("/cases", "nav.cases", workers | {Role.AUDITOR}),
        ("/deadlines", "nav.deadlines", workers | {Role.AUDITOR}),
        ("/definitions", "nav.definitions", set(Role)),
        ("/incidents", "nav.incidents", {Role.TEAM_LEADER, Role.ADMINISTRATOR, Role.AUDITOR}),
        ("/answers", "nav.answers", set(Role)),
        ("/audit", "nav.audit", {Role.AUDITOR}),
        ("/access-log", "nav.access_log", {Role.TEAM_LEADER}),
    )
    return [
        (address, words)
        for address, words, roles in offered
        if actor.roles & roles and not (address == "/access-log" and Role.AUDITOR in actor.roles)
    ]


def with_query(**changed: str | None) -> str:
    """This page's address with some of its query changed; None leaves a part out."""
    query = {key: value for key, value in request.args.items() if value} | changed
    kept: dict[str, Any] = {key: value for key, value in query.items() if value is not None}
    return url_for(request.endpoint or "", **(request.view_args or {}), **kept)


def names(rows: Iterable[Any]) -> Mapping[str, str]:
    """Units by key, to be shown by name."""
    return {row.key: row.name for row in rows}


def _is_whole_day(at: datetime) -> bool:
    return at.astimezone(zone()).time() >= END_OF_DAY


@cache
def _manifest(path: Path, stamp: int) -> dict[str, str]:
    """What the build called its files; `stamp` tells a new build from an old one."""
    del stamp
    read: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return read


@cache
def _digest(path: Path, stamp: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if stamp else ""
