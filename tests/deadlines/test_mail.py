"""The outbox against a real mail server that hangs up, dawdles, refuses: no letter is lost."""

import threading
from collections import Counter
from dataclasses import replace

import pytest
import sqlalchemy as sa
import time_machine
from moments import at, local
from together import together

from service import config, post, scheduler
from service.commands import incidents, mail, people, warnings
from service.errors import Conflict, Invalid, Unavailable
from service.models.jobs import Incident, IncidentState
from service.models.notices import Mail, Notice

NOON = "2027-03-08T12:00"


def warned(office, cases=1):
    """Some letters that wait: one for each case."""
    born = [office.open() for _ in range(cases)]
    office.warn("2027-03-08T08:00")
    return born


def test_a_warning_leaves_with_what_matters_and_nothing_personal(office, mailbox):
    (case,) = warned(office)
    assert office.send(NOON) == 1
    (letter,), (kept,) = mailbox.letters, office.letters()
    with office.desk.begin("system") as work:
        reference = work.session.scalars(sa.select(Notice.reference)).one()
    assert letter["To"] == "anna@example.se"
    assert letter["From"] == "andrum@example.se"
    assert letter["Subject"] == f"Tidsfrist närmar sig: {reference}"
    assert letter["Auto-Submitted"] == "auto-generated"
    text = letter.get_content().replace("\r\n", "\n")
    assert f"Skriv överklagandet\nÄrende: {reference}\nSista tid: 2027-03-22 23:59" in text
    assert f"https://andrum.example.se/cases/{case}" in text
    assert letter["Message-ID"] == f"<{kept.id}@example.se>"
    assert (kept.send_at, kept.failed_at, kept.trouble) == (None, None, None)
    assert office.send(NOON) == 0


def test_the_letter_speaks_its_readers_language_and_says_when_the_time_has_passed(office, mailbox):
    warned(office)
    with office.desk.begin("anna") as work:
        people.prefer(work, language="en")
    office.send("2027-03-23T09:00")
    (letter,) = mailbox.letters
    assert letter["Subject"].startswith("A deadline has passed: ")
    assert "Write the appeal" in letter.get_content()


def test_of_a_protected_case_the_letter_names_no_step(office, mailbox):
    warned(office)
    with office.desk.begin("system") as work:
        (kept,) = work.session.scalars(sa.select(Mail))
        kept.content = {**kept.content, "sv": None, "en": None}
    office.send(NOON)
    assert "Tidsfrist i ett skyddat ärende" in mailbox.letters[0].get_content()


@pytest.mark.parametrize("mood", ["lose", "busy"])
def test_a_server_that_does_not_take_it_is_asked_again_later(office, mailbox, mood):
    warned(office)
    mailbox.moods = [mood]
    assert office.send(NOON) == 0
    (kept,) = office.letters()
    assert kept.trouble
    assert office.send("2027-03-08T12:00:59") == 0
    assert mailbox.greetings == 1
    assert office.send("2027-03-08T12:01:00") == 1
    assert len(mailbox.letters) == 1


def test_a_server_that_takes_it_and_says_nothing_may_get_it_twice_under_one_name(office, mailbox):
    warned(office)
    mailbox.moods = ["drop"]
    assert office.send(NOON) == 0
    assert office.send("2027-03-08T12:05") == 1
    assert len(mailbox.ids) == 2
    assert len(set(mailbox.ids)) == 1


def test_a_server_that_answers_twice_counts_once(office, mailbox):
    warned(office, cases=2)
    mailbox.moods = ["twice"]
    assert office.send(NOON) == 2
    assert len(set(mailbox.ids)) == 2 == len(mailbox.ids)


def test_a_server_that_dawdles_is_left_and_asked_again(mailbox):
    mailbox.moods = ["slow"]
    server = post.Server("127.0.0.1", mailbox.port, "andrum@example.se", tls="none", timeout=0.2)
    with pytest.raises(Unavailable, match="did not take"):
        post.send(server, post.Letter("1", "anna@example.se", "Ämne", "Text", local(NOON)))


def test_a_recipient_that_the_server_does_not_know_is_given_up_at_once_and_told(office, mailbox):
    (case,) = warned(office)
    mailbox.moods = ["refuse"]
    assert office.send(NOON) == 0
    (kept,) = office.letters()
    assert kept.failed_at is not None
    assert "anna@example.se" not in kept.trouble
    with office.desk.begin("system") as work:
        (told,) = work.session.scalars(sa.select(Incident))
    assert (told.case_id, told.state) == (case, IncidentState.OPEN)
    assert "anna" in told.cause
    assert "example.se" not in told.cause
    assert ("incident.raised", "system", None) in office.desk.story(case)
    with office.desk.begin("bo") as work:
        incidents.retry(work, told.id)
    assert office.send("2027-03-08T13:00") == 1
    assert len(mailbox.letters) == 1


def test_after_the_last_try_people_are_told(office, mailbox):
    (case,) = warned(office)
    mailbox.moods = ["busy"] * mail.TRIES
    tries = 0
    for hour in range(12, 24):
        for minute in range(0, 60, 5):
            office.send(f"2027-03-08T{hour}:{minute:02}")
            tries = mailbox.greetings
    assert tries == mail.TRIES
    (kept,) = office.letters()
    assert (kept.failed_at is not None, kept.send_at) == (True, None)
    assert [type for type, _, _ in office.desk.story(case)].count("incident.raised") == 1
    assert len(office.notices("anna")) == 1  # it stands on screen all the same


def test_a_worker_that_dies_with_a_letter_in_hand_loses_nothing(office, mailbox):
    warned(office)
    with at(NOON), office.desk.begin("system") as work:
        mail.take(work)  # and never comes back
    assert office.send("2027-03-08T12:01") == 0
    assert office.send("2027-03-08T12:02") == 1
    assert len(mailbox.letters) == 1


def test_a_letter_that_kills_its_senders_is_given_up(office, mailbox):
    warned(office)
    for minute in range(mail.TRIES):
        with at(f"2027-03-08T13:{minute * 3:02}"), office.desk.begin("system") as work:
            assert mail.take(work) is not None
    office.send("2027-03-08T14:00")
    assert mailbox.letters == []
    (kept,) = office.letters()
    assert kept.trouble == mail.LOST


def test_only_the_holder_of_the_lease_tells_how_it_went(office):
    warned(office)
    with at(NOON), office.desk.begin("system") as work:
        slow = mail.take(work)
    with at("2027-03-08T12:03"):
        with office.desk.begin("system") as work:
            quick = mail.take(work)
        with office.desk.begin("system") as work:
            assert not mail.failed(work, slow.id, slow.lease, trouble="slow", for_good=True)
        with office.desk.begin("system") as work:
            assert not mail.sent(work, slow.id, slow.lease)
        with office.desk.begin("system") as work:
            assert mail.sent(work, quick.id, quick.lease)


def test_someone_who_has_left_gets_no_letters(office, mailbox):
    warned(office)
    with office.desk.begin("system") as work:
        people.disable(work, username="anna")
    office.send(NOON)
    assert mailbox.letters == []
    assert office.letters()[0].trouble == mail.NO_ADDRESS


def test_several_workers_send_each_letter_once(office, other_worker, mailbox):
    warned(office, cases=8)
    with at(NOON):
        wrong = together(scheduler.send, (office.platform, other_worker) * 2)
    assert wrong == []
    assert Counter(Counter(mailbox.ids).values()) == {1: 8}


def test_the_running_service_warns_and_sends_by_itself_and_stops_when_told(office, mailbox, monkeypatch):
    monkeypatch.setattr(scheduler, "WARN", 0.05)
    case = office.open()
    stop = threading.Event()
    with time_machine.travel(local("2027-03-08T08:00")):
        worker = threading.Thread(target=scheduler.run, args=(office.platform, stop))
        worker.start()
        came = mailbox.came.wait(30)
        stop.set()
        worker.join(60)
    assert came
    assert not worker.is_alive()
    assert office.warned(case) == [("write_appeal", 1, ["anna"])]
    assert len(mailbox.letters) == 1


def test_what_is_rolled_back_tells_nobody(office, mailbox):
    office.open()

    def give_and_fail():
        with office.desk.begin("system") as work:
            warnings.give(work, warnings.take(work))
            raise Conflict

    with at("2027-03-08T08:00"), pytest.raises(Conflict):
        give_and_fail()
    assert office.send(NOON) == 0
    assert (office.letters(), office.notices("anna"), mailbox.letters) == ([], [], [])


def test_a_password_that_cannot_be_read_is_told_and_sends_nothing(office, settings, tmp_path):
    warned(office)
    office.platform.settings = replace(
        settings, smtp_user="andrum", smtp_password_file=str(tmp_path / "none")
    )
    with pytest.raises(Unavailable, match="SMTP_PASSWORD_FILE"):
        office.send(NOON)
    assert office.letters()[0].attempts == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"ANDRUM_SMTP_TLS": "maybe"}, "SMTP_TLS"),
        ({"ANDRUM_SMTP_PORT": "0"}, "SMTP_PORT"),
        ({"ANDRUM_SMTP_FROM": "andrum"}, "SMTP_FROM"),
        ({"ANDRUM_PUBLIC_URL": ""}, "PUBLIC_URL"),
        (
            {"ANDRUM_SMTP_TLS": "none", "ANDRUM_SMTP_USER": "a", "ANDRUM_SMTP_PASSWORD_FILE": "b"},
            "in clear",
        ),
        ({"ANDRUM_SMTP_USER": "a"}, "go together"),
    ],
)
def test_settings_of_the_mail_server_that_cannot_work_are_refused(given, words):
    whole = {
        "ANDRUM_SMTP_HOST": "mail.example.se",
        "ANDRUM_SMTP_FROM": "andrum@example.se",
        "ANDRUM_PUBLIC_URL": "https://andrum.example.se",
    }
    config.load(whole)
    with pytest.raises(Invalid) as refused:
        config.load(whole | given)
    assert any(words in each.message for each in refused.value.problems)
