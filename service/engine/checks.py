"""What is wrong with a drawing, before anything of it runs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Names:
    processes: frozenset
    decisions: frozenset
    forms: frozenset


def problems(drawings, names):
    return []
