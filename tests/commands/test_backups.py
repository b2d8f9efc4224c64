"""Backup and restore, all the way: what was there is there again, whole and held; nothing else is taken."""

import json
import re
import shutil
import zipfile
from base64 import b64encode
from dataclasses import replace
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
import time_machine

from service import scheduler
from service.app import create_app
from service.commands import archives, people
from service.errors import Invalid
from service.models import copies
from service.models.cases import Case
from service.models.history import HistoryEvent
from service.queries import casefile, health, history
from service.rules.permissions import SYSTEM
from service.vault import Vault
from service.work import open_platform

DAMAGED = "no backup, or is damaged|is not what was backed up|has been changed|does not hold"


@pytest.fixture
def taken(run, desk, tmp_path):
    """A backup with two cases in it, one with a timer that is overdue by now; another case came after it."""
    with time_machine.travel("2026-05-04T08:00:00Z", tick=False):
        done, waiting = desk.start(), desk.start("reminded")
        desk.do(done, "ask", what="granit")
        told = run("backup", tmp_path / "backups")
    assert told.exit_code == 0, told.output
    assert "keys are not in it" in told.output
    (path,) = (tmp_path / "backups").iterdir()
    assert path.name == "andrum-20260504T080000Z.backup"
    desk.start()
    return SimpleNamespace(done=done, waiting=waiting, path=path)


@pytest.fixture
def elsewhere(request, settings, kind, tmp_path):
    """Another machine, with nothing there but the key file."""
    there = replace(settings, data_dir=str(tmp_path / "elsewhere"))
    there.folder.mkdir()
    shutil.copy(settings.key_file, there.key_file)
    if kind == "sqlite":
        yield there
        return
    server, name = request.getfixturevalue("postgresql"), f"elsewhere_{sa.make_url(settings.url).database}"
    server.tell(f'CREATE DATABASE "{name}"')
    yield replace(there, database_url=server.url(name))
    server.drop(name)


@pytest.fixture
def restored(run, taken, elsewhere):
    """A platform on what was restored on the other machine."""
    told = run("restore", taken.path, on=elsewhere)
    assert told.exit_code == 0, told.output
    platform = open_platform(elsewhere)
    yield platform
    platform.engine.dispose()


def events(platform, *cases):
    with platform.begin(SYSTEM) as work:
        rows = sa.select(HistoryEvent.case_id, HistoryEvent.sequence, HistoryEvent.seal)
        return set(work.session.execute(rows.where(HistoryEvent.case_id.in_(cases))).all())


def test_what_was_backed_up_is_there_again_and_nothing_that_came_later(desk, taken, restored):
    before = events(desk.platform, taken.done, taken.waiting)
    assert events(restored, taken.done, taken.waiting) == before
    assert len(before) > 5
    with restored.begin(desk.crew.anna) as work:
        assert [each.answers for each in casefile.case(work, taken.done).closed] == [{"what": "granit"}]
        assert work.session.scalar(sa.select(sa.func.count()).select_from(Case)) == 2
    assert history.verify_everything(lambda: restored.begin(SYSTEM)).findings == []


def test_after_a_restore_everything_is_held_until_an_administrator_releases_it(run, restored):
    def release(who):
        return run("restore", "--release", "--by", who, on=restored.settings).exit_code

    assert scheduler.tick(restored) == scheduler.warn(restored) == 0  # though one timer is months overdue
    web = create_app(platform=restored).test_client()
    ready = web.get("/readyz")
    assert (ready.status_code, "held" in ready.json["checks"]["scheduler"]) == (503, True)
    assert "held" in web.get("/deadlines/health").json["wrong"]
    assert "andrum_held 1.0" in web.get("/metrics").text
    assert release("bo") == 1
    assert scheduler.tick(restored) == 0
    assert release("sam") == 0
    assert scheduler.tick(restored) > 0
    assert "held" not in web.get("/deadlines/health").json["wrong"]
    assert release("sam") == 1


def test_people_work_on_while_everything_is_held_and_see_that_it_is(desk, restored, taken):
    there = replace(desk, platform=restored)
    there.do(taken.done, "check", who="kim")
    with there.begin("system") as work:
        secret = people.token(work, username="anna")
    page = (
        create_app(platform=restored)
        .test_client()
        .get("/", headers={"Authorization": f"Bearer {secret}"}, follow_redirects=True)
    )
    assert "säkerhetskopia" in page.text


def test_a_backup_that_is_cut_off_or_has_a_changed_byte_is_refused_and_leaves_nothing(run, taken, elsewhere):
    whole = taken.path.read_bytes()
    with zipfile.ZipFile(taken.path) as archive:
        pieces = sorted(archive.infolist(), key=lambda each: each.file_size)[-4:]  # data, manifest among them
    for each in pieces:
        name, extra = (int.from_bytes(whole[each.header_offset + at :][:2], "little") for at in (26, 28))
        damaged, middle = bytearray(whole), each.header_offset + 30 + name + extra + each.compress_size // 2
        damaged[middle] ^= 1
        taken.path.write_bytes(damaged)
        refused(run("restore", taken.path, on=elsewhere), elsewhere)
    for length in (0, 100, len(whole) // 2, len(whole) - 10):
        taken.path.write_bytes(whole[:length])
        refused(run("restore", taken.path, on=elsewhere), elsewhere)


def test_a_backup_that_somebody_else_has_signed_is_refused(run, taken, elsewhere, tmp_path):
    """Whoever can write files can change a backup and hash it anew, but not sign it."""
    _signed_by_another(taken.path, taken.path, Vault.at(tmp_path / "other.json"))
    refused(run("restore", taken.path, on=elsewhere), elsewhere, why="not signed by this service")


def _signed_by_another(path, to, other):
    with zipfile.ZipFile(path) as archive:
        pieces = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(pieces[archives.MANIFEST]) | {"public_key": b64encode(other.public_key).decode()}
    told = json.dumps(manifest).encode()
    pieces |= {archives.MANIFEST: told, archives.SIGNATURE: b64encode(other.sign(told))}
    with zipfile.ZipFile(to, "w") as archive:
        for name, content in pieces.items():
            archive.writestr(name, content)


def test_a_backup_whose_histories_do_not_hold_is_refused_and_leaves_nothing(run, desk, taken, elsewhere):
    with desk.platform.engine.begin() as connection:
        connection.execute(sa.update(Case).values(seal="0" * 64))
    taken.path.unlink()
    assert run("backup", taken.path.parent).exit_code == 0
    (path,) = taken.path.parent.iterdir()
    refused(run("restore", path, on=elsewhere), elsewhere, why="nothing was restored")


def test_a_missing_key_is_named(run, taken, elsewhere):
    elsewhere.key_file.unlink()
    told = run("restore", taken.path, on=elsewhere)
    assert (told.exit_code, "There is no key file" in told.output) == (1, True)
    assert not elsewhere.key_file.exists()
    Vault.at(elsewhere.key_file)  # another installation's
    refused(run("restore", taken.path, on=elsewhere), elsewhere, why=r"Missing in it: .*key 1 \(\w{16}\)")


def test_nothing_is_restored_over_what_is_there(run, taken):
    before = run("verify").output
    told = run("restore", taken.path)
    assert (told.exit_code, "only restored where there" in told.output) == (1, True)
    assert run("verify").output == before


@pytest.mark.parametrize("kind", ["sqlite"])
def test_pieces_of_an_old_database_are_not_taken_for_the_new_one(run, taken, elsewhere):
    piece = elsewhere.folder / "andrum.db-wal"
    piece.write_bytes(b"x" * 100)
    told = run("restore", taken.path, on=elsewhere)
    assert (told.exit_code, "move andrum.db-wal away" in told.output) == (1, True)
    piece.unlink()
    assert "run andrum db upgrade" in run("backup", on=elsewhere).output  # it leaves a file without a table
    told = run("restore", taken.path, on=elsewhere)
    assert told.exit_code == 0, told.output
    assert sorted(each.name for each in elsewhere.folder.iterdir()) == ["andrum.db", "keys.json"]
    assert run("verify", on=elsewhere).exit_code == 0


def test_checkpoints_outside_tell_how_much_is_lost_and_are_set_aside(run, settings, taken, elsewhere):
    assert run("checkpoint").exit_code == 0
    shutil.copytree(settings.checkpoints, elsewhere.checkpoints)
    told = run("restore", taken.path, on=elsewhere)
    assert told.exit_code == 0, told.output
    assert re.search(r"at least \d+ events that are not in it", told.output)
    assert list(elsewhere.checkpoints.glob("lost-after-*/*.txt"))
    assert run("verify", on=elsewhere).exit_code == 0
    assert run("checkpoint", on=elsewhere).exit_code == 0  # the trail goes on


def test_old_backups_go_only_when_asked_and_only_backups(run, taken):
    folder = taken.path.parent
    other = folder / "anteckningar.txt"
    other.write_text("påhittat")
    foreign = folder / "andrum-20200101T000000Z.backup"  # older, and not of this service
    _signed_by_another(taken.path, foreign, Vault.at(folder.parent / "other.json"))
    assert run("backup", folder).exit_code == 0
    assert taken.path.exists()
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False):
        told = run("backup", folder, "--keep", "1")
    assert f"Removed {taken.path.name}" in told.output
    left = [foreign.name, "andrum-20300101T000000Z.backup", other.name]
    assert sorted(each.name for each in folder.iterdir()) == left


@pytest.mark.usefixtures("taken")
def test_the_age_of_the_last_backup_is_watched(desk):
    web = create_app(platform=desk.platform).test_client()
    assert "backup" in web.get("/deadlines/health").json["wrong"]  # months old
    with time_machine.travel("2026-05-05T08:00:00Z", tick=False):
        told = web.get("/deadlines/health").json
        assert (told["backup"], "backup" in told["wrong"]) == (86400.0, False)
        assert "andrum_backup_age_seconds 86400.0" in web.get("/metrics").text


def test_a_backup_that_is_not_whole_leaves_nothing_and_no_word_of_success(run, desk, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "check", _refuse)
    assert run("backup", tmp_path / "backups").exit_code == 1
    assert list((tmp_path / "backups").iterdir()) == []
    with desk.begin("system") as work:
        assert health.watch(work).backup is None


def refused(told, there, why=DAMAGED):
    """A restore said why not, and left the place as empty as it was."""
    assert told.exit_code == 1, told.output
    assert re.search(why, told.output), told.output
    assert sorted(each.name for each in there.folder.iterdir()) == ["keys.json"]
    platform = open_platform(there)
    with platform.begin(SYSTEM) as work:
        assert copies.is_empty(work.session.connection())
    platform.engine.dispose()
    for each in there.folder.glob("andrum.db*"):
        each.unlink()


def _refuse(path):
    raise Invalid(f"{path} is not whole.")
