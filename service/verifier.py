"""Check what Andrum exported of a case, offline: `python verify.py export.zip`. One file, no dependencies.

It recomputes every hash from what the export holds: the chain of events, the values behind the commitments,
the final state, the place of each event in the tree over all cases (RFC 9162), the signed checkpoints of that
tree (C2SP tlog-checkpoint, Ed25519 as in RFC 8032) and the digest of the diagrams that the case ran on. What
does not fit is told in words, with the place. The service itself takes its canonical form from here.
"""

import argparse
import hashlib
import hmac
import json
import locale
import lzma
import sys
import zipfile
import zlib
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMAT = "andrum-export-1"
HASH, KEY_ID, SIGNATURE = 32, 4, 64  # bytes
ED25519 = b"\x01"  # signature type of C2SP signed-note
Verification = Callable[[bytes, bytes, bytes], bool]  # public key, message, signature
DESTROYED = "case.destroyed"
LARGEST = 512 * 1024 * 1024  # bytes of one file in an export

WORDS: dict[str, tuple[str, str]] = {
    "archive": ("filen är inte en export från Andrum", "the file is not an export from Andrum"),
    "file-changed": ("filen har ändrats", "the file has been changed"),
    "file-missing": ("filen saknas", "the file is missing"),
    "file-unknown": ("filen hör inte till exporten", "the file does not belong to the export"),
    "unreadable": ("innehållet går inte att läsa", "the content cannot be read"),
    "missing": ("händelsen saknas", "the event is missing"),
    "extra": ("händelsen hör inte hit", "the event does not belong here"),
    "link": (
        "händelsen hänger inte ihop med den före",
        "the event does not follow from the one before",
    ),
    "seal": ("händelsen har ändrats sedan den skrevs", "the event was changed after it was written"),
    "stamp": ("händelsen är inte skriven av tjänsten", "the event was not written by the service"),
    "rewritten": (
        "händelsen är en annan än den som kontrollpunkten täcker",
        "the event is not the one that the checkpoint covers",
    ),
    "values": ("värdena bakom händelsen har ändrats", "the values behind the event were changed"),
    "destruction": (
        "ärendets nyckel är borta eller tillbaka utan att historiken säger det",
        "the case's key is gone or back without the history saying so",
    ),
    "state": (
        "ärendets läge stämmer inte med det som skrevs",
        "the state of the case is not what was recorded",
    ),
    "signature": (
        "kontrollpunkten är inte signerad av tjänsten",
        "the checkpoint is not signed by the service",
    ),
    "root": (
        "händelserna ger inte det som kontrollpunkten signerade",
        "the events do not give what the checkpoint signed",
    ),
    "consistency": (
        "kontrollpunkten bygger inte vidare på den före",
        "the checkpoint does not extend the one before",
    ),
    "checkpoint": (
        "kontrollpunkten är en annan än den som ligger utanför databasen",
        "the checkpoint is not the one that is kept outside the database",
    ),
    "checkpoint-missing": (
        "kontrollpunkten finns utanför databasen men inte i den",
        "the checkpoint is kept outside the database but is not in it",
    ),
    "uncovered": ("ingen kontrollpunkt täcker händelsen", "no checkpoint covers the event"),
    "definitions": (
        "diagrammen är inte de som ärendet gick på",
        "the diagrams are not those that the case ran on",
    ),
    "document-missing": ("handlingen saknas", "the document is missing"),
    "document-extra": ("handlingen hör inte hit", "the document does not belong here"),
    "document-changed": (
        "handlingen är inte den som lades till",
        "the document is not the one that was added",
    ),
    "document-mark": (
        "handlingen är inte märkt så som händelserna säger",
        "the document is not marked as the events tell",
    ),
    "key": (
        "exporten är signerad med en annan nyckel än den angivna",
        "the export is signed with another key than the one given",
    ),
}
HOLDS = (
    "{reference}: {events} händelser är hela, i ordning och täckta av kontrollpunkt {size}.",
    "{reference}: {events} events are whole, in order and covered by checkpoint {size}.",
)


@dataclass(frozen=True)
class Finding:
    """Something that is not as it was recorded: what (a key of WORDS) and where."""

    code: str
    file: str | None = None
    sequence: int | None = None
    size: int | None = None  # of the checkpoint
    document: str | None = None  # its id

    def words(self, language: int = 1) -> str:
        """Say it: Swedish 0, English 1."""
        where = []
        if self.file is not None:
            where.append(self.file)
        if self.sequence is not None:
            where.append(f"{('händelse', 'event')[language]} {self.sequence}")
        if self.size is not None:
            where.append(f"{('kontrollpunkt', 'checkpoint')[language]} {self.size}")
        if self.document is not None:
            where.append(f"{('handling', 'document')[language]} {self.document}")
        told = WORDS[self.code][language]
        return f"{', '.join(where)}: {told}" if where else told


@dataclass(frozen=True)
class Note:
    """A checkpoint as it was signed (C2SP tlog-checkpoint)."""

    text: bytes  # what the signatures are over
    origin: str
    size: int
    root: bytes
    signatures: tuple[tuple[str, bytes, bytes], ...]  # name, key id, signature


@dataclass(frozen=True)
class Report:
    """What the check of an export came to."""

    findings: tuple[Finding, ...]
    reference: str = ""
    events: int = 0
    values: int = 0  # events whose values are in the export and fit
    size: int = 0  # leaves that the newest checkpoint covers
    key: str = ""  # that the checkpoints are signed with
    destroyed: str = ""  # the day on which what was personal in the case was destroyed


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the export that is named; 0 when everything fits."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, help="export.zip")
    parser.add_argument("--key", help="the public key that the service published; else the export's own")
    parser.add_argument("--language", choices=("sv", "en"), default=_language())
    given = parser.parse_args(arguments)
    language = ("sv", "en").index(given.language)
    report = check(given.file, key=given.key)
    sys.stdout.write("\n".join(told(report, language, trusted=given.key is not None)) + "\n")
    return 1 if report.findings else 0


def told(report: Report, language: int = 1, *, trusted: bool = False) -> Iterator[str]:
    """Say in words what a check came to."""
    sv = language == 0
    for finding in report.findings:
        yield f"  {finding.words(language)}"
    if report.findings:
        yield ("Exporten stämmer inte: " if sv else "The export does not hold: ") + (
            f"{len(report.findings)} fel." if sv else f"{len(report.findings)} wrong."
        )
        return
    yield HOLDS[language].format(**vars(report))
    if report.destroyed:
        yield (
            f"Det personliga i ärendet förstördes {report.destroyed}; historiken står kvar."
            if sv
            else f"What was personal in the case was destroyed on {report.destroyed}; the history stays."
        )
    if report.values:
        yield f"{report.values} värden stämmer." if sv else f"{report.values} values fit."
    if not trusted:
        yield (
            "Nyckeln följde med exporten. Jämför den med tjänstens egen:"
            if sv
            else "The key came with the export. Compare it with the service's own:"
        )
        yield f"  {report.key}"


def check(path: Path, *, key: str | None = None) -> Report:
    """Check an export file against itself, and against the service's public key when one is given."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(set(names)) != len(names) or any(each.file_size > LARGEST for each in archive.infolist()):
                return Report((Finding("archive"),))
            files = {name: archive.read(name) for name in names}
    except (
        OSError,
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        NotImplementedError,
        RuntimeError,
        EOFError,
        ValueError,
    ):
        return Report((Finding("archive"),))
    return check_files(files, key=key)


def check_files(files: Mapping[str, bytes], *, key: str | None = None) -> Report:
    """Check the files of an export: name -> content."""
    try:
        manifest = json.loads(files["manifest.json"])
        if manifest["format"] != FORMAT:
            return Report((Finding("archive"),))
        damaged = list(_damaged(files, manifest["files"]))
        case = json.loads(files["case.json"])
        events = [json.loads(line) for line in files["history.jsonl"].splitlines()]
        proofs = json.loads(files["proofs.json"])
        own = files["key.txt"].decode().strip()
    except KeyError as error:
        return Report((Finding("file-missing", file=str(error.args[0])),))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return Report((Finding("unreadable"),))
    try:
        findings = [
            *damaged,
            *_history(case, events),
            *_checkpoints(files, proofs, own, key),
            *_places(events, proofs, files),
            *_definitions(files, events),
            *_documents(files, events),
        ]
        gone = next((each["facts"]["at"][:10] for each in events if each["facts"]["type"] == DESTROYED), "")
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return Report((*damaged, Finding("unreadable")))
    values = sum("values" in each for each in events)
    size = max((int(each) for each in proofs["checkpoints"]), default=0)
    return Report(tuple(findings), case["reference"], len(events), values, size, own, gone)


def seal(facts: Mapping[str, Any]) -> str:
    """Seal an event: SHA-256 of 0x00 and its facts in canonical JSON, as RFC 9162 (2.1.1) hashes a leaf."""
    return hashlib.sha256(b"\x00" + canonical(facts)).hexdigest()


def canonical(value: Any) -> bytes:
    """Write JSON in the one way that is sealed: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def fingerprints(content: bytes, label: Mapping[str, str]) -> dict[str, str]:
    """Tell a document from every other: SHA-256 of its bytes, and of its title and file name."""
    digests = {"content": content, "label": canonical(label)}
    return {name: hashlib.sha256(each).hexdigest() for name, each in digests.items()}


def state_digest(snapshots: Iterable[bytes]) -> str:
    """Digest a case's state from the SHA-256 of each sealed snapshot in it."""
    return hashlib.sha256(b"".join(snapshots)).hexdigest()


def follows(root: bytes, size: int, leaf: bytes, index: int, path: Sequence[bytes]) -> bool:
    """Verify that a leaf is in the tree with this root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    number, last, made = index, size - 1, leaf
    for each in path:
        if last == 0:
            return False
        if number & 1 or number == last:
            made = _node(each, made)
            while number and not number & 1:
                number, last = number >> 1, last >> 1
        else:
            made = _node(made, each)
        number, last = number >> 1, last >> 1
    return last == 0 and made == root


def extends(first: int, old: bytes, second: int, new: bytes, path: Sequence[bytes]) -> bool:
    """Verify that the tree of `first` leaves is the beginning of that of `second` (RFC 9162, 2.1.4.2)."""
    if first == second:
        return not path and old == new
    if first == 0:
        return not path and old == hashlib.sha256(b"").digest()
    if not 0 < first < second or not path:
        return False
    steps = list(path) if first & (first - 1) else [old, *path]
    return _climbed(first - 1, second - 1, steps) == (old, new)


def checkpoint_text(origin: str, size: int, root: bytes) -> bytes:
    """Write what a checkpoint's signature is over (C2SP tlog-checkpoint)."""
    return f"{origin}\n{size}\n{b64encode(root).decode()}\n".encode()


def signed(text: bytes, name: str, public: bytes, signature: bytes) -> str:
    """Put a signature under a text (C2SP signed-note)."""
    return f"{text.decode()}\n— {name} {b64encode(key_id(name, public) + signature).decode()}\n"


def key_id(name: str, public: bytes) -> bytes:
    """Tell keys apart: four bytes of SHA-256 over name, newline, type and key (C2SP signed-note)."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:KEY_ID]


def key_text(name: str, public: bytes) -> str:
    """Write a public key as others keep it (C2SP signed-note): name+id+key."""
    return f"{name}+{key_id(name, public).hex()}+{b64encode(ED25519 + public).decode()}"


def read_key(text: str) -> tuple[str, bytes]:
    """Read what `key_text` wrote: name and public key; raises `ValueError`."""
    name, _, rest = text.strip().partition("+")
    given, _, encoded = rest.partition("+")
    key = _decoded(encoded)
    if len(key) != HASH + 1 or key[:1] != ED25519 or key_id(name, key[1:]).hex() != given:
        raise ValueError("not a public key as this service writes it")
    return name, key[1:]


def read_note(text: str) -> Note:
    """Read a signed checkpoint; raises `ValueError` when it is none."""
    head, blank, tail = text.partition("\n\n")
    lines = head.split("\n")
    if not blank or len(lines) < 3 or not tail.endswith("\n"):  # noqa: PLR2004  origin, size, root
        raise ValueError("not a signed checkpoint")
    origin, size, root = lines[:3]
    if not size.isascii() or not size.isdigit() or str(int(size)) != size or len(_decoded(root)) != HASH:
        raise ValueError("not a signed checkpoint")
    signatures = []
    for line in tail.removesuffix("\n").split("\n"):
        mark, name, encoded = line.split(" ")
        decoded = _decoded(encoded)
        if mark != "—" or len(decoded) <= KEY_ID:
            raise ValueError("not a signature line")
        signatures.append((name, decoded[:KEY_ID], decoded[KEY_ID:]))
    return Note((head + "\n").encode(), origin, int(size), _decoded(root), tuple(signatures))


def is_signed(note: Note, name: str, public: bytes, holds: Verification | None = None) -> bool:
    """Tell whether this key signed the checkpoint, under its own name; `holds` may check it faster."""
    wanted = key_id(name, public)
    return any(
        given == name and id == wanted and (holds or ed25519)(public, note.text, signature)
        for given, id, signature in note.signatures
    )


def digest_of_files(files: Mapping[str, bytes]) -> str:
    """Digest what a deployment put in force: names, sizes and contents, by name."""
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(f"{name}\0{len(files[name])}\0".encode())
        whole.update(files[name])
    return whole.hexdigest()


def _damaged(files: Mapping[str, bytes], listed: Mapping[str, str]) -> Iterator[Finding]:
    """Compare each file with the manifest; the manifest itself can only be read."""
    for name in sorted(files.keys() | listed.keys() - {"manifest.json"}):
        if name == "manifest.json":
            continue
        if name not in files:
            yield Finding("file-missing", file=name)
        elif name not in listed:
            yield Finding("file-unknown", file=name)
        elif hashlib.sha256(files[name]).hexdigest() != listed[name]:
            yield Finding("file-changed", file=name)


def _history(case: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Check the chain from the first event to the end that the case names."""
    previous, number = "", 0
    for number, event in enumerate(events, start=1):
        why = _wrong(case, event, number, previous)
        if why is not None:
            yield Finding(why, file="history.jsonl", sequence=number)
        previous = event["seal"]
    if (case["sequence"], case["seal"]) != (number, previous):
        why = "missing" if case["sequence"] > number else "extra"
        yield Finding(why, file="history.jsonl", sequence=number + 1)
        return
    digest = state_digest(map(bytes.fromhex, case["snapshots"]))
    if events and digest != events[-1]["facts"]["state_digest"]:
        yield Finding("state", file="case.json", sequence=number)


def _wrong(case: Mapping[str, Any], event: Mapping[str, Any], number: int, previous: str) -> str | None:
    facts = event["facts"]
    if facts["sequence"] != number:
        return "missing" if facts["sequence"] > number else "extra"
    if facts["case"] != case["id"]:
        return "extra"
    if facts["previous"] != previous:
        return "link"
    if seal(facts) != event["seal"]:
        return "seal"
    return "values" if "values" in event and not _commits(facts["commitment"], event["values"]) else None


def _commits(commitment: str | None, values: Mapping[str, str]) -> bool:
    salt, plain = bytes.fromhex(values["salt"]), values["plain"].encode()
    return commitment == hmac.new(salt, plain, hashlib.sha256).hexdigest()


def _checkpoints(
    files: Mapping[str, bytes], proofs: Mapping[str, Any], own: str, key: str | None
) -> Iterator[Finding]:
    """Check the signatures, and that each checkpoint extends the one before."""
    if key is not None and key.strip() != own:
        yield Finding("key", file="key.txt")
    name, public = read_key(key or own)
    before: Note | None = None
    for size in sorted(int(each) for each in proofs["checkpoints"]):
        file = f"checkpoints/{size}.txt"
        note = read_note(files[file].decode())
        if note.size != size or not is_signed(note, name, public):
            yield Finding("signature", file=file, size=size)
        path = [bytes.fromhex(each) for each in proofs["checkpoints"][str(size)]]
        if before is not None and not extends(before.size, before.root, note.size, note.root, path):
            yield Finding("consistency", file=file, size=size)
        before = note


def _places(
    events: Sequence[Mapping[str, Any]], proofs: Mapping[str, Any], files: Mapping[str, bytes]
) -> Iterator[Finding]:
    """Check that each event is in the tree that the newest checkpoint signed."""
    newest = max((int(each) for each in proofs["checkpoints"]), default=None)
    note = None if newest is None else read_note(files[f"checkpoints/{newest}.txt"].decode())
    for number, event in enumerate(events, start=1):
        place = proofs["leaves"].get(str(number))
        if place is None or note is None:
            yield Finding("uncovered", file="proofs.json", sequence=number)
            continue
        path = [bytes.fromhex(each) for each in place["path"]]
        if not follows(note.root, note.size, bytes.fromhex(event["seal"]), place["leaf"], path):
            yield Finding("rewritten", file="history.jsonl", sequence=number, size=note.size)


def _definitions(files: Mapping[str, bytes], events: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
    """Check that the diagrams, tables and forms are those whose digest stands in the history."""
    for event in events:
        facts = event["facts"]
        wanted = facts["details"].get("definitions")
        folder = f"definitions/{facts['deployment']}/"
        if wanted is None:
            continue
        found = {name.removeprefix(folder): files[name] for name in files if name.startswith(folder)}
        if digest_of_files(found) != wanted:
            yield Finding("definitions", file=folder, sequence=facts["sequence"])


def _documents(files: Mapping[str, bytes], events: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Check that the documents are those that the events tell of, and that none is missing or added.

    Their bytes, titles and names are in exports for those who may see values; others get the list alone.
    """
    listed = {each["id"]: each for each in json.loads(files.get("documents.json", b"[]"))}
    shown = any("values" in each for each in events)
    held = {each["file"] for each in listed.values() if each.get("file")}
    withdrawn = _details(events, "document.withdrawn")
    for number, details in _details(events, "document.added").values():
        document = details["document"]
        entry = listed.pop(document, None)
        told = events[number - 1].get("values")
        why = "document-missing" if entry is None else _wrong_document(files, entry, details, told, shown)
        if why is None and entry is not None and bool(entry["withdrawn_at"]) != (document in withdrawn):
            why = "document-mark"
        if why is not None:
            file = (entry or {}).get("file") or "documents.json"
            yield Finding(why, file=file, sequence=number, document=document)
    for document in listed:
        yield Finding("document-extra", file="documents.json", document=document)
    for name in files:
        if name.startswith("documents/") and name not in held:
            yield Finding("document-extra", file=name)


def _details(events: Iterable[Mapping[str, Any]], type: str) -> dict[str, tuple[int, Mapping[str, Any]]]:
    """Events of one type, by the document that they tell of: number and details."""
    facts = [each["facts"] for each in events if each["facts"]["type"] == type]
    return {each["details"]["document"]: (each["sequence"], each["details"]) for each in facts}


def _wrong_document(
    files: Mapping[str, bytes],
    entry: Mapping[str, Any],
    details: Mapping[str, Any],
    values: Mapping[str, str] | None,
    shown: bool,  # noqa: FBT001  whether the export has values at all
) -> str | None:
    said = {"document": entry["id"], **{name: entry[name] for name in details if name != "document"}}
    if said != details:
        return "document-changed"
    if values is None:
        return "document-missing" if shown else None
    content = files.get(entry.get("file") or "")
    if content is None:
        return "document-missing"
    found = fingerprints(content, {"title": entry["title"], "name": entry["name"]})
    return None if found == json.loads(values["plain"]) else "document-changed"


def _climbed(number: int, last: int, steps: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """The roots of the old and the new tree that a consistency proof leads to; None when it leads nowhere."""
    while number & 1:
        number, last = number >> 1, last >> 1
    below = above = steps[0]
    for each in steps[1:]:
        if last == 0:
            return None
        if number & 1 or number == last:
            below, above = _node(each, below), _node(each, above)
            while number and not number & 1:
                number, last = number >> 1, last >> 1
        else:
            above = _node(above, each)
        number, last = number >> 1, last >> 1
    return (below, above) if last == 0 else None


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _decoded(text: str) -> bytes:
    try:
        decoded = b64decode(text, validate=True)
    except NotBase64 as error:
        raise ValueError("not base64") from error
    if b64encode(decoded).decode() != text:
        raise ValueError("not base64")
    return decoded


def _language() -> str:
    return "sv" if (locale.getlocale()[0] or "").lower().startswith(("sv", "swedish")) else "en"


# Ed25519 (RFC 8032, 5.1), verification only; points in extended coordinates (X, Y, Z, T).

Point = tuple[int, int, int, int]
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Verify a signature as RFC 8032 (5.1.7) says, without the cofactor."""
    if len(public) != HASH or len(signature) != SIGNATURE:
        return False
    key, point = _point(public), _point(signature[:HASH])
    scalar = int.from_bytes(signature[HASH:], "little")
    if key is None or point is None or scalar >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:HASH] + public + message).digest(), "little") % ORDER
    return _same(_times(scalar, BASE), _plus(point, _times(challenge, key)))


def _plus(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(scalar: int, point: Point) -> Point:
    made: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            made = _plus(made, point)
        point, scalar = _plus(point, point), scalar >> 1
    return made


def _same(one: Point, other: Point) -> bool:
    across = (one[0] * other[2] - other[0] * one[2]) % P
    up = (one[1] * other[2] - other[1] * one[2]) % P
    return across == up == 0


def _point(encoded: bytes) -> Point | None:
    """Decode a point (RFC 8032, 5.1.3); None when there is no such point."""
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    x = _x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def _x(y: int, sign: int) -> int | None:
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P != 0:
        return None
    return P - x if x & 1 != sign else x


_BASE_Y = 4 * pow(5, P - 2, P) % P
_BASE_X = _x(_BASE_Y, 0) or 0
BASE: Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % P)

if __name__ == "__main__":
    sys.exit(main())
