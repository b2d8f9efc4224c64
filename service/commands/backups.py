"""Backups: take one while the service runs, and put one into an empty place, where everything holds still."""

import os
import shutil
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from service import disk
from service.commands import archives, checkpoints, keys
from service.commands.archives import ENDING, Manifest, Written
from service.config import Settings
from service.errors import Conflict, Invalid, Unavailable
from service.models import copies, schema
from service.models.backups import Backup, Restoration
from service.models.cases import Case
from service.models.checkpoints import Checkpoint
from service.models.history import HistoryEvent
from service.rules.permissions import SYSTEM, Permission, require
from service.vault import Vault
from service.work import Platform, UnitOfWork, open_platform

PREFIX = "andrum-"
NAMED = f"{PREFIX}[0-9]*T[0-9]*Z{ENDING}"
ALWAYS = ("index", "stamp", "signing")  # the keys that any history needs


@dataclass(frozen=True)
class Gap:
    """What a restored database does not have."""

    backup_at: datetime
    last_event_at: datetime | None
    lost: int  # events that checkpoints kept outside know of


def take(platform: Platform, folder: Path, *, tell: Callable[[int], None] = lambda _: None) -> Written:
    """Write a backup of this moment to a folder; others go on working. It is told of once it is found whole.

    Raises `Invalid` when what was written is not whole.
    """
    with platform.begin(SYSTEM) as work:
        now = work.now
    folder.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder))
    try:
        with copies.copied(platform.engine, scratch) as copy:
            written = archives.write(
                folder / f"{PREFIX}{now:%Y%m%dT%H%M%SZ}{ENDING}",
                copy.parts,
                manifest=lambda parts: _manifest(platform, copy.connection, now, parts),
                sign=platform.vault.sign,
                tell=tell,
            )
    finally:
        shutil.rmtree(scratch)
    with platform.begin(SYSTEM) as work:
        work.session.add(Backup(at=now, file=written.path.name, size=written.size, digest=written.digest))
    return written


def size(work: UnitOfWork) -> int:
    """How many bytes are to be copied, about."""
    require(work.actor, Permission.BACKUP_TAKE)
    return copies.size(work.session.connection())


def forget(platform: Platform, folder: Path, *, keep: int) -> tuple[Path, ...]:
    """Remove all but the newest backups of this service in a folder; what else lies there is left alone."""
    old = tuple([path for path in sorted(folder.glob(NAMED)) if _is_ours(platform, path)][:-keep])
    for path in old:
        path.unlink()
    return old


def examine(settings: Settings, path: Path) -> Manifest:
    """Look whether a backup can be restored here, touching nothing.

    Raises `Invalid` for a file that is not whole or not of this kind of database, `Unavailable` when a key is
    not in the key file, `Conflict` when there is something already.
    """
    manifest = archives.check(path)
    kind = "postgresql" if settings.url.startswith("postgresql") else "sqlite"
    if manifest.kind != kind:
        raise Invalid(f"{path} is a backup of {manifest.kind}; the settings name a database of {kind}.")
    if not schema.is_known(manifest.revision):
        raise Invalid(f"{path} was made by a newer Andrum (tables {manifest.revision}); install that one.")
    _require_keys(settings, manifest)
    _require_empty(settings)
    return manifest


def beside(settings: Settings) -> Settings:
    """Where a backup is unpacked and verified before it counts: on SQLite a file beside the real one."""
    place = _file(settings)
    return settings if place is None else replace(settings, database_url=f"sqlite:///{place}.unfinished")


def unpack(path: Path, manifest: Manifest, settings: Settings) -> Platform:
    """Put a backup where `settings` says, everything held; gives a platform on it. Fills it or leaves it."""
    place = _file(settings)
    if place is not None:
        _write(place, path)
    platform = open_platform(settings)
    try:
        with platform.begin(SYSTEM) as work:
            _fill(work, path, manifest)
    except BaseException:
        platform.engine.dispose()
        if place is not None:
            _remove(place)
        raise
    return platform


def withdraw(platform: Platform) -> None:
    """Take what `unpack` put there away again: it did not hold what was recorded."""
    place = _file(platform.settings)
    if place is None:
        with platform.begin(SYSTEM) as work:
            copies.clear(work.session.connection())
    platform.engine.dispose()
    if place is not None:
        _remove(place)


def settle(platform: Platform, manifest: Manifest, settings: Settings) -> Gap:
    """Let what was unpacked and verified be the database; tells what it does not have.

    Checkpoints outside that are newer than it are set aside: the trail goes on from where the backup ends.
    """
    lost = checkpoints.set_aside(platform, newer_than=manifest.checkpoint_size)
    copies.scrub(platform.engine)
    platform.engine.dispose()
    place, unfinished = _file(settings), _file(platform.settings)
    if place is not None and unfinished is not None:
        _into_place(unfinished, place)
    return Gap(manifest.at, manifest.last_event_at, max(0, lost - manifest.checkpoint_size))


def scrub(platform: Platform) -> None:
    """Let nothing of what was deleted lie about in the database's own files, as far as they let us.

    SQLite overwrites what is deleted, and its log of changes is emptied here. PostgreSQL is asked to clear
    away old versions of rows; its own log keeps them until it is recycled.
    """
    copies.scrub(platform.engine)


def release(work: UnitOfWork) -> datetime:
    """Let timers go off and letters leave again; gives the moment that the backup was from."""
    require(work.actor, Permission.BACKUP_RELEASE)
    found = work.session.scalar(
        sa.select(Restoration)
        .where(Restoration.released_at.is_(None))
        .order_by(Restoration.at.desc())
        .with_for_update()
    )
    if found is None:
        raise Conflict("Nothing is held: no backup has been restored, or it has been released.")
    found.released_at, found.released_by = work.now, work.actor.username
    work.looked("restore.released", subject=f"{found.backup_at:%Y-%m-%dT%H:%M:%SZ}")
    return found.backup_at


def _fill(work: UnitOfWork, path: Path, manifest: Manifest) -> None:
    """Bring the tables and what is in them to the newest revision, held from the first moment."""
    require(work.actor, Permission.BACKUP_RESTORE)
    connection = work.session.connection()
    copies.take_time(connection)
    if connection.dialect.name == "postgresql":
        schema.raise_to(connection, manifest.revision)
        for name, told in manifest.parts.items():
            copies.fill(connection, name, told["columns"], archives.content(path, name))
    schema.raise_to(connection, "head")
    work.session.add(Restoration(at=work.now, backup_at=manifest.at, last_event_at=manifest.last_event_at))


def _manifest(
    platform: Platform, connection: sa.Connection, now: datetime, parts: Mapping[str, Mapping[str, Any]]
) -> Manifest:
    """What was copied, asked of the copy itself."""
    newest = connection.execute(
        sa.select(Checkpoint.size, Checkpoint.note).order_by(Checkpoint.size.desc()).limit(1)
    ).first()
    events, last = connection.execute(sa.select(sa.func.count(), sa.func.max(HistoryEvent.at))).one()
    used = {f"key {version}" for version in keys.in_use(connection)} | set(ALWAYS)
    prints = platform.vault.fingerprints()
    return Manifest(
        kind=platform.engine.dialect.name,
        revision=schema.revision_of(connection) or "",
        at=now,
        trail=platform.settings.trail,
        cases=connection.scalar(sa.select(sa.func.count()).select_from(Case)) or 0,
        events=events,
        last_event_at=last,
        checkpoint=newest.note if newest else None,
        checkpoint_size=newest.size if newest else 0,
        keys={name: prints.get(name, "") for name in sorted(used)},
        public_key=b64encode(platform.vault.public_key).decode(),
        parts=parts,
    )


def _require_keys(settings: Settings, manifest: Manifest) -> None:
    """Refuse when a key is missing or another one: nothing could be read, or nothing be verified."""
    if not settings.key_file.exists():
        raise Unavailable(f"There is no key file: put the backup of it at {settings.key_file} first.")
    vault = Vault.at(settings.key_file)
    here = vault.fingerprints()
    wrong = [name for name, code in manifest.keys.items() if here.get(name) != code]
    if wrong:
        told = ", ".join(f"{name} ({manifest.keys[name]})" for name in wrong)
        raise Unavailable(
            f"{settings.key_file} is not the key file of this backup. Missing in it: {told}. "
            "Put back the copy of the key file from when the backup was made."
        )
    if b64decode(manifest.public_key) != vault.public_key:
        raise Invalid("The backup is not signed by this service: somebody else has written it.")


def _is_ours(platform: Platform, path: Path) -> bool:
    try:
        return b64decode(archives.read(path).public_key) == platform.vault.public_key
    except Invalid:
        return False


def _require_empty(settings: Settings) -> None:
    place = _file(settings)
    if place is not None and not place.exists():
        left = [path.name for path in place.parent.glob(f"{place.name}-*")]
        if left:  # SQLite would take them for a part of what is restored
            raise Conflict(f"There are pieces of a database in {place.parent}: move {', '.join(left)} away.")
        return
    platform = open_platform(settings)
    try:
        with platform.begin(SYSTEM) as work:
            if not copies.is_empty(work.session.connection()):
                raise Conflict(
                    "There are tables in the database; a backup is only restored where there are none."
                )
    finally:
        platform.engine.dispose()


def _file(settings: Settings) -> Path | None:
    """The database's file; None for a PostgreSQL."""
    made = sa.make_url(settings.url)
    return Path(str(made.database)) if made.get_backend_name() == "sqlite" else None


def _write(place: Path, archive: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    _remove(place)
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for chunk in archives.content(archive, copies.FILE):
            file.write(chunk)
    if not copies.is_sound(place):
        _remove(place)
        raise Invalid(f"{archive}: SQLite finds its file damaged.")


def _into_place(unfinished: Path, place: Path) -> None:
    """Give the file its name, once all of it is on the disk; its WAL went into it when it was closed."""
    disk.reaches(unfinished)
    _remove(place)  # there is none, or one without a table
    unfinished.rename(place)
    disk.reaches(place.parent)


def _remove(place: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        Path(f"{place}{ending}").unlink(missing_ok=True)
