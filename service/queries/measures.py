"""What is counted: each measure with its name and its definition in words. No counting here."""

from dataclasses import dataclass
from enum import StrEnum

from service.engine.text import Text

VERSION = 2  # of the definitions; a figure says by which it was counted
SOON = 72  # hours from the activated package in which a right counts as soon begun


class Kind(StrEnum):
    """How what was found becomes a figure."""

    COUNT = "count"  # each time counts
    DISTINCT = "distinct"  # each person counts once
    MEDIAN = "median"  # the middle one of numbers of days
    STOCK = "stock"  # each person counts once who is there when the period ends


@dataclass(frozen=True)
class Measure:
    """Something that is counted. `milestones` are what diagrams must mark for it to be countable."""

    key: str
    name: Text
    definition: Text
    kind: Kind = Kind.COUNT
    milestones: tuple[str, ...] = ()
    about_people_in_need: bool = True  # small counts are hidden

    @property
    def adds_up(self) -> bool:
        """Whether the figures of two years make that of both together."""
        return self.kind is Kind.COUNT


_WHERE = Text(
    " Ärendet räknas i den enhet som har det nu. Även skyddade ärenden räknas.",
    " A case counts in the unit that has it now. Protected cases count too.",
)


def _reached(key: str, milestone: str, name: Text, what: Text) -> Measure:
    """Count how often cases reached a milestone."""
    definition = Text(
        f"Antal gånger under perioden som {what.sv} (milstolpen {milestone} i ärendenas "
        f"historik).{_WHERE.sv}",
        f"How many times in the period {what.en} (the milestone {milestone} in the cases' histories)."
        f"{_WHERE.en}",
    )
    return Measure(key, name, definition, milestones=(milestone,))


MEASURES: tuple[Measure, ...] = (
    _reached(
        "applications_sent",
        "application-sent",
        Text("Skickade ansökningar om betänketid", "Applications for a reflection period sent"),
        Text(
            "en ansökan om betänketid skickades till Migrationsverket",
            "an application for a reflection period was sent to the Migration Agency",
        ),
    ),
    Measure(
        "individuals_rights_package_activated",
        Text("Individer med aktiverat rättighetspaket", "Individuals whose rights package was activated"),
        Text(
            "Antal olika personer för vilka rättighetspaketet aktiverades under perioden (milstolpen "
            "rights-package-activated). En person med flera ärenden räknas en gång: personnumret jämförs i "
            f"kodad form. Saknas personnummer räknas ärendet som en egen person.{_WHERE.sv}",
            "How many different persons had their rights package activated in the period (the milestone "
            "rights-package-activated). A person with several cases counts once: personal numbers are "
            f"compared as codes. Without one, the case counts as a person of its own.{_WHERE.en}",
        ),
        Kind.DISTINCT,
        ("rights-package-activated",),
    ),
    _reached(
        "decisions_granted",
        "decision-granted",
        Text("Bifall", "Decisions granted"),
        Text("Migrationsverkets bifall registrerades", "a grant by the Migration Agency was registered"),
    ),
    _reached(
        "decisions_refused",
        "decision-refused",
        Text("Avslag", "Decisions refused"),
        Text("Migrationsverkets avslag registrerades", "a refusal by the Migration Agency was registered"),
    ),
    Measure(
        "days_application_to_decision",
        Text("Dagar från ansökan till beslut", "Days from application to decision"),
        Text(
            "Median av antalet kalenderdagar från den senast skickade ansökan till det beslut som "
            f"följde, för beslut som registrerades under perioden.{_WHERE.sv}",
            "Median of the calendar days from the application sent last to the decision that followed, for "
            f"decisions registered in the period.{_WHERE.en}",
        ),
        Kind.MEDIAN,
        ("application-sent", "decision-granted", "decision-refused"),
    ),
    Measure(
        "rights_started_within_72h",
        Text("Rättigheter påbörjade inom 72 timmar", "Rights started within 72 hours"),
        Text(
            "Antal rättigheter som påbörjades under perioden (milstolpen right-started) högst "
            f"{SOON} timmar efter att rättighetspaketet aktiverades i ärendet.{_WHERE.sv}",
            f"How many rights started in the period (the milestone right-started) at most {SOON} hours after "
            f"the rights package was activated in the case.{_WHERE.en}",
        ),
        milestones=("rights-package-activated", "right-started"),
    ),
    _reached(
        "police_reports",
        "police-report-made",
        Text("Polisanmälningar", "Police reports"),
        Text("en polisanmälan gjordes", "a police report was made"),
    ),
    _reached(
        "extensions_requested",
        "extension-requested",
        Text("Begärda förlängningar", "Extensions requested"),
        Text("en förlängning begärdes", "an extension was requested"),
    ),
    _reached(
        "appeals",
        "appeal-sent",
        Text("Överklaganden", "Appeals"),
        Text("ett överklagande skickades", "an appeal was sent"),
    ),
    _reached(
        "reimbursement_claimed",
        "reimbursement-claimed",
        Text("Ansökningar om statlig ersättning", "Claims for state reimbursement"),
        Text(
            "statlig ersättning söktes (förordning 2017:193)",
            "state reimbursement was claimed (ordinance 2017:193)",
        ),
    ),
    Measure(
        "deadlines_met",
        Text("Frister som hölls", "Deadlines met"),
        Text(
            "Antal uppgifter vars frist gick ut under perioden och som var klara då. En flyttad frist "
            f"räknas på sin nya dag.{_WHERE.sv}",
            "How many tasks fell due in the period and were completed by then. A deadline that was moved "
            f"counts on its new day.{_WHERE.en}",
        ),
    ),
    Measure(
        "deadlines_missed",
        Text("Frister som missades", "Deadlines missed"),
        Text(
            "Antal uppgifter vars frist gick ut under perioden och som stängdes senare eller ännu är "
            f"öppna. En flyttad frist räknas på sin nya dag.{_WHERE.sv}",
            "How many tasks fell due in the period and were closed later or are still open. A deadline that "
            f"was moved counts on its new day.{_WHERE.en}",
        ),
    ),
    Measure(
        "staff_in_team",
        Text("Personal i teamet", "Staff in the team"),
        Text(
            "Antal olika personer som var handläggare eller gruppledare i enheten när perioden, eller "
            "året, var slut; för tid som inte är slut: nu.",
            "How many different persons were caseworkers or team leaders in the unit when the period, or the "
            "year, ended; for time that has not ended: now.",
        ),
        Kind.STOCK,
        about_people_in_need=False,
    ),
    Measure(
        "staff_trained",
        Text("Personal i teamet med giltig utbildning", "Staff in the team with valid training"),
        Text(
            "Antal olika personer i teamet, räknade som personalen i teamet, som samma dag hade minst en "
            "utbildning i utbildningsregistret som var given och inte hade gått ut. En utbildning gäller "
            "personen, i vilken enhet den än fördes in; återtagna räknas inte.",
            "How many different persons in the team, counted like the staff in the team, had on that day at "
            "least one training in the register that had been given and had not expired. A training belongs "
            "to the person, in whatever unit it was entered; withdrawn ones do not count.",
        ),
        Kind.STOCK,
        about_people_in_need=False,
    ),
    Measure(
        "routine_changes",
        Text("Ändringar av rutinen", "Changes of the routine"),
        Text(
            "Antal publiceringar av diagram, beslutstabeller eller formulär som började gälla under "
            "perioden. Rutinen är gemensam för alla enheter.",
            "How many deployments of diagrams, decision tables or forms took effect in the period. The "
            "routine is the same for all units.",
        ),
        about_people_in_need=False,
    ),
)
