"""Warnings: at the levels of the table, to widening circles, each once, whatever happens meanwhile."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from moments import at
from together import together

from service import scheduler
from service.commands import cases, incidents, tasks
from service.models.cases import Case
from service.models.jobs import Incident, IncidentState, Job
from service.rules.permissions import Protection


def test_the_circle_widens_with_each_level_of_the_table(office):
    case = office.open()
    assert office.warn("2027-03-08T07:59") == 0
    assert office.warn("2027-03-08T08:00") == 1
    assert office.warned(case) == [("write_appeal", 1, ["anna"])]
    assert office.warn("2027-03-08T08:01") == 0
    office.warn("2027-03-10T08:00")  # day 10 of the permit
    office.warn("2027-03-15T08:00")
    office.warn("2027-03-19T08:00")
    assert office.warned(case)[1:] == [
        ("permit_ends", 1, ["anna"]),
        ("write_appeal", 2, ["anna", "bo"]),
        ("write_appeal", 3, ["anna", "bo", "petra"]),
    ]
    assert {type for type, actor, _ in office.desk.story(case) if actor == "system"} >= {"deadline.warned"}


def test_each_recipient_finds_a_notice_and_a_letter_waits(office):
    office.open()
    office.warn("2027-03-15T08:00")
    (notice,) = [each for each in office.notices("bo") if each.level == 2]
    assert (notice.name_sv, notice.name_en, notice.seen_at) == (
        "Skriv överklagandet",
        "Write the appeal",
        None,
    )
    assert len(notice.reference) > 5
    kinds = [(each.kind, each.content["level"]) for each in office.letters() if each.content["level"] == 2]
    assert kinds == [("warning", 2)] * 2


def test_the_last_days_of_a_permit_are_counted_from_its_first(office):
    case = office.open()
    for day in ("10", "20", "25", "28"):
        office.warn(f"2027-03-{day}T08:00")
    told = [each for each in office.warned(case) if each[0] == "permit_ends"]
    assert told == [
        ("permit_ends", 1, ["anna"]),
        ("permit_ends", 2, ["anna"]),
        ("permit_ends", 3, ["anna", "bo"]),
        ("permit_ends", 4, ["anna", "bo", "petra"]),
    ]


def test_a_task_without_levels_of_its_own_is_told_when_it_is_late(office):
    case = office.open()
    with at("2027-03-31T09:00"):
        scheduler.tick(office.platform)  # the permit has ended: follow up within three working days
    assert office.task(case, "follow_up").due_at.isoformat() == "2027-04-05T21:59:59+00:00"
    for when in ("2027-04-02T08:00", "2027-04-05T23:59:58", "2027-04-05T23:59:59", "2027-04-07T08:00"):
        office.warn(when)
    told = [each for each in office.warned(case) if each[0] == "follow_up"]
    assert told == [
        ("follow_up", 1, ["anna"]),
        ("follow_up", 2, ["anna", "bo"]),
        ("follow_up", 3, ["anna", "bo", "petra"]),
    ]


def test_what_is_late_is_told_every_working_day_until_it_is_done(office):
    case = office.open()
    office.warn("2027-03-19T08:00")
    for when in ("2027-03-22T23:59:59", "2027-03-23T08:00", "2027-03-24T08:00", "2027-03-29T09:00"):
        office.warn(when)
    told = [each[1:] for each in office.warned(case) if each[0] == "write_appeal"]
    everybody = ["anna", "bo", "petra"]
    assert told == [(3, everybody), *[(9, everybody)] * 3]  # three days off were passed over, and told once
    with at("2027-03-29T10:00"):
        task = office.desk.claim(case, "write_appeal")
        with office.desk.begin("anna") as work:
            tasks.complete(work, task, answers={})
    office.warn("2027-03-30T08:00")
    assert len([each for each in office.warned(case) if each[0] == "write_appeal"]) == len(told)


def test_a_reminder_that_the_table_does_not_know_warns_nobody(office):
    case = office.open()
    assert office.timer(case, "check_in").warn_at is None


def test_after_downtime_the_highest_level_is_given_once_and_told_as_late(office):
    case = office.open()
    assert office.warn("2027-03-16T09:00") == 2  # the permit's tenth day has passed too
    (appeal,) = [each for each in office.desk.told(case, "deadline.warned") if each.element == "write_appeal"]
    assert (appeal.details["level"], appeal.details["skipped"]) == (2, [1])
    assert appeal.details["late_seconds"] == 8 * 86_400 + 3600
    assert office.warn("2027-03-16T09:00") == 0
    office.warn("2027-03-19T08:00")
    assert office.warned(case)[-1] == ("write_appeal", 3, ["anna", "bo", "petra"])


def test_a_decision_that_is_registered_late_is_warned_about_at_once(office):
    case = office.open("2027-03-16T10:00")
    office.warn("2027-03-16T10:00")
    assert ("write_appeal", 2, ["anna", "bo"]) in office.warned(case)
    office.warn("2027-03-18T10:00")
    assert len([each for each in office.warned(case) if each[0] == "write_appeal"]) == 1


def test_what_is_done_is_warned_about_no_more(office):
    case = office.open()
    with at("2027-03-05T10:00"):
        task = office.desk.claim(case, "write_appeal")
        with office.desk.begin("anna") as work:
            tasks.complete(work, task, answers={})
    assert office.warn("2027-03-30T08:00") == 0
    assert office.warned(case) == []


def test_a_suspended_case_keeps_its_clocks_and_its_warnings(office):
    case = office.open()
    with at("2027-03-02T10:00"), office.desk.begin("bo") as work:
        cases.suspend(work, case, reason="Väntar på tolk")
    office.warn("2027-03-08T08:00")
    assert office.warned(case) == [("write_appeal", 1, ["anna"])]
    with at("2027-03-31T00:00"):
        assert scheduler.tick(office.platform) == 2
    assert "follow_up" in office.desk.open(case)


def test_a_cancelled_case_warns_nobody(office):
    case = office.open()
    with at("2027-03-02T10:00"), office.desk.begin("bo") as work:
        cases.cancel(work, case, reason="Öppnat av misstag")
    assert office.warn("2027-03-30T08:00") == 0
    assert office.warned(case) == []


def test_the_one_who_has_the_task_is_warned_before_the_one_who_has_the_case(office):
    case = office.open()
    with at("2027-03-02T10:00"):
        office.desk.claim(case, "write_appeal", "kim")
    office.warn("2027-03-08T08:00")
    assert office.warned(case) == [("write_appeal", 1, ["kim"])]


def test_a_case_that_nobody_has_is_told_to_the_next_circle_that_has_people(office):
    case = office.open()
    with at("2027-03-02T10:00"), office.desk.begin("bo") as work:
        cases.transfer(work, case, unit="farsta", reason="Flyttar")
    office.warn("2027-03-08T08:00")
    assert office.warned(case) == [("write_appeal", 1, ["elin"])]  # no owner, no team leader, no head there


def test_of_a_protected_case_others_learn_only_that_a_deadline_comes_near(office):
    case = office.open()
    with at("2027-03-02T10:00"), office.desk.begin("system") as work:
        cases.protect(work, case, protection=Protection.PROTECTED, reason="Hotad")
    office.warn("2027-03-19T08:00")
    assert {each.name_sv for each in office.notices("anna")} >= {"Skriv överklagandet"}
    assert {each.name_sv for each in office.notices("bo") + office.notices("petra")} == {None}
    told = {each.content["sv"] for each in office.letters() if each.content["level"] == 3}
    assert told == {"Skriv överklagandet", None}


def test_no_letter_is_written_while_no_mail_server_is_set(office, settings):
    office.platform.settings = replace(settings, smtp_host="")
    office.open()
    office.warn("2027-03-08T08:00")
    assert len(office.notices("anna")) == 1
    assert office.letters() == []


def test_many_workers_give_each_warning_once(office, other_worker):
    born = [office.open() for _ in range(6)]
    with at("2027-03-08T08:00"):
        wrong = together(scheduler.warn, (office.platform, other_worker) * 2)
    assert wrong == []
    assert [office.warned(case) for case in born] == [[("write_appeal", 1, ["anna"])]] * 6
    assert len(office.notices("anna")) == 6
    assert len(office.letters()) == 6


def test_a_warning_that_fails_holds_up_no_other_and_is_told_once(office, logs):
    bad, good = office.open(), office.open()
    with office.desk.begin("system") as work:
        work.session.execute(sa.update(Job).where(Job.case_id == bad).values(element="gone", warn_level=1))
    for when in ("2027-03-10T08:00", "2027-03-10T08:05"):
        office.warn(when)
    assert ("permit_ends", 1, ["anna"]) in office.warned(good)
    with office.desk.begin("system") as work:
        (told,) = work.session.scalars(sa.select(Incident).where(Incident.state == IncidentState.OPEN))
        assert told.case_id == bad
        assert "varning kunde inte ges" in told.cause
    assert {each["log_level"] for each in logs if "warning failed" in each["event"]} == {"error"}
    with office.desk.begin("system") as work:
        work.session.execute(sa.update(Job).where(Job.element == "gone").values(element="permit_ends"))
    office.warn("2027-03-10T08:20")
    assert ("permit_ends", 1, ["anna"]) in office.warned(bad)
    with office.desk.begin("bo") as work:
        incidents.resolve(work, told.id, reason="Rättat")


@pytest.mark.parametrize("clock", ["2027-03-28T01:59", "2027-03-28T03:00"])
def test_the_night_when_the_clocks_change_gives_nothing_early(office, clock):
    case = office.open()
    office.warn("2027-03-27T12:00")
    before = len(office.warned(case))
    office.warn(clock)
    assert len(office.warned(case)) == before
    office.warn("2027-03-28T08:00")
    assert office.warned(case)[-1] == ("permit_ends", 4, ["anna", "bo", "petra"])


def test_a_warning_changes_nothing_for_whoever_works_on_the_case(office):
    case = office.open()
    with office.desk.begin("system") as work:
        before = work.session.get(Case, case).revision
    office.warn("2027-03-07T08:00")  # nothing to tell yet
    with office.desk.begin("system") as work:
        assert work.session.get(Case, case).revision == before
