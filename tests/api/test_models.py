"""The models: their graphs, compared with the networks themselves."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models import load_model
from tests.support.asgi import Client
from tests.support.kept import kept_by_graph

ADDRESS = "/api/v1/models/doodle-classifier"


@pytest.fixture(scope="module")
def details(client: Client) -> dict[str, Any]:
    details: dict[str, Any] = client.get(ADDRESS).json()
    return details


@pytest.fixture(scope="module")
def nodes(details: dict[str, Any]) -> dict[str, Any]:
    return {node["name"]: node for node in details["nodes"]}


def test_the_graph_is_that_of_the_network(nodes: dict[str, Any]) -> None:
    module = load_model("doodle-classifier").module.eval()
    modules = dict(module.named_modules())
    ran: list[str] = []

    def compare(path: str, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ran.append(path)
        layer, node = modules[path], nodes[path]
        assert (node["kind"], node["module_path"], node["call"]) == (type(layer).__name__, path, 0)
        assert node["shape"] == list(output.shape)
        assert node["parameters"] == sum(value.numel() for value in layer.parameters())
        assert node["activation_bytes"] == output.numel() * output.element_size()
        reads = 0
        if isinstance(layer, nn.Conv2d | nn.Linear):
            weight = layer.weight
            reads = weight.numel() // weight.shape[0]
            assert node["attributes"]["bias"] is (layer.bias is not None)
        assert node["multiply_accumulates"] == reads * output.numel()

    for path, layer in modules.items():
        if not any(layer.children()):
            layer.register_forward_hook(
                lambda _layer, inputs, output, path=path: compare(path, inputs, output)
            )
    with torch.no_grad():
        module(torch.rand(1, 1, 28, 28))
    assert ran == [name for name in nodes if name in modules]
    operations = [node for name, node in nodes.items() if name not in modules]
    assert [node["kind"] for node in operations] == ["add"] * 3
    assert nodes["stage1.add"]["inputs"] == [
        "stage1.normalisation2", "stage1.shortcut_normalisation",
    ]  # fmt: skip
    assert nodes["stem_convolution"]["attributes"]["kernel_size"] == [3, 3]


def test_totals_agree(details: dict[str, Any]) -> None:
    for key in ("parameters", "multiply_accumulates"):
        assert sum(node[key] for node in details["nodes"]) == details[key]


def test_what_training_keeps_is_what_the_graph_holds(nodes: dict[str, Any]) -> None:
    module = load_model("doodle-classifier").module.train()
    kept = kept_by_graph(module, torch.rand(1, 1, 28, 28))
    assert sum(node["saved_for_backward_bytes"] for node in nodes.values()) == kept
    image, maps, statistics, float32 = 28 * 28, 32 * 28 * 28, 2 * 32, 4
    assert [
        nodes[f"stem_{name}"]["saved_for_backward_bytes"]
        for name in ("convolution", "normalisation", "activation")
    ] == [image * float32, (maps + statistics) * float32, maps * float32]


def test_fields_of_layers_are_those_of_the_textbook(nodes: dict[str, Any]) -> None:
    """size += (kernel - 1) * stride so far; stride *= stride (Araujo, Norris, Sim 2019)."""
    size, stride, start = 1, 1, 0
    for name in (
        "stem_convolution",
        *(f"stage{n}.convolution{m}" for n in (1, 2, 3) for m in "12"),
    ):
        layer = nodes[name]["attributes"]
        (kernel, _), (step, _), (pad, _) = (
            layer[key] for key in ("kernel_size", "stride", "padding")
        )
        size, start = size + (kernel - 1) * stride, start - pad * stride
        stride *= step
        assert nodes[name]["receptive_field"] == {
            "size": [size] * 2, "stride": [stride] * 2, "start": [start] * 2,
        }  # fmt: skip
    assert size == 45
    for name in ("pooling", "linear"):
        assert nodes[name]["receptive_field"] is None
