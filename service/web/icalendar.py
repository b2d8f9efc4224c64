"""Writes calendars as RFC 5545 has them: folded lines, escaped texts, UTC instants. Knows no deadlines."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

LONGEST_LINE = 75  # octets, without the line break (3.1)
PRODUCT = "-//Andrum//Andrum//SV"


@dataclass(frozen=True)
class Event:
    """An entry. `start` is a date (the whole day) or an aware instant; both ends are the same moment."""

    uid: str
    stamp: datetime
    start: date | datetime
    summary: str
    description: str
    url: str | None = None
    cancelled: bool = False


def calendar(name: str, events: Iterable[Event], *, refresh: timedelta) -> str:
    """Write a calendar of confidential entries that block no time."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{PRODUCT}",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"NAME:{text(name)}",
        f"X-WR-CALNAME:{text(name)}",
        f"REFRESH-INTERVAL;VALUE=DURATION:PT{int(refresh.total_seconds() // 60)}M",
        f"X-PUBLISHED-TTL:PT{int(refresh.total_seconds() // 60)}M",
    ]
    for event in events:
        lines += _event(event)
    lines.append("END:VCALENDAR")
    return "".join(f"{folded}\r\n" for line in lines for folded in fold(line))


def text(value: str) -> str:
    """Escape a text (3.3.11): backslash, semicolon, comma, line breaks; other control characters go."""
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    value = "".join(each for each in value if each in "\n\t" or (each >= " " and each != "\x7f"))
    for plain, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        value = value.replace(plain, escaped)
    return value


def fold(line: str) -> Iterator[str]:
    """Break a line after at most 75 octets, never inside a character; the rest begins with a space (3.1)."""
    piece, room = "", LONGEST_LINE
    for character in line:
        octets = len(character.encode())
        if octets > room:
            yield piece
            piece, room = " ", LONGEST_LINE - 1
        piece += character
        room -= octets
    yield piece


def _event(event: Event) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{event.uid}"
    yield f"DTSTAMP:{_utc(event.stamp)}"
    yield _start(event.start)
    yield f"SUMMARY:{text(event.summary)}"
    yield f"DESCRIPTION:{text(event.description)}"
    yield "CLASS:CONFIDENTIAL"
    yield "TRANSP:TRANSPARENT"
    yield f"STATUS:{'CANCELLED' if event.cancelled else 'CONFIRMED'}"
    if event.url:
        yield f"URL:{event.url}"
    yield "END:VEVENT"


def _start(start: date | datetime) -> str:
    """Write when it begins; without an end a date is that day, an instant takes no time (3.6.1)."""
    if isinstance(start, datetime):
        return f"DTSTART:{_utc(start)}"
    return f"DTSTART;VALUE=DATE:{start:%Y%m%d}"


def _utc(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}"
