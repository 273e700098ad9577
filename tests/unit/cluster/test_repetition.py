"""A proxy's repetition, around applications that fail as Ray's proxy does: they send nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.cluster import repetition
from server.cluster.carried import CARRIED_BYTES, CarriedBody
from server.cluster.repetition import HELD_BYTES, Repetition
from server.middleware import SecurityHeaders
from tests.support.problems import assert_problem

LIMIT = 200_000


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repetition, "FIRST_PAUSE", 0.0)


class Dying:
    """Ray's proxy in front of replicas of which the first ones die; the others echo the body."""

    def __init__(self, deaths: int, pieces: Sequence[bytes] = ()) -> None:
        self.deaths = deaths
        self.pieces = pieces
        self.asked: list[dict[str, str]] = []
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.asked.append(headers)
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        self.bodies.append(body)
        if len(self.asked) <= self.deaths:
            for message in self.begun():
                await send(message)
            return
        await Response(body, headers={"X-Request-ID": headers["x-request-id"]})(
            scope, receive, send
        )

    def begun(self) -> list[Message]:
        """What of an answer was sent before the replica died."""
        if not self.pieces:
            return []
        start = {"type": "http.response.start", "status": 200, "headers": self.headers()}
        bodies = [
            {"type": "http.response.body", "body": piece, "more_body": True}
            for piece in self.pieces
        ]
        return [start, *bodies]

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [(b"content-length", b"1000")]


def asked(app: ASGIApp, repeats: int = 3, **options: Any) -> httpx.Response:
    """What a client gets of an application behind the repetition."""
    wrapped = SecurityHeaders(Repetition(CarriedBody(app), repeats, LIMIT, 5))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(wrapped)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.post("/api/v1/predictions", **options)

    return asyncio.run(ask())


@pytest.mark.parametrize("body", [b"", b"a drawing", b"x" * (CARRIED_BYTES + 1)])
def test_a_request_is_sent_again_with_its_body_and_its_id(body: bytes) -> None:
    app = Dying(deaths=2)
    response = asked(app, content=body)
    assert (response.status_code, response.content) == (200, body)
    assert app.bodies == [body] * 3
    ids = {headers["x-request-id"] for headers in app.asked}
    assert ids == {response.headers["x-request-id"]}


def test_the_id_of_the_client_stays() -> None:
    app = Dying(deaths=1)
    response = asked(app, headers={"X-Request-ID": "mine"})
    assert response.headers.get_list("x-request-id") == ["mine"]
    assert [headers["x-request-id"] for headers in app.asked] == ["mine", "mine"]


def test_the_id_of_the_replica_is_the_only_one() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = Response(headers={"X-Request-ID": "replica"})
        response.headers.append("X-Request-ID", "proxy")
        await response(scope, receive, send)

    assert asked(app).headers.get_list("x-request-id") == ["replica"]


def test_who_dies_in_the_middle_of_an_answer_is_repeated_too() -> None:
    app = Dying(deaths=1, pieces=[b"half of"])
    assert asked(app, content=b"whole").content == b"whole"


def test_after_so_many_deaths_the_answer_is_a_problem() -> None:
    app = Dying(deaths=9)
    response = asked(app, repeats=2, content=b"x")
    problem = assert_problem(response, 503)
    assert problem["detail"] == "3 replicas ended before they could answer."
    assert response.headers["retry-after"] == "1"
    assert len(app.bodies) == 3


@pytest.mark.parametrize("length", [None, str(HELD_BYTES + 1)])
def test_an_answer_in_pieces_is_passed_on_as_it_comes(length: str | None) -> None:
    app = Dying(deaths=1, pieces=[b"first", b"second"])
    app.headers = lambda: [] if length is None else [(b"content-length", length.encode())]  # type: ignore[method-assign]
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/", "headers": [(b"host", b"test")]}
    asyncio.run(Repetition(app, 3, LIMIT, 5)(scope, receive, send))
    assert [message.get("body") for message in sent] == [None, b"first", b"second"]
    assert len(app.asked) == 1, "what has begun cannot be begun again"


def test_a_held_answer_arrives_whole() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        pieces = iter([b"first", b"second"])
        await StreamingResponse(pieces, headers={"Content-Length": "11"})(scope, receive, send)

    assert asked(app).content == b"firstsecond"


def test_nobody_is_asked_again_for_a_client_that_has_gone() -> None:
    app = Dying(deaths=0)
    attempts = []

    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        attempts.append(scope)
        while (await receive())["type"] != "http.disconnect":
            pass

    messages: list[Message] = [
        {"type": "http.disconnect"},
        {"type": "http.request", "body": b"x"},
    ]

    async def receive() -> Message:
        return messages.pop()

    async def send(message: Message) -> None:
        raise AssertionError("nobody reads it")

    scope = {"type": "http", "path": "/", "headers": []}
    asyncio.run(Repetition(waits, 3, LIMIT, 5)(scope, receive, send))
    assert len(attempts) == 1
    messages = [{"type": "http.disconnect"}]
    asyncio.run(Repetition(app, 3, LIMIT, 5)(scope, receive, send))
    assert app.asked == []


def test_a_body_that_is_too_large_reaches_no_replica() -> None:
    app = Dying(deaths=0)

    async def streamed() -> Any:
        for _ in range(3):
            yield b"x" * (LIMIT // 2)

    for content in (b"x" * (LIMIT + 1), streamed()):
        problem = assert_problem(asked(app, content=content), 413)
        assert problem["limit"] == LIMIT
    assert app.asked == []


@pytest.mark.parametrize(("status", "detail"), [(408, "within 5 seconds"), (503, "No replica")])
def test_what_the_proxy_says_itself_becomes_a_problem(status: int, detail: str) -> None:
    problem = assert_problem(asked(PlainTextResponse("Ray says so", status)), 503)
    assert detail in problem["detail"]


def test_the_answers_of_the_application_stay_as_they_are() -> None:
    response = asked(Response(b'{"error": "busy"}', 503, media_type="application/json"))
    assert response.json() == {"error": "busy"}


def test_a_client_gives_no_orders_to_the_proxy() -> None:
    app = Dying(deaths=0)
    orders = {
        "X-Request-Timeout-Seconds": "-1",
        "X-Request-Disconnect-Disabled": "?1",
        "serve_multiplexed_model_id": "any",
        "X-Session-ID": "one",
        "X-Other": "stays",
    }
    asked(app, headers=orders)
    found = app.asked[0]
    assert found["x-request-timeout-seconds"] == "5"
    assert found["x-other"] == "stays"
    left = {"x-request-disconnect-disabled", "serve_multiplexed_model_id", "x-session-id"}
    assert not left & set(found)


def test_what_is_not_http_and_what_is_rays_goes_straight_through() -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    async def nothing(*_: Any) -> Any:
        raise AssertionError("nothing is read or sent")

    scopes = [{"type": "websocket", "path": "/api"}, {"type": "http", "path": "/-/healthz"}]
    for scope in scopes:
        asyncio.run(Repetition(app, 3, LIMIT, 5)(scope, nothing, nothing))
    assert seen == scopes
