"""A backup's file: what was copied, a manifest with the hash of each piece, the service's signature on it.

It is written under another name, reaches the disk, is opened again and found whole, and only then gets its
name. No key is in it.
"""

import hashlib
import json
import os
import secrets
import zipfile
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from service import disk
from service.errors import Conflict, Invalid
from service.models.copies import CHUNK, Part
from service.vault import has_signed

FORMAT = "andrum-backup-1"
ENDING = ".backup"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
FAST = 1  # most of it is sealed and cannot be pressed
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, TypeError)


@dataclass(frozen=True)
class Manifest:
    """What a backup holds, told in the file itself."""

    kind: str  # sqlite, postgresql
    revision: str  # of the tables
    at: datetime
    trail: str  # name of the trail in checkpoints
    cases: int
    events: int
    last_event_at: datetime | None
    checkpoint: str | None  # the newest signed one
    checkpoint_size: int  # events that it covers
    keys: Mapping[str, str]  # fingerprints of the keys that open and check what is in it
    public_key: str  # that its signature is by
    parts: Mapping[str, Mapping[str, Any]]  # by name: sha256, size, columns

    def told(self) -> bytes:
        """As it stands in the file."""
        plain = {name: _plain(value) for name, value in vars(self).items()}
        return json.dumps({"format": FORMAT, **plain}, indent=1, sort_keys=True).encode()


@dataclass(frozen=True)
class Written:
    """A backup that lies on the disk and was found whole."""

    path: Path
    size: int
    digest: str


def write(
    path: Path,
    parts: Iterable[Part],
    *,
    manifest: Callable[[Mapping[str, Mapping[str, Any]]], Manifest],
    sign: Callable[[bytes], bytes],
    tell: Callable[[int], None],
) -> Written:
    """Write a backup; `manifest` is asked when all pieces are known, `tell` hears of each chunk's bytes.

    Raises `Conflict` when there is such a file.
    """
    if path.exists():
        raise Conflict(f"{path} is there already; nothing was written.")
    unfinished = path.with_suffix(f".{secrets.token_hex(8)}")
    try:
        with (
            _created(unfinished) as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=FAST) as archive,
        ):
            known = {each.name: _put(archive, each, tell) for each in parts}
            told = manifest(known).told()
            archive.writestr(MANIFEST, told)
            archive.writestr(SIGNATURE, b64encode(sign(told)))
        disk.reaches(unfinished)
        check(unfinished)
        written = Written(path, unfinished.stat().st_size, _digest(unfinished))
        unfinished.rename(path)
        disk.reaches(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)
    return written


def check(path: Path) -> Manifest:
    """Open a backup and recompute every hash in it; raises `Invalid` naming the piece that is not whole."""
    manifest = read(path)
    with _opened(path) as archive:
        known = {*manifest.parts, MANIFEST, SIGNATURE}
        if sorted(archive.namelist()) != sorted(known):
            raise Invalid(f"{path} does not hold the pieces that its manifest lists.")
        for name, told in manifest.parts.items():
            digest, size = hashlib.sha256(), 0
            for chunk in _chunks(archive, name):
                digest.update(chunk)
                size += len(chunk)
            if (digest.hexdigest(), size) != (told["sha256"], told["size"]):
                raise Invalid(f"{path}: {name} is not what was backed up.")
    return manifest


def read(path: Path) -> Manifest:
    """Read what a backup says of itself; raises `Invalid` when it is none, is cut off, or is not signed."""
    with _opened(path) as archive:
        told, signature = archive.read(MANIFEST), b64decode(archive.read(SIGNATURE))
        read = json.loads(told)
        if read.pop("format", None) != FORMAT:
            raise Invalid(f"{path} is not a backup that this Andrum can read.")
        for name in ("at", "last_event_at"):
            read[name] = datetime.fromisoformat(read[name]) if read[name] else None
        if not has_signed(b64decode(read["public_key"]), told, signature):
            raise Invalid(f"{path}: the manifest has been changed since the backup was made.")
        return Manifest(**read)


def content(path: Path, name: str) -> Iterator[bytes]:
    """One piece of a backup."""
    with _opened(path) as archive:
        yield from _chunks(archive, name)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.") from error
    except BROKEN as error:
        raise Invalid(f"{path} is no backup, or is damaged or cut off.") from error


def _put(archive: zipfile.ZipFile, part: Part, tell: Callable[[int], None]) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    with archive.open(part.name, "w", force_zip64=True) as file:
        for chunk in part.content:
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            tell(len(chunk))
    return {"sha256": digest.hexdigest(), "size": size, "columns": list(part.columns)}


def _chunks(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    with archive.open(name) as file:
        while chunk := file.read(CHUNK):
            yield chunk


@contextmanager
def _created(path: Path) -> Iterator[IO[bytes]]:
    """A new file that only its owner may read: names of cases and people stand in it."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
        yield file


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
