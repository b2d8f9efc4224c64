"""The counter: HTTP in, HTML or JSON out. No SQL and no rules here: pages ask commands and queries."""

from flask import Flask

from service.web import (
    answers,
    api,
    audit,
    auth,
    board,
    cases,
    definitions,
    documents,
    errors,
    forms,
    incidents,
    moves,
    notices,
    pages,
    presentation,
    security,
    session,
    tasks,
    trace,
    trainings,
    workshop,
)


def register(app: Flask) -> None:
    """Put the whole counter into the application, which has its platform in `extensions["platform"]`."""
    security.register(app)
    auth.register(app)
    errors.register(app, problem=api.problem)
    presentation.register(app)
    forms.register(app)
    for each in (
        session,
        pages,
        notices,
        moves,
        tasks,
        cases,
        documents,
        definitions,
        incidents,
        audit,
        trace,
        board,
        answers,
        trainings,
    ):
        app.register_blueprint(each.blueprint)
    workshop.register(app)
    api.register(app)
