"""Browsers for the pages, and the application that they talk to."""

from collections.abc import Callable

import pytest
from browsing import Browser, browser_of
from flask import Flask

from service.app import create_app


@pytest.fixture
def service(platform) -> Flask:
    """The application on a database of this test's own."""
    app = create_app(platform=platform)
    app.testing = False  # errors are answered as they are for users
    return app


@pytest.fixture
def window(service, desk) -> Callable[[str], Browser]:
    """Give a browser window in which this person has logged in."""
    return lambda username: browser_of(service, desk, username)
