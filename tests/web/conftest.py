"""Browsers for the pages, and the application that they talk to."""

from collections.abc import Callable
from pathlib import Path

import pytest
from browsing import Browser, browser_of
from flask import Flask

from service.app import create_app
from service.commands import deployments

DIAGRAMS = Path(__file__).parents[1] / "commands" / "diagrams"


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


@pytest.fixture
def applications(desk) -> Callable[[int], None]:
    """Put a diagram in force that marks applications, and send as many as one likes."""
    content = (DIAGRAMS / "two_steps.bpmn").read_bytes()
    form = b'<spiffworkflow:property name="form" value="small" />'
    mark = b'<spiffworkflow:property name="milestone" value="application-sent" />'
    content = content.replace(form, form + mark, 1)
    with desk.begin("system") as work:
        deployments.deploy(work, files={"two_steps.bpmn": content}, note="=1+1")

    def send(times: int) -> None:
        for _ in range(times):
            desk.do(desk.start(), "ask", what="sten")

    return send
