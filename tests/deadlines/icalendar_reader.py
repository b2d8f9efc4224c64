"""A strict reader of calendars for tests: refuses what RFC 5545 does not allow, instead of guessing."""

import re

NAME = re.compile(r"[A-Z][A-Z0-9-]*")
PARAMETER = re.compile(r'[A-Z0-9-]+=(?:"[^"\x00-\x08\x0a-\x1f\x7f]*"|[^";:,\x00-\x08\x0a-\x1f\x7f]*)')
UTC = re.compile(r"\d{8}T\d{6}Z")
DAY = re.compile(r"\d{8}")
TEXTS = {"SUMMARY", "DESCRIPTION", "NAME", "X-WR-CALNAME"}
ONCE = {"UID", "DTSTAMP", "DTSTART", "SUMMARY", "DESCRIPTION", "CLASS", "STATUS", "TRANSP", "URL"}


def read(raw: bytes) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Give the calendar's own properties and its events', by name."""
    calendar: dict[str, str] = {}
    events: list[dict[str, str]] = []
    stack: list[str] = []
    for name, parameters, value in _properties(raw):
        if name == "BEGIN":
            assert (stack, value) in (([], "VCALENDAR"), (["VCALENDAR"], "VEVENT")), (stack, value)
            stack.append(value)
            if value == "VEVENT":
                events.append({})
        elif name == "END":
            assert stack.pop() == value
        else:
            assert stack, name
            into = events[-1] if stack[-1] == "VEVENT" else calendar
            assert name not in into, f"{name} stands twice"
            into[name] = _value(name, parameters, value)
    assert stack == []
    assert calendar["VERSION"] == "2.0"
    assert calendar["PRODID"]
    for event in events:
        assert {"UID", "DTSTAMP", "DTSTART"} <= set(event)
        assert set(event) <= ONCE, set(event) - ONCE
    assert len({event["UID"] for event in events}) == len(events)
    return calendar, events


def _properties(raw: bytes):
    text = raw.decode("utf-8")
    assert text.endswith("\r\n")
    lines = text[:-2].split("\r\n")
    assert all("\n" not in line and "\r" not in line for line in lines), "a bare line break"
    assert all(len(line.encode()) <= 75 for line in lines), "a line longer than 75 octets"
    unfolded: list[str] = []
    for line in lines:
        assert line, "an empty line"
        if line[0] in " \t":
            unfolded[-1] += line[1:]
        else:
            unfolded.append(line)
    for line in unfolded:
        head, colon, value = line.partition(":")
        assert colon, line
        name, *parameters = head.split(";")
        assert NAME.fullmatch(name), name
        assert all(PARAMETER.fullmatch(each) for each in parameters), parameters
        assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value), "a control character"
        yield name, parameters, value


def _value(name: str, parameters: list[str], value: str) -> str:
    if name in {"DTSTAMP", "DTSTART"}:
        whole = parameters == ["VALUE=DATE"]
        assert (DAY if whole else UTC).fullmatch(value), value
        assert whole or parameters == []
        assert not (whole and name == "DTSTAMP")
    if name not in TEXTS:
        return value
    assert not re.search(r"(?<!\\)(?:\\\\)*[,;]", value), f"a comma or semicolon that is not escaped: {value}"
    assert re.fullmatch(r"(?:[^\\]|\\[\\,;nN])*", value), value
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "N": "\n"}.get(found[1], found[1]), value)
