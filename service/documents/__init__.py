"""Documents that leave as PDF: a template and plain data, typeset as tagged PDF/UA-1 and PDF/A-2a.

No database here. What people wrote reaches a template as data through `sys.inputs`; it is never read as
markup. PDF/UA asks for a shape for every letter, and the typesetter stops, or worse, at one that its fonts
lack: � stands for such.
"""

import json
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typst

TEMPLATES = Path(__file__).parent
LACKING = "�"
SHOWN = (  # Latin, Greek, Cyrillic, what stands between words: a test sets all of it
    range(0x20, 0x7F), range(0xA0, 0x250), range(0x370, 0x400), range(0x400, 0x500), range(0x1E00, 0x1F00),
    range(0x2010, 0x2016), range(0x2018, 0x2023), range(0x2026, 0x2027), range(0x2030, 0x2031),
    range(0x2039, 0x203B), range(0x20AC, 0x20AD), range(0x2190, 0x2194), range(0x2212, 0x2213),
    range(0x2264, 0x2266),
)  # fmt: skip


def typeset(template: str, data: Mapping[str, Any]) -> bytes:
    """Make a document; the same data give the same bytes."""
    content: bytes = typst.compile(
        TEMPLATES / f"{template}.typ",
        root=TEMPLATES,
        format="pdf",
        pdf_standards=["ua-1", "a-2a"],
        sys_inputs={"data": json.dumps(_shown(data), ensure_ascii=False)},
        ignore_system_fonts=True,
    )
    return content


def lacks(data: Mapping[str, Any]) -> bool:
    """Tell whether a letter in the data has no shape in the fonts, so that the document marks it."""
    return LACKING in json.dumps(_shown(data), ensure_ascii=False)


def _shown(value: Any) -> Any:
    """The same data with only letters that the fonts have."""
    match value:
        case str():
            return "".join(map(_letter, unicodedata.normalize("NFC", value)))
        case Mapping():
            return {key: _shown(each) for key, each in value.items()}
        case list():
            return [_shown(each) for each in value]
        case _:
            return value


def _letter(letter: str) -> str:
    if letter.isspace():
        return " "
    has_shape = unicodedata.category(letter)[0] not in "CM"  # no controls, no marks that join nothing
    return letter if has_shape and any(ord(letter) in each for each in SHOWN) else LACKING
