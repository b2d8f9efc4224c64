"""Definitions through the API: what is in force, byte for byte; publishing with a second person."""

import json
from io import BytesIO
from pathlib import Path

import pytest
from calling import V1, is_problem

DIAGRAMS = Path(__file__).parents[2] / "commands" / "diagrams"
BPMN = (DIAGRAMS / "two_steps.bpmn").read_bytes()
CHANGED = BPMN.replace('name="Fråga"'.encode(), 'name="Fråga igen"'.encode())


def publish(caller, *files, **form):
    given = [(BytesIO(content), name) for name, content in files]
    return caller.client.post(
        f"{V1}/deployments",
        data={"files": given, **form},
        headers={"Authorization": f"Bearer {caller.token}"},
        content_type="multipart/form-data",
    )


@pytest.fixture
def petra(caller):
    """A process owner."""
    return caller("petra")


def test_the_newest_of_each_process_is_listed_with_its_open_cases(anna):
    anna.start()
    rows = {row["key"]: row for row in anna.get("process-definitions").get_json()["items"]}
    assert rows["two_steps"] | {"deployment_id": 0, "deployed_at": 0} == {
        "key": "two_steps",
        "name": "Två steg",
        "version": 1,
        "deployment_id": 0,
        "deployment": 1,
        "state": "active",
        "deployed_at": 0,
        "deployed_by": None,
        "approved_at": rows["two_steps"]["deployed_at"],
        "approved_by": None,
        "note": "Små diagram för tester",
        "open_cases": 1,
    }


def test_a_version_is_given_as_it_was_deployed_byte_for_byte(anna):
    path = "process-definitions/two_steps/versions/1"
    xml = anna.get(path, Accept="application/xml")
    assert (xml.data, xml.mimetype) == (BPMN, "application/xml")
    shown = anna.get(path).get_json()
    assert shown["file"] == "two_steps.bpmn"
    ask = next(each for each in shown["elements"] if each["id"] == "ask")
    assert (ask["kind"], ask["form"], ask["next"]) == ("userTask", "small", ["check"])


def test_a_deployment_waits_for_a_second_person(petra, caller, anna):
    made = publish(petra, ("two_steps.bpmn", CHANGED), note="Tydligare fråga")
    assert made.status_code == 201, made.text
    told = made.get_json()
    assert told["state"] == "pending"
    assert {"kind": "process", "key": "two_steps", "version": 2, "changed": True} in told["definitions"]
    assert anna.start()["process"]["version"] == 1
    is_problem(petra.post(f"deployments/{told['id']}/approval"), 403)
    is_problem(anna.post(f"deployments/{told['id']}/approval"), 403)
    approved = caller("pia").post(f"deployments/{told['id']}/approval")
    assert approved.get_json() == {"id": told["id"], "state": "active"}
    is_problem(caller("pia").post(f"deployments/{told['id']}/approval"), 409)
    assert anna.start()["process"]["version"] == 2
    versions = anna.get("process-definitions/two_steps/versions").get_json()["items"]
    assert [(row["version"], row["deployed_by"], row["approved_by"]) for row in versions] == [
        (2, "petra", "pia"),
        (1, None, None),
    ]


def test_a_dry_run_publishes_nothing(petra):
    told = publish(petra, ("two_steps.bpmn", CHANGED), note="Prov", dry_run="true")
    assert told.status_code == 200
    assert told.get_json()["id"] is None
    assert len(petra.get("process-definitions/two_steps/versions").get_json()["items"]) == 1


def test_what_is_in_force_already_brings_nothing_new(petra):
    told = publish(petra, ("two_steps.bpmn", BPMN), note="Samma igen")
    assert (told.status_code, told.get_json()["definitions"][0]["changed"]) == (200, False)
    assert len(petra.get("process-definitions/two_steps/versions").get_json()["items"]) == 1


def test_every_problem_of_every_file_is_told_and_nothing_is_published(petra):
    broken = [{"type": "html", "id": "h"}, {"type": "radio", "id": "r", "key": "r", "label": "R"}]
    form = json.dumps({"id": "small", "title": "Liten", "components": broken}).encode()
    found = is_problem(
        publish(petra, ("two_steps.bpmn", b"<x/>"), ("small.form.json", form), note="Fel"), 422
    )
    assert {(each.get("file"), each.get("element")) for each in found} >= {
        ("small.form.json", "h"),
        ("small.form.json", "r"),
    }
    assert "two_steps.bpmn" in {each.get("file") for each in found}
    assert all(each["rule"] for each in found if each.get("file") == "small.form.json")
    assert len(petra.get("process-definitions/two_steps/versions").get_json()["items"]) == 1


@pytest.mark.parametrize(
    ("files", "form"),
    [
        ([], {"note": "Inget"}),
        ([("two_steps.bpmn", CHANGED)], {}),
        ([("two_steps.bpmn", CHANGED)], {"note": "x", "approve": "1"}),
        ([("two_steps.bpmn", CHANGED)], {"note": "x", "dry_run": "perhaps"}),
        ([("two_steps.bpmn", CHANGED), ("two_steps.bpmn", BPMN)], {"note": "x"}),
        ([("../../etc/passwd", CHANGED)], {"note": "x"}),
        ([("two_steps.bpmn", b"x" * 3_000_000)], {"note": "Stor"}),
    ],
)
def test_an_upload_that_makes_no_sense_is_refused(petra, files, form):
    is_problem(publish(petra, *files, **form), 422)


def test_only_process_owners_publish(anna, petra):
    is_problem(publish(anna, ("two_steps.bpmn", CHANGED), note="x"), 403)
    is_problem(petra.post("deployments", {"files": []}), 415)


def test_a_simulation_runs_and_keeps_nothing(petra, anna):
    body = {
        "start_at": "2027-01-04T09:00:00+01:00",
        "steps": [{"element": "ask", "data": {"what": "sten"}, "after": "PT1H"}],
    }
    path = "process-definitions/two_steps/simulations"
    told = petra.post(path, body).get_json()
    assert (told["finished"], told["failure"], told["now"]) == (False, None, "2027-01-04T09:00:00Z")
    assert {"process": "two_steps", "element": "check", "right": None} in told["active"]
    assert petra.post(path, body | {"files": {"two_steps.bpmn": CHANGED.decode()}}).status_code == 200
    assert petra.post(path, body | {"files": {"two_steps.bpmn": "<a/>"}}).status_code == 422
    assert petra.post(path, body | {"version": 1, "ends": "nowhere"}).get_json()["failure"]["step"] is None
    is_problem(anna.post(path, body), 403)
    is_problem(petra.post("process-definitions/none/simulations", body), 404)
    assert anna.get("cases").get_json()["items"] == []


def test_two_versions_are_compared(petra, caller):
    made = publish(petra, ("two_steps.bpmn", CHANGED), note="Tydligare").get_json()
    caller("pia").post(f"deployments/{made['id']}/approval")
    (found,) = petra.get("process-definitions/two_steps/diff?from=1&to=2").get_json()["items"]
    assert (found["kind"], found["key"], found["added"]) == ("process", "two_steps", [])
    assert {each["element"] for each in found["changed"]} == {"ask"}
    assert found["words"]
    is_problem(petra.get("process-definitions/two_steps/diff?from=1&to=9"), 404)
    is_problem(petra.get("process-definitions/two_steps/diff?from=1"), 422)


def test_a_case_is_moved_over_http(petra, caller, anna):
    case = anna.start()
    made = publish(petra, ("two_steps.bpmn", CHANGED), note="Tydligare").get_json()
    caller("pia").post(f"deployments/{made['id']}/approval")
    path, body = "process-definitions/two_steps/migrations", {"from": 1, "to": 2, "note": "Tydligare"}
    (told,) = petra.post(path, body | {"dry_run": True}).get_json()["items"]
    assert (told["case_id"], told["moved"], told["obstacles"]) == (case["id"], True, [])
    assert anna.get(f"cases/{case['id']}").get_json()["process"]["version"] == 1
    petra.post(path, body)
    assert anna.get(f"cases/{case['id']}").get_json()["process"]["version"] == 2
    is_problem(anna.post(path, body), 403)
    is_problem(petra.post(path, {"from": 1}), 422)


def test_a_diagram_is_known_by_its_process_whatever_its_file_is_called(petra):
    made = publish(petra, ("two steps (2)/process.bpmn", CHANGED), note="Ur en mapp")
    assert made.status_code == 201, made.text
    assert [(each["key"], each["version"]) for each in made.get_json()["definitions"]] == [("two_steps", 2)]
    one = petra.get("process-definitions/two_steps/versions/2", Accept="application/xml")
    assert (one.data, "two_steps.bpmn" in one.headers["Content-Disposition"]) == (CHANGED, True)
    both = publish(petra, ("process.bpmn", BPMN), ("two_steps.bpmn", CHANGED), note="Vilken?")
    is_problem(both, 422, file="two_steps.bpmn", rule="file-twice")


def test_cases_are_moved_once_for_one_key_and_all_of_them_when_all_is_said(petra, caller, anna):
    cases = [anna.start()["id"] for _ in range(2)]
    made = publish(petra, ("two_steps.bpmn", CHANGED), note="Tydligare").get_json()
    caller("pia").post(f"deployments/{made['id']}/approval")
    path, body = "process-definitions/two_steps/migrations", {"from": 1, "to": 2, "note": "Tydligare"}
    for which in ({"all": False}, {"all": True, "cases": cases}, {"all": 1.5}, {"all": "yes"}):
        is_problem(petra.post(path, body | which), 422, pointer="/all")
    for wrong, pointer in (
        ({"dry_run": "no"}, "/dry_run"),
        ({"to": "2"}, "/to"),
        ({"mapping": {"a": 1}}, "/mapping/a"),
    ):
        is_problem(petra.post(path, body | wrong), 422, pointer=pointer)
    is_problem(petra.post(path, body | {"to": 9}, Idempotency_Key="k"), 404)
    moved = petra.post(path, body | {"all": True}, Idempotency_Key="k")
    assert {each["case_id"] for each in moved.get_json()["items"] if each["moved"]} == set(cases)
    again = petra.post(path, body | {"all": True}, Idempotency_Key="k")
    assert (again.get_json(), again.headers["Idempotent-Replayed"]) == (moved.get_json(), "true")
    is_problem(petra.post(path, body | {"cases": cases}, Idempotency_Key="k"), 422)
    assert petra.post(path, body | {"all": True}).get_json()["items"] == []


def test_renamed_elements_are_mapped_and_a_wrong_mapping_is_told_by_entry(petra, caller, anna):
    case = anna.start()
    renamed = BPMN.replace(b'"ask"', b'"asking"')
    made = publish(petra, ("two_steps.bpmn", renamed), note="Nya id").get_json()
    caller("pia").post(f"deployments/{made['id']}/approval")
    path, body = "process-definitions/two_steps/migrations", {"from": 1, "to": 2, "note": "Nya id"}
    (told,) = petra.post(path, body | {"dry_run": True}).get_json()["items"]
    assert [each["reason"] for each in told["obstacles"]] == ["element-removed", "second-person-lost"]
    wrong = petra.post(path, body | {"mapping": {"ask": "end"}})
    is_problem(wrong, 422, pointer="/mapping/ask", rule="mapping-twice")
    is_problem(petra.post(path, body | {"mapping": {"ask": 1}}), 422)
    needless = petra.post(path, body | {"mapping": {"ask": "asking"}, "waived": ["check"]})
    is_problem(needless, 422, pointer="/waived/0", rule="waived-needless")
    (moved,) = petra.post(path, body | {"mapping": {"ask": "asking"}}).get_json()["items"]
    assert moved["moved"]
    (task,) = anna.get(f"tasks?case={case['id']}").get_json()["items"]
    assert task["element"] == "asking"
    back = {"cases": [case["id"]], "note": "Fel version"}
    is_problem(petra.post(f"{path}/back", back | {"note": ""}), 422, pointer="/note")
    is_problem(anna.post(f"{path}/back", back), 403)
    (told,) = petra.post(f"{path}/back", back).get_json()["items"]
    assert told["moved"]
    assert anna.get(f"cases/{case['id']}").get_json()["process"]["version"] == 1
    (told,) = petra.post(f"{path}/back", back).get_json()["items"]
    assert (told["moved"], [each["reason"] for each in told["obstacles"]]) == (False, ["gone-on"])


def test_cases_are_gone_through_on_files_that_are_not_deployed(petra, anna):
    case = anna.start(data={"secret": "Rut"})
    path = "process-definitions/two_steps/replays"
    files = {"two_steps.bpmn": BPMN.replace(b"P3D", b"P9D").decode()}
    found = petra.post(path, {"files": files, "cases": [case["id"]]})
    (told,) = found.get_json()["items"]
    assert (told["outcome"], told["reason"], told["place"]["element"]) == ("diverges", "due", "ask")
    assert (told["reference"], told["name"]) == (case["reference"], "Fråga")
    assert found.get_json()["counts"] == {"same": 0, "diverges": 1, "blocked": 0}
    assert "Rut" not in found.text
    assert petra.post(path, {}).get_json()["items"][0]["outcome"] == "same"
    is_problem(anna.post(path, {}), 403)
    is_problem(petra.post(path, {"sample": 201}), 422, pointer="/sample")
    is_problem(petra.post(path, {"files": {"two_steps.bpmn": "<x/>"}}), 422, file="two_steps.bpmn")
    is_problem(petra.post("process-definitions/none/replays", {}), 404)
