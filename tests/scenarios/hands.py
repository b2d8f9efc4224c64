"""The two ways in which people work with a case here: by commands, and by the HTTP API with their tokens."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient

from service.commands import cases, messages, people, tasks
from service.engine import forms
from service.engine.forms import Form
from service.errors import Conflict, Forbidden, Invalid, NotFound, ServiceError, Stale
from service.queries import worklist
from service.rules.permissions import SYSTEM
from service.work import Platform

UNIT = "norrmalm"
REFUSALS: dict[int, type[ServiceError]] = {
    each: error
    for error, each in {Forbidden: 403, NotFound: 404, Conflict: 409, Stale: 412, Invalid: 422}.items()
}


@dataclass(frozen=True)
class Row:
    """An open task as the inbox lists it."""

    id: UUID
    element: str
    right: str | None
    role: str
    assignee: str | None
    overdue: bool


@dataclass(frozen=True)
class Sheet:
    """An open task as its page shows it: what is asked, what is known, how to go about it."""

    form: Form
    data: dict[str, Any]
    guidance: str
    legal_basis: str
    seen: Any  # what a change is tied to


@dataclass(frozen=True)
class Commands:
    """People whose every act is a command, in a unit of work of their own."""

    platform: Platform
    crew: SimpleNamespace

    def start(self, who: str) -> UUID:
        with self.platform.begin(self._actor(who)) as work:
            return cases.start(work, "case", unit=UNIT)

    def inbox(self, who: str, case: UUID) -> list[Row]:
        with self.platform.begin(self._actor(who)) as work:
            found = worklist.tasks(work, worklist.Wanted(case=case), limit=200)
            return [
                Row(
                    each.id,
                    each.element,
                    each.right,
                    each.role,
                    each.assignee.username if each.assignee else None,
                    each.due_at is not None and each.due_at < work.now,
                )
                for each in found.items
            ]

    def claim(self, who: str, task: UUID) -> None:
        with self.platform.begin(self._actor(who)) as work:
            tasks.claim(work, task)

    def sheet(self, who: str, task: UUID) -> Sheet:
        with self.platform.begin(self._actor(who)) as work:
            page = worklist.task(work, task)
            element = page.element
            return Sheet(page.form, page.data, element.guidance.sv, element.legal_basis or "", page.revision)

    def complete(self, who: str, task: UUID, *, answers: Mapping[str, Any], seen: Any = None) -> None:
        with self.platform.begin(self._actor(who)) as work:
            tasks.complete(work, task, answers=answers, revision=seen)

    def say(self, who: str, case: UUID, *, message: str, data: Mapping[str, Any]) -> None:
        with self.platform.begin(self._actor(who)) as work:
            messages.deliver(work, message, case_id=case, data=data)

    def _actor(self, who: str) -> Any:
        return getattr(self.crew, who)


class Programs:
    """People whose programs call the API, each with a token of its person; refusals are told in our words."""

    def __init__(self, app: Flask, platform: Platform) -> None:
        self._app, self._platform = app, platform
        self._known: dict[str, tuple[FlaskClient, str]] = {}

    def start(self, who: str) -> UUID:
        return UUID(self._send(who, "POST", "cases", {"process": "case", "unit": UNIT})["id"])

    def inbox(self, who: str, case: UUID) -> list[Row]:
        names = ("element", "right", "role", "assignee", "overdue")
        found = self._send(who, "GET", f"tasks?case={case}&limit=200")["items"]
        return [Row(UUID(each["id"]), *(each[name] for name in names)) for each in found]

    def claim(self, who: str, task: UUID) -> None:
        self._send(who, "POST", f"tasks/{task}/claim")

    def sheet(self, who: str, task: UUID) -> Sheet:
        told = self._send(who, "GET", f"tasks/{task}")
        form = forms.parse(json.dumps(told["form"]).encode(), f"{told['form']['id']}.form.json")
        return Sheet(form, told["data"], told["guidance"], told["legal_basis"], told["etag"])

    def complete(self, who: str, task: UUID, *, answers: Mapping[str, Any], seen: Any = None) -> None:
        given = {"If-Match": seen} if seen else {}
        self._send(who, "POST", f"tasks/{task}/complete", {"data": dict(answers)}, **given)

    def say(self, who: str, case: UUID, *, message: str, data: Mapping[str, Any]) -> None:
        self._send(who, "POST", "messages", {"name": message, "case": str(case), "data": dict(data)})

    def _send(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        client, token = self._program(who)
        given = {} if body is None else {"json": body}
        answer = client.open(
            f"/api/v1/{path}", method=method, headers={"Authorization": f"Bearer {token}", **headers}, **given
        )
        told: dict[str, Any] = answer.get_json()
        if answer.status_code >= 400:
            assert answer.content_type == "application/problem+json", answer.text
            raise REFUSALS[answer.status_code](f"{told['detail']} {told['errors']}")
        return {**told, "etag": answer.headers.get("ETag")}

    def _program(self, who: str) -> tuple[FlaskClient, str]:
        if who not in self._known:
            with self._platform.begin(SYSTEM) as work:
                self._known[who] = (self._app.test_client(), people.token(work, username=who))
        return self._known[who]


Hands = Commands | Programs  # and windows.Windows, in a browser
