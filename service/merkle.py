"""The Merkle tree of RFC 9162 (2.1) over leaf hashes: how it grows, and proofs out of it. Knows hashes only.

A tree is asked for by complete subtrees: `lookup(level, index)` is the hash of the `2**level` leaves that
begin at leaf `index * 2**level`. Proofs are verified by `service.verifier`, which shares nothing with this.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

EMPTY = hashlib.sha256(b"").digest()
TILE = 8  # levels between the subtrees that are kept: one hash for 256 below it
Lookup = Callable[[int, int], bytes]
Kept = list[tuple[int, int, bytes]]  # level, index, hash


def node(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into the one above them."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass
class Frontier:
    """The right edge of a growing tree: the complete subtrees that it falls into, the largest first."""

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def extend(self, leaves: Iterable[bytes], kept: Kept) -> None:
        """Take more leaves in; the subtrees worth keeping that they complete go into `kept`."""
        peaks, sha256, last = self.peaks, hashlib.sha256, (1 << TILE) - 1
        for leaf in leaves:
            index, made = self.size, leaf
            self.size += 1
            if index & last == last:
                self._complete(leaf, index, kept)
                continue
            while index & 1:
                made = sha256(b"\x01" + peaks.pop() + made).digest()
                index >>= 1
            peaks.append(made)

    def _complete(self, leaf: bytes, index: int, kept: Kept) -> None:
        """Take in the last leaf of a tile."""
        level = 0
        while index & 1:
            leaf = node(self.peaks.pop(), leaf)
            level, index = level + 1, index >> 1
            if level % TILE == 0:
                kept.append((level, index, leaf))
        self.peaks.append(leaf)

    def root(self) -> bytes:
        """The hash of the whole tree."""
        if not self.peaks:
            return EMPTY
        *others, root = self.peaks
        for peak in reversed(others):
            root = node(peak, root)
        return root


def inclusion(lookup: Lookup, index: int, size: int) -> list[bytes]:
    """Prove that leaf `index` is in the tree of the first `size` leaves (RFC 9162, 2.1.3.1)."""
    return _path(lookup, index, 0, size)


def consistency(lookup: Lookup, first: int, second: int) -> list[bytes]:
    """Prove that the tree of `first` leaves is the beginning of that of `second` (RFC 9162, 2.1.4.1)."""
    if first in {0, second}:
        return []
    return _extension(lookup, first, 0, second, known=True)


def _path(lookup: Lookup, index: int, start: int, end: int) -> list[bytes]:
    if end - start <= 1:
        return []
    middle = start + _split(end - start)
    if index < middle:
        return [*_path(lookup, index, start, middle), _hash(lookup, middle, end)]
    return [*_path(lookup, index, middle, end), _hash(lookup, start, middle)]


def _extension(lookup: Lookup, first: int, start: int, end: int, *, known: bool) -> list[bytes]:
    if first == end:
        return [] if known else [_hash(lookup, start, end)]
    middle = start + _split(end - start)
    if first <= middle:
        return [*_extension(lookup, first, start, middle, known=known), _hash(lookup, middle, end)]
    return [*_extension(lookup, first, middle, end, known=False), _hash(lookup, start, middle)]


def _hash(lookup: Lookup, start: int, end: int) -> bytes:
    """The hash of these leaves, which begin where a subtree of their size may."""
    size = end - start
    if size & (size - 1) == 0:
        return lookup(size.bit_length() - 1, start // size)
    middle = start + _split(size)
    return node(_hash(lookup, start, middle), _hash(lookup, middle, end))


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)
