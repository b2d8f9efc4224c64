"""Diagrams, tables and forms changed at random: taken, or refused in words, and at once."""

from pathlib import Path
from time import perf_counter
from zoneinfo import ZoneInfo

import canaries
import pytest
from mutations import mutant

from service.commands import readiness
from service.engine import layouts

ZONE = ZoneInfo("Europe/Stockholm")
DIAGRAMS = {each.name: each.read_bytes() for each in (Path(__file__).parents[1] / "diagrams").glob("*.bpmn")}
TABLE = (Path(__file__).parents[1] / "diagrams" / "level_of.dmn").read_bytes()
SECONDS = 2


def bundle(seed):
    """Some files of which the first is changed."""
    kinds = [*sorted(canaries.FILES), *sorted(DIAGRAMS)]
    name = kinds[seed % len(kinds)]
    files = dict(canaries.FILES) if name in canaries.FILES else {name: DIAGRAMS[name], "level_of.dmn": TABLE}
    return name, files | {name: mutant(files[name], seed)}


def judged(seeds):
    refused = 0
    for seed in seeds:
        name, files = bundle(seed)
        began = perf_counter()
        found = readiness.look(files, None, ZONE)
        if name.endswith(".bpmn"):
            assert layouts.shown(files[name])
        assert perf_counter() - began < SECONDS, seed
        refused += bool(found.problems)
        for each in (*found.problems, *found.warnings):
            assert each.file, (seed, each)
            assert each.rule, (seed, each)
            assert each.message, (seed, each)
    return refused


def test_what_is_changed_at_random_is_taken_or_refused_in_words():
    assert judged(range(200)) > 100


@pytest.mark.slow
def test_whatever_is_changed_at_random_is_taken_or_refused_in_words():
    assert judged(range(1_000, 4_000)) > 1_000
