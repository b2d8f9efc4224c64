"""A draft's examples: kept from a run, run all together or one by one, each with its trace on the diagram."""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from service.commands import drafts as commands
from service.engine import examples, simulation
from service.engine.examples import Example
from service.engine.simulation import Simulation
from service.errors import Conflict, Invalid, NotFound, Problem, Stale
from service.web.auth import begin
from service.web.presentation import language, say, t
from service.web.workshop import findings, playing, rehearsal
from service.web.workshop import simulation as live
from service.web.workshop.rehearsal import Ground, on_draft

blueprint = Blueprint("examples", __name__)
LONGEST_NAME = 120
LONGEST_FILE = 77


@dataclass(frozen=True)
class Row:
    """An example in the list; `outcome` is known once it has been run: good or bad, and why."""

    file: str
    name: str
    title: str  # of the process
    steps: int
    in_draft: bool
    outcome: str
    why: str


@blueprint.get("/drafts/<uuid:draft_id>/examples")
@on_draft
def listed(ground: Ground) -> ResponseReturnValue:
    """List the examples that a deployment of the draft would run; run them when that is asked."""
    is_run = "run" in request.args
    rows = [_row(ground, each, is_run=is_run) for each in ground.definition.examples.values()]
    rows.sort(key=lambda each: (each.outcome != "bad", not each.in_draft, each.file))
    bad = sum(each.outcome == "bad" for each in rows)
    return render_template("drafts/examples.html", row=ground.row, rows=rows, is_run=is_run, bad=bad)


@blueprint.get("/drafts/<uuid:draft_id>/examples/<file>")
@on_draft
def show(ground: Ground, file: str) -> ResponseReturnValue:
    """Run one example and show its trace, step by step on the diagram."""
    example = next((each for each in ground.definition.examples.values() if each.file == file), None)
    if example is None:
        raise NotFound
    found, process = _run(ground, example), example.script.process
    at, drawn = live.number(request.args.get("at")), request.args.get("process")
    shown = playing.show(ground.definition, process, found, at=at, drawn=drawn)
    return render_template(
        "drafts/example.html",
        row=ground.row,
        file=file,
        name=example.script.name or file,
        title=say(ground.definition.processes[process].title),
        shown=shown,
        opens={
            element: url_for("examples.show", draft_id=ground.row.id, file=file, at=shown.at, process=key)
            for element, key in shown.opens.items()
        },
        failed=_why(ground, example, found),
        in_draft=file in ground.row.files,
    )


@blueprint.post("/drafts/<uuid:draft_id>/examples")
@on_draft
def keep(ground: Ground) -> ResponseReturnValue:
    """Keep the run that the page carries as an example of the draft; a deployment then runs it too."""
    process, ends = request.form.get("_process", ""), request.form.get("_ends", "")
    run = rehearsal.carried(ground, process, request.form.get("_script", ""))
    name = request.form.get("_name", "").strip()
    if run.found.failure is not None:  # the draft was changed meanwhile
        return live.carried_page(ground), 422
    try:
        file = _file(ground, process, name)
        _let_pass(ends, dict(playing.passed(ground.definition, run.found)))
        content = _content(file, {**run.said, "name": name, "ends": ends})
        with begin() as work:
            revision = live.number(request.form.get("_revision")) or 0
            commands.save(work, ground.row.id, file=file, content=content, revision=revision)
    except Invalid as error:
        told = [(each.pointer, findings.told(each) if each.rule else each.message) for each in error.problems]
        return live.carried_page(ground, told), 422
    except Stale as error:
        return live.carried_page(ground, [(None, error.message)]), 412
    except Conflict as error:
        return live.carried_page(ground, [(None, error.message)]), 409
    return redirect(url_for("examples.show", draft_id=ground.row.id, file=file, said="example_kept"), 303)


def _row(ground: Ground, example: Example, *, is_run: bool) -> Row:
    found = _run(ground, example) if is_run else None
    why = _why(ground, example, found) if found else ""
    return Row(
        file=example.file,
        name=example.script.name or example.file,
        title=say(ground.definition.processes[example.script.process].title),
        steps=len(example.script.acts),
        in_draft=example.file in ground.row.files,
        outcome="" if found is None else "bad" if why else "good",
        why=why,
    )


def _run(ground: Ground, example: Example) -> Simulation:
    return simulation.run(ground.definition, example.script, clock=ground.clock, language=language())


def _why(ground: Ground, example: Example, found: Simulation) -> str:
    """Say where an example does not go as written, and why; nothing when it does."""
    failure = found.failure
    if failure is None:
        return ""
    words = playing.why(ground.definition, example.script.process, failure)
    return words if failure.step is None else t("sim.in_step", n=failure.step + 1, why=words)


def _file(ground: Ground, process: str, name: str) -> str:
    """The file to keep an example in: the one that was opened, if it keeps its name, else one of its own."""
    if not name:
        raise Invalid(problems=[Problem(t("examples.no_name"), pointer="name")])
    by_file: Mapping[str, Example] = {each.file: each for each in ground.definition.examples.values()}
    was = by_file.get(request.form.get("_example", ""))
    if was is not None and was.script.process == process and was.script.name == name:
        return was.file
    slug = _slug(name)[: LONGEST_FILE - len(process) - len(examples.ENDING) - 1]
    file = f"{process}.{slug}{examples.ENDING}"
    if not slug or file in by_file:
        raise Invalid(problems=[Problem(t("examples.taken" if slug else "examples.no_name"), pointer="name")])
    return file


def _let_pass(ends: str, passed: Mapping[str, str]) -> None:
    if ends not in passed:
        raise Invalid(problems=[Problem(t("examples.not_passed"), pointer="ends")])


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_").lstrip("0123456789_")


def _content(file: str, said: Mapping[str, object]) -> bytes:
    """Write an example as a file; raises `Refused` when it would be too long."""
    steps = rehearsal.together(said["steps"] if isinstance(said["steps"], list) else [])
    whole = {
        "name": str(said["name"])[:LONGEST_NAME],
        "start_at": said["start_at"],
        "data": said.get("data", {}),
        "steps": steps,
        "ends": said["ends"],
    }
    content = (json.dumps(whole, ensure_ascii=False, indent=2) + "\n").encode()
    examples.parse(content, file)
    return content
