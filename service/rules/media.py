"""Which files a case takes: what a file is by its content alone, and a name for it that harms nobody.

Nothing is unpacked: of a package only its list of contents is read, and only when that list is short.
"""

import io
import re
import struct
import unicodedata
import zipfile
from dataclasses import dataclass

LONGEST_NAME = 100  # characters of a file's name, without its ending
MOST_ENTRIES, LARGEST_LIST = 4_000, 512 * 1024  # files in a package, bytes of its list of contents
UNPACKED = 512 * 1024 * 1024  # bytes that a package may say it comes to
END_OF_LIST, LONGEST_COMMENT = 22, 65_535  # bytes (APPNOTE 4.3.16)
MIMETYPE = b"mimetype" + b"application/vnd.oasis.opendocument.text"
MARKUP = tuple(  # what a browser would take for a page or a drawing
    f"<{each}"
    for each in (
        "!doctype", "!--", "?", "html", "head", "body", "script", "style", "iframe", "frame", "object",
        "embed", "svg", "img", "meta", "link", "form", "base", "a ", "a\n", "a\t", "div", "table", "h1", "p>",
    )
)  # fmt: skip
PROGRAM = "#!"
UNSEEN = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
FORBIDDEN = re.compile(r'[<>:"/\\|?*%;\'`$&]+')  # somewhere, to some system or header
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Medium:
    """A kind of file that a case takes."""

    name: str
    type: str  # RFC 6838
    endings: tuple[str, ...]  # the first one is given


PDF = Medium("PDF", "application/pdf", ("pdf",))
PNG = Medium("PNG", "image/png", ("png",))
JPEG = Medium("JPEG", "image/jpeg", ("jpg", "jpeg", "jpe"))
TEXT = Medium("TXT", "text/plain", ("txt", "text"))
DOCX = Medium(
    "DOCX", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ("docx", "doc")
)
ODT = Medium("ODT", "application/vnd.oasis.opendocument.text", ("odt",))
TAKEN = (PDF, JPEG, PNG, DOCX, ODT, TEXT)
BY_TYPE = {each.type: each for each in TAKEN}
UNKNOWN = Medium("", "application/octet-stream", ("bin",))  # what a row says that was not written by us


def recognise(content: bytes) -> Medium | None:
    """Tell what a file is, whatever it is called; None for what is not taken."""
    if content.startswith(b"%PDF-"):
        return PDF
    if content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR":
        return PNG
    if content.startswith(b"\xff\xd8\xff"):
        return JPEG
    if content.startswith(b"PK"):
        return _package(content)
    return TEXT if _is_plain(content) else None


def harmless(name: str, medium: Medium) -> str:
    """Give a name that no system takes for a path, a command or another kind of file; empty for none."""
    bare = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    seen = "".join(each for each in bare if unicodedata.category(each)[0] != "C")
    stem, dot, ending = seen.rpartition(".")
    if dot and ending.lower().strip() in medium.endings:
        seen = stem
    tidy = " ".join(FORBIDDEN.sub("_", seen).split()).strip(". _")[:LONGEST_NAME].strip(". ")
    if RESERVED.fullmatch(tidy):
        tidy = f"_{tidy}"
    return f"{tidy}.{medium.endings[0]}" if tidy else ""


def _package(content: bytes) -> Medium | None:
    """Tell a text document from other packages by its list of contents; one with macros is not taken."""
    if not content.startswith(b"PK\x03\x04") or not _has_short_list(content):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            entries = package.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, UnicodeDecodeError):
        return None
    names = {each.filename for each in entries}
    if sum(each.file_size for each in entries) > UNPACKED or any(map(_is_program, names)):
        return None
    if {"[Content_Types].xml", "word/document.xml"} <= names:
        return DOCX
    is_odt = content[30 : 30 + len(MIMETYPE)] == MIMETYPE and "content.xml" in names
    return ODT if is_odt else None


def _has_short_list(content: bytes) -> bool:
    """Look at what the package says of its list of contents before anything reads that list."""
    tail = content[-(END_OF_LIST + LONGEST_COMMENT) :]
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < END_OF_LIST or b"PK\x06\x07" in tail:
        return False
    count, size = struct.unpack("<HI", tail[at + 10 : at + 16])
    return bool(0 < count <= MOST_ENTRIES and size <= LARGEST_LIST)


def _is_program(name: str) -> bool:
    return name.lower().endswith(("vbaproject.bin", ".exe", ".dll", ".js")) or name.startswith(
        ("Basic/", "Scripts/")
    )


def _is_plain(content: bytes) -> bool:
    """Tell plain text from everything that some program would run or show as a page."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    if not text.strip() or text.lstrip().startswith(PROGRAM) or UNSEEN.search(text):
        return False
    small = text.lower()
    return not any(each in small for each in MARKUP)  # found faster than by one expression, whatever the text
