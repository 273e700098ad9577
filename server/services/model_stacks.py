"""The stack in a network: the layers of its longest path, as far as they are one behind another.

Each is checked: the arithmetic gives the shape that the network gave. What a stack cannot hold,
such as branches and operations that are no layers, is left out, and said to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.engine.shapes import LAYERS, Refusal, output_shape
from server.schemas.nodes import NodeSummary
from server.services.shapes import LONGEST_STACK

SHOWN_NAMES = 4
"""Names that a sentence lists."""

FUNCTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "relu": ("ReLU", ()),
    "relu6": ("ReLU6", ()),
    "leaky_relu": ("LeakyReLU", ("negative_slope",)),
    "elu": ("ELU", ("alpha",)),
    "gelu": ("GELU", ()),
    "silu": ("SiLU", ()),
    "hardswish": ("Hardswish", ()),
    "hardsigmoid": ("Hardsigmoid", ()),
    "mish": ("Mish", ()),
    "sigmoid": ("Sigmoid", ()),
    "tanh": ("Tanh", ()),
    "softplus": ("Softplus", ("beta", "threshold")),
    "softmax": ("Softmax", ("dim",)),
    "log_softmax": ("LogSoftmax", ("dim",)),
    "dropout": ("Dropout", ("p",)),
    "flatten": ("Flatten", ("start_dim", "end_dim")),
    "max_pool1d": ("MaxPool1d", ("kernel_size", "stride", "padding", "dilation", "ceil_mode")),
    "max_pool2d": ("MaxPool2d", ("kernel_size", "stride", "padding", "dilation", "ceil_mode")),
    "max_pool3d": ("MaxPool3d", ("kernel_size", "stride", "padding", "dilation", "ceil_mode")),
    "avg_pool1d": ("AvgPool1d", ("kernel_size", "stride", "padding", "ceil_mode")),
    "avg_pool2d": ("AvgPool2d", ("kernel_size", "stride", "padding", "ceil_mode")),
    "avg_pool3d": ("AvgPool3d", ("kernel_size", "stride", "padding", "ceil_mode")),
    "adaptive_avg_pool1d": ("AdaptiveAvgPool1d", ("output_size",)),
    "adaptive_avg_pool2d": ("AdaptiveAvgPool2d", ("output_size",)),
    "adaptive_max_pool2d": ("AdaptiveMaxPool2d", ("output_size",)),
    "interpolate": ("Upsample", ("size", "scale_factor", "mode", "align_corners")),
    "pixel_shuffle": ("PixelShuffle", ("upscale_factor",)),
    "pixel_unshuffle": ("PixelUnshuffle", ("downscale_factor",)),
}
"""Functions with a layer that does the same, and the names of their arguments by position."""

Shape = tuple[int, ...]
Layer = tuple[str, dict[str, Any]]


@dataclass
class ModelStack:
    """The layers that were found in a network."""

    input_shape: Shape
    layers: list[Layer] = field(default_factory=list)
    nodes: list[str] = field(default_factory=list)
    """The node that each layer is."""
    left_out: list[str] = field(default_factory=list)
    """Sentences on what is not in the stack."""


@dataclass
class _Walk:
    """Along the path, as far as it can be followed."""

    shape: Shape
    found: ModelStack
    skipped: list[str] = field(default_factory=list)


def stack_of(nodes: Sequence[NodeSummary], input_shape: Sequence[int]) -> ModelStack:
    """The stack in a graph.

    Args:
        nodes: of a run for an input of that shape, in the order in which they ran.
        input_shape: with its batch.
    """
    by_name = {node.name: node for node in nodes}
    path = _longest_path(nodes, by_name)
    walk = _Walk(tuple(input_shape), ModelStack(tuple(input_shape)))
    stopped: NodeSummary | None = None
    for node in path:
        if not _followed(walk, node):
            stopped = node
            break
    found = walk.found
    if stopped is not None:
        _cut_to_the_split(found, stopped, by_name)
    _say_what_is_left_out(found, walk.skipped, path, nodes, stopped)
    return found


def _longest_path(
    nodes: Sequence[NodeSummary], by_name: Mapping[str, NodeSummary]
) -> list[NodeSummary]:
    """From the input to the last node, through as many nodes as possible."""
    depth: dict[str, int] = {}
    for node in nodes:
        depth[node.name] = 1 + max((depth.get(name, 0) for name in node.inputs), default=0)
    path = []
    current = nodes[-1] if nodes else None
    while current is not None:
        path.append(current)
        before = max(current.inputs, key=lambda name: depth.get(name, 0), default="")
        current = by_name.get(before)
    return path[::-1]


def _followed(walk: _Walk, node: NodeSummary) -> bool:
    """Add the layer that a node is; False where the stack cannot go on."""
    found = walk.found
    for layers in _candidates(node, walk.shape):
        shape = _applied(layers, walk.shape, node)
        if shape is not None and len(found.layers) + len(layers) <= LONGEST_STACK:
            found.layers += layers
            found.nodes += [node.name] * len(layers)
            walk.shape = shape
            return True
    if tuple(node.shape) != walk.shape:
        return False
    walk.skipped.append(node.name)
    return True


def _candidates(node: NodeSummary, shape: Shape) -> Iterable[list[Layer]]:
    """What layers may do the same as the node, likeliest first."""
    given = dict(node.attributes)
    arguments = given.pop("arguments", [])
    if node.kind in LAYERS:
        yield [_with_known(node.kind, given)]
    if node.kind in FUNCTIONS:
        kind, order = FUNCTIONS[node.kind]
        values = {**dict(zip(order, arguments, strict=False)), **given}
        yield [_with_known(kind, values)]
    if node.kind in ("view", "reshape") and len(shape) > 2:
        yield [("Flatten", {})]
    if node.kind == "mean" and len(shape) == 4 and len(node.shape) == 2:
        yield [("AdaptiveAvgPool2d", {"output_size": 1}), ("Flatten", {})]


def _with_known(kind: str, values: Mapping[str, Any]) -> Layer:
    """A layer with those values that are its parameters and not the defaults."""
    return kind, {
        parameter.name: _plain(values[parameter.name])
        for parameter in LAYERS[kind].parameters
        if parameter.name in values and _plain(values[parameter.name]) != parameter.default
    }


def _plain(value: Any) -> Any:
    """One number for a list of nothing but it."""
    if isinstance(value, list | tuple) and len(value) > 1 and len(set(map(str, value))) == 1:
        return value[0]
    return list(value) if isinstance(value, tuple) else value


def _applied(layers: Sequence[Layer], shape: Shape, node: NodeSummary) -> Shape | None:
    """The shape after layers, if it is that of the node, as are the parameters; else None."""
    parameters = 0
    for kind, values in layers:
        try:
            result = output_shape(kind, values, shape)
        except Refusal:
            return None
        shape, parameters = result.output_shape, parameters + result.parameters
    if shape != tuple(node.shape) or parameters != node.parameters:
        return None
    return shape


def _cut_to_the_split(
    found: ModelStack, stopped: NodeSummary, by_name: Mapping[str, NodeSummary]
) -> None:
    """Keep no part of one branch alone where branches meet in what the stack cannot hold."""
    if len(set(stopped.inputs)) < 2:
        return
    shared = set.intersection(*(_with_ancestors(name, by_name) for name in set(stopped.inputs)))
    while found.nodes and found.nodes[-1] not in shared:
        found.nodes.pop()
        found.layers.pop()


def _with_ancestors(name: str, by_name: Mapping[str, NodeSummary]) -> set[str]:
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            waiting += by_name[current].inputs if current in by_name else ()
    return seen


def _say_what_is_left_out(
    found: ModelStack,
    skipped: Sequence[str],
    path: Sequence[NodeSummary],
    nodes: Sequence[NodeSummary],
    stopped: NodeSummary | None,
) -> None:
    kept = set(found.nodes)
    on_path = [node.name for node in path]
    end = on_path.index(found.nodes[-1]) if found.nodes else -1
    inner = [name for name in skipped if on_path.index(name) <= end or stopped is None]
    if inner:
        lost = sum(node.parameters for node in path if node.name in inner)
        found.left_out.append(
            f"{_listed(inner)} {_are(inner)} left out: no layer does the same. The shape stays"
            + (f", but {lost} parameters are not counted." if lost else ".")
        )
    if stopped is not None:
        rest = len(path) - end - 1
        why = (
            f"joins {len(set(stopped.inputs))} branches"
            if len(set(stopped.inputs)) > 1
            else "is no layer that a stack can hold"
        )
        found.left_out.append(
            f"The stack ends after {found.nodes[-1] if found.nodes else 'the input'}: "
            f"{stopped.name} ({stopped.kind}) {why}. Left out behind it: {_counted(rest)}."
        )
    order = [node.name for node in nodes]
    until = order.index(found.nodes[-1]) if found.nodes else 0
    branches = [name for name in order[:until] if name not in {*on_path, *kept}]
    if branches:
        found.left_out.append(
            f"A stack has one path, and the longest is taken; left out beside it: "
            f"{_listed(branches)}."
        )
    again = [name for name in found.nodes if "@" in name and _weighted(name, path)]
    if again:
        found.left_out.append(
            f"{_listed(again)} {_runs(again)} again with the same weights; the stack counts them "
            "each time."
        )


def _weighted(name: str, path: Sequence[NodeSummary]) -> bool:
    return any(node.name == name and node.parameters for node in path)


def _counted(number: int) -> str:
    return f"{number} operation{'' if number == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    shown = list(names[:SHOWN_NAMES])
    if len(names) > SHOWN_NAMES:
        return f"{', '.join(shown)} and {len(names) - SHOWN_NAMES} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _verb(one: str, many: str) -> Callable[[Sequence[str]], str]:
    return lambda names: one if len(names) == 1 else many


_are = _verb("is", "are")
_runs = _verb("runs", "run")
