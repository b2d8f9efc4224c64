"""A document as an answer that a browser keeps and never shows as a page of ours."""

import unicodedata
from urllib.parse import quote
from uuid import UUID

from flask import Response, request

from service.queries import documents
from service.web.auth import begin

POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


def download(document_id: UUID) -> Response:
    """Give a document to keep; that it was opened is written in the same transaction."""
    with begin() as work:
        found = documents.opened(work, document_id)
    plain = found.media_type == "text/plain"
    answer = Response(found.content, content_type=found.media_type + ("; charset=utf-8" if plain else ""))
    answer.headers["Content-Disposition"] = disposition(found.name)
    answer.headers["Content-Security-Policy"] = POLICY
    answer.set_etag(str(found.id))  # a document never changes
    answer.make_conditional(request)
    return answer


def disposition(name: str) -> str:
    """Say that a file is to be kept under this name (RFC 6266, RFC 8187); the name is harmless already."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().strip()
    if ascii_name.startswith("."):  # a name in other letters: only the ending is left
        ascii_name = f"andrum{ascii_name}"
    told = f'attachment; filename="{ascii_name}"'
    return told if name == ascii_name else f"{told}; filename*=UTF-8''{quote(name, safe='')}"
