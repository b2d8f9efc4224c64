"""A draft made ready to run, and a run of it that a page carries as an example: nothing of it is kept.

What is done is added to the run, and all of it runs again from the start, when no transaction is open.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate
from uuid import UUID

from flask import render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from service.engine import definition, examples, scripts, simulation
from service.engine.definition import Definition
from service.engine.drawing import Element
from service.engine.expressions import Moment
from service.engine.forms import Form
from service.engine.simulation import Clock, Simulation
from service.engine.step import OpenTask, Place
from service.errors import Invalid, NotFound, Problem, Refused
from service.queries import simulations
from service.queries.drafts import DraftRow
from service.web import forms
from service.web.auth import begin
from service.web.presentation import language, t
from service.web.workshop import findings
from service.work import clock_of

MOST_DAYS = 3660
UNITS = {"days": "P{n}D", "hours": "PT{n}H"}


@dataclass(frozen=True)
class Ground:
    """What a run stands on: a draft over what is in force."""

    row: DraftRow
    definition: Definition
    clock: Clock
    now: datetime  # really

    def element(self, task: OpenTask) -> Element:
        """What the diagram says of an open task."""
        return self.definition.processes[task.place.process].elements[task.place.element]

    def form(self, task: OpenTask | None) -> Form | None:
        """The form of an open task."""
        key = self.element(task).form if task is not None else None
        return self.definition.forms[key] if key else None


@dataclass(frozen=True)
class Run:
    """A run so far: what was done, as an example says it, and what came of it."""

    process: str
    said: Mapping[str, Any]
    found: Simulation

    @property
    def steps(self) -> list[dict[str, Any]]:
        """What was done, in order."""
        return list(self.said.get("steps", []))

    def task(self, key: str) -> OpenTask | None:
        """The open task that a key names, else the first one."""
        named = [each for each in self.found.open if key_of(each) == key]
        return next(iter([*named, *self.found.open]), None)


View = Callable[Concatenate[Ground, ...], ResponseReturnValue]


def on_draft(view: View) -> Callable[..., ResponseReturnValue]:
    """Give a view the draft ready to run; tell instead what keeps it from running."""

    @wraps(view)
    def answer(draft_id: UUID, **given: Any) -> ResponseReturnValue:
        with begin() as work:
            row, files = simulations.ground(work, draft_id)
            zone, now = work.zone, work.now
        try:
            found = definition.parse(files)
        except Refused as refused:
            stops = findings.listed(refused.problems, {})
            carried = [(name, value) for name, value in request.form.items(multi=True) if name != "csrf"]
            return render_template("drafts/stopped.html", row=row, stops=stops, carried=carried), 422
        return view(Ground(row, found, clock_of(found, zone), now), **given)

    return answer


def run(ground: Ground, process: str, said: Mapping[str, Any]) -> Run:
    """Run what was done from the start."""
    script = examples.script(said, process=process)
    found = simulation.run(ground.definition, script, clock=ground.clock, language=language())
    return Run(process, said, found)


def carried(ground: Ground, process: str, text: str) -> Run:
    """Run what a page carries. Raises `NotFound` for an unknown process, `Refused` for what is no example."""
    return run(ground, known(ground, process), checked(process, text))


def checked(process: str, text: str) -> dict[str, Any]:
    """Read what a page carries; raises `Refused`."""
    examples.parse(text.encode(), f"{process}.simulation{examples.ENDING}")
    said: dict[str, Any] = json.loads(text)
    return said


def known(ground: Ground, process: str) -> str:
    """Let pass a process that there is; raises `NotFound`."""
    if process not in ground.definition.processes:
        raise NotFound
    return process


def key_of(task: OpenTask) -> str:
    """By which a page names an open task."""
    return f"{task.place.element}:{task.place.right}" if task.place.right else task.place.element


def apart(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The steps of an example one by one: what waits first and then does something becomes two."""
    found: list[dict[str, Any]] = []
    for each in said.get("steps", []):
        does = {name: value for name, value in each.items() if name != "after"}
        found += [{"after": each["after"]}] if "after" in each else []
        found += [does] if does.keys() & {"element", "message"} else []
    return [*found, {"after": said["until"]}] if said.get("until") else found


def together(steps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Steps as an example holds them: waiting becomes part of what is done after it."""
    found: list[dict[str, Any]] = []
    for each in steps:
        waited = found and found[-1].keys() == {"after"} and "after" not in each
        found = [*found[:-1], {**found[-1], **each}] if waited else [*found, dict(each)]
    return found


def complete(ground: Ground, run: Run, posted: MultiDict[str, str]) -> list[dict[str, Any]]:
    """The open task is done with what was posted for its form."""
    task = run.task(posted.get("_task", ""))
    if task is None or key_of(task) != posted.get("_task"):
        raise Invalid(problems=[Problem(t("sim.task_gone"))])
    form, data = ground.form(task), run.found.known[task.id]
    answers = forms.read(form, posted, data=data, moment=moment_of(ground, run)) if form else {}
    right = {"right": task.place.right} if task.place.right else {}
    return [{"element": task.place.element, **right, "data": answers}]


def deliver(ground: Ground, run: Run, posted: MultiDict[str, str]) -> list[dict[str, Any]]:
    """An awaited message comes with what was written for it."""
    name = posted.get("_message", "")
    if name not in run.found.awaited:
        raise Invalid(problems=[Problem(t("sim.message_gone"))])
    try:
        data = scripts.given(posted.get("_data", ""), moment=moment_of(ground, run))
    except Invalid as error:
        field = f"message-{run.found.awaited.index(name)}"
        raise Invalid(problems=[replace(each, pointer=field) for each in error.problems]) from error
    return [{"message": name, "data": data}]


def wait(ground: Ground, run: Run, posted: MultiDict[str, str]) -> list[dict[str, Any]]:
    """So much time passes."""
    del ground, run
    number, unit = posted.get("_days", "").strip(), posted.get("_unit", "")
    written = number.isascii() and number.isdigit() and len(number) <= len(str(MOST_DAYS))
    if unit not in UNITS or not written or not 0 < int(number) <= MOST_DAYS:
        raise Invalid(problems=[Problem(t("sim.wrong_days", most=MOST_DAYS), pointer="days")])
    return [{"after": UNITS[unit].format(n=int(number))}]


def to_next(ground: Ground, run: Run, posted: MultiDict[str, str]) -> list[dict[str, Any]]:
    """Time passes until the first deadline."""
    del ground, posted
    first = next_deadline(run)
    return [{"after": first[1].isoformat()}] if first else []


def next_deadline(run: Run) -> tuple[Place, datetime] | None:
    """What falls due first: a timer, or an open task that still has time."""
    timers = [(each.place, each.due) for each in run.found.timers]
    tasks = [(each.place, each.due) for each in run.found.open if each.due and each.due > run.found.now]
    return min([*timers, *tasks], key=lambda each: each[1], default=None)


def the_rest(ground: Ground, run: Run, posted: MultiDict[str, str]) -> list[dict[str, Any]]:
    """What an example that was opened does after the step that did not go."""
    del ground
    rest = json.dumps({"start_at": run.said["start_at"], "steps": json.loads(posted.get("_rest") or "[]")})
    steps: list[dict[str, Any]] = checked(run.process, rest)["steps"]
    return steps


def moment_of(ground: Ground, run: Run) -> Moment:
    """The moment at which a run stands, as its forms and expressions see it."""
    return ground.clock(run.found.now)


ACTS = {"complete": complete, "deliver": deliver, "wait": wait, "next": to_next, "rest": the_rest}
