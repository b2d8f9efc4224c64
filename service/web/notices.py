"""Warnings on screen, and how the reader is told outside the pages: address, daily list, calendar feed."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from service.commands import feeds, people
from service.commands import notices as commands
from service.errors import Invalid
from service.queries import notices
from service.web import auth, pages
from service.web.auth import begin
from service.web.presentation import t

blueprint = Blueprint("notices", __name__)


@blueprint.get("/notices")
def show_notices() -> ResponseReturnValue:
    """List the reader's warnings, the newest first."""
    with begin() as work:
        page = notices.mine(work, cursor=request.args.get("cursor"))
    return render_template("deadlines/notices.html", page=page, new=auth.unseen())


@blueprint.post("/notices/seen")
def mark_seen() -> ResponseReturnValue:
    """Mark all the reader's warnings as seen."""
    with begin() as work:
        commands.seen(work)
    return redirect(url_for("notices.show_notices", said="seen"), 303)


@blueprint.post("/settings/warnings")
def change_channels() -> ResponseReturnValue:
    """Keep where warnings go by e-mail and whether a daily list is wanted."""
    email = request.form.get("email", "")
    try:
        with begin() as work:
            people.set_address(work, username=work.actor.username, email=email)
            people.prefer(work, digest="digest" in request.form)
    except Invalid:
        return pages.settings_page(problems=[("email", t("channels.wrong"))], email=email), 422
    return redirect("/settings?said=settings", 303)


@blueprint.post("/settings/calendar")
def make_feed() -> ResponseReturnValue:
    """Make a new address for the calendar feed, and show it this once; the one before is no good any more."""
    with begin() as work:
        secret = feeds.rotate(work)
        site = work.platform.settings.public_url.rstrip("/") or request.host_url.rstrip("/")
    return pages.settings_page(feed=f"{site}/api/v1/deadlines.ics?token={secret}")


@blueprint.post("/settings/calendar/end")
def end_feed() -> ResponseReturnValue:
    """Take the calendar feed back."""
    with begin() as work:
        feeds.revoke(work)
    return redirect("/settings?said=feed_ended", 303)
