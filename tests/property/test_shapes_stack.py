"""Receptive fields and memory of generated stacks against the network that they describe.

There are 40 stacks for each truth, always the same; ``DOODLESCOPE_SETTINGS`` sets how many.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from server.engine import trace_model
from server.engine.shapes import Stack, apply_stack
from tests.support.setting import Draw
from tests.support.torch_layers import as_tuples

STACKS = int(os.environ.get("DOODLESCOPE_SETTINGS", "40"))

PROFILE = settings(
    max_examples=STACKS,
    deadline=None,
    derandomize="DOODLESCOPE_SETTINGS" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

Layers = list[tuple[str, dict[str, Any]]]


def drawn(draw: Draw, names: list[str], longest: int) -> Layers:
    """Layers for 2 channels and two axes of space."""
    return [
        MAKERS[draw(st.sampled_from(names))](draw) for _ in range(draw(st.integers(1, longest)))
    ]


def _pair(draw: Draw, low: int, high: int) -> Any:
    one = st.integers(low, high)
    return draw(st.one_of(one, st.tuples(one, one).map(list)))


def _convolution(draw: Draw) -> tuple[str, dict[str, Any]]:
    parameters: dict[str, Any] = {
        "in_channels": 2,
        "out_channels": 2,
        "kernel_size": _pair(draw, 1, 4),
        "dilation": _pair(draw, 1, 2),
    }
    if draw(st.integers(0, 3)) == 0:
        return "Conv2d", parameters | {"padding": "same"}
    return "Conv2d", parameters | {"stride": _pair(draw, 1, 3), "padding": _pair(draw, 0, 2)}


def _transposed(draw: Draw) -> tuple[str, dict[str, Any]]:
    return "ConvTranspose2d", {
        "in_channels": 2,
        "out_channels": 2,
        "kernel_size": draw(st.integers(2, 4)),
        "stride": draw(st.integers(1, 2)),
        "padding": draw(st.integers(0, 1)),
    }


def _average(draw: Draw) -> tuple[str, dict[str, Any]]:
    return "AvgPool2d", {
        "kernel_size": draw(st.integers(2, 3)),
        "stride": draw(st.integers(1, 3)),
        "padding": draw(st.integers(0, 1)),
        "ceil_mode": draw(st.booleans()),
    }


def _padding(draw: Draw) -> tuple[str, dict[str, Any]]:
    return "ZeroPad2d", {"padding": [draw(st.integers(-1, 2)) for _ in range(4)]}


MAKERS: dict[str, Callable[[Draw], tuple[str, dict[str, Any]]]] = {
    "convolution": _convolution,
    "transposed": _transposed,
    "average": _average,
    "padding": _padding,
    "maximum": lambda draw: ("MaxPool2d", {"kernel_size": 2, "dilation": draw(st.integers(1, 2))}),
    "adaptive": lambda draw: ("AdaptiveAvgPool2d", {"output_size": _pair(draw, 1, 6)}),
    "upsample": lambda draw: (
        "Upsample",
        {"scale_factor": 2.0, "mode": draw(st.sampled_from(["nearest", "bilinear", "bicubic"]))},
    ),
    "activation": lambda draw: ("ReLU", {"inplace": draw(st.booleans())}),
    "normalisation": lambda draw: ("BatchNorm2d", {"num_features": 2}),
    "shuffle": lambda draw: ("PixelUnshuffle", {"downscale_factor": 1}),
}


def module_of(layers: Layers) -> nn.Sequential:
    """The same layers in PyTorch."""
    modules = [
        getattr(nn, kind)(**{name: as_tuples(value) for name, value in parameters.items()})
        for kind, parameters in layers
    ]
    return nn.Sequential(*modules).eval()


def applied(layers: Layers, shape: tuple[int, ...]) -> Stack:
    """What the engine says of layers that fit; others are skipped."""
    found = apply_stack(shape, layers, with_repairs=False)
    assume(found.output_shape is not None)
    return found


@PROFILE
@given(st.data())
def test_fields_are_those_of_the_traced_network(data: st.DataObject) -> None:
    layers = drawn(data.draw, list(MAKERS), 6)
    ending = data.draw(st.integers(0, 2))
    shape = (1, 2, 24, 19)
    found = applied(layers, shape)
    assert found.output_shape is not None
    if ending == 1:
        features = 2 * found.output_shape[2] * found.output_shape[3]
        layers += [("Flatten", {}), ("Linear", {"in_features": features, "out_features": 3})]
    elif ending == 2:
        layers += [("GroupNorm", {"num_groups": 1, "num_channels": 2}), ("ReLU", {})]
    found = applied(layers, shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace = trace_model(module_of(layers), shape)
    for index, layer in enumerate(found.layers):
        truth, field = trace.receptive_field(str(index)), layer.receptive_field
        assert layer.shape is not None
        assert layer.shape.output_shape == trace.layer(str(index)).shape
        if truth.size is not None:
            assert field is not None, (layers, index)
            assert (field.size, field.start) == (truth.size, truth.start), (layers, index)
            assert truth.stride is not None
            spaces = layer.shape.output_shape[2:]
            for own, other, size in zip(field.stride, truth.stride, spaces, strict=True):
                # Where there is one unit, its stride says nothing.
                assert size == 1 or own == other, (layers, index)
        elif field is not None:
            # All units of the layer read the same, which a trace gives as one box.
            assert truth.unclipped is not None
            spaces = layer.shape.output_shape[2:]
            assert all(
                own == 0 or size == 1 for own, size in zip(field.stride, spaces, strict=False)
            )
            assert truth.unclipped == tuple(
                (start, start + size) for start, size in zip(field.start, field.size, strict=True)
            ), (layers, index)


@PROFILE
@given(st.data())
def test_fields_are_where_gradients_are(data: st.DataObject) -> None:
    names = ["convolution", "convolution", "average", "padding", "activation", "normalisation"]
    layers = drawn(data.draw, names, 5)
    shape = (1, 2, 48, 40)
    found = applied(layers, shape)
    field = found.layers[-1].receptive_field
    assert field is not None
    assert found.output_shape is not None
    unit = []
    for axis, outputs in enumerate(found.output_shape[2:]):
        starts = [field.start[axis] + place * field.stride[axis] for place in range(outputs)]
        inside = [
            place
            for place, start in enumerate(starts)
            if start >= 0 and start + field.size[axis] <= shape[2 + axis]
        ]
        assume(inside)
        unit.append(data.draw(st.sampled_from(inside)))
    expected = tuple(
        (start + place * stride, start + place * stride + size)
        for start, place, stride, size in zip(
            field.start, unit, field.stride, field.size, strict=True
        )
    )
    assert box_of(layers, shape, unit) == expected, (layers, unit)


def box_of(layers: Layers, shape: tuple[int, ...], unit: list[int]) -> tuple[tuple[int, int], ...]:
    """The smallest box around the input positions that have a gradient, all weights positive."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layers = [
            (kind, {name: value for name, value in parameters.items() if name != "inplace"})
            for kind, parameters in layers
        ]
        module = module_of(layers).double()
    for parameter in module.parameters():
        torch.nn.init.constant_(parameter, 0.5)
    given = torch.ones(shape, dtype=torch.float64, requires_grad=True)
    output: Tensor = module(given)
    (gradient,) = torch.autograd.grad(output[(0, 0, *unit)], given)
    felt = gradient[0].ne(0).any(0)
    box = []
    for axis in range(felt.ndim):
        others = tuple(other for other in range(felt.ndim) if other != axis)
        places = felt.any(dim=others).nonzero().flatten()
        box.append((int(places[0]), int(places[-1]) + 1))
    return tuple(box)


@PROFILE
@given(st.data())
def test_memory_kept_by_a_stack_is_what_autograd_keeps(data: st.DataObject) -> None:
    # By 1, unshuffling copies or does not as the strides are.
    names = [name for name in MAKERS if name not in ("activation", "shuffle")]
    layers = drawn(data.draw, names, 6)
    if data.draw(st.booleans()):
        layers.insert(data.draw(st.integers(0, len(layers))), ("ReLU", {}))
    shape = (1, 2, 24, 19)
    found = applied(layers, shape)
    assert found.saved_for_backward_bytes is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = module_of(layers)
        own = {
            value.untyped_storage()._cdata for value in (*module.parameters(), *module.buffers())
        }
        kept: dict[int, Tensor] = {}

        def keep(tensor: Tensor) -> Tensor:
            if tensor.untyped_storage()._cdata not in own:
                kept[tensor.untyped_storage()._cdata] = tensor
            return tensor

        given = torch.rand(shape, requires_grad=True) + 0.1
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            result = module(given)
    assert result is not None
    counted = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    assert found.saved_for_backward_bytes == counted, layers
