"""Whatever is wrong with a request is told as a problem document; never a 500, never the inside."""

import json

import pytest
from calling import V1, is_problem

from service.engine import workflow
from service.errors import StepFailed, Unavailable
from service.queries import casefile

MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}
ONE = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)  # the database has no part in these


@ONE
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"null", 422),
        (b"[]", 422),
        (b'"text"', 422),
        (b'{"process": NaN}', 400),
        (b'{"process": 1e999}', 400),
        (b'{"process": ' + b"9" * 21 + b"}", 400),
        (b'{"process": ' + b"9" * 5000 + b"}", 400),
        (b'{"process": "a", "process": "b"}', 400),
        (b'{"process": "\\ud800"}', 400),
        (b'{"\\u0000": 1}', 400),
        (b'{"data": ' + b"[" * 33 + b"]" * 33 + b"}", 400),
        (b"[" * 100_000, 400),
        (b'{"process": "' + b"x" * 1_100_000 + b'"}', 413),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_body_that_is_not_our_json_is_refused(anna, body, status):
    answer = anna.client.post(
        f"{V1}/cases",
        data=body,
        headers={"Authorization": f"Bearer {anna.token}", "Content-Type": "application/json"},
    )
    is_problem(answer, status)
    assert anna.get("cases").get_json()["total"] == 0


@ONE
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""]
)
def test_a_body_of_another_type_is_refused(anna, content_type):
    answer = anna.client.post(
        f"{V1}/cases",
        data=b'{"process": "two_steps", "unit": "norrmalm"}',
        headers={"Authorization": f"Bearer {anna.token}", "Content-Type": content_type},
    )
    is_problem(answer, 415)


@ONE
def test_parts_are_no_json_and_json_is_no_parts(caller, anna):
    parts = {"process": "two_steps"}
    headers = {"Authorization": f"Bearer {anna.token}"}
    is_problem(anna.client.post(f"{V1}/cases", data=parts, headers=headers | MULTIPART), 415)
    without_boundary = {"Content-Type": "multipart/form-data"}
    is_problem(anna.client.post(f"{V1}/cases", data=b"text", headers=headers | without_boundary), 415)
    answer = caller("petra").post("deployments", {"note": "x"})
    is_problem(answer, 415)
    assert "multipart/form-data" in answer.get_json()["detail"]


@ONE
@pytest.mark.parametrize("origin", ["http://[x", "http://evil.example", "x"])
def test_a_change_from_no_page_of_ours_is_refused_wherever_it_says_it_comes_from(caller, origin):
    body = {"username": "anna", "password": "en lång mening om havet"}
    is_problem(caller(None).post("session", body, Origin=origin), 403)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "nothing", 404),
        ("GET", "tasks/not-an-id", 404),
        ("GET", "process-definitions/none/versions", 404),
        ("GET", "process-definitions/two_steps/versions/99", 404),
        ("GET", "process-definitions/two_steps/versions/99999999999999999999999", 404),
        ("GET", "process-definitions/%00/versions", 404),
        ("GET", "process-definitions/%FF/versions/1", 404),
        ("PUT", "cases", 405),
        ("DELETE", "cases", 405),
        ("PATCH", "me", 405),
        ("POST", "openapi.json", 405),
    ],
)
def test_addresses_that_are_not_there_answer_with_problems_too(anna, method, path, status):
    answer = anna.send(method, path)
    is_problem(answer, status)
    assert (status == 405) == ("Allow" in answer.headers)


@ONE
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "cases"),
        ("GET", "me"),
        ("GET", "exports/cases.csv?from=nonsense&surprise=1"),
        ("POST", "cases"),
        ("POST", "deployments"),
        ("PUT", "tasks/7c1dcbd4-5b8e-4c8e-8a53-0d9a7a1f7b10/draft"),
        ("DELETE", "session"),
    ],
)
def test_without_an_identity_there_is_nothing_whatever_was_sent(caller, method, path):
    nobody = caller(None)
    answer = nobody.send(method, path, None if method == "GET" else {"any": "thing"})
    is_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    nobody.token = "made up"
    is_problem(nobody.send(method, path), 401)


@ONE
def test_what_fails_inside_stays_inside(anna, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret path /srv/andrum and SQL")

    monkeypatch.setattr(casefile, "cases", fail)
    answer = anna.get("cases")
    is_problem(answer, 500)
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.get_json()["request"] == answer.headers["X-Request-Id"]


@ONE
def test_a_busy_database_asks_to_come_back(anna, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise Unavailable

    monkeypatch.setattr(casefile, "cases", fail)
    answer = anna.get("cases")
    is_problem(answer, 503)
    assert answer.headers["Retry-After"] == "2"


def test_a_step_that_cannot_go_on_names_the_element_and_changes_nothing(anna, monkeypatch):
    case = anna.start()
    task = anna.task(case["id"])
    before = anna.get(f"cases/{case['id']}/history").get_json()["total"]

    def fail(*_: object, **__: object) -> None:
        raise StepFailed("Ingen väg är öppen.", element="route")

    monkeypatch.setattr(workflow, "complete", fail)
    answer = anna.post(f"tasks/{task}/complete", {"data": {"what": "sten"}})
    is_problem(answer, 409, element="route", message="Ingen väg är öppen.")
    assert anna.get(f"cases/{case['id']}/history").get_json()["total"] == before


@ONE
def test_every_answer_carries_the_headers_that_keep_it_from_caches(anna):
    for answer in (anna.get("cases"), anna.get("nothing")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@ONE
def test_the_document_describes_every_route_of_the_api(app, caller):
    answer = caller(None).get("openapi.json")
    assert answer.status_code == 200
    document = json.loads(answer.text)
    described = {
        (method.upper(), path) for path, operations in document["paths"].items() for method in operations
    }
    routes = {
        (method, rule.rule.replace("<uuid:", "{").replace("<int:", "{").replace("<", "{").replace(">", "}"))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(V1) and not rule.rule.endswith("openapi.json")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert {each for each in described if each[0] in {"GET", "POST", "PUT", "DELETE"}} == routes
    for operations in document["paths"].values():
        for method, operation in operations.items():
            if method in {"get", "post", "put", "delete"}:
                assert operation["summary"]
                assert {"401", "404"} <= set(operation["responses"])
