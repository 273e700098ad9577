"""How much each input position changes a unit, on average over inputs.

The gradient of the unit with respect to the input: Luo, Li, Urtasun, Zemel, "Understanding the
Effective Receptive Field in Deep Convolutional Neural Networks", NeurIPS 2016.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from server.engine.example import as_inputs, device_of
from server.engine.operations import tensors_in
from server.engine.preserved import preserved


def effective_receptive_field(
    model: nn.Module,
    inputs: Iterable[Tensor],
    layer: str,
    position: tuple[int, ...] | None = None,
    *,
    call: int = 0,
    channel: int | None = None,
) -> Tensor:
    """The mean absolute gradient of a unit, summed over the input's channels.

    The model is in eval mode, and afterwards as it was before.

    Args:
        model: with one floating-point input.
        inputs: batches (N, C, *spatial); the mean is over all of their items.
        layer: path of the module whose output holds the unit; "" is the model.
        position: index on each axis after batch and channel; without it, the centre.
        call: which call of the module.
        channel: index on axis 1; without it, the sum over all channels.

    Returns:
        float64 of the input's spatial shape, not negative.

    Raises:
        KeyError: no module of that path, or it did not run so often.
        IndexError: the unit is not there.
        ValueError: no inputs, or they differ in shape.
    """
    model = getattr(model, "_orig_mod", model)
    modules = dict(model.named_modules())
    if layer not in modules:
        raise KeyError(f"The model has no module {layer!r}.")
    total: Tensor | None = None
    count = 0
    with preserved(model), torch.inference_mode(False), torch.enable_grad():
        model.eval().requires_grad_(False)
        for batch in inputs:
            size = _gradient(model, modules[layer], batch, layer, call, channel, position)
            if total is not None and total.shape != size.shape:
                raise ValueError(f"Inputs differ in shape: {total.shape} and {size.shape}.")
            total = size if total is None else total + size
            count += len(batch)
    if total is None or count == 0:
        raise ValueError("There are no inputs to average over.")
    return total / count


def _gradient(
    model: nn.Module,
    module: nn.Module,
    batch: Tensor,
    layer: str,
    call: int,
    channel: int | None,
    position: tuple[int, ...] | None,
) -> Tensor:
    """The absolute gradients of the units of a batch, summed over its items and channels."""
    outputs: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
        # A clone, for what follows may write to it in place.
        outputs.extend(tensor.clone() for tensor in list(tensors_in(output))[:1])

    (given,) = as_inputs(batch, model).to(device_of(model)).args
    x = given.requires_grad_()
    handle = module.register_forward_hook(keep)
    try:
        # A clone, for the model may write to its input in place.
        model(x.clone())
    finally:
        handle.remove()
    if not 0 <= call < len(outputs):
        raise KeyError(f"{layer!r} ran {len(outputs)} times, so there is no call {call}.")
    output = outputs[call]
    centre = tuple(size // 2 for size in output.shape[2:])
    place = centre if position is None else position
    if len(place) != output.ndim - 2:
        raise IndexError(f"A position in {list(output.shape)} has {output.ndim - 2} indices.")
    channels: int | slice = slice(None) if channel is None else channel
    units = output[(slice(None), channels, *place)]
    if not units.requires_grad:
        return torch.zeros(batch.shape[2:], dtype=torch.float64)
    (gradient,) = torch.autograd.grad(units.sum(), x)
    return gradient.abs().double().sum((0, 1)).cpu()
