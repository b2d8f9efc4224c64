"""The trail over HTTP: verification, checkpoints, search, who looked, exports; each for those who may."""

import csv
import io
import zipfile
from datetime import timedelta

import pytest

from service import verifier

PERSON = "19811228-9874"


@pytest.fixture
def case(desk):
    made = desk.start(personal_number=PERSON)
    desk.do(made, "ask")
    desk.start("reminded")
    return made


@pytest.fixture
def greta(caller):
    return caller("greta")


@pytest.mark.usefixtures("case")
def test_the_whole_trail_is_verified_and_signed(greta, desk):
    signed = greta.post("audit/checkpoints")
    assert signed.status_code == 201
    told = greta.get("audit/verification").get_json()
    assert (told["ok"], told["bad"], told["cases"], told["checkpoints"]) == (True, [], 2, 1)
    assert told["covered"] == told["events"] == signed.json["size"]
    listed = greta.get("audit/checkpoints").get_json()
    name, key = verifier.read_key(listed["key"])
    note = verifier.read_note(listed["items"][0]["note"])
    assert verifier.is_signed(note, name, key)
    path = desk.platform.settings.checkpoints / f"{signed.json['size']:012}.txt"
    assert path.read_text() == signed.json["note"]


def test_a_checkpoint_asked_for_twice_with_one_key_is_signed_once(greta, case):
    first = greta.post("audit/checkpoints", Idempotency_Key="a-checkpoint-1")
    again = greta.post("audit/checkpoints", Idempotency_Key="a-checkpoint-1")
    assert first.json == again.json
    assert case


@pytest.mark.parametrize("path", ["audit/verification", "audit/checkpoints"])
def test_caseworkers_do_not_verify_the_whole_trail(anna, path):
    assert anna.get(path).status_code == 403


def test_a_persons_events_are_found_by_a_number_that_no_address_holds(greta, case, desk):
    code = greta.post("audit/person", {"person": PERSON}).json["code"]
    found = greta.get(f"audit/events?person={code}&limit=200").get_json()["items"]
    assert {each["case"] for each in found} == {str(case)}
    assert greta.post("audit/person", {"person": "1981"}).status_code == 422
    assert greta.get("audit/events?person=19811228-9874").status_code == 422
    looks = greta.get("audit/access-log?action=search").get_json()["items"]
    assert [(each["actor"], each["subject"]) for each in looks] == [("greta", "person")]
    assert PERSON not in str(looks)
    assert desk


@pytest.mark.parametrize(
    ("narrow", "expected"),
    [
        ("type=task.completed", {"task.completed"}),
        ("actor=nobody", set()),
        ("unit=farsta", set()),
        ("process=reminded&type=case.opened", {"case.opened"}),
        ("from=2099-01-01T00:00:00Z", set()),
        ("to=2000-01-01T00:00:00Z", set()),
    ],
)
@pytest.mark.usefixtures("case")
def test_events_are_narrowed_by_every_filter(greta, narrow, expected):
    found = greta.get(f"audit/events?{narrow}").get_json()["items"]
    assert {each["type"] for each in found} == expected


def test_who_looked_is_told_per_case_and_per_person(greta, anna, case):
    anna.get(f"cases/{case}")
    per_case = greta.get(f"audit/access-log?case={case}&action=case.read").get_json()["items"]
    assert [each["actor"] for each in per_case] == ["anna"]
    per_person = greta.get("audit/access-log?actor=anna").get_json()["items"]
    assert {each["actor"] for each in per_person} == {"anna"}


def test_an_export_can_be_checked_by_anyone(greta, anna, case, tmp_path):
    for who, values in ((anna, 2), (greta, 0)):
        answer = who.get(f"cases/{case}/export.zip")
        assert answer.status_code == 200
        assert answer.content_type == "application/zip"
        path = tmp_path / "export.zip"
        path.write_bytes(answer.data)
        report = verifier.check(path, key=greta.get("audit/checkpoints").json["key"])
        assert (report.findings, report.values) == ((), values)
        assert zipfile.ZipFile(path).testzip() is None
    looks = greta.get(f"audit/access-log?case={case}&action=export").get_json()["items"]
    assert [each["actor"] for each in looks] == ["greta", "anna"]


@pytest.mark.usefixtures("case")
def test_another_units_case_cannot_be_exported(elin, case):
    assert elin.get(f"cases/{case}/export.zip").status_code == 404


@pytest.mark.usefixtures("case")
def test_lists_are_given_as_files_and_logged(greta):
    cases = greta.get("exports/cases.csv")
    assert cases.data.startswith(b"\xef\xbb\xbf")
    assert len(list(csv.reader(io.StringIO(cases.data.decode("utf-8-sig")), delimiter=";"))) == 3
    events = greta.get("exports/events.json?process=reminded").get_json()["events"]
    assert {each["process"] for each in events if each["process"]} == {"reminded"}
    assert greta.get("exports/events.xes").data.startswith(b'<?xml version="1.0"')
    assert greta.get("exports/events.csv?from=nonsense").status_code == 422
    looks = greta.get("audit/access-log?action=export").get_json()["items"]
    assert {each["subject"] for each in looks} == {"cases", "events", "xes"}


@pytest.mark.parametrize("path", ["exports/cases.csv", "exports/events.xes", "cases/{}/export.zip"])
def test_nobody_gets_a_file_without_logging_in(caller, case, path):
    assert caller(None).get(path.format(case)).status_code == 401


def rows(answer):
    told = answer.get_json()
    return next(told[name] for name in ("items", "cases", "events") if name in told)


def test_a_period_is_given_in_days_or_in_instants(greta, case, desk):
    with desk.begin("system") as work:
        today, now = work.today, work.now.isoformat().replace("+00:00", "Z")
    yesterday = today - timedelta(days=1)
    for path in (
        "audit/events",
        f"audit/access-log?case={case}",
        "exports/cases.json",
        "exports/events.json",
    ):
        ask = f"{path}{'&' if '?' in path else '?'}"
        whole, nothing = greta.get(f"{ask}from={today}&to={today}"), greta.get(f"{ask}to={yesterday}")
        assert (whole.status_code, nothing.status_code) == (200, 200), path
        assert rows(whole) != rows(nothing) == [], path
        assert greta.get(f"{ask}from={now}").status_code == 200
        assert greta.get(f"{ask}from=2026-02-30").status_code == 422
    assert greta.get(f"tasks?due_before={yesterday}").get_json()["items"] == []
