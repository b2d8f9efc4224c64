"""Commands for the keys."""

from collections.abc import Callable
from datetime import datetime
from time import monotonic, sleep

import click

from service import config
from service.cli.terminal import in_words, prepared, progress
from service.commands import keys as ring
from service.errors import Conflict
from service.rules.permissions import SYSTEM
from service.work import Platform

PATIENCE = 60  # seconds that the end of a rotation waits for those who are at work
PAUSE = 0.5  # seconds between two looks whether they are


@click.group()
def keys() -> None:
    """Look after the keys."""


@keys.command()
@in_words
def rotate() -> None:
    """Change the key that wraps the cases' keys; the service may run meanwhile.

    Makes a new key, seals with it what the old one sealed, batch by batch, and takes the old one out of the
    key file when nothing is sealed with it any more. When it was stopped, run it again: it goes on.

    Three keys in the file stay. The one that signs checkpoints and the one that stamps events vouch for the
    past: with another, everybody who keeps a checkpoint would need both for ever. The one behind the codes by
    which a person's cases are found could only change by opening every case.
    """
    platform = prepared(config.load())
    with platform.begin(SYSTEM) as work:
        newest = ring.begin(work)
    with platform.begin(SYSTEM) as work:
        since, waiting = ring.now(work), ring.left(work, newest=newest)
    click.echo(f"Key {newest} is in the key file; {waiting} values are to be sealed with it.")
    with progress("Sealing anew", waiting) as done:
        old = _rotated(platform, newest, since, done)
    gone = ", ".join(map(str, old)) or "none"
    click.echo(f"Everything is sealed with key {newest}. Taken out of the key file: {gone}.")
    click.echo("Back the key file up now, apart from the database, and keep the old copy of it for as long")
    click.echo("as there are backups of the database from before: only that one opens them.")


def _rotated(
    platform: Platform, newest: int, since: datetime, done: Callable[[int], None]
) -> tuple[int, ...]:
    """Seal anew until the old keys can go; others who are at work are waited for."""
    until = monotonic() + PATIENCE
    while True:
        with platform.begin(SYSTEM) as work:
            sealed = ring.rewrap(work, newest=newest)
        done(sealed)
        if sealed:
            until = monotonic() + PATIENCE
            continue
        try:
            with platform.begin(SYSTEM) as work:
                return ring.retire(work, newest=newest, since=since)
        except Conflict as error:
            if monotonic() > until:
                raise Conflict(f"{error.message} The old key stays; run it again, it goes on.") from error
            sleep(PAUSE)
