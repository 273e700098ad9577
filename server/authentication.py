"""Lets in who comes with an API key, or has signed in with one in the browser."""

from __future__ import annotations

import functools
import time
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.api_keys import ApiKeys
from server.errors import CredentialsNeeded, OriginRefused, Problem, RateLimited
from server.observation import set_caller
from server.pages import wants_page
from server.problems import answer
from server.rate_limit import Allowance, RateLimit

SIGN_IN = "/sign-in"
COOKIE = "doodlescope_session"
WRONG_KEYS = 10
"""So many wrong keys a minute are answered for one address; what follows is told to wait."""
OPEN = frozenset({"/healthz", "/readyz", "/v2/health/live", "/v2/health/ready", "/favicon.ico"})
"""Asked by machines that have no key, and told nothing by them that is worth one."""
_OPEN_FOLDER = "/static/"
_SAFE = ("GET", "HEAD", "OPTIONS")
_OTHER_SITES = ("cross-site", "same-site")
_POLICY_VIOLATION = 1008
_ALLOWANCE = "doodlescope.allowance"
_DENIAL = "websocket.http.response"
"""The extension of servers that can answer a handshake."""


class Door:
    """Knows who comes, by their key or by the session that they opened with it."""

    def __init__(self, keys: ApiKeys) -> None:
        self._keys = keys
        self._mistakes = RateLimit(WRONG_KEYS)

    def caller(self, scope: Scope) -> str | None:
        """The name of the key that a request comes with; None: with none at all.

        Raises:
            CredentialsNeeded: a key or a session that is not known.
            OriginRefused: a session, used by a page of another site.
            RateLimited: too many of them, from one address.
        """
        headers = Headers(scope=scope)
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        given = bearer.strip() if scheme.lower() == "bearer" else headers.get("x-api-key")
        if given:
            owner = self._keys.owner(given)
        elif session := _session(headers):
            owner = self._keys.owner_of_session(session, time.time())
            if owner is None:
                return None  # it is over, more likely than forged
            if scope.get("method") not in _SAFE:
                check_site(headers)
        else:
            return None
        if owner is None:
            raise self._mistake(scope)
        return owner

    def session(self, scope: Scope, secret: str) -> str:
        """The session of a browser that signs in with a key; raises as ``caller`` does."""
        if self._keys.owner(secret) is None:
            raise self._mistake(scope)
        return self._keys.session(secret, time.time())

    def _mistake(self, scope: Scope) -> CredentialsNeeded:
        """The answer to a wrong key; raises RateLimited where it is one of many."""
        address = str((scope.get("client") or ("", 0))[0])
        allowance = self._mistakes.take(address, time.monotonic())
        if not allowance.allowed:
            raise RateLimited(
                "Too many wrong keys came from this address.",
                limit=WRONG_KEYS,
                retry_after=allowance.seconds,
            )
        return CredentialsNeeded("This API key is not known here.")


class Authentication:
    """Asks for a key, counts the requests of each, and tells what is left in the answer.

    A key comes as ``Authorization: Bearer KEY`` or ``X-API-Key: KEY``, a session as a cookie.
    Limits are told in the header fields of draft-ietf-httpapi-ratelimit-headers.

    Args:
        app: is wrapped.
        door: knows the keys, and who sent wrong ones.
        requests: most of them a minute with one key.
    """

    def __init__(self, app: ASGIApp, door: Door, requests: int) -> None:
        self.app = app
        self.door = door
        self.limit = RateLimit(requests)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with 401 or 429; a page with the way to sign in."""
        if scope["type"] not in ("http", "websocket") or _is_open(scope["path"]):
            await self.app(scope, receive, send)
            return
        try:
            caller = self.door.caller(scope)
            if scope["path"] == SIGN_IN:
                set_caller(scope, caller or "")
                await self.app(scope, receive, send)
                return
            if caller is None:
                raise CredentialsNeeded(
                    "This server asks for an API key: Authorization: Bearer KEY, or X-API-Key."
                )
            allowance = self._take(caller)
        except Problem as problem:
            await _refuse(problem, scope, receive, send)
            return
        set_caller(scope, caller)
        scope[_ALLOWANCE] = functools.partial(self._take, caller)
        await self.app(scope, receive, self._telling(send, allowance))

    def _take(self, caller: str) -> Allowance:
        """Count a request of a caller; raises RateLimited when it is one too many."""
        allowance = self.limit.take(caller, time.monotonic())
        if not allowance.allowed:
            raise RateLimited(
                f"{self.limit.requests} requests a minute are allowed with one key.",
                limit=self.limit.requests,
                retry_after=allowance.seconds,
            )
        return allowance

    def _telling(self, send: Send, allowance: Allowance) -> Send:
        async def send_with_allowance(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["RateLimit-Policy"] = f'"minute";q={self.limit.requests};w=60'
                headers["RateLimit"] = f'"minute";r={allowance.remaining};t={allowance.seconds}'
                # What one caller may see is for nobody else's cache.
                headers["Cache-Control"] = _private(headers.get("cache-control", "no-cache"))
            await send(message)

        return send_with_allowance


def _private(how_long: str) -> str:
    """A Cache-Control that keeps an answer out of the caches that people share."""
    if "no-store" in how_long or "private" in how_long:
        return how_long
    return f"private, {how_long.removeprefix('public').lstrip(', ')}".rstrip(", ")


def take_allowance(scope: Scope) -> None:
    """Count one more request of whoever sent this one, such as an answer over a socket.

    Raises:
        RateLimited: it is one too many.
    """
    take = scope.get(_ALLOWANCE)
    if take is not None:
        take()


def check_site(headers: Headers) -> None:
    """Raise OriginRefused for what a browser sends because a page of another site has it do so.

    The cookie of a session is kept from such pages already, but for those of neighbours, whose
    names differ in their first part alone. Other clients than browsers do not say.
    """
    site = headers.get("sec-fetch-site", "").lower()
    if site in _OTHER_SITES:
        raise OriginRefused(
            "Pages of other sites may not act with a session of this one.",
            pointer="sec-fetch-site",
            value=site,
        )


def is_own_page(path: str) -> bool:
    """Whether a path is one of this server's, where a browser may be sent after it signed in."""
    return path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()


async def _refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket" and _DENIAL not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": problem.title})
        return
    response: Response = answer(problem, scope["path"])
    response.headers["Cache-Control"] = "no-store"
    if isinstance(problem, CredentialsNeeded) and scope.get("method") in ("GET", "HEAD"):
        request = Request(scope)
        if wants_page(request):
            query = f"?{request.url.query}" if request.url.query else ""
            target = quote(request.url.path + query, safe="")
            response = RedirectResponse(
                f"{SIGN_IN}?next={target}", 303, {"Cache-Control": "no-store"}
            )
    await response(scope, receive, send)


def _is_open(path: str) -> bool:
    return path in OPEN or path.startswith(_OPEN_FOLDER)


def _session(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
