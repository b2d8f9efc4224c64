"""What is wrong with an expression, in Swedish: where it stands, and what the reader of FEEL said of it."""

import re

_SAID = (
    (r"In the property “([^”]*)”: ", r"I egenskapen ”\1”: "),
    (r"In the condition: ", "I villkoret: "),
    (r"In the timer: ", "I tiden: "),
    (r"In the repetition: ", "I upprepningen: "),
    (r"At character (\d+), something is missing\.", r"Vid tecken \1 saknas något."),
    (r"At character (\d+), \"(.*)\" is not understood\.", r"Vid tecken \1 går ”\2” inte att förstå."),
    (
        r"At character (\d+), there is no function \"(.*)\"\.",
        r"Vid tecken \1: det finns ingen funktion ”\2”.",
    ),
    (
        r"At character (\d+), \"(.*)\" takes (\d+) arguments \((.*)\), not (\d+)\.",
        r"Vid tecken \1: ”\2” tar \3 värden (\4), inte \5.",
    ),
    (
        r"At character (\d+), (.*) does not exist in the calendar or is not written as ISO 8601\.",
        r"Vid tecken \1: \2 finns inte i kalendern eller är inte skrivet som ISO 8601.",
    ),
    (
        r"It is nested too deeply or uses numbers that are too large\.",
        "Det är för djupt eller för stora tal.",
    ),
)
_PATTERNS = tuple((re.compile(english), swedish) for english, swedish in _SAID)


def in_swedish(message: str) -> str:
    """Say it in Swedish; what has no Swedish words stays as it is."""
    for pattern, swedish in _PATTERNS:
        message = pattern.sub(swedish, message)
    return message
