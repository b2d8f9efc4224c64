"""Commands for the yearly duty to destroy what is personal in old cases."""

from collections.abc import Iterator

import click

from service import config
from service.cli.terminal import in_words, prepared, progress
from service.commands import backups, people
from service.commands import retention as duty
from service.commands.retention import Weighed
from service.errors import NotFound, ServiceError
from service.rules.permissions import SYSTEM
from service.rules.retention import State
from service.work import Platform

SAID = {
    State.DUE: "must be destroyed",
    State.UNDECIDED: "not decided: the date of birth, or a row of the table, is missing",
    State.KEPT: "kept for ever",
    State.WAITS: "not yet",
}


@click.command()
@click.option("--destroy", is_flag=True, help="Destroy what is personal in all cases that are due.")
@click.option("--reason", help="Why, for the history. It stands there in clear: nothing personal.")
@click.option("--by", metavar="USERNAME", help="Who decides: a team leader of the unit or an administrator.")
@click.option("--second", metavar="USERNAME", help="A second one who has looked at the list as well.")
@in_words
def retention(reason: str | None, by: str | None, second: str | None, *, destroy: bool) -> None:
    """List which closed cases the law says must be destroyed, with the ground; or destroy them.

    What the law says stands in the decision table `retention` that is in force. Nothing personal is printed.
    Destroying cannot be undone: the key of each case goes, with it everything that was written in it. Its
    history, the checkpoints and the figures stay and can still be verified.
    """
    if destroy and not (reason and by and second):
        raise click.UsageError("--destroy needs --reason, --by and --second.")
    platform = prepared(config.load())
    found = list(_weigh(platform))
    due = sorted((each for each in found if each.verdict.state is State.DUE), key=lambda each: each.reference)
    if destroy and reason and by and second:
        _destroy(platform, due, reason, by, second)
        return
    for each in due:
        verdict = each.verdict
        doubt = "" if verdict.confidence == "A" else f"  IN DOUBT ({verdict.confidence}): {verdict.note}"
        click.echo(
            f"{each.reference}  {each.unit}  since {verdict.due_on}, at the latest {verdict.finish_by}  "
            f"{verdict.legal_basis}{doubt}"
        )
    for each in found:
        if each.verdict.state is State.UNDECIDED:
            click.echo(f"{each.reference}  {each.unit}  {SAID[State.UNDECIDED]}")
    for state, words in SAID.items():
        click.echo(f"{sum(each.verdict.state is state for each in found):6}  {words}")


def _weigh(platform: Platform) -> Iterator[Weighed]:
    with platform.begin(SYSTEM) as work:
        length = duty.how_many(work)
    last = None
    with progress("Looking", length) as done:
        while True:
            with platform.begin(SYSTEM) as work:
                batch = duty.closed(work, after=last)
                weighed = [duty.weigh(work, case_id) for case_id in batch]
            if not batch:
                return
            yield from weighed
            last = batch[-1]
            done(len(batch))


def _destroy(platform: Platform, due: list[Weighed], reason: str, by: str, second: str) -> None:
    """Case by case, each in a transaction of its own; what cannot be is told, and the rest goes on."""
    with platform.begin(SYSTEM) as work:
        first, other = people.actor(work, username=by), people.actor(work, username=second)
    gone: set[str] = set()
    failed = 0
    with progress("Destroying", len(due)) as done:
        for each in due:
            done(1)
            if each.reference in gone:
                continue
            try:
                with platform.begin(first) as work:
                    destroyed = duty.destroy(work, each.case_id, reason=reason, second=other)
            except ServiceError as error:
                failed += 1
                words = f"{by} or {second} may not do this" if isinstance(error, NotFound) else error.message
                click.echo(f"  {each.reference}: {words}", err=True)
            else:
                gone |= {one.reference for one in destroyed}
    with platform.begin(SYSTEM) as work:
        listed = duty.publish(platform, work)
    backups.scrub(platform)
    for reference in sorted(gone):
        click.echo(f"{reference}  destroyed")
    click.echo(f"Destroyed {len(gone)} cases, decided by {by} and {second}. {listed} in all stand in")
    click.echo(f"{platform.settings.destroyed}: keep a copy of it with the copy of the key file.")
    click.echo(
        "Backups from before still hold them, sealed: let those run out (andrum backup --keep), then change"
    )
    click.echo("the wrapping key (andrum keys rotate) and let go of old copies of the key file.")
    if failed:
        raise click.ClickException(f"{failed} cases were not destroyed.")
