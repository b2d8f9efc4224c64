"""A case that moves to a new version keeps its legal clocks: moved, paused, and half warned about."""

from pathlib import Path

import pytest
from moments import at, local

from service import scheduler
from service.commands import cases, deadlines, deployments, migrations

COUNTED = Path(__file__).parent / "diagrams" / "counted.bpmn"
EXTENDED = {"reason": "Beslut om förlängning", "legal_basis": "decision_extended"}
LONGER = local("2027-05-01T00:00")


def migrate(office, when):
    """Publish the diagram with another name on a step, and move every case to it."""
    content = COUNTED.read_text(encoding="utf-8").replace('name="Följ upp"', 'name="Följ upp igen"')
    with at(when):
        with office.desk.begin("system") as work:
            deployments.deploy(work, files={"counted.bpmn": content.encode()}, note="Nytt namn")
        found = migrations.migrate(
            lambda: office.desk.begin("petra"), "counted", old=1, new=2, note="Nytt namn"
        )
    assert all(each.moved for each in found), found


@pytest.mark.parametrize("suspended", [False, True])
def test_a_migrated_case_keeps_its_days_and_is_warned_about_as_before(office, suspended):
    case = office.open()
    if suspended:
        with at("2027-03-02T10:00"), office.desk.begin("bo") as work:
            cases.suspend(work, case, reason="Väntar")
    office.warn("2027-03-08T08:00")
    before = [office.task(case), office.timer(case)]
    migrate(office, "2027-03-09T10:00")
    after = [office.task(case), office.timer(case)]
    for old, new in zip(before, after, strict=True):
        assert (new.id, new.due_at, new.period, new.counts_from) == (
            old.id,
            old.due_at,
            old.period,
            old.counts_from,
        )
    assert office.warn("2027-03-09T10:00") == 0  # what was told is not told again
    office.warn("2027-03-15T08:00")
    assert office.warned(case)[-1] == ("write_appeal", 2, ["anna", "bo"])
    with at("2027-03-31T00:00"):
        scheduler.tick(office.platform)
    assert "follow_up" in office.desk.open(case)


def test_a_deadline_that_was_moved_stays_moved(office):
    case = office.open()
    with at("2027-03-05T10:00"):
        for move, id in ((deadlines.move, office.timer(case).id), (deadlines.set_due, office.task(case).id)):
            basis = {"reason": "Fel datum", "legal_basis": "registered_wrongly"}
            with office.desk.begin("bo") as work:
                move(work, id, due=LONGER, **basis)
    migrate(office, "2027-03-09T10:00")
    assert (office.timer(case).due_at, office.timer(case).run_at) == (LONGER, LONGER)
    assert office.task(case).due_at == LONGER


def test_a_clock_that_stands_still_does_so_after_the_move_too(office):
    case = office.open()
    with at("2027-03-05T10:00"), office.desk.begin("bo") as work:
        deadlines.pause(work, office.timer(case).id, **EXTENDED)
    migrate(office, "2027-03-09T10:00")
    with at("2027-04-10T10:00"):
        scheduler.tick(office.platform)
        assert "follow_up" not in office.desk.open(case)
    with at("2027-04-10T10:00"), office.desk.begin("bo") as work:
        deadlines.resume(work, office.timer(case).id, reason="Beslut", due=LONGER)
    with at("2027-05-01T00:00"):
        scheduler.tick(office.platform)
    assert "follow_up" in office.desk.open(case)
