"""What strangers must not be able to do, line by line."""

from __future__ import annotations

import ast
import hmac
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.types import Message

import server
import server.routes
from server.api_keys import ApiKeys
from server.app import create_app
from server.authentication import COOKIE
from server.paths import STATIC
from server.security import SECURITY_HEADERS
from server.settings import ServedModel, Settings
from tests.support.asgi import Client, running
from tests.support.problems import assert_problem

KEY = "a-key-for-these-tests"
PAGE = {"Accept": "text/html"}
PREDICTIONS = "/api/v1/predictions"
SERVER = Path(server.__file__).parent
PATHS = server.routes.__path__
NO_ROUTES = APIRouter()


@pytest.fixture(scope="module")
def locked() -> Iterator[Client]:
    """A client for an application that asks for a key."""
    with running(create_app(Settings(api_keys=(SecretStr(KEY),), body_bytes=10_000))) as started:
        yield started


def sent(client: Client, scope: dict[str, Any]) -> list[Message]:
    """What the application sends for a scope just as it is: no client has made it tidy."""
    messages: list[Message] = []
    whole = {"scheme": "http", "query_string": b"", "headers": [], **scope}

    async def ask() -> None:
        async def receive() -> Message:
            return {"type": "http.request" if whole["type"] == "http" else "websocket.connect"}

        async def send(message: Message) -> None:
            messages.append(message)

        await client.app(whole, receive, send)

    client.portal.call(ask)
    return messages


def headers_of(message: Message) -> dict[str, str]:
    return {name.decode().lower(): value.decode() for name, value in message["headers"]}


# Pages and headers


def routes() -> list[APIRoute]:
    """Every route of every module of routes, without the prefix that the API's have."""
    modules = [import_module(f"server.routes.{each.name}") for each in iter_modules(PATHS)]
    found = [route for module in modules for route in getattr(module, "router", NO_ROUTES).routes]
    return [route for route in found if isinstance(route, APIRoute)]


def pages() -> list[str]:
    """Every page there is."""
    found = [
        route
        for route in routes()
        if not route.include_in_schema and "GET" in (route.methods or ())
    ]
    assert len(found) >= 7
    return sorted(route.path.format(name="lenet-5") for route in found)


def test_no_page_allows_inline_scripts_or_styles(locked: Client) -> None:
    checked = 0
    for path in [*pages(), "/nothing"]:
        response = locked.get(path, headers=PAGE | {"X-API-Key": KEY})
        if not response.headers["content-type"].startswith("text/html"):
            continue
        policy = response.headers["content-security-policy"]
        assert "unsafe" not in policy, path
        assert "script-src 'self'" in policy, path
        for directive in ("object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
            assert directive in policy, path
        assert not re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", response.text), path
        checked += 1
    assert checked >= 8


def test_every_answer_has_the_security_headers(locked: Client) -> None:
    key = {"X-API-Key": KEY}
    asset = "/static/favicon.svg"
    tag = locked.get(asset).headers["etag"]
    answers = {
        200: locked.get("/api/v1/models", headers=key),
        303: locked.get("/models", headers=PAGE),
        304: locked.get(asset, headers={"If-None-Match": tag}),
        401: locked.get("/api/v1/models"),
        404: locked.get("/static/nothing.js"),
        405: locked.request("DELETE", "/healthz"),
        413: locked.post(PREDICTIONS, content=bytes(20_000), headers=key),
        415: locked.post(PREDICTIONS, content=b"x", headers=key),
        422: locked.post(PREDICTIONS, json={}, headers=key),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        for name in SECURITY_HEADERS:
            assert name in answer.headers, (status, name)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_what_breaks_has_the_security_headers_and_says_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("what nobody shall read")

    monkeypatch.setattr(type(client.services.catalog), "__iter__", broken)
    answer = client.get("/api/v1/models")
    assert_problem(answer, 500)
    assert "what nobody shall read" not in answer.text
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers[name] == value


def test_a_socket_is_refused_with_the_security_headers(locked: Client) -> None:
    scope = {
        "type": "websocket",
        "path": "/api/v1/live",
        "app": locked.app,
        "extensions": {"websocket.http.response": {}},
    }
    first, *_ = sent(locked, scope)
    assert (first["type"], first["status"]) == ("websocket.http.response.start", 401)
    assert (
        SECURITY_HEADERS.items()
        <= {name: headers_of(first).get(name.lower()) for name in SECURITY_HEADERS}.items()
    )


def test_a_camera_is_for_pages_of_images_of_this_server_alone(client: Client) -> None:
    policy = client.get("/", headers=PAGE).headers["permissions-policy"]
    assert "camera=()" in policy
    assert "microphone=()" in policy


# Files

PIECES = st.sampled_from(
    ["..", ".", "", "/", "\\", "..\\", "\0", "%2e%2e", "%2f", "....//", "~", "etc", "passwd", "js",
     "server", "app.py", "C:", "file:", "css", "tokens.css", "é", "\ud800", "a" * 300,
     "@", "@0123456789ab"]
)  # fmt: skip


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(PIECES, max_size=6), st.sampled_from(["/", "\\", ""]))
@example(["..", "..", "Makefile"], "/")
@example(["", "etc", "passwd"], "/")
@example(["@0123456789ab", "..", "..", "Makefile"], "/")
@example(["@0123456789ab", "", "etc", "passwd"], "/")
@example(["", str(SERVER / "app.py")], "/")
def test_files_outside_of_their_folder_are_not_there(
    client: Client, parts: list[str], separator: str
) -> None:
    path = "/static/" + separator.join(parts)
    raw = quote(path, errors="surrogatepass").encode()
    start, *rest = sent(client, {"type": "http", "method": "GET", "path": path, "raw_path": raw})
    content = b"".join(message.get("body", b"") for message in rest)
    assert start["status"] in (200, 404), path
    if start["status"] == 200:
        files = {file.read_bytes() for file in STATIC.rglob("*.css")}
        assert content in files, path


# What the server does by itself

FETCHING = {
    "aiohttp", "ftplib", "http.client", "httpx", "requests", "socketserver", "telnetlib",
    "urllib.request", "urllib3", "xmlrpc",
}  # fmt: skip
LOADING = {"dill", "joblib", "marshal", "pickle", "cloudpickle", "shelve"}
MODULES = sorted(SERVER.rglob("*.py"))


def imported(file: Path) -> set[str]:
    """The modules that a file imports, whole and by their parents."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{each.name}" for each in node.names}
    return names | {".".join(name.split(".")[:n]) for name in names for n in range(1, 4)}


def test_the_server_fetches_nothing() -> None:
    """No address that a stranger sends is ever opened: there is nothing to open one with."""
    assert len(MODULES) > 100
    fetching = {str(file.relative_to(SERVER)) for file in MODULES if imported(file) & FETCHING}
    # The command that downloads the data set, from the address that stands in it.
    assert fetching <= {"doodle/transfer.py"}
    for file in MODULES:
        if "server.doodle.transfer" in imported(file):
            assert file.relative_to(SERVER).parts[0] == "commands", file


def test_nothing_is_unpickled() -> None:
    for file in MODULES:
        assert not imported(file) & LOADING, file
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                assert "weights_only=True" in ast.unparse(node), file
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "np.load":
                assert "allow_pickle=False" in ast.unparse(node), file


def test_no_route_loads_a_model() -> None:
    """Who opens models is told by the command line, or by the environment, and nobody else."""
    opening = {"server.services.sources", "server.services.served_models", "models.registry"}
    for file in MODULES:
        place = file.relative_to(SERVER)
        if place.parts[0] == "routes" or place.name in ("dependencies.py", "quick.py"):
            assert not imported(file) & opening, file
    changing = {
        (method, route.path)
        for route in routes()
        for method in set(route.methods or ()) - {"GET", "HEAD"}
    }
    assert changing == {
        ("POST", path)
        for path in (
            "/predictions", "/inspections", "/shapes", "/shapes/settings", "/shapes/source",
            "/shapes/image", "/sign-in", "/sign-out", "/v2/models/{name}/infer",
            "/v2/models/{name}/versions/{version}/infer",
        )
    }  # fmt: skip


@pytest.mark.parametrize(
    "model", ["os:system", "../../etc/passwd", "timm:resnet18", "server.app:create_app", "a\0b"]
)
def test_a_model_that_is_named_is_not_loaded(client: Client, model: str) -> None:
    drawing = [[[0, 1], [0, 1]]]
    answer = client.post(PREDICTIONS, json={"drawing": drawing, "model": model})
    assert_problem(answer, 422, "/model")
    assert client.get(f"/api/v1/models/{quote(model, safe='')}").status_code == 404


# What users call things


def test_names_of_users_are_text_on_pages(tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    hostile = ["</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}"]
    labels.write_text("\n".join(hostile + [f"label {n}" for n in range(342)]))
    served = ServedModel(model="doodle-classifier", name="own", labels=labels)
    with running(create_app(Settings(models=(served,)))) as own:
        page = own.get("/models/own", headers=PAGE)
        assert page.status_code == 200
        for text in ("<script>alert", "<img src=x", ">49<"):
            assert text not in page.text
        assert own.get("/api/v1/models/own").json()["categories"][:3] == hostile


# Sessions


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_pages_of_other_sites_cannot_use_a_session(locked: Client, site: str) -> None:
    entered = locked.post("/sign-in", data={"key": KEY})
    cookie = {"Cookie": f"{COOKIE}={entered.cookies[COOKIE]}"}
    locked.asynchronous.cookies.clear()
    body = {"drawing": [[[0, 1], [0, 1]]]}
    own = {"Sec-Fetch-Site": "same-origin"}
    other = {"Sec-Fetch-Site": site}
    assert locked.post(PREDICTIONS, json=body, headers=cookie | own).status_code == 200
    refused = locked.post(PREDICTIONS, json=body, headers=cookie | other)
    assert assert_problem(refused, 403)["type"] == "/problems/origin-refused"
    assert_problem(locked.post("/sign-out", headers=cookie | other), 403)
    assert_problem(locked.post("/sign-in", data={"key": KEY}, headers=other), 403)
    # A link from there leads here, and a key is nobody's but its owner's.
    assert locked.get("/models", headers=cookie | other | PAGE).status_code == 200
    key = {"X-API-Key": KEY}
    assert locked.post(PREDICTIONS, json=body, headers=key | other).status_code == 200


def test_what_a_caller_sees_is_for_no_other_cache(locked: Client) -> None:
    for path in ("/api/v1/models", "/api/v1/models/lenet-5", "/", "/metrics", "/api/v1/nothing"):
        kept = locked.get(path, headers={"X-API-Key": KEY}).headers["cache-control"]
        assert "private" in kept or "no-store" in kept, path
        assert "public" not in kept


def test_a_key_is_held_to_all_of_them_whichever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long it takes says nothing about which key is nearly right, or where it stands."""
    keys = ApiKeys([SecretStr(f"key-number-{number:06d}") for number in range(5)])
    compared: list[tuple[bytes, bytes]] = []
    really = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return really(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for given_key in ("key-number-000000", "key-number-000004", "key-number-00000x", "k", ""):
        compared.clear()
        keys.owner(given_key)
        assert len(compared) == 5, given_key
        assert all(len(one) == len(other) == 32 for one, other in compared)


def test_credentials_are_not_told_back(locked: Client) -> None:
    secret = "a-wrong-key-that-is-secret"
    for headers in (
        {"Authorization": f"Bearer {secret}"},
        {"X-API-Key": secret},
        {"Cookie": f"{COOKIE}={secret}"},
        {"Authorization": f"Basic {secret}"},
    ):
        answer = locked.post(PREDICTIONS, json={}, headers=headers)
        assert answer.status_code in (401, 429)
        assert secret not in answer.text + str(answer.headers)
