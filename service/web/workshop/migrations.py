"""Moving running cases to another version on pages: the map, the cases, the verdict on each, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from service.commands import migrations as commands
from service.commands.migrations import Moved
from service.engine.renaming import Gone, Names, Signature
from service.errors import Invalid, Malformed, NotFound, Problem
from service.queries import definitions, migrations
from service.queries.definitions import VersionRow
from service.queries.migrations import Ground, MovedCase
from service.rules.permissions import Permission, require
from service.web import trail
from service.web.auth import begin
from service.web.presentation import say, t
from service.web.workshop import findings, migration_map
from service.web.workshop.migration_map import Map

blueprint = Blueprint("migrations", __name__)
BATCH = 100  # cases in one request: each is a transaction, and somebody waits for the page
LONGEST = 2000  # characters of a note, as in the API
TOO_LONG = 10  # digits of a version
FIELD = "map."  # begins the name of a field that tells what became of an element
WAIVED = "waive"  # names the fields that tell which steps need no second person any more


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
    ground: Ground | None  # what a move goes from and to, once both are chosen
    mapping: Mapping[str, str]  # by “process/element”: the id in the new version
    unsigned: tuple[tuple[str, str], ...]  # steps that lose their second person: “process/element”, name
    waived: tuple[str, ...]  # those of them that the owner gives up
    moved: tuple[MovedCase, ...]  # cases that can be moved back, or could until somebody acted on them

    @property
    def cases(self) -> tuple[UUID, ...]:
        """The cases that it comes to."""
        return self.ground.cases if self.ground else ()

    @property
    def gone(self) -> tuple[Gone, ...]:
        """What the cases may wait on and the new version does not have."""
        return self.ground.gone if self.ground else ()


@blueprint.get("/definitions/<key>/migrations")
def show(key: str) -> ResponseReturnValue:
    """Offer the versions; once they are chosen, tell for each case whether it can be moved."""
    skip = max(request.args.get("skip", 0, int), 0)
    old, new = _chosen(request.args.get("from")), _chosen(request.args.get("to"))
    return _page(key, old, new, skip=skip)


@blueprint.post("/definitions/<key>/migrations")
def move(key: str) -> ResponseReturnValue:
    """Move the chosen ones of the cases that were looked at, and tell what became of each."""
    old, new = _chosen(request.form.get("from")), _chosen(request.form.get("to"))
    skip = max(request.form.get("skip", 0, int), 0)
    note = request.form.get("note", "").strip()
    cases = _cases()
    choice = _choice(key, old, new)
    if old is None or new is None:
        raise Malformed
    problems = _missing(cases, note, "")
    if problems:
        return _page(key, old, new, skip=skip, problems=problems, note=note, picked=cases)
    try:
        found = commands.migrate(
            begin, key, old=old, new=new, cases=cases, mapping=choice.mapping, waived=choice.waived, note=note
        )
    except Invalid:
        return _page(key, old, new, skip=skip, note=note, picked=cases)
    after = _choice(key, old, new)
    stayed = set(choice.cases[: skip + BATCH]).intersection(after.cases)  # those that come next follow them
    return _rendered(key, after, found=found, done="moved", skip=len(stayed))


@blueprint.post("/definitions/<key>/migrations/back")
def move_back(key: str) -> ResponseReturnValue:
    """Move the chosen cases back to where they were moved from, and tell what became of each."""
    note, cases = request.form.get("note", "").strip(), _cases()
    problems = _missing(cases, note, "back-")
    if problems:
        choice = _choice(key, None, None)
        return _rendered(key, choice, problems=problems, note_back=note, picked=cases), 422
    found = commands.move_back(begin, key, cases=cases, note=note)
    return _rendered(key, _choice(key, None, None), found=found, done="back")


def _missing(cases: Sequence[UUID], note: str, prefix: str) -> list[tuple[str, str]]:
    """What a form lacks, at its fields."""
    problems = [] if cases else [(f"{prefix}cases", t("migration.cases_missing"))]
    if not 0 < len(note) <= LONGEST:
        problems.append((f"{prefix}note", t("migration.note_missing")))
    return problems


def _page(
    key: str,
    old: int | None,
    new: int | None,
    *,
    skip: int = 0,
    problems: Sequence[tuple[str, str]] = (),
    note: str = "",
    picked: Sequence[UUID] | None = None,
) -> ResponseReturnValue:
    choice = _choice(key, old, new)
    if old is None or new is None:
        return _rendered(key, choice)
    if old == new and not choice.cases:
        return _rendered(key, choice, problems=[("to", t("migration.same"))]), 422
    shown = choice.cases[skip : skip + BATCH]
    try:
        found = commands.migrate(
            begin,
            key,
            old=old,
            new=new,
            cases=shown,
            mapping=choice.mapping,
            waived=choice.waived,
            dry_run=True,
        )
    except Invalid as error:
        return _rendered(key, choice, problems=_told(error.problems)), 422
    page = _rendered(key, choice, found=found, skip=skip, problems=problems, note=note, picked=picked)
    return page, 422 if problems else 200


def _rendered(
    key: str,
    choice: Choice,
    *,
    found: Sequence[Moved] | None = None,
    done: str = "",
    skip: int = 0,
    problems: Sequence[tuple[str, str]] = (),
    note: str = "",
    note_back: str = "",
    picked: Sequence[UUID] | None = None,
) -> str:
    movable = [each.case_id for each in found or () if each.moved]
    return render_template(
        "definitions/migrations.html",
        key=key,
        choice=choice,
        maps=_maps(key, choice, found) if found is not None and not done else (),
        rows=None if found is None else [(each, _verdict(each, choice)) for each in found],
        movable=movable,
        picked=movable if picked is None else picked,
        done=done,
        skip=skip,
        further=None if done == "back" else _further(choice, skip if done else skip + BATCH),
        field=FIELD,
        waive=WAIVED,
        asked=_asked(choice),
        problems=list(problems),
        note=note,
        note_back=note_back,
    )


def _maps(key: str, choice: Choice, found: Sequence[Moved]) -> tuple[Map, ...]:
    if choice.ground is None:
        return ()
    waived = [Signature(*each.split("/")) for each in choice.waived]
    return migration_map.maps(choice.ground, key, _by_process(choice.mapping), found, waived)


def _further(choice: Choice, skip: int) -> str | None:
    """The query that shows the cases from here on, with the same choices; none when there are no more."""
    if skip >= len(choice.cases):
        return None
    mapping = {FIELD + name: id for name, id in _asked(choice).items()}
    chosen = {"from": choice.old, "to": choice.new, **mapping, WAIVED: choice.waived, "skip": skip}
    return urlencode(chosen, doseq=True)


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
        ground = migrations.ground(work, key, old, new) if old and new else None
        gone = ground.gone if ground else ()
        mapping = _mapping(gone)
        unsigned = _unsigned(key, ground, mapping)
        before = definitions.one(work, key, old).process.elements.values() if old else ()
        return Choice(
            title=say(process.title),
            sources=tuple(row for row in rows if row.version in running or row.version == old),
            targets=targets,
            running=running,
            old=old if (ground and ground.cases) or said else None,
            new=new,
            names={each.id: say(each.name) for each in (*before, *(one.element for one in gone))},
            ground=ground,
            mapping=mapping,
            unsigned=unsigned,
            waived=tuple(name for name, _ in unsigned if name in request.values.getlist(WAIVED)),
            moved=migrations.moved(work, key),
        )


def _unsigned(key: str, ground: Ground | None, mapping: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The steps that lose their second person with this mapping, if there are cases to move at all."""
    if ground is None or not ground.cases:
        return ()
    return migration_map.lost_signatures(ground, key, _by_process(mapping))


def _by_process(mapping: Mapping[str, str]) -> Names:
    names: dict[str, dict[str, str]] = {}
    for told, other in mapping.items():
        process, _, element = told.partition("/")
        names.setdefault(process, {})[element] = other
    return names


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


def _verdict(moved: Moved, choice: Choice) -> str:
    """Say what becomes of a case: where it goes on, or what keeps it, with the steps by their names."""
    if moved.problem is not None:
        return t("migration.busy")
    if moved.moved and choice.ground is not None and moved.stands:
        new = choice.ground.new
        stands = [
            trail.at_element(new, each.process, each.element, each.right) or each.element
            for each in moved.stands
        ]
        return t("migration.goes_on", steps=", ".join(dict.fromkeys(stands)))
    told = []
    for each in moved.obstacles:
        name = choice.names.get(each.element or "") or each.element
        told.append(f"{name}: {say(each.message)}" if name else say(each.message))
    return " ".join(told)


def _chosen(given: str | None) -> int | None:
    """A version by its number; nothing when none was chosen, 0 for what is no number."""
    if not given:
        return None
    return int(given) if given.isascii() and given.isdigit() and len(given) < TOO_LONG else 0


def _cases() -> list[UUID]:
    """The cases that the reader has chosen."""
    try:
        found = [UUID(each) for each in request.form.getlist("case")]
    except ValueError as error:
        raise Malformed from error
    if len(found) > migrations.MOST:
        raise Malformed
    return found
