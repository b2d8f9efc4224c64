"""What people do with tasks, on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
import time_machine

from service.commands import cases, people, tasks
from service.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from service.models.base import Base
from service.models.cases import Answers, Case, Draft, Task, completer
from service.models.people import Delegation
from service.queries import worklist
from service.rules.permissions import Permission, may

NOON = datetime(2030, 1, 7, 12, tzinfo=UTC)  # a Monday; 13:00 in Stockholm


def test_a_case_runs_from_its_first_task_to_its_end(desk):
    case = desk.start()
    assert set(desk.open(case)) == {"ask"}
    desk.do(case, "ask")
    assert set(desk.open(case)) == {"check"}
    desk.do(case, "check", "kim")
    assert desk.open(case) == {}
    assert [event for event in desk.story(case) if event[0] != "elements.passed"] == [
        ("case.opened", "anna", None),
        ("instance.started", "anna", None),
        ("task.opened", "anna", "ask"),
        ("task.claimed", "anna", "ask"),
        ("task.completed", "anna", "ask"),
        ("task.opened", "anna", "check"),
        ("task.claimed", "kim", "check"),
        ("task.completed", "kim", "check"),
        ("milestone.reached", "kim", "end"),
        ("instance.finished", "kim", None),
        ("case.closed", "kim", None),
    ]


def test_the_loser_of_a_claim_learns_who_won(desk):
    case = desk.start()
    with time_machine.travel(NOON, tick=False):
        task = desk.claim(case, "ask")
        with desk.begin("kim") as work, pytest.raises(Conflict, match="Anna Ek took the task at 13:00"):
            tasks.claim(work, task)
    told = "Anna Ek tog uppgiften 2030-01-07 13:00"
    with (
        time_machine.travel(NOON + timedelta(days=1), tick=False),
        desk.begin("bo") as work,
        pytest.raises(Conflict, match=told),
    ):
        tasks.claim(work, task)


def test_taking_ones_own_task_again_changes_nothing(desk):
    case = desk.start()
    desk.claim(case, "ask")
    before = desk.story(case)
    desk.claim(case, "ask")
    assert desk.story(case) == before


def test_the_loser_of_a_completion_learns_who_submitted(desk):
    with time_machine.travel(NOON, tick=False):
        case = desk.start()
        task = desk.open(case)["ask"]
        desk.do(case, "ask")
        with desk.begin("anna") as work, pytest.raises(Conflict, match="Anna Ek skickade in 13:00"):
            tasks.complete(work, task, answers={"what": "annat"})
        with desk.begin("kim") as work, pytest.raises(Conflict, match="Anna Ek submitted at 13:00"):
            tasks.claim(work, task)


def test_a_task_must_be_taken_before_it_is_completed(desk):
    case = desk.start()
    task = desk.open(case)["ask"]
    with desk.begin() as work, pytest.raises(Forbidden, match="Ta uppgiften först"):
        tasks.complete(work, task, answers={"what": "sten"})
    desk.claim(case, "ask", "kim")
    with desk.begin() as work, pytest.raises(Forbidden):
        tasks.complete(work, task, answers={"what": "sten"})


def test_whoever_did_the_step_may_not_check_it(desk):
    case = desk.start()
    desk.do(case, "ask", "anna")
    task = desk.open(case)["check"]
    with desk.begin("anna") as work, pytest.raises(Forbidden, match="Du gjorde steget"):
        tasks.claim(work, task)
    desk.do(case, "check", "kim")


def test_nobody_gives_the_check_to_whoever_did_the_step(desk):
    case = desk.start()
    desk.do(case, "ask", "anna")
    task = desk.open(case)["check"]
    with desk.begin("bo") as work, pytest.raises(Invalid) as told:
        tasks.assign(work, task, username="anna")
    assert told.value.problems[0].pointer == "/user"


def test_only_a_holder_of_the_delegation_may_sign(desk):
    case = desk.start("deciding")
    task = desk.open(case)["sign"]
    with desk.begin("anna") as work, pytest.raises(Forbidden, match="delegation"):
        tasks.claim(work, task)
    desk.do(case, "sign", "bo")
    assert ("decision.made", "bo", "weigh") in desk.story(case)


def test_a_delegation_for_another_unit_is_none_here(desk):
    case = desk.start()
    desk.do(case, "ask")
    check = desk.open(case)["check"]
    with desk.begin("system") as work:
        facts = work.facts(work.session.get_one(Case, case), role="team_leader", delegation="x")
        for unit, allowed in (("farsta", False), ("norrmalm", True)):
            leader = replace(desk.crew.bo, delegations=frozenset({("x", unit)}))
            assert may(leader, Permission.TASK_CLAIM, facts) is allowed, unit
    with desk.begin("system") as work:
        work.session.execute(sa.update(Delegation).values(unit_key="farsta"))
    with desk.begin("system") as work:
        bo = people.actor(work, username="bo")
    assert bo.delegations == {("reflection-period-application", "farsta")}
    assert check


def test_a_delegation_that_has_ended_is_none(desk):
    case = desk.start("deciding")
    with desk.begin("system") as work:
        held = work.session.scalars(sa.select(Delegation)).one()
        people.end_delegation(work, held.id)
    with desk.begin("system") as work:
        bo = people.actor(work, username="bo")
    with desk.platform.begin(bo) as work, pytest.raises(Forbidden):
        tasks.claim(work, desk.open(case)["sign"])


def test_what_is_wrong_in_the_answers_is_told_field_by_field(desk):
    case = desk.start()
    task = desk.claim(case, "ask")
    before = desk.story(case)
    for answers, pointer in (
        ({}, "/data/what"),
        ({"what": "sten", "unknown": 1}, "/data/unknown"),
        ({"what": "sten", "personal_number": "19121212-1213"}, "/data/personal_number"),
    ):
        with desk.begin() as work, pytest.raises(Invalid) as told:
            tasks.complete(work, task, answers=answers)
        assert pointer in {problem.pointer for problem in told.value.problems}
    assert desk.story(case) == before
    assert set(desk.open(case)) == {"ask"}


def test_nothing_is_done_with_the_tasks_of_a_suspended_case(desk):
    case = desk.start()
    task = desk.claim(case, "ask")
    with desk.begin("bo") as work:
        cases.suspend(work, case, reason="Väntar på besked")
    for verb in (
        lambda work: tasks.complete(work, task, answers={"what": "sten"}),
        lambda work: tasks.save_draft(work, task, data={"what": "st"}),
        lambda work: tasks.release(work, task),
        lambda work: tasks.claim(work, task),
    ):
        with desk.begin() as work, pytest.raises(Conflict, match="vilande"):
            verb(work)
    with desk.begin("bo") as work:
        cases.resume(work, case, reason="Besked har kommit")
    with desk.begin() as work:
        tasks.complete(work, task, answers={"what": "sten"})


def test_a_released_task_can_be_taken_by_someone_else(desk):
    case = desk.start()
    task = desk.claim(case, "ask", "anna")
    with desk.begin("anna") as work:
        tasks.release(work, task, note="Ringer i morgon")
    with desk.begin("anna") as work, pytest.raises(Forbidden):
        tasks.release(work, task)
    desk.claim(case, "ask", "kim")
    (told,) = desk.told(case, "task.released")
    assert told.commitment
    assert "Ringer" not in str(told.details)


def test_a_leader_gives_a_task_to_someone(desk):
    case = desk.start()
    task = desk.open(case)["ask"]
    with desk.begin("kim") as work, pytest.raises(Forbidden):
        tasks.assign(work, task, username="anna")
    with desk.begin("bo") as work:
        tasks.assign(work, task, username="kim", note="Du känner ärendet")
    with desk.begin("kim") as work:
        tasks.complete(work, task, answers={"what": "sten"})
    assert ("task.assigned", "bo", "ask") in desk.story(case)


def test_a_task_is_not_given_to_another_unit_nor_to_nobody(desk):
    case = desk.start()
    task = desk.open(case)["ask"]
    for username in ("elin", "nobody"):
        with desk.begin("bo") as work, pytest.raises(Invalid):
            tasks.assign(work, task, username=username)


def test_people_outside_the_unit_do_not_learn_that_a_task_exists(desk):
    case = desk.start()
    task = desk.open(case)["ask"]
    for verb in (
        lambda work: tasks.claim(work, task),
        lambda work: tasks.complete(work, task, answers={}),
        lambda work: tasks.claim(work, uuid4()),
    ):
        with desk.begin("elin") as work, pytest.raises(NotFound):
            verb(work)
    desk.do(case, "ask")
    with desk.begin("elin") as work, pytest.raises(NotFound):
        tasks.claim(work, task)


def test_an_answer_on_a_case_that_has_moved_on_is_stale(desk):
    def revision():
        with desk.begin("system") as work:
            return work.session.get_one(Case, case).revision

    case = desk.start()
    seen = revision()
    task = desk.claim(case, "ask")
    with desk.begin() as work, pytest.raises(Stale):
        tasks.complete(work, task, answers={"what": "sten"}, revision=seen)
    with desk.begin() as work:
        tasks.complete(work, task, answers={"what": "sten"}, revision=revision())


def test_a_draft_is_kept_until_its_task_is_completed(desk):
    case = desk.start()
    task = desk.claim(case, "ask")
    with desk.begin() as work:
        assert tasks.save_draft(work, task, data={"what": "st"}, revision=0) == 1
    with desk.begin() as work:
        assert tasks.save_draft(work, task, data={"what": "ste"}, revision=1) == 2
    with desk.begin("system") as work:
        draft = work.session.get_one(Draft, task)
        row = work.session.get_one(Case, case)
        assert draft.revision == 2
        assert work.key(row).open_json(draft.data, f"draft.data:{task}") == {"what": "ste"}
    with desk.begin() as work:
        tasks.complete(work, task, answers={"what": "sten"})
    with desk.begin("system") as work:
        assert work.session.get(Draft, task) is None


def test_a_draft_stays_when_its_task_is_taken_away(desk):
    case = desk.start()
    task = desk.claim(case, "ask")
    with desk.begin() as work:
        tasks.save_draft(work, task, data={"what": "st"})
    with desk.begin("bo") as work:
        cases.cancel(work, case, reason="Öppnat av misstag")
    with desk.begin() as work:
        page = worklist.task(work, task)
        assert (page.draft.data, page.closing.outcome) == ({"what": "st"}, "cancelled")


def test_who_did_the_step_to_be_checked_is_told_by_process_and_right(desk):
    case = desk.start()
    desk.do(case, "ask")
    check = desk.open(case)["check"]
    with desk.begin("system") as work:
        task = work.session.get_one(Task, check)
        assert work.session.scalar(completer(task, "ask")) == desk.crew.anna.id
    for elsewhere in ({"right": "housing"}, {"process": "another"}):
        with desk.begin("system") as work:
            work.session.execute(sa.update(Task).where(Task.element == "ask").values(elsewhere))
        with desk.begin("anna") as work:
            assert Permission.TASK_CLAIM in worklist.task(work, check).may
        with desk.begin("system") as work:
            work.session.execute(
                sa.update(Task).where(Task.element == "ask").values(right=None, process="two_steps")
            )
    with desk.begin("anna") as work:
        assert Permission.TASK_CLAIM not in worklist.task(work, check).may


def test_a_draft_saved_elsewhere_shows_both_values(desk):
    case = desk.start()
    task = desk.claim(case, "ask")
    with desk.begin() as work:
        tasks.save_draft(work, task, data={"what": "min", "personal_number": "x"}, revision=0)
    with desk.begin() as work, pytest.raises(Stale) as told:
        tasks.save_draft(work, task, data={"what": "din", "personal_number": "x"}, revision=0)
    (problem,) = told.value.problems
    assert problem.pointer == "/data/what"
    assert "min" in problem.message
    assert "din" in problem.message


def test_only_whoever_has_the_task_keeps_drafts_for_it(desk):
    case = desk.start()
    task = desk.claim(case, "ask")
    for who in ("kim", "bo"):
        with desk.begin(who) as work, pytest.raises(Forbidden):
            tasks.save_draft(work, task, data={})


def test_what_people_write_is_not_readable_in_the_database(desk):
    secret = "kanariefågel"
    case = desk.start(story=secret)
    task = desk.claim(case, "ask")
    with desk.begin() as work:
        tasks.save_draft(work, task, data={"what": secret})
    with desk.begin() as work:
        tasks.complete(work, task, answers={"what": secret, "personal_number": "19811228-9874"})
    found = 0
    with desk.platform.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            for row in connection.execute(sa.select(table)):
                kept = " ".join(value.hex() if isinstance(value, bytes) else str(value) for value in row)
                found += 1
                for canary in (secret, "19811228", "811228-9874"):
                    assert canary not in kept
                    assert canary.encode().hex() not in kept
    assert found > 20


def test_the_answers_are_kept_as_their_first_version(desk):
    case = desk.start()
    task = desk.claim(case, "ask")
    with desk.begin() as work:
        tasks.complete(work, task, answers={"what": "sten"})
    with desk.begin("system") as work:
        kept = work.session.scalars(sa.select(Answers)).one()
        row = work.session.get_one(Case, case)
        assert (kept.task_id, kept.version) == (task, 1)
        assert work.key(row).open_json(kept.data, f"answers.data:{task}:1")["what"] == "sten"


def test_a_person_is_counted_once_however_the_number_is_written(desk):
    written = ("19811228-9874", "198112289874", " 19811228 9874")
    indexes = set()
    for number in written:
        case = desk.start()
        desk.do(case, "ask", personal_number=number)
        with desk.begin("system") as work:
            indexes.add(work.session.get_one(Case, case).person_index)
    assert len(indexes) == 1
    assert None not in indexes
