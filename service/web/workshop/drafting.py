"""What all pages of a draft have in common: its file, the revision that was seen, who else works on it."""

from typing import Any
from uuid import UUID

from flask import request

from service.errors import Malformed, NotFound
from service.queries.drafts import DraftRow, FileInDraft, OneDraft
from service.web.presentation import moment, t


def file_of(one: OneDraft, name: str) -> FileInDraft:
    """One file of a draft; raises `NotFound`."""
    found = next((each for each in one.files if each.name == name), None)
    if found is None:
        raise NotFound
    return found


def content() -> bytes:
    """The text of a file as an editor sent it."""
    return request.form.get("content", "").replace("\r\n", "\n").encode()


def revision() -> int:
    """The revision of the draft that the page showed; raises `Malformed` for anything but a number."""
    given: Any = request.form.get("revision", "")
    if not given.isascii() or not given.isdigit() or len(given) > 9:  # noqa: PLR2004  more than anybody saves
        raise Malformed
    return int(given)


def other(row: DraftRow, me: UUID | None) -> str | None:
    """Tell of another owner who works on the same draft."""
    if row.saved_by.id == me:
        return None
    return t("draft.other", who=row.saved_by.name, when=moment(row.saved_at))
