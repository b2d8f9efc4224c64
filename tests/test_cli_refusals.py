"""The command line tells what is wrong with settings, files and folders in words, without a stack trace."""

import zipfile

import pytest
from click.testing import CliRunner

from service import cli

NOWHERE = "postgresql://a:b@127.0.0.1:1/x"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command on a data folder of this test's own; whatever is raised but an exit fails the test."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("no database, no export, no folder")

    def ran(*words: str, **settings: str):
        environment = {"ANDRUM_DATA_DIR": str(tmp_path / "var"), **settings}
        result = CliRunner(env=environment).invoke(cli.main, list(words))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return ran


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"ANDRUM_BIND": "127.0.0.1:99999"}, "ANDRUM_BIND"),
        ({"ANDRUM_THREADS": "²"}, "ANDRUM_THREADS"),
        ({"ANDRUM_TIMEZONE": "Europe"}, "ANDRUM_TIMEZONE"),
        ({"ANDRUM_DATABASE_URL": "garbage"}, "ANDRUM_DATABASE_URL"),
        ({"ANDRUM_DATABASE_URL": "mysql://a/b"}, "ANDRUM_DATABASE_URL"),
        ({"ANDRUM_DATABASE_URL": "postgresql://a:b@c:d/e"}, "ANDRUM_DATABASE_URL"),
        ({"ANDRUM_DATABASE_URL": NOWHERE}, "Connection refused"),
        ({"ANDRUM_DATABASE_URL": NOWHERE.replace("postgresql", "postgres")}, "Connection refused"),
        ({"ANDRUM_DATABASE_URL": "sqlite:////nowhere/x.db"}, "unable to open database file"),
        ({"ANDRUM_DATABASE_URL": "sqlite:///text"}, "file is not a database"),
        ({"ANDRUM_DATA_DIR": "text"}, "ANDRUM_DATA_DIR"),
        ({"ANDRUM_DATA_DIR": "text/below"}, "ANDRUM_DATA_DIR"),
        ({"ANDRUM_CONFIG": "latin.toml"}, "ANDRUM_CONFIG"),
    ],
)
def test_settings_that_cannot_work_are_named(run, tmp_path, settings, words):
    (tmp_path / "latin.toml").write_bytes(b'trail = "\xe5"')
    for command in (("db", "upgrade"), ("token", "anna"), ("web",)):
        told = run(*command, **settings)
        assert (told.exit_code, words in told.output) == (1, True), told.output


@pytest.mark.parametrize(
    "words",
    [("token", "anna"), ("process", "list"), ("verify",), ("checkpoint",), ("process", "export", "x")],
)
def test_a_database_without_tables_is_told_apart_from_one_that_is_busy(run, words):
    told = run(*words)
    assert (told.exit_code, "andrum db upgrade" in told.output) == (1, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("process", "check", "empty"), "nothing to check"),
        (("process", "check", "odd"), "process.bpmn: Is a directory"),
        (("process", "deploy", "odd", "--note", "x"), "process.bpmn: Is a directory"),
        (("verify", "deep.zip"), "cannot be read"),
        (("verify", "damaged.zip"), "not an export"),
    ],
)
def test_files_that_cannot_be_read_are_named(run, tmp_path, words, told):
    (tmp_path / "odd" / "processes" / "case" / "process.bpmn").mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "deep.zip", "w") as archive:
        archive.writestr("manifest.json", "[" * 100_000)
    with zipfile.ZipFile(tmp_path / "damaged.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", "hello " * 1000)
    stored = bytearray((tmp_path / "damaged.zip").read_bytes())
    stored[45:60] = b"\xff" * 15  # inside the packed bytes
    (tmp_path / "damaged.zip").write_bytes(stored)
    if words[1] == "deploy":
        run("db", "upgrade")
    answer = run(*words)
    assert (answer.exit_code, told in answer.output) == (1, True), answer.output


def test_a_register_with_nothing_in_it_is_listed(run):
    assert (run("training", "list").exit_code, run("unit", "list").exit_code) == (0, 0)


def test_a_folder_that_cannot_be_made_is_named(run):
    assert run("training", "list").exit_code == 0  # prepares the database
    told = run("process", "export", "text/below")
    assert (told.exit_code, "text/below" in told.output) == (1, True)
