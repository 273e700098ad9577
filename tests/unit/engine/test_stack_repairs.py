"""Repairs of broken stacks: each is carried out, and PyTorch asked whether it does."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from server.engine.shapes import Repair, apply_stack
from tests.support.torch_layers import as_tuples

Layers = list[tuple[str, dict[str, Any]]]


def convolution(inputs: int, outputs: int, kernel: int, **more: int) -> tuple[str, dict[str, Any]]:
    return "Conv2d", {
        "in_channels": inputs,
        "out_channels": outputs,
        "kernel_size": kernel,
        **more,
    }


def linear(inputs: int, outputs: int) -> tuple[str, dict[str, Any]]:
    return "Linear", {"in_features": inputs, "out_features": outputs}


POOLING = ("MaxPool2d", {"kernel_size": 2})
FLATTEN: tuple[str, dict[str, Any]] = ("Flatten", {})
RELU: tuple[str, dict[str, Any]] = ("ReLU", {})

BROKEN: dict[str, tuple[list[int], Layers, int]] = {
    "features of another input": (
        [1, 3, 32, 32],
        [convolution(3, 6, 5), POOLING, convolution(6, 16, 5), POOLING, FLATTEN, linear(256, 10)],
        5,
    ),
    "kernel larger than its input": (
        [1, 3, 8, 8],
        [convolution(3, 6, 5), POOLING, convolution(6, 16, 5)],
        2,
    ),
    "no kernel size": ([1, 3, 8, 8], [("Conv2d", {"in_channels": 3, "out_channels": 6})], 0),
    "other channels": ([1, 3, 32, 32], [convolution(3, 6, 5), RELU, convolution(8, 16, 5)], 2),
    "other features": ([4, 784], [linear(784, 128), RELU, linear(100, 10)], 2),
    "no flatten": ([1, 3, 8, 8], [convolution(3, 6, 3), linear(216, 10)], 1),
    "indices": (
        [1, 1, 8, 8],
        [("MaxPool2d", {"kernel_size": 2, "return_indices": True}), convolution(1, 2, 3)],
        1,
    ),
    "output padding": (
        [1, 3, 8, 8],
        [
            RELU,
            (
                "ConvTranspose2d",
                {
                    "in_channels": 3,
                    "out_channels": 4,
                    "kernel_size": 3,
                    "stride": 2,
                    "output_padding": 2,
                },
            ),
        ],
        1,
    ),
    "misspelt": ([1, 3, 8, 8], [("Conv2d", {**convolution(3, 6, 5)[1], "paddings": 2})], 0),
    "unknown": ([1, 3, 8, 8], [("Conv2d", {**convolution(3, 6, 5)[1], "bogus": 2})], 0),
    "pooled away": ([1, 1, 8, 8], [POOLING, POOLING, POOLING, POOLING], 3),
}


def repaired(layers: Layers, repair: Repair) -> tuple[Layers, int]:
    """The stack with a repair, and by how many places what follows has moved."""
    assert repair.layer is not None
    kind, parameters = layers[repair.layer]
    values = {
        name: value
        for name, value in {**parameters, **repair.changes}.items()
        if name != "type" and value is not None
    }
    changed = [*layers]
    changed[repair.layer] = (repair.changes.get("type", kind), values)
    if repair.insert is None:
        return changed, 0
    own = {name: value for name, value in repair.insert.items() if name != "type"}
    changed.insert(repair.layer, (repair.insert["type"], own))
    return changed, 1


def module_of(layers: Layers) -> nn.Sequential:
    return nn.Sequential(
        *(
            getattr(nn, kind)(**{name: as_tuples(value) for name, value in parameters.items()})
            for kind, parameters in layers
        )
    ).eval()


@pytest.mark.parametrize("name", BROKEN)
def test_every_repair_does_what_it_says_in_torch(name: str) -> None:
    shape, layers, broken = BROKEN[name]
    with pytest.raises((RuntimeError, TypeError, ValueError)):
        module_of(layers[: broken + 1])(torch.zeros(shape))
    module_of(layers[:broken])(torch.zeros(shape))
    found = apply_stack(shape, layers)
    assert found.problems[0].layer == broken
    assert found.problems[0].repairs
    for repair in found.problems[0].repairs:
        changed, moved = repaired(layers, repair)
        output = module_of(changed[: broken + 1 + moved])(torch.zeros(shape))
        assert tuple(output.shape) == repair.output_shape, repair


def test_names_that_a_class_does_not_have() -> None:
    shape, layers, _ = BROKEN["misspelt"]
    first, second = apply_stack(shape, layers).problems[0].repairs
    assert first.changes == {"paddings": None, "padding": 2}
    assert first.detail == "Leave paddings out and set padding to 2."
    assert second.changes == {"paddings": None}
    shape, layers, _ = BROKEN["unknown"]
    (only,) = apply_stack(shape, layers).problems[0].repairs
    assert only.detail == "Leave bogus out."


def test_usual_numbers_stand_in_for_one_that_is_missing() -> None:
    shape, layers, _ = BROKEN["no kernel size"]
    offered = apply_stack(shape, layers).problems[0].repairs
    assert [repair.changes for repair in offered] == [{"kernel_size": size} for size in (1, 2, 3)]


def test_layers_before_are_changed_as_well() -> None:
    shape, layers, _ = BROKEN["features of another input"]
    found = apply_stack(shape, layers).problems[0].repairs
    assert [(repair.layer, dict(repair.changes)) for repair in found] == [
        (5, {"in_features": 400}),
        (2, {"kernel_size": 6}),
        (0, {"kernel_size": 6}),
    ]
    shape, layers, _ = BROKEN["other features"]
    (own, before) = apply_stack(shape, layers).problems[0].repairs
    assert (own.layer, own.changes) == (2, {"in_features": 128})
    assert (before.layer, before.changes) == (0, {"out_features": 100})


def test_two_tensors_go_into_no_other_layer() -> None:
    shape, layers, _ = BROKEN["indices"]
    (problem,) = apply_stack(shape, layers).problems
    assert problem.detail == (
        "MaxPool2d with return_indices gives two tensors, the maxima and where they are, and "
        "Conv2d takes one."
    )
    assert apply_stack(shape, layers[:1]).output_shape == (1, 1, 4, 4)
    assert apply_stack(shape, [layers[0], ("Identity", {})]).output_shape == (1, 1, 4, 4)


def test_repairs_of_long_stacks_end() -> None:
    layers = [convolution(3, 3, 3, padding=1)] * 900 + [linear(7, 7)]
    found = apply_stack([1, 3, 32, 32], layers)
    assert found.problems[0].layer == 900
    assert found.problems[0].repairs[0].changes == {"in_features": 32}


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(
    ("kind", "axes"),
    [
        *(("Dropout", axes) for axes in (2, 3, 4, 5)),
        *(("Dropout1d", axes) for axes in (2, 3)),
        ("Dropout2d", 4),
        *(("Dropout3d", axes) for axes in (4, 5)),
    ],
)
def test_memory_kept_by_dropout_in_training(kind: str, probability: float, axes: int) -> None:
    shape = [2, 3, 4, 5, 6][:axes]
    layers: Layers = [RELU, (kind, {"p": probability}), linear(shape[-1], 2)]
    module = module_of(layers).train()
    own = {weight.untyped_storage()._cdata for weight in module.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage()._cdata not in own:
            kept[tensor.untyped_storage()._cdata] = tensor
        return tensor

    given = torch.rand(shape, requires_grad=True) + 0.1
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = module(given)
    counted = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    assert result is not None
    found = apply_stack(shape, layers, training=True)
    assert found.saved_for_backward_bytes == counted
