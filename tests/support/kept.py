"""What the graph of a real forward pass holds, read from its functions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn


def tensors_of(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors_of(item)


def kept_by_graph(model: nn.Module, x: Tensor) -> int:
    """Bytes of the memory that the graph of a forward holds, without parameters and buffers."""
    output = model(x)
    constants = {
        tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())
    }
    found: dict[int, int] = {}
    seen: set[Any] = {None}
    open_: list[Any] = [tensor.grad_fn for tensor in tensors_of(output)]
    while open_:
        function = open_.pop()
        if function in seen:
            continue
        seen.add(function)
        open_ += [following for following, _ in function.next_functions]
        for name in dir(function):
            if name.startswith("_saved_"):
                for tensor in tensors_of(getattr(function, name)):
                    if tensor.ndim == 0 and tensor.itemsize == 8:
                        continue  # a Python number: the networks here are in single precision
                    storage = tensor.untyped_storage()
                    found[storage.data_ptr()] = storage.nbytes()
    return sum(size for address, size in found.items() if address not in constants)
