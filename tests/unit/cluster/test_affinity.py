"""Which session a request belongs to, and who is given one."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from server.cluster.affinity import COOKIE, Affinity

KEPT = "/api/v1/inspections"
SESSION = "0123456789abcdef"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """A page at /page, elsewhere the sessions that a request came with."""
    request = Request(scope)
    response: Response = JSONResponse(request.headers.getlist("x-session-id"))
    if request.url.path == "/page":
        response = HTMLResponse("<!doctype html>")
    await response(scope, receive, send)


def ask(path: str, headers: dict[str, str] | None = None, scheme: str = "http") -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(Affinity(echo), client=("192.0.2.7", 1))
        async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://test") as client:
            return await client.get(path, headers=headers or {})

    return asyncio.run(asked())


def test_an_inspection_belongs_to_the_session_of_the_cookie() -> None:
    cookie = {"Cookie": f"theme=dark; {COOKIE}={SESSION}"}
    assert ask(KEPT, cookie).json() == [SESSION]
    assert ask(f"{KEPT}/0123/atlas", cookie | {"X-Session-ID": "other"}).json() == [SESSION]


def test_a_live_session_goes_where_the_inspections_of_its_page_are() -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    async def nothing(*_: Any) -> Any:
        raise AssertionError("nothing is read or sent")

    cookie = (b"cookie", f"{COOKIE}={SESSION}".encode())
    scope = {"type": "websocket", "path": "/api/v1/live", "headers": [cookie]}
    asyncio.run(Affinity(app)(scope, nothing, nothing))
    assert seen[0]["headers"] == [cookie, (b"x-session-id", SESSION.encode())]


@pytest.mark.parametrize("cookie", ["", f"{COOKIE}=../../x", f"{COOKIE}={SESSION}0"])
def test_without_a_cookie_of_ours_it_belongs_to_the_client(cookie: str) -> None:
    assert ask(KEPT, {"Cookie": cookie}).json() == ["192.0.2.7"]
    forwarded = {"Cookie": cookie, "X-Forwarded-For": "198.51.100.4, 192.0.2.1"}
    assert ask(KEPT, forwarded).json() == ["198.51.100.4"]


def test_what_keeps_nothing_has_no_session() -> None:
    assert ask("/api/v1/predictions", {"Cookie": f"{COOKIE}={SESSION}"}).json() == []


def test_a_page_gives_a_session_to_who_has_none() -> None:
    given = [ask("/page").headers["set-cookie"] for _ in range(2)]
    assert given[0] != given[1]
    assert given[0].endswith("; Path=/; HttpOnly; SameSite=Strict")
    assert ask("/page", scheme="https").headers["set-cookie"].endswith("; Secure")
    value = given[0].partition(";")[0].partition("=")[2]
    assert ask(KEPT, {"Cookie": f"{COOKIE}={value}"}).json() == [value]
    assert "set-cookie" not in ask("/page", {"Cookie": f"{COOKIE}={value}"}).headers
    assert "set-cookie" not in ask(KEPT).headers
