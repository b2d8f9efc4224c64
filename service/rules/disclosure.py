"""Which counts of people may be shown: small ones are hidden, and with them what would give them away."""

from collections.abc import Mapping

SMALLEST = 5  # a smaller count, unless it is none, could point at a person


def is_small(count: float) -> bool:
    """Tell whether this many are so few that they could be recognised."""
    return 0 < count < SMALLEST


def veil(parts: Mapping[str, float], total: float) -> tuple[bool, frozenset[str]]:
    """Tell whether a total must be hidden, and which of its parts.

    Where the total is shown, any hidden part might, for all that total and shown parts tell, be as large as
    the smallest count that is shown: other parts, the smallest first, are hidden until that holds. Where it
    never comes to hold, the total is hidden instead.
    """
    small = frozenset(key for key, count in parts.items() if is_small(count))
    if is_small(total):
        return True, small
    hidden, rest = set(small), sorted((count, key) for key, count in parts.items() if count >= SMALLEST)
    while hidden and not _is_vague([parts[key] for key in hidden]):
        if not rest:
            return True, small
        hidden.add(rest.pop(0)[1])
    return False, frozenset(hidden)


def _is_vague(hidden: list[float]) -> bool:
    """Tell whether each of these might be large when only their sum is known, and that none is 0."""
    return sum(hidden) - (len(hidden) - 1) >= SMALLEST and len(hidden) > 1
