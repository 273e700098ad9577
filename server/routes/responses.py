"""Responses that routes share: problems as they are documented, and what never changes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool

from server import __version__
from server.schemas.problems import ProblemDetails

IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATED = "public, no-cache"

_DESCRIPTIONS = {
    400: "The body is not what its media type says.",
    404: "There is no such resource.",
    410: "The inspection is not kept (any more); post the same input again.",
    413: "More bytes or pixels than are allowed.",
    415: "Neither JSON nor a form, or a file of another format.",
    422: "Understood, but not valid; the pointer says where.",
    500: "Something went wrong on the server.",
    503: "Too much is waiting for the network; Retry-After says when to ask again.",
    507: "An inspection needs more memory than all of them may have.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documentation of the problems that a route answers with, 500 among them."""
    return {
        status: {"model": ProblemDetails, "description": _DESCRIPTIONS[status]}
        for status in (*statuses, 500)
    }


async def immutable(
    request: Request, media_type: str, make: Callable[[], bytes], *, filename: str | None = None
) -> Response:
    """What never changes at its address: with an entity tag, and 304 for a client that has it."""
    headers = {"Cache-Control": IMMUTABLE}
    if filename:
        headers["Content-Disposition"] = f'inline; filename="{filename}"'
    return await _tagged(request, media_type, make, headers)


async def of_version(
    request: Request, media_type: str, make: Callable[[], bytes], version: str, *, named: bool
) -> Response:
    """What changes at its address only with a version, which the entity tag stands for.

    Args:
        request: of the client.
        media_type: of the body.
        make: gives the body.
        version: of what is asked about.
        named: whether the address names the version, so that the answer there never changes.
    """
    headers = {"Cache-Control": IMMUTABLE if named else REVALIDATED}
    return await _tagged(request, media_type, make, headers, version)


async def _tagged(
    request: Request,
    media_type: str,
    make: Callable[[], bytes],
    headers: dict[str, str],
    version: str = "",
) -> Response:
    address = f"{__version__} {version} {request.url.path}?{request.url.query}"
    headers["ETag"] = f'"{hashlib.sha256(address.encode()).hexdigest()[:24]}"'
    known = request.headers.get("if-none-match", "")
    if headers["ETag"] in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(await run_in_threadpool(make), headers=headers, media_type=media_type)
