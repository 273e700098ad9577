"""A call of a layer or a function, with its arguments by the names in PyTorch's documentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from server.engine.arithmetic.layers import layer_of
from server.engine.arithmetic.parts import Index, NotBrokenDown, Read, Sort
from server.engine.arithmetic.signatures import bound, canonical
from server.engine.given import Given, Operand
from server.engine.node import Node


@dataclass(frozen=True)
class Files:
    """Where a snippet finds tensors that are too large to be written out: NumPy's ``.npz`` files
    that a server has. None: it has none."""

    server: str = ""
    """Its address, such as ``http://127.0.0.1:8000``; the others are paths there."""
    activations: str | None = None
    """Of a node's output, under ``activation``; with ``{name}`` of the node in it."""
    parameters: str | None = None
    """Of the parameters that a node reads, under their names; with ``{name}`` of the node in it."""
    parameter: Callable[[str], str | None] = str
    """The name in that file of a parameter; None: it is not there."""
    inputs: str | None = None
    """Of the model's inputs, under their names."""
    given: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    """The values in that file, by name."""


@dataclass(frozen=True)
class Call:
    """What made one value: the function, its arguments, and which value is meant."""

    node: Node
    index: Index
    """The place of the value in the output."""
    shape: tuple[int, ...]
    """Of the output."""
    network_value: float
    function: str
    """Name of the function, without the differences between its forms: ``conv2d``, ``add``."""
    arguments: dict[str, Any]
    """By name; tensors are operands. Empty when the function is not known."""
    given: Given
    module: nn.Module | None
    """The layer, if it is one."""
    dtype: torch.dtype
    """Of the output."""
    limit: int | None
    sort: Sort
    files: Files

    def __getitem__(self, name: str) -> Any:
        """An argument; raises KeyError."""
        return self.arguments[name]

    def operand(self, name: str) -> Operand:
        """An argument that must be a tensor; raises NotBrokenDown."""
        value = self.arguments.get(name)
        if not isinstance(value, Operand):
            raise NotBrokenDown(f"{name} is no tensor")
        return value

    def tensor(self, name: str) -> Tensor:
        """A tensor as float64 on the CPU; raises NotBrokenDown."""
        return as_double(self.operand(name))

    def optional(self, name: str) -> Tensor | None:
        """A tensor as float64 on the CPU, or None when it was not given."""
        return self.tensor(name) if self.arguments.get(name) is not None else None

    def read(self, name: str, cells: Sequence[Sequence[int]]) -> tuple[Read, ...]:
        """What is read of an argument; nothing, if no layer made it."""
        value = self.arguments.get(name)
        return self.read_of(value, cells) if isinstance(value, Operand) else ()

    def read_of(self, operand: Operand, cells: Sequence[Sequence[int]]) -> tuple[Read, ...]:
        """What is read of an operand; nothing, if it is a constant, or no cell is read."""
        if operand.input is None or not all(map(len, cells)):
            return ()
        name = self.node.inputs[operand.input]
        return (Read(name, operand.input, tuple(tuple(axis) for axis in cells)),)

    def listed(self, usual: int) -> int:
        """How many terms to list: as many as were asked for, else ``usual``."""
        return usual if self.limit is None else self.limit


def value_at(operand: Operand, index: Index) -> float:
    """One value of an operand; raises NotBrokenDown for complex and sparse ones."""
    _check(operand.tensor)
    return float(operand.tensor[index].detach().to("cpu", torch.float64))


def as_double(operand: Operand) -> Tensor:
    """An operand in float64 on the CPU; raises NotBrokenDown for complex and sparse ones."""
    _check(operand.tensor)
    return operand.tensor.detach().to("cpu", torch.float64)


def _check(tensor: Tensor) -> None:
    if tensor.is_complex() or tensor.layout is not torch.strided or tensor.is_quantized:
        raise NotBrokenDown("its tensors are complex, sparse or quantised")


def call_of(
    node: Node,
    module: nn.Module | None,
    item: int,
    index: Index,
    limit: int | None,
    sort: Sort,
    files: Files,
) -> Call:
    """A node's call, its arguments named where the function is known.

    Raises:
        LookupError: the node's arguments were not kept.
    """
    given = node.given
    if given is None:
        raise LookupError(f"What {node.name} was called with was not kept.")
    output = node.outputs[item]
    function, arguments = (
        _of_layer(node, module, given)
        if given.function is None
        else (canonical(given.function), _of_function(given.function, given))
    )
    return Call(
        node=node,
        index=index,
        shape=tuple(output.shape),
        network_value=float(output[index].float() if output.dtype == torch.bool else output[index]),
        function=function if item == 0 else "",
        arguments=arguments,
        given=given,
        module=module if given.function is None else None,
        dtype=output.dtype,
        limit=limit,
        sort=sort,
        files=files,
    )


def _of_layer(node: Node, module: nn.Module | None, given: Given) -> tuple[str, dict[str, Any]]:
    layer = layer_of(module) if module is not None else None
    if module is None or layer is None:
        return "", {}
    arguments: dict[str, Any] = dict(zip(layer.inputs, given.args, strict=False))
    arguments |= {name: value for name, value in given.kwargs.items() if name in layer.inputs}
    for name in layer.tensors:
        tensor = getattr(module, name)
        path = f"{node.module_path}.{name}" if node.module_path else name
        arguments[name] = tensor if tensor is None else Operand(tensor.detach(), None, None, path)
    for name in layer.settings:
        arguments[name] = getattr(module, name)
    return layer.function, layer.finished(module, arguments)


def _of_function(function: Callable[..., Any], given: Given) -> dict[str, Any]:
    try:
        return bound(function, given.args, given.kwargs)
    except TypeError:
        return {}
