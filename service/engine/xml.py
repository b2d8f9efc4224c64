"""Reads the XML of diagrams and tables from people we need not trust: the one place where XML is parsed."""

from typing import Any

from lxml import etree

from service.errors import Problem, Refused

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
MAX_BYTES = 2_000_000
MAX_ELEMENTS = 20_000
MAX_DEPTH = 100


def root(data: bytes, file: str) -> Any:
    """Parse one document into its lxml root element, without comments and processing instructions.

    Only UTF-8, no DOCTYPE, no entities of one's own, at most 2 MB, 20 000 elements, 100 levels: what a
    diagram needs, and nothing that reads files, opens connections or eats memory.
    Raises `Refused` with one problem that names the file and what to do.
    """
    if len(data) > MAX_BYTES:
        raise _refused(file, "xml-too-large", f"The file is larger than {MAX_BYTES // 1_000_000} MB.")
    _check_characters(data, file)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8",
    )
    try:
        found = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        message = f"The file is not well-formed XML: {error.msg}."
        raise _refused(file, "xml-syntax", message) from error
    if found.getroottree().docinfo.internalDTD is not None:
        raise _refused(file, "xml-doctype", "Remove the DOCTYPE; diagrams do not need one.")
    _check_size(found, file)
    return found


def only_process(data: bytes) -> str | None:
    """Give the id of the process in a diagram; None when there are more, or none, or it cannot be read."""
    try:
        found = [each.get("id") for each in root(data, "").iter(f"{{{BPMN}}}process")]
    except Refused:
        return None
    return found[0] if len(found) == 1 else None


def _check_characters(data: bytes, file: str) -> None:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = "The file is not UTF-8; save it with that encoding."
        raise _refused(file, "xml-encoding", message) from error
    if "\0" in text:
        message = "The file has NUL characters, as UTF-16 has; save it as UTF-8."
        raise _refused(file, "xml-encoding", message)
    declaration = text[: text.find("?>")] if text.lstrip().startswith("<?xml") else ""
    if "encoding" in declaration and "utf-8" not in declaration.lower():
        message = "The file says that it is not UTF-8; save it with that encoding."
        raise _refused(file, "xml-encoding", message)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        message = "Remove the DOCTYPE and its entities; diagrams do not need them."
        raise _refused(file, "xml-doctype", message)


def _check_size(found: Any, file: str) -> None:
    count, depth = 0, 0
    for event, _ in etree.iterwalk(found, events=("start", "end")):
        depth += 1 if event == "start" else -1
        count += event == "start"
        if count > MAX_ELEMENTS or depth > MAX_DEPTH:
            message = f"The file has more than {MAX_ELEMENTS} elements or more than {MAX_DEPTH} levels."
            raise _refused(file, "xml-too-large", message)


def _refused(file: str, rule: str, message: str) -> Refused:
    return Refused(problems=[Problem(message, file=file, rule=rule)])
