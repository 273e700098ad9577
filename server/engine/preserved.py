"""Leaving a model, and the random number generators, as they were found."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def preserved(model: nn.Module) -> Iterator[None]:
    """Whatever happens inside, the model is afterwards as it was before.

    That is: every module's attributes (training flags, hooks, parameters, buffers, submodules and
    plain ones, such as caches), the values of buffers, each parameter's ``requires_grad`` and
    ``grad``, and the state of the random number generators of the CPU and of the model's devices.
    The values of parameters are not copied: a forward that writes to those keeps what it wrote.
    """
    modules = [
        (module, _attributes(module))
        for module in model.modules()
        if not isinstance(module, torch.jit.ScriptModule)  # its attributes are not Python's
    ]
    parameters = [
        (parameter, parameter.requires_grad, parameter.grad) for parameter in model.parameters()
    ]
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    devices = {
        tensor.device.index for tensor in (*model.parameters(), *model.buffers()) if tensor.is_cuda
    }
    with torch.random.fork_rng(devices=sorted(devices)):
        try:
            yield
        finally:
            for module, attributes in modules:
                _restore(module, attributes)
            for parameter, requires_grad, grad in parameters:
                parameter.requires_grad_(requires_grad)
                parameter.grad = grad
            for buffer, values in buffers:
                _refill(buffer, values)


def _attributes(module: nn.Module) -> dict[str, tuple[Any, dict[Any, Any] | None]]:
    """A module's attributes; of those that are dictionaries, such as its hooks, the items too."""
    return {
        name: (value, dict(value) if isinstance(value, dict) else None)
        for name, value in vars(module).items()
    }


def _restore(module: nn.Module, attributes: dict[str, tuple[Any, dict[Any, Any] | None]]) -> None:
    now: MutableMapping[str, Any] = vars(module)
    for name in [name for name in now if name not in attributes]:
        del now[name]
    for name, (value, items) in attributes.items():
        now[name] = value
        if items is not None and not _same(value, items):
            value.clear()
            value.update(items)


def _same(left: dict[Any, Any], right: dict[Any, Any]) -> bool:
    """Whether two dictionaries hold the same objects in the same order."""
    return len(left) == len(right) and all(
        a is b and left[a] is right[b] for a, b in zip(left, right, strict=True)
    )


def _refill(buffer: Tensor, values: Tensor) -> None:
    """Give a buffer its values again; one that nothing wrote to is not touched."""
    if buffer.is_meta:
        return
    with torch.inference_mode(buffer.is_inference()), torch.no_grad():
        if not _equal(buffer, values):
            buffer.copy_(values)


def _equal(buffer: Tensor, values: Tensor) -> bool:
    # NaN is like NaN here.
    return torch.equal(buffer, values) or (
        buffer.shape == values.shape and bool(((buffer == values) | (buffer != buffer)).all())
    )
