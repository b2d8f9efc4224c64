"""What a form says when an answer will not do: a sentence per rule and language, that tells what to do."""

from service.engine.text import Text

WORDS: dict[str, Text] = {
    "required": Text("Fyll i ”{label}”.", "Enter “{label}”."),
    "required-one": Text("Välj ett svar på ”{label}”.", "Choose an answer to “{label}”."),
    "required-some": Text(
        "Välj minst ett alternativ under ”{label}”.", "Choose at least one option under “{label}”."
    ),
    "required-tick": Text("Kryssa i ”{label}” för att gå vidare.", "Tick “{label}” to go on."),
    "required-row": Text("Lägg till minst en rad under ”{label}”.", "Add at least one row under “{label}”."),
    "text": Text("Skriv ”{label}” som text.", "Write “{label}” as text."),
    "line": Text("Skriv ”{label}” på en rad.", "Write “{label}” on one line."),
    "characters": Text(
        "Ta bort tecken som inte går att spara i ”{label}”.",
        "Remove characters from “{label}” that cannot be stored.",
    ),
    "too-long": Text(
        "Korta ”{label}” till högst {limit} tecken.", "Shorten “{label}” to at most {limit} characters."
    ),
    "too-short": Text(
        "Skriv minst {limit} tecken i ”{label}”.", "Write at least {limit} characters in “{label}”."
    ),
    "pattern": Text(
        "Skriv ”{label}” i rätt form, till exempel {example}.",
        "Write “{label}” in the right form, for example {example}.",
    ),
    "number": Text(
        "Skriv ”{label}” med siffror, till exempel {example}.",
        "Write “{label}” in figures, for example {example}.",
    ),
    "whole-number": Text(
        "Skriv ”{label}” som ett heltal, till exempel {example}.",
        "Write “{label}” as a whole number, for example {example}.",
    ),
    "decimals": Text(
        "Skriv ”{label}” med högst {limit} decimaler.", "Write “{label}” with at most {limit} decimals."
    ),
    "too-small": Text("Skriv ”{label}” som {limit} eller mer.", "Write “{label}” as {limit} or more."),
    "too-large": Text("Skriv ”{label}” som {limit} eller mindre.", "Write “{label}” as {limit} or less."),
    "tick": Text("Svara sant eller falskt på ”{label}”.", "Answer true or false to “{label}”."),
    "option": Text(
        "Välj ett av svaren som finns under ”{label}”.", "Choose one of the answers given under “{label}”."
    ),
    "options": Text("Välj bland alternativen under ”{label}”.", "Choose among the options under “{label}”."),
    "date": Text(
        "Skriv ”{label}” som ett datum som finns, till exempel 2026-03-27.",
        "Write “{label}” as a real date, for example 2026-03-27.",
    ),
    "time": Text(
        "Skriv ”{label}” som ett klockslag, till exempel 14:05.",
        "Write “{label}” as a time of day, for example 14:05.",
    ),
    "date-time": Text(
        "Skriv ”{label}” som datum och klockslag, till exempel 2026-03-27 14:05.",
        "Write “{label}” as a date and time, for example 2026-03-27 14:05.",
    ),
    "past": Text(
        "Välj ett datum för ”{label}” som inte har passerat.",
        "Choose a date for “{label}” that has not passed.",
    ),
    "personal-number": Text(
        "Kontrollera ”{label}”: skriv tolv siffror, till exempel {example}.",
        "Check “{label}”: write twelve digits, for example {example}.",
    ),
    "rows": Text("Skriv ”{label}” som en lista med rader.", "Write “{label}” as a list of rows."),
    "too-many-rows": Text(
        "Ta bort rader under ”{label}”; det får vara högst {limit}.",
        "Remove rows under “{label}”; there may be at most {limit}.",
    ),
    "group": Text("Skriv ”{label}” som en grupp av svar.", "Write “{label}” as a group of answers."),
    "hidden": Text(
        "Ta bort svaret på ”{label}”: frågan ställs inte med de övriga svaren.",
        "Remove the answer to “{label}”: with the other answers the question is not asked.",
    ),
    "unknown": Text(
        "Ta bort ”{label}”: formuläret har ingen sådan fråga.",
        "Remove “{label}”: the form has no such question.",
    ),
    "answers": Text(
        "Skicka svaren som ett objekt med ett namn för varje fråga.",
        "Send the answers as an object with a name for each question.",
    ),
}
YES, NO = Text("Ja", "Yes"), Text("Nej", "No")
INVALID = Text("Rätta det som är fel och skicka igen.", "Correct what is wrong and send again.")


def sentence(rule: str, *, language: str, label: str, limit: object = "", example: str = "") -> str:
    """Say what to do about an answer that breaks this rule: the words at the field and in the summary."""
    return WORDS[rule].in_(language).format(label=label, limit=limit, example=example)
