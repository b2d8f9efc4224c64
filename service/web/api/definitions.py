"""Process definitions: what is in force, every version byte for byte, and publishing new ones."""

import re
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, request
from marshmallow import fields, validate

from service.commands import deployments, migrations
from service.engine import examples
from service.errors import Invalid, NotFound, Problem, WrongType
from service.models.definitions import DefinitionKind, DeploymentState
from service.queries import definitions, replays, simulations
from service.queries.paging import part
from service.web import auth
from service.web.api.requests import PARTS, Answer, Blueprint, changes, load, reads, works_alone
from service.web.api.schemas import (
    Page,
    Shown,
    Strict,
    Words,
    flag,
    instant,
    maybe,
    page_of,
    text,
    whole,
)
from service.work import UnitOfWork

blueprint = Blueprint("definitions", __name__, description="Diagrams, decision tables and forms")
OUTCOMES = ("same", "diverges", "blocked")
KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
STATES = [each.value for each in DeploymentState]
MOST_FILES = 200


class DefinitionItem(Shown):
    """One version of a process definition."""

    key = fields.String(required=True)
    name = fields.String(required=True)
    version = fields.Integer(required=True)
    deployment_id = fields.UUID(required=True)
    deployment = fields.Integer(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    deployed_at = instant(required=True)
    deployed_by = maybe(fields.String, attribute="deployed_by.username", dump_default=None)
    approved_at = instant(allow_none=True)
    approved_by = maybe(fields.String, attribute="approved_by.username", dump_default=None)
    note = fields.String(required=True)
    open_cases = fields.Integer(required=True)


class ElementItem(Shown):
    """An element of a diagram, with what its owner said of it."""

    id = fields.String(required=True)
    kind = fields.String(required=True)
    name = fields.Dict(required=True, keys=fields.String(), values=fields.String())
    form = maybe(fields.String)
    role = maybe(fields.String)
    milestone = maybe(fields.String)
    legal_basis = maybe(fields.String)
    right = maybe(fields.String)
    next = fields.List(fields.String(), required=True)


class DefinitionDocument(DefinitionItem):
    """One version and its elements."""

    title = fields.Dict(required=True, keys=fields.String(), values=fields.String())
    file = fields.String(required=True)
    elements = fields.List(fields.Nested(ElementItem), required=True)


class Published(Shown):
    """One definition that came with a deployment."""

    kind = fields.String(required=True, validate=validate.OneOf([each.value for each in DefinitionKind]))
    key = fields.String(required=True)
    version = fields.Integer(required=True)
    changed = fields.Boolean(required=True)


class WarningItem(Shown):
    """Something to think of before files take effect; it stops nothing."""

    message = fields.String(required=True)
    file = fields.String(required=True, allow_none=True)
    element = fields.String(required=True, allow_none=True)
    rule = fields.String(required=True, allow_none=True)


class DeploymentDocument(Shown):
    """What a deployment brought; without id and number after a dry run."""

    id = fields.UUID(required=True, allow_none=True)
    number = fields.Integer(required=True, allow_none=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    definitions = fields.List(fields.Nested(Published), required=True)
    warnings = fields.List(fields.Nested(WarningItem), required=True)


class Approved(Shown):
    """A deployment that has taken effect."""

    id = fields.UUID(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))


class PlaceItem(Shown):
    """Where something stands in the diagrams."""

    process = fields.String(required=True)
    element = fields.String(required=True)
    right = maybe(fields.String)


class ToldItem(Shown):
    """One line of a trace."""

    at = instant(required=True)
    kind = fields.String(required=True)
    step = fields.Integer(required=True, allow_none=True)
    place = fields.Nested(PlaceItem, required=True, allow_none=True)
    data = fields.Dict(required=True, allow_none=True, keys=fields.String())
    due = instant(required=True, allow_none=True)
    name = fields.String(required=True, allow_none=True)


class FailureItem(Shown):
    """Why a run stopped early, or did not end as expected."""

    step = fields.Integer(required=True, allow_none=True)
    element = fields.String(required=True, allow_none=True)
    message = fields.String(required=True)
    problems = fields.List(fields.Dict(keys=fields.String()), required=True)


class SimulationDocument(Shown):
    """What happened in a simulation and where it stands; nothing of it is kept."""

    trace = fields.List(fields.Nested(ToldItem), required=True)
    finished = fields.Boolean(required=True)
    now = instant(required=True)
    active = fields.List(fields.Nested(PlaceItem), required=True)
    awaited = fields.List(fields.String(), required=True)
    data = fields.Dict(required=True, keys=fields.String())
    failure = fields.Nested(FailureItem, required=True, allow_none=True)


class ChangeItem(Shown):
    """One thing that an element, a row or a field says differently."""

    element = fields.String(required=True)
    what = fields.String(required=True)
    old = fields.String(required=True, allow_none=True)
    new = fields.String(required=True, allow_none=True)


class DifferenceItem(Shown):
    """What is different in one diagram, table or form."""

    kind = fields.String(required=True)
    key = fields.String(required=True)
    added = fields.List(fields.String(), required=True)
    removed = fields.List(fields.String(), required=True)
    moved = fields.List(fields.String(), required=True)
    changed = fields.List(fields.Nested(ChangeItem), required=True)
    words = fields.List(Words(), required=True, metadata={"description": "In the reader's language."})


class Differences(Shown):
    """What is different between two versions of a process."""

    items = fields.List(fields.Nested(DifferenceItem), required=True)


class Versions(Strict):
    """Which versions to compare."""

    old = fields.Integer(data_key="from", required=True, validate=validate.Range(1))
    new = fields.Integer(data_key="to", required=True, validate=validate.Range(1))


class ObstacleItem(Shown):
    """Why a case cannot be moved."""

    reason = fields.String(required=True)
    element = fields.String(required=True, allow_none=True)
    message = Words(required=True, metadata={"description": "In the reader's language."})


class MovedItem(Shown):
    """What became of one case."""

    case_id = fields.UUID(required=True)
    reference = fields.String(required=True)
    moved = fields.Boolean(required=True)
    obstacles = fields.List(fields.Nested(ObstacleItem), required=True)
    problem = fields.String(required=True, allow_none=True)


class Migrated(Shown):
    """What became of each case; after a dry run, what would become of it."""

    items = fields.List(fields.Nested(MovedItem), required=True)


class MigrationBody(Strict):
    """Which cases to move: `cases`, or `all` that run on the old version (500 at a time), as without both."""

    old = whole(data_key="from", required=True, validate=validate.Range(1))
    new = whole(data_key="to", required=True, validate=validate.Range(1))
    cases = fields.List(fields.UUID(), validate=validate.Length(max=migrations.MOST))
    every = flag(data_key="all")
    mapping = fields.Dict(
        keys=text(longest=200),
        values=text(longest=128),
        validate=validate.Length(max=migrations.MOST),
        metadata={
            "description": "Old element id to new; those of a called process are named “process/element”."
        },
    )
    waived = fields.List(
        text(longest=200),
        load_default=list,
        validate=validate.Length(max=migrations.MOST),
        metadata={
            "description": "Steps, named as in `mapping`, that no second person needs to do any more though "
            "the old version asks for one; the note says why."
        },
    )
    note = text(longest=2000, load_default="")
    dry_run = flag(load_default=False)

    @ma.validates_schema
    def say_which(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse what names cases and all of them, or neither on purpose."""
        if data.get("every", "cases" not in data) == ("cases" in data):
            raise ma.ValidationError("Name the cases, or say all: true; one of the two.", "all")

    @ma.post_load
    def leave_out(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Give what the command takes: without `cases` it means all."""
        data.pop("every", None)
        return data


class MoveBackBody(Strict):
    """Which moved cases to move back to the version that they came from, and why."""

    cases = fields.List(fields.UUID(), required=True, validate=validate.Length(1, migrations.MOST))
    note = text(longest=2000, required=True)


class ReplayItem(Shown):
    """How one case would have gone: `same`, `diverges`, or `blocked`, with what differs first, and why."""

    case_id = fields.UUID(required=True)
    reference = fields.String(required=True)
    status = fields.String(required=True, metadata={"description": "Of the case, now."})
    outcome = fields.String(required=True, attribute="verdict.outcome", validate=validate.OneOf(OUTCOMES))
    steps = fields.Integer(
        required=True, attribute="verdict.steps", metadata={"description": "That went the same."}
    )
    reason = fields.String(required=True, attribute="verdict.reason", allow_none=True)
    place = fields.Nested(PlaceItem, required=True, attribute="verdict.place", allow_none=True)
    name = Words(required=True, metadata={"description": "Of the element, in the reader's language."})
    at = instant(required=True, attribute="verdict.at", allow_none=True)
    questions = fields.List(
        fields.String(),
        required=True,
        attribute="verdict.fields",
        metadata={"description": "Keys of the questions whose answers the form does not take."},
    )
    message = Words(required=True, attribute="verdict.message")


class ReplayDocument(Shown):
    """How cases went on a candidate. Nothing is kept, and nothing that anybody answered is told."""

    items = fields.List(fields.Nested(ReplayItem), required=True)
    counts = fields.Dict(required=True, keys=fields.String(), values=fields.Integer())
    left_out = fields.Integer(
        required=True, metadata={"description": "Cases that were too much for one call; name fewer."}
    )


class ReplayBody(Strict):
    """Files to lay over what is in force, and the cases to go through: those named, else the newest."""

    files = fields.Dict(keys=fields.String(), values=fields.String(), load_default=dict)
    cases = fields.List(fields.UUID(), validate=validate.Length(1, replays.MOST))
    sample = whole(load_default=replays.SAMPLE, validate=validate.Range(1, replays.MOST))


class ActBody(Strict):
    """One step of a simulation: a task, a message, or only time."""

    element = text(longest=128)
    right = text(longest=32)
    message = text(longest=200)
    data = fields.Dict(keys=fields.String())
    after = text(longest=64)


class SimulationBody(Strict):
    """What to run, and how: a version, or files over what is in force; neither: what is in force."""

    version = whole(validate=validate.Range(1))
    files = fields.Dict(keys=fields.String(), values=fields.String())
    name = text(longest=200)
    start_at = instant(required=True)
    data = fields.Dict(keys=fields.String(), load_default=dict)
    steps = fields.List(
        fields.Nested(ActBody), load_default=list, validate=validate.Length(max=examples.MOST_STEPS)
    )
    ends = text(longest=128)
    until = text(longest=64)


class Parts(Strict):
    """The fields that go with the files."""

    note = text(longest=2000, load_default="")
    dry_run = fields.Boolean(load_default=False)


UPLOAD = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["files", "note"],
                "additionalProperties": False,
                "properties": {
                    "files": {
                        "type": "array",
                        "items": {"type": "string", "format": "binary"},
                        "description": "*.bpmn, *.dmn, *.form.json, *.example.json",
                    },
                    "note": {"type": "string", "description": "What is changed and why."},
                    "dry_run": {"type": "boolean"},
                },
            }
        }
    },
}


@reads(blueprint, "/process-definitions", page_of(DefinitionItem, "Definition"), query=Page())
def listed(work: UnitOfWork, **which: Any) -> Any:
    """List the newest version in force of each process, by name."""
    return part(work, definitions.newest(work), by=["name", "key"], **which)


@reads(blueprint, "/process-definitions/<key>/versions", page_of(DefinitionItem, "Version"), query=Page())
def versions(work: UnitOfWork, key: str, **which: Any) -> Any:
    """List all versions of one process, the newest first."""
    return part(work, definitions.versions(work, _known(key)), by=["version"], newest_first=True, **which)


@reads(blueprint, "/process-definitions/<key>/versions/<int:version>", DefinitionDocument())
def one(work: UnitOfWork, key: str, version: int) -> Any:
    """Show one version; `Accept: application/xml` gives the BPMN as deployed, byte for byte."""
    found = definitions.one(work, _known(key), version)
    if request.accept_mimetypes.best_match(["application/json", "application/xml", "text/xml"]) in {
        "application/xml",
        "text/xml",
    }:
        disposition = f'attachment; filename="{found.file}"'
        return Response(
            found.content, headers={"Content-Disposition": disposition}, content_type="application/xml"
        )
    process = found.process
    return {
        **vars(found.row),
        "title": {"sv": process.title.sv, "en": process.title.en},
        "file": found.file,
        "elements": [
            {**vars(each), "name": {"sv": each.name.sv, "en": each.name.en}}
            for each in process.elements.values()
        ],
    }


@reads(blueprint, "/process-definitions/<key>/diff", Differences(), query=Versions())
def diff(work: UnitOfWork, key: str, *, old: int, new: int) -> dict[str, Any]:
    """Compare two versions of a process, with the tables and forms that each was deployed with."""
    return {"items": definitions.diff(work, _known(key), old, new)}


@changes(blueprint, "/process-definitions/<key>/simulations", SimulationDocument(), body=SimulationBody())
def simulate(work: UnitOfWork, key: str, **given: Any) -> dict[str, Any]:
    """Run a version or files on the real engine with a clock of its own; nothing is kept."""
    version, files = given.pop("version", None), given.pop("files", None)
    if version is not None and files is not None:
        raise Invalid(problems=[Problem("Give a version or files, not both.", pointer="/files")])
    sent = {name: content.encode() for name, content in (files or {}).items()}
    script = examples.script(given, process=_known(key))
    found = simulations.simulate(work, script, version=version, files=sent)
    failure = found.failure and {
        **vars(found.failure),
        "problems": [_told(p) for p in found.failure.problems],
    }
    return {**vars(found), "failure": failure}


@works_alone(blueprint, "/process-definitions/<key>/replays", ReplayDocument(), body=ReplayBody())
def replay(key: str, *, files: dict[str, str], **given: Any) -> replays.Replays:
    """Go through the histories of cases once more on files that are not deployed; nothing is kept."""
    sent = {name: content.encode() for name, content in files.items()}
    return replays.run(auth.begin, sent, process=_known(key), **given)


@works_alone(blueprint, "/process-definitions/<key>/migrations", Migrated(), body=MigrationBody())
def migrate(key: str, **given: Any) -> dict[str, Any]:
    """Move running cases to another version, each in a transaction of its own; a dry run only tells."""
    return {"items": migrations.migrate(auth.begin, _known(key), **given)}


@works_alone(blueprint, "/process-definitions/<key>/migrations/back", Migrated(), body=MoveBackBody())
def move_back(key: str, **given: Any) -> dict[str, Any]:
    """Move cases back to where they were moved from, as they stood; one that was acted on since stays."""
    return {"items": migrations.move_back(auth.begin, _known(key), **given)}


@changes(blueprint, "/deployments", DeploymentDocument(), status=201, document={"requestBody": UPLOAD})
def deploy(work: UnitOfWork) -> Answer:
    """Check and publish files, all or nothing; 422 lists every problem found. 200 when nothing is new."""
    given = _parts()
    files = _files()
    deployed = deployments.deploy(work, files=files, note=given["note"], dry_run=given["dry_run"])
    brings = not given["dry_run"] and any(each.changed for each in deployed.definitions)
    return Answer(deployed, status=201 if brings else 200)


@changes(blueprint, "/deployments/<uuid:deployment_id>/approval", Approved())
def approve(work: UnitOfWork, deployment_id: UUID) -> dict[str, Any]:
    """Approve a deployment as the second person; it takes effect at once."""
    deployments.approve(work, deployment_id)
    return {"id": deployment_id, "state": DeploymentState.ACTIVE.value}


def _parts() -> dict[str, Any]:
    if request.mimetype != PARTS:
        raise WrongType("Send the files as multipart/form-data, each in the field “files”.")
    given = request.form.to_dict(flat=False)
    given.pop("csrf", None)  # of a page's own form
    return load(FIELDS, {name: values[0] for name, values in given.items() if len(values) == 1})


def _files() -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    problems: list[Problem] = []
    listed = list(request.files.items(multi=True))
    if len(listed) > MOST_FILES:
        raise Invalid(problems=[Problem(f"Send at most {MOST_FILES} files.", pointer="/files", rule="size")])
    for field, file in listed:
        name = file.filename or ""
        if field != "files":
            problems.append(
                Problem("Send every file in the field “files”.", pointer=f"/{field}", rule="unknown")
            )
        elif name in files:
            problems.append(Problem("Two files have this name.", file=name, rule="unique-name"))
        files[name] = file.read()
    if problems:
        raise Invalid(problems=problems)
    return files


def _told(problem: Problem) -> dict[str, str]:
    return {name: value for name, value in vars(problem).items() if value is not None}


def _known(key: str) -> str:
    if not KEY.fullmatch(key):
        raise NotFound
    return key


FIELDS: ma.Schema = Parts()
