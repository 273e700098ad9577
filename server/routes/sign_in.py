"""Signing in with an API key, for browsers: where the server asks for one."""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from server.api_keys import SESSION_SECONDS
from server.authentication import COOKIE, SIGN_IN, Door, check_site, is_own_page
from server.dependencies import RunningPages
from server.errors import CredentialsNeeded, NotFound, RateLimited, TooLarge
from server.observation import caller_of

FORM_BYTES = 4_096

router = APIRouter(include_in_schema=False)


@router.get(SIGN_IN)
async def sign_in_page(request: Request, pages: RunningPages, next: str = "/") -> Response:
    """The form; for who is signed in, the way out."""
    _door(request)
    context = {"next": next if is_own_page(next) else "/", "caller": caller_of(request.scope)}
    return _unkept(pages.render(request, "sign_in.html", context | {"mistake": ""}))


@router.post(SIGN_IN)
async def sign_in(request: Request, pages: RunningPages) -> Response:
    """Open a session with the key of the form, and go on to where the browser wanted to."""
    door = _door(request)
    check_site(request.headers)
    form = await _form(request)
    target = form.get("next", "/")
    target = target if is_own_page(target) else "/"
    try:
        session = door.session(request.scope, form.get("key", "").strip())
    except (CredentialsNeeded, RateLimited) as refused:
        context = {"next": target, "caller": "", "mistake": refused.detail}
        page = pages.render(request, "sign_in.html", context, status=refused.status)
        page.headers.update(refused.headers)
        return _unkept(page)
    response = RedirectResponse(target, 303)
    response.set_cookie(
        COOKIE,
        session,
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return _unkept(response)


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Forget the session in this browser."""
    _door(request)
    response = RedirectResponse(SIGN_IN, 303)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return _unkept(response)


def _door(request: Request) -> Door:
    door: Door | None = request.app.state.door
    if door is None:
        raise NotFound("This server asks for no key.")
    return door


async def _form(request: Request) -> dict[str, str]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES:
            raise TooLarge(
                f"The form is longer than the {FORM_BYTES} bytes that are allowed.",
                limit=FORM_BYTES,
            )
    fields = parse_qs(body.decode("ascii", "replace"))
    return {name: values[0] for name, values in fields.items()}


def _unkept(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
