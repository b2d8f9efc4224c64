"""Changing the wrapping key: everything opens afterwards with the new one alone, whenever it was stopped."""

import json
import os
import signal
from contextlib import suppress
from itertools import count

import pytest
import sqlalchemy as sa

from service.commands import idempotency, keys, people
from service.errors import Conflict, Forbidden
from service.models.people import User
from service.queries import casefile, history
from service.rules.permissions import SYSTEM
from service.work import open_platform


@pytest.fixture
def rotate(run):
    return lambda: run("keys", "rotate")


@pytest.fixture
def kept(desk):
    """Something of each kind that the vault seals."""
    case_id = desk.start()
    desk.do(case_id, "ask", what="granit")
    with desk.begin("sam") as work:
        people.require_code(work, username="kim")
    with desk.begin("anna") as work:
        idempotency.recall(work, key="k", digest="d")
        idempotency.keep(work, key="k", status=200, body=b"svaret")
    return case_id


def read(platform, crew, case_id):
    """All that `kept` kept, opened by a platform."""
    with platform.begin(crew.anna) as work:
        found = casefile.case(work, case_id)
        answer = idempotency.recall(work, key="k", digest="d")
        kim = work.session.scalars(sa.select(User).where(User.username == "kim")).one()
        secret = work.vault.open(kim.otp_secret, f"user_account.otp_secret:{kim.id}")
    with platform.begin(SYSTEM) as work:
        assert history.verify(work, case_id).ok
    return [each.answers for each in found.closed], answer.body, secret


def versions(settings):
    return list(json.loads(settings.key_file.read_text())["keys"])


def test_after_a_rotation_the_new_key_alone_opens_everything(settings, platform, crew, kept, rotate):
    before = read(platform, crew, kept)
    assert before[0] == [{"what": "granit"}]
    old_file = settings.key_file.read_bytes()
    told = rotate()
    assert told.exit_code == 0, told.output
    assert "Taken out of the key file: 1." in told.output
    assert versions(settings) == ["2"]
    assert read(platform, crew, kept) == before  # opened before the rotation: it follows
    other = open_platform(settings)
    assert read(other, crew, kept) == before
    other.engine.dispose()
    settings.key_file.write_bytes(old_file)
    with pytest.raises(Exception, match="not in the key file"):
        read(platform, crew, kept)


def test_a_rotation_that_was_stopped_goes_on_and_loses_nothing(
    settings, desk, crew, kept, rotate, monkeypatch
):
    others = [desk.start() for _ in range(5)]
    before = read(desk.platform, crew, kept)
    monkeypatch.setattr(keys, "BATCH", 2)
    with desk.begin("system") as work:
        newest = keys.begin(work)
    with desk.begin("system") as work:
        assert keys.rewrap(work, newest=newest) == 2
    with suppress(KeyboardInterrupt), desk.begin("system") as work:
        keys.rewrap(work, newest=newest)
        raise KeyboardInterrupt  # before its commit
    assert versions(settings) == ["1", "2"]
    assert read(desk.platform, crew, kept) == before  # some with the old key, some with the new one
    later = desk.start()
    told = rotate()
    assert told.exit_code == 0, told.output
    assert versions(settings) == ["2"]
    for case_id in (*others, later):
        desk.do(case_id, "ask")
    assert read(desk.platform, crew, kept) == before


def test_the_old_key_stays_while_something_is_sealed_with_it(settings, desk):
    desk.start()
    with desk.begin("system") as work:
        newest = keys.begin(work)
    with pytest.raises(Conflict, match="still sealed"), desk.begin("system") as work:
        keys.retire(work, newest=newest, since=work.now)
    assert versions(settings) == ["1", "2"]


@pytest.mark.parametrize("kind", ["postgresql"])  # on SQLite the retiring has its turn alone
def test_the_old_key_stays_while_somebody_is_at_work_who_may_have_read_it(settings, desk):
    with desk.begin("anna") as slow:
        slow.session.execute(sa.select(1))
        with desk.begin("system") as work:
            newest = keys.begin(work)
        with desk.begin("system") as work:
            since = keys.now(work)
        with desk.begin("system") as work:
            while keys.rewrap(work, newest=newest):
                pass
        with pytest.raises(Conflict, match="at work"), desk.begin("system") as work:
            keys.retire(work, newest=newest, since=since)
    with desk.begin("system") as work:
        assert keys.retire(work, newest=newest, since=since) == (1,)
    assert versions(settings) == ["2"]


def test_keys_are_rotated_at_the_terminal_only(desk):
    for who in ("anna", "bo", "sam", "greta"):
        with pytest.raises(Forbidden), desk.begin(who) as work:
            keys.begin(work)


@pytest.mark.slow
def test_a_rotation_killed_at_any_point_loses_nothing_and_goes_on(
    settings, desk, crew, kept, rotate, monkeypatch
):
    """At the first point, then at the second, until it comes through: commits, and files that reach disks."""
    for _ in range(4):
        desk.start()
    before = read(desk.platform, crew, kept)
    monkeypatch.setattr(keys, "BATCH", 2)
    for point in count(1):
        if _killed_at(point, rotate) == 0:
            break
        assert read(desk.platform, crew, kept) == before
        assert len(versions(settings)) <= 2  # killed after the old key went, the next run is another rotation
    assert point > 8
    assert len(versions(settings)) == 1
    assert read(desk.platform, crew, kept) == before


def _killed_at(point, run):
    """Run something in a process of its own that dies at its n-th point; gives how it ended."""
    pid = os.fork()
    if pid == 0:
        points = count(1)

        def reached(*_):
            if next(points) == point:
                os.kill(os.getpid(), signal.SIGKILL)

        fsync = os.fsync
        os.fsync = lambda descriptor: (reached(), fsync(descriptor))
        sa.event.listen(sa.Engine, "commit", reached)
        os._exit(run().exit_code)
    return os.waitpid(pid, 0)[1]
