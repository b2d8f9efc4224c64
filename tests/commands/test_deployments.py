"""Publishing diagrams, tables and forms: all or nothing, versions, four eyes; on both databases."""

import json
import threading
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from service.commands import deployments, readiness
from service.engine import definition
from service.errors import Conflict, Forbidden, Invalid, Refused, ServiceError
from service.models.cases import ProcessInstance
from service.models.definitions import Definition, DefinitionKind, Deployment, DeploymentState
from service.queries import definitions

DIAGRAMS = Path(__file__).parent / "diagrams"
ROOT = Path(__file__).parents[2]


def file(name, *changes):
    content = (DIAGRAMS / name).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in content
        content = content.replace(old, new)
    return {name: content.encode()}


RENAMED = ('name="Fråga"', 'name="Fråga om"')


def deploy(desk, who="petra", files=None, note="Tydligare namn", **how):
    with desk.begin(who) as work:
        return deployments.deploy(work, files=files or file("two_steps.bpmn", RENAMED), note=note, **how)


def versions(desk, key="two_steps"):
    with desk.begin("system") as work:
        rows = sa.select(Definition.version, Definition.content).where(Definition.key == key)
        return {row.version: row.content for row in work.session.execute(rows)}


def version_of(desk, case):
    with desk.begin("system") as work:
        return work.session.scalars(
            sa.select(ProcessInstance.version).where(ProcessInstance.case_id == case)
        ).one()


def test_a_deployment_takes_effect_when_a_second_person_approves(desk):
    made = deploy(desk)
    assert (made.state, made.number) == ("pending", 2)
    assert version_of(desk, desk.start()) == 1
    with desk.begin("petra") as work, pytest.raises(Forbidden):
        deployments.approve(work, made.id)
    with desk.begin("anna") as work, pytest.raises(Forbidden):
        deployments.approve(work, made.id)
    with desk.begin("pia") as work:
        deployments.approve(work, made.id)
    assert version_of(desk, desk.start()) == 2
    with desk.begin("sam") as work, pytest.raises(Conflict):
        deployments.approve(work, made.id)


def test_a_running_case_keeps_its_version(desk):
    case = desk.start()
    with desk.begin("system") as work:
        deployments.deploy(work, files=file("two_steps.bpmn", RENAMED), note="Ny")
    desk.do(case, "ask")
    desk.do(case, "check", "kim")
    assert version_of(desk, case) == 1
    assert {event.deployment for event in desk.told(case, "task.completed")} == {1}


def test_only_what_differs_becomes_a_new_version_kept_byte_for_byte(desk):
    before = versions(desk)
    both = file("two_steps.bpmn", RENAMED) | file("overdue.bpmn")
    made = deploy(desk, files=both)
    assert {(each.key, each.version, each.changed) for each in made.definitions} == {
        ("two_steps", 2, True),
        ("overdue", 1, False),
    }
    assert versions(desk) == before | {2: both["two_steps.bpmn"]}
    assert set(versions(desk, "overdue")) == {1}


def test_deploying_what_is_in_force_changes_nothing(desk):
    made = deploy(desk, files=file("two_steps.bpmn"))
    assert (made.number, made.state) == (1, "active")
    assert [each.changed for each in made.definitions] == [False]
    with desk.begin("system") as work:
        assert work.session.scalar(sa.select(sa.func.count()).select_from(Deployment)) == 1


def test_with_four_eyes_switched_off_a_deployment_takes_effect_at_once(desk):
    desk.platform.settings = replace(desk.platform.settings, four_eyes="0")
    assert deploy(desk).state == "active"
    assert version_of(desk, desk.start()) == 2


def test_a_dry_run_stores_nothing(desk):
    made = deploy(desk, note="", dry_run=True)
    assert (made.id, made.number) == (None, None)
    assert [(each.key, each.version, each.changed) for each in made.definitions] == [("two_steps", 2, True)]
    assert set(versions(desk)) == {1}


def test_every_problem_is_told_and_nothing_is_stored(desk):
    files = (
        file("two_steps.bpmn", ('value="ask"', 'value="nobody"'))
        | file("overdue.bpmn", ("P30D", "every now and then ("))
        | {"small.form.json": b"{"}
    )
    with pytest.raises(Refused) as told:
        deploy(desk, files=files)
    assert {problem.file for problem in told.value.problems} >= {"two_steps.bpmn", "small.form.json"}
    assert set(versions(desk)) == {1}


@pytest.mark.parametrize(
    "files",
    [
        {"two_steps.txt": b"x"},
        {"Two Steps.bpmn": b"x"},
        {"x" * 70 + ".bpmn": b"x"},
        {"two_steps.bpmn": b"x" * (deployments.LARGEST + 1)},
        {"two_steps.bpmn": b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"},
        {"../../etc/passwd": b"x"},
    ],
)
def test_files_that_cannot_be_definitions_are_refused(desk, files):
    with pytest.raises(Refused) as told:
        deploy(desk, files=files)
    assert told.value.problems


def test_an_empty_deployment_is_refused(desk):
    with desk.begin("petra") as work, pytest.raises(Refused):
        deployments.deploy(work, files={}, note="Ingenting")


def test_a_file_is_named_after_its_key(desk):
    form = file("small.form.json", ('"id": "small"', '"id": "tiny"'))["small.form.json"]
    with pytest.raises(Refused, match=r"files|file") as told:
        deploy(desk, files={"other.form.json": form})
    assert "tiny.form.json" in told.value.problems[0].message
    content = file("two_steps.bpmn", ('id="two_steps"', 'id="three_steps"'))["two_steps.bpmn"]
    deploy(desk, files={"processes/three_steps/process.bpmn": content, "forms/tiny.form.json": form})


def test_a_note_says_why(desk):
    with pytest.raises(Invalid) as told:
        deploy(desk, note="  ")
    assert told.value.problems[0].pointer == "/note"


@pytest.mark.parametrize("who", ["anna", "bo", "greta", "sam"])
def test_only_process_owners_deploy(desk, who):
    with pytest.raises(Forbidden):
        deploy(desk, who)


def test_a_pending_deployment_does_not_undo_what_took_effect_after_it(desk):
    first = deploy(desk)
    second = deploy(desk, files=file("overdue.bpmn", ("P30D", "P31D")))
    with desk.begin("pia") as work:
        deployments.approve(work, second.id)
    with desk.begin("pia") as work, pytest.raises(Conflict, match="Deploy the files again"):
        deployments.approve(work, first.id)
    again = deploy(desk)
    with desk.begin("pia") as work:
        deployments.approve(work, again.id)
    with desk.begin("system") as work:
        force = definitions.files_in_force(work)
    assert b"Fr\xc3\xa5ga om" in force["processes/two_steps/process.bpmn"]
    assert b"P31D" in force["processes/overdue/process.bpmn"]


def test_what_is_in_force_is_written_as_it_is_read(desk, tmp_path):
    with desk.begin("system") as work:
        files = definitions.files_in_force(work)
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert deployments.read_folder(tmp_path) == {path.name: path.read_bytes() for path in DIAGRAMS.iterdir()}


def test_a_file_that_holds_several_things_is_written_once(desk):
    (found,) = Path("processes").glob("*/indicators.dmn")  # a table, and one that it asks
    with desk.begin("system") as work:
        made = deployments.deploy(work, files={found.name: found.read_bytes()}, note="Tabeller")
        files = definitions.files_in_force(work)
    assert len(made.definitions) == 2
    assert [path for path in files if "indicator" in path] == ["processes/tables/indicators.dmn"]


def test_deployments_at_the_same_time_follow_one_another(desk):
    ready, made = threading.Barrier(3), []

    def publish(number):
        ready.wait()
        try:
            made.append(deploy(desk, files=file("overdue.bpmn", ("P30D", f"P3{number}D"))).number)
        except ServiceError as error:
            made.append(error)

    threads = [threading.Thread(target=publish, args=(number,)) for number in (1, 2, 3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(made) == [2, 3, 4]
    assert set(versions(desk, "overdue")) == {1, 2, 3, 4}


def test_versions_are_counted_for_each_kind_and_key(desk):
    deploy(desk, files=file("weight.dmn", ("sten", "bly")))
    with desk.begin("system") as work:
        found = work.session.execute(
            sa.select(Definition.kind, Definition.version).where(Definition.key == "weight")
        ).all()
        assert sorted(map(tuple, found)) == [(DefinitionKind.DECISION, 1), (DefinitionKind.DECISION, 2)]


def test_the_services_own_files_are_installed_once(desk, tmp_path):
    with desk.begin("system") as work:
        assert deployments.install(work, tmp_path) is None
        for each in work.session.scalars(sa.select(Deployment)):
            each.state = DeploymentState.PENDING
    own = tmp_path / "processes" / "two_steps"
    own.mkdir(parents=True)
    (own / "process.bpmn").write_bytes((DIAGRAMS / "two_steps.bpmn").read_bytes())
    (tmp_path / "forms").mkdir()
    (tmp_path / "forms" / "small.form.json").write_bytes((DIAGRAMS / "small.form.json").read_bytes())
    with desk.begin("system") as work:
        assert deployments.install(work, tmp_path).state == "active"
    with desk.begin("system") as work:
        assert deployments.install(work, tmp_path) is None
    assert version_of(desk, desk.start()) == 2


def example(*steps, **more):
    said = {"name": "Två steg", "start_at": "2027-01-04T09:00:00+01:00", "data": {}, "steps": list(steps)}
    return {"two_steps.short.example.json": json.dumps(said | more).encode()}


def test_an_example_is_kept_and_blocks_a_deployment_that_it_does_not_fit(desk):
    asked = {"element": "ask", "data": {"what": "sten"}}
    with pytest.raises(Refused, match="deployed") as told:
        deploy(desk, files=example(asked, {"element": "aks", "data": {}}))
    (problem,) = told.value.problems
    assert (problem.file, problem.pointer) == ("two_steps.short.example.json", "/steps/1")
    assert "in step 2" in problem.message
    with desk.begin("system") as work:
        deployments.deploy(work, files=example(asked), note="Ett exempel")
    with desk.begin("system") as work:
        assert "processes/two_steps/examples/short.json" in definitions.files_in_force(work)
    with pytest.raises(Refused) as told:
        deploy(desk, files=file("two_steps.bpmn", ('"ask"', '"asking"')))
    assert told.value.problems[0].element == "ask"


def test_an_example_is_gone_through_where_a_file_can_change_it():
    wrong = example({"element": "nowhere", "data": {}})
    files = file("two_steps.bpmn") | file("small.form.json") | wrong
    before, zone = definition.parse(files), ZoneInfo("Europe/Stockholm")

    def told(**brought):
        found = readiness.look(files | brought, before, zone).problems
        return [each.file for each in found]

    (name,) = wrong
    assert told(**file("waiting.bpmn")) == []
    assert told(**file("two_steps.bpmn", RENAMED)) == [name]
    assert told(**file("small.form.json", ('"key": "what"', '"key":  "what"'))) == [name]


def test_a_milestone_that_would_disappear_is_told_and_stops_nothing(desk):
    lost = ('<spiffworkflow:property name="milestone" value="done" />', "")
    made = deploy(desk, files=file("two_steps.bpmn", lost), dry_run=True)
    (warning,) = [each for each in made.warnings if each.rule == "milestone-lost"]
    assert (warning.file, warning.element) == ("two_steps.bpmn", "end")


def test_a_task_that_says_too_little_is_told(desk):
    bare = ('<spiffworkflow:property name="guidance" value="Gör det." />', "")
    found = deploy(desk, files=file("two_steps.bpmn", bare), dry_run=True).warnings
    assert {(each.rule, each.element) for each in found} == {
        ("task-incomplete", "ask"),
        ("task-incomplete", "check"),
        ("laid-out", "two_steps"),
    }


@pytest.mark.parametrize(
    ("old", "new", "element", "words"),
    [
        ('name="whom"', 'name="whose"', "warnings_table", "missing: “whom”"),
        ('hitPolicy="RULE ORDER"', 'hitPolicy="FIRST"', "warnings_table", "use RULE ORDER"),
        ("<text>60</text>", "<text>-60</text>", "warnings_main_permit_1", "whole numbers"),
        ('<text>"percent"</text>', '<text>"weeks"</text>', "warnings_revocation_comment_1", "“percent” goes"),
    ],
)
def test_a_table_of_warnings_that_could_not_be_read_is_refused_by_its_row(desk, old, new, element, words):
    sound = (ROOT / "processes" / "case" / "warnings.dmn").read_text(encoding="utf-8")
    assert old in sound
    deploy(desk, files={"warnings.dmn": sound.encode()}, dry_run=True)
    with pytest.raises(Refused) as refused:
        deploy(desk, files={"warnings.dmn": sound.replace(old, new, 1).encode()})
    found = [(each.file, each.element) for each in refused.value.problems if words in each.message]
    assert found == [("warnings.dmn", element)]
