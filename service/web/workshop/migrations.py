"""Moving running cases to another version on pages: choose versions, see what would become of each, move."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from service.commands import migrations as commands
from service.commands.migrations import Moved
from service.engine.renaming import Gone
from service.errors import Invalid, Malformed, NotFound, Problem
from service.queries import definitions
from service.queries.definitions import VersionRow
from service.rules.permissions import Permission, require
from service.web.auth import begin
from service.web.presentation import say, t
from service.web.workshop import findings

blueprint = Blueprint("migrations", __name__)
BATCH = 100  # cases in one request: each is a transaction, and somebody waits for the page
LONGEST = 2000  # characters of a note, as in the API
TOO_LONG = 10  # digits of a version
FIELD = "map."  # begins the name of a field that tells what became of an element


@dataclass(frozen=True)
class Choice:
    """What there is to choose from, what is chosen, and the cases that it comes to."""

    title: str
    sources: tuple[VersionRow, ...]  # versions that cases run on
    targets: tuple[VersionRow, ...]  # versions in force, or that have been
    running: dict[int, int]  # cases by version
    old: int | None
    new: int | None
    names: Mapping[str, str]  # of steps in the old version, by id
    cases: tuple[UUID, ...]
    gone: tuple[Gone, ...]
    mapping: Mapping[str, str]  # by “process/element”: the id in the new version


@blueprint.get("/definitions/<key>/migrations")
def show(key: str) -> ResponseReturnValue:
    """Offer the versions; once they are chosen, tell for each case whether it can be moved."""
    skip = max(request.args.get("skip", 0, int), 0)
    old, new = _chosen(request.args.get("from")), _chosen(request.args.get("to"))
    return _page(key, old, new, skip=skip)


@blueprint.post("/definitions/<key>/migrations")
def move(key: str) -> ResponseReturnValue:
    """Move the cases that were looked at, and tell what became of each."""
    old, new = _chosen(request.form.get("from")), _chosen(request.form.get("to"))
    skip = max(request.form.get("skip", 0, int), 0)
    note = request.form.get("note", "").strip()
    choice = _choice(key, old, new)
    cases = _cases()
    if old is None or new is None:
        raise Malformed
    if not 0 < len(note) <= LONGEST:
        words = t("migration.note_missing")
        return _page(key, old, new, skip=skip, problems=[("note", words)], note=note)
    try:
        found = commands.migrate(begin, key, old=old, new=new, cases=cases, mapping=choice.mapping, note=note)
    except Invalid:
        return _page(key, old, new, skip=skip, note=note)
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
) -> ResponseReturnValue:
    choice = _choice(key, old, new)
    if old is None or new is None:
        return _rendered(key, choice)
    if old == new and not choice.cases:
        return _rendered(key, choice, problems=[("to", t("migration.same"))]), 422
    shown = choice.cases[skip : skip + BATCH]
    try:
        found = commands.migrate(
            begin, key, old=old, new=new, cases=shown, mapping=choice.mapping, dry_run=True
        )
    except Invalid as error:
        return _rendered(key, choice, problems=_told(error.problems)), 422
    page = _rendered(key, choice, found=found, skip=skip, problems=problems, note=note)
    return page, 422 if problems else 200


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
        rows=None if found is None else [(each, _why(each, choice.names)) for each in found],
        movable=[each.case_id for each in found or () if each.moved],
        done=done,
        skip=skip,
        further=_further(choice, skip if done else skip + BATCH),
        field=FIELD,
        asked=_asked(choice),
        problems=list(problems),
        note=note,
    )


def _further(choice: Choice, skip: int) -> str | None:
    """The query that shows the cases from here on, with the same choices; none when there are no more."""
    if skip >= len(choice.cases):
        return None
    mapping = {FIELD + name: id for name, id in _asked(choice).items()}
    return urlencode({"from": choice.old, "to": choice.new, **mapping, "skip": skip})


def _asked(choice: Choice) -> dict[str, str]:
    """What is chosen for every element that something could be chosen for; empty for nothing."""
    names = [f"{each.process}/{each.element.id}" for each in choice.gone if each.choices]
    return {name: choice.mapping.get(name, "") for name in names}


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
        said, new = old, new or newest
        old = old or min((each for each in running if each != newest), default=newest if running else None)
        process = definitions.one(work, key, newest or rows[0].version).process
        cases, gone = definitions.to_move(work, key, old, new) if old and new else ((), ())
        before = definitions.one(work, key, old).process.elements.values() if old else ()
        return Choice(
            title=say(process.title),
            sources=tuple(row for row in rows if row.version in running or row.version == old),
            targets=targets,
            running=running,
            old=old if cases or said else None,
            new=new,
            names={each.id: say(each.name) for each in (*before, *(one.element for one in gone))},
            cases=cases,
            gone=gone,
            mapping=_mapping(gone),
        )


def _mapping(gone: Sequence[Gone]) -> dict[str, str]:
    """What the owner says that elements became; what looks the same until they have said anything."""
    said = any(each.startswith(FIELD) for each in request.values)
    found = {}
    for each in gone:
        name = f"{each.process}/{each.element.id}"
        chosen = request.values.get(FIELD + name) if said else each.proposed
        if chosen in {one.id for one in each.choices}:
            found[name] = chosen
    return found


def _told(problems: Sequence[Problem]) -> list[tuple[str, str]]:
    """Say what is wrong with the mapping, at its fields."""
    return [
        (FIELD + (each.pointer or "").removeprefix("/mapping/").replace("~1", "/"), findings.told(each))
        for each in problems
    ]


def _why(moved: Moved, names: Mapping[str, str]) -> list[str]:
    """What keeps a case from being moved, in the reader's language, with the step by its name."""
    if moved.problem is not None:
        return [t("migration.busy")]
    told = []
    for each in moved.obstacles:
        name = names.get(each.element or "") or each.element
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
