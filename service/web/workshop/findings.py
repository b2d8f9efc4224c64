"""What is wrong with a draft, in the reader's language: the engine tells a rule and English words."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from service.errors import Problem
from service.web.presentation import language
from service.web.workshop.feel_words import in_swedish

# where only the engine's own words say exactly what
EXACT = {
    "condition",
    "dmn-gap",
    "due",
    "example",
    "feel",
    "json",
    "not-drawn",
    "pattern",
    "script",
    "task-incomplete",
    "timer",
}
# these quote elements by their ids, after so many words that are not
OF_PATHS = {"done-twice": 0, "join-left-over": 0, "join-stuck": 0, "name-early": 1, "never-ends": 0}
_QUOTED = re.compile(r"“[^”]*”")

# {0} is the first word that the engine puts into quotation marks; without a place, all follow
SWEDISH: Mapping[str, str] = {
    "answer-unknown": "{0} blir aldrig {1}, för svaren är {2}; jämför med ett av dem.",
    "attached": "Händelsen sitter inte på en aktivitet; fäst den på en.",
    "bpmnlint-ad-hoc-sub-process": "Det som görs i valfri ordning har varken start eller slut; ta bort dem.",
    "bpmnlint-conditional-flows": "Andra flöden härifrån har villkor; ge det ett eller gör det till övrigt.",
    "bpmnlint-end-event-required": "Det finns inget slut; rita en sluthändelse där arbetet är klart.",
    "bpmnlint-event-based-gateway": "”Det som händer först” väntar på minst två händelser, utan villkor.",
    "bpmnlint-event-sub-process-typed-start-event": "Säg vad som startar den, till exempel en tid.",
    "bpmnlint-fake-join": "Flera flöden går hit och det syns inte om ett räcker; slå ihop med ett grindval.",
    "bpmnlint-label-required": "Namn saknas; skriv vad som görs, frågas, väntas på eller nås här.",
    "bpmnlint-link-event": "En länk behöver ett namn, och en mottagande länk med samma namn; ge båda det.",
    "bpmnlint-no-bpmndi": "Det här är inte utritat, så ingen ser det; rita ut det.",
    "bpmnlint-no-complex-gateway": "Ingen ser när ett sammansatt villkor öppnar; välj ett vanligt grindval.",
    "bpmnlint-no-disconnected": "Det här hänger inte ihop med något; rita ett flöde hit eller ta bort det.",
    "bpmnlint-no-duplicate-sequence-flows": "Två flöden går samma väg, allt görs dubbelt; ta ett bort",
    "bpmnlint-no-gateway-join-fork": "Grindvalet slår ihop och delar på en gång; rita två, först det ena.",
    "bpmnlint-no-implicit-end": "Vägen tar slut här utan sluthändelse; rita en.",
    "bpmnlint-no-implicit-split": "Flera flöden utan villkor går härifrån och alla följs; dela med grindval.",
    "bpmnlint-no-implicit-start": "Inget flöde leder hit; rita ett, eller en starthändelse.",
    "bpmnlint-no-overlapping-elements": "Det här ligger på något annat eller utanför sin ram; flytta det.",
    "bpmnlint-readable": "Redigeraren kan inte läsa det här och tappar det när den sparar; skriv om det.",
    "bpmnlint-single-blank-start-event": "Här finns flera starter; behåll en och låt grindval välja.",
    "bpmnlint-single-event-definition": "Händelsen väntar på flera saker; rita en händelse för varje.",
    "bpmnlint-start-event-required": "Det finns ingen start; rita en starthändelse.",
    "bpmnlint-sub-process-blank-start-event": "En delprocess börjar med en vanlig start; gör den vanlig.",
    "bpmnlint-superfluous-gateway": "Ett flöde kommer till grindvalet och ett går ut; ta bort grindvalet.",
    "bpmnlint-superfluous-termination": "Inget annat pågår som kan avbrytas här; rita ett vanligt slut.",
    "bpmn-namespace": "Filen är inget diagram i BPMN 2.0.",
    "calls-circle": "Processerna startar varandra i en ring utan slut; rita en väg till slutet utan anropet.",
    "called-process": "Välj en process som finns.",
    "check": "Välj en kontroll som finns.",
    "compensation": "Kompensationen går inte ihop; se vad den ska ångra och vem som utlöser den.",
    "component": "En del av formuläret är skriven på fel sätt; varje del är ett objekt.",
    "component-type": "Det slaget av fråga finns inte här; byt slag.",
    "components": "Formuläret behöver minst en fråga.",
    "condition": "Villkoret saknas eller kan inte läsas.",
    "conditional": "Villkoret är skrivet på fel sätt; det är ett objekt med ”hide”.",
    "decimalDigits": "Antalet decimaler är ett heltal från 0.",
    "decision": "Välj en beslutstabell som finns och skriv var svaret sparas.",
    "default-flow": "Flödet för när inget annat gäller är fel; det går ut härifrån och har inget villkor.",
    "defaultValue": "Förslaget till svar går inte att lämna; skriv ett som formuläret godtar.",
    "depth": "Här ligger för många grupper i varandra; lägg några bredvid i stället.",
    "description": "Skriv hjälptexten som text.",
    "dmn-aggregation": "Sammanräkningen passar inte; den behöver COLLECT, ett svar och rätt slag av värde.",
    "dmn-cells": "Raden ska ha en cell i varje kolumn.",
    "dmn-empty": "Det finns ingen beslutstabell i filen.",
    "dmn-gap": "Ingen rad slår till för vissa värden; lägg till en, om det inte är meningen.",
    "dmn-hit-policy": "Den regeln för vilka rader som gäller finns inte; välj en annan.",
    "dmn-id": "Varje rad och del ska ha ett eget id.",
    "dmn-key": "Tabellens id skrivs med små bokstäver, siffror och understreck.",
    "dmn-language": "Skriv cellen i FEEL; inget annat språk körs.",
    "dmn-logic": "Beslutet har varken tabell eller uttryck; lägg till det ena.",
    "dmn-namespace": "Filen är ingen beslutstabell i DMN 1.1–1.5.",
    "dmn-outputs": "Tabellen behöver svar, och flera svar behöver var sitt namn.",
    "dmn-overlap": "Två rader kan slå till samtidigt; snäva in en av dem eller byt träffregel.",
    "dmn-priority": "Skriv svarets tillåtna värden i den ordning de ska gälla.",
    "dmn-requirement": "Ett beslut som krävs ska finnas i samma fil och inte kräva sig självt.",
    "dmn-size": "Tabellen är för stor; dela den.",
    "dmn-type": "Det slaget av värde finns inte; välj ett annat.",
    "dmn-unsupported": "Det här körs inte av tjänsten; använd en tabell eller ett uttryck.",
    "done-twice": "Alla grenar från {0} kommer hit var för sig, så resten görs flera gånger; slå ihop dem.",
    "due": "Fristen kan inte bli en tid; skriv till exempel P3D för tre dygn.",
    "element-not-drawn": "Det här är inte utritat, så ingen ser det; rita ut det.",
    "event-gateway": "Efter ”det som händer först” får bara händelser komma.",
    "event-kind": "Det slaget av händelse körs inte här; byt slag.",
    "expression-language": "Skriv uttrycket i FEEL; inget annat språk körs.",
    "event-reference": "Välj vilket meddelande, vilken signal eller vilket fel det gäller.",
    "example": "Exemplet går inte som det är skrivet; rätta det eller det som det prövar.",
    "feel": "Uttrycket kan inte läsas.",
    "file-kind": "Bara filer som slutar på .bpmn, .dmn och .form.json hör hit.",
    "file-name": "Döp filen till {0}, efter dess nyckel.",
    "file-name-of-key": "Döp filen efter dess nyckel: case.bpmn, permit_route.dmn, first_contact.form.json.",
    "file-twice": "Två filer har samma namn; skicka den ena.",
    "flow-out": "Flödet ut härifrån är inte tillåtet; ta bort det.",
    "flow-source": "Flödet börjar inte vid något på samma nivå.",
    "flow-target": "Flödet leder inte till något det får leda till.",
    "foreign": "Det kommer från ett annat verktyg och följs inte här; ta bort det.",
    "form": "Välj ett formulär som finns.",
    "form-file": "Filen ska heta som formulärets id: id.form.json.",
    "form-id": "Formulärets id skrivs med små bokstäver, siffror och understreck.",
    "form-on-start": "En starthändelse frågar inget; lägg formuläret på den första uppgiften efter den.",
    "form-title": "Skriv formulärets titel.",
    "form-type": "Formulärets slag ska vara ”default”.",
    "four-eyes": "Välj en annan uppgift för en person i samma process.",
    "id-form": "Ett id skrivs med a–z, siffror, ”_”, ”-” och ”.”, och börjar inte med en siffra.",
    "id-twice": "Två element har samma id; ge dem var sitt.",
    "join-left-over": "Här blir något kvar när ärendet går {0}; slå ihop på samma sätt som det delades.",
    "join-stuck": "Från {0} kommer inget när ärendet går {1}, så det fastnar här; slå ihop som det delades.",
    "json": "Filen kan inte läsas som JSON.",
    "key": "Frågans nyckel skrivs med bokstäver a–z, siffror och understreck, och är inget ord i FEEL.",
    "key-twice": "Två filer har samma nyckel; ge den ena en annan.",
    "label": "Skriv en fråga.",
    "laid-out": "Tjänsten ritar processen, för filen säger inte hur; öppna redigeraren för att rita om.",
    "lint-left-out": "Det som kan missförstås söktes inte, diagrammet är för stort; allt annat är prövat.",
    "limits": "Den undre gränsen ska vara lägre än den övre.",
    "link": "Länken saknar sin andra ände, eller har två.",
    "mapping-kind": "Stegen är av olika slag; välj ett steg av samma slag.",
    "mapping-level": "Stegen ligger inte i samma delprocess; flytta även delprocessen.",
    "mapping-new": "Steget finns inte i den nya versionen; välj ett som finns där.",
    "mapping-old": "Steget finns inte i den gamla versionen; välj ett som finns där.",
    "mapping-twice": "Två steg skulle bli samma steg; låt bara ett av dem bli det.",
    "max": "Den övre gränsen är ett tal.",
    "maxLength": "Största längden är ett heltal.",
    "milestone": "En milstolpe skrivs med små bokstäver, siffror och bindestreck.",
    "milestone-lost": "En milstolpe försvinner och siffror som räknar den tar slut; flytta den.",
    "min": "Den undre gränsen är ett tal.",
    "minLength": "Minsta längden är ett heltal.",
    "name-early": "{0} ges inte på någon väg hit ({1}) och är tomt; läs det efter {2} eller fråga före.",
    "name-misspelled": "Inget ger {0}, så det är alltid tomt. Menade du {1}?",
    "name-unknown": "Inget ger {0}, så det är alltid tomt; fråga efter det i ett formulär.",
    "never-ends": "Härifrån leder ingen väg till ett slut; rita en väg ut till en sluthändelse.",
    "no-files": "Skicka minst en fil.",
    "no-id": "Ett element saknar id.",
    "more-problems": "Det finns fler fel; rätta de här först.",
    "no-process": "Det finns ingen process som kan köras i filen; märk en som körbar.",
    "not-caught": "Ingen händelse väntar på detta; lägg till en eller ta bort det.",
    "not-drawn": "Filen säger inte hur processen är ritad, och tjänsten kan inte rita den; rita den själv.",
    "not-run": "Det här körs inte av tjänsten; rita det på ett annat sätt.",
    "note": "Skriv vad som ändras och varför.",
    "one-event": "En händelse väntar på en sak; rita flera händelser.",
    "one-start": "Det ska finnas precis en start; låt grindval välja efter den.",
    "options": "Varje svar att välja på behöver en text och ett eget värde.",
    "path": "Gruppens nyckel skrivs med bokstäver a–z, siffror och understreck.",
    "pattern": "Mönstret kan inte användas; skriv ett enklare.",
    "period": "En period är en nyckel i tabellen periods: små bokstäver, siffror och understreck.",
    "process-key": "Processens id skrivs med små bokstäver, siffror och understreck.",
    "properties": "Egenskaperna är skrivna på fel sätt; de är ett objekt.",
    "property": "Det finns ingen sådan egenskap här.",
    "reference-prefix": "Skriv det som pekas ut utan prefix och kolon.",
    "repeat": "Säg hur många gånger eller för vilken lista, och när det är klart.",
    "right": "Välj en av de sex rättigheterna.",
    "role": "Välj rollen handläggare eller gruppledare.",
    "script": "En tilldelning per rad: namn = uttryck.",
    "size": "Filen är för stor.",
    "subtype": "Välj datum, klockslag eller båda (date, time, datetime).",
    "table-columns": "Tjänsten läser kolumner som saknas: {0}. Lägg till dem.",
    "table-kind": "Tjänsten läser beslutet som en tabell; skriv det som en.",
    "table-many": "Här läses flera rader: välj träffregeln RULE ORDER.",
    "table-one": "Här läses en rad: välj träffregeln UNIQUE.",
    "task-incomplete": "Uppgiften säger för lite för den som ska göra den; fyll i det som saknas.",
    "text": "Texten saknas eller har ett uttryck som inte kan läsas.",
    "timer": "Tiden kan inte läsas; skriv en varaktighet som P3D eller ett uttryck som blir en tid.",
    "too-many-nodes": "Här finns för många element; lägg några i en delprocess.",
    "unique-id": "Två delar har samma id; ge dem var sitt.",
    "unique-key": "Två frågor har samma nyckel; ge dem var sin.",
    "unreachable": "Hit leder ingen väg; koppla ihop det eller ta bort det.",
    "unsupported": "Det stöds inte i formulär här; ta bort det.",
    "validate": "Reglerna för svaret är skrivna på fel sätt; de är ett objekt.",
    "variable": "Så kan en variabel inte heta; använd bokstäver, siffror och understreck.",
    "retention-age": "{0} är ett helt antal år, eller null.",
    "retention-kept": "{0} är true eller false.",
    "retention-numbers": "Det som inte bevaras behöver {0} 1 eller mer och {1} 0 eller mer, båda heltal.",
    "retention-unit": "{0} är ett av orden {1}.",
    "warning-again": "Det som upprepas ({0}) behöver minst 1 i {1}: hur länge efter förra gången.",
    "warning-day-of-period": "{0} räknas i {1}, och den första dagen är 1.",
    "warning-numbers": "{0} är 1 eller mer och {1} 0 eller mer, båda heltal.",
    "warning-percent": "{0} hör ihop med {1} och bara med det.",
    "warning-word": "{0} är ett av orden {1}.",
    "xml-doctype": "Ta bort DOCTYPE ur filen.",
    "xml-encoding": "Filen ska vara skriven i UTF-8.",
    "xml-syntax": "Filen kan inte läsas som XML.",
    "xml-too-large": "Filen är för stor.",
}


def told(problem: Problem) -> str:
    """Say what is wrong and what to do; the engine's own words follow where Swedish is short of them."""
    swedish = SWEDISH.get(problem.rule or "")
    if language() != "sv":
        return problem.message
    if swedish is None:
        return f"Rätta detta: {problem.message}"
    if problem.rule in EXACT:
        return f"{swedish} ({in_swedish(problem.message)})"
    quoted = _QUOTED.findall(problem.message)
    if "{0}" in swedish:
        return swedish.format(*quoted)
    named = ", ".join(dict.fromkeys(quoted))
    return f"{swedish} ({named})" if named else swedish


def listed(problems: Iterable[Problem], names: Mapping[str, str]) -> list[dict[str, str]]:
    """Say all problems, as an editor shows them: file, element, its name, the words."""
    return [
        {
            "file": each.file or "",
            "element": each.element or "",
            "name": names.get(each.element or "", each.element or ""),
            "rule": each.rule or "",
            "words": told(_by_name(each, names)),
        }
        for each in problems
    ]


def _by_name(problem: Problem, names: Mapping[str, str]) -> Problem:
    """Call the elements of a path by their names."""
    if problem.rule not in OF_PATHS:
        return problem

    def named(found: re.Match[str]) -> str:
        return f"“{' → '.join(names.get(each, each) for each in found[0][1:-1].split(' → '))}”"

    at = 0
    for _ in range(OF_PATHS[problem.rule]):
        at = problem.message.index("”", at) + 1
    return replace(problem, message=problem.message[:at] + _QUOTED.sub(named, problem.message[at:]))
