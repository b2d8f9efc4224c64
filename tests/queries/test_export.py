"""What is exported: the same bytes every time, whole to a stranger's eyes, wrong in words when touched."""

import csv
import io
import json
import subprocess
import sys
import zipfile
from hashlib import sha256

import pytest
from lxml import etree

from service import verifier
from service.commands import checkpoints
from service.errors import NotFound
from service.queries import export, sheets

SECRET = "Det hon berättade"


@pytest.fixture
def case(desk):
    made = desk.start(title="=cmd")
    desk.do(made, "ask", what=SECRET)
    desk.start("reminded")
    return made


def exported(desk, case, who="anna"):
    with desk.begin(who) as work:
        checkpoints.cover(work, case)
    with desk.begin(who) as work:
        return export.case_zip(work, case)


def opened(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def key_of(desk):
    return verifier.key_text(desk.platform.settings.trail, desk.platform.vault.public_key)


def test_an_export_is_whole_and_the_same_every_time(desk, case):
    name, content = exported(desk, case)
    assert exported(desk, case) == (name, content)
    files = opened(content)
    report = verifier.check_files(files, key=key_of(desk))
    assert report.findings == ()
    assert f"{report.reference}.zip" == name
    assert report.events == len(files["history.jsonl"].splitlines()) > 5
    assert report.values >= 2
    assert {"definitions/1/two_steps.bpmn", "definitions/1/small.form.json", "verify.py"} <= files.keys()


def test_an_auditors_export_has_commitments_only_and_is_whole_too(desk, case):
    files = opened(exported(desk, case, "greta")[1])
    report = verifier.check_files(files, key=key_of(desk))
    assert (report.findings, report.values) == ((), 0)
    assert not [name for name, content in files.items() if SECRET.encode() in content]
    assert [name for name, content in opened(exported(desk, case)[1]).items() if SECRET.encode() in content]


def test_the_verifier_runs_alone_on_a_bare_python(desk, case, tmp_path):
    path = tmp_path / "export.zip"
    path.write_bytes(exported(desk, case)[1])
    (tmp_path / "verify.py").write_bytes(opened(path.read_bytes())["verify.py"])

    def run(*more):
        command = [sys.executable, "-I", "-S", "verify.py", "export.zip", *more]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    good = run("--key", key_of(desk), "--language", "en")
    assert (good.returncode, good.stderr) == (0, "")
    assert "are whole, in order and covered by checkpoint" in good.stdout
    path.write_bytes(zipped(opened(path.read_bytes()) | {"case.json": b"{}"}))
    bad = run("--language", "sv")
    assert bad.returncode == 1
    assert "case.json: filen har ändrats" in bad.stdout


def zipped(files):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def relisted(files):
    """The manifest made anew, as someone who changes a file would."""
    listed = {name: sha256(content).hexdigest() for name, content in files.items() if name != "manifest.json"}
    manifest = json.loads(files["manifest.json"]) | {"files": listed}
    return files | {"manifest.json": json.dumps(manifest).encode()}


def lines(files):
    return [json.loads(line) for line in files["history.jsonl"].splitlines()]


def with_lines(files, told):
    return files | {"history.jsonl": b"".join(verifier.canonical(each) + b"\n" for each in told)}


def edited(files):
    told = lines(files)
    told[2]["facts"]["actor"] = "kim"
    return with_lines(files, told), ("seal", 3)


def removed(files):
    told = lines(files)
    del told[2]
    return with_lines(files, told), ("missing", 3)


def swapped(files):
    told = lines(files)
    told[2], told[3] = told[3], told[2]
    return with_lines(files, told), ("missing", 3)


def truncated(files):
    told = lines(files)
    return with_lines(files, told[:-1]), ("missing", len(told))


def rewritten(files):
    told, case = lines(files), json.loads(files["case.json"])
    told[2]["facts"]["actor"] = "kim"
    for before, line in zip([None, *told], told, strict=False):
        line["facts"]["previous"] = before["seal"] if before else ""
        line["seal"] = verifier.seal(line["facts"])
    case["seal"] = told[-1]["seal"]
    return with_lines(files, told) | {"case.json": json.dumps(case).encode()}, ("rewritten", 3)


def values_changed(files):
    told = lines(files)
    number = next(number for number, line in enumerate(told) if "values" in line)
    told[number]["values"]["plain"] = '{"title": "annat"}'
    return with_lines(files, told), ("values", number + 1)


def state_changed(files):
    case = json.loads(files["case.json"])
    case["snapshots"] = ["0" * 64]
    return files | {"case.json": json.dumps(case).encode()}, ("state", case["sequence"])


def diagram_changed(files):
    name = "definitions/1/two_steps.bpmn"
    return files | {name: files[name].replace(b"Fr", b"Sv")}, ("definitions", 2)


def checkpoint_forged(files):
    name = next(each for each in files if each.startswith("checkpoints/"))
    note = verifier.read_note(files[name].decode())
    text = verifier.checkpoint_text(note.origin, note.size, b"r" * 32)
    forged = verifier.signed(text, note.origin, verifier.read_key(files["key.txt"].decode())[1], b"s" * 64)
    return files | {name: forged.encode()}, ("signature", None)


def proof_removed(files):
    proofs = json.loads(files["proofs.json"])
    del proofs["leaves"]["4"]
    return files | {"proofs.json": json.dumps(proofs).encode()}, ("uncovered", 4)


CHANGES = [
    edited, removed, swapped, truncated, rewritten, values_changed, state_changed, diagram_changed,
    checkpoint_forged, proof_removed,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda each: each.__name__)
@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.usefixtures("kind")
def test_a_change_in_an_export_is_found_with_its_event_even_under_a_new_manifest(desk, case, change):
    files, (code, sequence) = change(opened(exported(desk, case)[1]))
    report = verifier.check_files(relisted(files), key=key_of(desk))
    assert (report.findings[0].code, report.findings[0].sequence) == (code, sequence)
    report = verifier.check_files(files, key=key_of(desk))
    assert report.findings[0].code == "file-changed"


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.usefixtures("kind")
def test_an_export_signed_by_somebody_else_is_found(desk, case, tmp_path):
    files = opened(exported(desk, case)[1])
    other = verifier.key_text("andrum.local/trail", b"k" * 32)
    assert verifier.check_files(files, key=other).findings[0].code == "key"
    del files["proofs.json"]
    assert verifier.check_files(files).findings[0].words(0) == "proofs.json: filen saknas"
    (tmp_path / "no.zip").write_bytes(b"PK nonsense")
    assert verifier.check(tmp_path / "no.zip").findings[0].code == "archive"
    assert verifier.check(tmp_path / "gone.zip").findings[0].code == "archive"


def test_another_units_case_is_not_exported(desk, case):
    with pytest.raises(NotFound), desk.begin("elin") as work:
        checkpoints.cover(work, case)
    with pytest.raises(NotFound), desk.begin("elin") as work:
        export.case_zip(work, case)


@pytest.mark.usefixtures("case")
def test_lists_have_a_bom_and_semicolons_and_no_formula(desk):
    hidden = desk.start(who="elin", unit="farsta")
    with desk.begin("greta") as work:
        rows = export.cases_table(work, export.Wanted())
        events = list(export.events_table(work, export.Wanted(unit="norrmalm")))
    assert len(rows) == 2
    assert str(hidden) not in str(rows)
    content = sheets.as_csv([dict.fromkeys(export.CASES, "=1+1"), *rows], export.CASES)
    assert content.startswith(b"\xef\xbb\xbfreference;process;")
    read = list(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))
    assert read[1][0] == "'=1+1"
    assert len(read) == 4
    assert SECRET not in str(events)
    assert [e["sequence"] for e in events if e["case"] == events[0]["case"]] == list(
        range(1, 1 + sum(e["case"] == events[0]["case"] for e in events))
    )


@pytest.mark.usefixtures("case")
def test_the_process_log_is_a_trace_per_case_with_activities_in_order(desk):
    with desk.begin("greta") as work:
        log = etree.fromstring("".join(export.xes(work, export.Wanted())).encode())
    name = "{http://www.xes-standard.org/}"
    traces = log.findall(f"{name}trace")
    assert len(traces) == 2
    told = [
        {each.get("key"): each.get("value") for each in event} for event in traces[0].findall(f"{name}event")
    ]
    assert [e["lifecycle:transition"] for e in told if e["concept:name"] == "ask"] == [
        "schedule",
        "assign",
        "complete",
    ]
    assert [e["time:timestamp"] for e in told] == sorted(e["time:timestamp"] for e in told)
    assert {"org:resource", "lifecycle:transition", "time:timestamp"} <= told[0].keys()
