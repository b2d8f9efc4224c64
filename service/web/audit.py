"""The trail for those who check: who looked at what, and why."""

from datetime import date, datetime, time, timedelta
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from service.errors import Malformed
from service.queries import history
from service.queries.history import Access
from service.web import texts
from service.web.auth import begin
from service.web.presentation import t, zone

blueprint = Blueprint("audit", __name__)


@blueprint.get("/access-log")
def show_access_log() -> ResponseReturnValue:
    """List who looked at what in the units that the reader checks (lagen 2001:454, 10 §)."""
    case = _case(request.args.get("case"))
    since, until = _day(request.args.get("since")), _day(request.args.get("until"))
    with begin() as work:
        page = history.access_log(
            work,
            case=case,
            actor=request.args.get("actor", "").strip().lower() or None,
            since=_midnight(since),
            until=_midnight(until + timedelta(days=1)) if until else None,
            cursor=request.args.get("cursor"),
        )
    return render_template(
        "audit/access_log.html",
        page=page,
        case=case,
        wanted={"actor": request.args.get("actor", ""), "since": since or "", "until": until or ""},
        access_words=access_words,
    )


def access_words(access: Access) -> str:
    """Say what somebody did."""
    key = f"access_action.{access.action}"
    words = t(key) if texts.known(key) else access.action
    list_key = f"access_list.{access.subject}"
    return f"{words}: {t(list_key)}" if access.action == "list" and texts.known(list_key) else words


def _case(given: str | None) -> UUID | None:
    try:
        return UUID(given) if given else None
    except ValueError as error:
        raise Malformed from error


def _day(given: str | None) -> date | None:
    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        return None


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), zone()) if day else None
