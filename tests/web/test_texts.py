"""Both catalogues say the same things, and nothing is asked for that they do not say."""

import re
import string
from pathlib import Path

import pytest

from service.engine import expressions
from service.web import texts
from service.web.workshop import drafts

WEB = Path(texts.__file__).parents[1]
MADE = re.compile(
    r"^(role|error|weekday|month|case\.status|inbox\.(filter|empty)|cases\.filter|task\.closed|delegation|right|"
    r"right_state|answers\.section|training\.wrong|organisation|map|reply\.short|"
    r"replay_outcome|step|kind|event|event_type|document_kind|letter|milestone|deployment|access_action|access_list|"
    r"draft\.(what|state|live)|draft\.new_form|form_editor\.(type|section|when|p|h|c|answer)|"
    r"settings\.login|outcome|span|board|said|stand|manage|help|accessibility|due|"
    r"login\.missing_.*)(\.|_|$)"
)  # keys that are put together from a word of the data


def forms(text):
    return [text] if isinstance(text, str) else [text["one"], text["other"]]


def places(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_keys():
    assert list(texts.catalogue("sv")) == list(texts.catalogue("en"))


def test_both_languages_say_the_same_things():
    for key, swedish in texts.catalogue("sv").items():
        english = texts.catalogue("en")[key]
        assert type(swedish) is type(english), key
        assert places(forms(swedish)[-1]) == places(forms(english)[-1]), key
        assert all(each.strip() for each in forms(swedish) + forms(english)), key


def test_every_text_that_is_asked_for_exists_and_none_is_left_over():
    sources = [*WEB.rglob("*.html"), *WEB.rglob("*.py")]
    asked = set()
    for path in sources:
        asked |= set(re.findall(r'\bt\("([\w.-]+)"', path.read_text(encoding="utf-8")))
        asked |= set(re.findall(r'"((?:[a-z_]+)\.[\w.-]+)"', path.read_text(encoding="utf-8")))
    catalogue = set(texts.catalogue("sv"))
    by_call = {
        key
        for path in sources
        for key in re.findall(r'\bt\("([\w-]+\.[\w.-]+)"[,)]', path.read_text(encoding="utf-8"))
    }
    assert by_call <= catalogue, by_call - catalogue
    left_over = {key for key in catalogue - asked if not MADE.match(key)}
    assert left_over == set()


def test_a_text_that_counts_knows_one_from_many():
    assert texts.text("due.late_days", "sv", n=1) == "Försenad 1 dag"
    assert texts.text("due.late_days", "sv", n=2) == "Försenad 2 dagar"


def test_what_does_not_exist_is_an_error():
    with pytest.raises(KeyError):
        texts.text("no.such", "sv")
    with pytest.raises(KeyError):
        texts.catalogue("fi")


@pytest.mark.parametrize("example", [example for example, _ in drafts.CELLS])
def test_the_examples_that_help_with_cells_can_be_written(example):
    assert expressions.problems(example, unary=True) == []
