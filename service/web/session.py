"""Coming in and going out: log in, log out, quick exit, how long the session lasts."""

from urllib.parse import urlsplit
from uuid import UUID

from flask import Blueprint, Response, g, jsonify, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from service.commands import people, tasks
from service.errors import NotIdentified, ServiceError, TooMany
from service.queries import worklist
from service.web import auth, forms, texts
from service.web.auth import begin, begin_unidentified, public
from service.web.presentation import t, weekday

blueprint = Blueprint("session", __name__)

DEMO_USERS = (
    ("anna", "caseworker"),
    ("bo", "team_leader"),
    ("petra", "process_owner"),
    ("greta", "auditor"),
    ("sam", "administrator"),
    ("elin", "caseworker"),
)


@blueprint.get("/login")
@public
def show_login() -> ResponseReturnValue:
    """Ask who is there."""
    chosen = request.args.get("language")
    if chosen not in texts.LANGUAGES:
        return _login_page()
    g.chosen_language = chosen
    answer = make_response(_login_page())
    remember_language(answer, chosen)
    return answer


@blueprint.post("/login")
@public
def log_in() -> ResponseReturnValue:
    """Let a person in, or say what is wrong; which of name, password and code is never told."""
    wrong = _missing()
    if not wrong:
        try:
            with begin_unidentified() as work:
                secret = people.log_in(
                    work,
                    username=request.form["username"],
                    password=request.form["password"],
                    otp=request.form.get("otp", "").strip() or None,
                    address=request.remote_addr or "",
                )
        except NotIdentified:
            wrong = {"username": t("login.wrong")}
        except TooMany:
            return _login_page({"username": t("login.too_many")}), 429
        else:
            answer = make_response(redirect(_safe(request.form.get("next", "")), 303))
            auth.remember(answer, secret)
            return answer
    return _login_page(wrong), 422


@blueprint.post("/logout")
def log_out() -> ResponseReturnValue:
    """End the session."""
    answer = make_response(redirect("/login", 303))
    _end(answer)
    return answer


@blueprint.post("/leave")
def leave() -> ResponseReturnValue:
    """Quick exit: keep what is typed, end the session, go to a page that tells nothing."""
    task_id = request.form.get("_task", "").removeprefix("/tasks/").removesuffix("/draft")
    if task_id:
        _keep(task_id)
    answer = make_response(redirect("/neutral", 303))
    _end(answer)
    return answer


@blueprint.get("/neutral")
@public
def show_neutral() -> ResponseReturnValue:
    """A page that tells nothing of the service."""
    with begin_unidentified() as work:
        today = weekday(work.now)
    return render_template("neutral.html", today=today)


@blueprint.get("/session")
@public
def show_session() -> ResponseReturnValue:
    """How many seconds the session lasts if nothing is done; asking does not make it longer."""
    with begin_unidentified() as work:
        left = people.time_left(work, secret=auth.credentials() or "")
    return jsonify(seconds=int(left.total_seconds()))


@blueprint.post("/session")
def stay() -> ResponseReturnValue:
    """Make the session last longer."""
    with begin():
        return jsonify(seconds=auth.seconds_left())


def remember_language(answer: Response, chosen: str) -> None:
    """Keep the language for the pages before anyone has logged in."""
    answer.set_cookie(
        "language", chosen, max_age=31_536_000, samesite="Lax", secure=auth.is_secure(), httponly=True
    )


def _login_page(wrong: dict[str, str] | None = None) -> str:
    wrong = wrong or {}
    return render_template(
        "login.html",
        wrong=wrong,
        problems=list(wrong.items()),
        username=request.form.get("username", ""),
        next=request.values.get("next", ""),
        ended="ended" in request.args,
        demo_users=DEMO_USERS,
    )


def _missing() -> dict[str, str]:
    return {
        name: t(f"login.missing_{name}") for name in ("username", "password") if not request.form.get(name)
    }


def _safe(target: str) -> str:
    """Only an address of our own is gone to after logging in."""
    parts = urlsplit(target)
    ours = target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.netloc
    return target if ours and "\\" not in target and not target.startswith("/login") else "/"


def _end(answer: Response) -> None:
    secret = auth.credentials()
    if secret:
        with begin_unidentified() as work:
            people.log_out(work, secret=secret)
    g.turned_away = True  # an answer to nobody
    auth.forget(answer)


def _keep(task_id: str) -> None:
    """Save the draft of a task; leaving must not fail because that does."""
    try:
        with begin() as work:
            page = worklist.task(work, UUID(task_id))
            if page.form is not None:
                tasks.save_draft(work, page.row.id, data=forms.read(page.form, request.form))
    except (ServiceError, ValueError):
        return
