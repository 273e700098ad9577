"""The parameters that a node reads, and pictures of them.

Every parameter with more than one axis is seen as (outputs, inputs, height, width): for each output
channel, a small picture for each input channel that it reads.

* Convolutions: the kernels. Those over one axis are one row; of those over three, the slices along
  the first stand one below the other. With groups, the inputs are those of a channel's own group.
* Transposed convolutions: the same, with the axes of their weight (inputs, outputs / groups, ...)
  exchanged.
* Linear layers that read a flattened map (C, H, W): every row laid out as that map, so that it is
  (outputs, C, H, W): the template that each output compares the map with.
* Other linear layers, and convolutions with kernels of one cell: one row of numbers for each
  output, (outputs, 1, 1, inputs), which together are the matrix.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from server.engine.node import Node
from server.engine.recorder import INPUT, is_layer
from server.engine.trace import Trace, trace_model

Form = Literal["kernels", "templates", "matrix", "vector"]

_PASSING = frozenset(
    {"Dropout", "dropout", "Identity", "contiguous", "detach", "clone", "to", "float", "ReLU"}
    | {"relu", "Tanh", "tanh", "Sigmoid", "sigmoid", "BatchNorm1d"}
)
"""Kinds of nodes that leave a flattened map in its order."""
_FLATTENING = frozenset({"Flatten", "flatten", "view", "reshape"})
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_CONVOLVING = frozenset({"conv1d", "conv2d", "conv3d"})
_TRANSPOSING = frozenset({"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"})


_MAPS = frozenset({2, 3, 4})
"""How many axes an output has whose maps are its channels: of more, further axes are joined."""


@dataclass(frozen=True, eq=False)
class Parameter:
    """A parameter or a buffer that a node reads."""

    name: str
    """Its first name in the model, such as ``stage1.convolution2.weight``."""
    tensor: Tensor = field(repr=False)
    learnable: bool
    """Whether it is a parameter, and not a buffer."""
    names: tuple[str, ...]
    """Every name that the model has for it: several where modules share it."""
    layers: tuple[str, ...]
    """Names of all nodes that read it, in the order in which they run."""


@dataclass(frozen=True)
class Pictured:
    """How a parameter is seen as (outputs, inputs, height, width)."""

    form: Form
    outputs: int
    inputs: int
    height: int
    width: int
    by_channel: bool
    """Whether the outputs are the channels of the node's output."""
    groups: int = 1
    transposed: bool = False
    """Whether the parameter itself has its input channels first."""


class ParameterIndex:
    """Which nodes of a model read which parameters.

    Args:
        model: whose graph it is.
        graph: of a run for one item. Functions that read parameters are run once more to see which.
    """

    def __init__(self, model: nn.Module, graph: Trace) -> None:
        self._graph = graph
        self._model = model
        self._names: dict[int, list[str]] = {}
        self._tensors: dict[str, Tensor] = {}
        self._learnable = {id(tensor) for tensor in model.parameters()}
        for name, tensor in (
            *model.named_parameters(remove_duplicate=False),
            *model.named_buffers(remove_duplicate=False),
        ):
            self._names.setdefault(id(tensor), []).append(name)
            self._tensors[name] = tensor
        self._read = {node.name: self._of_module(node) for node in graph.nodes}
        if any(node.parameters and not self._read[node.name] for node in graph.nodes):
            self._read |= self._of_functions()
        self._readers: dict[int, list[str]] = {}
        for node in graph.nodes:
            for tensor in self._read[node.name]:
                self._readers.setdefault(id(tensor), []).append(node.name)

    def of(self, node: str) -> list[Parameter]:
        """The parameters and buffers of a node, in the order of its module or its arguments.

        Raises:
            KeyError: no such node.
        """
        return [
            Parameter(
                name=self._names[id(tensor)][0],
                tensor=tensor,
                learnable=id(tensor) in self._learnable,
                names=tuple(self._names[id(tensor)]),
                layers=tuple(self._readers[id(tensor)]),
            )
            for tensor in self._read[node]
        ]

    def module(self, node: Node) -> nn.Module | None:
        """The leaf module whose call a node is; None for functions."""
        if node.name not in {node.module_path, f"{node.module_path}@{node.call}"}:
            return None
        try:
            module = self._model.get_submodule(node.module_path)
        except AttributeError:
            return None
        return module if is_layer(module) else None

    def pictured(self, node: Node, parameter: Parameter) -> Pictured:
        """How a parameter of a node is seen."""
        return _pictured(self._graph, node, self.module(node), parameter)

    def _of_module(self, node: Node) -> list[Tensor]:
        module = self.module(node)
        if module is None:
            return []
        return [*_once((*module.parameters(), *module.buffers()))]

    def _of_functions(self) -> dict[str, list[Tensor]]:
        """By the arguments of a real run, for which the inputs' values do not matter."""
        shapes = tuple(tuple(view.shape) for view in self._graph.input_views)
        trace = trace_model(self._model, shapes if len(shapes) > 1 else shapes[0], keep=True)
        return {
            node.name: [
                *_once(
                    self._tensors[operand.parameter]
                    for operand in node.given.operands()
                    if operand.parameter is not None
                )
            ]
            for node in trace.nodes
            if node.given is not None and node.given.function is not None
            if node.name in self._read
        }


def kernels(values: NDArray[np.floating], seen: Pictured) -> NDArray[np.floating]:
    """A parameter's values as (outputs, inputs, height, width), which may be a view of them."""
    shape = seen.outputs, seen.inputs, seen.height, seen.width
    if seen.transposed:
        # (groups * inputs, outputs / groups, ...)
        each = seen.outputs // seen.groups
        return (
            values.reshape(seen.groups, -1, each, *values.shape[2:]).swapaxes(1, 2).reshape(shape)
        )
    return values.reshape(shape)


def reduced(pictures: NDArray[np.floating], inputs: int | str) -> NDArray[np.float32]:
    """One picture for each output (P, height, width), of those for each input.

    Args:
        pictures: (P, inputs, height, width).
        inputs: which input channel; ``"mean"``, the mean over them; or ``"norm"``, the square root
            of the sum of squares over them, which has no sign.
    """
    if inputs == "mean":
        chosen = pictures.mean(axis=1, dtype=np.float64)
    elif inputs == "norm":
        chosen = np.sqrt(np.square(pictures, dtype=np.float64).sum(axis=1))
    else:
        chosen = pictures[:, int(inputs)]
    return np.ascontiguousarray(chosen, dtype=np.float32)


def _pictured(graph: Trace, node: Node, module: nn.Module | None, parameter: Parameter) -> Pictured:
    shape = tuple(parameter.tensor.shape)
    channels = node.shape[1] if len(node.shape) in _MAPS else -1
    if len(shape) > 2 and (isinstance(module, _TRANSPOSED) or node.kind in _TRANSPOSING):
        return _transposed(node, shape, channels)
    if len(shape) > 2 and (isinstance(module, _CONVOLUTIONS) or node.kind in _CONVOLVING):
        groups = getattr(module, "groups", 1)
        return _windows(shape[0], shape, channels, groups)
    if sum(size > 1 for size in shape) < 2:
        return Pictured(
            "vector", math.prod(shape), 1, 1, 1, by_channel=math.prod(shape) == channels
        )
    if len(shape) == 2:
        linear = isinstance(module, nn.Linear) or node.kind == "linear"
        by_channel = linear and len(node.shape) == 2 and shape[0] == channels
        area = _flattened(graph, node) if linear else None
        if area and math.prod(area) == shape[1] and area[1] * area[2] > 1:
            return Pictured("templates", shape[0], *area, by_channel)
        return Pictured("matrix", shape[0], 1, 1, shape[1], by_channel)
    if len(shape) == 3:
        return Pictured("kernels", shape[0], 1, shape[1], shape[2], by_channel=False)
    return _windows(shape[0], shape, -1, 1)


def _transposed(node: Node, shape: tuple[int, ...], channels: int) -> Pictured:
    outputs = node.shape[1] if len(node.shape) == len(shape) else node.shape[0]
    return _windows(outputs, shape, channels, outputs // shape[1], transposed=True)


def _windows(
    outputs: int, shape: tuple[int, ...], channels: int, groups: int, transposed: bool = False
) -> Pictured:
    window = shape[2:]
    inputs = shape[0] // groups if transposed else shape[1]
    by_channel = outputs == channels
    if math.prod(window) == 1:
        return Pictured("matrix", outputs, 1, 1, inputs, by_channel, groups, transposed)
    size = math.prod(window[:-1]), window[-1]
    return Pictured("kernels", outputs, inputs, *size, by_channel, groups, transposed)


def _flattened(graph: Trace, node: Node) -> tuple[int, int, int] | None:
    """The map (C, H, W) that a node reads flattened, as (N, C * H * W); None if it reads none."""
    name = node.inputs[0] if node.inputs else INPUT
    while name in graph:
        maker = graph[name]
        source = maker.inputs[0] if maker.inputs else None
        if source is None or len(maker.shape) != 2:
            return None
        if maker.kind in _FLATTENING:
            before = _shape(graph, source)
            if before is None or len(before) < 3 or before[0] != maker.shape[0]:
                return None
            if len(before) == 3:  # (N, C, L)
                return before[1], 1, before[2]
            return math.prod(before[1:-2]), before[-2], before[-1]
        if maker.kind not in _PASSING:
            return None
        name = source
    return None


def _shape(graph: Trace, name: str) -> tuple[int, ...] | None:
    if name in graph:
        return graph[name].shape
    shapes: Mapping[str, tuple[int, ...]] = {
        given: tuple(view.shape)
        for given, view in zip(graph.inputs, graph.input_views, strict=True)
    }
    return shapes.get(name)


def _once(tensors: Iterator[Tensor] | tuple[Tensor, ...]) -> Iterator[Tensor]:
    """Each tensor object once, in order."""
    seen: set[int] = set()
    for tensor in tensors:
        if id(tensor) not in seen:
            seen.add(id(tensor))
            yield tensor
