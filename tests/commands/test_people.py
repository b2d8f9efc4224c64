"""Logging in and out, tokens, roles and delegations, on both databases."""

import threading
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
import sqlalchemy as sa
import time_machine

from service.commands import people
from service.errors import Conflict, Forbidden, Invalid, NotFound, NotIdentified, TooMany
from service.models.history import AccessEvent
from service.models.people import Login, LoginAttempt, User
from service.rules.permissions import Role

MORNING = datetime(2030, 1, 7, 7, tzinfo=UTC)
PASSWORD = "en lång mening om havet"


def at(**later):
    return time_machine.travel(MORNING + timedelta(**later), tick=False)


def log_in(desk, username="anna", password=PASSWORD, otp=None, address="192.0.2.1"):
    with desk.begin("system") as work:
        return people.log_in(work, username=username, password=password, otp=otp, address=address)


def resume(desk, secret):
    with desk.begin("system") as work:
        return people.resume(work, secret=secret)


def test_whoever_logs_in_is_known_with_roles_and_delegations(desk):
    actor = resume(desk, log_in(desk, " Anna "))
    assert (actor.id, actor.username, actor.grants) == (
        desk.crew.anna.id,
        "anna",
        frozenset({(Role.CASEWORKER, "norrmalm")}),
    )
    with desk.begin("system") as work:
        secret = people.token(work, username="bo")
    assert resume(desk, secret).delegations == {("reflection-period-application", "norrmalm")}


def test_who_is_asked_in_one_query(desk):
    secret, asked = log_in(desk), []
    sa.event.listen(desk.platform.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    resume(desk, secret)
    assert len([each for each in asked if not each.startswith("BEGIN")]) == 1


@pytest.mark.parametrize(
    ("username", "password"),
    [("anna", "en kort mening om havet"), ("nobody", PASSWORD), ("kim", PASSWORD), ("anna", ""), ("", "")],
)
def test_a_wrong_name_or_password_lets_nobody_in(desk, username, password):
    with pytest.raises(NotIdentified):
        log_in(desk, username, password)


@pytest.mark.parametrize("secret", ["", "guess", "0" * 43])
def test_a_guessed_secret_is_nobody(desk, secret):
    log_in(desk)
    assert resume(desk, secret) is None


def test_no_secret_and_no_password_is_stored(desk):
    secret = log_in(desk)
    with desk.begin("system") as work:
        login = work.session.scalars(sa.select(Login)).one()
        kept = work.session.scalars(sa.select(User.password_hash).where(User.username == "anna")).one()
    assert secret not in repr(vars(login))
    algorithm, _, cost, *_ = kept.split("$")[1:]
    assert algorithm == "argon2id"
    assert int(cost.split(",")[0].removeprefix("m=")) >= 47_104


def test_a_login_ends_when_it_is_not_used_for_half_an_hour(desk):
    with at():
        secret = log_in(desk)
    for minutes in (29, 58, 87):
        with at(minutes=minutes):
            assert resume(desk, secret) is not None
    with at(minutes=118):
        assert resume(desk, secret) is None


def test_a_login_ends_after_ten_hours_even_when_it_is_used(desk):
    with at():
        secret = log_in(desk)
    for minutes in range(25, 600, 25):
        with at(minutes=minutes):
            assert resume(desk, secret) is not None
    with at(minutes=600):
        assert resume(desk, secret) is None


def test_that_a_login_is_used_is_written_at_most_once_a_minute(desk):
    def seen():
        with desk.begin("system") as work:
            return work.session.scalars(sa.select(Login.seen_at)).one()

    with at():
        secret = log_in(desk)
    for seconds, kept in ((30, 0), (59, 0), (60, 60), (90, 60), (130, 130)):
        with at(seconds=seconds):
            resume(desk, secret)
        assert seen() == MORNING + timedelta(seconds=kept)


def test_a_token_does_not_grow_idle(desk):
    with at(), desk.begin("sam") as work:
        secret = people.token(work, username="anna")
    with at(days=200):
        assert resume(desk, secret).username == "anna"
    with at(days=365):
        assert resume(desk, secret) is None


def test_whoever_logs_out_is_out_at_the_next_request(desk):
    secret, other = log_in(desk), log_in(desk)
    with desk.begin("system") as work:
        people.log_out(work, secret=secret)
    assert resume(desk, secret) is None
    assert resume(desk, other) is not None


def test_whoever_is_disabled_is_out_at_the_next_request(desk):
    secret = log_in(desk)
    with desk.begin("sam") as work:
        people.disable(work, username="anna")
    assert resume(desk, secret) is None
    with pytest.raises(NotIdentified):
        log_in(desk)


def test_a_role_that_is_taken_away_is_gone_at_the_next_request(desk):
    secret = log_in(desk)
    with desk.begin("sam") as work:
        people.grant(work, username="anna", role=Role.AUDITOR, unit="farsta")
    assert (Role.AUDITOR, "farsta") in resume(desk, secret).grants
    with desk.begin("sam") as work:
        people.revoke(work, username="anna", role=Role.AUDITOR, unit="farsta")
    assert (Role.AUDITOR, "farsta") not in resume(desk, secret).grants


def test_a_login_is_ended_by_its_owner_or_an_administrator(desk):
    secret = log_in(desk)
    with desk.begin("system") as work:
        login_id = work.session.scalars(sa.select(Login.id)).one()
    with desk.begin("kim") as work, pytest.raises(NotFound):
        people.end_login(work, login_id=login_id)
    with desk.begin("sam") as work:
        people.end_login(work, login_id=login_id)
    assert resume(desk, secret) is None


def test_guessing_is_slowed_down_and_not_for_ever(desk):
    with at():
        for _ in range(people.PER_ACCOUNT):
            with pytest.raises(NotIdentified):
                log_in(desk, password="en gissning till")
        with pytest.raises(TooMany):
            log_in(desk)
        assert log_in_other(desk)
    with at(minutes=59), pytest.raises(TooMany):
        log_in(desk)
    with at(minutes=60, seconds=1):
        assert log_in(desk)


def log_in_other(desk):
    with desk.begin("sam") as work:
        people.set_password(work, username="kim", password="en annan mening om havet")
    return log_in(desk, "kim", "en annan mening om havet")


def test_guessing_from_one_address_is_slowed_down_whoever_is_guessed_at(desk, monkeypatch):
    monkeypatch.setattr(people, "PER_ADDRESS", 3)
    for number in range(3):
        with pytest.raises(NotIdentified):
            log_in(desk, f"someone{number}")
    with pytest.raises(TooMany):
        log_in(desk)
    assert log_in(desk, address="192.0.2.2")


def test_guesses_at_the_same_time_are_all_counted(desk):
    met = []

    def guess():
        try:
            log_in(desk, password="en gissning till")
        except (NotIdentified, TooMany) as error:
            met.append(type(error))

    threads = [threading.Thread(target=guess) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    with desk.begin("system") as work:
        kept = work.session.scalar(sa.select(sa.func.count()).select_from(LoginAttempt))
    assert (len(met), kept) == (6, 12)  # each for the account and for the address


def test_a_good_login_forgives_the_account_what_went_before(desk):
    for _ in range(people.PER_ACCOUNT - 1):
        with pytest.raises(NotIdentified):
            log_in(desk, password="en gissning till")
    assert log_in(desk)
    with pytest.raises(NotIdentified):
        log_in(desk, password="en gissning till")


def test_who_has_a_code_needs_it_and_it_works_once(desk):
    with desk.begin("sam") as work:
        address = people.require_code(work, username="anna")
    totp = pyotp.parse_uri(address)
    with at():
        code = totp.at(MORNING)
        for wrong in (None, "", "000000", totp.at(MORNING - timedelta(minutes=5))):
            with pytest.raises(NotIdentified):
                log_in(desk, otp=wrong)
        assert log_in(desk, otp=f"{code[:3]} {code[3:]}")
        with pytest.raises(NotIdentified):
            log_in(desk, otp=code)
    with at(minutes=1):
        assert log_in(desk, otp=totp.at(MORNING + timedelta(minutes=1)))


def test_a_login_stands_in_the_access_log(desk):
    log_in(desk)
    with desk.begin("system") as work:
        told = work.session.scalars(sa.select(AccessEvent).where(AccessEvent.action == "login")).all()
    assert [each.actor for each in told] == ["anna"]


@pytest.mark.parametrize("password", ["kort", "a" * 20, "x" * 129, ""])
def test_a_weak_password_is_refused(desk, password):
    with desk.begin("sam") as work, pytest.raises(Invalid):
        people.set_password(work, username="anna", password=password)


def test_a_new_password_ends_the_old_logins(desk):
    secret = log_in(desk)
    with desk.begin("sam") as work:
        people.set_password(work, username="anna", password="en ny mening om berget")
    assert resume(desk, secret) is None
    with pytest.raises(NotIdentified):
        log_in(desk)
    assert log_in(desk, password="en ny mening om berget")


def test_only_administrators_look_after_people(desk):
    for verb in (
        lambda work: people.add_user(work, username="ny", name="Ny"),
        lambda work: people.add_unit(work, key="ny", name="Ny"),
        lambda work: people.disable(work, username="kim"),
        lambda work: people.grant(work, username="anna", role=Role.TEAM_LEADER, unit="norrmalm"),
        lambda work: people.set_password(work, username="kim", password=PASSWORD),
        lambda work: people.require_code(work, username="kim"),
        lambda work: people.token(work, username="kim"),
    ):
        for who in ("anna", "bo", "petra", "greta"):
            with desk.begin(who) as work, pytest.raises(Forbidden):
                verb(work)


def test_a_user_is_added_with_roles(desk):
    with desk.begin("sam") as work:
        people.add_user(work, username="nils", name="Nils", grants=[("auditor", "farsta")])
    with desk.begin("system") as work:
        assert people.actor(work, username="nils").grants == {(Role.AUDITOR, "farsta")}


@pytest.mark.parametrize(
    "given",
    [
        {"username": "system"},
        {"username": "med mellanslag"},
        {"grants": [("boss", "farsta")]},
        {"grants": [("system", "farsta")]},
        {"grants": [("auditor", "nowhere")]},
    ],
)
def test_a_user_that_makes_no_sense_is_refused(desk, given):
    with desk.begin("sam") as work, pytest.raises(Invalid):
        people.add_user(work, **{"username": "nils", "name": "Nils", **given})


def test_a_username_is_given_once(desk):
    with desk.begin("sam") as work, pytest.raises(Conflict):
        people.add_user(work, username="Anna", name="En annan Anna")


def test_people_choose_their_language(desk):
    with desk.begin("anna") as work:
        people.prefer(work, language="en", shortcuts=False)
    with desk.begin("anna") as work, pytest.raises(Invalid):
        people.prefer(work, language="de")
    with desk.begin("system") as work:
        anna = people.actor(work, username="anna")
        assert anna.language == "en"
