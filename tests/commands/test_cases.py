"""What is done to a case as a whole, on both databases."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine

from service import scheduler
from service.commands import cases, tasks
from service.errors import Conflict, Forbidden, Invalid, NotFound
from service.models.cases import Case, CaseStatus, ProcessInstance, Task, TaskOutcome
from service.models.history import AccessEvent
from service.models.jobs import AwaitedMessage, Job
from service.rules import identifiers
from service.rules.permissions import Protection


def status(desk, case):
    with desk.begin("system") as work:
        return work.session.get_one(Case, case).status


def test_a_new_case_has_a_reference_an_owner_and_a_version(desk):
    case = desk.start()
    with desk.begin("system") as work:
        row = work.session.get_one(Case, case)
        assert identifiers.read_case_reference(row.reference) == row.reference
        assert (row.unit_key, row.owner_id, row.status) == ("norrmalm", desk.crew.anna.id, CaseStatus.OPEN)
        assert work.session.scalars(sa.select(ProcessInstance)).one().version == 1


@pytest.mark.parametrize(("who", "unit"), [("elin", "norrmalm"), ("anna", "farsta"), ("greta", "norrmalm")])
def test_only_the_units_own_people_open_cases(desk, who, unit):
    with pytest.raises(Forbidden):
        desk.start(who=who, unit=unit)


def test_a_unit_that_is_not_there_is_told(desk):
    with pytest.raises(Invalid) as told:
        desk.start(unit="nowhere")
    assert told.value.problems[0].pointer == "/unit"


def test_a_process_that_nobody_deployed_is_told(desk):
    with pytest.raises(Invalid) as told:
        desk.start("nothing")
    assert told.value.problems[0].pointer == "/process"


def test_a_cancelled_case_waits_for_nothing(desk):
    case = desk.start("waiting")
    timed = desk.start("reminded")
    task = desk.claim(case, "work")
    with desk.begin() as work:
        tasks.save_draft(work, task, data={"what": "x"})
    for each in (case, timed):
        with desk.begin("bo") as work:
            cases.cancel(work, each, reason="Öppnat av misstag")
    assert status(desk, case) is CaseStatus.CANCELLED
    assert desk.open(case) == {}
    with desk.begin("system") as work:
        for table in (Job, AwaitedMessage):
            assert work.session.scalars(sa.select(table)).all() == []
        assert {task.outcome for task in work.session.scalars(sa.select(Task))} == {TaskOutcome.CANCELLED}
    assert ("task.cancelled", "bo", "work") in desk.story(case)
    with desk.begin("bo") as work, pytest.raises(Conflict, match="avbrutet"):
        cases.resume(work, case, reason="Ångrar mig")
    with desk.begin() as work, pytest.raises(Conflict):
        tasks.complete(work, task, answers={"what": "sten"})


def test_a_suspended_case_keeps_its_clocks(desk):
    case = desk.start("reminded")
    with desk.begin("bo") as work:
        cases.suspend(work, case, reason="Väntar")
        later = work.now + timedelta(hours=25)
    with time_machine.travel(later, tick=False):
        assert scheduler.tick(desk.platform) == 1
    assert set(desk.open(case)) == {"do", "remind"}


def test_only_leaders_manage_cases_and_must_say_why(desk):
    case = desk.start()
    for verb in (cases.suspend, cases.resume, cases.cancel):
        with desk.begin("anna") as work, pytest.raises(Forbidden):
            verb(work, case, reason="Vill")
        with desk.begin("elin") as work, pytest.raises(NotFound):
            verb(work, case, reason="Vill")
        with desk.begin("bo") as work, pytest.raises(Invalid):
            verb(work, case, reason="  ")
    assert desk.story(case)[-1][0] == "task.opened"


def test_reasons_stand_in_the_history_but_not_in_clear(desk):
    case = desk.start()
    with desk.begin("bo") as work:
        cases.suspend(work, case, reason="Personen är på sjukhus")
    (told,) = desk.told(case, "case.suspended")
    assert told.commitment
    assert "sjukhus" not in str(told.details)


def test_a_transferred_case_is_the_other_units_and_its_tasks_are_free(desk):
    case = desk.start()
    task = desk.claim(case, "ask", "anna")
    with desk.begin("bo") as work:
        cases.transfer(work, case, unit="farsta", owner="elin", reason="Har flyttat")
    with desk.begin("anna") as work, pytest.raises(NotFound):
        tasks.complete(work, task, answers={"what": "sten"})
    desk.do(case, "ask", "elin")
    with desk.begin("system") as work:
        assert work.session.get_one(Case, case).owner_id == desk.crew.elin.id
    desk.story(case)


def test_a_case_goes_only_to_people_who_work_in_its_unit(desk):
    case = desk.start()
    for given in ({"owner": "elin"}, {"unit": "nowhere"}, {}, {"unit": "farsta", "owner": "anna"}):
        with desk.begin("bo") as work, pytest.raises(Invalid):
            cases.transfer(work, case, reason="Byte", **given)


def test_a_protected_case_is_invisible_until_the_glass_is_broken(desk):
    case = desk.start(who="anna")
    with desk.begin("bo") as work:
        cases.protect(work, case, protection=Protection.PROTECTED, reason="Sekretessmarkering")
    task = desk.open(case)["ask"]
    with desk.begin("kim") as work, pytest.raises(NotFound):
        tasks.claim(work, task)
    with desk.begin("elin") as work, pytest.raises(NotFound):
        cases.break_glass(work, case, reason="Nyfiken")
    with desk.begin("kim") as work:
        cases.break_glass(work, case, reason="Jour, brådskande")
        opened = work.now
    with desk.begin("system") as work:
        looked = work.session.scalars(sa.select(AccessEvent).where(AccessEvent.actor == "kim")).all()
        assert [(each.action, each.reason) for each in looked] == [("protected.opened", "Jour, brådskande")]
    with time_machine.travel(opened + timedelta(minutes=59), tick=False), desk.begin("kim") as work:
        tasks.claim(work, task)
    with (
        time_machine.travel(opened + timedelta(minutes=61), tick=False),
        desk.begin("kim") as work,
        pytest.raises(NotFound),
    ):
        tasks.release(work, task)
    desk.claim(desk.start(who="anna"), "ask", "anna")
    assert ("access.granted", "kim", None) in desk.story(case)


def test_the_owner_of_a_protected_case_goes_on_working(desk):
    case = desk.start(who="anna")
    with desk.begin("bo") as work:
        cases.protect(work, case, protection=Protection.PROTECTED, reason="Skyddad folkbokföring")
    desk.do(case, "ask", "anna")


def test_the_glass_of_an_open_case_is_not_broken(desk):
    case = desk.start()
    with desk.begin("kim") as work, pytest.raises(Conflict):
        cases.break_glass(work, case, reason="Onödigt")
