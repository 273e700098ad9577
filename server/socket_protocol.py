"""WebSockets as uvicorn reads them, but that no client can hold a connection that has ended."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from server.settings import Settings

PING_SECONDS = 20.0
"""A client is asked so often whether it is there, and has as long to answer."""
LINGER_SECONDS = 5.0
"""A connection that is over may take what is left of its answers for so long."""


class SocketProtocol(WebSocketsSansIOProtocol):
    """Cuts a connection off whose client does not take what is left.

    Uvicorn closes the transport, which waits for the client to read: for ever, if it vanished.
    """

    async def run_asgi(self) -> None:
        """Run the application, and see to it that the connection ends after it."""
        await super().run_asgi()
        self._cut_off()

    def keepalive_timeout(self) -> None:
        """The client has not answered a ping."""
        super().keepalive_timeout()
        self._cut_off()

    def _cut_off(self) -> None:
        self.loop.call_later(LINGER_SECONDS + self.close_timeout, self.transport.abort)


def socket_options(settings: Settings) -> dict[str, Any]:
    """How uvicorn takes WebSockets, as arguments of its configuration.

    Messages are never packed, which costs more time than it saves, and memory for each connection.
    """
    return {
        "ws": SocketProtocol,
        "ws_max_size": settings.json_bytes,
        "ws_per_message_deflate": False,
        "ws_ping_interval": PING_SECONDS,
        "ws_ping_timeout": PING_SECONDS,
    }
