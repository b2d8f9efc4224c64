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
    drafts,
    errors,
    examples,
    form_editor,
    forms,
    incidents,
    migrations,
    moves,
    notices,
    pages,
    presentation,
    replays,
    security,
    session,
    simulation,
    tasks,
    trace,
    trainings,
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
        definitions,
        migrations,
        drafts,
        simulation,
        examples,
        replays,
        form_editor,
        incidents,
        audit,
        trace,
        board,
        answers,
        trainings,
    ):
        app.register_blueprint(each.blueprint)
    api.register(app)
