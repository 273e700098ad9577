"""Predictions as a bare ASGI route before FastAPI's, for the bodies that nearly all clients send.

It answers what ``QuickPredictions`` reads. Everything else goes on to the ordinary route, with the
body that was read: that one documents both, and is the one truth for what is wrong with a request.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from fastapi import APIRouter
from starlette.routing import BaseRoute, Match
from starlette.types import Message, Receive, Scope, Send

from server.errors import Disconnected
from server.quick import OUTCOME, QuickAnswers

_PASSED_ON = "doodlescope.passed_on"
_JSON = b"application/json"


class QuickPredictionsRoute(BaseRoute):
    """POST of predictions, before all other routes.

    Args:
        path: of the address, with the prefix of the API.
        router: of the application, which has this route too.
        ordinary: the route that has the documentation; what is observed is said of it.
    """

    def __init__(self, path: str, router: APIRouter, ordinary: BaseRoute) -> None:
        self.path_format = path
        self._router = router
        self._ordinary = ordinary

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """FULL for a POST that has not been passed on."""
        fits = (
            scope["type"] == "http"
            and scope["method"] == "POST"
            and scope["path"] == scope.get("root_path", "") + self.path_format
            and _PASSED_ON not in scope
        )
        return (Match.FULL, {"route": self._ordinary}) if fits else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        outcome = scope.pop(OUTCOME, None)
        quick: QuickAnswers = scope["app"].state.quick
        if isinstance(outcome, BaseException):
            quick.note_failed(outcome)
            raise outcome
        if outcome is not None:
            await _send(outcome, send)
            return
        messages: list[Message] = []
        if _may_be_quick(scope, quick.most_bytes):
            answer = await _answered(quick, messages, receive)
            if answer is not None:
                await _send(answer, send)
                return
        scope[_PASSED_ON] = True
        await self._router.app(scope, _again(messages, receive), send)


def _may_be_quick(scope: Scope, most: int) -> bool:
    """Whether the head of a request announces a short body of plain JSON."""
    fields: dict[bytes, bytes] = dict(scope["headers"])
    length = fields.get(b"content-length", b"")
    return (
        fields.get(b"content-type") == _JSON
        and b"content-encoding" not in fields
        and length.isdigit()
        and len(length) < 9
        and int(length) <= most
        and len(fields) == len(scope["headers"])  # none is there twice
    )


async def _answered(quick: QuickAnswers, messages: list[Message], receive: Receive) -> bytes | None:
    """JSON of the answer, or None; what is read of the body is put into ``messages``."""
    body = b""
    more = True
    while more:
        message = await receive()
        messages.append(message)
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > quick.most_bytes:
            return None
    question = quick.read(body)
    if question is None:
        return None
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def wake(_: Any) -> None:
        if not done.done():
            done.set_result(None)

    job = quick.ask(question, wake)
    watch = asyncio.ensure_future(_disconnected(receive))
    watch.add_done_callback(lambda _: done.cancel())
    try:
        await done
    except asyncio.CancelledError:
        quick.withdraw(job)
        if watch.done() and not watch.cancelled():
            raise Disconnected("The client has gone.") from None
        raise
    finally:
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError, asyncio.InvalidStateError):
            watch.exception()  # a connection that broke has gone as well
    if job.error is not None:
        quick.note_failed(job.error)
        raise job.error
    return quick.answer(question, job)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(body: bytes, send: Send) -> None:
    headers = [(b"content-length", b"%d" % len(body)), (b"content-type", _JSON)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _again(messages: list[Message], receive: Receive) -> Receive:
    """A ``receive`` that gives what was received already, and then goes on."""
    if not messages:
        return receive
    before = iter(messages)

    async def received() -> Message:
        for message in before:
            return message
        return await receive()

    return received
