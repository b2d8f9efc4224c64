"""The command line as a whole: what the contract names is there, says what it does, and fails in words."""

import click
import pytest
from click.testing import CliRunner

from service import cli

NAMED = (
    "serve", "web", "worker", "db upgrade", "demo", "user add", "user token", "token", "process list",
    "process check", "process deploy", "process export", "process simulate", "case show", "verify",
    "checkpoint", "backup", "restore", "retention", "keys rotate", "config",
)  # fmt: skip


def commands(group=cli.main, way=()):
    for name, each in group.commands.items():
        yield (*way, name), each
        if isinstance(each, click.Group):
            yield from commands(each, (*way, name))


def test_every_command_says_what_it_does_and_what_its_options_are():
    found = dict(commands())
    assert {tuple(each.split()) for each in NAMED} <= set(found)
    for way, each in found.items():
        assert each.help, way
        assert CliRunner().invoke(cli.main, [*way, "--help"]).exit_code == 0
        options = [option for option in each.params if isinstance(option, click.Option)]
        assert [option.name for option in options if not option.help] == [], way


@pytest.mark.parametrize(
    "words", ["backup", "restore x.backup", "retention", "keys rotate", "verify", "config"]
)
def test_a_misspelt_setting_stops_every_command_with_a_word(words, tmp_path):
    environment = {"ANDRUM_DATA_DIR": str(tmp_path / "var"), "ANDRUM_DATEBASE_URL": "x"}
    told = CliRunner(env=environment).invoke(cli.main, words.split())
    assert told.exit_code == 1
    assert "ANDRUM_DATEBASE_URL is not a setting" in told.output
    assert not (tmp_path / "var").exists()


def test_settings_come_from_a_file_as_well(tmp_path):
    (tmp_path / "andrum.toml").write_text(f'data_dir = "{tmp_path}/var"\n')
    told = CliRunner(env={"ANDRUM_CONFIG": str(tmp_path / "andrum.toml")}).invoke(cli.main, ["db", "upgrade"])
    assert told.exit_code == 0, told.output
    assert (tmp_path / "var" / "andrum.db").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("restore", "Name a FILE to restore"),
        ("restore --release", "say --release --by"),
        ("retention --destroy", "needs --reason, --by and --second"),
        ("restore nothing.backup", "cannot be read"),
        ("backup --keep 0", "not in the range"),
    ],
)
def test_what_is_missing_is_said(words, says, tmp_path):
    told = CliRunner(env={"ANDRUM_DATA_DIR": str(tmp_path / "var")}).invoke(cli.main, words.split())
    assert told.exit_code != 0
    assert says in told.output
