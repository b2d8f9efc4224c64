"""What every answer carries, whatever kind of answer it is."""

from io import BytesIO

import pytest
from browsing import FROM_HERE

from service.web import auth
from service.web.security import HEADERS

pytestmark = pytest.mark.parametrize("kind", ["sqlite"])

KINDS = (
    "/login",
    "/tasks",
    "/nowhere",
    "/static/app.css",
    "/static/nowhere.css",
    "/api/v1/tasks",
    "/api/v1/x",
)


@pytest.mark.parametrize("path", KINDS)
def test_every_answer_carries_the_policy(window, path):
    answer = window("anna").get(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value, name
    assert answer.headers["X-Request-Id"]


def test_an_error_of_ours_carries_the_policy_and_says_nothing_of_the_inside(service):
    @auth.public
    def broken():
        raise RuntimeError("the inside")

    service.add_url_rule("/broken", "broken", broken)
    answer = service.test_client().get("/broken")
    assert answer.status_code == 500
    assert answer.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]
    assert "the inside" not in answer.text
    assert "RuntimeError" not in answer.text
    assert answer.headers["X-Request-Id"] in answer.text


def test_pages_are_not_kept_and_stamped_files_are(window):
    anna = window("anna")
    assert anna.get("/tasks").headers["Cache-Control"] == "no-store"
    assert "immutable" in anna.get("/static/app.css?v=1").headers["Cache-Control"]
    assert anna.get("/static/app.css").headers["Cache-Control"] == "no-cache"
    assert anna.get("/static/nowhere.css?v=1").headers["Cache-Control"] == "no-store"


def test_no_page_has_script_or_style_of_its_own(window, desk):
    anna, case_id = window("anna"), desk.start()
    task_id = desk.claim(case_id, "ask")
    paths = ("/login", "/tasks", f"/tasks/{task_id}", f"/cases/{case_id}", "/cases/new", "/settings", "/help")
    for path in paths:
        page = anna.get(path).text
        assert " style=" not in page, path
        assert "<style" not in page, path
        assert " onclick=" not in page, path
        assert "hx-on" not in page, path
        assert page.count("<script") == page.count("<script ") == page.count(" src="), path


def test_what_is_too_large_is_refused(window):
    anna = window("anna")
    size = 5 * 1024 * 1024
    sent = BytesIO(b"x" * size)
    answer = anna.client.post("/cases", input_stream=sent, content_length=size, headers=FROM_HERE)
    assert answer.status_code == 413
    assert sent.tell() == size  # heard to its end, since who sends listens only then
