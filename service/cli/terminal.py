"""What every command shares: errors told in words, a platform that is ready, how far long work has come."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from service.commands import deployments
from service.config import Settings
from service.errors import ServiceError, Unavailable
from service.queries import history
from service.queries.verification import Checked
from service.rules.permissions import SYSTEM
from service.work import Platform, open_platform

P = ParamSpec("P")
T = TypeVar("T")
OWN_FILES = Path(__file__).parents[2]  # where processes/ and forms/ lie


def in_words(command: Callable[P, T]) -> Callable[P, T]:
    """Tell an error of ours as a sentence with its problems, instead of a stack trace."""

    @wraps(command)
    def told(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except ServiceError as error:
            for problem in error.problems:
                place = " ".join(part for part in (problem.file, problem.element, problem.pointer) if part)
                click.echo(f"  {place}: {problem.message}" if place else f"  {problem.message}", err=True)
            raise click.ClickException(error.message) from error
        except OSError as error:  # of a file or folder that was named; the database's are ours
            place = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(f"{place}{error.strerror or error}.") from error

    return told


def opened(settings: Settings) -> Platform:
    """Open the platform for a command that makes no tables: they must be there."""
    platform = open_platform(settings)
    if not platform.is_prepared():
        raise Unavailable("The database has no tables yet, or old ones: run andrum db upgrade.")
    return platform


def prepared(settings: Settings) -> Platform:
    """Open the platform with its tables and, at the first start, its own processes in force."""
    platform = open_platform(settings)
    platform.prepare()
    with platform.begin(SYSTEM) as work:
        deployments.install(work, OWN_FILES)
    return platform


def verified(platform: Platform) -> Checked:
    """Recompute the whole trail, showing how far it has come."""
    with platform.begin(SYSTEM) as work:
        length = history.how_many(work)
    with progress("Verifying", length) as tell:
        return history.verify_everything(lambda: platform.begin(SYSTEM), tell=tell)


@contextmanager
def progress(label: str, length: int) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how far long work has come; gives what to call with each part that is done."""
    with click.progressbar(length=max(length, 1), label=label, file=sys.stderr) as bar:
        yield bar.update
