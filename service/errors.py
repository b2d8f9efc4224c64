"""What can go wrong, in our words: a code, a sentence for the user, the places it points at. No HTTP here."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong and where: a field (`pointer`, RFC 6901) or an element of a diagram."""

    message: str
    pointer: str | None = None
    element: str | None = None
    file: str | None = None
    rule: str | None = None


class ServiceError(Exception):
    """Something went wrong."""

    code = "error"

    def __init__(self, message: str | None = None, *, problems: Iterable[Problem] = ()) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.problems = tuple(problems)
        super().__init__(self.message)


class NotIdentified(ServiceError):
    """You must log in first."""

    code = "not-identified"


class Forbidden(ServiceError):
    """You may not do this."""

    code = "forbidden"


class NotFound(ServiceError):
    """There is no such thing, or it is not visible to you."""

    code = "not-found"


class Conflict(ServiceError):
    """Someone was first, or the case has moved on."""

    code = "conflict"


class Stale(ServiceError):
    """What you saw has changed since; load it again."""

    code = "stale"


class Malformed(ServiceError):
    """The request could not be read."""

    code = "malformed"


class Invalid(ServiceError):
    """Some of what you gave is not valid."""

    code = "invalid"


class Refused(Invalid):
    """The files cannot be deployed as they are."""

    code = "refused"


class TooLarge(ServiceError):
    """That is larger than the service takes."""

    code = "too-large"


class WrongType(ServiceError):
    """The service does not take content of that type."""

    code = "wrong-type"


class TooMany(ServiceError):
    """Too many attempts; wait a while."""

    code = "too-many"


class Unavailable(ServiceError):
    """The service cannot do this right now; try again shortly."""

    code = "unavailable"


class StepFailed(ServiceError):
    """The process could not go on from here; nothing was changed."""

    code = "step-failed"

    def __init__(self, message: str | None = None, *, element: str | None = None) -> None:
        super().__init__(message, problems=[Problem(message or "", element=element)] if element else ())
        self.element = element
