"""The command line's words for units and their heads, for where warnings go, and for trainings."""

import pytest
import sqlalchemy as sa

from service.models.people import UnitHead, User

pytestmark = pytest.mark.parametrize("kind", ["sqlite"])


def test_a_unit_gets_a_head_and_loses_it(run, desk):
    assert run("unit", "head", "norrmalm", "petra").exit_code == 0
    assert "norrmalm  Norrmalm  head: petra" in run("unit", "list").output
    with desk.begin("system") as work:
        assert work.session.get_one(UnitHead, "norrmalm").user_id == desk.crew.petra.id
    assert run("unit", "head", "norrmalm").output == "Nobody leads norrmalm.\n"
    assert "norrmalm  Norrmalm  head: nobody" in run("unit", "list").output


@pytest.mark.parametrize(
    "words", [("unit", "head", "nowhere", "petra"), ("unit", "head", "farsta", "nobody")]
)
def test_an_unknown_unit_or_user_is_told_and_changes_nothing(run, desk, words):
    told = run(*words)
    assert told.exit_code == 1
    assert "There is no" in told.output
    with desk.begin("system") as work:
        assert work.session.scalars(sa.select(UnitHead)).all() == []


def test_a_name_is_protected_and_shown_again(run, desk):
    for options, protected in ([], True), (["--off"], False):
        assert run("user", "protect", "anna", *options).exit_code == 0
        with desk.begin("system") as work:
            assert work.session.scalar(sa.select(User.protected).where(User.username == "anna")) is protected
    assert run("user", "protect", "nobody").exit_code == 1


def test_an_address_is_set_and_taken_away(run, desk):
    for email in ("anna@example.se", None):
        assert run("user", "address", "anna", *([email] if email else [])).exit_code == 0
        with desk.begin("system") as work:
            assert work.session.scalars(sa.select(User.email).where(User.username == "anna")).one() == email
    assert run("user", "address", "anna", "no address").exit_code == 1


def test_a_training_is_entered_and_listed(run):
    words = ("anna", "norrmalm", "Kurs (påhittad)", "--given", "2026-01-15", "--until", "2027-01-15")
    told = run("training", "add", *words)
    assert (told.exit_code, told.output) == (0, "Entered Kurs (påhittad) for anna on 2026-01-15.\n")
    line = "2026-01-15  norrmalm  anna  Kurs (påhittad)  until 2027-01-15"
    assert line in run("training", "list").output
    assert line not in run("training", "list", "--unit", "farsta").output
    refused = run("training", "add", *words)
    assert refused.exit_code == 1
    assert "registered already" in refused.output
