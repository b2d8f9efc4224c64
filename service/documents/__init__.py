"""Documents that leave as PDF: a template and plain data, typeset as tagged PDF/UA-1. No database here.

What people wrote reaches a template as data through `sys.inputs`; it is never read as markup.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typst

TEMPLATES = Path(__file__).parent


def typeset(template: str, data: Mapping[str, Any]) -> bytes:
    """Make a document; the same data give the same bytes."""
    content: bytes = typst.compile(
        TEMPLATES / f"{template}.typ",
        root=TEMPLATES,
        format="pdf",
        pdf_standards=["ua-1"],
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        ignore_system_fonts=True,
    )
    return content
