"""Pages that belong to no case: the way in, one's own settings, help, the accessibility statement."""

from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from service.commands import people as commands
from service.queries import notices, people
from service.rules.permissions import Role
from service.web.auth import begin, public
from service.web.presentation import names, t
from service.web.session import remember_language
from service.web.texts import LANGUAGES

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def go_home() -> ResponseReturnValue:
    """Go to the page that the reader's work begins on."""
    with begin() as work:
        roles = work.actor.roles
    if roles & {Role.CASEWORKER, Role.TEAM_LEADER}:
        return redirect("/tasks", 303)
    if Role.AUDITOR in roles:
        return redirect("/cases", 303)
    return redirect("/incidents" if Role.ADMINISTRATOR in roles else "/definitions", 303)


@blueprint.get("/settings")
def show_settings() -> ResponseReturnValue:
    """Show what the service knows of the reader, and what they may choose."""
    return settings_page()


@blueprint.post("/settings")
def change_settings() -> ResponseReturnValue:
    """Keep the reader's language and whether single keys act."""
    language = request.form.get("language", "")
    with begin() as work:
        commands.prefer(work, language=language or None, shortcuts="shortcuts" in request.form)
    answer = make_response(redirect("/settings?said=settings", 303))
    if language in LANGUAGES:
        remember_language(answer, language)
    return answer


@blueprint.post("/settings/logins/<uuid:login_id>/end")
def end_login(login_id: UUID) -> ResponseReturnValue:
    """End one of the reader's own logins."""
    with begin() as work:
        commands.end_login(work, login_id=login_id)
    return redirect("/settings?said=login_ended", 303)


@blueprint.post("/language")
def change_language() -> ResponseReturnValue:
    """Switch the language and stay on the page."""
    language = request.form.get("language", "")
    with begin() as work:
        commands.prefer(work, language=language)
    target = request.form.get("next", "/")
    answer = make_response(
        redirect(target if target.startswith("/") and target[1:2] not in "/\\" else "/", 303)
    )
    remember_language(answer, language)
    return answer


@blueprint.get("/help")
def show_help() -> ResponseReturnValue:
    """Explain the pages and the keys."""
    with begin():
        pass
    return render_template("help.html")


@blueprint.get("/accessibility")
@public
def show_accessibility() -> ResponseReturnValue:
    """The accessibility statement (lagen 2018:1937, 13 §)."""
    return render_template("accessibility.html")


def settings_page(
    *, problems: list[tuple[str, str]] | None = None, email: str | None = None, feed: str | None = None
) -> str:
    """Show the settings; with what is wrong in what was posted, or with a new calendar address, this once."""
    with begin() as work:
        me = work.actor
        units = names(people.units(work))
        logins = people.logins(work)
        channels = notices.channels(work)
    roles: dict[str, list[str]] = {}
    for role, unit in sorted(me.grants, key=lambda grant: (grant[1], grant[0])):
        roles.setdefault(units.get(unit, unit), []).append(t(f"role.{role}"))
    return render_template(
        "settings.html",
        me_name=me.name,
        username=me.username,
        roles=roles,
        delegations=sorted({code for code, _ in me.delegations}),
        logins=logins,
        channels=channels,
        email=email if email is not None else channels.email or "",
        feed=feed,
        problems=problems or [],
    )
