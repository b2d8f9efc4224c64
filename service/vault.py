"""Keys and what they protect: envelopes, a key per case, blind index, commitments, signatures. Bytes only.

A key file outside the database holds the key that wraps the case keys. A case's key encrypts all that is
personal in it, each value bound to its place (table, column and row) as AES-GCM's associated data, so that it
cannot be moved. Destroying a case's wrapped key destroys what it protected; commitments stay as they are.

That wrapping key can be changed: a new one is added, what the old one sealed is sealed anew, the old one
goes. A running service notices, since it looks at the file again before each use.

The same file holds what makes the trail ours: the key of the stamps on single events, and the Ed25519 key
that signs checkpoints, so that whoever has the database alone can write neither.
"""

import fcntl
import hashlib
import hmac
import json
import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from service import disk
from service.errors import Conflict, Unavailable

NONCE = 12  # bytes, NIST SP 800-38D section 8.2
SALT = 32
SECRET = 32
TRAIL = frozenset({"stamp", "signing"})  # what key files from before the checkpoints do not have
KEY_BITS = 256
LAST_VERSION = 255  # it stands in one byte
PRINT = 8  # bytes of a key's fingerprint


@dataclass(frozen=True)
class CaseKey:
    """The key of one case. `place` is where the value stands: `table.column:row`."""

    secret: bytes

    def seal(self, plain: bytes, place: str) -> bytes:
        """Encrypt a value for its place."""
        nonce = secrets.token_bytes(NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Give back what `seal` took; raises `Unavailable` when value, key or place are wrong."""
        try:
            return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], place.encode())
        except (InvalidTag, ValueError) as error:
            raise Unavailable(f"What is stored at {place} cannot be read with this key.") from error

    @cached_property
    def _cipher(self) -> AESGCM:
        return AESGCM(self.secret)

    def seal_json(self, value: Any, place: str) -> bytes:
        """Encrypt a JSON value for its place."""
        return self.seal(json.dumps(value, ensure_ascii=False).encode(), place)

    def open_json(self, sealed: bytes, place: str) -> Any:
        """Give back what `seal_json` took."""
        return json.loads(self.open(sealed, place))


class Vault:
    """The service's own keys: made at first start, kept in a file outside the database."""

    def __init__(
        self,
        keys: Mapping[int, bytes],
        index_key: bytes,
        trail: "Trail | None" = None,
        *,
        path: Path | None = None,
    ) -> None:
        self._path = path
        self._known: tuple[tuple[int, int, int] | None, dict[int, bytes]] = (None, dict(keys))
        self._index_key = index_key
        self._trail = trail or Trail(secrets.token_bytes(SECRET), secrets.token_bytes(SECRET))

    @classmethod
    def at(cls, path: Path) -> "Vault":
        """Open the key file, or make it when there is none yet; only its owner may read it.

        Raises `Unavailable` when the file is there but is not a key file.
        """
        if not path.exists():
            _make(path)
        try:
            read = _read(path)
            keys, index = _wrapping(read), _secret(read["index"])
            if not read.keys() >= TRAIL:
                read = _completed(path)
            return cls(keys, index, Trail(_secret(read["stamp"]), _secret(read["signing"])), path=path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Unavailable(f"{path} is not a key file; put back the backup of it.") from error

    def new_case_key(self, case: str) -> tuple[CaseKey, bytes]:
        """Make a key for a case: the key, and its wrapped form to keep with the case."""
        key = AESGCM.generate_key(KEY_BITS)
        return CaseKey(key), self.seal(key, f"case.wrapped_key:{case}")

    def case_key(self, wrapped: bytes, case: str) -> CaseKey:
        """Unwrap the key of a case."""
        return CaseKey(self.open(wrapped, f"case.wrapped_key:{case}"))

    def seal(self, plain: bytes, place: str) -> bytes:
        """Encrypt with the service's newest key; its version stands in the first byte."""
        keys = self._keys
        newest = max(keys)
        return bytes([newest]) + CaseKey(keys[newest]).seal(plain, place)

    def open(self, sealed: bytes, place: str) -> bytes:
        """Decrypt what `seal` gave; raises `Unavailable` when the key is not here any more."""
        key = self._keys.get(sealed[0]) if sealed else None
        if key is None:
            raise Unavailable(f"The key that protects {place} is not in the key file.")
        return CaseKey(key).open(sealed[1:], place)

    def blind_index(self, kind: str, value: str) -> str:
        """Give a fixed code for a value, to find and count equal ones without storing the value."""
        return hmac.new(self._index_key, f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()

    def stamp(self, seal: str) -> str:
        """Mark the seal of an event as written by the service: keyed BLAKE2b (RFC 7693), 32 bytes."""
        return hashlib.blake2b(seal.encode(), key=self._trail.stamp, digest_size=SECRET).hexdigest()

    def sign(self, text: bytes) -> bytes:
        """Sign a checkpoint: Ed25519, 64 bytes."""
        return Ed25519PrivateKey.from_private_bytes(self._trail.signing).sign(text)

    @property
    def public_key(self) -> bytes:
        """The key by which others check what `sign` gave: 32 bytes."""
        return Ed25519PrivateKey.from_private_bytes(self._trail.signing).public_key().public_bytes_raw()

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions of the wrapping key that are here, the newest last; two while they are rotated."""
        return tuple(sorted(self._keys))

    def fingerprints(self) -> dict[str, str]:
        """A short code for each key, by which two key files can be compared; tells nothing of the key."""
        named = {f"key {version}": key for version, key in self._keys.items()}
        named |= {"index": self._index_key, "stamp": self._trail.stamp, "signing": self._trail.signing}
        return {
            name: hashlib.blake2b(key, digest_size=PRINT, person=b"fingerprint").hexdigest()
            for name, key in named.items()
        }

    @property
    def _keys(self) -> Mapping[int, bytes]:
        """The wrapping keys as they stand in the file now; those last known while it cannot be read."""
        state, keys = self._known
        now = _state(self._path)
        if self._path is not None and now is not None and now != state:
            try:
                keys = _wrapping(_read(self._path))
            except (OSError, ValueError, KeyError, TypeError):
                return keys
            self._known = (now, keys)
        return keys


def has_signed(public: bytes, text: bytes, signature: bytes) -> bool:
    """Tell whether the holder of this Ed25519 key signed the text."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


@dataclass(frozen=True)
class Trail:
    """The secrets of the trail: the key of the stamps, the seed of the Ed25519 key."""

    stamp: bytes
    signing: bytes


def commitment(salt: bytes, plain: bytes) -> str:
    """Commit to a value without revealing it: HMAC-SHA-256 under a random salt of 32 bytes."""
    return hmac.digest(salt, plain, "sha256").hex()


def new_salt() -> bytes:
    """Make the salt of one commitment."""
    return secrets.token_bytes(SALT)


def add_key(path: Path) -> int:
    """Put a new wrapping key into the key file, on the disk before anything is sealed with it; its version.

    Where a rotation has begun, its new key is the one. Raises `Conflict` after the last version there can be.
    """
    with _changing(path) as read:
        versions = sorted(map(int, read["keys"]))
        if len(versions) > 1:
            return versions[-1]
        if versions[-1] == LAST_VERSION:
            raise Conflict(f"The wrapping key has been changed {LAST_VERSION} times; there can be no more.")
        read["keys"][str(versions[-1] + 1)] = _new()
        return versions[-1] + 1


def remove_keys(path: Path, versions: Collection[int]) -> None:
    """Take wrapping keys out of the key file: what is sealed with them cannot be read any more."""
    with _changing(path) as read:
        read["keys"] = {each: key for each, key in read["keys"].items() if int(each) not in versions}


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    made = {"keys": {"1": _new()}, "index": _new(), "stamp": _new(), "signing": _new()}
    unfinished = disk.beside(path, _text(made), mode=disk.OWNERS)
    try:
        os.link(unfinished, path)  # the first of several processes wins; nobody overwrites a key
    except FileExistsError:
        pass
    finally:
        unfinished.unlink()


def _completed(path: Path) -> dict[str, Any]:
    """Add the trail's secrets to a key file from before there were any."""
    with _changing(path) as read:
        if not read.keys() >= TRAIL:
            read.update({name: _new() for name in sorted(TRAIL)} | read)
    return read


@contextmanager
def _changing(path: Path) -> Iterator[dict[str, Any]]:
    """Change the key file, one process at a time; it is there whole, before or after, whatever happens."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        read = _read(path)
        before = json.dumps(read)
        yield read
        if json.dumps(read) != before:
            disk.write(path, _text(read), mode=disk.OWNERS)
    finally:
        os.close(folder)


def _read(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text(encoding="ascii"))
    return read


def _text(keys: Mapping[str, Any]) -> bytes:
    return json.dumps(keys, indent=1).encode()


def _wrapping(read: Mapping[str, Any]) -> dict[int, bytes]:
    return {int(version): _secret(key) for version, key in read["keys"].items()}


def _secret(text: str) -> bytes:
    """Read one key; raises `ValueError` for one that is cut short or not in base64."""
    secret = b64decode(text, validate=True)
    if len(secret) != SECRET:
        raise ValueError
    return secret


def _state(path: Path | None) -> tuple[int, int, int] | None:
    """What tells that a file is not the one that was read; None when there is none."""
    try:
        found = path.stat() if path is not None else None
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size) if found is not None else None


def _new() -> str:
    return b64encode(secrets.token_bytes(SECRET)).decode()
