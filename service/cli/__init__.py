"""Commands for people at a terminal: each prints what it did, and exits 0 only on success."""

import signal
import socket
import threading
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from service import config, scheduler, verifier
from service.cli.backups import backup, restore
from service.cli.keys import keys
from service.cli.retention import retention
from service.cli.terminal import OWN_FILES, in_words, opened, prepared, verified
from service.commands import checkpoints, demo, deployments, people, tables, trainings
from service.config import Settings
from service.engine import examples, simulation
from service.engine.definition import parse
from service.errors import Refused, ServiceError
from service.queries import casefile, definitions, health, history
from service.queries import people as register
from service.queries import trainings as trained
from service.rules.permissions import SYSTEM, Role
from service.server import Server
from service.work import Platform, clock_of, open_platform


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="andrum")
def main() -> None:
    """Andrum: the reflection period and the rights package, as diagrams that caseworkers follow.

    Every command takes its settings from ANDRUM_* variables or from the TOML file that ANDRUM_CONFIG names;
    `andrum config` lists them.
    """


@main.command()
@in_words
def serve() -> None:
    """Run web and scheduler in one go; prepares the database and, when asked, the demo."""
    settings = config.load()
    _check_free(settings.bind)
    platform = prepared(settings)
    if settings.demo == "1":
        _tell(settings, demo.seed(platform))
    _tell_of_hold(platform)
    click.echo(f"Andrum is running on http://{settings.bind} (stop with Ctrl+C)")
    Server(platform, with_scheduler=True).run()


@main.command()
@in_words
def web() -> None:
    """Run only the web server; run `andrum worker` beside it."""
    settings = config.load()
    _check_free(settings.bind)
    Server(prepared(settings), with_scheduler=False).run()


@main.command()
@in_words
def worker() -> None:
    """Run only the scheduler: fires what is due; any number of workers may run on one database."""
    platform = prepared(config.load())
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    _tell_of_hold(platform)
    click.echo("The scheduler is running (stop with Ctrl+C)")
    scheduler.run(platform, stop)


@main.group()
def db() -> None:
    """Look after the database."""


@db.command()
@in_words
def upgrade() -> None:
    """Bring the tables to the newest revision."""
    platform = open_platform(config.load())
    platform.prepare()
    click.echo(f"The database {platform.engine.url!r} is at the newest revision.")


@main.command(name="demo")
@in_words
def make_demo() -> None:
    """Make the demo users and the demo cases (invented people), unless they are there."""
    settings = config.load()
    _tell(settings, demo.seed(prepared(settings)))


@main.group()
def user() -> None:
    """Look after the users."""


@user.command()
@click.argument("username")
@click.option("--name", required=True, help="The person's name as others see it.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    help=f"ROLE:UNIT, may be repeated; roles: {', '.join(role for role in Role if role is not Role.SYSTEM)}.",
)
@click.password_option(help="At least 15 characters; asked for when left out.")
@in_words
def add(username: str, name: str, roles: tuple[str, ...], password: str) -> None:
    """Add a user with roles in units; a unit that does not exist yet is made."""
    grants = [_grant(each) for each in roles]
    with prepared(config.load()).begin(SYSTEM) as work:
        known = {unit.key for unit in register.units(work)}
        for unit in sorted({unit for _, unit in grants} - known):
            people.add_unit(work, key=unit, name=unit.capitalize())
        people.add_user(work, username=username, name=name, password=password, grants=grants)
    click.echo(f"Added {username} ({', '.join(roles)}).")


@main.command()
@click.argument("username")
@in_words
def token(username: str) -> None:
    """Print a bearer token for the API; it acts as USERNAME."""
    with opened(config.load()).begin(SYSTEM) as work:
        secret = people.token(work, username=username)
    click.echo(secret)


user.add_command(token)


@user.command()
@click.argument("username")
@click.option("--off", is_flag=True, help="Name the person again.")
@in_words
def protect(username: str, *, off: bool) -> None:
    """Let no list of changes in the organisation name USERNAME, whose own data are protected."""
    with prepared(config.load()).begin(SYSTEM) as work:
        people.protect(work, username=username, protected=not off)
    click.echo(f"Lists of changes {'name' if off else 'do not name'} {username}.")


@user.command()
@click.argument("username")
@click.argument("email", required=False)
@in_words
def address(username: str, email: str | None) -> None:
    """Send USERNAME's warnings to EMAIL too; without one, only into the service."""
    with prepared(config.load()).begin(SYSTEM) as work:
        people.set_address(work, username=username, email=email)
    click.echo(f"Warnings for {username} go to {email or 'the service alone'}.")


@main.group()
def unit() -> None:
    """Look after the units."""


@unit.command(name="list")
@in_words
def list_units() -> None:
    """List the units and who leads each."""
    with prepared(config.load()).begin(SYSTEM) as work:
        for each in register.units(work):
            click.echo(f"{each.key}  {each.name}  head: {each.head or 'nobody'}")


@unit.command()
@click.argument("key", metavar="UNIT")
@click.argument("username", required=False)
@in_words
def head(key: str, username: str | None) -> None:
    """Say that USERNAME leads UNIT, and is warned when nobody else acts; without one, nobody does."""
    with prepared(config.load()).begin(SYSTEM) as work:
        people.set_head(work, unit=key, username=username)
    click.echo(f"{username or 'Nobody'} leads {key}.")


@main.group()
def training() -> None:
    """Look after the register of trainings."""


@training.command(name="list")
@click.option("--unit", help="Only of this unit.")
@in_words
def list_trainings(unit: str | None) -> None:
    """List who has been trained, the training given last first."""
    cursor: str | None = None
    with prepared(config.load()).begin(SYSTEM) as work:
        while True:
            page = trained.trainings(work, unit=unit, limit=200, cursor=cursor)
            for row in page.items:
                until = f"until {row.valid_until}" if row.valid_until else "without end"
                state = "  withdrawn" if row.withdrawn_at else ""
                click.echo(f"{row.given_on}  {row.unit}  {row.person.username}  {row.course}  {until}{state}")
            if (cursor := page.next) is None:
                return


@training.command(name="add")
@click.argument("username")
@click.argument("unit")
@click.argument("course")
@click.option("--given", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The day it was given.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day on which it is valid.")
@in_words
def add_training(username: str, unit: str, course: str, given: datetime, until: datetime | None) -> None:
    """Enter that USERNAME, who works or has worked in UNIT, was trained in COURSE."""
    with prepared(config.load()).begin(SYSTEM) as work:
        trainings.register(
            work,
            username=username,
            unit=unit,
            course=course,
            given_on=given.date(),
            valid_until=until.date() if until else None,
        )
    click.echo(f"Entered {course} for {username} on {given.date()}.")


@main.group()
def process() -> None:
    """Look after the processes: diagrams, decision tables and forms."""


@process.command(name="list")
@in_words
def list_processes() -> None:
    """List the newest version of each process."""
    with opened(config.load()).begin(SYSTEM) as work:
        for row in definitions.newest(work):
            when = f"{row.deployed_at:%Y-%m-%d %H:%M}"
            click.echo(f"{row.key:24} {row.version:4}  {when}  {row.open_cases:5} open  {row.name}")


@process.command(name="check")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=OWN_FILES)
@in_words
def check_processes(folder: Path) -> None:
    """Check the files below FOLDER (with processes/ and forms/) as a deployment would; store nothing."""
    files = deployments.read_folder(folder)
    if not files:
        raise Refused(f"There is nothing to check in {folder}: it has no processes/ and no forms/.")
    found = parse(files)
    numbers = f"{len(found.processes)} processes, {len(found.decisions)} decisions, {len(found.forms)} forms"
    clock = clock_of(found, config.load().zone)
    problems = list(tables.problems(found, {each.file for each in found.sources.values()}))
    problems += list(simulation.problems(found, found.examples.values(), clock=clock))
    if problems:
        raise Refused(problems=problems)
    click.echo(f"{numbers}, {len(found.examples)} examples: no problem found.")


@process.command()
@click.argument("example", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=OWN_FILES,
    help="Where processes/ and forms/ lie; else the service's own.",
)
@click.option("--process", "key", help="The process; else the folder that the example lies in.")
@in_words
def simulate(example: Path, folder: Path, key: str | None) -> None:
    """Run EXAMPLE (a JSON file) on the files below a folder with a clock of its own; store nothing."""
    key = key or example.resolve().parent.parent.name
    read = examples.parse(example.read_bytes(), f"{key}.{example.stem}{examples.ENDING}")
    found = parse(deployments.read_folder(folder))
    ran = simulation.run(found, read.script, clock=clock_of(found, config.load().zone))
    for each in ran.trace:
        place = f"{each.place.process}/{each.place.element}" if each.place else ""
        due = f"due {_moment(each.due)}" if each.due else ""
        click.echo(f"{_moment(each.at)}  {each.kind:15} {place}  {each.name or ''} {due}".rstrip())
    if ran.failure is not None:
        where = "" if ran.failure.step is None else f"Step {ran.failure.step + 1}: "
        raise ServiceError(f"{where}{ran.failure.message}", problems=ran.failure.problems)
    click.echo("finished" if ran.finished else "stands")


@process.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=OWN_FILES)
@click.option("--note", required=True, help="What changes and why; kept with the deployment.")
@in_words
def deploy(folder: Path, note: str) -> None:
    """Deploy the files below FOLDER."""
    with prepared(config.load()).begin(SYSTEM) as work:
        deployed = deployments.deploy(work, files=deployments.read_folder(folder), note=note)
    for each in deployed.warnings:
        click.echo(f"  {each.file} {each.element}: {each.message}", err=True)
    changed = [f"{each.key} {each.version}" for each in deployed.definitions if each.changed]
    click.echo(f"Deployment {deployed.number}: {', '.join(changed) or 'nothing changed'}.")


@process.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@in_words
def export(folder: Path) -> None:
    """Write the files in force to FOLDER, byte for byte, laid out as processes/ and forms/."""
    with opened(config.load()).begin(SYSTEM) as work:
        files = definitions.files_in_force(work)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    click.echo(f"Wrote {len(files)} files to {folder}.")


@main.group()
def case() -> None:
    """Look at cases."""


@case.command()
@click.argument("case_id", type=click.UUID)
@in_words
def show(case_id: UUID) -> None:
    """Show where a case stands: nothing personal, and logged as looked at."""
    with opened(config.load()).begin(SYSTEM) as work:
        found = casefile.case(work, case_id)
    row = found.row
    click.echo(f"{row.reference}  {row.process} {row.version}  {row.status}  {row.unit}")
    for task in found.tasks:
        click.echo(f"  task      {task.process}/{task.element}  due {_moment(task.due_at)}  {task.name.sv}")
    for timer in found.deadlines:
        where = f"{timer.process}/{timer.element}"
        click.echo(f"  deadline  {where}  due {_moment(timer.due_at)}  {timer.legal_basis or ''}")
    for message in found.awaited:
        click.echo(f"  awaits    {message.name}")
    for incident in found.incidents:
        click.echo(f"  incident  {incident.cause}")


@main.command()
@click.argument("what", required=False, metavar="[CASE|FILE]")
@click.option("--key", help="The public key to check a FILE against; else this service's own, if it is here.")
@in_words
def verify(what: str | None, key: str | None) -> None:
    """Recompute what is stored: one CASE (its id), the whole trail, or an exported FILE, offline."""
    if what is not None and not _is_id(what):
        _verify_file(Path(what), key)
    elif what is not None:
        with opened(config.load()).begin(SYSTEM) as work:
            verdict = history.verify(work, UUID(what))
        if not verdict.ok:
            document = str(verdict.document) if verdict.document else None
            told = verifier.Finding(verdict.why or "", sequence=verdict.first_bad, document=document).words()
            raise click.ClickException(f"case {what}: {told}")
        click.echo(f"The case holds what was recorded: {verdict.events} events.")
        if verdict.destroyed:
            click.echo("What was personal in it has been destroyed; its history tells when and why.")
    else:
        _verify_everything(opened(config.load()))


@main.command()
@in_words
def checkpoint() -> None:
    """Sign a checkpoint over all events now and write it to the data folder; prints the signed text."""
    platform = opened(config.load())
    with platform.begin(SYSTEM) as work:
        signed = checkpoints.take(work)
    path = checkpoints.publish(platform, signed)
    click.echo(signed.note, nl=False)
    click.echo(f"Kept as {path}", err=True)


def _verify_everything(platform: Platform) -> None:
    checked = verified(platform)
    for each in checked.findings:
        place = f"case {each.case_id} ({each.reference or 'gone'}): " if each.case_id else ""
        document = str(each.document) if each.document else None
        told = verifier.Finding(each.why, sequence=each.sequence, size=each.size, document=document).words()
        click.echo(f"  {place}{told}", err=True)
    numbers = f"{checked.cases} cases, {checked.events} events, {checked.checkpoints} checkpoints"
    if checked.findings:
        raise click.ClickException(f"{numbers}: {len(checked.findings)} do not hold what was recorded.")
    click.echo(f"{numbers} hold what was recorded; checkpoints cover {checked.leaves} events.")


def _verify_file(path: Path, key: str | None) -> None:
    report = verifier.check(path, key=key or _own_key())
    for line in verifier.told(report, trusted=key is not None or _own_key() is not None):
        click.echo(line, err=bool(report.findings))
    if report.findings:
        raise click.exceptions.Exit(1)


def _own_key() -> str | None:
    """The key of the service that this machine holds the key file of; makes none."""
    settings = config.load()
    return history.key_of(settings) if settings.key_file.exists() else None


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


for room in (backup, restore, retention, keys):
    main.add_command(room)


@main.command(name="config")
@in_words
def show_config() -> None:
    """List every setting: its variable, its value now, what it means."""
    settings = config.load()
    for each in fields(Settings):
        value = getattr(settings, each.name) or "(empty)"
        click.echo(f"ANDRUM_{each.name.upper():18} {value:28} {each.metadata['says']}")


def _tell_of_hold(platform: Platform) -> None:
    with platform.begin(SYSTEM) as work:
        since = health.held_since(work)
    if since is not None:
        click.echo(
            f"Held since a backup of {_moment(since)} was restored: no timer goes off, no letter leaves."
        )


def _grant(given: str) -> tuple[Role, str]:
    role, _, unit = given.partition(":")
    if role not in set(Role) - {Role.SYSTEM} or not unit:
        raise click.ClickException(f"--role {given}: write it as ROLE:UNIT, like caseworker:norrmalm.")
    return Role(role), unit


def _check_free(bind: str) -> None:
    host, _, port = bind.rpartition(":")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
        except OSError as error:
            raise click.ClickException(
                f"{bind} cannot be used ({error.strerror}); set ANDRUM_BIND to another one."
            ) from error


def _tell(settings: Settings, seeded: demo.Seeded) -> None:
    """Say how to log in."""
    click.echo(f"Demo with invented people: {seeded.users} users, {seeded.cases} cases in {settings.folder}")
    click.echo(f"Log in as anna, bo, petra, greta, sam or elin with the password: {demo.PASSWORD}")


def _moment(at: Any) -> str:
    return f"{at:%Y-%m-%d %H:%M}Z" if at else "-"
