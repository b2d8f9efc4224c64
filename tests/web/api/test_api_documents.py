"""Documents over HTTP: sent, made, given back as files; refused in words; the same request twice is one."""

import io
import json
import zipfile

import pypdf
import pytest
from calling import is_problem
from werkzeug.datastructures import MultiDict

from service import verifier

PDF = b"%PDF-1.7\nDet hon ber\xc3\xa4ttade\n%%EOF\n"
NAME = "Åsas intyg <1>.pdf"


def send(caller, case, content=PDF, name=NAME, headers=None, **form):
    def parts():
        return MultiDict([("file", (io.BytesIO(content), name)), *form.items()])

    return caller.post(f"cases/{case}/documents", parts, **(headers or {}))


@pytest.fixture
def case(anna):
    return anna.start()["id"]


def test_a_document_that_is_sent_is_listed_and_given_back_to_be_kept(anna, caller, case):
    made = send(anna, case, kind="certificate", title="Intyg")
    assert made.status_code == 201, made.text
    told = made.get_json()
    assert (told["title"], told["media_type"], told["size"]) == ("Intyg", "application/pdf", len(PDF))
    (row,) = anna.get(f"cases/{case}/documents").get_json()["items"]
    assert row == told
    answer = anna.get(made.headers["Location"])
    assert (answer.status_code, answer.data, answer.content_type) == (200, PDF, "application/pdf")
    assert answer.headers["Content-Disposition"] == (
        "attachment; filename=\"Asas intyg _1.pdf\"; filename*=UTF-8''%C3%85sas%20intyg%20_1.pdf"
    )
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    again = anna.get(made.headers["Location"], If_None_Match=answer.headers["ETag"])
    assert (again.status_code, again.data) == (304, b"")
    looks = caller("greta").get(f"audit/access-log?case={case}&action=document.read").get_json()["items"]
    assert [(each["actor"], each["subject"]) for each in looks] == [("anna", told["id"])] * 2


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.usefixtures("kind")
def test_what_is_sent_touches_no_disk_in_clear_on_its_way(anna, case, monkeypatch):
    def spill(*given, **named):
        raise AssertionError((given, named))

    monkeypatch.setattr("werkzeug.formparser.SpooledTemporaryFile", spill)
    monkeypatch.setattr("tempfile.TemporaryFile", spill)
    assert send(anna, case, PDF + bytes(2 * 1024 * 1024)).status_code == 201


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.usefixtures("kind")
def test_a_name_in_any_letters_is_given_back(anna, case):
    made = send(anna, case, name="漢字.pdf").get_json()
    told = anna.get(made["content"]).headers["Content-Disposition"]
    assert told == "attachment; filename=\"andrum.pdf\"; filename*=UTF-8''%E6%BC%A2%E5%AD%97.pdf"


def test_what_may_not_be_known_is_not_found_and_auditors_see_no_content(anna, elin, caller, case):
    document = send(anna, case, title="Intyg").get_json()["id"]
    for path in (f"cases/{case}/documents", f"documents/{document}"):
        is_problem(elin.get(path), 404)
        is_problem(caller(None).get(path), 401)
    is_problem(send(elin, case), 404)
    is_problem(elin.post(f"documents/{document}/withdraw", {"reason": "x"}), 404)
    greta = caller("greta")
    is_problem(greta.get(f"documents/{document}"), 403)
    is_problem(greta.post(f"cases/{case}/documents", {"kind": "rights_letter"}), 403)
    (row,) = greta.get(f"cases/{case}/documents").get_json()["items"]
    assert (row["title"], row["name"], row["kind"]) == (None, None, "other")


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.usefixtures("kind")
def test_what_is_not_taken_is_refused_in_words(anna, bo, case):
    is_problem(send(anna, case, b"<svg onload=alert(1)>", "x.pdf"), 415, pointer="/file")
    is_problem(send(anna, case, b""), 422, pointer="/file")
    is_problem(send(anna, case, kind="nonsense"), 422, pointer="/kind")
    is_problem(send(anna, case, owner="x"), 422, pointer="/owner", rule="unknown")
    limit = 10 * 1024 * 1024
    for size in (limit, 3 * limit):
        answer = send(anna, case, PDF + bytes(size))
        is_problem(answer, 413)
        assert "10 MB" in answer.get_json()["detail"]
    is_problem(anna.post(f"cases/{case}/documents", {"kind": "decision"}), 422, pointer="/kind")
    is_problem(anna.post(f"cases/{case}/documents", {"kind": "application"}), 409)
    is_problem(send(anna, case, headers={"If-Match": '"1"'}), 412)
    bo.post(f"cases/{case}/suspend", {"reason": "paus"})
    is_problem(send(anna, case), 409)
    is_problem(anna.post(f"cases/{case}/documents", {"kind": "rights_letter"}), 409)
    assert anna.get(f"cases/{case}/documents").get_json()["total"] == 0


def test_the_same_key_adds_one_document_sent_or_made(anna, case):
    key = {"Idempotency-Key": "one"}
    first, again = send(anna, case, headers=key), send(anna, case, headers=key)
    assert (again.get_json(), again.headers["Idempotent-Replayed"]) == (first.get_json(), "true")
    is_problem(send(anna, case, PDF + b"x", headers=key), 422)
    wish = {"kind": "rights_letter"}
    made = [anna.post(f"cases/{case}/documents", wish, Idempotency_Key="two") for _ in range(2)]
    assert made[0].get_json() == made[1].get_json()
    assert anna.get(f"cases/{case}/documents").get_json()["total"] == 2


def test_a_letter_is_made_in_the_language_that_is_asked_for_and_says_from_when(anna, case):
    made = anna.post(f"cases/{case}/documents", {"kind": "rights_letter", "language": "en"})
    assert made.status_code == 201, made.text
    told = made.get_json()
    assert told["made_from"] <= told["added_at"]
    pdf = pypdf.PdfReader(io.BytesIO(anna.get(told["content"]).data))
    text = " ".join(" ".join(page.extract_text() for page in pdf.pages).split())
    reference = anna.get(f"cases/{case}").get_json()["reference"]
    assert f"Made by Andrum {told['made_from'][:10]}" in text
    assert reference in text
    assert "Phone missing" in text
    assert "nobody may remove you" in text


def test_a_withdrawn_document_stays_marked(anna, kim, case):
    document = send(anna, case).get_json()["id"]
    is_problem(kim.post(f"documents/{document}/withdraw", {}), 422, pointer="/reason")
    told = kim.post(f"documents/{document}/withdraw", {"reason": "Fel person"}).get_json()
    assert (told["withdrawn_by"], told["withdrawn_at"] is not None) == ("kim", True)
    is_problem(kim.post(f"documents/{document}/withdraw", {"reason": "igen"}), 409)
    assert anna.get(f"documents/{document}").data == PDF


def exported(caller, case):
    answer = caller.get(f"cases/{case}/export.zip")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def relisted(files):
    listed = {name: verifier.hashlib.sha256(each).hexdigest() for name, each in files.items()}
    manifest = json.loads(files["manifest.json"])
    return files | {"manifest.json": json.dumps(manifest | {"files": listed}).encode()}


def content_changed(files, one, other):
    del other
    return files | {one: files[one] + b" "}, "document-changed", one


def contents_swapped(files, one, other):
    return files | {one: files[other], other: files[one]}, "document-changed", one


def content_removed(files, one, other):
    del other
    return {name: each for name, each in files.items() if name != one}, "document-missing", one


def title_changed(files, one, other):
    del other
    listed = json.loads(files["documents.json"])
    listed[0]["title"] = "Snällare"
    return files | {"documents.json": json.dumps(listed).encode()}, "document-changed", one


def taken_off_the_list(files, one, other):
    del other
    listed = json.loads(files["documents.json"])[1:]
    return files | {"documents.json": json.dumps(listed).encode()}, "document-missing", one


def mark_removed(files, one, other):
    del one
    listed = json.loads(files["documents.json"])
    listed[1]["withdrawn_at"] = None
    return files | {"documents.json": json.dumps(listed).encode()}, "document-mark", other


def one_more(files, one, other):
    del other
    listed = json.loads(files["documents.json"])
    listed.append(listed[0] | {"id": "another"})
    return files | {"documents.json": json.dumps(listed).encode()}, "document-extra", one


CHANGES = [
    content_changed, contents_swapped, content_removed, title_changed, taken_off_the_list, mark_removed,
    one_more,
]  # fmt: skip


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.usefixtures("kind")
def test_an_export_holds_the_documents_and_each_change_to_them_is_found_offline_by_name(anna, caller, case):
    for title in ("Ett", "Två"):
        document = send(anna, case, PDF + title.encode(), title=title).get_json()["id"]
    anna.post(f"documents/{document}/withdraw", {"reason": "Fel person"})
    files = exported(anna, case)
    assert verifier.check_files(files).findings == ()
    one, other = [each["file"] for each in json.loads(files["documents.json"])]
    assert (files[one], files[other]) == (PDF + b"Ett", PDF + "Två".encode())
    for change in CHANGES:
        changed, code, file = change(files, one, other)
        found = verifier.check_files(relisted(changed)).findings
        assert found[0].code == code, change.__name__
        if code != "document-extra":
            assert found[0].document in file, change.__name__
            assert found[0].sequence, change.__name__
        assert found[0].words(0), change.__name__
    auditors = exported(caller("greta"), case)
    assert not [name for name in auditors if name.startswith("documents/")]
    assert verifier.check_files(auditors).findings == ()
    assert b"Ett" not in auditors["documents.json"]
