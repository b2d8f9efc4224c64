"""A draft tried on real cases, on a page: how many would go the same way, and where the others differ."""

from uuid import UUID

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from service.errors import Refused
from service.queries import drafts, replays
from service.rules.permissions import Permission, require
from service.web.auth import begin
from service.web.workshop import findings

blueprint = Blueprint("replays", __name__)


@blueprint.post("/drafts/<uuid:draft_id>/replays")
def run(draft_id: UUID) -> ResponseReturnValue:
    """Go through the newest cases on the draft: logged for each of them, and nothing is kept."""
    with begin() as work:
        require(work.actor, Permission.DEFINITION_DEPLOY)
        one = drafts.one(work, draft_id)
    try:
        found = replays.run(begin, {each.name: each.content for each in one.files})
    except Refused as error:
        told = [f"{each.file or ''} {each.element or ''}: {findings.told(each)}" for each in error.problems]
        return render_template("drafts/replays.html", row=one.row, found=None, problems=told), 422
    return render_template("drafts/replays.html", row=one.row, found=found, problems=[])
