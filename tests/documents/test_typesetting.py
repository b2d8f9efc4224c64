"""Whatever letters people write, a document is made, the same every time, with nothing read as markup."""

import io
import random

import pypdf
import pytest

from service import documents

TABLE = {"kind": "table", "caption": "Per år", "head": ["År", "Tal"], "rows": [["2030", "7"]]}


def reply(words):
    """A small reply in which these words stand in every place that words of people reach."""
    figure = {"kind": "figure", "name": words, "value": words, "is_number": False, "definition": words}
    return {
        "lang": "sv", "title": words, "made": words, "year": 2030, "month": 1, "day": 2, "lead": [words],
        "page": "Sida", "of": "av",
        "sections": [
            {"title": words, "blocks": [figure, TABLE | {"rows": [[words]]}, {"kind": "text", "text": words}]}
        ],
        "routine": {"title": words, "text": words, "parts": [TABLE | {"title": words, "caption": ""}]},
    }  # fmt: skip


def letter(words):
    """A small document of a case, with these words in every place."""
    fact = {"kind": "fact", "label": words, "answer": [words, words], "missing": False, "long": True}
    blocks = [
        fact, fact | {"long": False}, fact | {"answer": [], "missing": True},
        {"kind": "note", "text": words}, {"kind": "text", "text": words},
        {"kind": "list", "items": [{"name": words, "text": words}]}, {"kind": "signature", "text": words},
    ]  # fmt: skip
    return {
        "lang": "sv", "title": words, "made": words, "notice": words, "lead": [words], "lacking": "saknas",
        "page": "Sida", "of": "av", "year": 2030, "month": 1, "day": 2,
        "sections": [{"title": words, "blocks": blocks}, {"title": "", "blocks": []}],
    }  # fmt: skip


MADE = {"reply": reply, "letter": letter}
TEMPLATES = pytest.mark.parametrize("template", MADE)


def read(words, template="reply"):
    pages = pypdf.PdfReader(io.BytesIO(documents.typeset(template, MADE[template](words)))).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


@TEMPLATES
def test_the_same_data_give_the_same_bytes(template):
    first, second = (documents.typeset(template, MADE[template]("ord")) for _ in range(2))
    assert first == second


@TEMPLATES
@pytest.mark.parametrize(
    "words",
    ['#panic("x")', "$x^2$", "= rubrik", "*fet* _kursiv_", "@ref <etikett>", "`kod`", "\\ a", "// x", "[a]"],
)
def test_nothing_is_read_as_markup(words, template):
    assert read(words, template).count(words) >= 8


def test_every_letter_that_is_said_to_be_shown_is():
    letters = [chr(each) for known in documents.SHOWN for each in known]
    shown = [each for each in letters if documents._letter(each) == each]
    assert len(shown) > 1100
    for start in range(0, len(shown), 300):
        documents.typeset("reply", reply(" ".join(shown[start : start + 300])))


@pytest.mark.parametrize(
    "words", ["漢字", "😀", "\x01", "عربي", "שלום", "\ud7ff", "\u0378", "\u202e", "ไทย", "q\u0300"]
)
def test_letters_that_the_fonts_lack_are_marked(words):
    assert documents.LACKING in read(f"före {words} efter").partition("efter")[0]


def test_letters_in_any_order_make_a_document():
    chance = random.Random(7)  # noqa: S311  nothing secret
    letters = [chr(each) for known in documents.SHOWN for each in known] + [
        "漢",
        "ع",
        "\n",
        "\t",
        "�",
        "\u0301",
    ]
    for _ in range(60):
        documents.typeset("reply", reply("".join(chance.choices(letters, k=120))))


@TEMPLATES
def test_a_word_that_is_empty_or_long_makes_a_document(template):
    documents.typeset(template, MADE[template]("x" * 2000))
    assert read("mycket " * 400, template).count("mycket") > 3000
