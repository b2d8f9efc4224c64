"""Checkpoints: number the events that are new since the last one, sign the tree over all, keep it outside.

Events get their places in the tree in batches, when a checkpoint is taken, not in the transaction that
writes them: a counter for all cases would make all cases wait for each other. So the order of the tree is the
order of (moment, case, sequence) inside a batch, and batches follow one another; it says which events there
were at a checkpoint, not which of two events in one batch came first. What is not covered yet is guarded by
the case's chain and by the events' stamps, not by a signature.
"""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa

from service import disk, verifier
from service.engine.text import Text
from service.errors import Conflict, NotFound
from service.merkle import Frontier, Kept
from service.models.cases import Case
from service.models.checkpoints import Checkpoint, TrailLeaf, TrailNode
from service.models.history import HistoryEvent
from service.rules.permissions import Permission, require
from service.work import Platform, UnitOfWork

LOCK = 8_017_263_403  # any number that nobody else uses on this database
ENDING = ".txt"
KEY = "public-key.txt"
BEHIND = Text(
    "Databasens senaste kontrollpunkt är inte den som ligger utanför den. Ingen ny gjordes.",
    "The newest checkpoint in the database is not the one that is kept outside. No new one was made.",
)


@dataclass(frozen=True)
class Signed:
    """A checkpoint: what it covers, and the signed text."""

    size: int
    note: str


def take(work: UnitOfWork) -> Signed:
    """Sign a checkpoint over all that has happened; the last one again when nothing has happened since.

    Raises `Conflict` when the database has lost what was signed before: then nothing is signed on top of it.
    """
    require(work.actor, Permission.TRAIL_CHECK)
    return _take(work)


def cover(work: UnitOfWork, case_id: UUID) -> Signed:
    """Let the newest checkpoint cover all events of a case, for someone who may read them.

    Raises `NotFound`, and `Conflict` as `take` does.
    """
    case = work.session.get(Case, case_id)
    if case is None:
        raise NotFound
    require(work.actor, Permission.HISTORY_READ, work.facts(case))
    covered = work.session.scalar(
        sa.select(sa.func.max(TrailLeaf.sequence)).where(TrailLeaf.case_id == case.id)
    )
    newest = _newest(work)
    if newest is not None and (covered or 0) >= case.sequence:
        return Signed(newest.size, newest.note)
    return _take(work)


def publish(platform: Platform, signed: Signed) -> Path:
    """Write a checkpoint to the folder outside the database, once it is committed; gives the file."""
    folder = platform.settings.checkpoints
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{signed.size:012}{ENDING}"
    public = verifier.key_text(platform.settings.trail, platform.vault.public_key)
    for name, text in ((path, signed.note), (folder / KEY, f"{public}\n")):
        if not name.exists() or name.read_text(encoding="utf-8") != text:
            disk.write(name, text.encode())
    return path


def set_aside(platform: Platform, *, newer_than: int) -> int:
    """Move checkpoints outside that a restored database does not reach into a folder; gives the largest size.

    They stay as proof of what was there: the trail goes on from the backup, and that it forks must show.
    """
    folder = platform.settings.checkpoints
    newer = [path for path in sorted(folder.glob(f"[0-9]*{ENDING}")) if int(path.stem) > newer_than]
    for path in newer:
        aside = folder / f"lost-after-{newer_than}"
        aside.mkdir(exist_ok=True)
        path.rename(aside / path.name)
    return int(newer[-1].stem) if newer else 0


def _take(work: UnitOfWork) -> Signed:
    if work.session.get_bind().dialect.name == "postgresql":
        work.session.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    last = _newest(work)
    size = last.size if last is not None else 0
    _require_all_kept(work, last)
    if _number(work, size) == 0 and last is not None:
        return Signed(last.size, last.note)
    frontier = _frontier(last)
    kept: Kept = []
    new = sa.select(TrailLeaf.seal).where(TrailLeaf.number >= size).order_by(TrailLeaf.number)
    frontier.extend(map(bytes.fromhex, work.session.scalars(new)), kept)
    work.session.add_all(TrailNode(level=level, index=index, hash=hash.hex()) for level, index, hash in kept)
    return _sign(work, frontier)


def _newest(work: UnitOfWork) -> Checkpoint | None:
    return work.session.scalar(sa.select(Checkpoint).order_by(Checkpoint.size.desc()).limit(1))


def _require_all_kept(work: UnitOfWork, last: Checkpoint | None) -> None:
    """Refuse to sign over a gap: what was written outside must be in the database still."""
    outside = sorted(work.platform.settings.checkpoints.glob(f"[0-9]*{ENDING}"))
    if not outside:
        return
    if last is None or int(outside[-1].stem) > last.size:
        raise Conflict(BEHIND.in_(work.actor.language))
    same = work.platform.settings.checkpoints / f"{last.size:012}{ENDING}"
    if same.exists() and same.read_text(encoding="utf-8") != last.note:
        raise Conflict(BEHIND.in_(work.actor.language))


def _number(work: UnitOfWork, size: int) -> int:
    """Give each event without a place the next one, in one statement; gives how many there were."""
    numbered = (
        sa.select(sa.func.coalesce(sa.func.max(TrailLeaf.sequence), 0))
        .where(TrailLeaf.case_id == Case.id)
        .scalar_subquery()
    )
    behind = sa.select(Case.id, numbered.label("numbered")).where(Case.sequence > numbered).subquery("behind")
    order = (HistoryEvent.at, HistoryEvent.case_id, HistoryEvent.sequence)
    number = sa.func.row_number().over(order_by=order) + sa.literal(size - 1)
    new = sa.select(number, HistoryEvent.case_id, HistoryEvent.sequence, HistoryEvent.seal).join(
        behind,
        sa.and_(HistoryEvent.case_id == behind.c.id, HistoryEvent.sequence > behind.c.numbered),
    )
    columns = ["number", "case_id", "sequence", "seal"]
    work.session.execute(sa.insert(TrailLeaf).from_select(columns, new))
    last = work.session.scalar(sa.select(sa.func.max(TrailLeaf.number)))
    return 0 if last is None else last + 1 - size


def _frontier(last: Checkpoint | None) -> Frontier:
    """Go on from the last checkpoint; raises `Conflict` when what is kept of it is not what it signed."""
    if last is None:
        return Frontier()
    frontier = Frontier(last.size, [bytes.fromhex(each) for each in last.peaks.split()])
    if frontier.root() != verifier.read_note(last.note).root:
        raise Conflict(BEHIND.en)
    return frontier


def _sign(work: UnitOfWork, frontier: Frontier) -> Signed:
    name, root = work.platform.settings.trail, frontier.root()
    text = verifier.checkpoint_text(name, frontier.size, root)
    note = verifier.signed(text, name, work.vault.public_key, work.vault.sign(text))
    work.session.add(
        Checkpoint(
            size=frontier.size,
            at=work.now,
            actor=work.actor.username,
            root=root.hex(),
            peaks="\n".join(each.hex() for each in frontier.peaks),
            note=note,
        )
    )
    return Signed(frontier.size, note)
