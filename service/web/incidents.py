"""What has failed and waits for a person: read the cause, try again, or say how it was dealt with."""

from uuid import UUID

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from service.commands import incidents as commands
from service.errors import Conflict, Invalid
from service.queries import incidents, people
from service.rules.permissions import Role
from service.web.auth import begin
from service.web.presentation import names, t

blueprint = Blueprint("incidents", __name__)


@blueprint.get("/incidents")
def show_incidents() -> ResponseReturnValue:
    """List the incidents of the cases that the reader may see."""
    return _page()


@blueprint.post("/incidents/<uuid:incident_id>/retry")
def retry(incident_id: UUID) -> ResponseReturnValue:
    """Let the job run again."""
    try:
        with begin() as work:
            commands.retry(work, incident_id)
    except Conflict as error:
        return _page(problems=[(None, error.message)]), 409
    return redirect("/incidents?said=retried", 303)


@blueprint.post("/incidents/<uuid:incident_id>/resolve")
def resolve(incident_id: UUID) -> ResponseReturnValue:
    """Say how the incident was dealt with."""
    field = f"reason-{incident_id}"
    try:
        with begin() as work:
            commands.resolve(work, incident_id, reason=request.form.get("reason", ""))
    except Invalid:
        words = t("manage.reason_missing")
        return _page(problems=[(field, words)], wrong={"id": incident_id, "words": words}), 422
    except Conflict as error:
        return _page(problems=[(None, error.message)]), 409
    return redirect("/incidents?said=resolved", 303)


def _page(
    *, problems: list[tuple[str | None, str]] | None = None, wrong: dict[str, object] | None = None
) -> str:
    state = "resolved" if request.args.get("state") == "resolved" else "open"
    with begin() as work:
        page = incidents.incidents(work, state=state, cursor=request.args.get("cursor"))
        units = names(people.units(work))
        roles = work.actor.roles
    return render_template(
        "audit/incidents.html",
        page=page,
        state=state,
        unit_names=units,
        handles=bool(roles & {Role.TEAM_LEADER, Role.ADMINISTRATOR}),
        sees_cases=bool(roles & {Role.CASEWORKER, Role.TEAM_LEADER, Role.AUDITOR}),
        problems=problems or [],
        wrong=wrong or {},
    )
