"""Commands for backups: take one, put one back, let everything go on."""

from pathlib import Path

import click

from service import config, verifier
from service.cli.terminal import in_words, opened, progress, verified
from service.commands import backups, checkpoints, people, retention
from service.commands.backups import Gap
from service.config import Settings
from service.errors import Conflict, Invalid
from service.queries.verification import Checked
from service.rules.permissions import SYSTEM
from service.work import Platform

LATER = "checkpoint-missing"  # a checkpoint outside that the backup does not reach: told as a gap
MOST = 20  # findings that are printed


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), required=False)
@click.option(
    "--keep", type=click.IntRange(1), help="Then remove all backups in the folder but the newest N."
)
@in_words
def backup(folder: Path | None, keep: int | None) -> None:
    """Write a backup of the database to FOLDER (else backups/ in the data folder) while the service runs.

    One file, opened again and found whole before it gets its name. THE KEYS ARE NOT IN IT: back the key file
    up somewhere else. Without it a backup is worth nothing, and beside it a backup protects nothing.
    """
    settings = config.load()
    platform = opened(settings)
    with platform.begin(SYSTEM) as work:
        length = backups.size(work)
    _sign(platform)
    into = (folder or settings.backups).resolve()
    with progress("Copying", length) as told:
        written = backups.take(platform, into, tell=told)
    click.echo(f"Wrote {written.path} ({written.size} bytes, sha256 {written.digest}) and found it whole.")
    click.echo(f"The keys are not in it: keep a copy of {settings.key_file} apart from it.")
    for path in backups.forget(platform, into, keep=keep) if keep else ():
        click.echo(f"Removed {path.name}.")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option("--release", is_flag=True, help="Let timers go off and letters leave after a restore.")
@click.option("--by", metavar="USERNAME", help="The administrator who releases.")
@in_words
def restore(file: Path | None, by: str | None, *, release: bool) -> None:
    """Put the backup FILE into an empty place: no database in the data folder, no table in PostgreSQL.

    Put the key file of the backup into the data folder first. Hashes, keys, every history and the newest
    checkpoint are verified before it counts. Then everything is held: people can work, but no timer goes off
    and no letter leaves until what happened after the backup has been entered again and an administrator
    says so: andrum restore --release --by USERNAME.
    """
    settings = config.load()
    if release and by and file is None:
        _release(settings, by)
    elif file is not None and not release and not by:
        _restore(settings, file)
    else:
        raise click.UsageError("Name a FILE to restore, or say --release --by USERNAME.")


def _sign(platform: Platform) -> None:
    """Sign a checkpoint, so that the backup ends with one. A backup is written without it as well."""
    try:
        with platform.begin(SYSTEM) as work:
            signed = checkpoints.take(work)
    except Conflict as error:
        click.echo(f"No checkpoint was signed: {error.message}", err=True)
    else:
        checkpoints.publish(platform, signed)


def _restore(settings: Settings, file: Path) -> None:
    manifest = backups.examine(settings, file)
    click.echo(
        f"The file is whole: {manifest.cases} cases, {manifest.events} events. Unpacking and verifying."
    )
    platform = backups.unpack(file, manifest, backups.beside(settings))
    try:
        _destroy_again(platform)
        checked = verified(platform)
        _require_sound(checked, manifest.checkpoint_size)
    except BaseException:
        backups.withdraw(platform)
        raise
    gap = backups.settle(platform, manifest, settings)
    click.echo(f"Restored {checked.cases} cases, {checked.events} events; all hold what was recorded.")
    _tell(gap)


def _destroy_again(platform: Platform) -> None:
    """Let a backup bring nobody back: what the list outside says was destroyed is destroyed in it too."""
    done = 0
    for each in retention.listed(platform):
        with platform.begin(SYSTEM) as work:
            done += retention.again(work, each)
    if done:
        click.echo(f"Destroyed {done} cases anew that had been destroyed after the backup was made.")


def _require_sound(checked: Checked, size: int) -> None:
    wrong = [each for each in checked.findings if not (each.why == LATER and (each.size or 0) > size)]
    for each in wrong[:MOST]:
        told = verifier.Finding(each.why, sequence=each.sequence, size=each.size).words()
        click.echo(f"  {each.reference or ''} {told}".rstrip(), err=True)
    if wrong:
        raise Invalid(f"{len(wrong)} things in the backup are not what was recorded; nothing was restored.")


def _tell(gap: Gap) -> None:
    """Say what is missing, and what to do now."""
    click.echo(f"The backup is from {gap.backup_at:%Y-%m-%d %H:%M:%S}Z.")
    if gap.last_event_at is not None:
        click.echo(f"The last thing in it happened {gap.last_event_at:%Y-%m-%d %H:%M:%S}Z.")
    if gap.lost:
        click.echo(f"Checkpoints outside tell of at least {gap.lost} events that are not in it.")
    click.echo(
        "EVERYTHING IS HELD: no timer goes off and no letter leaves. Start the service, enter again what"
    )
    click.echo("happened after that moment, then: andrum restore --release --by USERNAME (an administrator).")


def _release(settings: Settings, username: str) -> None:
    platform = opened(settings)
    with platform.begin(SYSTEM) as work:
        actor = people.actor(work, username=username)
    with platform.begin(actor) as work:
        backup_at = backups.release(work)
    click.echo(f"Released by {username}: the database from {backup_at:%Y-%m-%d %H:%M:%S}Z goes on.")
