"""Drafts: what owners draw touches nothing in force until a second person has approved it."""

from pathlib import Path

import pytest

from service.commands import deployments, drafts, readiness
from service.errors import Conflict, Forbidden, Invalid, Refused, Stale
from service.queries import drafts as queries

DIAGRAMS = Path(__file__).parent / "diagrams"
RENAMED = ('name="Fråga"', 'name="Fråga om"')


def file(name, *changes):
    content = (DIAGRAMS / name).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in content
        content = content.replace(old, new)
    return {name: content.encode()}


def begin(desk, who="petra", files=None):
    with desk.begin(who) as work:
        return drafts.create(work, files=files or file("two_steps.bpmn"))


def save(desk, draft, revision, who="petra", files=None):
    [(name, content)] = (files or file("two_steps.bpmn", RENAMED)).items()
    with desk.begin(who) as work:
        return drafts.save(work, draft, file=name, content=content, revision=revision)


def read(desk, draft, who="petra"):
    with desk.begin(who) as work:
        return queries.one(work, draft)


def submit(desk, draft, who="petra", note="Tydligare namn"):
    revision = read(desk, draft).row.revision
    with desk.begin(who) as work:
        return drafts.submit(work, draft, note=note, revision=revision)


def test_a_draft_goes_from_the_owner_over_a_second_person_into_force(desk):
    draft = begin(desk)
    save(desk, draft, 1)
    before = desk.start()
    submit(desk, draft)
    assert read(desk, draft).row.state == "submitted"
    for who in ("petra", "anna"):
        with desk.begin(who) as work, pytest.raises(Forbidden):
            drafts.approve(work, draft)
    with desk.begin("sam") as work:
        assert queries.one(work, draft).row.may_approve
        drafts.approve(work, draft)
    one = read(desk, draft)
    assert one.row.state == "active"
    assert one.files[0].content == one.files[0].before
    assert desk.told(before, "instance.started")[0].deployment == 1
    assert desk.told(desk.start(), "instance.started")[0].deployment == 2


def test_whoever_saves_on_top_of_anothers_work_learns_who_was_first(desk):
    draft = begin(desk)
    assert save(desk, draft, 1, "pia") == 2
    with pytest.raises(Stale, match="Pia Dal sparade utkastet"):
        save(desk, draft, 1)
    assert read(desk, draft).row.saved_by.username == "pia"
    assert save(desk, draft, 2) == 3


def test_only_process_owners_draw(desk):
    draft = begin(desk)
    for who in ("anna", "sam", "greta"):
        with pytest.raises(Forbidden):
            begin(desk, who)
        with pytest.raises(Forbidden):
            save(desk, draft, 1, who)


def test_a_draft_that_is_sent_back_is_open_again_with_the_reason(desk):
    draft = begin(desk)
    save(desk, draft, 1)
    made = submit(desk, draft)
    with desk.begin("sam") as work, pytest.raises(Invalid):
        drafts.send_back(work, draft, reason=" ")
    with desk.begin("sam") as work:
        drafts.send_back(work, draft, reason="Namnet är oklart")
    row = read(desk, draft).row
    assert (row.state, row.returned, row.may_change) == ("open", "Namnet är oklart", True)
    with desk.begin("sam") as work, pytest.raises(Conflict):
        deployments.approve(work, made.id)
    submit(desk, draft, note="Tydligare än förut")


def test_what_differs_in_nothing_or_cannot_run_is_not_submitted(desk):
    draft = begin(desk)
    with pytest.raises(Invalid, match="not valid") as same:
        submit(desk, draft)
    assert same.value.problems[0].message == "Inget skiljer sig från det som gäller."
    broken = file("two_steps.bpmn", ('targetRef="check"', 'targetRef="nobody"'))
    save(desk, draft, 1, files=broken)
    with pytest.raises(Refused):
        submit(desk, draft)
    with desk.begin("petra") as work:
        files = queries.laid_over(work, draft)
        before = deployments.definition_in_force(work)
        found = readiness.look(files, before, work.zone)
    assert {each.file for each in found.problems} == {"two_steps.bpmn"}
    assert read(desk, draft).row.state == "open"


def test_a_discarded_draft_is_gone_and_closed(desk):
    draft = begin(desk)
    with desk.begin("petra") as work:
        assert [row.id for row in queries.current(work, file="two_steps.bpmn")] == [draft]
        drafts.discard(work, draft)
    with desk.begin("petra") as work:
        assert queries.current(work) == ()
    with pytest.raises(Conflict):
        save(desk, draft, 2)
