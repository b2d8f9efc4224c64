"""The process owner's workshop: drafts and their editors, checks, simulation, replays, moving cases on."""

from flask import Flask

from service.web.workshop import drafts, examples, form_editor, migrations, replays, simulation


def register(app: Flask) -> None:
    """Put the workshop's pages into the application."""
    for each in (drafts, form_editor, simulation, examples, replays, migrations):
        app.register_blueprint(each.blueprint)
