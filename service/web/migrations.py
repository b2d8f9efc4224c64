"""Moving running cases to another version on pages: choose versions, see what would become of each, move."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from service.commands import migrations as commands
from service.commands.migrations import Moved
from service.engine.definition import Process
from service.errors import Malformed, NotFound
from service.queries import definitions
from service.queries.definitions import VersionRow
from service.rules.permissions import Permission, require
from service.web.auth import begin
from service.web.presentation import say, t

blueprint = Blueprint("migrations", __name__)
BATCH = 100  # cases in one request: each is a transaction, and somebody waits for the page
LONGEST = 2000  # characters of a note, as in the API
TOO_LONG = 10  # digits of a version


@dataclass(frozen=True)
class Choice:
    """What there is to choose from, what is chosen, and the cases that it comes to."""

    title: str
    sources: tuple[VersionRow, ...]  # versions that cases run on
    targets: tuple[VersionRow, ...]  # versions in force, or that have been
    running: dict[int, int]  # cases by version
    old: int | None
    new: int | None
    process: Process | None  # as it is drawn in the old version
    cases: tuple[UUID, ...]


@blueprint.get("/definitions/<key>/migrations")
def show(key: str) -> ResponseReturnValue:
    """Offer the versions; once they are chosen, tell for each case whether it can be moved."""
    skip = max(request.args.get("skip", 0, int), 0)
    old, new = _chosen(request.args.get("from")), _chosen(request.args.get("to"))
    if old is not None and old == new:
        return _page(key, old, new, problems=[("to", t("migration.same"))]), 422
    return _page(key, old, new, skip=skip)


@blueprint.post("/definitions/<key>/migrations")
def move(key: str) -> ResponseReturnValue:
    """Move the cases that were looked at, and tell what became of each."""
    old, new = _chosen(request.form.get("from")), _chosen(request.form.get("to"))
    skip = max(request.form.get("skip", 0, int), 0)
    note = request.form.get("note", "").strip()
    choice = _choice(key, old, new)
    cases = _cases()
    if old is None or new is None or old == new:
        raise Malformed
    if not 0 < len(note) <= LONGEST:
        words = t("migration.note_missing")
        return _page(key, old, new, skip=skip, problems=[("note", words)], note=note), 422
    found = commands.migrate(begin, key, old=old, new=new, cases=cases, note=note)
    after = _choice(key, old, new)
    stayed = set(choice.cases[: skip + BATCH]).intersection(after.cases)  # those that come next follow them
    return _rendered(key, after, found=found, done=True, skip=len(stayed))


def _page(
    key: str,
    old: int | None,
    new: int | None,
    *,
    skip: int = 0,
    problems: Sequence[tuple[str, str]] = (),
    note: str = "",
) -> str:
    choice = _choice(key, old, new)
    if old is None or new is None or old == new:
        return _rendered(key, choice, problems=problems)
    shown = choice.cases[skip : skip + BATCH]
    found = commands.migrate(begin, key, old=old, new=new, cases=shown, dry_run=True)
    return _rendered(key, choice, found=found, skip=skip, problems=problems, note=note)


def _rendered(
    key: str,
    choice: Choice,
    *,
    found: Sequence[Moved] | None = None,
    done: bool = False,
    skip: int = 0,
    problems: Sequence[tuple[str, str]] = (),
    note: str = "",
) -> str:
    return render_template(
        "definitions/migrations.html",
        key=key,
        choice=choice,
        rows=None if found is None else [(each, _why(each, choice.process)) for each in found],
        movable=[each.case_id for each in found or () if each.moved],
        done=done,
        skip=skip,
        batch=BATCH,
        problems=list(problems),
        note=note,
    )


def _choice(key: str, old: int | None, new: int | None) -> Choice:
    """What may be chosen; the oldest version that cases run on and the one in force, unless told."""
    with begin() as work:
        require(work.actor, Permission.DEFINITION_DEPLOY)
        rows = definitions.versions(work, key)
        running = definitions.running(work, key)
        targets = tuple(row for row in rows if row.state == "active")
        known = {row.version for row in rows}
        if {old, new} - known - {None}:
            raise NotFound
        newest = targets[0].version if targets else None
        old = old or min((each for each in running if each != newest), default=None)
        return Choice(
            title=say(definitions.one(work, key, newest or rows[0].version).process.title),
            sources=tuple(row for row in rows if row.version in running or row.version == old),
            targets=targets,
            running=running,
            old=old,
            new=new or newest,
            process=definitions.one(work, key, old).process if old else None,
            cases=definitions.cases_on(work, key, old) if old else (),
        )


def _why(moved: Moved, process: Process | None) -> list[str]:
    """What keeps a case from being moved, in the reader's language, with the step by its name."""
    if moved.problem is not None:
        return [t("migration.busy")]
    told = []
    for each in moved.obstacles:
        step = process.elements.get(each.element or "") if process else None
        name = say(step.name) if step and step.name else each.element
        told.append(f"{name}: {say(each.message)}" if name else say(each.message))
    return told


def _chosen(given: str | None) -> int | None:
    """A version by its number; nothing when none was chosen, 0 for what is no number."""
    if not given:
        return None
    return int(given) if given.isascii() and given.isdigit() and len(given) < TOO_LONG else 0


def _cases() -> list[UUID]:
    """The cases that the reader saw would be moved."""
    try:
        found = [UUID(each) for each in request.form.getlist("case")]
    except ValueError as error:
        raise Malformed from error
    if not 0 < len(found) <= BATCH:
        raise Malformed
    return found
