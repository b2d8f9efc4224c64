"""How the tests of the API call it, and what every refusal must look like."""

from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

V1 = "/api/v1"


@dataclass
class Caller:
    """A program that acts for one person by token."""

    client: FlaskClient
    token: str | None
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        """Send JSON, or what a function makes anew each time: the parts of a form with files."""
        told = {name.replace("_", "-"): value for name, value in headers.items()} | self.headers
        if self.token:
            told["Authorization"] = f"Bearer {self.token}"
        given = {} if body is None else {"data": body()} if callable(body) else {"json": body}
        return self.client.open(
            path if path[:1] == "/" else f"{V1}/{path}", method=method, headers=told, **given
        )

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        return self.send("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        return self.send("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> TestResponse:
        return self.send("DELETE", path, **headers)

    def start(self, process: str = "two_steps", **more: Any) -> dict[str, Any]:
        """Open a case and give it."""
        answer = self.post("cases", {"process": process, "unit": "norrmalm", **more})
        assert answer.status_code == 201, answer.text
        return answer.get_json()

    def task(self, case: str, element: str = "ask") -> str:
        """Take the open task of a case and give its id."""
        rows = self.get(f"tasks?case={case}").get_json()["items"]
        task = next(row["id"] for row in rows if row["element"] == element)
        assert self.post(f"tasks/{task}/claim").status_code == 200
        return task


def is_problem(answer: TestResponse, status: int, **first: str) -> list[dict[str, str]]:
    """Look whether an answer is a problem document of this status; gives what it points at."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    told = answer.get_json()
    assert set(told) == {"type", "title", "status", "detail", "errors", "request"}
    assert told["status"] == status
    assert told["detail"]
    assert told["type"].startswith("urn:andrum:problem:")
    for each in told["errors"]:
        assert each["message"]
    if first:
        assert first.items() <= told["errors"][0].items(), told["errors"]
    return told["errors"]
