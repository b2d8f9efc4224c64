"""Small counts stay hidden: whoever knows the total, the shown parts and the rule cannot work them out."""

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from service.rules.disclosure import SMALLEST, is_small, veil

COUNTS = st.dictionaries(st.sampled_from("abcde"), st.integers(0, 12), max_size=5)


def candidates(parts, hidden):
    """Everything that the hidden parts could be, given their sum and that none of them is 0."""
    names = sorted(hidden)
    left = sum(parts[each] for each in names)
    for some in product(range(1, left + 1), repeat=len(names)):
        if sum(some) == left:
            yield dict(zip(names, some, strict=True))


@settings(max_examples=300, deadline=None)
@given(COUNTS)
def test_no_small_count_is_shown_or_follows_from_what_is_shown(parts):
    total = sum(parts.values())
    total_hidden, hidden = veil(parts, total)
    assert not any(is_small(count) for key, count in parts.items() if key not in hidden)
    if total_hidden:
        return
    assert not is_small(total)
    possible = list(candidates(parts, hidden))
    for key in hidden:
        assert max(each[key] for each in possible) >= SMALLEST
        assert min(each[key] for each in possible) == 1


def test_nothing_is_hidden_without_need():
    assert veil({"a": 5, "b": 0, "c": 60}, 65) == (False, frozenset())
    assert veil({}, 0) == (False, frozenset())


def test_a_second_part_is_hidden_with_the_small_one():
    assert veil({"a": 3, "b": 8, "c": 60}, 71) == (False, frozenset("ab"))
    assert veil({"a": 2, "b": 2, "c": 60}, 64) == (False, frozenset("abc"))


def test_the_total_is_hidden_when_nothing_else_can_be():
    assert veil({"a": 3}, 3) == (True, frozenset("a"))
    assert veil({"a": 1, "b": 4}, 5) == (True, frozenset("ab"))
    assert veil(dict.fromkeys("abcde", 1), 5) == (True, frozenset("abcde"))
