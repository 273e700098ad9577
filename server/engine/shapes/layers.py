"""Every kind of layer by its name in ``torch.nn``, and what it makes of a shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from server.engine.shapes import (
    adaptive_pooling,
    convolution,
    flatten,
    linear,
    normalisation,
    padding,
    pixel_shuffle,
    pointwise,
    pooling,
    transposed_convolution,
    unfold,
    upsample,
)
from server.engine.shapes.layer import Call, Layer, check_size
from server.engine.shapes.parameters import LARGEST, SHOWN, close_match, read_parameters
from server.engine.shapes.refusal import INPUT, Refusal
from server.engine.shapes.result import LayerShape

LAYERS: Mapping[str, Layer] = {
    layer.type: layer
    for module in (
        convolution,
        transposed_convolution,
        pooling,
        adaptive_pooling,
        unfold,
        padding,
        upsample,
        pixel_shuffle,
        linear,
        flatten,
        normalisation,
        pointwise,
    )
    for layer in module.LAYERS
}


def output_shape(
    layer_type: str,
    parameters: Mapping[str, Any],
    input_shape: Sequence[int],
    *,
    training: bool = False,
) -> LayerShape:
    """What a layer makes of an input: its output's shape, the steps to it, and the cost.

    Args:
        layer_type: class of ``torch.nn``, such as ``Conv2d``.
        parameters: as its constructor takes them; lists stand for tuples.
        input_shape: of one float32 tensor, with or without a batch as the layer takes it.
        training: whether the module is in training mode, where normalisation needs two values.

    Raises:
        Refusal: PyTorch would not construct the module, or its forward would raise.
    """
    layer = known_layer(layer_type)
    shape = checked_input(input_shape)
    values = read_parameters(layer.type, layer.parameters, parameters)
    return layer.compute(Call(layer.type, layer.axes, values, shape, training))


def known_layer(layer_type: str) -> Layer:
    """The kind of layer of that name.

    Raises:
        Refusal: there is none.
    """
    layer = LAYERS.get(layer_type)
    if layer is None:
        name = layer_type if len(layer_type) <= SHOWN else layer_type[: SHOWN - 1] + "…"
        text = f"There is no layer {name} here." + close_match(layer_type, list(LAYERS))
        raise Refusal("type", text, value=name)
    return layer


def checked_input(input_shape: Sequence[int]) -> tuple[int, ...]:
    """The shape of an input as a tuple.

    Raises:
        Refusal: a size is no whole number of 64 bits, or the bytes cannot be counted with those.
    """
    shape = tuple(input_shape)
    for size in shape:
        if isinstance(size, bool) or not isinstance(size, int):
            raise Refusal(INPUT, "The sizes of the input are whole numbers.")
        if not 0 <= size <= LARGEST:
            raise Refusal(INPUT, f"The sizes of the input are 0 to {LARGEST}.", limit=LARGEST)
    check_size(INPUT, shape, "The input")
    return shape
