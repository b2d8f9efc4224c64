"""The draft reply: a tagged PDF in both languages, its figures the page's, its words never markup."""

import io
import re
from pathlib import Path

import pypdf
import pytest
from browsing import words

from service.commands import deployments, people, trainings
from service.web.texts import catalogue

DIAGRAMS = Path(__file__).parents[1] / "commands" / "diagrams"
EVIL = '#panic("x") $x^2$ *fet* @ref <etikett> = rubrik'


def document(window, who, query=""):
    answer = window(who).get(f"/answers.pdf{query}")
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "application/pdf"
    return pypdf.PdfReader(io.BytesIO(answer.data)), answer


def flat(reader):
    """All that the pages say, on one line: where lines break is the typesetter's."""
    told = " ".join(page.extract_text() for page in reader.pages)
    return " ".join(told.split())


def page_figures(answer):
    """Every figure of the page: its name and what is said of it."""
    found = re.findall(r'<h3>([^<]+)</h3>\s*<p class="figure-value"><span[^>]*>([^<]+)</span>', answer.text)
    assert len(found) >= 14
    return found


@pytest.mark.parametrize(("who", "language"), [("bo", "sv"), ("kim", "en")])
def test_it_is_tagged_and_says_its_language_and_title(window, who, language):
    reader, answer = document(window, who)
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == language
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    told = root["/Metadata"].get_data().decode()
    assert "pdfuaid:part" in told
    assert re.search(r"pdfaid:part\W+2", told)
    assert reader.metadata.title == catalogue(language)["reply.title"]
    name = catalogue(language)["reply.file"].partition("{")[0]
    assert f'filename="{name}20' in answer.headers["Content-Disposition"]
    for name in ("applications", "rights", "authority", "team", "training", "changes"):
        assert catalogue(language)[f"answers.section.{name}"] in flat(reader)
    assert f"1 {catalogue(language)['reply.of']} {len(reader.pages)}" in flat(reader)
    tags = structure(root["/StructTreeRoot"])
    assert {"Title", "H1", "H2", "Table", "TH", "TD", "P"} <= tags or {"H1", "Table", "TH", "TD"} <= tags


def structure(node):
    """The kinds of elements below one."""
    found = {str(node["/S"])[1:]} if "/S" in node else set()
    below = node.get("/K", [])
    for each in below if isinstance(below, list) else [below]:
        inner = each.get_object()
        if isinstance(inner, dict):
            found |= structure(inner)
    return found


def alternatives(node):
    """What is said of each picture to those who do not see it."""
    found = [str(node["/Alt"])] if "/Alt" in node else []
    below = node.get("/K", [])
    for each in below if isinstance(below, list) else [below]:
        inner = each.get_object()
        if isinstance(inner, dict):
            found += alternatives(inner)
    return found


@pytest.mark.parametrize("who", ["bo", "anna"])
def test_its_figures_are_the_pages(window, applications, who):
    applications(6)
    page, (reader, _) = window(who).get("/answers"), document(window, who)
    told = flat(reader)
    for name, value in page_figures(page):
        assert f"{name} {value}" in told, (name, value)
    for note in re.findall(r'<p class="prose muted small">([^<]+)</p>', page.text):
        assert " ".join(note.split()) in told


def test_small_counts_are_hidden_as_on_the_page(window, applications):
    applications(2)
    name = "Skickade ansökningar om betänketid"
    assert f"{name} 2 Antal" in flat(document(window, "bo")[0])
    for who, query in (("anna", ""), ("bo", "?veiled=1"), ("anna", "?since=2020-01-01")):
        told = flat(document(window, who, query)[0])
        assert f"{name} dolt: färre än 5" in told, who
        assert f"{name} 2 Antal" not in told


def test_words_of_people_are_never_markup(desk, window):
    with desk.begin("system") as work:
        people.delegate(
            work, username="bo", code=EVIL, position=EVIL, unit="norrmalm", valid_from=work.today, basis=EVIL
        )
        trainings.register(work, username="anna", unit="norrmalm", course=EVIL, given_on=work.today)
    told = flat(document(window, "bo")[0])
    assert told.replace(" ", "").count(EVIL.replace(" ", "")) >= 3
    assert EVIL.split(maxsplit=1)[0] in words(window("bo").get("/answers")).replace("&#34;", '"')


def test_who_may_not_read_the_figures_gets_no_document(window, service):
    assert window("anna").get("/answers.pdf?unit=farsta").status_code == 404
    assert window("anna").get("/answers.pdf?since=i+fjol").status_code == 422
    assert service.test_client().get("/answers.pdf").status_code == 303


def test_taking_it_out_is_logged(window):
    document(window, "bo")
    log = window("greta").get("/access-log?action=export")
    assert "Tog ut en fil: svarsutkast" in words(log)


def test_the_routine_is_told_step_by_step(window):
    told = flat(document(window, "bo")[0])
    assert "Organisation" in told
    assert "Små diagram för tester" in told


def test_the_routine_is_drawn_and_the_figures_are_charted_with_words_for_both(desk, window, applications):
    applications(6)
    content = (DIAGRAMS / "two_steps.bpmn").read_text(encoding="utf-8").replace('"two_steps"', '"case"')
    with desk.begin("system") as work:
        deployments.deploy(work, files={"case.bpmn": content.encode()}, note="Rutin")
    reader, first = document(window, "bo", "?since=2020-01-01")
    told = alternatives(reader.trailer["/Root"]["/StructTreeRoot"])
    assert any("Diagram med stegen: Början, Fråga, Kontrollera, Slut." in each for each in told)
    assert any(each.startswith("Skickade ansökningar om betänketid, per år. 2020: ") for each in told)
    lying = [page for page in reader.pages if page.mediabox.width > page.mediabox.height]
    assert [("Kontrollera" in page.extract_text()) for page in lying] == [True]
    assert document(window, "bo", "?since=2020-01-01")[1].data == first.data
