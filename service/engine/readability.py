"""What a reader could misunderstand in diagrams: advice, in our words; they would run all the same."""

from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import islice

from service.engine import tooling
from service.engine.definition import Definition
from service.errors import Malformed, Problem, Refused, StepFailed

MOST_TOLD = 50  # of one file
MOST_ELEMENTS = 5_000  # that are looked through in one go, in all files: about a second

# Rules of bpmnlint, the weightiest first: of an element one thing is told at a time, as the next may go with
# it. The last ones our own checks refuse where a process is run; one that is only drawn may break them.
SAYS = {
    "readable": "The editor cannot read this and would lose it when it saves; write it otherwise.",
    "no-duplicate-sequence-flows": "Two flows go the same way, so what follows is done twice; take one away.",
    "no-implicit-split": "Several flows without a condition leave here, all are taken; split with a gateway.",
    "fake-join": "Several flows come here, and it does not show whether one is enough; join with a gateway.",
    "no-gateway-join-fork": "The gateway joins and splits at once; draw two, first the one that joins.",
    "superfluous-gateway": "One flow comes to the gateway and one leaves it; take it away.",
    "superfluous-termination": "Nothing else runs that could be ended here; draw a plain end event.",
    "no-implicit-end": "The path ends here without an end event; draw one.",
    "end-event-required": "There is no end event; draw one where the work is done.",
    "label-required": "This has no name; write what is done, asked, awaited or reached here.",
    "no-bpmndi": "This is drawn nowhere, so nobody sees it; draw it.",
    "no-overlapping-elements": "This lies on something else or outside its frame; move it.",
    "event-based-gateway": "What happens first needs two events to wait for or more, without conditions.",
    "no-disconnected": "This is joined to nothing; draw a flow to it or take it away.",
    "no-implicit-start": "No flow leads here; draw one, or a start event.",
    "start-event-required": "There is no start event; draw one.",
    "single-blank-start-event": "There are several plain start events; keep one and let a gateway choose.",
    "sub-process-blank-start-event": "A sub-process begins with a plain start event; take its kind away.",
    "event-sub-process-typed-start-event": "Say what begins it: a time, a message or the like.",
    "single-event-definition": "The event waits for several things; draw one event for each.",
    "link-event": "A link needs a name, and one catching link of the same name; give both one.",
    "conditional-flows": "Others beside the flow have a condition; give it one or make it the default.",
    "ad-hoc-sub-process": "What is done in any order has neither start nor end event; take them away.",
    "no-complex-gateway": "Nobody can see when a complex gateway goes on; use one of the others.",
}
_ORDER = tuple(SAYS)


def warnings(found: Definition, files: Collection[str], said: Collection[Problem]) -> Iterator[Problem]:
    """Warn of what could be misunderstood in these files and was not said of the same element already."""
    undrawn = {(each.file, each.element) for each in said if each.rule == "element-not-drawn"}
    sizes: dict[str, tuple[bytes, int]] = {}
    for process in found.processes.values():
        if process.file in files:
            _, before = sizes.get(process.file, (b"", 0))
            sizes[process.file] = process.xml, before + len(process.elements)
    left = MOST_ELEMENTS
    for file, (content, size) in sizes.items():
        left -= size
        try:
            findings = _looked_through(content) if left >= 0 else None
        except (Refused, Malformed, StepFailed):
            findings = None
        if findings is None:
            message = (
                "What a reader could misunderstand was not looked for, as the diagram is too large; all else "
                "was checked. Make it smaller, or deploy it by itself."
            )
            yield Problem(message, file=file, rule="lint-left-out")
            continue
        new = (each for each in findings if each.rule != "no-bpmndi" or (file, each.element) not in undrawn)
        for each in islice(new, MOST_TOLD):
            yield Problem(SAYS[each.rule], element=each.element, file=file, rule=f"bpmnlint-{each.rule}")


@lru_cache(maxsize=64)
def _looked_through(content: bytes) -> tuple[tooling.Finding, ...]:
    """Give the weightiest finding of each element; kept, as most files are the same when asked again."""
    first: dict[str | None, tooling.Finding] = {}
    for each in sorted(tooling.lint(content), key=lambda finding: _ORDER.index(finding.rule)):
        first.setdefault(each.element, each)
    return tuple(first.values())
