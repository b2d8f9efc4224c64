"""The page on which an owner tries a draft out: tasks with their forms, time, messages, the trace."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from service.engine import scripts
from service.engine.examples import YEARS
from service.engine.forms import initial
from service.engine.simulation import Failure
from service.engine.step import OpenTask
from service.errors import Invalid, Malformed, NotFound, Problem, Refused
from service.web import forms, trail
from service.web.presentation import Due, day, due, language, say, t, zone
from service.web.workshop import findings, playing, rehearsal
from service.web.workshop.rehearsal import ACTS, Ground, Run, key_of, moment_of, on_draft

blueprint = Blueprint("simulation", __name__)
OPENING = time(9)
Lines = Sequence[tuple[str | None, str]]  # the id of a field, if there is one, and what is wrong with it


@dataclass(frozen=True)
class Typed:
    """What stands in the page's forms: what a person wrote there, or what is proposed to them."""

    task: str = ""
    answers: Mapping[str, Any] | None = None
    problems: tuple[Problem, ...] = ()
    messages: Mapping[str, str] | None = None  # data as it was written, by message
    days: str = "1"
    unit: str = "days"
    rest: str = "[]"  # what the opened example does later
    example: str = ""  # the file that was opened
    name: str = ""
    ends: str = ""


@dataclass(frozen=True)
class OpenRow:
    """An open task in the list."""

    key: str
    name: str
    role: str
    due: Due | None


@blueprint.get("/drafts/<uuid:draft_id>/simulation")
@on_draft
def show(ground: Ground) -> ResponseReturnValue:
    """Offer the processes to run; ask how one begins; or open an example."""
    if "example" in request.args:
        return _opened(ground, request.args["example"])
    process = request.args.get("process", "")
    return _start_page(ground, rehearsal.known(ground, process) if process else "")


@blueprint.post("/drafts/<uuid:draft_id>/simulation")
@on_draft
def play(ground: Ground) -> ResponseReturnValue:
    """Do one thing in the run that the page carries, and show what came of it."""
    process, doing = rehearsal.known(ground, request.form.get("_process", "")), request.form.get("_do", "")
    if doing == "start":
        return _start(ground, process)
    try:
        before = rehearsal.carried(ground, process, request.form.get("_script", ""))
    except Refused as refused:
        return _start_page(ground, process, problems=_plain(refused)), 422
    typed = _typed(ground, before)
    if before.found.failure is not None:  # the draft was changed meanwhile
        return _stopped(ground, before, typed), 422
    if doing == "undo":
        return page(ground, _first(ground, before, -1), replace(typed, answers=None))
    if doing not in ACTS or forms.changes_rows(request.form):
        return page(ground, before, typed)
    return _do(ground, before, doing, typed)


@blueprint.post("/drafts/<uuid:draft_id>/simulation/fields")
@on_draft
def show_fields(ground: Ground) -> ResponseReturnValue:
    """Show the fields of the task's form again as the answers so far make them."""
    run = rehearsal.carried(ground, request.form.get("_process", ""), request.form.get("_script", ""))
    typed = _typed(ground, run)
    return render_template("tasks/fields.html", parts=_parts(ground, run, run.task(typed.task), typed))


def page(ground: Ground, run: Run, typed: Typed, *, problems: Lines = ()) -> str:
    """Show where a run stands and what can be done in it."""
    definition, found = ground.definition, run.found
    task, form = run.task(typed.task), ground.form(run.task(typed.task))
    passed, first = playing.passed(definition, found), rehearsal.next_deadline(run)
    return render_template(
        "drafts/simulation.html",
        row=ground.row,
        run=run,
        script=json.dumps(run.said, ensure_ascii=False, separators=(",", ":")),
        title=say(definition.processes[run.process].title),
        shown=playing.show(
            definition,
            run.process,
            found,
            at=_row_asked(),
            drawn=request.form.get("_drawn") if request.form.get("_go") == "drawing" else None,
        ),
        tasks=[_open_row(ground, run, each) for each in found.open],
        task=key_of(task) if task else "",
        element=ground.element(task) if task else None,
        has_form=form is not None,
        conditional=form is not None and form.is_conditional,
        parts=_parts(ground, run, task, typed),
        first=(playing.place_name(definition, first[0]), first[1]) if first else None,
        timers=[
            (playing.place_name(definition, each.place), each.due, due(each.due, now=found.now))
            for each in found.timers
        ],
        messages=[(name, _message(ground, typed, name)) for name in found.awaited],
        facts=list(trail.flat(found.data, "")),
        typed=typed,
        rest=len(json.loads(typed.rest)),
        problems=list(problems),
        passed=passed,
        ends=typed.ends if typed.ends in dict(passed) else passed[0][0] if passed else "",
    )


def carried_page(ground: Ground, problems: Lines = ()) -> str:
    """Show the run that the page carries again, with what is wrong about keeping it as an example."""
    run = rehearsal.carried(ground, request.form.get("_process", ""), request.form.get("_script", ""))
    typed = _typed(ground, run)
    return _stopped(ground, run, typed) if run.found.failure else page(ground, run, typed, problems=problems)


def number(given: str | None) -> int | None:
    """Read the number of a row; None when it is none."""
    plain = given is not None and given.isascii() and given.isdigit() and len(given) < len("1000000")
    return int(given or "") if plain else None


def _row_asked() -> int | None:
    """The row to look at: of a button, of the slider, or the one that was looked at in another diagram."""
    of = {"slider": "_to", "drawing": "_was"}.get(request.form.get("_go", ""), "")
    return number(request.form.get("_at", request.form.get(of)))


def _opened(ground: Ground, file: str) -> str:
    """Show an example as it goes; one that fails stands before the step that does not go, filled in."""
    example = next((each for each in ground.definition.examples.values() if each.file == file), None)
    if example is None:
        raise NotFound
    raw = json.loads(ground.definition.sources["example", example.key].content)
    said = {"start_at": raw["start_at"], "data": raw.get("data", {}), "steps": rehearsal.apart(raw)}
    typed = Typed(example=file, name=example.script.name, ends=example.script.ends or "")
    run = rehearsal.run(ground, example.script.process, said)
    if run.found.failure is not None:
        return _stopped(ground, run, typed)
    missed = typed.ends and typed.ends not in {
        told.place.element for told in run.found.trace if told.kind == "left" and told.place
    }
    name = playing.element_name(ground.definition, typed.ends, run.process)
    return page(ground, run, typed, problems=[(None, t("sim.ends_missed", name=name))] if missed else ())


def _start(ground: Ground, process: str) -> ResponseReturnValue:
    """Begin a run at the moment and with the data that were given."""
    given = {name: request.form.get(name, "") for name in ("_day", "_time", "_data")}
    try:
        start = _instant(given["_day"], given["_time"])
        data = scripts.given(given["_data"], moment=ground.clock(start))
        said = {"start_at": start.isoformat(), "data": data, "steps": []}
        begun = rehearsal.carried(ground, process, json.dumps(said))
    except Invalid as error:
        return _start_page(ground, process, problems=_plain(error, "data"), given=given), 422
    if begun.found.failure is not None:
        told = [("data", _failed(ground, begun, begun.found.failure))]
        return _start_page(ground, process, problems=told, given=given), 422
    return page(ground, begun, Typed())


def _do(ground: Ground, before: Run, doing: str, typed: Typed) -> ResponseReturnValue:
    """Add what is done to the run; what does not go is left out, and told beside what was typed."""
    try:
        steps = [*before.steps, *ACTS[doing](ground, before, request.form)]
        said = rehearsal.checked(before.process, json.dumps({**before.said, "steps": steps}))
    except Invalid as error:
        return page(ground, before, typed, problems=_plain(error)), 422
    except ValueError as error:
        raise Malformed from error
    after = rehearsal.run(ground, before.process, said)
    if doing == "rest":
        typed = replace(typed, rest="[]")
    if after.found.failure is not None:
        return _stopped(ground, after, typed), 422
    return page(ground, after, replace(typed, task="", answers=None, messages=None))


def _stopped(ground: Ground, run: Run, typed: Typed) -> str:
    """Show a run before the step that does not go, with what was given for it and what is wrong."""
    failure = run.found.failure
    if failure is None or failure.step is None:
        return _start_page(
            ground, run.process, problems=[(None, _failed(ground, run, failure))] if failure else ()
        )
    step, later = run.steps[failure.step], run.steps[failure.step + 1 :]
    if later:
        typed = replace(typed, rest=json.dumps(later, ensure_ascii=False), answers=None, messages=None)
    if "message" in step:
        written = {step["message"]: scripts.written(step.get("data", {}))}
        typed = replace(typed, messages=typed.messages or written)
    elif "element" in step:
        key = f"{step['element']}:{step['right']}" if step.get("right") else step["element"]
        answers = step.get("data", {}) if typed.answers is None else typed.answers
        typed = replace(typed, task=key, answers=answers, problems=failure.problems)
    at_fields = [each for each in failure.problems if (each.pointer or "").startswith("/data/")]
    told = forms.summary(at_fields) or [(None, _failed(ground, run, failure))]
    return page(ground, _first(ground, run, failure.step), typed, problems=told)


def _first(ground: Ground, run: Run, count: int) -> Run:
    """The run with its first steps only."""
    return rehearsal.run(ground, run.process, {**run.said, "steps": run.steps[:count]})


def _typed(ground: Ground, run: Run) -> Typed:
    """What stood in the forms of the page that was posted from."""
    given = request.form
    task = run.task(given.get("_task", ""))
    form = ground.form(task) if "_answering" in given else None
    return Typed(
        task=given.get("_task", ""),
        answers=forms.read(form, given) if form is not None else None,
        messages={given["_message"]: given.get("_data", "")} if "_message" in given else None,
        days=given.get("_days", "1"),
        unit=given.get("_unit", "days"),
        rest=_rest(given.get("_rest", "[]")),
        example=given.get("_example", ""),
        name=given.get("_name", ""),
        ends=given.get("_ends", ""),
    )


def _rest(text: str) -> str:
    try:
        return text if isinstance(json.loads(text), list) else "[]"
    except (ValueError, RecursionError):
        return "[]"


def _start_page(
    ground: Ground, process: str, *, problems: Lines = (), given: Mapping[str, str] | None = None
) -> str:
    processes = ground.definition.processes
    examples = ground.definition.examples.values()
    in_draft = {file.removesuffix(".bpmn") for file in ground.row.files if file.endswith(".bpmn")}
    model = next((each.script for each in examples if each.script.process == process), None)
    proposed = {
        "_day": day(ground.now),
        "_time": OPENING.strftime("%H:%M"),
        "_data": scripts.written(model.data) if model else "",
    }
    return render_template(
        "drafts/simulation_start.html",
        row=ground.row,
        process=process,
        title=say(processes[process].title) if process else "",
        processes=[
            (key, say(processes[key].title), key in in_draft)
            for key in sorted(processes, key=lambda each: (each not in in_draft, each))
        ],
        model=model if model and model.data else None,
        given=given or proposed,
        problems=list(problems),
    )


def _instant(given_day: str, given_time: str) -> datetime:
    try:
        at = datetime.combine(date.fromisoformat(given_day.strip()), time.fromisoformat(given_time.strip()))
    except ValueError as error:
        raise Invalid(problems=[Problem(t("sim.wrong_start"), pointer="day")]) from error
    if at.year not in YEARS:
        raise Invalid(problems=[Problem(t("sim.wrong_start"), pointer="day")])
    return at.replace(tzinfo=zone()).astimezone(UTC).astimezone(zone())


def _plain(error: Invalid, field: str | None = None) -> list[tuple[str | None, str]]:
    """Say what is wrong; a pointer is the id of the field, else it is the one given."""
    return [
        (each.pointer if each.pointer and "/" not in each.pointer else field, _words(each))
        for each in error.problems
    ]


def _words(problem: Problem) -> str:
    return findings.told(problem) if problem.rule else problem.message


def _failed(ground: Ground, run: Run, failure: Failure) -> str:
    words = playing.why(ground.definition, run.process, failure)
    return words if failure.step is None else t("sim.in_step", n=failure.step + 1, why=words)


def _open_row(ground: Ground, run: Run, task: OpenTask) -> OpenRow:
    role = ground.element(task).role or "caseworker"
    name = playing.place_name(ground.definition, task.place)
    return OpenRow(key_of(task), name, t(f"role.{role}"), due(task.due, now=run.found.now))


def _parts(ground: Ground, run: Run, task: OpenTask | None, typed: Typed) -> tuple[forms.Part, ...]:
    """The form of an open task: what was typed for it, else what is known by then."""
    form = ground.form(task)
    if task is None or form is None:
        return ()
    data, theirs = run.found.known[task.id], typed.answers if typed.task == key_of(task) else None
    return forms.parts(
        form,
        initial(form, data) if theirs is None else theirs,
        forms.by_place(typed.problems) if theirs is not None else {},
        data=data,
        moment=moment_of(ground, run),
        language=language(),
    )


def _message(ground: Ground, typed: Typed, name: str) -> str:
    """The data to send with a message: what was written, else what some example sends."""
    if typed.messages and name in typed.messages:
        return typed.messages[name]
    acts = (act for each in ground.definition.examples.values() for act in each.script.acts)
    return next((scripts.written(act.data) for act in acts if act.message == name), "")
