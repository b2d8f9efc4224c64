"""Case references and personal numbers, however they are typed."""

from datetime import date

import pytest

from service.rules import identifiers

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    "typed",
    ["191212121212", "19121212-1212", "121212+1212", " 1912 1212-1212 ", "19121212–1212"],
)
def test_a_personal_number_has_one_spelling_however_it_is_typed(typed):
    assert identifiers.personal_number(typed, today=TODAY) == "191212121212"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("811228-9874", "198112289874"),
        ("8112289874", "198112289874"),
        ("811228+9874", "188112289874"),
        ("701063-2391", "197010632391"),
        ("261124-0009", "202611240009"),
        ("261125-0008", "192611250008"),
    ],
)
def test_the_century_is_the_latest_that_fits(typed, kept):
    assert identifiers.personal_number(typed, today=TODAY) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "811228-9875",  # check digit
        "810230-9870",  # the 30th of February
        "20811228-9874",  # lies ahead
        "811228-987",
        "åttioett",
        "",
        "811228-98744",
        "198112 28--9874",
    ],
)
def test_what_is_no_personal_number_is_none(typed):
    assert identifiers.personal_number(typed, today=TODAY) is None


def test_every_single_wrong_digit_is_noticed():
    right = "8112289874"
    wrong = [
        right[:place] + digit + right[place + 1 :]
        for place in range(10)
        for digit in "0123456789"
        if digit != right[place]
    ]
    assert len(wrong) == 90
    assert all(identifiers.personal_number(each, today=TODAY) is None for each in wrong)


def test_a_case_reference_is_read_back_however_it_is_typed():
    reference = identifiers.case_reference(2026, 123_456_789)
    assert reference.startswith("26-")
    assert identifiers.read_case_reference(reference) == reference
    assert identifiers.read_case_reference(f" {reference.lower().replace('-', ' ')} ") == reference
    assert identifiers.read_case_reference(reference.replace("-", "")) == reference


def test_references_differ_and_have_no_look_alikes():
    some = [0, 1, 22, 23, 24, identifiers.REFERENCES - 1, *range(1000, 9000, 7)]
    made = {identifiers.case_reference(2026, each) for each in some}
    assert len(made) == len(some)
    assert not set("".join(made)) & set("OILSZBGUV")


@pytest.mark.parametrize("typed", ["", "26", "26-AAAAAA", "26-K7QF3", "26-K7QF3MM", "2-K7QF3M"])
def test_what_is_no_case_reference_is_none(typed):
    assert identifiers.read_case_reference(typed) is None
