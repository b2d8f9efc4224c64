"""XML from people we need not trust."""

from time import perf_counter

import pytest

from service.engine import xml
from service.errors import Refused


def test_a_document_is_parsed_without_its_comments_and_instructions() -> None:
    root = xml.root(
        '<?xml version="1.0" encoding="UTF-8"?><a><!-- c --><b>å</b><?p i?></a>'.encode(), "a.bpmn"
    )
    assert [each.tag for each in root] == ["b"]
    assert root[0].text == "å"
    assert xml.root(b"\xef\xbb\xbf<a/>", "a.bpmn").tag == "a"


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "xml-syntax"),
        (b"<a>", "xml-syntax"),
        (b"<a b=1/>", "xml-syntax"),
        (b"\xff\xfe<\x00a\x00/\x00>\x00", "xml-encoding"),
        ("<a>å</a>".encode("latin-1"), "xml-encoding"),
        (b'<?xml version="1.0" encoding="utf-16"?><a/>', "xml-encoding"),
        (b'<?xml version="1.0" encoding="utf-7"?>+ADwAIQ-DOCTYPE<a/>', "xml-encoding"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "xml-doctype"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "xml-doctype"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "xml-doctype"),
        (f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]><a>&l9;</a>'.encode(), "xml-doctype"),
        (b"<!doctype a><a/>", "xml-syntax"),
        (b"<a>&undefined;</a>", "xml-syntax"),
        (b"<a>" + b"<b/>" * 20_001 + b"</a>", "xml-too-large"),
        (b"<a>" * 150 + b"</a>" * 150, "xml-too-large"),
        (b"<a>" + b"x" * 2_000_000 + b"</a>", "xml-too-large"),
        (b"<a>" * 100_000 + b"</a>" * 100_000, "xml-syntax"),
        (b"<a>\x00</a>", "xml-encoding"),
    ],
)
def test_what_a_diagram_does_not_need_is_refused_quickly(data: bytes, rule: str) -> None:
    began = perf_counter()
    with pytest.raises(Refused) as refused:
        xml.root(data, "case.bpmn")
    assert perf_counter() - began < 1
    assert [(each.file, each.rule) for each in refused.value.problems] == [("case.bpmn", rule)]
    assert all(each.message for each in refused.value.problems)
