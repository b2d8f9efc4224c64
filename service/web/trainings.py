"""The register of trainings on a page: who has been trained in what, to be entered and withdrawn."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from service.commands import trainings as commands
from service.errors import Conflict, Invalid, Problem
from service.queries import trainings
from service.web.auth import begin
from service.web.presentation import t

blueprint = Blueprint("trainings", __name__)
FIELDS = ("who", "course", "given_on", "valid_until")
PLACES = {"/user": "who", "/unit": "who"}  # fields that have another name on the page


@dataclass(frozen=True)
class Refused:
    """What was typed, and what was wrong with it, by field."""

    typed: dict[str, str]
    words: dict[str, str]
    about: UUID | None = None  # the entry that was to be withdrawn


NOTHING = Refused({}, {})


@blueprint.get("/trainings")
def show() -> ResponseReturnValue:
    """Show the register, and the form for whoever may enter in it."""
    return _page(NOTHING)


@blueprint.post("/trainings")
def register() -> ResponseReturnValue:
    """Enter a training."""
    typed = {name: request.form.get(name, "").strip() for name in FIELDS}
    unit, _, username = typed["who"].partition("/")
    try:
        given, until = _days(typed)
        with begin() as work:
            commands.register(
                work,
                username=username,
                unit=unit,
                course=typed["course"],
                given_on=given,
                valid_until=until,
            )
    except (Invalid, Conflict) as error:
        return _page(Refused(typed, _words(error))), 409 if isinstance(error, Conflict) else 422
    return redirect(url_for("trainings.show", said="training_registered"), 303)


@blueprint.post("/trainings/<uuid:training_id>/withdraw")
def withdraw(training_id: UUID) -> ResponseReturnValue:
    """Say that an entry was a mistake."""
    reason = request.form.get("reason", "")
    try:
        with begin() as work:
            commands.withdraw(work, training_id, reason=reason)
    except Invalid as error:
        return _page(Refused({"reason": reason}, _words(error), training_id)), 422
    except Conflict:
        return redirect(url_for("trainings.show"), 303)  # somebody was first: the page says so
    return redirect(url_for("trainings.show", said="training_withdrawn"), 303)


def _page(refused: Refused) -> str:
    with begin() as work:
        page = trainings.trainings(
            work,
            unit=request.args.get("unit") or None,
            user=request.args.get("user") or None,
            cursor=request.args.get("cursor"),
        )
        units, writable = trainings.readable(work), trainings.writable(work)
        staff = trainings.staff(work, writable)
        courses = trainings.courses(work, writable)
        today = work.today
    return render_template(
        "trainings.html",
        page=page,
        units=units,
        unit=request.args.get("unit", ""),
        writable=writable,
        staff=staff,
        courses=courses,
        today=today,
        typed=refused.typed,
        wrong=refused.words,
        about=refused.about,
        problems=[(_id(field, refused), words) for field, words in refused.words.items()],
    )


def _id(field: str, refused: Refused) -> str:
    return f"{refused.about}-{field}" if refused.about else field


def _words(error: Invalid | Conflict) -> dict[str, str]:
    """What is wrong in the reader's language, by field of the page."""
    return {
        PLACES.get(each.pointer or "", (each.pointer or "").lstrip("/")): t(f"training.wrong.{each.rule}")
        for each in error.problems
    }


def _days(typed: dict[str, str]) -> tuple[date, date | None]:
    """Read the two days; raises `Invalid` for what is no date, and when nobody was chosen."""
    read: dict[str, date | None] = {"given_on": None, "valid_until": None}
    problems = []
    if not typed["who"]:
        problems.append(Problem("Who was it?", pointer="/user", rule="training-person"))
    for name in read:
        try:
            read[name] = date.fromisoformat(typed[name]) if typed[name] else None
        except ValueError:
            problems.append(Problem("Not a date.", pointer=f"/{name}", rule="training-date"))
    if not typed["given_on"]:
        problems.append(Problem("When was it?", pointer="/given_on", rule="training-given"))
    given = read["given_on"]
    if problems or given is None:
        raise Invalid(problems=problems)
    return given, read["valid_until"]
