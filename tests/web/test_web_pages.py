"""Pages about no case: where one lands, settings, processes; and that every page exists in both languages."""

import pytest
from browsing import words

from service.queries import definitions

pytestmark = pytest.mark.parametrize("kind", ["sqlite"])


@pytest.mark.parametrize(
    ("who", "where"),
    [
        ("anna", "/tasks"),
        ("bo", "/tasks"),
        ("greta", "/cases"),
        ("petra", "/definitions"),
        ("sam", "/incidents"),
    ],
)
def test_everyone_lands_where_their_work_begins(window, who, where):
    person = window(who)
    assert person.get("/").location == where
    assert person.get(where).status_code == 200


def test_language_and_shortcuts_are_kept_for_the_person(window):
    anna = window("anna")
    assert 'data-shortcuts="on"' in anna.get("/settings").text
    anna.post("/settings", language="en")
    page = window("anna").get("/settings").text
    assert '<html lang="en">' in page
    assert 'data-shortcuts="off"' in page
    assert (
        window("anna").post("/language", language="sv", next="/cases?show=all").location == "/cases?show=all"
    )
    assert '<html lang="sv">' in window("anna").get("/settings").text


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_switching_the_language_leads_nowhere_else(window, target):
    assert window("anna").post("/language", language="sv", next=target).location == "/"


def test_a_login_of_ones_own_can_be_ended_and_no_others(window):
    anna, elsewhere, kim = window("anna"), window("anna"), window("kim")
    login = anna.get("/settings").text.split("/settings/logins/")[-1][:36]
    assert kim.post(f"/settings/logins/{login}/end").status_code == 404
    assert anna.post(f"/settings/logins/{login}/end").status_code == 303
    assert {anna.get("/tasks").status_code, elsewhere.get("/tasks").status_code} == {200, 303}


def test_processes_are_shown_with_their_steps_and_given_byte_for_byte(window, desk):
    petra = window("petra")
    assert "Två steg" in words(petra.get("/definitions"))
    assert petra.get("/definitions/two_steps").location == "/definitions/two_steps/1"
    assert "Kontrollera handläggare Slut" in words(petra.get("/definitions/two_steps/1"))
    with desk.begin("petra") as work:
        content = definitions.one(work, "two_steps", 1).content
    answer = petra.get("/definitions/two_steps/1/bpmn")
    assert answer.data == content
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert petra.get("/definitions/two_steps/9").status_code == 404


@pytest.mark.parametrize("language", ["sv", "en"])
def test_every_page_can_be_read_in_both_languages(window, desk, language):
    case_id = desk.start()
    task_id = desk.claim(case_id, "ask", "bo")
    bo = window("bo")
    bo.post("/language", language=language)
    for path in (
        "/tasks", f"/tasks/{task_id}",
        "/cases", "/cases/new", f"/cases/{case_id}", f"/cases/{case_id}/history",
        "/definitions", "/definitions/two_steps/1", "/incidents", "/access-log", "/settings", "/help",
        "/accessibility", "/nowhere",
    ):  # fmt: skip
        page = bo.get(path)
        assert page.status_code == (404 if path == "/nowhere" else 200), path
        assert f'<html lang="{language}">' in page.text


def test_the_login_page_lists_demo_users_only_where_there_is_a_demo(service):
    assert "Demoanvändare" not in service.test_client().get("/login").text
    settings = service.extensions["platform"].settings
    service.extensions["platform"].settings = settings.__class__(demo="1")
    assert "Demoanvändare" in service.test_client().get("/login").text


def test_the_login_page_speaks_the_language_that_was_chosen(service):
    client = service.test_client()
    assert "Logga in" in client.get("/login").text
    assert "Log in" in client.get("/login?language=en").text
    assert "Log in" in client.get("/login").text
    assert "Log in" in service.test_client().get("/login", headers={"Accept-Language": "en"}).text
