"""Cases gone through once more on a candidate: the same way, another, or none; nothing personal is told."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
import time_machine

from service import scheduler
from service.commands import cases, deadlines, deployments, messages, migrations
from service.errors import Forbidden, Invalid, NotFound, Refused
from service.models.history import AccessEvent, HistoryEvent
from service.models.jobs import Job
from service.queries import replays
from service.rules.permissions import Protection

DIAGRAMS = Path(__file__).parents[1] / "commands" / "diagrams"
MORE = """<bpmn:task id="more" name="Mer" />
<bpmn:sequenceFlow id="more_to_end" sourceRef="more" targetRef="end" />"""
BEGIN = datetime(2027, 3, 1, 8, tzinfo=UTC)


def changed(name, *changes):
    content = (DIAGRAMS / name).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in content
        content = content.replace(old, new)
    return {name: content.encode()}


def replay(desk, files=None, who="petra", **how):
    return replays.run(lambda: desk.begin(who), files or {}, **how)


def told(desk, files=None, **how):
    (one,) = replay(desk, files, **how).items
    place = one.verdict.place
    return one.verdict.outcome, one.verdict.reason, place.element if place else None


def finished(desk):
    case = desk.start()
    desk.do(case, "ask")
    desk.do(case, "check", "kim")
    return case


def test_a_finished_case_goes_the_same_way_on_what_is_in_force_and_nothing_is_kept(desk):
    case = finished(desk)
    with desk.begin("system") as work:
        before = work.session.scalar(sa.select(sa.func.count()).select_from(HistoryEvent))
    (one,) = replay(desk).items
    assert (one.case_id, one.status, one.verdict.outcome, one.verdict.steps) == (case, "closed", "same", 3)
    with desk.begin("system") as work:
        assert work.session.scalar(sa.select(sa.func.count()).select_from(HistoryEvent)) == before
        seen = work.session.execute(
            sa.select(AccessEvent.actor, AccessEvent.case_id).where(AccessEvent.action == "case.replayed")
        ).all()
    assert [tuple(each) for each in seen] == [("petra", case)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([('name="Fråga"', 'name="Fråga om"')], ("same", None, None)),
        ([('value="&quot;P3D&quot;"', 'value="&quot;P4D&quot;"')], ("diverges", "due", "ask")),
        ([('"ask"', '"asking"')], ("diverges", "opens", "asking")),
        (
            [
                ('sourceRef="check" targetRef="end"', 'sourceRef="check" targetRef="more"'),
                (
                    '<bpmn:sequenceFlow id="check_to_end"',
                    f'{MORE}<bpmn:sequenceFlow id="check_to_end"',
                ),
            ],
            ("diverges", "passes-not", "end"),
        ),
    ],
)
def test_what_a_changed_diagram_would_have_done_is_told_by_element(desk, changes, expected):
    finished(desk)
    assert told(desk, changed("two_steps.bpmn", *changes)) == expected


def test_a_form_that_does_not_take_the_old_answers_blocks_and_names_the_question_alone(desk):
    finished(desk)
    found = replay(
        desk, changed("small.form.json", ('"required": true', '"required": true, "maxLength": 3'))
    ).items[0]
    assert (found.verdict.outcome, found.verdict.reason, found.verdict.fields) == (
        "blocked",
        "answers-refused",
        ("what",),
    )
    assert "sten" not in repr(found)
    assert found.name.sv == "Fråga"


def test_a_table_that_answers_otherwise_is_told_where_it_was_asked(desk):
    desk.do(desk.start("deciding"), "sign", "bo")
    assert told(desk) == ("same", None, None)
    assert told(desk, changed("weight.dmn", ("heavy", "weighty"))) == ("diverges", "decides", "weigh")
    assert told(desk, changed("weight.dmn", ("light", "slight"))) == ("same", None, None)


def test_timers_go_off_when_they_did_and_moved_ones_are_moved_again(desk):
    with time_machine.travel(BEGIN, tick=False) as clock:
        case = desk.start("overdue")
        with desk.begin("system") as work:
            timer = work.session.scalars(sa.select(Job.id).where(Job.case_id == case)).one()
        clock.shift(timedelta(days=1))
        with desk.begin("bo") as work:
            deadlines.move(work, timer, due=BEGIN + timedelta(days=9), reason="Prov", legal_basis="Prov")
        clock.shift(timedelta(days=1))
        with desk.begin("bo") as work:
            deadlines.pause(work, timer, reason="Prov", legal_basis="Prov")
        clock.shift(timedelta(days=1))
        with desk.begin("bo") as work:
            deadlines.resume(work, timer, reason="Prov")
        clock.shift(timedelta(days=20))
        scheduler.tick(desk.platform)
        assert "b" in desk.open(case)
        assert told(desk) == ("same", None, None)
        assert told(desk, changed("overdue.bpmn", ("P30D", "P31D"))) == ("diverges", "timer-due", "month")


def test_messages_are_delivered_again_and_a_cancelled_case_is_tried_until_then(desk):
    case = desk.start("waiting")
    with desk.begin() as work:
        messages.deliver(work, "answer", case_id=case, data={"said": "ja"})
    with desk.begin("bo") as work:
        cases.cancel(work, case, reason="Prov")
    assert told(desk) == ("same", None, None)
    other = changed("waiting.bpmn", ('name="answer"', 'name="reply"'))
    assert told(desk, other) == ("diverges", "awaits", "wait")
    (one,) = replay(desk, changed("waiting.bpmn", ('"wait"', '"await"'))).items
    assert (one.verdict.reason, one.verdict.place.element) == ("awaits", "await")


def test_a_moved_case_is_gone_through_under_the_ids_that_it_was_moved_to(desk):
    case = desk.start()
    desk.do(case, "ask")
    with desk.begin("system") as work:
        files = changed("two_steps.bpmn", ('"ask"', '"asking"'), ('"check"', '"checking"'))
        deployments.deploy(work, files=files, note="Nya id")
    mapping = {"ask": "asking", "check": "checking"}
    migrations.migrate(lambda: desk.begin("petra"), "two_steps", old=1, new=2, mapping=mapping, note="Nya id")
    desk.do(case, "checking", "kim")
    assert told(desk) == ("same", None, None)


def test_protected_cases_and_destroyed_ones_are_left_out(desk):
    hidden, gone, shown = desk.start(), desk.start(), desk.start()
    with desk.begin("bo") as work:
        cases.protect(work, hidden, protection=Protection.PROTECTED, reason="Prov")
    with desk.begin("system") as work:
        case, _ = work.lock(gone)
        case.wrapped_key = None
    assert [each.case_id for each in replay(desk).items] == [shown]
    with pytest.raises(Invalid) as refused:
        replay(desk, cases=[shown, hidden, uuid4()])
    assert [each.pointer for each in refused.value.problems] == ["/cases/1", "/cases/2"]


def test_the_newest_cases_of_a_process_are_taken_as_many_as_wanted(desk, monkeypatch):
    for _ in range(3):
        desk.start()
    desk.start("waiting")
    found = replay(desk, process="two_steps", sample=2)
    assert (len(found.items), found.left_out) == (2, 0)
    monkeypatch.setattr(replays, "MOST_PUSHES", 0)
    found = replay(desk, process="two_steps")
    assert (len(found.items), found.left_out) == (1, 2)


def test_only_process_owners_try_and_files_must_hold(desk):
    desk.start()
    for who in ("anna", "bo", "greta", "sam"):
        with pytest.raises(Forbidden):
            replay(desk, who=who)
    with pytest.raises(NotFound):
        replay(desk, process="none")
    with pytest.raises(Refused):
        replay(desk, {"two_steps.bpmn": b"<x/>"})
