"""The arithmetic of every layer of the shipped classifier, against PyTorch itself."""

from __future__ import annotations

import contextlib
import dataclasses
import io
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import BaseModel
from torch import Tensor, nn

import server.schemas.arithmetic as schemas
from models import load_model
from server.engine import trace_model
from server.engine.arithmetic import arithmetic
from server.services.arithmetic import describe_arithmetic
from tests.support.asgi import Client
from tests.support.call_case import Case, function
from tests.support.call_case import layer as layer_case
from tests.support.drawings import SUN
from tests.support.problems import assert_problem

ADDRESS = "/api/v1/inspections"

KINDS = {
    "Conv2d": "convolution",
    "BatchNorm2d": "normalisation",
    "ReLU": "activation",
    "AvgPool2d": "average_pooling",
    "AdaptiveAvgPool2d": "average_pooling",
    "add": "elementwise",
    "Flatten": "movement",
    "Dropout": "dropout",
    "Linear": "linear",
}


@pytest.fixture(scope="module")
def manifest(client: Client) -> dict[str, Any]:
    manifest: dict[str, Any] = client.post(ADDRESS, json={"drawing": SUN}).json()
    return manifest


@pytest.fixture(scope="module")
def exact(manifest: dict[str, Any]) -> dict[str, Tensor]:
    """What PyTorch gives in float64 for every layer, each from what the network's layer read.

    The float32 outputs of the layers before are its inputs, as they were in the network.
    """
    model = load_model("doodle-classifier").module.eval()
    image = torch.tensor(manifest["input"]["image"], dtype=torch.float32)[None, None] / 255
    given: dict[str, Tensor] = {}
    for path, module in model.named_modules():
        if not any(module.children()):
            module.register_forward_hook(
                lambda module, args, _, path=path: given.__setitem__(path, args[0].clone())
            )
    with torch.inference_mode():
        model(image)
        model.double()
        return {path: model.get_submodule(path)(x.double()) for path, x in list(given.items())}


def some_units(layer: dict[str, Any]) -> list[tuple[int, int, int]]:
    """The first, the last and one in between, as the manifest's maps have them."""
    channels, *rest = layer["shape"][1:]
    height, width = rest if rest else (1, 1)
    return [
        (0, 0, 0),
        (channels - 1, height - 1, width - 1),
        (channels // 3, height // 2, width // 3),
    ]


def executed(snippet: str, client: Client, monkeypatch: pytest.MonkeyPatch) -> float:
    """What a snippet comes to; what it downloads is the test's own server's."""

    def urlopen(url: str) -> io.BytesIO:
        answer = client.get(url)
        return io.BytesIO(answer.raise_for_status().content)

    names: dict[str, Any] = {}
    with monkeypatch.context() as patch, contextlib.redirect_stdout(io.StringIO()):
        patch.setattr("urllib.request.urlopen", urlopen)
        exec(compile(snippet, "snippet", "exec"), names)
    return float(names["value"])


def test_every_layer(
    client: Client,
    manifest: dict[str, Any],
    exact: dict[str, Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = set()
    for layer in manifest["layers"]:
        seen.add(layer["kind"])
        for channel, y, x in some_units(layer):
            where = f"{layer['url']}/units/{channel}/{y}/{x}"
            response = client.get(f"{where}/arithmetic")
            assert response.status_code == 200, response.text
            assert "immutable" in response.headers["cache-control"]
            found = response.json()
            assert found["kind"] == KINDS[layer["kind"]], where
            assert found["layer"] == layer["name"]
            assert found["operation"] == layer["kind"]
            assert (found["channel"], found["y"], found["x"]) == (channel, y, x)
            unit = client.get(where).json()
            assert found["network_value"] == unit["value"]
            assert found["difference"] == found["value"] - found["network_value"]
            assert found["value"] == pytest.approx(unit["value"], rel=1e-5, abs=1e-5), where
            if layer["name"] in exact:
                expected = float(exact[layer["name"]][tuple(found["index"])])
                assert found["value"] == pytest.approx(expected, rel=1e-4, abs=1e-5), where
            value = executed(found["snippet"], client, monkeypatch)
            assert value == pytest.approx(found["value"], rel=1e-9, abs=1e-12), where
            assert [read["input"] for read in found["reads"]] == layer["inputs"]
    assert seen == set(KINDS)


def test_what_is_multiplied_is_what_other_routes_show(
    client: Client, manifest: dict[str, Any]
) -> None:
    """A convolution's patch, and a sum's sides, are values of the layers that were read."""
    base = f"{ADDRESS}/{manifest['id']}/layers"
    found = client.get(f"{base}/stage2.convolution2/units/7/3/6/arithmetic").json()
    (read,) = found["reads"]
    assert read["input"] == "stage2.activation1"
    terms = found["terms"]
    assert (len(terms["channels"]), terms["rest"]["count"]) == (32, 96)
    for channel in terms["channels"][:3]:
        url = f"{base}/{read['input']}/channels/{channel['channel']}"
        values = client.get(url).json()["values"]
        for cell, value in zip(terms["cells"], channel["patch"], strict=True):
            y, x = cell["position"]
            assert cell["padding"] is (x > 6)
            assert value == (0 if cell["padding"] else values[y][x])
    weight = load_model("doodle-classifier").module.state_dict()["stage2.convolution2.weight"]
    kernel = weight[7, terms["channels"][0]["channel"]]
    assert terms["channels"][0]["kernel"] == kernel.flatten().tolist()
    added = client.get(f"{base}/stage1.add/units/5/2/9/arithmetic").json()["terms"]
    for side in added["sides"]:
        assert side["value"] == client.get(f"{base}/{side['source']}/units/5/2/9").json()["value"]


def test_limit_and_sort(client: Client, manifest: dict[str, Any]) -> None:
    url = f"{ADDRESS}/{manifest['id']}/layers/linear/units/44/0/0/arithmetic"
    full = client.get(url, params={"limit": 256}).json()["terms"]
    assert full["rest"] is None
    sizes = [abs(product["product"]) for product in full["products"]]
    assert sizes == sorted(sizes, reverse=True)
    few = client.get(url, params={"limit": 3}).json()["terms"]
    assert few["products"] == full["products"][:3]
    rest = sum(product["product"] for product in full["products"][3:])
    assert few["rest"]["count"] == 253
    assert few["rest"]["value"] == pytest.approx(rest, abs=1e-12)
    ordered = client.get(url, params={"limit": 3, "sort": "order"}).json()["terms"]
    assert [product["feature"] for product in ordered["products"]] == [0, 1, 2]
    for terms in (full, few, ordered):
        assert terms["sum"] == full["sum"]


@pytest.mark.parametrize(
    ("rest", "pointer"),
    [
        ("nothing/units/0/0/0", "layer"),
        ("input/units/0/0/0", "layer"),
        ("stem_convolution/units/32/0/0", "channel"),
        ("stem_convolution/units/0/28/0", "y"),
        ("stem_convolution/units/0/0/-1", "x"),
        ("linear/units/0/0/1", "x"),
    ],
)
def test_nothing_there(client: Client, manifest: dict[str, Any], rest: str, pointer: str) -> None:
    url = f"{ADDRESS}/{manifest['id']}/layers/{rest}/arithmetic"
    assert_problem(client.get(url), 404, pointer)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [("limit=0", "limit"), ("limit=1025", "limit"), ("limit=x", "limit"), ("sort=up", "sort")],
)
def test_wrong_parameters(
    client: Client, manifest: dict[str, Any], query: str, pointer: str
) -> None:
    url = f"{ADDRESS}/{manifest['id']}/layers/linear/units/0/0/0/arithmetic?{query}"
    assert_problem(client.get(url), 422, pointer)


def test_inspections_that_are_not_kept(client: Client) -> None:
    rest = "layers/linear/units/0/0/0/arithmetic"
    assert_problem(client.get(f"{ADDRESS}/{'0' * 32}/{rest}"), 410, "id")
    assert_problem(client.get(f"{ADDRESS}/other/{rest}"), 422, "id")


def resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    name = schema["$ref"].removeprefix("#/components/schemas/")
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


def test_the_documentation_tells_kinds_apart(client: Client) -> None:
    document = client.get("/api/v1/openapi.json").json()
    path = "/api/v1/inspections/{id}/layers/{layer}/units/{channel}/{y}/{x}/arithmetic"
    answer = document["paths"][path]["get"]["responses"]["200"]
    schema = answer["content"]["application/json"]["schema"]
    assert schema["discriminator"]["propertyName"] == "kind"
    assert len(schema["oneOf"]) == len(schema["discriminator"]["mapping"]) == 22
    for kind, reference in schema["discriminator"]["mapping"].items():
        assert resolved({"$ref": reference}, document)["properties"]["kind"]["const"] == kind


def fields_of(model: Any) -> set[str]:
    return set(model.model_fields)


@pytest.mark.parametrize(
    ("case", "index"),
    [
        (layer_case(nn.ConvTranspose2d(1, 1, 2), torch.ones(1, 1, 2, 2),
                     kind="transposed_convolution"), (0, 0, 1, 1)),
        (layer_case(nn.MaxPool2d(2, padding=1), torch.ones(1, 1, 3, 3), kind="max_pooling"),
         (0, 0, 0, 0)),
        (layer_case(nn.LPPool2d(2, 2), torch.ones(1, 1, 2, 2), kind="lp_pooling"), (0, 0, 0, 0)),
        (layer_case(nn.ReLU(), torch.tensor([float("nan")]), kind="activation"), (0,)),
        (function("log", torch.log, torch.zeros(1), kind="activation"), (0,)),
        (layer_case(nn.LocalResponseNorm(2), torch.ones(1, 2, 2),
                     kind="local_response_normalisation"), (0, 1, 1)),
        (function("cat", lambda x: torch.cat([x, x]), torch.ones(1), kind="concatenation"),
         (1,)),
        (function("mm", lambda x: x @ x, torch.ones(2, 2), kind="matrix_product"), (1, 0)),
        (layer_case(nn.Softmax(0), torch.ones(2), kind="softmax"), (0,)),
        (layer_case(nn.LogSoftmax(0), torch.tensor([0.0, -float("inf")]), kind="log_softmax"),
         (1,)),
        (function("loss", lambda x: nn.functional.cross_entropy(x, torch.tensor(1)),
                        torch.ones(2), kind="cross_entropy"), ()),
        (layer_case(nn.Identity(), torch.ones(2), kind="identity"), (1,)),
        (layer_case(nn.ConstantPad1d(1, float("inf")), torch.ones(1, 2), kind="movement"), (0, 0)),
        (layer_case(nn.Upsample(scale_factor=2), torch.ones(1, 1, 2), kind="interpolation"),
         (0, 0, 1)),
        (function("sum", lambda x: x.sum(), torch.ones(2), kind="reduction"), ()),
        (layer_case(nn.Embedding(3, 2), torch.tensor([1]), kind="embedding"), (0, 1)),
        (layer_case(nn.GRU(2, 2), torch.ones(1, 2), kind="general"), (0, 1)),
    ],
)  # fmt: skip
def test_every_kind_fits_the_schema(case: Case, index: tuple[int, ...]) -> None:
    trace = trace_model(case.model, case.inputs, keep=True)
    node = trace.nodes[-1]
    assert node.given is not None
    layer = case.model.get_submodule(node.module_path) if node.given.function is None else None
    found = arithmetic(node, index, module=layer, trace=trace)
    assert found.kind == case.kind
    described = describe_arithmetic(found, (0, 0, 0))
    text = described.model_dump_json()
    assert type(described).model_validate_json(text) == described
    names = {field.name for field in dataclasses.fields(found.terms)}
    assert names == fields_of(type(described.terms))


def test_all_schemas_are_used() -> None:
    """Every kind is one of the union's."""
    kinds = [
        model
        for model in vars(schemas).values()
        if isinstance(model, type) and issubclass(model, BaseModel) and "kind" in fields_of(model)
    ]
    assert len(kinds) == 22


def test_size_counts_what_layers_read(client: Client, manifest: dict[str, Any]) -> None:
    kept = client.services.inspections.get(manifest["id"])
    activations = sum(layer.activation.nbytes for layer in kept.layers.values())
    assert kept.logits is not None
    others = kept.input.pixels.nbytes + kept.logits.nbytes + len(kept.input.key)
    network_input = np.prod(kept.model.input_shape) * 4
    assert kept.size == activations + others + network_input
