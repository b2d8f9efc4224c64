"""Programs that call the API, each as a person of the stocked database, on both databases."""

from collections.abc import Callable

import pytest
from calling import Caller
from flask import Flask

from service.app import create_app
from service.commands import people


@pytest.fixture
def app(platform) -> Flask:
    """The application on a database of this test's own."""
    app = create_app(platform=platform)
    app.testing = False  # errors are answered as they are for users
    return app


@pytest.fixture
def caller(app, desk) -> Callable[[str | None], Caller]:
    """Give a program that acts for this person, or for nobody."""

    def make(username: str | None) -> Caller:
        if username is None:
            return Caller(app.test_client(), None)
        with desk.begin("sam") as work:
            return Caller(app.test_client(), people.token(work, username=username))

    return make


@pytest.fixture
def anna(caller) -> Caller:
    return caller("anna")


@pytest.fixture
def kim(caller) -> Caller:
    return caller("kim")


@pytest.fixture
def bo(caller) -> Caller:
    return caller("bo")


@pytest.fixture
def elin(caller) -> Caller:
    """A caseworker of another unit."""
    return caller("elin")
