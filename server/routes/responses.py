"""Responses that routes share: problems as they are documented, and what never changes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from fastapi import Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from server import __version__
from server.dependencies import KeptInspectionById, NamedModel
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
    504: "The network did not answer within DOODLESCOPE_STUCK_SECONDS.",
    507: "An inspection needs more memory than all of them may have.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documentation of the problems that a route answers with, 500 among them."""
    return {
        status: {"model": ProblemDetails, "description": _DESCRIPTIONS[status]}
        for status in (*statuses, 500)
    }


UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The copy whose entity tag was sent as If-None-Match is still good."}
}
"""The documentation of answers that have an entity tag."""


async def _tag_immutable(request: Request, response: Response, kept: KeptInspectionById) -> None:
    # An answer may name the server as it was asked for.
    keep(request, response, f"{request.base_url}", IMMUTABLE)


async def _tag_of_model(request: Request, response: Response, model: NamedModel) -> None:
    keep(request, response, model.version, REVALIDATED)


Immutable = Depends(_tag_immutable)
"""Of routes that say in JSON what an inspection kept: an entity tag, and 304 for who has it."""
OfModel = Depends(_tag_of_model)
"""Of routes that say in JSON what a model is: the same, as long as it has the same version."""


def keep(request: Request, response: Response, version: str, how_long: str) -> None:
    """Give an answer an entity tag, and say how long it may be kept.

    Raises:
        HTTPException: 304, the client has it already.
    """
    headers = {"Cache-Control": how_long, "ETag": _entity_tag(request, version)}
    if _is_known(request, headers["ETag"]):
        raise HTTPException(304, headers=headers)
    response.headers.update(headers)


def inline(filename: str) -> str:
    """The Content-Disposition of a file, whose name may have any characters (RFC 6266)."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", filename)
    if plain == filename:
        return f'inline; filename="{plain}"'
    encoded = quote(filename, safe="", errors="replace")
    return f"inline; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


async def immutable(
    request: Request, media_type: str, make: Callable[[], bytes], *, filename: str | None = None
) -> Response:
    """What never changes at its address: with an entity tag, and 304 for a client that has it."""
    headers = {"Cache-Control": IMMUTABLE}
    if filename:
        headers["Content-Disposition"] = inline(filename)
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
    headers["ETag"] = _entity_tag(request, version)
    if _is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(await run_in_threadpool(make), headers=headers, media_type=media_type)


def _entity_tag(request: Request, version: str) -> str:
    """What stands for the answer at an address, of this server and of a version of what it says."""
    address = f"{__version__} {version} {request.url.path}?{request.url.query}"
    digest = hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()
    return f'"{digest[:24]}"'


def _is_known(request: Request, tag: str) -> bool:
    """Whether the client has the answer that a tag stands for, packed or not."""
    known = request.headers.get("if-none-match", "")
    return tag in (each.strip().removeprefix("W/") for each in known.split(","))
