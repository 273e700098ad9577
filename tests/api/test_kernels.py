"""What the shape lab computes with: trained kernels, and images of drawings."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from server.doodle.raster import render
from server.doodle.strokes import Drawing
from server.schemas.predictions import HOUSE
from tests.support.asgi import Client
from tests.support.problems import assert_problem

ADDRESS = "/api/v1/shapes"


def test_kernels_are_those_of_the_network_and_their_settings_make_the_layer(
    client: Client,
) -> None:
    sources = client.get(f"{ADDRESS}/kernels").json()["sources"]
    models = {model["name"] for model in client.get("/api/v1/models").json()["models"]}
    assert sources
    assert {source["model"] for source in sources} <= models
    for source in sources:
        kernels = client.get(f"{ADDRESS}/kernels/{source['model']}").json()
        assert {name: kernels[name] for name in source} == source
        own: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in kernels["parameters"].items()
        }
        layer = nn.Conv2d(**own)
        assert torch.tensor(kernels["weight"]).shape == layer.weight.shape
        assert (kernels["bias"] is None) == (layer.bias is None)
        assert torch.tensor(kernels["weight"]).std() > 0


def test_kernels_of_no_network_are_not_found(client: Client) -> None:
    assert_problem(client.get(f"{ADDRESS}/kernels/nothing"), 404)


def test_a_drawing_is_rendered_as_the_networks_see_it(client: Client) -> None:
    response = client.post(f"{ADDRESS}/image", json={"drawing": HOUSE})
    assert response.json()["image"] == render(Drawing.from_lists(HOUSE)).tolist()


def test_drawings_that_cannot_be_rendered_are_problems(client: Client) -> None:
    for drawing in ([], [[[1, 2], [3]]], [[["a"], [1]]]):
        assert_problem(client.post(f"{ADDRESS}/image", json={"drawing": drawing}), 422)
    long = [[[0.0] * 50_000, [0.0] * 50_000]]
    assert_problem(client.post(f"{ADDRESS}/image", json={"drawing": long}), 422)
    assert_problem(client.post(f"{ADDRESS}/image", json={"drawing": HOUSE, "more": 1}), 422)


def test_what_axes_read_is_said(client: Client) -> None:
    body = {
        "input_shape": [1, 3, 9, 9],
        "layers": [
            {
                "type": "Conv2d",
                "in_channels": 3,
                "out_channels": 4,
                "kernel_size": [2, 4],
                "padding": "same",
            },
            {"type": "ConvTranspose2d", "in_channels": 4, "out_channels": 1, "kernel_size": 3},
        ],
    }
    first, second = client.post(ADDRESS, json=body).json()["layers"]
    reads = {reading["axis"]: reading for reading in first["reads"]}
    assert reads[1]["kind"] == "whole"
    # "same" pads an odd total with the larger part behind.
    assert (reads[2]["before"], reads[2]["after"], reads[2]["kernel"]) == (0, 1, 2)
    assert (reads[3]["before"], reads[3]["after"], reads[3]["kernel"]) == (1, 2, 4)
    assert {reading["kind"] for reading in second["reads"]} == {"whole", "spread"}
