"""Every answer is as the OpenAPI document says, whatever is asked, and none is a server's error.

Schemathesis makes requests out of the document: its examples, the limits of every parameter and
field, and some at random, half of them wrong. Of each operation there are 15 random ones, always
the same; with ``DOODLESCOPE_REQUESTS=1000`` there are so many, others every time. That takes longer
than a test may: ``-o faulthandler_timeout=0``. ``DOODLESCOPE_PATHS='/models|/v2'`` asks only those
whose path has the pattern.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from schemathesis import Case, CheckFunction
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import positive_data_acceptance

from scripts.started_server import started_server
from server.app import create_app
from server.engine.shapes import LAYERS
from server.errors import ModelTooSlow
from server.schemas.problems import ProblemDetails
from server.services.lane_job import Job
from server.settings import Settings
from tests.api.test_openapi import document, examples_of
from tests.support.asgi import Client, running
from tests.support.bridge import Bridge
from tests.support.drawings import HOUSE, SUN

REQUESTS = int(os.environ.get("DOODLESCOPE_REQUESTS", "15"))
ALWAYS_THE_SAME = "DOODLESCOPE_REQUESTS" not in os.environ
PATHS = os.environ.get("DOODLESCOPE_PATHS", "")
PREDICTIONS = "/api/v1/predictions"
USUAL = 0.75
"""Share of the random values that are replaced by those that lead somewhere, as an id has to."""

# No document says all that makes a request valid: that x and y are equally many, or which layers
# there are.
EXCLUDED: list[CheckFunction] = [positive_data_acceptance]


@pytest.fixture(scope="module")
def documented(client: Client) -> BaseSchema:
    """The document of the application, which is asked without a network."""
    schema = schema_of(client)
    schema.app = Bridge(client)
    return schema


@pytest.fixture(scope="module")
def served(client: Client) -> Iterator[BaseSchema]:
    """The same document, of a real server, which reads usual predictions in a way of its own."""
    with started_server() as address:
        schema = schema_of(client)
        schema.config.base_url = address
        yield schema


def schema_of(client: Client) -> BaseSchema:
    """The document of the application, with values that its parameters have here."""
    kept = [
        client.post("/api/v1/inspections", json={"drawing": drawing, "model": model}).json()
        for drawing, model in ((HOUSE, None), (SUN, None), (SUN, "mobilenet"))
    ]
    models = client.get("/api/v1/models").json()["models"]
    layers = [client.get(f"/api/v1/models/{one['model']}").json()["nodes"] for one in kept]
    values: dict[str, list[Any]] = {
        "inspections": [one["id"] for one in kept],
        "layers": sorted({node["name"] for nodes in layers for node in nodes}),
        "models": [model["name"] for model in models],
        "versions": [model["version"] for model in models],
        "places": list(range(30)),
        "types": list(LAYERS),
        "outputs": ["0", "3,0,17", "1,1", "99999"],
        "inputs": ["0", "1", "all", "mean", "norm", "rgb"],
    }
    found = {
        "inspections": ["path.id", "query.other"],
        "layers": ["path.layer", "query.layer", "query.other_layer", "query.source"],
        "models": ["path.name", "path.other_model", "body.model"],
        "versions": ["path.version", "query.version"],
        "places": ["path.channel", "path.y", "path.x", "query.channel", "query.y", "query.x"],
        "types": ["body.type", "body.layers[*].type"],
        "outputs": ["query.outputs"],
        "inputs": ["query.inputs"],
    }  # fmt: skip
    config = schemathesis.Config.from_dict(
        {
            "seed": 1,
            "generation": {"deterministic": ALWAYS_THE_SAME, "max-examples": REQUESTS},
            "phases": {"coverage": {"generate-duplicate-query-parameters": True}},
            "suppress-health-check": ["all"],
            # An inspection that is not kept, and too many bytes, are refusals too.
            "checks": {"negative_data_rejection": {"expected-statuses": ["4xx", "503"]}},
            "dictionaries": {name: {"values": each} for name, each in values.items()},
            "parameters": {
                parameter: {"dictionary": name, "probability": USUAL}
                for name, parameters in found.items()
                for parameter in parameters
            },
        }
    )
    read = plain_tuples(document(client))
    return schemathesis.openapi.from_dict(read, config=config)


def plain_tuples(value: Any) -> Any:
    """A document whose tuples are lists of some length: Schemathesis 4.32 cannot read them all."""
    if isinstance(value, list):
        return [plain_tuples(each) for each in value]
    if not isinstance(value, dict):
        return value
    plain = {name: plain_tuples(each) for name, each in value.items()}
    if prefix := plain.pop("prefixItems", None):
        plain["items"] = {"anyOf": prefix}
    return plain


@pytest.fixture(autouse=True)
def name_for_subtests(request: pytest.FixtureRequest) -> None:
    """Schemathesis 4.32 asks a test for an attribute that pytest 9.2 has taken away."""
    request.node._nodeid = request.node.nodeid


@schemathesis.pytest.from_fixture("documented").include(path_regex=PATHS).parametrize()
def test_every_operation(case: Case[Any]) -> None:
    case.call_and_validate(excluded_checks=EXCLUDED)


@schemathesis.pytest.from_fixture("served").include(path=PREDICTIONS).parametrize()
def test_predictions_of_a_real_server(case: Case[Any]) -> None:
    case.call_and_validate(excluded_checks=EXCLUDED)


# What no schema says of a body: which parameters a layer has, and that shapes and values fit.
NUMBERS = (
    st.integers(-3, 9)
    | st.sampled_from([2**31, 2**63 - 1, 2**63, -(2**63), 10**30])
    | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | NUMBERS
    | st.sampled_from(["same", "valid", "zeros", "", "\0", "é"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)


@st.composite
def stacks(draw: st.DrawFn) -> dict[str, Any]:
    """Layers in a row with parameters of theirs, each of any value."""
    layers = []
    for name in draw(st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=3)):
        kind = draw(st.sampled_from([VALUES, NUMBERS]))
        parameters = [*(parameter.name for parameter in LAYERS[name].parameters), "unknown"]
        layers.append({**draw(st.dictionaries(st.sampled_from(parameters), kind)), "type": name})
    shape = draw(st.lists(st.integers(0, 64) | NUMBERS, max_size=5))
    return {"input_shape": shape, "layers": layers}


@st.composite
def tensors(draw: st.DrawFn) -> dict[str, Any]:
    """Images for an inference, with what is likely to be wrong about them."""
    count = draw(st.integers(0, 3))
    shape = draw(st.sampled_from([[count, 28, 28], [count, 1, 28, 28], [28, 28], []]))
    size = draw(st.sampled_from([math.prod(shape), 0, 1, 28 * 28]))
    value = draw(VALUES | NUMBERS)
    return {
        "inputs": [
            {
                "name": draw(st.sampled_from(["images", "input", "x"])),
                "shape": shape,
                "datatype": draw(st.sampled_from(["UINT8", "FP32", "FP16", "INT64", "BYTES"])),
                "data": [value] * size,
            }
        ]
    }


def answers_well(client: Client, address: str, body: Any, statuses: set[int]) -> None:
    """The body gets one of the statuses, and never a number that JSON does not have."""
    response = client.post(address, json=body)
    assert response.status_code in statuses, (body, response.text)
    response.json()


FUZZED = settings(
    max_examples=4 * REQUESTS,
    deadline=None,
    derandomize=ALWAYS_THE_SAME,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


def test_layers_with_any_parameters(client: Client) -> None:
    @FUZZED
    @example({"input_shape": [3], "layers": [{"type": "LayerNorm", "normalized_shape": 1.5}]})
    @example({"input_shape": [3], "layers": [{"type": "Upsample", "size": []}]})
    @given(stacks())
    def check(body: dict[str, Any]) -> None:
        answers_well(client, "/api/v1/shapes", body, {200, 422})

    check()


def test_tensors_of_any_values(client: Client) -> None:
    @FUZZED
    @given(tensors())
    def check(body: dict[str, Any]) -> None:
        answers_well(client, "/v2/models/lenet-5/infer", body, {200, 400})

    check()


@pytest.fixture(scope="module")
def stopping() -> Iterator[Client]:
    """A client for an application whose lane takes nothing any more."""
    with running(create_app(Settings())) as started:
        kept = started.post("/api/v1/inspections", json={"drawing": HOUSE})
        assert kept.status_code == 201
        started.portal.call(started.services.lane.close)
        yield started


def test_what_a_server_that_stops_answers_is_documented(stopping: Client) -> None:
    refused = answers_of(stopping, 503)
    assert all(int(response.headers["retry-after"]) >= 1 for response in refused.values())
    assert {PREDICTIONS, "/readyz"} <= refused.keys()
    assert len(refused) >= 10


@pytest.fixture(scope="module")
def hanging() -> Iterator[Client]:
    """A client for an application whose networks all take too long."""

    def give_up(job: Job) -> None:
        job.error = ModelTooSlow("The network did not answer within 1 seconds.", limit=1)
        job.loop.call_soon(job.done, job)

    with running(create_app(Settings())) as started:
        kept = started.post("/api/v1/inspections", json={"drawing": HOUSE})
        assert kept.status_code == 201
        started.services.lane.submit = give_up  # type: ignore[method-assign]
        yield started


def test_what_is_answered_where_a_network_takes_too_long_is_documented(hanging: Client) -> None:
    late = answers_of(hanging, 504)
    own = {path for path in late if path.startswith("/v2")}
    assert PREDICTIONS in late
    assert len(late) >= 8
    assert "/v2/models/{name}/infer" in own
    for path in late.keys() - own:
        problem = ProblemDetails.model_validate(late[path].json())
        assert (problem.type, problem.status, problem.limit) == ("/problems/model-too-slow", 504, 1)


def test_who_may_be_refused_by_the_network_may_wait_for_it_too_long(client: Client) -> None:
    for path, operations in document(client)["paths"].items():
        for operation in operations.values():
            answers = operation["responses"].keys() & {"503", "504"}
            assert answers in (set(), {"503", "504"}) or path in ("/healthz", "/readyz"), path


def answers_of(client: Client, status: int) -> dict[str, httpx.Response]:
    """The answers of that status, by path; of any status, they are documented."""
    found: dict[str, httpx.Response] = {}
    for path, operations in document(client)["paths"].items():
        for method, operation in operations.items():
            response = asked(client, path, method, operation)
            described = operation["responses"].get(str(response.status_code))
            assert described, (path, response.status_code, response.text)
            assert response.headers["content-type"].partition(";")[0] in described["content"], path
            if response.status_code == status:
                found[path] = response
    return found


def asked(client: Client, path: str, method: str, operation: dict[str, Any]) -> httpx.Response:
    """The answer to an operation's own examples."""
    content = operation.get("requestBody", {}).get("content", {})
    bodies = [*content.get("application/json", {}).get("examples", {}).values(), {"value": None}]
    return client.request(
        method,
        path.format(**examples_of(operation, "path")),
        params=examples_of(operation, "query"),
        json=bodies[0]["value"],
    )


def test_every_operation_but_the_open_ones_asks_for_a_key() -> None:
    keys = (SecretStr("a-key-for-the-tests"),)
    with running(create_app(Settings(api_keys=keys, key_requests=100))) as locked:
        headers = {"X-API-Key": "a-key-for-the-tests"}
        whole = locked.get("/api/v1/openapi.json", headers=headers).json()
        for path, operations in whole["paths"].items():
            for method, operation in operations.items():
                status = asked(locked, path, method, operation).status_code
                if operation.get("security") == []:
                    assert status == 200, path
                else:
                    assert status == 401, path
                    assert {"401", "429"} <= operation["responses"].keys()
