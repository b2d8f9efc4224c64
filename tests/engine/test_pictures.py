"""Diagrams drawn for print: nothing is left out, and every part can be read on a page."""

import re
from pathlib import Path

import pytest
from lxml import etree

from service.engine import definition, pictures

ROOT = Path(__file__).parents[2]
OURS = {f"{path.parent.name}.bpmn": path.read_bytes() for path in ROOT.glob("processes/*/process.bpmn")}
OURS |= {
    path.name: path.read_bytes() for path in (*ROOT.glob("processes/*/*.dmn"), *ROOT.glob("forms/*.json"))
}
SMALL = (ROOT / "tests" / "commands" / "diagrams" / "two_steps.bpmn").read_text(encoding="utf-8")
FORM = ROOT / "tests" / "commands" / "diagrams" / "small.form.json"
PAGE = {"width": 1600, "height": 875}


def small(*changes):
    content = SMALL
    for old, new in changes:
        assert old in content
        content = content.replace(old, new)
    files = {"two_steps.bpmn": content.encode(), FORM.name: FORM.read_bytes()}
    return definition.parse(files).processes["two_steps"]


@pytest.mark.parametrize("key", [name.removesuffix(".bpmn") for name in OURS if name.endswith(".bpmn")])
def test_all_named_steps_of_our_processes_are_drawn_on_pages_of_readable_size(key):
    process = definition.parse(OURS).processes[key]
    found = pictures.pictures(process, language="sv", **PAGE)
    named = {each.name.sv for each in process.elements.values() if each.name.sv}
    assert named == {name for each in found for name in each.names}
    for each in found:
        assert (each.width, each.height) <= (PAGE["width"], PAGE["height"])
        sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)"', each.svg)]
        assert min(sizes) >= pictures.SMALLEST


def test_a_process_that_is_not_drawn_is_laid_out_and_names_are_in_the_readers_language():
    (swedish,) = pictures.pictures(small(), language="sv", **PAGE)
    assert swedish.names == ("Början", "Fråga", "Kontrollera", "Slut")
    (english,) = pictures.pictures(small(), language="en", **PAGE)
    assert "Fråga (en)" in english.names


def test_a_wide_drawing_is_cut_between_its_shapes():
    parts = pictures.pictures(small(), language="sv", width=300, height=875)
    assert len(parts) > 1
    assert [name for each in parts for name in each.names] == ["Början", "Fråga", "Kontrollera", "Slut"]


def test_a_name_is_never_markup_and_a_long_one_stays_in_its_box():
    name = "&lt;/text&gt;&lt;a&gt; &amp;amp; " + "Förundersökningsledarbiträde" * 2
    (drawn,) = pictures.pictures(small(('name="Fråga"', f'name="{name}"')), language="sv", **PAGE)
    root = etree.fromstring(drawn.svg)
    assert {etree.QName(each).localname for each in root.iter()} <= {
        "svg", "clipPath", "rect", "g", "path", "circle", "text"
    }  # fmt: skip
    lines = [each.text for each in root.iter("{*}text")]
    assert any("</text><a>" in each for each in lines)
    assert max(map(len, lines)) * pictures.SMALLEST * pictures.LETTER <= 100
