"""Deadlines that are moved, paused and resumed: by who may, on grounds, both dates told, nothing lost."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from moments import at, local

from service import scheduler
from service.commands import cases, deadlines, jobs
from service.engine import workflow
from service.errors import Conflict, Forbidden, Invalid, NotFound
from service.models.jobs import Job
from service.queries import deadlines as shown
from service.rules.permissions import Protection

EXTENDED = {"reason": "Beslut om förlängning 2027-03-20", "legal_basis": "decision_extended"}
LONGER = local("2027-05-01T00:00")


def pointer(refused):
    return [each.pointer for each in refused.value.problems]


def test_a_moved_timer_goes_off_on_the_new_day_and_not_on_the_old(office):
    case = office.open()
    timer = office.timer(case)
    with at("2027-03-20T10:00"), office.desk.begin("bo") as work:
        deadlines.move(work, timer.id, due=LONGER, **EXTENDED)
    with at("2027-03-31T12:00"):
        scheduler.tick(office.platform)
        assert "follow_up" not in office.desk.open(case)
    with at("2027-05-01T00:00"):
        assert scheduler.tick(office.platform) == 1
    assert "follow_up" in office.desk.open(case)
    (told,) = office.desk.told(case, "timer.moved")
    assert told.actor == "bo"
    assert (told.details["from"], told.details["to"]) == (timer.due_at.isoformat(), LONGER.isoformat())
    assert told.details["ground"] == "decision_extended"
    assert "5 kap. 15 §" in told.details["legal_basis"]
    assert "förlängning" not in str(told.details)  # what a person wrote is sealed
    assert ("timer.moved", "bo", "permit_ends") in office.desk.story(case)


def test_the_engines_state_and_the_row_agree_after_a_move(office):
    case = office.open()
    timer = office.timer(case)
    with at("2027-03-20T10:00"), office.desk.begin("bo") as work:
        deadlines.move(work, timer.id, due=LONGER, **EXTENDED)
    with office.desk.begin("system") as work:
        held, (instance,) = work.lock(case)
        step = workflow.standing(
            work.definition(instance.deployment_id), work.snapshot(held, instance), moment=work.moment
        )
    assert {each.id: each.due for each in step.timers}[timer.id] == LONGER
    assert office.timer(case).run_at == LONGER


def test_warnings_follow_a_moved_deadline(office):
    case = office.open()
    with at("2027-03-09T10:00"), office.desk.begin("bo") as work:
        deadlines.set_due(
            work, office.task(case).id, due=local("2027-03-29T23:59:59"), reason="Fel datum",
            legal_basis="registered_wrongly",
        )  # fmt: skip
    office.warn("2027-03-09T10:00")
    assert office.warned(case) == []  # the first stage had passed before, and is not told again
    office.warn("2027-03-15T08:00")
    assert ("write_appeal", 2, ["anna", "bo"]) in office.warned(case)


def test_a_moved_task_tells_both_dates(office):
    case = office.open()
    task = office.task(case)
    with at("2027-03-09T10:00"), office.desk.begin("bo") as work:
        deadlines.set_due(work, task.id, due=LONGER, reason="Rättat beslut", legal_basis="decision_corrected")
    (told,) = office.desk.told(case, "deadline.moved")
    assert (told.details["from"], told.details["to"]) == (task.due_at.isoformat(), LONGER.isoformat())
    assert office.task(case).due_at == LONGER
    assert ("deadline.moved", "bo", "write_appeal") in office.desk.story(case)


@pytest.mark.parametrize("basis", ["", "  ", "Vi behöver mer tid", "no_such_ground", "served_later"])
def test_what_the_law_fixes_moves_only_on_a_listed_ground(office, basis):
    case = office.open()
    with at("2027-03-09T10:00"):
        for move, id in ((deadlines.move, office.timer(case).id), (deadlines.set_due, office.task(case).id)):
            with pytest.raises(Invalid) as refused, office.desk.begin("bo") as work:
                move(work, id, due=LONGER, reason="Mer tid", legal_basis=basis)
            assert pointer(refused) == ["/legal_basis"]
        with pytest.raises(Invalid), office.desk.begin("bo") as work:
            deadlines.pause(work, office.timer(case).id, reason="Mer tid", legal_basis=basis)
    assert office.timer(case).due_at == local("2027-03-31T00:00")
    assert office.task(case).due_at == local("2027-03-22T23:59:59")


def test_a_time_of_our_own_moves_on_any_ground_that_is_given(office):
    case = office.open()
    reminder = office.timer(case, "check_in")
    due = reminder.due_at + timedelta(days=1)
    with at("2027-03-01T10:00"):
        with pytest.raises(Invalid) as refused, office.desk.begin("bo") as work:
            deadlines.move(work, reminder.id, due=due, reason="Tolken är sjuk", legal_basis=" ")
        assert pointer(refused) == ["/legal_basis"]
        with office.desk.begin("bo") as work:
            deadlines.move(work, reminder.id, due=due, reason="Tolken är sjuk", legal_basis="Lokal rutin 4")
    (told,) = office.desk.told(case, "timer.moved")
    assert "legal_basis" not in told.details  # free words may name someone: they are sealed
    assert office.timer(case, "check_in").due_at == due


@pytest.mark.parametrize("due", ["2027-02-28T12:00", "2038-01-01T00:00"])
def test_a_day_that_can_only_be_a_slip_is_refused(office, due):
    case = office.open()
    with at("2027-03-09T10:00"), pytest.raises(Invalid) as refused, office.desk.begin("bo") as work:
        deadlines.move(work, office.timer(case).id, due=local(due), **EXTENDED)
    assert pointer(refused) == ["/due_at"]


def test_a_reason_is_needed(office):
    case = office.open()
    with pytest.raises(Invalid) as refused, office.desk.begin("bo") as work:
        deadlines.move(work, office.timer(case).id, due=LONGER, reason=" ", legal_basis="decision_extended")
    assert pointer(refused) == ["/reason"]


@pytest.mark.parametrize(("who", "refusal"), [("anna", Forbidden), ("greta", Forbidden), ("elin", NotFound)])
def test_only_the_team_leader_changes_deadlines(office, who, refusal):
    case = office.open()
    timer, task = office.timer(case).id, office.task(case).id
    acts = (
        lambda work: deadlines.move(work, timer, due=LONGER, **EXTENDED),
        lambda work: deadlines.pause(work, timer, **EXTENDED),
        lambda work: deadlines.resume(work, timer, reason="Nu"),
        lambda work: deadlines.set_due(work, task, due=LONGER, **EXTENDED),
    )
    for act in acts:
        with pytest.raises(refusal), office.desk.begin(who) as work:
            act(work)


def test_in_a_protected_case_not_even_the_team_leader_without_access(office):
    case = office.open()
    with office.desk.begin("system") as work:
        cases.protect(work, case, protection=Protection.PROTECTED, reason="Hotad")
    with pytest.raises(NotFound), office.desk.begin("bo") as work:
        deadlines.move(work, office.timer(case).id, due=LONGER, **EXTENDED)


def test_a_paused_clock_stands_still_and_runs_on_as_much_later(office):
    case = office.open()
    with at("2027-03-09T10:00"), office.desk.begin("bo") as work:
        deadlines.pause(work, office.timer(case).id, **EXTENDED)
    with at("2027-04-10T10:00"):
        office.warn("2027-04-10T10:00")
        scheduler.tick(office.platform)
        assert "follow_up" not in office.desk.open(case)
        assert not [each for each in office.warned(case) if each[0] == "permit_ends"]
        with office.desk.begin("bo") as work:
            row = shown.one(work, office.timer(case).id).row
        assert (row.given_up, row.paused_at) == (False, local("2027-03-09T10:00"))
    with at("2027-04-19T10:00"), office.desk.begin("bo") as work:  # 41 days less an hour of summer time
        deadlines.resume(work, office.timer(case).id, reason="Beslutet har kommit")
    row = office.timer(case)
    stood = row.due_at - local("2027-03-31T00:00")
    assert stood == timedelta(days=41) - timedelta(hours=1)
    assert (row.run_at, row.paused_at) == (row.due_at, None)
    types = [type for type, actor, _ in office.desk.story(case) if actor == "bo" and "deadline" in type]
    assert types == ["deadline.paused", "deadline.resumed"]
    (told,) = office.desk.told(case, "deadline.resumed")
    assert told.details["paused_seconds"] == stood.total_seconds()
    with at("2027-05-11T10:00"):
        scheduler.tick(office.platform)
    assert "follow_up" in office.desk.open(case)


def test_a_paused_clock_may_run_on_until_a_day_that_is_given(office):
    case = office.open()
    with at("2027-03-09T10:00"), office.desk.begin("bo") as work:
        deadlines.pause(work, office.timer(case).id, **EXTENDED)
    with at("2027-03-09T10:00"), office.desk.begin("bo") as work:
        deadlines.resume(work, office.timer(case).id, reason="Nytt beslut", due=LONGER)
    assert (office.timer(case).due_at, office.timer(case).run_at) == (LONGER, LONGER)


def test_a_clock_that_is_resumed_in_the_same_second_still_runs(office):
    case = office.open()
    with at("2027-03-09T10:00"):
        for act in (
            lambda work: deadlines.pause(work, office.timer(case).id, **EXTENDED),
            lambda work: deadlines.resume(work, office.timer(case).id, reason="Ångrat"),
        ):
            with office.desk.begin("bo") as work:
                act(work)
    row = office.timer(case)
    assert row.run_at == row.due_at == local("2027-03-31T00:00")


def test_what_stands_still_is_not_moved_and_what_runs_not_resumed(office):
    case = office.open()
    timer = office.timer(case).id
    with at("2027-03-09T10:00"):
        with pytest.raises(Conflict, match="inte stoppad"), office.desk.begin("bo") as work:
            deadlines.resume(work, timer, reason="Nu")
        with office.desk.begin("bo") as work:
            deadlines.pause(work, timer, **EXTENDED)
        with pytest.raises(Conflict, match="stoppad"), office.desk.begin("bo") as work:
            deadlines.move(work, timer, due=LONGER, **EXTENDED)
        with pytest.raises(Conflict, match="stoppad"), office.desk.begin("bo") as work:
            deadlines.pause(work, timer, **EXTENDED)


def test_a_deadline_that_has_passed_cannot_be_stopped(office):
    case = office.open()
    with at("2027-04-01T10:00"), pytest.raises(Conflict, match="passerats"), office.desk.begin("bo") as work:
        deadlines.pause(work, office.timer(case).id, **EXTENDED)


def test_a_worker_that_has_leased_a_timer_does_not_fire_it_once_it_is_moved_or_paused(office):
    born = [office.open(), office.open()]
    with at("2027-03-31T00:00"):
        with office.desk.begin("system") as work:
            lease = jobs.lease(work, worker="slow")
        with office.desk.begin("bo") as work:
            deadlines.move(work, office.timer(born[0]).id, due=LONGER, **EXTENDED)
        for case in born:
            with office.desk.begin("system") as work:
                jobs.fire(work, office.timer(case).id, lease)
    assert [("follow_up" in office.desk.open(case)) for case in born] == [False, True]


def test_a_suspended_case_keeps_its_clocks_and_its_deadlines_can_be_moved(office):
    case = office.open()
    with at("2027-03-02T10:00"), office.desk.begin("bo") as work:
        cases.suspend(work, case, reason="Väntar")
    with at("2027-03-09T10:00"), office.desk.begin("bo") as work:
        deadlines.move(work, office.timer(case).id, due=LONGER, **EXTENDED)
    with at("2027-05-01T00:00"):
        scheduler.tick(office.platform)
    assert "follow_up" in office.desk.open(case)


def test_in_a_case_that_is_over_nothing_moves(office):
    case = office.open()
    task = office.task(case).id
    with office.desk.begin("bo") as work:
        cases.cancel(work, case, reason="Fel")
    with pytest.raises(Conflict), office.desk.begin("bo") as work:
        deadlines.set_due(work, task, due=LONGER, **EXTENDED)


def test_a_deadline_says_how_it_was_counted_and_on_what_grounds_it_moves(office):
    case = office.open()
    with at("2027-03-02T10:00"), office.desk.begin("bo") as work:
        page = shown.one(work, office.timer(case).id)
    assert page.row.counted.words.sv == "30 dagar från 2027-03-01, sista dag 2027-03-30"
    assert page.row.counted.words.en == "30 days from 2027-03-01, last day 2027-03-30"
    assert page.row.counted.fixed
    assert {each.ground for each in page.grounds} >= {"decision_extended", "registered_wrongly"}
    with at("2027-03-02T10:00"), office.desk.begin("bo") as work:
        deadlines.move(work, page.row.id, due=LONGER, **EXTENDED)
    with at("2027-03-02T10:00"), office.desk.begin("bo") as work:
        moved = shown.one(work, page.row.id).row.counted.words.sv
    assert moved == "räknas från 2027-03-01, satt till 2027-04-30"


def test_an_end_on_a_day_off_is_told_and_does_not_move_while_that_is_in_doubt(office):
    case = office.open(decision_on="2027-03-05")  # three weeks end on Good Friday
    with office.desk.begin("anna") as work:
        found = office.task(case)
        told = shown.counted(
            work, work.lock(case)[1][0].deployment_id, period="appeal", begins=found.counts_from,
            due=found.due_at,
        )  # fmt: skip
    assert found.due_at == local("2027-03-26T23:59:59")
    assert told.moves == "in doubt"
    assert told.words.sv == (
        "3 veckor från 2027-03-05, sista dag 2027-03-26"
        " (Långfredagen, ledig dag; om 2027-03-30 räcker är inte kontrollerat, räkna med 2027-03-26)"
    )


def test_both_dates_stand_or_fall_with_the_move(office):
    case = office.open()
    before = office.desk.story(case)

    def move_and_fail():
        with office.desk.begin("bo") as work:
            deadlines.move(work, office.timer(case).id, due=LONGER, **EXTENDED)
            raise Conflict

    with at("2027-03-09T10:00"), pytest.raises(Conflict):
        move_and_fail()
    assert office.desk.story(case) == before
    with office.desk.begin("system") as work:
        due = work.session.scalars(sa.select(Job.due_at).where(Job.element == "permit_ends")).one()
    assert due == local("2027-03-31T00:00")
