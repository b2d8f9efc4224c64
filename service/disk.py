"""Files that are there whole or not at all, before or after, whatever happens while they are written."""

import os
import secrets
from pathlib import Path

PUBLIC, OWNERS = 0o644, 0o600  # who may read: all, only the owner


def write(path: Path, content: bytes, *, mode: int = PUBLIC) -> None:
    """Write a file, or put another in its place; it outlasts a power cut when this is done."""
    beside(path, content, mode=mode).replace(path)
    reaches(path.parent)


def beside(path: Path, content: bytes, *, mode: int = PUBLIC) -> Path:
    """Write a file under a name of its own beside the real one, to be put in its place."""
    unfinished = path.with_suffix(f".{secrets.token_hex(8)}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    reaches(unfinished)
    return unfinished


def reaches(path: Path) -> None:
    """Wait until a file, or the names in a folder, would outlast a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
