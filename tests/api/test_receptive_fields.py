"""Receptive fields in the API are where the gradients of the real network are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models import LoadedModel, load_model
from server.app import create_app
from server.services.catalog import Catalog, load_catalog
from server.settings import Settings
from tests.support.asgi import Client, running
from tests.support.problems import assert_problem

MODEL = "/api/v1/models/doodle-classifier"
ADDRESS = f"{MODEL}/receptive-field"


@pytest.fixture(scope="module")
def positive() -> nn.Module:
    """The network with weights of which none is zero or cancels another."""
    module = load_model("doodle-classifier").module.double().eval()
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            value.zero_() if name.endswith("running_mean") else value.uniform_(0.5, 1)
    return module


def felt(module: nn.Module, layer: str, unit: tuple[int, ...]) -> Tensor:
    """Bool (28, 28): where the gradient of a unit, or of all channels at its place, is not zero."""
    kept: list[Tensor] = []
    path = layer.removesuffix(".add")  # what a stage gives is its sum, activated: the same field
    handle = module.get_submodule(path).register_forward_hook(
        lambda _module, _inputs, output: kept.append(output)
    )
    x = torch.rand(1, 1, 28, 28, dtype=torch.float64).requires_grad_()
    try:
        module(x)
    finally:
        handle.remove()
    units = kept[0][0]
    whole = len(unit) == units.ndim
    for index in unit:
        units = units.select(0 if whole else 1, index)
    (gradient,) = torch.autograd.grad(units.sum(), x)
    return gradient[0, 0] != 0


def pixels(answer: dict[str, Any]) -> Tensor:
    """The mask of an answer, put together from its runs as the documentation says."""
    mask = torch.zeros(answer["input_shape"], dtype=torch.bool)
    if answer["box"] is None:
        assert answer["mask"] == []
        return mask
    (top, bottom), (left, right) = answer["box"]
    assert len(answer["mask"]) == bottom - top
    for row, runs in enumerate(answer["mask"], start=top):
        ends = [end for run in runs for end in run]
        assert ends == sorted(set(ends)), "runs are in order, and none is empty or touches another"
        for start, stop in runs:
            assert left <= start < stop <= right
            mask[row, start:stop] = True
    return mask


@pytest.mark.parametrize(
    ("layer", "unit"),
    [
        ("stem_convolution", (5, 0, 27)),
        ("stem_convolution", (14, 9)),
        ("stage1.shortcut_pooling", (3, 6, 13)),
        ("stage1.convolution2", (0, 7)),
        ("stage2.add", (9, 3, 5)),
        ("stage3", (0, 0)),
        ("stage3.shortcut_convolution", (200, 2, 1)),
        ("pooling", (0, 0)),
        ("linear", (344,)),
        ("linear", ()),
    ],
)
def test_fields_are_where_gradients_are(
    client: Client, positive: nn.Module, layer: str, unit: tuple[int, ...]
) -> None:
    names = ["channel", "y", "x"] if layer != "linear" else ["channel"]
    asked = dict(zip(names[len(names) - len(unit) :], unit, strict=True))
    answer = client.get(ADDRESS, params={"layer": layer, **asked}).raise_for_status().json()
    expected = felt(positive, layer, unit)
    assert torch.equal(pixels(answer), expected)
    rows, columns = expected.any(1).nonzero(), expected.any(0).nonzero()
    assert answer["box"] == [
        [int(rows.min()), int(rows.max()) + 1], [int(columns.min()), int(columns.max()) + 1],
    ]  # fmt: skip
    assert (answer["status"], answer["causes"]) == ("exact", [])
    assert (answer["model"], answer["layer"], answer["call"]) == ("doodle-classifier", layer, 0)
    assert [answer[name] for name in ("channel", "y", "x")] == [
        asked.get(name) for name in ("channel", "y", "x")
    ]


def test_what_hangs_over_is_padding(client: Client) -> None:
    asked: dict[str, Any] = {"layer": "stage2.convolution2", "y": 0, "x": 6}
    answer = client.get(ADDRESS, params=asked).json()
    (node,) = (node for node in client.get(MODEL).json()["nodes"] if node["name"] == asked["layer"])
    form = {key: answer[key] for key in ("size", "stride", "start")}
    assert node["receptive_field"] == form
    assert answer["unclipped"] == [
        [start + stride * place, start + stride * place + size]
        for size, stride, start, place in zip(
            form["size"], form["stride"], form["start"], (0, 6), strict=True
        )
    ]
    assert answer["unclipped"] == [[-10, 11], [14, 35]]
    assert answer["box"] == [[0, 11], [14, 28]]


def test_it_never_changes_for_a_version(client: Client) -> None:
    version = client.get(MODEL).json()["version"]
    asked: dict[str, Any] = {"layer": "stage1", "y": 3, "x": 4}
    fixed = client.get(ADDRESS, params={**asked, "version": version})
    assert fixed.json()["version"] == version
    assert "immutable" in fixed.headers["cache-control"]
    current = client.get(ADDRESS, params=asked)
    assert current.json() == fixed.json()
    assert "immutable" not in current.headers["cache-control"]
    assert "no-cache" in current.headers["cache-control"]
    for response, query in ((fixed, {**asked, "version": version}), (current, asked)):
        tag = response.headers["etag"]
        again = client.get(ADDRESS, params=query, headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
    assert client.get(ADDRESS, params={**asked, "x": 5}).headers["etag"] != current.headers["etag"]
    assert_problem(client.get(ADDRESS, params={**asked, "version": "old"}), 404, "version")


class Odd(nn.Module):
    """A layer used twice, normalisation over space, a sequence, and two tensors at once."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 1, 3, padding=1)
        self.normalisation = nn.GroupNorm(1, 1)
        self.rows = nn.LSTM(28, 5, batch_first=True)
        self.linear = nn.Linear(5, 345)

    def forward(self, x: Tensor) -> Tensor:
        x = self.normalisation(self.convolution(self.convolution(x)))
        sequence, _ = self.rows(x[:, 0])
        logits: Tensor = self.linear(sequence.transpose(1, 2)[:, :, -1])
        return logits


@pytest.fixture(scope="module")
def odd() -> Iterator[Client]:
    def load(settings: Settings) -> Catalog:
        card = {"multiply_accumulates": 0}
        return load_catalog(
            "odd",
            torch.device("cpu"),
            settings.batch_images,
            names=["odd"],
            load=lambda name: LoadedModel(name, Odd(), card, "1"),
        )

    with running(create_app(Settings(), load=load)) as client:
        yield client


def test_a_layer_used_twice(odd: Client) -> None:
    address = "/api/v1/models/odd/receptive-field?layer=convolution&y=9&x=0"
    assert odd.get(address).json()["box"] == [[8, 11], [0, 2]]
    second = odd.get(f"{address}&call=1").json()
    assert (second["box"], second["call"]) == ([[7, 12], [0, 3]], 1)
    named = odd.get(address.replace("convolution", "convolution@1")).json()
    assert named["box"] == second["box"]
    assert_problem(odd.get(f"{address}&call=2"), 404, "call")


def test_normalisation_as_pointwise(odd: Client) -> None:
    address = "/api/v1/models/odd/receptive-field?layer=normalisation&y=9&x=0"
    exact = odd.get(address).json()
    assert (exact["box"], exact["pointwise_normalisation"]) == ([[0, 28], [0, 28]], False)
    pointwise = odd.get(f"{address}&pointwise_normalisation=true").json()
    assert (pointwise["box"], pointwise["pointwise_normalisation"]) == ([[7, 12], [0, 3]], True)
    assert_problem(
        odd.get(f"{address}&pointwise_normalisation=maybe"), 422, "pointwise_normalisation"
    )


def test_sequences_have_x_alone(odd: Client) -> None:
    address = "/api/v1/models/odd/receptive-field?layer=rows"
    answer = odd.get(f"{address}&x=4&channel=3&pointwise_normalisation=true").json()
    assert answer["box"] == [[0, 6], [0, 28]], "row 3 and those before it, two convolutions deep"
    assert (answer["y"], answer["x"]) == (None, 4)
    assert_problem(odd.get(f"{address}&x=5"), 404, "x")
    assert "only x" in assert_problem(odd.get(f"{address}&y=0&x=4"), 422, "y")["detail"]
    nodes = {node["name"]: node for node in odd.get("/api/v1/models/odd").json()["nodes"]}
    assert nodes["rows"]["shape"] == [1, 28, 5]
    assert nodes["convolution@1"]["call"] == 1


@pytest.mark.parametrize(
    ("query", "status", "pointer", "detail"),
    [
        ("", 422, "layer", "required"),
        ("layer=stage4&y=0&x=0", 404, "layer", "there is stage3, stage2, stage1"),
        ("layer=nothing+like+it&y=0&x=0", 404, "layer", "no layer of that name"),
        ("layer=&y=0&x=0", 404, "layer", "no layer of that name"),
        ("layer=stem_convolution&y=28&x=0", 404, "y", "has y 0 to 27, not 28"),
        ("layer=stem_convolution&y=0&x=-1", 404, "x", "has x 0 to 27, not -1"),
        ("layer=stem_convolution&y=0&x=0&channel=32", 404, "channel", "0 to 31, not 32"),
        ("layer=stem_convolution&y=0&x=0&call=1", 404, "call", "ran 1 times"),
        ("layer=stem_convolution&y=0&x=0&call=-1", 422, "call", "counted from 0"),
        ("layer=stem_convolution&y=0", 422, "x", "x is missing"),
        ("layer=stem_convolution", 422, "y", "y is missing"),
        ("layer=linear&y=0&x=0", 422, "y", "neither y nor x"),
        ("layer=linear&channel=345", 404, "channel", "0 to 344, not 345"),
        ("layer=stem_convolution&y=0.5&x=0", 422, "y", "integer"),
        ("layer=stem_convolution&y=0&x=one", 422, "x", "integer"),
        ("layer=stem_convolution&y=0&x=0&channel=NaN", 422, "channel", "integer"),
        ("layer=" + "a" * 501 + "&y=0&x=0", 422, "layer", "500 characters"),
        (f"layer=stem_convolution&y=0&x={10**30}", 404, "x", "has x 0 to 27"),
    ],
)
def test_units_that_are_not_there(
    client: Client, query: str, status: int, pointer: str, detail: str
) -> None:
    problem = assert_problem(client.get(f"{ADDRESS}?{query}"), status, pointer)
    assert detail in problem["detail"]
