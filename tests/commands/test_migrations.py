"""Running cases moved to a new version: each for itself, with tasks, drafts and deadlines; both databases."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from service.commands import deployments, migrations, tasks
from service.errors import Forbidden, Invalid, NotFound
from service.models.cases import Draft, ProcessInstance, Task
from service.models.jobs import Job
from service.queries import trace

DIAGRAMS = Path(__file__).parent / "diagrams"


def publish(desk, name, *changes):
    content = (DIAGRAMS / name).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in content
        content = content.replace(old, new)
    with desk.begin("system") as work:
        deployments.deploy(work, files={name: content.encode()}, note="Ny version")


RENAMED = ('name="Fråga"', 'name="Fråga om"')
BOTH = ('"ask"', '"asking"'), ('"check"', '"checking"')
WITHOUT = ('"ask"', '"asking"')


def migrate(desk, key="two_steps", who="petra", **how):
    how = {"old": 1, "new": 2, "note": "Ny lag"} | how
    return migrations.migrate(lambda: desk.begin(who), key, **how)


def rows(desk, case):
    with desk.begin("system") as work:
        found = sa.select(ProcessInstance.version, ProcessInstance.deployment_id)
        return work.session.execute(found.where(ProcessInstance.case_id == case)).one()


def test_a_moved_case_keeps_task_draft_and_history_and_ends_on_the_new_version(desk):
    case = desk.start()
    task = desk.claim(case, "ask")
    with desk.begin("anna") as work:
        tasks.save_draft(work, task, data={"what": "sten"})
    publish(desk, "two_steps.bpmn", RENAMED)
    (moved,) = migrate(desk)
    assert (moved.case_id, moved.moved, moved.obstacles) == (case, True, ())
    assert rows(desk, case).version == 2
    assert desk.open(case) == {"ask": task}
    with desk.begin("system") as work:
        assert work.session.get(Draft, task) is not None
        assert work.session.get_one(Task, task).due_at is not None
    target = rows(desk, case).deployment_id
    with desk.begin("system") as work:
        digest = work.definition(target).digest
    (event,) = desk.told(case, "instance.migrated")
    assert event.details == {
        "from": {"deployment": 1, "version": 1},
        "to": {"deployment": 2, "version": 2},
        "note": "Ny lag",
        "definitions": digest,
    }
    with desk.begin("anna") as work:
        tasks.complete(work, task, answers={"what": "sten"})
    desk.do(case, "check", "kim")
    assert desk.story(case)[-1][0] == "case.closed"


def test_a_blocked_case_is_left_untouched_and_the_others_are_moved(desk):
    blocked, ahead = desk.start(), desk.start()
    desk.do(ahead, "ask")
    publish(desk, "two_steps.bpmn", WITHOUT)
    before = rows(desk, blocked)
    found = {each.case_id: each for each in migrate(desk, waived=["check"])}
    assert [(each.reason, each.element) for each in found[blocked].obstacles] == [("element-removed", "ask")]
    assert found[ahead].moved
    assert rows(desk, blocked) == before
    assert not desk.told(blocked, "instance.migrated")


def test_a_dry_run_only_tells(desk):
    case = desk.start()
    publish(desk, "two_steps.bpmn", RENAMED)
    (told,) = migrate(desk, dry_run=True, note="")
    assert told.moved
    assert rows(desk, case).version == 1
    assert migrate(desk, cases=[]) == ()


def test_a_second_person_is_not_lost_unless_the_owner_gives_the_check_up(desk):
    ahead, past = desk.start(), desk.start()
    desk.do(ahead, "ask")
    publish(desk, "two_steps.bpmn", WITHOUT)
    (reason,) = {each.case_id: each for each in migrate(desk)}[ahead].obstacles
    assert (reason.reason, reason.element) == ("second-person-lost", "check")
    assert not desk.told(ahead, "instance.migrated")
    with pytest.raises(Invalid) as refused:
        migrate(desk, waived=["check"], mapping={"ask": "asking"})  # nothing is lost with that
    assert [each.pointer for each in refused.value.problems] == ["/waived/0"]
    found = {each.case_id: each.moved for each in migrate(desk, waived=["check"])}
    assert found == {ahead: True, past: False}
    (event,) = desk.told(ahead, "instance.migrated")
    assert event.details["waived"] == [["two_steps", "check"]]


def test_a_step_that_no_longer_asks_for_a_second_person_concerns_only_cases_that_come_to_it(desk):
    ask = '          <spiffworkflow:property name="fourEyes" value="ask" />\n'
    case = desk.start()
    publish(desk, "two_steps.bpmn", (ask, ""))
    (blocked,) = migrate(desk, dry_run=True)
    assert [(each.reason, each.element) for each in blocked.obstacles] == [("second-person-lost", "check")]
    (moved,) = migrate(desk, waived=["check"], dry_run=True)
    assert moved.moved
    assert list(desk.open(case)) == ["ask"]


def move_back(desk, *cases, who="petra", key="two_steps", note="Fel version"):
    return migrations.move_back(lambda: desk.begin(who), key, cases=cases, note=note)


def test_a_moved_case_goes_back_as_it_stood_until_somebody_acts_on_it(desk):
    case = desk.start()
    task = desk.claim(case, "ask")
    publish(desk, "two_steps.bpmn", *BOTH)
    before = rows(desk, case)
    with desk.begin("system") as work:
        due = work.session.get_one(Task, task).due_at
    migrate(desk, mapping={"ask": "asking", "check": "checking"})
    assert desk.open(case) == {"asking": task}
    (back,) = move_back(desk, case)
    assert back.moved, back
    assert rows(desk, case) == before
    with desk.begin("system") as work:
        kept = work.session.get_one(Task, task)
        assert (kept.element, kept.due_at, kept.assignee_id) == ("ask", due, desk.crew.anna.id)
    (event,) = desk.told(case, "instance.moved-back")
    assert event.details["renamed"] == [["two_steps", "asking", "ask"], ["two_steps", "checking", "check"]]
    assert (event.details["to"], event.details["note"]) == ({"deployment": 1, "version": 1}, "Fel version")
    (again,) = move_back(desk, case)
    assert [each.reason for each in again.obstacles] == ["gone-on"]
    with desk.begin("greta") as work:
        standing = trace.trace(work, case).standing
    assert [each.place.element for each in standing.tasks] == ["ask"]
    with desk.begin("anna") as work:
        tasks.complete(work, task, answers={"what": "sten"})
    desk.do(case, "check", "kim")
    assert desk.story(case)[-1][0] == "case.closed"


@pytest.mark.parametrize(
    ("act", "reason"), [("claim", "acted-on"), ("draft", "acted-on"), ("complete", "gone-on")]
)
def test_a_moved_case_that_somebody_acts_on_stays_where_it_is(desk, act, reason):
    case, other = desk.start(), desk.start()
    if act == "draft":
        desk.claim(case, "ask")
    publish(desk, "two_steps.bpmn", RENAMED)
    migrate(desk)
    if act == "claim":
        desk.claim(case, "ask")
    elif act == "draft":
        with desk.begin("anna") as work:
            tasks.save_draft(work, desk.open(case)["ask"], data={"what": "sten"})
    else:
        desk.do(case, "ask")
    stays, goes = move_back(desk, case, other)
    assert [each.reason for each in stays.obstacles] == [reason]
    assert goes.moved
    assert (rows(desk, case).version, rows(desk, other).version) == (2, 1)
    assert not desk.told(case, "instance.moved-back")


def test_a_timer_that_waits_is_due_when_it_was_after_a_move_and_back(desk):
    case = desk.start("overdue")

    def jobs():
        with desk.begin("system") as work:
            found = sa.select(Job.id, Job.element, Job.due_at).where(Job.case_id == case)
            return work.session.execute(found).all()

    before = jobs()
    (element,) = {each.element for each in before}
    publish(desk, "overdue.bpmn", (f'"{element}"', '"another"'), ("P30D", "P31D"))
    (moved,) = migrate(desk, "overdue", mapping={element: "another"})
    assert moved.moved, moved
    (back,) = move_back(desk, case, key="overdue")
    assert back.moved, back
    assert jobs() == before


def test_only_process_owners_move_cases_back_and_they_say_why(desk):
    case = desk.start()
    publish(desk, "two_steps.bpmn", RENAMED)
    migrate(desk)
    for who in ("anna", "bo", "sam"):
        with pytest.raises(Forbidden):
            move_back(desk, case, who=who)
    with pytest.raises(Invalid):
        move_back(desk, case, note=" ")


def test_timers_stay_due_when_they_were(desk):
    case = desk.start("overdue")

    def due():
        with desk.begin("system") as work:
            jobs = work.session.execute(sa.select(Job.id, Job.due_at).where(Job.case_id == case))
            return {row.id: row.due_at for row in jobs}

    before = due()
    publish(desk, "overdue.bpmn", ("P30D", "P31D"))
    (moved,) = migrate(desk, "overdue")
    assert moved.moved
    assert due() == before != {}


def test_a_mapped_case_keeps_task_draft_deadline_and_the_second_person(desk):
    case = desk.start()
    desk.do(case, "ask")
    task = desk.claim(case, "check", "kim")
    with desk.begin("kim") as work:
        tasks.save_draft(work, task, data={"what": "grus"})
    with desk.begin("system") as work:
        due = work.session.get_one(Task, task).due_at
    publish(desk, "two_steps.bpmn", *BOTH)
    (blocked,) = migrate(desk)
    assert [(each.reason, each.element) for each in blocked.obstacles] == [("element-removed", "check")]
    (moved,) = migrate(desk, mapping={"ask": "asking", "two_steps/check": "checking"})
    assert moved.moved, moved
    assert desk.open(case) == {"checking": task}
    with desk.begin("kim") as work:
        kept = work.session.get_one(Task, task)
        assert (kept.due_at, kept.assignee_id) == (due, work.actor.id)
        assert work.session.get(Draft, task) is not None
    (event,) = desk.told(case, "instance.migrated")
    assert event.details["renamed"] == [["two_steps", "ask", "asking"], ["two_steps", "check", "checking"]]
    with pytest.raises(Invalid), desk.begin("bo") as work:
        tasks.assign(work, task, username="anna")  # who did the step that this one checks
    with desk.begin("kim") as work:
        tasks.complete(work, task, answers={"what": "grus"})
    assert desk.story(case)[-1][0] == "case.closed"
    with desk.begin("greta") as work:
        standing = trace.trace(work, case).standing
    passed = [each.element for each in standing.passed]
    assert passed == ["begin", "asking", "checking", "end"]


def test_timers_and_messages_of_mapped_elements_keep_their_rows(desk):
    case = desk.start("overdue")

    def rows():
        with desk.begin("system") as work:
            jobs = work.session.execute(sa.select(Job.element, Job.id, Job.due_at).where(Job.case_id == case))
            return {element: (id, due) for element, id, due in jobs}

    before = rows()
    (element,) = before
    publish(desk, "overdue.bpmn", (f'"{element}"', '"another"'))
    (moved,) = migrate(desk, "overdue", mapping={element: "another"})
    assert moved.moved, moved
    assert rows() == {"another": before[element]}


@pytest.mark.parametrize(
    ("mapping", "pointer", "rule"),
    [
        ({"none": "asking"}, "/mapping/none", "mapping-old"),
        ({"ask": "none"}, "/mapping/ask", "mapping-new"),
        ({"ask": "end"}, "/mapping/ask", "mapping-twice"),
        ({"ask": "checking", "check": "checking"}, "/mapping/check", "mapping-twice"),
        ({"end": "asking"}, "/mapping/end", "mapping-kind"),
        ({"ask": "asking", "two_steps/ask": "asking"}, "/mapping/two_steps~1ask", "mapping-twice"),
        ({"other/ask": "asking"}, "/mapping/other~1ask", "mapping-old"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_told_by_entry_and_moves_nothing(desk, mapping, pointer, rule):
    case = desk.start()
    publish(desk, "two_steps.bpmn", *BOTH)
    with pytest.raises(Invalid) as refused:
        migrate(desk, mapping=mapping)
    assert (pointer, rule) in {(each.pointer, each.rule) for each in refused.value.problems}
    assert rows(desk, case).version == 1


def test_only_process_owners_move_cases_and_they_say_why(desk):
    publish(desk, "two_steps.bpmn", RENAMED)
    with pytest.raises(Forbidden):
        migrate(desk, who="anna")
    with pytest.raises(Invalid):
        migrate(desk, note=" ")
    with pytest.raises(NotFound):
        migrate(desk, new=9)
