"""In a proxy: inspections and live sessions of one client go to one replica, which keeps them.

The replica is chosen by consistent hashing of a session: that of a cookie which pages set, else the
client's address. It changes for few when replicas come and go; an inspection that was lost then is
410, upon which a page posts its input again.
"""

from __future__ import annotations

import os
import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "doodlescope_replica"
"""Random, and used for nothing else; it ends with the browser's session."""
KEPT = ("/api/v1/inspections", "/api/v1/live")
"""Below these answers come from what one replica keeps; a live session keeps inspections too."""

_SESSION = re.compile(r"[0-9a-f]{16}")
# As Ray's own proxy reads it.
_HEADER = os.environ.get("RAY_SERVE_SESSION_ID_HEADER_KEY", "x-session-id").lower().encode()


class Affinity:
    """Says for each request that needs it to which session it belongs, and gives pages one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with its session."""
        headers = Headers(scope=scope)
        found = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        session = found if _SESSION.fullmatch(found) else ""
        if scope["path"].startswith(KEPT):
            kept = [header for header in scope["headers"] if header[0] != _HEADER]
            scope = {**scope, "headers": [*kept, (_HEADER, (session or _client(scope)).encode())]}

        async def send_with_session(message: Message) -> None:
            if message["type"] == "http.response.start" and not session and _is_page(message):
                secure = "; Secure" if scope.get("scheme") == "https" else ""
                MutableHeaders(scope=message).append(
                    "Set-Cookie",
                    f"{COOKIE}={secrets.token_hex(8)}; Path=/; HttpOnly; SameSite=Strict{secure}",
                )
            await send(message)

        await self.app(scope, receive, send_with_session)


def _client(scope: Scope) -> str:
    """Who asks, as far as the proxy knows: through a load balancer by what that one says."""
    forwarded = Headers(scope=scope).get("x-forwarded-for", "").partition(",")[0].strip()
    return forwarded[:64] or str((scope.get("client") or ("unknown",))[0])


def _is_page(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type", "").startswith("text/html")
