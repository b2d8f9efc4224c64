"""Coming in, staying in, and what another site cannot do in one's name."""

import re
from datetime import timedelta

import pytest
import time_machine
from browsing import FROM_HERE, PASSWORD, Browser, words

from service.commands import people

pytestmark = pytest.mark.parametrize("kind", ["sqlite"])


def log_in(client, **form):
    told = {"username": "anna", "password": PASSWORD, **form}
    return client.post("/login", data=told, headers=FROM_HERE)


def test_logging_in_gives_a_session_that_scripts_and_other_sites_cannot_have(service):
    answer = log_in(service.test_client(), next="/cases")
    assert (answer.status_code, answer.location) == (303, "/cases")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Expires" not in cookie
    assert "Max-Age" not in cookie


def test_over_https_the_browser_itself_guards_the_cookie(service):
    service.extensions["platform"].settings = service.extensions["platform"].settings.__class__(
        secure_cookies="1"
    )
    answer = log_in(service.test_client())
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-andrum=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


def test_a_wrong_password_is_told_without_telling_what_was_wrong(service):
    client = service.test_client()
    wrong = log_in(client, password="en annan mening om havet")
    nobody = log_in(client, username="nobody")
    assert wrong.status_code == nobody.status_code == 422
    assert words(wrong).replace("anna", "") == words(nobody).replace("nobody", "")
    assert "Fel:" in wrong.text
    assert 'value="anna"' in wrong.text  # what was typed is not lost
    assert PASSWORD not in wrong.text
    assert "Set-Cookie" not in wrong.headers


def test_what_is_missing_is_told_at_its_field(service):
    answer = log_in(service.test_client(), password="")
    assert answer.status_code == 422
    assert answer.text.count("Skriv ditt lösenord.") == 2
    assert 'href="#password"' in answer.text


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", "/login"])
def test_logging_in_leads_nowhere_else(service, target):
    assert log_in(service.test_client(), next=target).location == "/"


def test_without_a_session_every_page_leads_to_the_login_and_back(service):
    answer = service.test_client().get("/cases?show=all")
    assert answer.status_code == 303
    assert answer.location == "/login?next=%2Fcases%3Fshow%3Dall"


def test_no_route_answers_a_stranger_unless_it_is_marked_public(service):
    client = service.test_client()
    ids = {"uuid:": "0" * 8 + "-0000-4000-8000-" + "0" * 12, "int:": "1", "": "x"}
    for rule in service.url_map.iter_rules():
        view = service.view_functions[rule.endpoint]
        if getattr(view, "is_public", False) or rule.endpoint == "static":
            continue
        path = re.sub(r"<(\w+:|any\(.*?\):)?\w+>", lambda m: ids.get(m[1] or "", "suspend"), rule.rule)
        for method in rule.methods - {"OPTIONS", "HEAD"}:
            answer = client.open(path, method=method, headers=FROM_HERE)
            away = (answer.location or "").startswith(("/login", "/neutral"))
            refused = answer.status_code in {401, 403, 413, 415} or away
            assert refused, (method, path, answer.status_code)


def test_a_page_that_forgets_to_ask_who_is_there_is_stopped(service):
    service.add_url_rule("/forgetful", "forgetful", lambda: "secret")
    answer = service.test_client().get("/forgetful")
    assert answer.status_code == 500
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("headers", "csrf"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, None),
        ({"Sec-Fetch-Site": "same-site"}, None),
        ({"Sec-Fetch-Site": "none"}, None),
        ({"Origin": "https://evil.example"}, None),
        (FROM_HERE, ""),
        (FROM_HERE, "0" * 64),
    ],
)
def test_a_change_that_another_page_could_have_sent_is_refused(window, desk, headers, csrf):
    anna = window("anna")
    task_id = desk.open(desk.start())["ask"]
    assert anna.post(f"/tasks/{task_id}/claim", headers=headers, csrf=csrf).status_code == 403
    assert anna.post(f"/tasks/{task_id}/claim").status_code == 303


def test_the_token_of_another_session_will_not_do(window, desk):
    task_id = desk.open(desk.start())["ask"]
    theirs = window("kim").csrf()
    assert window("anna").post(f"/tasks/{task_id}/claim", csrf=theirs).status_code == 403


def test_logging_in_cannot_be_done_from_another_site(service):
    told = {"username": "anna", "password": PASSWORD}
    answer = service.test_client().post("/login", data=told, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_a_session_that_was_ended_is_no_good_any_more(window, service):
    anna = window("anna")
    cookie = anna.client.get_cookie("andrum").value
    assert anna.post("/logout").location == "/login"
    again = service.test_client()
    again.set_cookie("andrum", cookie)
    assert again.get("/tasks").status_code == 303


def test_a_session_ends_when_nobody_uses_it_and_asking_how_long_does_not_use_it(service):
    client = service.test_client()
    with time_machine.travel("2026-11-23T09:00:00Z", tick=False) as clock:
        log_in(client)
        anna = Browser(client)
        clock.shift(people.IDLE - timedelta(minutes=1))
        assert client.get("/session").get_json() == {"seconds": 60}
        assert client.get("/session").get_json() == {"seconds": 60}
        assert anna.post("/session").get_json() == {"seconds": people.IDLE.total_seconds()}
        clock.shift(people.IDLE + timedelta(seconds=1))
        assert client.get("/session").get_json() == {"seconds": 0}
        assert client.get("/tasks").status_code == 303


def test_a_bearer_token_needs_no_other_proof_and_a_cookie_does(window, service, desk):
    with desk.begin("anna") as work:
        token = people.token(work, username="anna")
    body = {"process": "two_steps", "unit": "norrmalm", "data": {}}
    bearer = {"Authorization": f"Bearer {token}"}
    assert service.test_client().post("/api/v1/cases", json=body, headers=bearer).status_code == 201
    anna = window("anna")
    assert anna.client.post("/api/v1/cases", json=body, headers=FROM_HERE).status_code == 403
    proven = {**FROM_HERE, "X-CSRF-Token": anna.csrf()}
    assert anna.client.post("/api/v1/cases", json=body, headers=proven).status_code == 201


def test_quick_exit_keeps_the_draft_ends_the_session_and_tells_nothing(window, desk, service):
    task_id = desk.claim(desk.start(), "ask")
    anna = window("anna")
    answer = anna.post("/leave", _task=f"/tasks/{task_id}/draft", what="halvfärdigt")
    assert answer.location == "/neutral"
    assert anna.get("/tasks").status_code == 303
    neutral = anna.get("/neutral")
    assert "Andrum" not in neutral.text
    assert "halvfärdigt" in window("anna").get(f"/tasks/{task_id}").text
    assert service.test_client().get("/neutral").status_code == 200
