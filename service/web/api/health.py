"""For machines that watch the service: is it up, is it ready, some numbers. Open to all, nothing personal."""

import json
from dataclasses import asdict
from datetime import datetime

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from service.errors import Unavailable
from service.queries import health
from service.queries.health import Watch
from service.rules.permissions import SYSTEM
from service.web import auth

blueprint = Blueprint("health", __name__)
OVERDUE, POLL, OUTBOX = 300.0, 120.0, 900.0  # seconds after which an alarm goes off
BACKUP = 26 * 3600.0  # a nightly one may take two hours
SILENT = 60.0  # seconds without a heartbeat after which nobody fires timers
HELD = "held since a backup was restored: enter what is missing, then run andrum restore --release"


@blueprint.get("/healthz")
@auth.public
def alive() -> ResponseReturnValue:
    """Tell that the process answers."""
    return {"status": "ok"}


@blueprint.get("/readyz")
@auth.public
def ready() -> ResponseReturnValue:
    """Tell whether the service can do its work, and what is missing when it cannot."""
    checks = {"database": "ok", "migrations": "ok", "scheduler": "ok"}
    try:
        with auth.platform().begin(SYSTEM) as work:
            found = health.readiness(work)
            checks["scheduler"] = HELD if found.held else _scheduler(found.last_beat, work.now)
        if not found.migrated:
            checks["migrations"] = "the tables are not the newest: run andrum db upgrade"
    except Unavailable:
        checks = dict.fromkeys(checks, "not known") | {"database": "does not answer"}
    is_ready = all(each == "ok" for each in checks.values())
    told = {"status": "ready" if is_ready else "not ready", "checks": checks}
    return Response(json.dumps(told), 200 if is_ready else 503, content_type="application/json")


@blueprint.get("/deadlines/health")
@auth.public
def watch() -> ResponseReturnValue:
    """Tell an alarm outside the service whether deadlines are kept: 200, or 503 with what is wrong."""
    numbers: dict[str, float | None] = {}
    try:
        with auth.platform().begin(SYSTEM) as work:
            found = health.watch(work)
        wrong, numbers = _wrong(found), asdict(found)
    except Unavailable:
        wrong = ["database"]
    told = {"status": "alarm" if wrong else "ok", "wrong": wrong, **numbers}
    return Response(json.dumps(told), 503 if wrong else 200, content_type="application/json")


@blueprint.get("/metrics")
@auth.public
def metrics() -> ResponseReturnValue:
    """Give a few numbers to Prometheus."""
    with auth.platform().begin(SYSTEM) as work:
        found, watched = health.gauges(work), health.watch(work)
        beat = _or_ever((work.now - found.last_beat).total_seconds() if found.last_beat else None)
    registry = CollectorRegistry()
    cases = Gauge("andrum_cases", "Cases by status", ["status"], registry=registry)
    for status, how_many in found.cases.items():
        cases.labels(status).set(how_many)
    numbers: dict[str, tuple[str, float]] = {
        "andrum_tasks_open": ("Tasks that wait for a person", found.tasks_open),
        "andrum_tasks_overdue": ("Open tasks whose due instant has passed", found.tasks_overdue),
        "andrum_timers_waiting": ("Timers that wait for their instant", found.timers_waiting),
        "andrum_timers_late_seconds": ("How late the oldest due timer is", found.timers_late_seconds),
        "andrum_incidents_open": ("Incidents that wait for a person", found.incidents_open),
        "andrum_cases_stuck": ("Open cases that nothing moves", watched.stuck),
        "andrum_mail_unsent": ("E-mails that wait to leave", watched.unsent),
        "andrum_mail_unsent_seconds": ("How long the oldest of them has waited", watched.unsent_age),
        "andrum_mail_undelivered": ("E-mails given up during the last day", watched.undelivered),
        "andrum_backup_age_seconds": ("How long ago a good backup was taken", _or_ever(watched.backup)),
        "andrum_held": ("1 while timers and letters are held since a restore", float(watched.held)),
        "andrum_heartbeat_age_seconds": ("How long ago a worker last polled", beat),
    }
    for name, (says, number) in numbers.items():
        Gauge(name, says, registry=registry).set(number)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _wrong(found: Watch) -> list[str]:
    """Name what must wake somebody up."""
    alarms = {
        "overdue": found.overdue > OVERDUE,
        "poll": found.poll is None or found.poll > POLL,
        "stuck": found.stuck > 0,
        "outbox": found.unsent_age > OUTBOX or found.undelivered > 0,
        "backup": found.backup is not None and found.backup > BACKUP,
        "held": found.held,
    }
    return [name for name, is_wrong in alarms.items() if is_wrong]


def _or_ever(age: float | None) -> float:
    """An age, or infinity for what has never happened."""
    return float("inf") if age is None else age


def _scheduler(last_beat: datetime | None, now: datetime) -> str:
    if last_beat is None:
        return "no worker has polled yet: run andrum worker"
    age = (now - last_beat).total_seconds()
    return "ok" if age <= SILENT else f"no worker has polled for {age:.0f} seconds"
