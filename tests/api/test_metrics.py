"""What /metrics says is what happened, and strangers cannot make it grow."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from server.app import create_app
from server.settings import Settings
from tests.api.test_lifecycle import DRAWING, PREDICTIONS, gated, occupy, queue
from tests.support.asgi import Client, running

SERVING = Path(__file__).parents[2].joinpath("docs/serving.md").read_text(encoding="utf-8")
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(client: Client) -> Samples:
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (
            sample.name.removeprefix("doodlescope_"),
            tuple(sorted(sample.labels.items())),
        ): sample.value
        for family in parse_text(response.text)
        for sample in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float:
    return found.get((name, tuple(sorted(labels.items()))), 0.0)


@pytest.fixture(scope="module")
def own() -> Iterator[Client]:
    """An application of these tests' own, that nobody else asks."""
    with running(create_app(Settings(json_bytes=1_000, body_bytes=2_000))) as client:
        yield client


def test_requests_are_counted_by_the_template_of_their_route(own: Client) -> None:
    before = samples(own)
    for path in ("/api/v1/models/lenet-5", "/api/v1/models/vgg", "/api/v1/models/nobody"):
        own.get(path)
    own.request("HEAD", "/static/favicon.svg")
    own.post("/v2/models/nobody/infer", json={})
    after = samples(own)
    for method, route, status, times in (
        ("GET", "/api/v1/models/{name}", "200", 2),
        ("GET", "/api/v1/models/{name}", "404", 1),
        ("HEAD", "/static/{path}", "200", 1),
        ("POST", "/v2/models/{name}/infer", "404", 1),
    ):
        labels = {"method": method, "route": route, "status": status}
        assert value(after, "requests_total", **labels) == times, labels
        assert value(before, "requests_total", **labels) == 0
    asked = {"method": "GET", "route": "/api/v1/models/{name}"}
    assert value(after, "request_duration_seconds_count", **asked) == 3
    assert value(after, "request_duration_seconds_sum", **asked) > 0


def make_up(client: Client, first: int) -> None:
    for number in range(first, first + 20):
        client.get(f"/nothing/{number}")
        client.request(f"MADEUP{number}", f"/nowhere/{number}")
        client.get(f"/static/{number}.js")


def test_what_strangers_make_up_is_no_label(own: Client) -> None:
    make_up(own, 0)
    samples(own)
    before = samples(own)
    make_up(own, 20)
    found = samples(own)
    assert found.keys() == before.keys()
    assert value(found, "requests_total", method="GET", route="(none)", status="404") == 40
    assert value(found, "requests_total", method="other", route="(none)", status="404") == 40
    assert value(found, "requests_total", method="GET", route="/static/{path}", status="404") == 40


def test_batches_waits_and_runs_are_measured() -> None:
    with gated(queued_images=2, batch=2) as (client, module):

        async def scenario() -> None:
            first = await occupy(client, module)
            waiting = await queue(client, *[(PREDICTIONS, DRAWING)] * 2)
            refused = await client.asynchronous.post(PREDICTIONS, json=DRAWING)
            assert refused.status_code == 503
            text = (await client.asynchronous.get("/metrics")).text
            assert "doodlescope_queued_images 2.0" in text
            module.gate.set()
            await asyncio.gather(first, *waiting)

        before = samples(client)
        client.portal.call(scenario)
        found = samples(client)
        assert value(found, "batch_images_count") - value(before, "batch_images_count") == 2
        assert value(found, "batch_images_sum") - value(before, "batch_images_sum") == 3
        assert value(found, "batch_images_bucket", le="1.0") == 1
        assert value(found, "batch_images_bucket", le="2.0") == 2
        assert value(found, "model_duration_seconds_count", work="batch") == 2
        assert value(found, "queue_duration_seconds_count") == 3
        assert value(found, "queue_duration_seconds_sum") > 0
        assert value(found, "rejections_total", reason="queue_full") == 1
        assert value(found, "queued_images") == 0
        assert value(found, "model_running_seconds") == 0


def test_rejections_are_counted_by_their_reason(own: Client) -> None:
    before = samples(own)
    assert own.post(PREDICTIONS, content=b" " * 3_000).status_code == 413
    found = samples(own)
    gone_up = value(found, "rejections_total", reason="body_size") - value(
        before, "rejections_total", reason="body_size"
    )
    assert gone_up == 1


def test_inspections_and_their_memory(own: Client) -> None:
    assert value(samples(own), "inspections") == 0
    own.post("/api/v1/inspections", json=DRAWING)
    found = samples(own)
    assert value(found, "inspections") == 1
    assert value(found, "inspection_bytes") == own.services.inspections.size > 100_000
    assert value(found, "process_resident_memory_bytes") > 50_000_000


def test_each_application_counts_for_itself(client: Client, own: Client) -> None:
    labels = {"method": "GET", "route": "/compare", "status": "200"}
    before = value(samples(client), "requests_total", **labels)
    own.get("/compare")
    assert value(samples(own), "requests_total", **labels) == 1
    assert value(samples(client), "requests_total", **labels) == before


def test_the_documentation_names_every_metric_and_no_other(own: Client) -> None:
    families = {f"doodlescope_{name}" for name, _ in samples(own)}
    found = {
        re.sub(r"_(bucket|count|sum|created)$", "", name)
        for name in families
        if not name.startswith(("doodlescope_process_", "doodlescope_python_"))
    }
    # A counter's time of creation is told under its name without the ending.
    found = {name for name in found if f"{name}_total" not in found}
    documented = set(re.findall(r"`(doodlescope_[a-z_]+)`", SERVING))
    assert found == documented


def test_openmetrics_where_it_is_asked(own: Client) -> None:
    accept = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    response = own.get("/metrics", headers={"Accept": accept})
    assert response.headers["content-type"].startswith("application/openmetrics-text")
    families = parse_openmetrics(response.text)  # type: ignore[no-untyped-call]
    names = {family.name for family in families}
    assert {"doodlescope_requests", "doodlescope_batch_images"} <= names
