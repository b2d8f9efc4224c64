"""The API against its own OpenAPI document: generated requests, right and wrong, as five kinds of people.

No answer may be a 5xx, and every answer is one that the document describes: status, type, headers, shape.
"""

import json
import shutil
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from service.app import create_app
from service.commands import cases, documents, people, tasks
from service.models.documents import DocumentKind
from service.queries import deadlines, worklist
from service.rules.permissions import SYSTEM
from service.work import open_platform

ROLES = ("anna", "bo", "petra", "greta", "sam")
LEFT_OUT = {"positive_data_acceptance"}  # the document cannot say which processes and units there are
FEW, MANY = 4, 60


class Town:
    """An application with a little of everything in it, and the ids to ask for."""

    def __init__(self, platform: Any) -> None:
        self.platform = platform
        self.app = create_app(platform=platform)
        self.seen: Counter[tuple[str, int]] = Counter()
        with platform.begin(SYSTEM) as work:
            self.anna = people.actor(work, username="anna")
        self.tokens = {name: self.token(name) for name in ROLES}

    def token(self, username: str) -> str:
        with self.platform.begin(SYSTEM) as work:
            return people.token(work, username=username)

    def ids(self) -> dict[str, Any]:
        """A fresh case with a task taken by anna, and the names of what is deployed."""
        with self.platform.begin(self.anna) as work:
            case_id = cases.start(work, "two_steps", unit="norrmalm")
        with self.platform.begin(self.anna) as work:
            (row,) = worklist.tasks(work, worklist.Wanted(case=case_id)).items
            tasks.claim(work, row.id)
        with self.platform.begin(self.anna) as work:
            reminded = cases.start(work, "reminded", unit="norrmalm")
        with self.platform.begin(self.anna) as work:
            document = documents.add(work, case_id, kind=DocumentKind.OTHER, content=b"Hej.")
        with self.platform.begin(self.anna) as work:
            timer = deadlines.timers(work, case=reminded).items[0]
        return {
            "case_id": str(case_id),
            "task_id": str(row.id),
            "timer_id": str(timer.id),
            "document_id": str(document),
            "key": "two_steps",
            "version": 1,
        }


@pytest.fixture(scope="module")
def town(templates, tmp_path_factory):
    template = templates("sqlite")
    folder = tmp_path_factory.mktemp("schema") / "var"
    shutil.copytree(template.folder, folder)
    platform = open_platform(replace(template, data_dir=str(folder)))
    yield Town(platform)
    platform.engine.dispose()


def run(town: Town, examples: int) -> None:
    document = town.app.test_client().get("/api/v1/openapi.json").get_json()
    operations = [
        each for path in document["paths"].values() for each in path.values() if "responses" in each
    ]
    for told in (document, *operations):
        told.pop("security", None)  # who asks is chosen here; that somebody must is tested by itself
    schema = schemathesis.openapi.from_dict(document)
    schema.app = town.app
    checks = [check for check in CHECKS.get_all() if check.__name__ not in LEFT_OUT]
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.label in RIGHT:
            _do(town, operation, checks)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _try(town, operation, mode, checks, examples)
    tried = {label for label, _ in town.seen}
    done = {label for label, status in town.seen if 200 <= status < 300}
    assert len(done) >= 0.8 * len(tried), f"never done: {sorted(tried - done)}"


def _do(town: Town, operation: Any, checks: list[Any]) -> None:
    """Send a request that must go through, since the document cannot say what would."""
    who, body, *before = RIGHT[operation.label]
    ids = town.ids()
    headers = {"Authorization": f"Bearer {town.tokens[who]}"}
    for first, path, sent in before:
        first_headers = {"Authorization": f"Bearer {town.tokens[first]}"}
        made = town.app.test_client().post(f"/api/v1/{path.format(**ids)}", json=sent, headers=first_headers)
        assert made.status_code < 300, made.text
        ids |= {"started": made.json.get("id"), "training_id": made.json.get("id")}
    given = json.loads(json.dumps(body).replace("STARTED", ids.get("started") or ""))
    ids |= {"username": who}
    ids |= {"key": "norrmalm"} if "/units/" in operation.path else {}
    used = {name: ids[name] for name in ids if f"{{{name}}}" in operation.path}
    case = operation.Case(path_parameters=used, body=given, media_type="application/json")
    answer = case.call(headers=headers)
    town.seen[operation.label, answer.status_code] += 1
    assert answer.status_code < 300, answer.text
    case.validate_response(answer, checks=checks, headers=headers)


REASON = {"reason": "för att"}
BASIS = {**REASON, "legal_basis": "Lokal rutin"}
LATER = {**BASIS, "due_at": (datetime.now(UTC) + timedelta(days=30)).isoformat()}
RIGHT: dict[str, Any] = {
    "POST /api/v1/cases": ("anna", {"process": "two_steps", "unit": "norrmalm", "data": {"a": [1]}}),
    "POST /api/v1/tasks/{task_id}/complete": ("anna", {"data": {"what": "sten"}}),
    "PUT /api/v1/tasks/{task_id}/draft": ("anna", {"data": {"what": 1}}),
    "POST /api/v1/tasks/{task_id}/assign": ("bo", {"user": "kim"}),
    "POST /api/v1/tasks/{task_id}/due": ("bo", LATER),
    "POST /api/v1/timers/{timer_id}/move": ("bo", LATER),
    "POST /api/v1/timers/{timer_id}/pause": ("bo", BASIS),
    "POST /api/v1/timers/{timer_id}/resume": ("bo", REASON, ("bo", "timers/{timer_id}/pause", BASIS)),
    "PUT /api/v1/users/{username}/address": ("anna", {"email": "anna@example.se"}),
    "POST /api/v1/cases/{case_id}/documents": ("anna", {"kind": "rights_letter", "language": "en"}),
    "POST /api/v1/cases/{case_id}/resume": ("bo", REASON, ("bo", "cases/{case_id}/suspend", REASON)),
    "POST /api/v1/cases/{case_id}/transfer": ("bo", {"unit": "farsta", **REASON}),
    "POST /api/v1/cases/{case_id}/protect": ("bo", {"protection": "protected", **REASON}),
    "POST /api/v1/cases/{case_id}/break-glass": (
        "bo", REASON, ("bo", "cases/{case_id}/protect", {"protection": "protected", **REASON}),
    ),
    "POST /api/v1/messages": (
        "anna",
        {"name": "answer", "case": "STARTED"},
        ("anna", "cases", {"process": "waiting", "unit": "norrmalm"}),
    ),
    "POST /api/v1/users": (
        "sam", {"username": "nora", "name": "Nora", "roles": [{"role": "auditor", "unit": "farsta"}]},
    ),
    "POST /api/v1/units": ("sam", {"key": "hagsatra", "name": "Hagsätra"}),
    "POST /api/v1/delegations": (
        "sam",
        {
            "user": "bo", "code": "x", "position": "chef", "unit": "norrmalm", "valid_from": "2026-01-01",
            "basis": "SN 1",
        },
    ),
    "POST /api/v1/audit/person": ("greta", {"person": "19900101-0017"}),
    "POST /api/v1/process-definitions/{key}/simulations": (
        "petra",
        {"start_at": "2027-03-01T08:00:00Z", "steps": [{"element": "ask", "data": {"what": "sten"}}]},
    ),
    "POST /api/v1/process-definitions/{key}/replays": ("petra", {"sample": 1}),
    "POST /api/v1/process-definitions/{key}/migrations": (
        "petra", {"from": 1, "to": 1, "note": "Ny tabell", "dry_run": True},
    ),
    "POST /api/v1/trainings": (
        "bo", {"user": "anna", "unit": "norrmalm", "course": "Kurs", "given_on": "2026-01-15"},
    ),
    "POST /api/v1/trainings/{training_id}/withdraw": (
        "bo",
        REASON,
        ("bo", "trainings", {"user": "kim", "unit": "norrmalm", "course": "B", "given_on": "2026-01-16"}),
    ),
    "PUT /api/v1/units/{key}/head": ("sam", {"user": "bo"}),
    "POST /api/v1/session": ("anna", {"username": "anna", "password": "en lång mening om havet"}),
}  # fmt: skip


def _try(town: Town, operation: Any, mode: GenerationMode, checks: list[Any], examples: int) -> None:
    strategy = operation.as_strategy(generation_mode=mode)

    @seed(20261124)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy, who=st.sampled_from(ROLES), real=st.booleans())
    def one(case: Any, who: str, real: bool) -> None:  # noqa: FBT001
        is_real = bool(case.path_parameters) and (real or mode is GenerationMode.POSITIVE)
        if is_real:
            known = town.ids()
            case.path_parameters = {
                name: known.get(name, value) for name, value in (case.path_parameters or {}).items()
            }
        token = town.token(who) if case.method == "DELETE" else town.tokens[who]
        headers = {"Authorization": f"Bearer {token}"}
        answer = case.call(headers=headers)
        town.seen[operation.label, answer.status_code] += 1
        assert answer.status_code < 500, answer.text
        lenient = is_real or "" in (case.query or {}).values()  # a blank filter does not narrow
        excluded = [each for each in checks if lenient and each.__name__ == "negative_data_rejection"]
        case.validate_response(answer, checks=checks, excluded_checks=excluded, headers=headers)

    try:
        one()
    except Unsatisfiable:  # an operation without parameters has no wrong ones
        assert mode is GenerationMode.NEGATIVE


def test_no_request_breaks_the_service_or_its_document(town):
    run(town, FEW)


@pytest.mark.slow
def test_no_request_of_many_breaks_the_service_or_its_document(town):
    run(town, MANY)


def test_without_an_identity_no_operation_answers(town):
    document = town.app.test_client().get("/api/v1/openapi.json").get_json()
    ids, tried = town.ids(), 0
    for path, operations in document["paths"].items():
        known = path.format(
            **{
                **ids,
                "incident_id": uuid4(),
                "deployment_id": uuid4(),
                "login_id": uuid4(),
                "notice_id": uuid4(),
                "training_id": uuid4(),
                "document_id": uuid4(),
                "username": "anna",
            }
        )
        for method in sorted({"get", "post", "put", "delete"} & set(operations)):
            if operations[method].get("security") == []:
                continue
            answer = town.app.test_client().open(
                known, method=method.upper(), json={} if method != "get" else None
            )
            assert answer.status_code == 401, (method, path)
            assert answer.content_type == "application/problem+json"
            tried += 1
    assert tried > 30


def test_the_document_can_be_read_by_other_programs(town):
    text = town.app.test_client().get("/api/v1/openapi.json").text
    document = json.loads(text)
    assert document["openapi"].startswith("3.1")
    assert "#/components/schemas/ProblemDocument" in text
