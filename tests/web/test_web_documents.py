"""Documents on the case page, without JavaScript: added, made, kept, withdrawn; what was typed stays."""

import io
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pypdf
import pytest
from browsing import words
from filling import filled

from service.commands import deployments, tasks
from service.engine import forms
from service.engine.expressions import Moment
from service.models.documents import DocumentKind

ROOT = Path(__file__).parents[2]
DIAGRAMS = ROOT / "tests" / "commands" / "diagrams"
MOMENT = Moment(now=datetime.now(UTC), zone=ZoneInfo("Europe/Stockholm"))
PDF = b"%PDF-1.7\nDet hon ber\xc3\xa4ttade\n%%EOF\n"


def upload(browser, case, content=PDF, name="intyg.pdf", **form):
    file = (io.BytesIO(content), name) if name else (io.BytesIO(b""), "")
    return browser.post(f"/cases/{case}/documents", file=file, **{"kind": "certificate", **form})


def test_a_file_is_added_shown_and_kept(window, desk):
    anna, case = window("anna"), desk.start()
    answer = upload(anna, case, title="Hennes <intyg>")
    assert answer.status_code == 303, words(answer)
    page = anna.get(answer.headers["Location"])
    assert "Handlingen är tillagd." in words(page)
    assert "Hennes <intyg>" in words(page)
    assert "Intyg eller utlåtande · PDF, 1 kB" in words(page)
    assert "Handling tillagd: Intyg eller utlåtande" in words(page)
    address = page.text.partition('<a href="/documents/')[2].partition('"')[0]
    kept = anna.get(f"/documents/{address}")
    assert (kept.data, kept.headers["Content-Disposition"]) == (PDF, 'attachment; filename="intyg.pdf"')
    assert window("elin").get(f"/documents/{address}").status_code == 404
    seen = window("greta").get(f"/cases/{case}")
    assert "Hennes" not in seen.text
    assert "Intyg eller utlåtande PDF, 1 kB" in words(seen)
    assert window("greta").get(f"/documents/{address}").status_code == 403
    for path in ("history", "trace"):
        assert "Handling tillagd: Intyg eller utlåtande" in words(anna.get(f"/cases/{case}/{path}"))


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.parametrize(
    ("sent", "status", "told"),
    [
        ({"content": b"<html>"}, 415, "Spara den som något av: PDF"),
        ({"content": PDF + bytes(10 * 1024 * 1024)}, 413, "högst 10 MB"),
        ({"name": ""}, 422, "Välj en fil"),
        ({"title": "x" * 201}, 422, "Skriv en titel på högst 200 tecken"),
        ({"kind": "nonsense"}, 422, "Välj ett av slagen"),
    ],
    ids=["html", "large", "no file", "long title", "no such kind"],
)
@pytest.mark.usefixtures("kind")
def test_what_is_wrong_stands_at_the_form_and_what_was_typed_stays(window, desk, sent, status, told):
    anna, case = window("anna"), desk.start()
    answer = upload(anna, case, **{"title": "Det viktiga intyget", **sent})
    assert answer.status_code == status
    assert words(answer).count(told) >= 1
    assert f'value="{sent.get("title", "Det viktiga intyget")}"' in answer.text
    if "kind" not in sent:
        assert '<option value="certificate" selected>' in answer.text


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.usefixtures("kind")
def test_a_case_that_is_closed_offers_no_form_and_takes_no_file(window, desk):
    anna, case = window("anna"), desk.start()
    window("bo").post(f"/cases/{case}/cancel", reason="slut")
    assert "document-file" not in anna.get(f"/cases/{case}").text
    assert upload(anna, case).status_code == 409


def test_a_document_is_withdrawn_with_a_reason_and_stays(window, desk):
    anna, case = window("anna"), desk.start()
    upload(anna, case, title="Fel intyg")
    page = anna.get(f"/cases/{case}").text
    document = page.partition('id="withdraw-document"')[2].partition('option value="')[2].partition('"')[0]
    path = f"/cases/{case}/documents/withdrawn"
    answer = anna.post(path, document=document, reason="")
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    answer = anna.post(path, document=document, reason="Hör till ett annat ärende")
    page = words(anna.get(answer.headers["Location"]))
    assert "Handlingen är återtagen. Den ligger kvar, märkt." in page
    assert "Återtagen" in page
    assert "“Hör till ett annat ärende”" in page
    assert "Fel intyg" in page
    assert anna.post(path, document=document, reason="igen").status_code == 409
    assert anna.post(path, document="x", reason="igen").status_code == 404


@pytest.fixture
def applied(desk):
    """A case in a process that asks for the application, with the service's own form and table of periods."""
    form = (ROOT / "forms" / "application_content.form.json").read_bytes()
    table = (ROOT / "processes" / "case" / "periods.dmn").read_bytes()
    diagram = (DIAGRAMS / "two_steps.bpmn").read_bytes()
    diagram = diagram.replace(b'name="form" value="small"', b'name="form" value="application_content"', 1)
    files = {"application_content.form.json": form, "periods.dmn": table, "two_steps.bpmn": diagram}
    with desk.begin("system") as work:
        deployments.deploy(work, files=files, note="Ansökan")
    return desk.start(dossier_number="11-123456"), forms.parse(form, "application_content.form.json")


def made(browser, case):
    answer = browser.post(f"/cases/{case}/documents/made", kind=DocumentKind.APPLICATION.value)
    assert answer.status_code == 303, words(answer)
    page = browser.get(answer.headers["Location"])
    address = page.text.partition('<a href="/documents/')[2].partition('"')[0]
    pdf = pypdf.PdfReader(io.BytesIO(browser.get(f"/documents/{address}").data))
    return pdf, " ".join(" ".join(each.extract_text() for each in pdf.pages).split())


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.usefixtures("kind")
def test_an_application_is_made_of_what_is_answered_and_what_is_missing_is_a_line(window, desk, applied):
    case, form = applied
    kim = window("kim")  # who reads English: the application is Swedish all the same
    pdf, text = made(kim, case)
    assert pdf.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert pdf.trailer["/Root"]["/Lang"] == "sv"
    assert "blankett 195011" in text
    assert "betänketid, 30 dagar" in text  # by the table `periods`
    assert "Varför finns det anledning att anta brott? saknas" in text
    assert "Dossiernummer hos Migrationsverket 11-123456" in text  # the case knows it from elsewhere
    assert "Namnförtydligande saknas" in text
    assert "Formuläret är inte besvarat än." in text
    before = text.count("saknas")
    task = desk.claim(case, "ask")
    told = {"reasons_crime": "Hon #låstes# in.\nEn *granne* såg det. \u0e2a", "other_names": None}
    answers = filled(form, moment=MOMENT, data={}) | told
    with desk.begin() as work:
        tasks.complete(work, task, answers=answers)
    _, text = made(kim, case)
    assert "Varför finns det anledning att anta brott? Hon #låstes# in. En *granne* såg det. \ufffd" in text
    assert "Tecken som typsnittet saknar står som \ufffd" in text
    assert f"Svar från {datetime.now(MOMENT.zone):%Y-%m-%d}, Anna Ek." in text
    assert "Andra namn som används Inget svar" in text
    assert text.count("saknas") < before - 8
    assert kim.post(f"/cases/{case}/documents/made", kind="decision").status_code == 422
