"""Settings: `ANDRUM_*` variables or a TOML file, checked once at start, listed by `andrum config`."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from service.errors import Invalid, Problem

LARGEST_DOCUMENT = 100  # megabytes; a document is held in memory while it comes and goes
LAST_PORT, MOST, DIGITS = 65_535, 1_000, 9
_ADDRESS = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+", re.ASCII)


def _says(text: str, default: str = "") -> str:
    """Declare a setting: what it means, and its value when nobody says otherwise."""
    value: str = field(default=default, metadata={"says": text})
    return value


@dataclass(frozen=True)
class Settings:
    """Every setting as text, as it was given; the properties below give it its type."""

    bind: str = _says("address and port that the web server listens on", "127.0.0.1:8000")
    data_dir: str = _says("folder for the database, the keys and the documents", "./var")
    database_url: str = _says("SQLAlchemy URL; empty means SQLite in the data folder")
    demo: str = _says("1 makes demo users and demo cases at the first start", "0")
    timezone: str = _says("where legal dates are counted", "Europe/Stockholm")
    four_eyes: str = _says("0 lets a deployment take effect without a second person's approval", "1")
    force: str = _says("1 allows four_eyes=0 together with PostgreSQL", "0")
    threads: str = _says("requests that one web process answers at the same time", "4")
    workers: str = _says("web processes; more than one needs PostgreSQL", "1")
    trail: str = _says(
        "name of this installation's trail in signed checkpoints; use one that nobody else has",
        "andrum.local/trail",
    )
    largest_document: str = _says("largest document that a case takes, in megabytes", "10")
    secure_cookies: str = _says("1 when people reach the service over https", "0")
    public_url: str = _says("address at which people reach the service, for links in e-mails and calendars")
    smtp_host: str = _says("mail server that warnings leave through; empty sends no e-mail at all")
    smtp_port: str = _says("port of the mail server", "587")
    smtp_tls: str = _says("starttls, tls (from the first byte) or none", "starttls")
    smtp_user: str = _says("user name at the mail server; empty does not log in")
    smtp_password_file: str = _says("file that holds the password at the mail server, alone")
    smtp_from: str = _says("address that e-mails come from")

    @property
    def url(self) -> str:
        """The database's SQLAlchemy URL."""
        if self.database_url:
            return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", self.database_url)
        return f"sqlite:///{self.folder / 'andrum.db'}"

    @property
    def folder(self) -> Path:
        """The data folder."""
        return Path(self.data_dir).resolve()

    @property
    def key_file(self) -> Path:
        """The file that holds the keys; keep its backup apart from the database's."""
        return self.folder / "keys.json"

    @property
    def zone(self) -> ZoneInfo:
        """Where legal dates are counted."""
        return ZoneInfo(self.timezone)

    @property
    def document_bytes(self) -> int:
        """The largest document that a case takes."""
        return int(self.largest_document) * 1024 * 1024

    @property
    def checkpoints(self) -> Path:
        """The folder that signed checkpoints are written to; let something else copy it away."""
        return self.folder / "checkpoints"

    @property
    def destroyed(self) -> Path:
        """The list of cases whose personal contents were destroyed; keep a copy of it with the key file's."""
        return self.folder / "destroyed.jsonl"

    @property
    def backups(self) -> Path:
        """The folder that backups are written to when no other is named; let something copy them away."""
        return self.folder / "backups"

    def check(self) -> None:
        """Refuse settings that cannot work, all at once.

        Raises `Invalid` with one problem for each setting, naming it.
        """
        problems = [*_switches(self), *_numbers(self), *_mail(self)]
        if not 0 < _number(self.bind.rpartition(":")[2]) <= LAST_PORT:
            problems.append(
                Problem(f"ANDRUM_BIND={self.bind} is not an address and a port, like 127.0.0.1:8000.")
            )
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            problems.append(Problem(f"ANDRUM_TIMEZONE: there is no time zone named {self.timezone!r}."))
        if not self.trail or set(self.trail) & set(" +\n\t"):
            problems.append(Problem("ANDRUM_TRAIL is a name without spaces and plus signs."))
        if self.four_eyes == "0" and self.url.startswith("postgresql") and self.force != "1":
            problems.append(
                Problem(
                    "ANDRUM_FOUR_EYES=0 together with PostgreSQL needs ANDRUM_FORCE=1 as well: "
                    "it lets one person change the path of every case alone."
                )
            )
        if problems:
            raise Invalid("The settings cannot be used.", problems=problems)


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings: `ANDRUM_CONFIG` names a TOML file, `ANDRUM_*` variables win over it.

    Raises `Invalid` for names that do not exist and for values that cannot work.
    """
    environment = os.environ if environment is None else environment
    given = {
        name.removeprefix("ANDRUM_").lower(): value
        for name, value in environment.items()
        if name.startswith("ANDRUM_")
    }
    path = given.pop("config", None)
    found = (_from_file(Path(path)) if path else {}) | given
    unknown = sorted(set(found) - {each.name for each in fields(Settings)})
    if unknown:
        raise Invalid(
            "The settings cannot be used.",
            problems=[
                Problem(f"ANDRUM_{name.upper()} is not a setting; `andrum config` lists them.")
                for name in unknown
            ],
        )
    settings = Settings(**found)
    settings.check()
    return settings


def _from_file(path: Path) -> dict[str, str]:
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Invalid(f"ANDRUM_CONFIG: {path} could not be read: {error}") from error
    return {
        name: ("1" if value else "0") if isinstance(value, bool) else str(value)
        for name, value in read.items()
    }


def _switches(settings: Settings) -> list[Problem]:
    names = ("demo", "four_eyes", "force", "secure_cookies")
    return [
        Problem(f"ANDRUM_{name.upper()} is 0 or 1.")
        for name in names
        if getattr(settings, name) not in {"0", "1"}
    ]


def _numbers(settings: Settings) -> list[Problem]:
    names = ("threads", "workers", "largest_document")
    wrong = [
        Problem(f"ANDRUM_{name.upper()} is a whole number from 1 to {MOST}.")
        for name in names
        if not 0 < _number(getattr(settings, name)) <= MOST
    ]
    if not wrong and int(settings.largest_document) > LARGEST_DOCUMENT:
        wrong.append(Problem(f"ANDRUM_LARGEST_DOCUMENT is at most {LARGEST_DOCUMENT} (megabytes)."))
    return wrong


def _number(text: str) -> int:
    """Read a whole number; 0 for everything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS else 0


def _mail(settings: Settings) -> Iterator[Problem]:
    """What is wrong with the settings of the mail server; nothing when there is none."""
    if not settings.smtp_host:
        return
    if settings.smtp_tls not in {"starttls", "tls", "none"}:
        yield Problem("ANDRUM_SMTP_TLS is starttls, tls or none.")
    if not 0 < _number(settings.smtp_port) <= LAST_PORT:
        yield Problem("ANDRUM_SMTP_PORT is a port.")
    if not _ADDRESS.fullmatch(settings.smtp_from):
        yield Problem("ANDRUM_SMTP_FROM is the address that e-mails come from; ANDRUM_SMTP_HOST needs it.")
    if not settings.public_url.startswith(("https://", "http://")):
        yield Problem("ANDRUM_PUBLIC_URL is the service's address, for links; ANDRUM_SMTP_HOST needs it.")
    if settings.smtp_user and settings.smtp_tls == "none":
        yield Problem("ANDRUM_SMTP_USER with ANDRUM_SMTP_TLS=none would send the password in clear.")
    if bool(settings.smtp_user) != bool(settings.smtp_password_file):
        yield Problem("ANDRUM_SMTP_USER and ANDRUM_SMTP_PASSWORD_FILE go together.")
