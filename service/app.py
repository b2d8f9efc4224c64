"""The only place where the parts meet."""

from flask import Flask

from service import config, web
from service.config import Settings
from service.work import Platform, open_platform


def create_app(settings: Settings | None = None, *, platform: Platform | None = None) -> Flask:
    """Make the WSGI application; settings come from the environment when none are given.

    Raises `Invalid` for settings that cannot work.
    """
    platform = platform or open_platform(settings or config.load())
    app = Flask("service.web")
    app.extensions["platform"] = platform
    web.register(app)
    return app
