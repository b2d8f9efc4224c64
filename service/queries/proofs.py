"""Proofs out of the stored tree: where an event stands in it, that a checkpoint extends an earlier one."""

from dataclasses import dataclass, field

import sqlalchemy as sa

from service import merkle
from service.merkle import TILE
from service.models.checkpoints import TrailLeaf, TrailNode
from service.work import UnitOfWork


@dataclass
class Tree:
    """The tree of the first `size` leaves, read by tiles of 256 hashes as proofs ask for them."""

    work: UnitOfWork
    size: int
    _tiles: dict[tuple[int, int], list[bytes]] = field(default_factory=dict)
    _known: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def inclusion(self, number: int) -> list[bytes]:
        """Prove that a leaf is in the tree."""
        return merkle.inclusion(self._hash, number, self.size)

    def consistency(self, first: int) -> list[bytes]:
        """Prove that the tree of the first `first` leaves is the beginning of this one."""
        return merkle.consistency(self._hash, first, self.size)

    def _hash(self, level: int, index: int) -> bytes:
        if level % TILE == 0:
            return self._tile(level, index >> TILE)[index % (1 << TILE)]
        if (level, index) not in self._known:
            left, right = self._hash(level - 1, 2 * index), self._hash(level - 1, 2 * index + 1)
            self._known[level, index] = merkle.node(left, right)
        return self._known[level, index]

    def _tile(self, level: int, tile: int) -> list[bytes]:
        """The hashes of one tile; with one that is missing, no proof over it holds."""
        if (level, tile) not in self._tiles:
            start, end = tile << TILE, (tile + 1) << TILE
            rows: sa.Select[int, str] = (
                sa.select(TrailLeaf.number, TrailLeaf.seal).where(
                    TrailLeaf.number >= start, TrailLeaf.number < end
                )
                if level == 0
                else sa.select(TrailNode.index, TrailNode.hash).where(
                    TrailNode.level == level, TrailNode.index >= start, TrailNode.index < end
                )
            )
            hashes = [merkle.EMPTY] * (end - start)
            for each, hash in self.work.session.execute(rows):
                hashes[each - start] = bytes.fromhex(hash)
            self._tiles[level, tile] = hashes
        return self._tiles[level, tile]
