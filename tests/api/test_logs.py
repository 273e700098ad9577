"""The log: a line for each request, with its id, and never a secret."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import httpx
import pytest

from scripts.started_server import started_process
from server.app import create_app
from server.logs import JsonLines, TextLines, printable
from server.settings import Settings
from tests.api.test_lifecycle import DRAWING, PREDICTIONS, SECRET, gated
from tests.support.asgi import Client, running
from tests.support.problems import assert_problem

KEY, WRONG = "a-key-that-nobody-may-read", "another-key-that-is-wrong"


@contextmanager
def logged(formatter: logging.Formatter, level: int = logging.INFO) -> Iterator[io.StringIO]:
    """What is logged meanwhile."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(formatter)
    access = logging.getLogger("doodlescope.access")
    before = access.level
    access.addHandler(handler)
    access.setLevel(level)
    try:
        yield text
    finally:
        access.removeHandler(handler)
        access.setLevel(before)


def lines_of(text: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.getvalue().splitlines()]


def test_a_line_of_json_for_each_request(client: Client) -> None:
    with logged(JsonLines()) as text:
        found = client.get("/api/v1/models/lenet-5?unasked=private")
        client.get("/nothing%0A%20here")
    first, second = lines_of(text)
    assert first["request_id"] == found.headers["x-request-id"]
    assert first["method"] == "GET"
    assert first["path"] == "/api/v1/models/lenet-5"
    assert first["route"] == "/api/v1/models/{name}"
    assert first["status"] == 200
    assert first["bytes"] == len(found.content)
    assert 0 < first["duration_ms"] < 60_000
    assert first["level"] == "info"
    assert datetime.fromisoformat(first["time"]).tzinfo is not None
    assert "private" not in text.getvalue()
    assert (second["route"], second["status"]) == (None, 404)
    assert second["request_id"] != first["request_id"]


def test_a_line_of_text_for_each_request(client: Client) -> None:
    with logged(TextLines()) as text:
        client.get("/api/v1/models", headers={"X-Request-ID": "mine-1"})
        client.get("/a%0Ab%1B%5B31m%7F")
    first, second = text.getvalue().splitlines()
    assert re.fullmatch(
        r"\S+Z INFO doodlescope\.access \[mine-1\] GET /api/v1/models 200 in [\d.]+ ms", first
    )
    assert r"GET /a\nb\x1b[31m\x7f 404" in second


def test_probes_and_files_are_told_only_in_detail(client: Client) -> None:
    paths = ["/healthz", "/readyz", "/metrics", "/v2/health/live", "/static/favicon.svg"]
    with logged(JsonLines()) as text:
        for path in paths:
            client.get(path)
    assert text.getvalue() == ""
    with logged(JsonLines(), logging.DEBUG) as text:
        for path in paths:
            client.get(path)
    assert [line["path"] for line in lines_of(text)] == paths


@pytest.mark.parametrize("given", ["a", "0123-abc_DEF.7:8", "x" * 128])
def test_a_request_keeps_its_id(client: Client, given: str) -> None:
    response = client.get("/healthz", headers={"X-Request-ID": given})
    assert response.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", 'a"b', "<script>", "ä"])
def test_an_id_that_cannot_be_one_is_replaced(client: Client, given: str) -> None:
    response = client.get("/healthz", headers={"X-Request-ID": given.encode("latin-1")})
    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["x-request-id"])


def test_problems_have_the_id_too(client: Client) -> None:
    for path in ("/api/v1/nothing", "/v2/nothing"):
        answer = client.get(path, headers={"X-Request-ID": "known"})
        assert answer.headers["x-request-id"] == "known"
    with gated() as (failing, module):
        module.failing = True
        with logged(JsonLines()) as text:
            headers = {"X-Request-ID": "failed-1"}
            answer = failing.post(PREDICTIONS, json=DRAWING, headers=headers)
        module.failing = False
    assert_problem(answer, 500)
    assert answer.headers["x-request-id"] == "failed-1"
    (line,) = lines_of(text)
    assert (line["status"], line["request_id"]) == (500, "failed-1")


def test_exceptions_are_in_the_log_with_their_traceback() -> None:
    formatter = JsonLines()
    try:
        raise RuntimeError(SECRET)
    except RuntimeError as error:
        information = (type(error), error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "x", 1, "went %s", ("wrong",), information)
    line = json.loads(formatter.format(record))
    assert line["message"] == "went wrong"
    assert SECRET in line["exception"]
    assert "Traceback" in TextLines().format(record)


def test_what_does_not_print_is_escaped() -> None:
    assert printable("a\r\n\u2028b\ud800") == r"a\r\n\u2028b\ud800"


def test_the_callers_name_is_logged_and_the_key_is_not() -> None:
    settings = Settings.model_validate({"api_keys": f"alice:{KEY}"})
    with running(create_app(settings)) as locked, logged(JsonLines()) as text:
        locked.get("/api/v1/models", headers={"X-API-Key": KEY})
        locked.get("/api/v1/models", headers={"X-API-Key": WRONG})
    named, refused = lines_of(text)
    assert named["key"] == "alice"
    assert (refused["status"], "key" in refused) == (401, False)
    assert KEY not in text.getvalue()
    assert WRONG not in text.getvalue()


def test_a_real_server_logs_json_and_no_secret() -> None:
    environment = {
        "DOODLESCOPE_LOG_FORMAT": "json",
        "DOODLESCOPE_LOG_LEVEL": "debug",
        "DOODLESCOPE_API_KEYS": f"alice:{KEY}",
    }
    with started_process(environment) as started:
        with httpx.Client(base_url=started.address, timeout=60) as client:
            client.get("/api/v1/models", headers={"Authorization": f"Bearer {KEY}"})
            client.get("/api/v1/models", headers={"Authorization": f"Bearer {WRONG}"})
            client.get("/api/v1/models", headers={"X-API-Key": WRONG})
            entered = client.post("/sign-in", data={"key": KEY})
            session = entered.cookies["doodlescope_session"]
            client.get("/", headers={"X-Request-ID": "the-page"})
            client.post("/sign-in", data={"key": WRONG})
        output = started.output()
    for secret in (KEY, WRONG, session):
        assert secret not in output
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    (page,) = [line for line in lines if line.get("request_id") == "the-page"]
    assert (page["path"], page["status"], page["key"]) == ("/", 200, "alice")
    # Everything but what is announced, the address and the forms of the networks, is JSON.
    others = [line for line in output.splitlines() if not line.startswith("{")]
    assert sum(line.startswith("doodlescope is ready at ") for line in others) == 1
    assert all(line.startswith(("doodlescope is ready at ", "Predictions ")) for line in others)


def test_a_wrong_key_in_the_settings_is_not_shown() -> None:
    with (
        pytest.raises(RuntimeError, match="DOODLESCOPE_API_KEYS") as refused,
        started_process({"DOODLESCOPE_API_KEYS": "short-secret"}),
    ):
        pass
    assert "short-secret" not in str(refused.value)
