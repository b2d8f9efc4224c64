"""The calendar feed: what RFC 5545 allows, nothing personal, and an address that can be taken back."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar_reader import read
from moments import at

from service.app import create_app
from service.commands import cases, deadlines, feeds, people
from service.models.cases import Case
from service.queries import history
from service.rules.permissions import Protection
from service.web import icalendar

PATH = "/api/v1/deadlines.ics?token="


@pytest.fixture
def client(office):
    app = create_app(platform=office.platform)
    app.testing = False
    return app.test_client()


@pytest.fixture
def secret(office):
    with office.desk.begin("anna") as work:
        return feeds.rotate(work)


def fetched(client, secret):
    answer = client.get(PATH + secret)
    assert answer.status_code == 200, answer.text
    return read(answer.data)


def test_the_feed_holds_the_persons_deadlines_confidentially(office, client, secret):
    case = office.open()
    with at("2027-03-02T10:00"):
        answer = client.get(PATH + secret)
        calendar, events = read(answer.data)
    assert answer.content_type == "text/calendar; charset=utf-8"
    assert calendar["X-WR-CALNAME"] == "Frister i Andrum"
    told = {each["SUMMARY"].partition(":")[0]: each for each in events}
    assert set(told) == {"Skriv överklagandet", "Tillståndet går ut", "Stäm av"}
    assert {each["CLASS"] for each in events} == {"CONFIDENTIAL"}
    assert told["Skriv överklagandet"]["DTSTART"] == "20270322"
    assert told["Tillståndet går ut"]["DTSTART"] == "20270330"  # midnight ends the day before
    assert told["Stäm av"]["DTSTART"] == "20270302T080000Z"
    assert told["Skriv överklagandet"]["URL"] == f"https://andrum.example.se/cases/{case}"
    assert told["Skriv överklagandet"]["UID"] == f"{office.task(case).id}@andrum"


def test_an_entry_keeps_its_name_when_it_is_moved_and_is_called_off_while_it_is_paused(
    office, client, secret
):
    case = office.open()
    with at("2027-03-02T10:00"):
        before = {each["UID"]: each for each in fetched(client, secret)[1]}
        with office.desk.begin("bo") as work:
            deadlines.pause(work, office.timer(case).id, reason="Väntar", legal_basis="decision_extended")
        after = {each["UID"]: each for each in fetched(client, secret)[1]}
    assert set(before) == set(after)
    uid = f"{office.timer(case).id}@andrum"
    assert (before[uid]["STATUS"], after[uid]["STATUS"]) == ("CONFIRMED", "CANCELLED")


def test_what_is_read_is_logged_case_by_case(office, client, secret):
    case = office.open()
    with at("2027-03-02T10:00"):
        fetched(client, secret)
    with office.desk.begin("greta") as work:
        rows = history.access_log(work, case=case).items
    assert ("anna", "list", "calendar") in [(row.actor, row.action, row.subject) for row in rows]


def test_other_peoples_deadlines_are_not_in_it(office, client, secret):
    with at("2027-03-01T09:00"):
        office.desk.start("counted", who="kim", decision_on="2027-03-01", valid_from="2027-03-01",
                          valid_to="2027-03-30")  # fmt: skip
        assert fetched(client, secret)[1] == []


def test_a_protected_case_is_neither_named_nor_numbered(office, client, secret):
    case = office.open()
    with office.desk.begin("system") as work:
        cases.protect(work, case, protection=Protection.PROTECTED, reason="Hotad")
        reference = work.lock(case)[0].reference
    with at("2027-03-02T10:00"):
        answer = client.get(PATH + secret)
    assert {each["SUMMARY"] for each in read(answer.data)[1]} == {"Frist i ett skyddat ärende"}
    assert reference not in answer.text
    assert "/cases/" not in answer.text


def test_the_feed_speaks_its_owners_language(office, client, secret):
    office.open()
    with office.desk.begin("anna") as work:
        people.prefer(work, language="en")
    with at("2027-03-02T10:00"):
        calendar, events = fetched(client, secret)
    assert calendar["NAME"] == "Deadlines in Andrum"
    assert "Write the appeal" in {each["SUMMARY"].partition(":")[0] for each in events}


def test_a_new_address_ends_the_old_one_and_one_that_is_taken_back_is_gone(office, client, secret):
    with office.desk.begin("anna") as work:
        other = feeds.rotate(work)
    assert client.get(PATH + secret).status_code == 401
    assert client.get(PATH + other).status_code == 200
    with office.desk.begin("anna") as work:
        feeds.revoke(work)
    assert client.get(PATH + other).status_code == 401


@pytest.mark.parametrize("token", ["", "x", "' OR 1=1"])
def test_a_secret_that_is_none_opens_nothing(client, token):
    assert client.get(PATH + token).status_code == 401


def test_the_feeds_secret_opens_nothing_else(client, secret):
    assert client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    client.set_cookie("andrum", secret)
    assert client.get("/api/v1/me").status_code == 401


def test_a_browsers_login_opens_no_feed(office, client):
    words = "en lång mening om havet"
    with office.desk.begin("system") as work:
        people.set_password(work, username="anna", password=words)
    with office.desk.begin("system") as work:
        login = people.log_in(work, username="anna", password=words, address="192.0.2.1")
    assert client.get("/api/v1/me", headers={"Authorization": f"Bearer {login}"}).status_code == 200
    assert client.get(PATH + login).status_code == 401


def test_a_programs_token_opens_the_feed_of_its_user(office, client):
    case = office.open()
    with office.desk.begin("anna") as work:
        token = people.token(work, username="anna")
        reference = work.session.get_one(Case, case).reference
    answer = client.get(PATH + token)
    assert answer.status_code == 200
    assert reference in answer.text


def test_a_program_makes_the_feed_of_its_user_and_takes_it_back(office, client):
    office.open()
    with office.desk.begin("anna") as work:
        told = {"Authorization": f"Bearer {people.token(work, username='anna')}"}
    made = client.post("/api/v1/feed", headers=told)
    assert made.status_code == 201
    with at("2027-03-02T10:00"):
        apart = client.get(made.json["url"])
    assert made.json["url"] == f"https://andrum.example.se{PATH}{made.json['token']}"
    assert apart.status_code == 200
    other = client.post("/api/v1/feed", headers=told).json["token"]
    assert [client.get(PATH + each).status_code for each in (made.json["token"], other)] == [401, 200]
    assert client.delete("/api/v1/feed", headers=told).status_code == 204
    assert client.get(PATH + other).status_code == 401
    assert client.delete("/api/v1/feed", headers=told).status_code == 404
    assert client.get("/api/v1/deadlines.ics", headers=told).content_type == "text/calendar; charset=utf-8"


def test_who_has_left_takes_the_feed_along(office, client, secret):
    with office.desk.begin("system") as work:
        people.disable(work, username="anna")
    assert client.get(PATH + secret).status_code == 401


def test_only_the_hash_of_the_secret_is_kept(office, secret):
    with office.desk.begin("system") as work:
        connection = work.session.connection()
        rows = connection.exec_driver_sql("SELECT * FROM calendar_feed").all()
    assert secret not in str(rows)


@given(st.text(max_size=400))
def test_any_text_comes_back_as_it_was_less_what_cannot_be_written(value):
    event = icalendar.Event(
        uid="1@andrum",
        stamp=datetime(2027, 3, 1, 8, tzinfo=UTC),
        start=date(2027, 3, 30),
        summary=value,
        description="d",
    )
    written = icalendar.calendar("Andrum", [event], refresh=timedelta(hours=1))
    _, (found,) = read(written.encode("utf-8", "replace"))
    plain = value.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()
    assert found["SUMMARY"] == re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", plain)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=500))
def test_folding_breaks_no_character_and_no_line_is_too_long(line):
    pieces = list(icalendar.fold(line))
    assert all(len(each.encode()) <= icalendar.LONGEST_LINE for each in pieces)
    assert pieces[0] + "".join(each[1:] for each in pieces[1:]) == line
    assert all(each.startswith(" ") for each in pieces[1:])
