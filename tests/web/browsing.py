"""How the tests of the pages use them: a browser without JavaScript that belongs to one person."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.commands import people

PASSWORD = "en lång mening om havet"  # of anna, as stocked
FROM_HERE = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}  # as browsers say it under no-referrer


@dataclass
class Browser:
    """A browser with its cookies."""

    client: FlaskClient

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(path, headers=headers)

    def post(
        self, path: str, *, csrf: str | None = None, headers: Any = FROM_HERE, **form: Any
    ) -> TestResponse:
        token = self.csrf() if csrf is None else csrf
        return self.client.post(path, data={"csrf": token, **form}, headers=headers)

    def csrf(self) -> str:
        """The token that this session's pages carry."""
        return re.search(r'<meta name="csrf" content="(\w*)">', self.get("/help").text)[1]


def browser_of(app: Flask, desk: Any, username: str) -> Browser:
    """A browser in which this person has logged in."""
    with desk.begin(username) as work:
        secret = people.token(work, username=username)
    client = app.test_client()
    client.set_cookie("andrum", secret)
    return Browser(client)


def words(answer: TestResponse) -> str:
    """What a page says, without its markup."""
    body = re.sub(r"(?s)<(script|style|textarea)\b.*?</\1>", " ", answer.text)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def title(answer: TestResponse) -> str:
    return unescape(re.search(r"<title>(.*?)</title>", answer.text)[1])
