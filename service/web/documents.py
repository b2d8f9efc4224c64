"""Documents on the case page: upload one, have one made, keep one, withdraw one."""

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from service.commands import documents
from service.errors import Conflict, Invalid, NotFound, Problem, ServiceError, TooLarge, WrongType
from service.models.documents import DocumentKind
from service.web import cases, downloads, errors, letters, security, texts
from service.web.auth import begin
from service.web.presentation import t

blueprint = Blueprint("documents", __name__)
WRONG = (Conflict, Invalid, TooLarge, WrongType)
FIELDS = {"/file": "document-file", "/title": "document-title", "/kind": "document-kind"}


@blueprint.post("/cases/<uuid:case_id>/documents")
@security.takes_documents
def upload(case_id: UUID) -> ResponseReturnValue:
    """Add a file that is sent; what was typed stays when something is wrong."""
    sent = request.files.get("file")
    typed = {name: request.form.get(name, "") for name in ("title", "kind")}

    def act() -> None:
        with begin() as work:
            documents.add(
                work,
                case_id,
                kind=_kind(typed["kind"]),
                content=sent.read() if sent else b"",
                title=typed["title"],
                name=(sent.filename if sent else None) or "",
            )

    return _done(case_id, "document_added", act, {"action": "upload", **typed})


@blueprint.post("/cases/<uuid:case_id>/documents/made")
def make(case_id: UUID) -> ResponseReturnValue:
    """Make a document from the answers: read, typeset when nothing is locked, then add."""
    kind, language = request.form.get("kind", ""), request.form.get("language", "sv")

    def act() -> None:
        with begin() as work:
            if kind not in letters.MADE or language not in texts.LANGUAGES:
                raise Invalid(t("documents.unknown"))
            draft = letters.gather(work, case_id, kind=kind, language=language)
        letter = letters.make(draft)
        with begin() as work:
            letters.keep(work, case_id, letter)

    return _done(case_id, "document_made", act, {"action": "make"})


@blueprint.get("/documents/<uuid:document_id>")
def keep(document_id: UUID) -> Response:
    """Give a document as a file to keep."""
    return downloads.download(document_id)


@blueprint.post("/cases/<uuid:case_id>/documents/withdrawn")
def withdraw(case_id: UUID) -> ResponseReturnValue:
    """Mark a document as added by mistake, with a reason."""
    given = {name: request.form.get(name, "") for name in ("document", "reason")}
    try:
        with begin() as work:
            documents.withdraw(work, _chosen(given["document"]), reason=given["reason"])
    except (Conflict, Invalid) as error:
        lacks_reason = isinstance(error, Invalid)
        words = t("manage.reason_missing") if lacks_reason else error.message
        problems = [("withdraw-reason" if lacks_reason else None, words)]
        wrong = {"action": "withdraw", "words": words, **given}
        return cases.case_page(case_id, problems=problems, wrong=wrong), errors.status(error)
    return redirect(_back(case_id, "document_withdrawn"), 303)


def _done(case_id: UUID, said: str, act: Callable[[], None], typed: dict[str, str]) -> ResponseReturnValue:
    """Do it and go back to the case; or show the case with what is wrong, and what was typed where."""
    try:
        act()
    except WRONG as error:
        problems = _problems(error)
        wrong = {"words": problems[0][1], **typed}
        return cases.case_page(case_id, problems=problems, wrong=wrong), errors.status(error)
    return redirect(_back(case_id, said), 303)


def _problems(error: ServiceError) -> list[tuple[str | None, str]]:
    if error.problems:
        return [(FIELDS.get(each.pointer or ""), each.message) for each in error.problems]
    return [(FIELDS["/file"] if isinstance(error, TooLarge) else None, error.message)]


def _chosen(given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError as error:
        raise NotFound from error


def _kind(given: str) -> DocumentKind:
    if given not in set(DocumentKind):
        raise Invalid(problems=[Problem(t("documents.unknown"), pointer="/kind")])
    return DocumentKind(given)


def _back(case_id: UUID, said: str) -> str:
    return url_for("cases.show_case", case_id=case_id, said=said) + "#documents"
