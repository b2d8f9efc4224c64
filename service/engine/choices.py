"""Answers that are compared with though no form offers them, or no longer: such a comparison never holds.

Only what is plain is looked at: a name beside a text, a list of texts, the cells of a table below a name.
"""

import re
from collections.abc import Iterator

_TEXT = r'"[^"\\]*"'
_NAME = r"(?<![\w.])([A-Za-z_]\w*)(?!\w|\s*[.(\[])"
_LISTED = rf"[\[(]\s*({_TEXT}(?:\s*,\s*{_TEXT})*)\s*[\])]"
# each with the name and the texts in groups, whichever comes first
_COMPARISONS = tuple(
    re.compile(each, re.ASCII)
    for each in (
        rf"{_NAME}\s*!?=\s*(?P<texts>{_TEXT})",
        rf"(?P<texts>{_TEXT})\s*!?=\s*{_NAME}",
        rf"{_NAME}\s+in\s+(?P<texts>{_TEXT}|{_LISTED})",
        rf"list contains\(\s*(?P<texts>{_LISTED})\s*,\s*{_NAME}\s*\)",
        rf"list contains\(\s*{_NAME}\s*,\s*(?P<texts>{_TEXT})\s*\)",
    )
)
_PLAIN_TEST = re.compile(r"(?:\s|,|\(|\)|\?|=|not\b|and\b|or\b|list contains\b)*", re.ASCII)


def compared(expression: str) -> Iterator[tuple[str, str]]:
    """Give the names that an expression compares with texts, each with each text."""
    for pattern in _COMPARISONS:
        for found in pattern.finditer(expression):
            name = next(each for each in found.groups() if each and not each.startswith(('"', "[", "(")))
            for text in re.findall(_TEXT, found["texts"]):
                yield name, text[1:-1]


def tested(test: str) -> list[str]:
    """Give the texts that a cell of a table tests for; none when it tests otherwise."""
    texts = re.findall(_TEXT, test)
    return [each[1:-1] for each in texts] if _PLAIN_TEST.fullmatch(re.sub(_TEXT, "", test)) else []
