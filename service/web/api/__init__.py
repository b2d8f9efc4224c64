"""The HTTP API, version 1: JSON in and out, problem documents, an OpenAPI document made from the code."""

import json
from functools import cache

from flask import Blueprint, Flask, Response, current_app
from flask.typing import ResponseReturnValue

from service.web import auth
from service.web.api import (
    cases,
    definitions,
    documents,
    exports,
    feeds,
    health,
    history,
    incidents,
    messages,
    notices,
    openapi,
    people,
    statistics,
    tasks,
    timers,
    trainings,
)
from service.web.api.openapi import PREFIX, DocumentedApi
from service.web.api.problems import problem

NOUNS = (
    definitions,
    cases,
    tasks,
    documents,
    messages,
    timers,
    notices,
    feeds,
    incidents,
    history,
    exports,
    statistics,
    people,
    trainings,
)
described = Blueprint("openapi", __name__)


def register(app: Flask) -> None:
    """Put the API into the application."""
    api = openapi.make(app)
    for noun in NOUNS:
        name = f"api_{noun.blueprint.name}"
        api.register_blueprint(noun.blueprint, url_prefix=PREFIX, name=name)
    app.extensions["described"] = cache(lambda: _described(api))
    app.register_blueprint(described)
    app.register_blueprint(health.blueprint)


@described.get(f"{PREFIX}/openapi.json")
@auth.public
def describe() -> ResponseReturnValue:
    """Give the OpenAPI document."""
    return Response(current_app.extensions["described"](), content_type="application/json")


def _described(api: DocumentedApi) -> str:
    return json.dumps(openapi.document(api.spec), ensure_ascii=False)


__all__ = ["problem", "register"]
