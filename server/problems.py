"""Problems as responses: one shape (RFC 9457) for every error on every route."""

from __future__ import annotations

import http
import json
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from server.errors import Disconnected, InvalidInput, NotFound, Problem, shorten
from server.observation import REQUEST_ID, request_id_of
from server.pages import Pages, wants_page
from server.security import SECURITY_HEADERS

MEDIA_TYPE = "application/problem+json"
JSON = "application/json"
OPEN_INFERENCE = "/v2"
"""Where the addresses of the Open Inference Protocol begin; the protocol says so."""
SHOWN_ERRORS = 20
"""When one request has several errors, at most so many are listed."""


def install(app: FastAPI, pages: Pages) -> None:
    """Answer every exception of an application with a problem."""

    async def problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return respond(request, pages, _members(error), error.headers)

    async def validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return await problem(request, invalid_input(error.errors(), ()))

    async def plain(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code in (204, 304):
            return Response(status_code=error.status_code, headers=error.headers)
        return respond(request, pages, _plain_members(request, error), error.headers or {})

    async def disconnected(request: Request, error: Exception) -> Response:
        return await problem(request, Disconnected("The client left in the middle of its body."))

    async def unexpected(request: Request, error: Exception) -> Response:
        # The exception goes on to the server, which logs it; the client is told nothing of it.
        members = _members(Problem("Something went wrong on the server; the log has it."))
        headers = {**SECURITY_HEADERS, REQUEST_ID: request_id_of(request.scope)}
        return respond(request, pages, members, headers)

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(HTTPException, plain)
    app.add_exception_handler(ClientDisconnect, disconnected)
    app.add_exception_handler(Exception, unexpected)


def respond(
    request: Request, pages: Pages, members: dict[str, Any], headers: Mapping[str, str]
) -> Response:
    """A problem as a page for a browser that asks for one, else as problem+json."""
    members["instance"] = request.url.path
    status = int(members["status"])
    response: Response
    if is_open_inference(request.url.path):
        response = _open_inference_error(members, headers)
    elif wants_page(request) and pages.has("error.html"):
        response = pages.render(request, "error.html", members, status=status)
        response.headers.update(headers)
    else:
        response = Response(problem_json(members), status, headers, MEDIA_TYPE)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def answer(error: Problem, path: str) -> Response:
    """A problem as a response, where there are no pages: outside of the application's routes."""
    if is_open_inference(path):
        return _open_inference_error(_members(error), error.headers)
    return Response(problem_body(error, path), error.status, error.headers, MEDIA_TYPE)


def is_open_inference(path: str) -> bool:
    """Whether a path is one of the Open Inference Protocol, which has a shape of its own."""
    return path == OPEN_INFERENCE or path.startswith(f"{OPEN_INFERENCE}/")


def _open_inference_error(members: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    """A problem as the Open Inference Protocol has it; what is not valid there is 400."""
    status = int(members["status"])
    message, value = str(members["detail"]), str(members.get("value", ""))
    if value not in message:
        message = f"{message} Found: {value}"
    body = problem_json({"error": message})
    return Response(body, 400 if status == InvalidInput.status else status, headers, JSON)


def problem_json(members: Mapping[str, Any]) -> bytes:
    """The members as JSON; a lone surrogate from the input stays the escape that it was."""
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "backslashreplace"
    )


def problem_body(error: Problem, path: str) -> bytes:
    """The body of a problem's response, where there is no request object yet."""
    return problem_json(_members(error) | {"instance": path})


def invalid_input(errors: Iterable[Any], prefix: tuple[str | int, ...]) -> InvalidInput:
    """Pydantic's errors as one problem; ``prefix`` is where in the body the value stands.

    A place in the body becomes a JSON pointer, a parameter its name.
    """
    found = [_placed(error, prefix) for error in errors]
    pointer, detail, value = found[0]
    listed = [{"pointer": place, "detail": text} for place, text, _ in found[:SHOWN_ERRORS]]
    return InvalidInput(
        f"{detail}", pointer=pointer, value=value, errors=listed if len(found) > 1 else ()
    )


def json_pointer(parts: Iterable[str | int]) -> str:
    """Keys and indices as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def _placed(error: Mapping[str, Any], prefix: tuple[str | int, ...]) -> tuple[str, str, Any]:
    place: tuple[str | int, ...] = tuple(error["loc"])
    if place and place[0] in ("path", "query", "header", "cookie"):
        pointer = ".".join(map(str, place[1:]))
    else:
        pointer = json_pointer((*prefix, *place))
    message = str(error["msg"])
    where = pointer or "the body"
    return pointer, f"{message} (at {where}).", error.get("input")


def _members(error: Problem) -> dict[str, Any]:
    members: dict[str, Any] = {
        "type": f"/problems/{error.slug}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
    }
    if error.pointer is not None:
        members["pointer"] = error.pointer
    if error.value is not None:
        members["value"] = error.value
    if error.limit is not None:
        members["limit"] = error.limit
    if error.errors:
        members["errors"] = list(error.errors)
    return members


def _plain_members(request: Request, error: HTTPException) -> dict[str, Any]:
    """The framework's own errors: no such route, wrong method, a form that cannot be read."""
    path, method = shorten(request.url.path), request.method
    if error.status_code == NotFound.status:
        return _members(NotFound(f"There is nothing at {path}."))
    detail = {
        405: f"{path} does not answer {method}; it answers "
        f"{(error.headers or {}).get('Allow', 'other methods')}.",
    }.get(error.status_code, error.detail)
    return {
        "type": "about:blank",
        "title": http.HTTPStatus(error.status_code).phrase,
        "status": error.status_code,
        "detail": detail,
    }
