"""Settings: where they come from, and that a mistake in them is told before anything starts."""

import pytest

from service import config
from service.errors import Invalid


def test_without_any_setting_the_service_runs_on_sqlite_in_its_own_folder():
    settings = config.load({})
    assert settings.url.startswith("sqlite:///")
    assert settings.url.endswith("/var/andrum.db")
    assert (settings.bind, settings.zone.key, settings.four_eyes) == (
        "127.0.0.1:8000",
        "Europe/Stockholm",
        "1",
    )


def test_variables_win_over_the_file(tmp_path):
    file = tmp_path / "andrum.toml"
    file.write_text('bind = "0.0.0.0:80"\ndemo = true\nthreads = 2\n')
    settings = config.load({"ANDRUM_CONFIG": str(file), "ANDRUM_BIND": "127.0.0.1:9000", "PATH": "/bin"})
    assert (settings.bind, settings.demo, settings.threads) == ("127.0.0.1:9000", "1", "2")


def test_a_plain_postgresql_address_uses_the_driver_that_is_installed():
    assert config.load({"ANDRUM_DATABASE_URL": "postgresql://u@h/d"}).url == "postgresql+psycopg://u@h/d"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"ANDRUM_BNID": "x"}, "ANDRUM_BNID is not a setting"),
        ({"ANDRUM_TIMEZONE": "Europe/Atlantis"}, "no time zone named 'Europe/Atlantis'"),
        ({"ANDRUM_TIMEZONE": "/etc/passwd"}, "no time zone"),
        ({"ANDRUM_DEMO": "yes"}, "ANDRUM_DEMO is 0 or 1"),
        ({"ANDRUM_THREADS": "0"}, "ANDRUM_THREADS is a whole number"),
        ({"ANDRUM_FOUR_EYES": "0", "ANDRUM_DATABASE_URL": "postgresql://h/d"}, "ANDRUM_FORCE=1"),
    ],
)
def test_a_mistake_is_told_by_the_name_of_the_setting(given, told):
    with pytest.raises(Invalid) as error:
        config.load(given)
    assert told in " ".join(problem.message for problem in error.value.problems)


def test_all_mistakes_are_told_at_once():
    with pytest.raises(Invalid) as error:
        config.load({"ANDRUM_DEMO": "x", "ANDRUM_WORKERS": "x", "ANDRUM_TIMEZONE": "x"})
    assert len(error.value.problems) == 3


def test_a_file_that_cannot_be_read_is_told_by_its_name(tmp_path):
    with pytest.raises(Invalid, match=r"absent\.toml could not be read"):
        config.load({"ANDRUM_CONFIG": str(tmp_path / "absent.toml")})
