"""What is wrong with a draft, in the reader's language: the engine tells a rule and English words."""

import re
from collections.abc import Iterable, Mapping

from service.errors import Problem
from service.web.presentation import language

_QUOTED = re.compile(r"“[^”]*”")

SWEDISH: Mapping[str, str] = {
    "attached": "Händelsen sitter inte på en aktivitet; fäst den på en.",
    "called-process": "Välj en process som finns.",
    "compensation": "Kompensationen går inte ihop; se vad den ska ångra och vem som utlöser den.",
    "condition": "Villkoret saknas eller kan inte läsas.",
    "decision": "Välj en beslutstabell som finns och skriv var svaret sparas.",
    "default-flow": "Flödet för när inget annat gäller är fel; det går ut härifrån och har inget villkor.",
    "dmn-gap": "Ingen rad slår till för vissa värden; lägg till en, om det inte är meningen.",
    "dmn-overlap": "Två rader kan slå till samtidigt; snäva in en av dem eller byt träffregel.",
    "due": "Fristen kan inte bli en tid; skriv till exempel P3D för tre dygn.",
    "event-gateway": "Efter ”det som händer först” får bara händelser komma.",
    "event-kind": "Det slaget av händelse körs inte här; byt slag.",
    "event-reference": "Välj vilket meddelande, vilken signal eller vilket fel det gäller.",
    "feel": "Uttrycket kan inte läsas.",
    "file-kind": "Bara filer som slutar på .bpmn, .dmn och .form.json hör hit.",
    "flow-out": "Flödet ut härifrån är inte tillåtet; ta bort det.",
    "flow-source": "Flödet börjar inte vid något på samma nivå.",
    "flow-target": "Flödet leder inte till något det får leda till.",
    "foreign": "Det kommer från ett annat verktyg och följs inte här; ta bort det.",
    "form": "Välj ett formulär som finns.",
    "four-eyes": "Välj en annan uppgift för en person i samma process.",
    "id-twice": "Två element har samma id; ge dem var sitt.",
    "key-twice": "Två filer har samma nyckel; ge den ena en annan.",
    "link": "Länken saknar sin andra ände, eller har två.",
    "milestone": "En milstolpe skrivs med små bokstäver, siffror och bindestreck.",
    "milestone-lost": "En milstolpe försvinner och siffror som räknar den tar slut; flytta den.",
    "never-ends": "Härifrån leder ingen väg till ett slut; rita en väg ut till en sluthändelse.",
    "no-id": "Ett element saknar id.",
    "no-process": "Det finns ingen process som kan köras i filen.",
    "not-caught": "Ingen händelse väntar på detta; lägg till en eller ta bort det.",
    "not-run": "Det här körs inte av tjänsten; rita det på ett annat sätt.",
    "one-event": "En händelse väntar på en sak; rita flera händelser.",
    "one-start": "Det ska finnas precis en start; låt grindval välja efter den.",
    "period": "En period är en nyckel i tabellen periods: små bokstäver, siffror och understreck.",
    "process-key": "Processens id skrivs med små bokstäver, siffror och understreck.",
    "property": "Det finns ingen sådan egenskap här.",
    "repeat": "Säg hur många gånger eller för vilken lista, och när det är klart.",
    "right": "Välj en av de sex rättigheterna.",
    "role": "Välj rollen handläggare eller gruppledare.",
    "script": "En tilldelning per rad: namn = uttryck.",
    "task-incomplete": "Uppgiften säger för lite för den som ska göra den; fyll i det som saknas.",
    "timer": "Tiden kan inte läsas; skriv en varaktighet som P3D eller ett uttryck som blir en tid.",
    "too-many-nodes": "Här finns för många element; lägg några i en delprocess.",
    "unreachable": "Hit leder ingen väg; koppla ihop det eller ta bort det.",
    "variable": "Så kan en variabel inte heta; använd bokstäver, siffror och understreck.",
}


def told(problem: Problem) -> str:
    """Say what is wrong and what to do; the engine's own words follow where Swedish is short of them."""
    swedish = SWEDISH.get(problem.rule or "")
    if language() != "sv":
        return problem.message
    if swedish is None:
        return f"Rätta detta: {problem.message}"
    if problem.rule in {"feel", "condition", "script", "due", "timer", "dmn-gap", "task-incomplete"}:
        return f"{swedish} ({problem.message})"
    named = ", ".join(dict.fromkeys(_QUOTED.findall(problem.message)))
    return f"{swedish} ({named})" if named else swedish


def listed(problems: Iterable[Problem], names: Mapping[str, str]) -> list[dict[str, str]]:
    """Say all problems, as an editor shows them: file, element, its name, the words."""
    return [
        {
            "file": each.file or "",
            "element": each.element or "",
            "name": names.get(each.element or "", each.element or ""),
            "rule": each.rule or "",
            "words": told(each),
        }
        for each in problems
    ]
