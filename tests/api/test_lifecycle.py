"""The application under load, with a failing model, with clients that leave, and at its end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
import torch
from torch import Tensor, nn

from models import model_names
from server.app import create_app
from server.logs import TextLines
from server.services.catalog import Catalog, load_catalog
from server.settings import Settings
from tests.support.asgi import Client, running
from tests.support.problems import assert_problem

PREDICTIONS = "/api/v1/predictions"
INSPECTIONS = "/api/v1/inspections"
DRAWING = {"drawing": [[[0, 9, 3], [0, 9, 8]]], "top_k": 1}
SECRET = "a secret of the server, in /srv/doodlescope/model.py"


class Gated(nn.Module):
    """Waits for a gate in its forward, and remembers the sizes of its batches."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(784, 345)
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.batches: list[int] = []
        self.failing = False

    def forward(self, x: Tensor) -> Tensor:
        self.entered.set()
        assert self.gate.wait(20)
        self.batches.append(len(x))
        if self.failing:
            raise RuntimeError(SECRET)
        logits: Tensor = self.linear(x.flatten(1))
        return logits


@contextmanager
def gated(**settings: Any) -> Iterator[tuple[Client, Gated]]:
    """An application whose only model is gated; the gate is open while it starts."""
    module = Gated()
    module.gate.set()

    def load(chosen: Settings) -> Catalog:
        shipped = load_catalog(chosen.default_model, torch.device("cpu"), chosen.batch_images)
        model = replace(shipped.default, module=module)
        return Catalog([model], model.name)

    with running(create_app(Settings(**settings), load=load)) as client:
        try:
            yield client, module
        finally:
            module.gate.set()


async def occupy(client: Client, module: Gated) -> asyncio.Task[httpx.Response]:
    """A first request that occupies the lane until the gate opens."""
    module.gate.clear()
    module.entered.clear()
    task = asyncio.create_task(client.asynchronous.post(PREDICTIONS, json=DRAWING))
    assert await asyncio.to_thread(module.entered.wait, 10)
    return task


async def queue(client: Client, *requests: tuple[str, Any]) -> list[asyncio.Task[httpx.Response]]:
    """Requests that wait for the lane."""
    before = client.services.lane.queued
    tasks = [
        asyncio.create_task(client.asynchronous.post(address, json=body))
        for address, body in requests
    ]
    async with asyncio.timeout(10):
        while client.services.lane.queued < before + len(requests):
            await asyncio.sleep(0.01)
    return tasks


def test_a_full_queue_answers_503() -> None:
    with gated(queued_images=2, batch=2) as (client, module):

        async def scenario() -> tuple[list[httpx.Response], list[httpx.Response]]:
            first = await occupy(client, module)
            waiting = await queue(client, (PREDICTIONS, DRAWING), (INSPECTIONS, DRAWING))
            refused = [
                await client.asynchronous.post(address, json=DRAWING)
                for address in (PREDICTIONS, INSPECTIONS)
            ]
            module.gate.set()
            return list(await asyncio.gather(first, *waiting)), refused

        answered, refused = client.portal.call(scenario)
        assert [response.status_code for response in answered] == [200, 200, 201]
        for response in refused:
            problem = assert_problem(response, 503)
            assert problem["type"] == "/problems/overloaded"
            assert problem["limit"] == 2
            assert int(response.headers["retry-after"]) >= 1
        assert client.post(PREDICTIONS, json=DRAWING).status_code == 200


def test_what_waits_runs_as_one_batch() -> None:
    with gated() as (client, module):

        async def scenario() -> list[httpx.Response]:
            first = await occupy(client, module)
            waiting = await queue(client, *[(PREDICTIONS, DRAWING)] * 5)
            module.gate.set()
            return list(await asyncio.gather(first, *waiting))

        assert {response.status_code for response in client.portal.call(scenario)} == {200}
        assert module.batches == [1, 5]


def test_bad_requests_never_reach_the_network() -> None:
    with gated() as (client, module):

        async def scenario() -> list[httpx.Response]:
            first = await occupy(client, module)
            bad = [
                await client.asynchronous.post(PREDICTIONS, json=[DRAWING, {"drawing": []}]),
                await client.asynchronous.post(PREDICTIONS, files={"image": b"no image"}),
            ]
            assert client.services.lane.queued == 0
            module.gate.set()
            await first
            return bad

        assert [response.status_code for response in client.portal.call(scenario)] == [422, 415]
        assert module.batches == [1]


def scope_of(address: str) -> dict[str, Any]:
    """A POST of JSON, as servers pass it to applications."""
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1",
        "method": "POST", "path": address, "raw_path": address.encode(), "root_path": "",
        "query_string": b"", "headers": [(b"content-type", b"application/json")],
        "server": ("test", 80), "client": ("test", 1), "scheme": "http",
    }  # fmt: skip


@pytest.mark.parametrize("address", [PREDICTIONS, INSPECTIONS])
def test_clients_that_leave_are_skipped(address: str) -> None:
    with gated() as (client, module):
        body = b'{"drawing": [[[0, 9], [0, 9]]]}'
        sent: list[Any] = []

        async def scenario() -> None:
            first = await occupy(client, module)
            left = asyncio.Event()
            messages = [{"type": "http.request", "body": body, "more_body": False}]

            async def receive() -> Any:
                if messages:
                    return messages.pop()
                await left.wait()
                return {"type": "http.disconnect"}

            async def send(message: Any) -> None:
                sent.append(message)

            request = asyncio.ensure_future(client.app(scope_of(address), receive, send))
            async with asyncio.timeout(10):
                while not client.services.lane.queued:
                    await asyncio.sleep(0.01)
                left.set()
                await request
            assert client.services.lane.queued == 0
            module.gate.set()
            await first

        client.portal.call(scenario)
        assert module.batches == [1]
        assert sent[0]["status"] == 499


def test_clients_that_leave_in_the_middle_of_a_body(client: Client) -> None:
    async def scenario() -> list[Any]:
        sent: list[Any] = []
        messages = [
            {"type": "http.disconnect"},
            {"type": "http.request", "body": b'{"drawing": [', "more_body": True},
        ]

        async def receive() -> Any:
            return messages.pop()

        async def send(message: Any) -> None:
            sent.append(message)

        await client.app(scope_of(PREDICTIONS), receive, send)
        return sent

    assert client.portal.call(scenario)[0]["status"] == 499


def test_a_failing_model_tells_the_log_and_not_the_client(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.handler.setFormatter(TextLines())
    with gated() as (client, module):
        module.failing = True
        for address in (PREDICTIONS, INSPECTIONS):
            caplog.clear()
            response = client.post(address, json=DRAWING, headers={"X-Request-ID": "asked-by-me"})
            problem = assert_problem(response, 500)
            assert problem["type"] == "/problems/model-failed"
            assert "doodle-classifier" in problem["detail"]
            assert "secret" not in response.text
            assert "Traceback" not in response.text
            assert SECRET in caplog.text
            assert "Traceback" in caplog.text
            assert "[asked-by-me]" in caplog.text
        module.failing = False
        assert client.post(PREDICTIONS, json=DRAWING).status_code == 200


def test_stopping_answers_what_was_taken_and_leaves_no_thread() -> None:
    with gated() as (client, module):
        lane = client.services.lane

        async def scenario() -> list[asyncio.Task[httpx.Response]]:
            first = await occupy(client, module)
            tasks = [first, *await queue(client, *[(PREDICTIONS, DRAWING)] * 3)]
            closing = asyncio.create_task(lane.close())
            await asyncio.sleep(0.05)
            late = await client.asynchronous.post(PREDICTIONS, json=DRAWING)
            assert assert_problem(late, 503)["type"] == "/problems/closing-down"
            module.gate.set()
            await closing
            await asyncio.gather(*tasks)
            return tasks

        tasks = client.portal.call(scenario)
        assert [task.result().status_code for task in tasks] == [200] * 4
    assert not lane.works


def test_starting_twice_in_one_process() -> None:
    for _ in range(2):
        with running(create_app(Settings())) as client:
            health = client.get("/healthz").json()
            assert health["status"] == "ok"
            assert health["models"] == list(model_names())
            assert health["queued_images"] == 0


def test_a_default_model_that_is_not_there() -> None:
    with (
        pytest.raises(ValueError, match="'nobody' is not there; there are: doodle-classifier"),
        running(create_app(Settings(default_model="nobody"))),
    ):
        pass
