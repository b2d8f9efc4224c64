"""What is deployed, to be read: processes, their versions, their diagrams and steps."""

from flask import Blueprint, Response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from service.engine import layouts
from service.queries import definitions, drafts
from service.rules.permissions import Permission, may
from service.web import steps
from service.web.auth import begin
from service.web.presentation import say

blueprint = Blueprint("definitions", __name__)


@blueprint.get("/definitions")
def show_definitions() -> ResponseReturnValue:
    """List the newest version of every process."""
    with begin() as work:
        rows = definitions.newest(work)
        ongoing = drafts.current(work)
    return render_template("definitions/list.html", rows=rows, drafts=ongoing)


@blueprint.get("/definitions/<key>")
def show_newest(key: str) -> ResponseReturnValue:
    """Go to the newest version of a process."""
    with begin() as work:
        newest = definitions.versions(work, key)[0]
    return redirect(url_for("definitions.show_version", key=key, version=newest.version), 303)


@blueprint.get("/definitions/<key>/<int:version>")
def show_version(key: str, version: int) -> ResponseReturnValue:
    """Show one version: diagram, steps, and the versions beside it."""
    with begin() as work:
        one = definitions.one(work, key, version)
        versions = definitions.versions(work, key)
        may_draft = may(work.actor, Permission.DEFINITION_DRAFT)
        behind = definitions.behind(work, key) if may(work.actor, Permission.DEFINITION_DEPLOY) else 0
    return render_template(
        "definitions/version.html",
        row=one.row,
        title=say(one.process.title),
        xml=layouts.shown(one.content, key),
        steps=steps.table(one.process),
        versions=versions,
        may_draft=may_draft,
        behind=behind,
    )


@blueprint.get("/definitions/<key>/<int:version>/bpmn")
def download(key: str, version: int) -> ResponseReturnValue:
    """Give the diagram's file as it was deployed, byte for byte."""
    with begin() as work:
        one = definitions.one(work, key, version)
    answer = Response(one.content, mimetype="application/xml")
    answer.headers["Content-Disposition"] = f'attachment; filename="{key}-{version}.bpmn"'
    return answer
