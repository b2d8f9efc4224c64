"""Every word of the screens, Swedish and English: one JSON file for each language, the same keys in both.

A text may have `{named}` places. A text that counts is an object `{"one": ..., "other": ...}`; `n` chooses.
"""

import json
from functools import cache
from importlib.resources import files

LANGUAGES = ("sv", "en")


def text(key: str, language: str, **values: object) -> str:
    """Say this in a language; raises `KeyError` for a key that does not exist."""
    found = catalogue(language)[key]
    if isinstance(found, dict):
        found = found["one" if values["n"] == 1 else "other"]
    return found.format(**values) if values else found


def known(key: str) -> bool:
    """Tell whether there is such a text."""
    return key in catalogue(LANGUAGES[0])


@cache
def catalogue(language: str) -> dict[str, str | dict[str, str]]:
    """All texts of a language."""
    if language not in LANGUAGES:
        raise KeyError(language)
    read: dict[str, str | dict[str, str]] = json.loads(
        files(__package__).joinpath(f"{language}.json").read_text(encoding="utf-8")
    )
    return read
