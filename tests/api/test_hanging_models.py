"""A model that hangs: its own requests fail, and the server goes on with the others."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
import torch

from server.app import create_app
from server.services import lane_crew
from server.services.catalog import Catalog, load_catalog
from server.services.lane import Lane
from server.settings import Settings
from tests.api.test_lifecycle import DRAWING, INSPECTIONS, PREDICTIONS, Gated, occupy
from tests.support.asgi import Client, running
from tests.support.clock import Clock
from tests.support.problems import assert_problem

STUCK_SECONDS = 1.0
OTHER = {**DRAWING, "model": "other"}
STUCK = {**DRAWING, "model": "doodle-classifier"}


@contextmanager
def two_models(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Iterator[tuple[Client, Gated]]:
    """An application whose default model is gated, and another one, by a clock of the test's."""
    module = Gated()
    module.gate.set()

    def load(chosen: Settings) -> Catalog:
        shipped = load_catalog(chosen.default_model, torch.device("cpu"), chosen.batch_images)
        gated = replace(shipped.default, module=module)
        return Catalog([gated, replace(shipped.default, name="other")], gated.name)

    monkeypatch.setattr("server.app.Lane", functools.partial(Lane, clock=clock))
    with running(create_app(Settings(stuck_seconds=STUCK_SECONDS), load=load)) as client:
        try:
            yield client, module
        finally:
            module.gate.set()


async def hang(client: Client, module: Gated, clock: Clock) -> httpx.Response:
    """What the one whose run hangs is told."""
    first = await occupy(client, module)
    clock.now += 2 * STUCK_SECONDS
    return await asyncio.wait_for(first, 20)


def test_requests_for_a_model_that_hangs_fail_and_others_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    with two_models(monkeypatch, clock) as (client, module):

        def post(address: str, body: Any) -> httpx.Response:
            return client.post(address, json=body)

        problem = assert_problem(client.portal.call(hang, client, module, clock), 504)
        assert problem["type"] == "/problems/model-too-slow"
        assert problem["limit"] == STUCK_SECONDS
        for address in (PREDICTIONS, INSPECTIONS):
            refused = post(address, STUCK)
            problem = assert_problem(refused, 503)
            assert problem["type"] == "/problems/model-hangs"
            assert "doodle-classifier hangs" in problem["detail"]
            assert int(refused.headers["retry-after"]) >= 1
        assert post(PREDICTIONS, OTHER).status_code == 200
        assert post(INSPECTIONS, OTHER).status_code == 201
        assert client.get("/readyz").status_code == 200
        assert client.get("/healthz").json()["hanging_models"] == ["doodle-classifier"]
        assert client.get("/v2/models/doodle-classifier/ready").status_code == 400
        assert client.get("/v2/models/other/ready").status_code == 200
        assert (
            'doodlescope_rejections_total{reason="model_hangs"} 2.0' in client.get("/metrics").text
        )
        module.gate.set()
        client.portal.call(until_nothing_hangs, client)
        assert post(PREDICTIONS, STUCK).status_code == 200
        assert module.batches == [1, 1]


async def until_nothing_hangs(client: Client) -> None:
    async with asyncio.timeout(20):
        while client.services.lane.hanging:
            await asyncio.sleep(0.01)


def test_where_only_a_new_process_would_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_crew, "MOST_GIVEN_UP", 0)
    clock = Clock()
    with two_models(monkeypatch, clock) as (client, module):
        client.portal.call(hang, client, module, clock)
        for address in ("/healthz", "/readyz"):
            problem = assert_problem(client.get(address), 503)
            assert "Too many runs of networks hang: doodle-classifier" in problem["detail"]
        assert_problem(client.post(PREDICTIONS, json=OTHER), 503)
        module.gate.set()
        client.portal.call(until_nothing_hangs, client)
        assert client.get("/healthz").status_code == 200
        assert client.post(PREDICTIONS, json=OTHER).status_code == 200


def test_a_client_is_answered_while_the_server_closes_with_a_run_that_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    with two_models(monkeypatch, clock) as (client, module):
        client.portal.call(hang, client, module, clock)
        assert not client.portal.call(client.services.lane.close)
        assert_problem(client.post(PREDICTIONS, json=OTHER), 503)
