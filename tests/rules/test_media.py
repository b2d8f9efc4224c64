"""What a file is, told by its content whatever it is called; and names that harm nobody."""

import io
import struct
import zipfile
from time import process_time

import pytest

from service.rules import media

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"
ODT_TYPE = b"application/vnd.oasis.opendocument.text"
DOCX_FILES = {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<document/>"}


def package(files):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return made.getvalue()


ODT = package({"mimetype": ODT_TYPE, "content.xml": b"<office/>"})
DOCX = package(DOCX_FILES)
TAKEN = {
    "PDF": PDF,
    "PNG": PNG,
    "JPEG": JPEG,
    "DOCX": DOCX,
    "ODT": ODT,
    "TXT": "Hon berättade < allt\n\tsom hon mindes, a <b@c.example>.".encode(),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_taken_is_told_by_its_content(name):
    assert media.recognise(TAKEN[name]).name == name
    assert {each.name for each in media.TAKEN} == set(TAKEN)


REFUSED = {
    "nothing": b"",
    "blank": b" \n",
    "html": b"<!DOCTYPE html><p>x",
    "html after words": b"Hej <ScRiPt src=x>",
    "html after a mark": b"\xef\xbb\xbf<html>",
    "svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
    "bare svg": b"<svg onload=alert(1)>",
    "elf": b"\x7fELF\x02\x01\x01\x00",
    "exe": b"MZ\x90\x00\x03\x00",
    "script": b"#!/bin/sh\nrm -rf /\n",
    "gif": b"GIF89a\x01\x00",
    "latin-1": "Åke".encode("latin-1"),
    "utf-16": "Åke".encode("utf-16"),
    "zip": package({"a.txt": b"x"}),
    "docx with macros": package(DOCX_FILES | {"word/vbaProject.bin": b"x"}),
    "odt with macros": package({"mimetype": ODT_TYPE, "content.xml": b"", "Basic/script.xml": b"x"}),
    "jar": package({"META-INF/MANIFEST.MF": b"x"}),
    "program before a docx": b"MZ" + DOCX,
    "cut docx": DOCX[:-30],
    "docx of very many files": package(DOCX_FILES | {f"word/{n}": b"" for n in range(media.MOST_ENTRIES)}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_taken_is_refused(name):
    assert media.recognise(REFUSED[name]) is None


def test_a_package_that_says_it_is_immense_is_refused_without_unpacking():
    small = package(DOCX_FILES | {"word/media/bomb": bytes(1000)})
    assert media.recognise(small) is media.DOCX
    listed = small.rindex(b"PK\x01\x02")  # the last entry of its list: the bomb's
    said = struct.pack("<I", media.UNPACKED + 1)
    immense = small[: listed + 24] + said + small[listed + 28 :]
    assert media.recognise(immense) is None


@pytest.mark.parametrize("words", [b"<", b"< ", b"<a", b"PK", b"%PDF "], ids=str)
def test_no_large_file_takes_long_to_tell(words):
    content = words * (10_000_000 // len(words))
    before = process_time()
    media.recognise(content)
    media.recognise(b"x<" + b" " * 10_000_000)
    assert process_time() - before < 4  # seconds; what tries every way takes three times as long


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Beslut 2026-11-30.pdf", "Beslut 2026-11-30.pdf"),
        ("Beslut.PDF", "Beslut.pdf"),
        ("Åsas intyg v1.2", "Åsas intyg v1.2.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        (r"C:\hemligt\brev.exe", "brev.exe.pdf"),
        ('a"b\r\nSet-Cookie: x;.pdf', "a_bSet-Cookie_ x.pdf"),
        ("fdp.\u202eexe", "fdp.exe.pdf"),
        ("nul.pdf", "_nul.pdf"),
        ("x" * 300, "x" * 100 + ".pdf"),
        ("...", ""),
        ("", ""),
    ],
)
def test_a_name_is_made_harmless(given, kept):
    assert media.harmless(given, media.PDF) == kept
