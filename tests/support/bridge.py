"""A running application for tools that call ASGI applications on an event loop of their own."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.types import Message, Receive, Scope, Send

from tests.support.asgi import Client


class Bridge:
    """Passes requests on to the event loop on which a client's application runs.

    What the application raises has been answered by then, as a server would have it: the answer
    alone comes back.
    """

    def __init__(self, client: Client) -> None:
        self.client = client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # the application has been started already
        asked = [await receive()]
        while asked[-1].get("more_body", False):
            asked.append(await receive())
        answer = self.client.portal.start_task_soon(self._answer, scope, asked)
        for message in await asyncio.wrap_future(answer):
            await send(message)

    async def _answer(self, scope: Scope, asked: list[Message]) -> list[Message]:
        sent: list[Message] = []
        over = asyncio.Event()

        async def receive() -> Message:
            if asked:
                return asked.pop(0)
            await over.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                over.set()

        with suppress(Exception):
            await self.client.app(scope, receive, send)
        return sent
