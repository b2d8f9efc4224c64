"""The OpenAPI document, made from the code: what flask-smorest knows, and what holds for every operation."""

from copy import deepcopy
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask
from flask_smorest import Api

from service.web.api.schemas import Bound, Instant, ProblemDocument, Words

PREFIX = "/api/v1"
ABOUT = """Errors are problem documents (RFC 9457). Lists are paged by `limit` and an opaque `cursor`. Changes
take an `Idempotency-Key`: the same key and request give the first answer again, another request gives 422.
Cases and tasks carry an `ETag`; `If-Match` is honoured on change."""
ERRORS = {
    "400": "The request could not be read",
    "401": "No identity",
    "403": "Not allowed",
    "404": "Unknown, or not visible to you",
    "405": "The address does not take that method",
    "409": "Someone was first, or the case moved on",
    "412": "Changed since it was seen (If-Match)",
    "413": "Too large",
    "415": "Wrong type of body",
    "422": "Understood, but not valid",
    "429": "Too many attempts",
    "503": "Not ready",
}
READING = ("400", "401", "403", "404", "405", "422", "503")
HEADERS = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Makes a repeated request do nothing new.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 128},
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "The ETag that was seen; 412 when it has changed.",
        "schema": {"type": "string"},
    },
}


class DocumentedApi(Api):  # type: ignore[misc]  # flask-smorest is not typed
    """flask-smorest without its own error answers: every error is ours."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """Leave errors to web/errors.py."""

    def _register_responses(self) -> None:
        """Document errors once, in `document`."""


def make(app: Flask) -> DocumentedApi:
    """Make the API of an application."""
    app.config |= {"API_TITLE": "Andrum", "API_VERSION": "v1", "OPENAPI_VERSION": "3.1.0"}
    plugin = MarshmallowPlugin()
    api = DocumentedApi(
        app, spec_kwargs={"marshmallow_plugin": plugin, "info": {"description": " ".join(ABOUT.split())}}
    )
    api.register_field(Instant, "string", "date-time")
    api.register_field(Words, "string", None)
    api.register_field(Bound, "string", None)
    return api


def document(spec: APISpec) -> dict[str, Any]:
    """Give the document with security, headers and errors of every operation."""
    components = spec.components
    if "ProblemDocument" not in components.schemas:
        components.schema("ProblemDocument", schema=ProblemDocument)
    made: dict[str, Any] = deepcopy(spec.to_dict())
    made["components"] |= {
        "responses": {code: _error(says) for code, says in ERRORS.items()},
        "parameters": HEADERS,
        "securitySchemes": {
            "token": {"type": "http", "scheme": "bearer"},
            "session": {"type": "apiKey", "in": "cookie", "name": "andrum"},
        },
    }
    made["security"] = [{"token": []}, {"session": []}]
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            if method in {"get", "post", "put", "delete"}:
                _complete(operation, path, method)
    return made


def _complete(operation: dict[str, Any], path: str, method: str) -> None:
    codes = READING if method == "get" else tuple(ERRORS)
    responses = operation.setdefault("responses", {})
    responses |= {code: {"$ref": f"#/components/responses/{code}"} for code in codes}
    if path == f"{PREFIX}/session" and method == "post":
        operation["security"] = []
    elif method != "get":
        names = ["IdempotencyKey"]
        if "/{case_id}/" in path or "/{task_id}/" in path:
            names.append("IfMatch")
        parameters = operation.setdefault("parameters", [])
        parameters += [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _error(says: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    return {"description": says, "content": {"application/problem+json": {"schema": schema}}}
