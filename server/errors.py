"""Everything that can go wrong with a request, as one tree of exceptions.

Each is a problem in the sense of RFC 9457; ``server.problems`` writes them as responses. ``slug``
names the kind of problem in its type URI, ``/problems/<slug>``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

UNSET: Any = object()
"""Stands for no value, where None would be one."""

VALUE_CHARACTERS = 80
"""Offending values are shortened to this many characters."""


class Problem(Exception):
    """A request that cannot be answered as asked; ``detail`` says what is wrong with what."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Internal server error"

    def __init__(
        self,
        detail: str,
        *,
        pointer: str | None = None,
        value: Any = UNSET,
        limit: float | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer
        self.value = None if value is UNSET else shorten(value)
        self.limit = limit
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


class MalformedBody(Problem):
    """The body is not what its media type says."""

    status = 400
    slug = "malformed-body"
    title = "Malformed body"


class CredentialsNeeded(Problem):
    """No API key, or one that is not known here."""

    status = 401
    slug = "credentials-needed"
    title = "API key needed"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="doodlescope"'})


class OriginRefused(Problem):
    """A page of another site, where only this server's own may ask."""

    status = 403
    slug = "origin-refused"
    title = "Origin refused"


class NotFound(Problem):
    """There is no such resource, and there was none."""

    status = 404
    slug = "not-found"
    title = "Not found"


class OutOfStep(Problem):
    """Changes of a live drawing that are of another state than the one that is here."""

    status = 409
    slug = "out-of-step"
    title = "Out of step"


class Gone(Problem):
    """An inspection that is not kept (any more)."""

    status = 410
    slug = "inspection-gone"
    title = "Inspection not kept"


class TooLarge(Problem):
    """More bytes or pixels than a limit allows."""

    status = 413
    slug = "too-large"
    title = "Content too large"


class UnsupportedMedia(Problem):
    """A body, or a file in it, of a type that is not understood."""

    status = 415
    slug = "unsupported-media-type"
    title = "Unsupported media type"


class InvalidInput(Problem):
    """Understood, but not valid: ``pointer`` says where."""

    status = 422
    slug = "invalid-input"
    title = "Invalid input"


class LimitExceeded(InvalidInput):
    """More strokes, points, drawings, ... than a limit allows."""

    slug = "limit-exceeded"
    title = "Limit exceeded"


class InvalidPicture(InvalidInput):
    """An image that is damaged, or has nothing in it to recognise."""

    slug = "invalid-picture"
    title = "Picture cannot be used"


class RateLimited(Problem):
    """More requests than one caller may send; try again after ``retry_after`` seconds."""

    status = 429
    slug = "rate-limited"
    title = "Too many requests"

    def __init__(self, detail: str, *, limit: float, retry_after: int) -> None:
        super().__init__(detail, limit=limit, headers={"Retry-After": str(retry_after)})


class RequestTimeout(Problem):
    """The client took too long to send its request."""

    status = 408
    slug = "request-timeout"
    title = "Request took too long"


class NotFinite(InvalidInput):
    """The model gave NaN or infinity for this input, which are no answer."""

    slug = "not-finite"
    title = "No finite answer"


class HeadTooLarge(Problem):
    """A request line and headers of more bytes than are read."""

    status = 431
    slug = "head-too-large"
    title = "Request header fields too large"


class Disconnected(Problem):
    """The client has gone; nobody reads the answer."""

    status = 499
    slug = "client-closed-request"
    title = "Client closed request"


class ModelFailed(Problem):
    """A model raised; the log has what."""

    status = 500
    slug = "model-failed"
    title = "Model failed"


class Overloaded(Problem):
    """Too much is waiting for the network; try again after ``retry_after`` seconds."""

    status = 503
    slug = "overloaded"
    title = "Server is busy"

    def __init__(self, detail: str, *, limit: float | None = None, retry_after: int = 1) -> None:
        super().__init__(detail, limit=limit, headers={"Retry-After": str(retry_after)})


class ClosingDown(Overloaded):
    """The server is stopping and takes nothing new."""

    slug = "closing-down"
    title = "Server is stopping"


class NotReady(Overloaded):
    """The server cannot serve at this moment."""

    slug = "not-ready"
    title = "Server is not ready"


class ModelHangs(Overloaded):
    """A run of the model does not end, so that it is not begun again."""

    slug = "model-hangs"
    title = "Model hangs"


class OutOfMemory(Overloaded):
    """Memory ran out, even for this input alone."""

    slug = "out-of-memory"
    title = "Not enough memory"


class ModelTooSlow(Problem):
    """A run took longer than any may take."""

    status = 504
    slug = "model-too-slow"
    title = "Model took too long"


class StoreTooSmall(Problem):
    """One inspection needs more memory than all of them may have."""

    status = 507
    slug = "store-too-small"
    title = "Insufficient storage"


def shorten(value: Any) -> str:
    """A value as JSON text of at most ``VALUE_CHARACTERS`` characters; a string as it is."""
    text = value if isinstance(value, str) else ""
    if not isinstance(value, str):
        # Piece by piece: no more of a large value is written than is shown.
        for piece in json.JSONEncoder(ensure_ascii=False, default=repr).iterencode(value):
            text += piece
            if len(text) > VALUE_CHARACTERS:
                break
    return text if len(text) <= VALUE_CHARACTERS else text[: VALUE_CHARACTERS - 1] + "…"
