"""Bodies that travel with their request, so that a replica need not ask the proxy for them."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CARRIED_BYTES = 65_536
"""Ray sends arguments up to 100 kB within the call, larger ones through its object store."""

_BODY = "doodlescope.body"


def carry(scope: Scope, body: bytes) -> None:
    """Put a body into the scope that goes to the replica, unless it is large."""
    if len(body) <= CARRIED_BYTES:
        scope[_BODY] = body


class CarriedBody:
    """In a replica: takes the body out of the scope again."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with a ``receive`` that gives the body first."""
        body: bytes | None = scope.pop(_BODY, None)
        if body is None:
            await self.app(scope, receive, send)
            return
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_carried() -> Message:
            return messages.pop() if messages else await receive()

        await self.app(scope, receive_carried, send)
