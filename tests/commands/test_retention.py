"""Destroying what is personal in old cases: nothing of it can be read again, and what is left holds."""

import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
import time_machine

from service import verifier
from service.app import create_app
from service.commands import checkpoints, deployments, documents, people, retention
from service.errors import Conflict, Forbidden, NotFound, Unavailable
from service.models import documents as document_places
from service.models.cases import Answers, Case, ProcessInstance
from service.models.documents import DocumentKind
from service.models.history import HistoryEvent
from service.queries import export, history, trace
from service.rules.permissions import SYSTEM
from service.rules.retention import State
from service.work import open_platform

TABLE = Path(__file__).parents[2] / "processes" / "case" / "retention.dmn"
CANARY = "Kanariefågeln Påhittad"
PAPER = f"%PDF-1.7\n{CANARY}\n%%EOF\n".encode()
NUMBER = "19900317-9984"
DESTROY = ("retention", "--destroy", "--reason", "Gallring 2031", "--by", "bo", "--second", "sam")
BEFORE, ON_THE_DAY = "2031-05-03T12:00:00Z", "2031-05-04T12:00:00Z"


@pytest.fixture
def old(desk):
    """Two closed cases of one person, the last entry on 4 May 2026; a third, of somebody else, goes on."""
    with time_machine.travel("2026-05-04T08:00:00Z", tick=False):
        with desk.begin("system") as work:
            deployments.deploy(work, files={TABLE.name: TABLE.read_bytes()}, note="Gallring")
        other = desk.start(said="granit")
        base = set(stored(desk.platform))
        made = [desk.start(personal_number=NUMBER, said=CANARY) for _ in range(2)]
        for case_id in made:
            with desk.begin("anna") as work:
                documents.add(work, case_id, kind=DocumentKind.OTHER, content=PAPER, title=CANARY)
            desk.do(case_id, "ask", what=CANARY)
            desk.do(case_id, "check", who="kim")
    with desk.begin("system") as work:
        references = {each: work.session.get_one(Case, each).reference for each in (*made, other)}
    return SimpleNamespace(one=made[0], two=made[1], other=other, base=base, references=references)


def destroy(desk, case_id, at=ON_THE_DAY, by="bo", second="sam"):
    with time_machine.travel(at, tick=False), desk.begin(by) as work:
        return retention.destroy(work, case_id, reason="Gallring 2031", second=getattr(desk.crew, second))


def readable(platform):
    """All that can be read of cases with what the database and the key file hold together."""
    with platform.begin(SYSTEM) as work:
        keys = {
            each.id: work.vault.case_key(each.wrapped_key, str(each.id))
            for each in work.session.scalars(sa.select(Case).where(Case.wrapped_key.is_not(None)))
        }
        sealed = {
            f"process_instance.snapshot:{each.id}": each.snapshot
            for each in work.session.scalars(sa.select(ProcessInstance))
        }
        sealed |= {
            f"answers.data:{each.task_id}:{each.version}": each.data
            for each in work.session.scalars(sa.select(Answers))
        }
        sealed |= {
            document_places.content_place(each.document_id): each.content
            for each in work.session.scalars(sa.select(document_places.DocumentContent))
        }
        sealed |= {
            f"history_event.values:{each.case_id}:{each.sequence}": each.values
            for each in work.session.scalars(sa.select(HistoryEvent).where(HistoryEvent.values.is_not(None)))
        }
        return [plain for place, each in sealed.items() for plain in opened(keys.values(), each, place)]


def opened(keys, sealed, place):
    for key in keys:
        with suppress(Unavailable):
            yield key.open(sealed, place)


def stored(platform):
    """Every text and every byte string in the database, wherever it stands."""
    with platform.engine.connect() as connection:
        for table in sa.inspect(connection).get_table_names():
            for row in connection.execute(sa.text(f'SELECT * FROM "{table}"')):  # noqa: S608
                yield from (bytes(each) for each in row if isinstance(each, bytes | memoryview) and each)
                yield from (each for each in row if isinstance(each, str))


def test_the_list_tells_what_is_due_and_why_and_nothing_personal(run, old):
    with time_machine.travel(BEFORE, tick=False):
        assert old.references[old.one] not in run("retention").output
    with time_machine.travel(ON_THE_DAY, tick=False):
        told = run("retention")
    assert told.exit_code == 0, told.output
    for case_id in (old.one, old.two):
        line = f"{old.references[case_id]}  norrmalm  since 2031-05-04, at the latest 2032-12-31  16 kap. 1 §"
        assert line in told.output
    assert old.references[old.other] not in told.output
    assert CANARY not in told.output


def test_after_destruction_no_value_can_be_read_and_all_that_is_left_holds(run, settings, desk, old, kind):
    with desk.begin("system") as work:
        case = work.session.get_one(Case, old.one)
        wrapped, index = case.wrapped_key, case.person_index
        told = sa.select(HistoryEvent.values).where(HistoryEvent.case_id.in_([old.one, old.two]))
        behind = set(work.session.scalars(told))
    assert sum(CANARY.encode() in each for each in readable(desk.platform)) >= 8
    sealed = {each for each in stored(desk.platform) if isinstance(each, bytes)} - old.base - behind
    assert len(sealed) >= 10
    with time_machine.travel(ON_THE_DAY, tick=False):
        told = run(*DESTROY)
    assert told.exit_code == 0, told.output
    assert "Destroyed 2 cases" in told.output
    left = readable(desk.platform)
    assert any(b"granit" in each for each in left)
    assert not any(CANARY.encode() in each for each in left)
    assert not sealed & set(stored(desk.platform))  # in no column of no table
    assert index not in set(stored(desk.platform))
    if kind == "sqlite":
        for path in settings.folder.glob("andrum.db*"):
            assert wrapped not in path.read_bytes(), path.name
    with desk.begin("system") as work:
        gone = [work.session.get_one(Case, each) for each in (old.one, old.two)]
        assert gone[0].person_index == gone[1].person_index  # the figures still count one person
        with pytest.raises(NotFound):
            work.key(gone[0])
    assert history.verify_everything(lambda: desk.platform.begin(SYSTEM)).findings == []
    assert "has been destroyed" in run("verify", old.one).output
    assert {each["case"] for each in retention.listed(desk.platform)} == {str(old.one), str(old.two)}
    desk.do(old.other, "ask")  # others go on


def test_pages_trace_and_export_of_a_destroyed_case_say_so(desk, old):
    with desk.begin("anna") as work:
        before = trace.trace(work, old.one)
    destroy(desk, old.one)
    with desk.begin("system") as work:
        checkpoints.take(work)
    with desk.begin("anna") as work:
        after = trace.trace(work, old.one)
        assert after.events[:-1] == tuple(replace(each, values=None) for each in before.events)
        assert after.standing.status == "closed"
        verdict = history.verify(work, old.one)
        assert (verdict.ok, verdict.destroyed) == (True, True)
        _, content = export.case_zip(work, old.one)
    with desk.begin("system") as work:
        secret = people.token(work, username="anna")
    browser = create_app(platform=desk.platform).test_client()
    headers = {"Authorization": f"Bearer {secret}"}
    task = str(next(each.details["task"] for each in before.events if each.type == "task.completed"))
    for address in ("", "/history", "/trace"):
        page = browser.get(f"/cases/{old.one}{address}", headers=headers)
        assert page.status_code == 200, address
        assert "förstörd" in page.text
        assert CANARY not in page.text
    page = browser.get(f"/tasks/{task}", headers=headers)
    assert (page.status_code, CANARY in page.text) == (200, False)
    told = browser.get(f"/api/v1/cases/{old.one}/history/verification", headers=headers).json
    assert (told["ok"], told["destroyed"]) == (True, True)
    path = Path(desk.platform.settings.data_dir) / "export.zip"
    path.write_bytes(content)
    report = verifier.check(path)
    assert (report.findings, report.values, report.destroyed) == ((), 0, "2031-05-04")
    assert CANARY.encode() not in content


def test_it_takes_two_people_who_may_and_a_case_that_is_due(desk, old):
    for by, second, error in (
        ("bo", "bo", Forbidden),
        ("anna", "sam", Forbidden),
        ("sam", "anna", Forbidden),
        ("bo", "petra", NotFound),
    ):
        with pytest.raises(error):
            destroy(desk, old.one, by=by, second=second)
    with pytest.raises(Conflict, match="not due"):
        destroy(desk, old.one, at=BEFORE)
    with pytest.raises(Conflict, match="open"):
        destroy(desk, old.other)
    with desk.begin("system") as work:
        assert work.session.get_one(Case, old.one).wrapped_key is not None
    assert desk.told(old.one, "case.destroyed") == []


def test_the_history_tells_who_destroyed_it_and_on_what_ground(desk, old):
    destroyed = destroy(desk, old.one)
    assert {each.case_id for each in destroyed} == {old.one, old.two}
    (event,) = desk.told(old.one, "case.destroyed")
    assert (event.actor, event.commitment, event.values) == ("bo", None, None)
    assert event.details == {
        "ground": "16 kap. 1 § socialtjänstlagen (2025:400)",
        "since": "2031-05-04",
        "second": "sam",
        "reason": "Gallring 2031",
    }
    with pytest.raises(Conflict, match="already"):
        destroy(desk, old.one)


def test_a_person_with_another_case_that_goes_on_is_not_forgotten(desk, old):
    with time_machine.travel("2028-01-10T08:00:00Z", tick=False):
        again = desk.start(personal_number=NUMBER)
    with time_machine.travel(ON_THE_DAY, tick=False), desk.begin("system") as work:
        assert retention.weigh(work, old.one).verdict.state is State.WAITS
    with time_machine.travel("2028-02-01T08:00:00Z", tick=False):
        desk.do(again, "ask")
        desk.do(again, "check", who="kim")
    with time_machine.travel("2033-02-01T08:00:00Z", tick=False), desk.begin("system") as work:
        weighed = retention.weigh(work, old.one)
        assert (weighed.verdict.state, str(weighed.verdict.due_on)) == (State.DUE, "2033-02-01")


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_backup_from_before_brings_nobody_back(run, settings, old, tmp_path):
    assert run("backup", tmp_path / "backups").exit_code == 0
    with time_machine.travel(ON_THE_DAY, tick=False):
        assert run(*DESTROY).exit_code == 0
    there = replace(settings, data_dir=str(tmp_path / "elsewhere"))
    there.folder.mkdir()
    for path in (settings.key_file, settings.destroyed):
        shutil.copy(path, there.folder)
    (backup,) = (tmp_path / "backups").iterdir()
    told = run("restore", backup, on=there)
    assert told.exit_code == 0, told.output
    assert "Destroyed 2 cases anew" in told.output
    platform = open_platform(there)
    with platform.begin(SYSTEM) as work:
        assert work.session.get_one(Case, old.one).wrapped_key is None
    platform.engine.dispose()


def test_a_key_that_is_gone_or_back_without_the_history_saying_so_is_found(desk, old):
    with desk.begin("system") as work:
        kept = work.session.get_one(Case, old.one).wrapped_key
    destroy(desk, old.one)
    for case_id, key in ((old.one, kept), (old.other, None)):
        with desk.platform.engine.begin() as connection:
            connection.execute(sa.update(Case).where(Case.id == case_id).values(wrapped_key=key))
        with desk.begin("system") as work:
            assert history.verify(work, case_id).why == "destruction"
