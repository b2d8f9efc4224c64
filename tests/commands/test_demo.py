"""The demo: invented people and cases at every stage, each of which lives; seeding twice is harmless."""

import json
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from service import scheduler
from service.commands import demo, deployments, people, stuck
from service.config import Settings
from service.models.cases import Case, CaseStatus, Task
from service.models.history import HistoryEvent
from service.models.jobs import Incident, Job
from service.models.people import User
from service.queries import history, replays
from service.rules.permissions import SYSTEM
from service.work import Platform, open_platform

ROOT = Path(__file__).parents[2]
TOLD = json.loads(demo.CASES.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def platform(tmp_path_factory) -> Platform:
    """A new database with the service's own processes in force, and the demo in it."""
    platform = open_platform(Settings(data_dir=str(tmp_path_factory.mktemp("demo"))))
    platform.prepare()
    with platform.begin(SYSTEM) as work:
        deployments.install(work, ROOT)
    assert demo.seed(platform) == demo.Seeded(users=len(demo.USERS), cases=len(TOLD))
    yield platform
    platform.engine.dispose()


def everything(platform, model, *wanted):
    with platform.begin(SYSTEM) as work:
        return list(work.session.scalars(sa.select(model).where(*wanted)))


def test_every_case_of_the_demo_lives_and_its_history_is_whole(platform):
    scheduler.tick(platform)  # what has fallen due in the stories' past
    for case in everything(platform, Case):
        tasks = everything(platform, Task, Task.case_id == case.id, Task.closed_at.is_(None))
        jobs = everything(platform, Job, Job.case_id == case.id)
        if case.status is CaseStatus.OPEN:
            assert tasks or jobs
        else:
            assert (case.status, tasks, jobs) == (CaseStatus.CLOSED, [], [])
        with platform.begin(SYSTEM) as work:
            verdict = history.verify(work, case.id)
        assert verdict.ok, verdict
    with platform.begin(SYSTEM) as work:
        assert stuck.find(work) == ()
    assert everything(platform, Incident) == []


def test_each_case_has_come_as_far_as_its_story_tells(platform):
    done = [
        [event.element for event in everything(platform, HistoryEvent, HistoryEvent.case_id == case.id)
         if event.type == "task.completed"]
        for case in everything(platform, Case)
    ]  # fmt: skip
    assert sorted(done) == sorted([step["element"] for step in told["steps"]] for told in TOLD)


def test_seeding_again_changes_nothing(platform):
    def counts():
        return [len(everything(platform, model)) for model in (Case, User, HistoryEvent, Task)]

    before = counts()
    assert demo.seed(platform).cases == len(TOLD)
    assert counts() == before


def test_everybody_of_the_demo_can_log_in(platform):
    for username, *_ in demo.USERS:
        with platform.begin(SYSTEM) as work:
            assert people.log_in(work, username=username, password=demo.PASSWORD, address="127.0.0.1")


def test_the_days_of_a_story_are_counted_from_the_day_it_is_seeded():
    told = {"a": "@-17", "b": ["@+0", "x@-1"], "c": {"d": "@+30"}, "e": 3}
    counted = {"a": "2026-02-12", "b": ["2026-03-01", "x@-1"], "c": {"d": "2026-03-31"}, "e": 3}
    assert demo._dated(told, date(2026, 3, 1)) == counted


def test_the_demo_names_nobody_but_the_invented():
    names = [step["data"]["person_name"] for told in TOLD for step in told["steps"]
             if step["element"] == "register_report" and "person_name" in step["data"]]  # fmt: skip
    assert names
    assert all(name.endswith("Demo (påhittad)") for name in names)


def test_every_case_of_the_demo_goes_the_same_way_again_on_what_is_in_force(platform):
    scheduler.tick(platform)
    begin = lambda: platform.begin(SYSTEM)  # noqa: E731
    found = replays.run(begin, {}, sample=replays.MOST)
    hidden = [each for each in TOLD if each["protected"]]
    assert found.counts == {"same": len(TOLD) - len(hidden), "diverges": 0, "blocked": 0}, [
        (each.reference, each.verdict) for each in found.items if each.verdict.outcome != "same"
    ]
    assert found.left_out == 0


def test_a_changed_deadline_of_the_real_diagrams_is_found_where_it_stands(platform):
    scheduler.tick(platform)
    changed = (ROOT / "processes/case/process.bpmn").read_text(encoding="utf-8")
    assert "string(first_contact_time.amount)" in changed
    longer = changed.replace("string(first_contact_time.amount)", "string(first_contact_time.amount + 12)")
    files = {"case.bpmn": longer.encode()}
    found = replays.run(lambda: platform.begin(SYSTEM), files, process="case")
    assert found.counts["same"] == 0
    assert {(each.verdict.reason, each.name.sv) for each in found.items} == {("due", "Ta första kontakten")}
