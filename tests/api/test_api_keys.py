"""Where keys are configured, only who has one gets in, and only so often."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http.cookies import SimpleCookie

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from server.api_keys import SESSION_SECONDS, ApiKeys
from server.app import create_app
from server.authentication import COOKIE, WRONG_KEYS
from server.rate_limit import RateLimit
from server.settings import Settings
from tests.support.asgi import Client, running
from tests.support.drawings import HOUSE
from tests.support.problems import assert_problem

MODELS = "/api/v1/models"
ALICE, BOB = "alice-0123456789abcdef", "bob.0123456789/abcdef=="
PAGE = {"Accept": "text/html,application/xhtml+xml"}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def settings(monkeypatch: pytest.MonkeyPatch, keys: str) -> Settings:
    monkeypatch.setenv("DOODLESCOPE_API_KEYS", keys)
    return Settings()


@pytest.fixture(scope="module")
def locked() -> Iterator[Client]:
    """A client for an application that asks for keys."""
    keys = (SecretStr(f"alice:{ALICE}"), SecretStr(BOB))
    with running(create_app(Settings(api_keys=keys))) as client:
        yield client


def test_keys_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = settings(monkeypatch, f" alice:{ALICE} , {BOB},")
    keys = ApiKeys(chosen.api_keys)
    assert len(keys) == 2
    assert keys.owner(ALICE) == "alice"
    assert keys.owner(BOB) == "key-2"
    for wrong in ("", "alice", f"alice:{ALICE}", ALICE + "x", ALICE[:-1], "\ud800"):
        assert keys.owner(wrong) is None
    assert ALICE not in repr(chosen)
    assert ALICE not in str(vars(keys))


@pytest.mark.parametrize(
    "wrong", ["short", "has spaces in it, you see", "ü" * 20, "a:b:" + "c" * 20]
)
def test_keys_that_are_none_are_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    with pytest.raises(ValidationError, match="16 to 200") as refused:
        settings(monkeypatch, wrong)
    assert wrong not in str(refused.value)


def test_without_keys_anybody_may_ask(client: Client) -> None:
    response = client.get(MODELS)
    assert response.status_code == 200
    assert "ratelimit" not in response.headers
    assert "securitySchemes" not in client.get("/api/v1/openapi.json").json()["components"]
    assert_problem(client.get("/sign-in"), 404)


@pytest.mark.parametrize(
    "headers", [bearer(ALICE), {"X-API-Key": BOB}, {"authorization": f"bearer  {BOB}"}]
)
def test_who_has_a_key_gets_in(locked: Client, headers: dict[str, str]) -> None:
    response = locked.get(MODELS, headers=headers)
    assert response.status_code == 200
    assert response.headers["ratelimit-policy"] == '"minute";q=6000;w=60'
    assert response.headers["ratelimit"].startswith('"minute";r=5')
    assert "public" not in response.headers["cache-control"]
    answer = locked.post("/api/v1/predictions", json={"drawing": HOUSE}, headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic YTpi"},
        {"Authorization": ALICE},
        {"Authorization": "Bearer "},
        {"Cookie": f"{COOKIE}=1.2"},
        {"Cookie": f"{COOKIE}={ALICE}"},
        {"Cookie": "=;=;;"},
        {"X-API-Key": "x" * 5_000},
    ],
)
def test_who_has_none_does_not(headers: dict[str, str]) -> None:
    with running(create_app(Settings(api_keys=(SecretStr(ALICE),)))) as locked:
        for method, path in (("GET", MODELS), ("POST", "/api/v1/predictions"), ("GET", "/metrics")):
            response = locked.request(method, path, headers=headers)
            problem = assert_problem(response, 401)
            assert problem["type"] == "/problems/credentials-needed"
            assert response.headers["www-authenticate"].startswith("Bearer ")
            assert response.headers["cache-control"] == "no-store"
        protocol = locked.get("/v2/models/lenet-5", headers=headers)
        assert protocol.status_code == 401
        assert list(protocol.json()) == ["error"]


@pytest.mark.parametrize(
    "path",
    ["/healthz", "/readyz", "/v2/health/live", "/v2/health/ready", "/favicon.ico", "/sign-in",
     "/static/css/tokens.css"],
)  # fmt: skip
def test_probes_and_static_files_need_none(locked: Client, path: str) -> None:
    assert locked.get(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/static/../api/v1/models", "/static/%2e%2e/metrics", "/healthz/", "//healthz/../metrics"],
)
def test_there_is_no_way_around(locked: Client, path: str) -> None:
    assert locked.get(path).status_code in (401, 404)


def test_wrong_keys_are_told_to_wait() -> None:
    with running(create_app(Settings(api_keys=(SecretStr(ALICE),)))) as locked:
        statuses = [
            locked.get(MODELS, headers=bearer(f"wrong-key-number-{number}")).status_code
            for number in range(WRONG_KEYS + 1)
        ]
        assert statuses == [401] * WRONG_KEYS + [429]
        # Whoever has the right one is not kept out by others.
        assert locked.get(MODELS, headers=bearer(ALICE)).status_code == 200


def test_each_key_has_its_own_allowance() -> None:
    keys = (SecretStr(ALICE), SecretStr(BOB))
    with running(create_app(Settings(api_keys=keys, key_requests=3))) as locked:
        left = []
        for _ in range(3):
            response = locked.get(MODELS, headers=bearer(ALICE))
            assert response.status_code == 200
            left.append(response.headers["ratelimit"].split(";")[1])
        assert left == ["r=2", "r=1", "r=0"]
        refused = locked.get(MODELS, headers=bearer(ALICE))
        problem = assert_problem(refused, 429)
        assert problem["type"] == "/problems/rate-limited"
        assert problem["limit"] == 3
        assert 1 <= int(refused.headers["retry-after"]) <= 20
        assert locked.get(MODELS, headers=bearer(BOB)).status_code == 200
        text = locked.get("/metrics", headers=bearer(BOB)).text
        assert 'doodlescope_rejections_total{reason="rate_limit"} 1.0' in text
        assert 'doodlescope_rejections_total{reason="credentials"} 0.0' in text


def test_a_bucket_fills_again_and_their_number_is_bounded() -> None:
    limit = RateLimit(60, callers=2)
    assert all(limit.take("a", 0.0).allowed for _ in range(60))
    refused = limit.take("a", 0.5)
    assert (refused.allowed, refused.remaining, refused.seconds) == (False, 0, 1)
    assert limit.take("a", 1.5).allowed
    assert not limit.take("a", 1.6).allowed
    assert limit.take("a", 1_000.0).remaining == 59
    for name in "bcdefg":
        limit.take(name, 1_000.0)
    assert len(limit) == 2


def signed_in(client: Client, key: str, next: str = "/models?x=1") -> httpx.Response:
    return client.post("/sign-in", data={"key": key, "next": next})


def test_a_browser_signs_in_with_a_key_and_out_again(locked: Client) -> None:
    first = locked.get("/models?x=1", headers=PAGE)
    assert first.status_code == 303
    assert first.headers["location"] == "/sign-in?next=%2Fmodels%3Fx%3D1"
    page = locked.get(first.headers["location"], headers=PAGE)
    assert '<input type="hidden" name="next" value="/models?x=1">' in page.text
    entered = signed_in(locked, ALICE)
    assert (entered.status_code, entered.headers["location"]) == (303, "/models?x=1")
    (cookie,) = SimpleCookie(entered.headers["set-cookie"]).values()
    assert cookie.key == COOKIE
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "strict", "/")
    assert not cookie["secure"]
    assert ALICE not in cookie.value
    locked.asynchronous.cookies.clear()
    with_session = {"Cookie": f"{COOKIE}={cookie.value}"}
    assert locked.get("/models", headers=PAGE | with_session).status_code == 200
    assert locked.get(MODELS, headers=with_session).status_code == 200
    inside = locked.get("/sign-in", headers=PAGE | with_session)
    assert "You are signed in" in inside.text
    assert "alice" in inside.text
    left = locked.post("/sign-out", headers=with_session)
    assert left.headers["location"] == "/sign-in"
    (gone,) = SimpleCookie(left.headers["set-cookie"]).values()
    assert (gone.value, gone["max-age"]) == ("", "0")
    locked.asynchronous.cookies.clear()


def test_a_wrong_key_is_told_on_the_page(locked: Client) -> None:
    page = signed_in(locked, "not-the-right-key-at-all")
    assert page.status_code == 401
    assert 'role="alert"' in page.text
    assert "not-the-right-key-at-all" not in page.text
    assert "set-cookie" not in page.headers
    assert assert_problem(locked.post("/sign-in", content=b"key=" + b"x" * 5_000), 413)


@pytest.mark.parametrize(
    "target",
    ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "x", "/a\r\nb"],
)
def test_signing_in_leads_nowhere_else(locked: Client, target: str) -> None:
    assert signed_in(locked, ALICE, target).headers["location"] == "/"
    locked.asynchronous.cookies.clear()


def test_sessions_end_and_cannot_be_forged() -> None:
    keys = ApiKeys([SecretStr(f"alice:{ALICE}")])
    now = time.time()
    session = keys.session(ALICE, now)
    assert keys.owner_of_session(session, now + SESSION_SECONDS - 1) == "alice"
    assert keys.owner_of_session(session, now + SESSION_SECONDS) is None
    end, signature = session.split(".")
    longer = f"{int(end) + 1}.{signature}"
    for forged in (longer, session[:-1], session + "0", "", ".", f"{end}.{'0' * 64}"):
        assert keys.owner_of_session(forged, now) is None
    # It holds elsewhere, while the key does.
    assert ApiKeys([SecretStr(BOB), SecretStr(ALICE)]).owner_of_session(session, now) == "key-2"
    assert ApiKeys([SecretStr(BOB)]).owner_of_session(session, now) is None


def test_the_documentation_says_that_keys_are_needed(locked: Client) -> None:
    document = locked.get("/api/v1/openapi.json", headers=bearer(ALICE)).json()
    assert document["components"]["securitySchemes"].keys() == {"bearer", "header"}
    assert document["paths"]["/healthz"]["get"]["security"] == []
    responses = document["paths"]["/api/v1/predictions"]["post"]["responses"]
    assert {"401", "429"} <= responses.keys()


def test_a_websocket_needs_a_key_too() -> None:
    app = create_app(Settings(api_keys=(SecretStr(ALICE),)))
    with running(app) as locked:
        scope = {"type": "websocket", "path": "/api/v1/live", "headers": [], "app": app}
        sent = []

        async def scenario() -> None:
            async def receive() -> dict[str, str]:
                return {"type": "websocket.connect"}

            async def send(message: object) -> None:
                sent.append(message)

            await app(scope, receive, send)

        locked.portal.call(scenario)
        assert sent == [{"type": "websocket.close", "code": 1008, "reason": "API key needed"}]


def test_other_sites_may_not_ask_unless_they_are_named(client: Client, locked: Client) -> None:
    origin = {"Origin": "https://lab.example"}
    assert "access-control-allow-origin" not in client.get(MODELS, headers=origin).headers
    asked = origin | {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-api-key,content-type",
    }
    assert client.request("OPTIONS", MODELS, headers=asked).status_code == 405
    named = Settings(api_keys=(SecretStr(ALICE),), cors_origins=("https://lab.example",))
    with running(create_app(named)) as open_to_one:
        preflight = open_to_one.request("OPTIONS", MODELS, headers=asked)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == "https://lab.example"
        assert "X-API-Key" in preflight.headers["access-control-allow-headers"]
        answer = open_to_one.get(MODELS, headers=origin | bearer(ALICE))
        assert answer.headers["access-control-allow-origin"] == "https://lab.example"
        assert "access-control-allow-credentials" not in answer.headers
        refused = open_to_one.get(MODELS, headers=origin)
        assert refused.status_code == 401
        assert "access-control-allow-origin" in refused.headers
        other = {"Origin": "https://evil.example"} | bearer(ALICE)
        assert "access-control-allow-origin" not in open_to_one.get(MODELS, headers=other).headers
    with pytest.raises(ValidationError):
        Settings(cors_origins=("lab.example/path",))
