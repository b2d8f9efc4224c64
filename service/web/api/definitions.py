"""Process definitions: what is in force, every version byte for byte, and publishing new ones."""

import re
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, request
from marshmallow import fields, validate
from werkzeug.exceptions import UnsupportedMediaType

from service.commands import deployments
from service.errors import Invalid, NotFound, Problem
from service.models.definitions import DefinitionKind, DeploymentState
from service.queries import definitions
from service.queries.definitions import VersionRow
from service.web.api.requests import Answer, Blueprint, changes, load, reads
from service.web.api.schemas import Shown, Strict, instant, maybe, page_of, text
from service.work import UnitOfWork

blueprint = Blueprint("definitions", __name__, description="Diagrams, decision tables and forms")
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


class DeploymentDocument(Shown):
    """What a deployment brought; without id and number after a dry run."""

    id = fields.UUID(required=True, allow_none=True)
    number = fields.Integer(required=True, allow_none=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    definitions = fields.List(fields.Nested(Published), required=True)
    warnings = fields.List(fields.String(), required=True)


class Approved(Shown):
    """A deployment that has taken effect."""

    id = fields.UUID(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))


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
                        "description": "*.bpmn, *.dmn, *.form.json",
                    },
                    "note": {"type": "string", "description": "What is changed and why."},
                    "dry_run": {"type": "boolean"},
                },
            }
        }
    },
}


@reads(blueprint, "/process-definitions", page_of(DefinitionItem, "Definition"))
def listed(work: UnitOfWork) -> dict[str, Any]:
    """List the newest version in force of each process."""
    return _page(definitions.newest(work))


@reads(blueprint, "/process-definitions/<key>/versions", page_of(DefinitionItem, "Version"))
def versions(work: UnitOfWork, key: str) -> dict[str, Any]:
    """List all versions of one process, the newest first."""
    return _page(definitions.versions(work, _known(key)))


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
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType
    given = request.form.to_dict(flat=False)
    given.pop("csrf", None)  # of a page's own form
    return load(PARTS, {name: values[0] for name, values in given.items() if len(values) == 1})


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


def _known(key: str) -> str:
    if not KEY.fullmatch(key):
        raise NotFound
    return key


def _page(rows: tuple[VersionRow, ...]) -> dict[str, Any]:
    return {"items": rows, "next": None, "total": len(rows)}


PARTS: ma.Schema = Parts()
