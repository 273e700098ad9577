"""The smallest changes that make a refused layer fit its input, each tried before it is told.

A number is moved as little as needed: away from its value one by one, then in doubling steps that
are halved again. A list has only those axes changed that need it. What must equal the input, such
as ``in_features``, is set to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.engine.shapes.layer import Layer
from server.engine.shapes.layers import LAYERS, output_shape
from server.engine.shapes.parameters import LARGEST, REQUIRED, Kind, Parameter, closest
from server.engine.shapes.refusal import INPUT, Refusal
from server.engine.shapes.result import Shape

MOST = 8
"""Repairs that are told of one layer."""

STEPS = 24
"""Numbers that are tried one by one on either side before the steps double."""

USUAL = (1, 2, 3)
"""What is offered for a number that has to be there and is not."""

MATCHING = (
    "in_channels",
    "in_features",
    "num_features",
    "num_channels",
    "num_parameters",
    "normalized_shape",
)
"""Parameters that say again what the input has."""

NUMBERS = frozenset(
    {
        Kind.INTEGER,
        Kind.OPTIONAL_INTEGER,
        Kind.SIZES,
        Kind.OPTIONAL_SIZES,
        Kind.PADDING,
        Kind.SIZES_OR_NULLS,
    }
)

Trial = Callable[[Mapping[str, Any]], bool]
Sizes = tuple[int, ...]


@dataclass(frozen=True)
class Repair:
    """One change after which PyTorch takes the layer."""

    changes: Mapping[str, Any]
    """New values of parameters; ``type`` for another kind of layer."""
    detail: str
    """The change in words."""
    output_shape: Shape
    """What the layer then gives."""
    insert: Mapping[str, Any] | None = None
    """A layer to put before it, with its ``type``."""
    layer: int | None = None
    """In a stack, the index of the layer to change."""
    cost: float = field(default=0, compare=False)
    """How much is changed: the sum of differences."""


def repairs(
    layer_type: str,
    parameters: Mapping[str, Any],
    input_shape: Sequence[int],
    *,
    training: bool = False,
) -> tuple[Repair, ...]:
    """The smallest changes that make the layer fit, smallest first; none when it fits already.

    Args:
        layer_type, parameters, input_shape, training: as ``output_shape`` takes them.
    """
    try:
        output_shape(layer_type, parameters, input_shape, training=training)
    except Refusal as refusal:
        found = list(_candidates(layer_type, parameters, tuple(input_shape), training, refusal))
    else:
        return ()
    tried: dict[str, Repair] = {}
    for repair in sorted(found, key=lambda repair: repair.cost):
        tried.setdefault(f"{repair.changes} {repair.insert}", repair)
    return tuple(tried.values())[:MOST]


def _candidates(
    layer_type: str,
    parameters: Mapping[str, Any],
    shape: Shape,
    training: bool,
    refusal: Refusal,
) -> Iterator[Repair]:
    def attempt(
        changes: Mapping[str, Any], cost: float, insert: Mapping[str, Any] | None = None
    ) -> Iterator[Repair]:
        values = {**parameters, **changes}
        kind = values.pop("type", layer_type)
        given = shape
        try:
            if insert is not None:
                before = {name: value for name, value in insert.items() if name != "type"}
                given = output_shape(insert["type"], before, shape).output_shape
            made = output_shape(kind, values, given, training=training).output_shape
        except Refusal:
            return
        if 0 in made and 0 not in shape:
            return
        yield Repair(changes, _words(changes, insert), made, insert, cost=cost)

    if layer_type not in LAYERS:
        name = closest(layer_type, list(LAYERS))
        if name:
            yield from attempt({"type": name}, 1)
        return
    layer = LAYERS[layer_type]
    yield from _known(layer, parameters, shape, training)
    yield from _other_axes(layer, shape, refusal, attempt)
    yield from _flattened(layer, parameters, shape, attempt)

    def passes(changes: Mapping[str, Any]) -> bool:
        return next(attempt(changes, 0), None) is not None

    for parameter in layer.parameters:
        # Of two equally small changes, the one of what was refused comes first.
        extra = 0.0 if parameter.name == refusal.parameter else 0.5
        for value, cost in _values(layer, parameter, parameters, shape, refusal, passes):
            yield from attempt({parameter.name: value}, cost + extra)


def _known(
    layer: Layer, parameters: Mapping[str, Any], shape: Shape, training: bool
) -> Iterator[Repair]:
    """Without what the class does not take, or with the likeliest name in its place."""
    names = [parameter.name for parameter in layer.parameters]
    unknown = [name for name in parameters if name not in names]
    if len(unknown) != 1:
        return
    (wrong,) = unknown
    rest = {name: value for name, value in parameters.items() if name != wrong}
    likeliest = closest(wrong, [name for name in names if name not in rest])
    renamed = {} if likeliest is None else {likeliest: parameters[wrong]}
    for own, cost in ((renamed, 0.5), ({}, 1.0)) if renamed else (({}, 1.0),):
        try:
            made = output_shape(layer.type, {**rest, **own}, shape, training=training).output_shape
        except Refusal:
            continue
        changes = {wrong: None, **own}
        yield Repair(changes, _words(changes, None), made, cost=cost)


Attempt = Callable[..., Iterator[Repair]]


def _other_axes(layer: Layer, shape: Shape, refusal: Refusal, attempt: Attempt) -> Iterator[Repair]:
    """The same layer for as many axes as the input has."""
    stem = layer.type[:-2]
    for axes in (1, 2, 3):
        other = f"{stem}{axes}d"
        if layer.type[-1] == "d" and other != layer.type and other in LAYERS:
            yield from attempt({"type": other}, 3)
    if layer.type in ("BatchNorm2d", "BatchNorm3d") and len(shape) == 2:
        yield from attempt({"type": "BatchNorm1d"}, 2)
    if shape and refusal.parameter == INPUT:
        batch = {"type": "Unflatten", "dim": 0, "unflattened_size": [1, -1]}
        yield from attempt({}, 2.5, batch)


def _flattened(
    layer: Layer, parameters: Mapping[str, Any], shape: Shape, attempt: Attempt
) -> Iterator[Repair]:
    """A Flatten before a layer that takes features."""
    if layer.type not in ("Linear", "BatchNorm1d") or len(shape) < 3:
        return
    flatten = {"type": "Flatten"}
    yield from attempt({}, 0.5, flatten)
    name = "in_features" if layer.type == "Linear" else "num_features"
    features = math.prod(shape[1:])
    if parameters.get(name) != features:
        yield from attempt({name: features}, 2.5, flatten)


def _values(
    layer: Layer,
    parameter: Parameter,
    given: Mapping[str, Any],
    shape: Shape,
    refusal: Refusal,
    passes: Trial,
) -> Iterator[tuple[Any, float]]:
    """New values of one parameter that may do, and how large each change is."""
    name = parameter.name
    value = given.get(name, None if parameter.default is REQUIRED else parameter.default)
    if name in MATCHING:
        yield from ((new, 1.0) for new in _matching(layer, name, value, shape))
        return
    if isinstance(value, float) and parameter.kind in NUMBERS:
        yield from ((new, abs(new - value)) for new in {math.floor(value), math.ceil(value)})
        return
    if name == refusal.parameter and parameter.choices:
        wanted = closest(str(value), list(parameter.choices))
        yield from ((choice, 1.0 if choice == wanted else 2.0) for choice in parameter.choices)
    if name == refusal.parameter and parameter.kind is Kind.NUMBER:
        yield from ((new, 1.0) for new in (0.5, 1.0, parameter.default) if new is not REQUIRED)
    if value is not None and parameter.default is None:
        yield None, 2.0
    if name == "unflattened_size":
        yield from _unflattened(value)
    if parameter.kind not in NUMBERS:
        return
    if value == "same":
        yield "valid", 2.0
        yield 0, 2.5
        return
    if value is None and name == refusal.parameter:
        if parameter.default is REQUIRED:
            yield from ((usual, float(usual)) for usual in USUAL)
            return
        value = 1
    yield from _numbers(layer, parameter, value, passes)


def _numbers(
    layer: Layer, parameter: Parameter, value: Any, passes: Trial
) -> Iterator[tuple[Any, float]]:
    """The nearest numbers on either side, for all axes or those that need it."""
    name = parameter.name
    if isinstance(value, bool) or not isinstance(value, int | list | tuple):
        return
    whole = [value] if isinstance(value, int) else list(value)
    if not all(isinstance(item, int) and not isinstance(item, bool) for item in whole):
        return
    several = layer.axes if parameter.kind is not Kind.INTEGER else 1
    several = 2 * several if name == "padding" and "Pad" in layer.type else several
    if isinstance(value, int) or not whole or len(whole) != several:
        if whole and not isinstance(value, int):
            yield whole[0], 1.0
            yield whole[:several], 1.0
        whole = (whole or [1])[:1] * max(several, 1)
    axes: Sizes = tuple(whole)
    for sign in (-1, 1):
        found = _nearest(name, axes, sign, passes)
        if found is not None:
            cost = sum(abs(new - old) for new, old in zip(found, axes, strict=True))
            same = len(set(found)) == 1 and isinstance(value, int)
            yield (found[0] if same else list(found)), cost / (len(axes) if same else 1)


def _nearest(name: str, axes: Sizes, sign: int, passes: Trial) -> Sizes | None:
    """The numbers nearest on one side that pass, those axes as they were that need no change."""

    def limited(limit: int) -> Sizes:
        return tuple(min(axis, limit) if sign < 0 else max(axis, limit) for axis in axes)

    def accepted(numbers: Sizes) -> bool:
        return passes({name: numbers[0] if len(set(numbers)) == 1 else list(numbers)})

    start = max(axes) if sign < 0 else min(axes)
    good = bad = 0
    for distance in _distances(start, sign):
        found = limited(start + sign * distance)
        if found != axes and accepted(found):
            good = distance
            break
        bad = distance
    if not good:
        return None
    while good - bad > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if accepted(limited(start + sign * middle)) else (good, middle)
    return _restored(limited(start + sign * good), axes, accepted)


def _restored(found: Sizes, axes: Sizes, accepted: Callable[[Sizes], bool]) -> Sizes:
    """As many axes as can be, as they were."""
    for index, axis in enumerate(axes):
        tried = (*found[:index], axis, *found[index + 1 :])
        if tried not in (found, axes) and accepted(tried):
            found = tried
    return found


def _distances(start: int, sign: int) -> Iterator[int]:
    """How far to go, ever coarser; downwards not beyond 0 for a number above it."""
    end = LARGEST - start if sign > 0 else start if start > 0 else STEPS
    distance = 0
    while distance < end:
        distance = min(distance + 1 if distance < STEPS else 2 * distance, end)
        if sign < 0 and start > 1 and distance == end:
            yield end - 1  # 1, the smallest kernel, stride and dilation
        yield distance


def _matching(layer: Layer, name: str, value: Any, shape: Shape) -> list[Any]:
    if not shape:
        return []
    if name == "in_features":
        return [shape[-1]]
    if name == "normalized_shape":
        several = isinstance(value, list | tuple)
        count = len(value or [0]) if several else 1
        own = list(shape[-count:])
        return [own if several or value is None else own[0]] if count <= len(shape) else []
    if name in ("in_channels", "num_features") and layer.axes:
        index = len(shape) - layer.axes - 1
        if layer.type == "BatchNorm1d":
            index = 1
        return [shape[index]] if 0 <= index < len(shape) else []
    return [shape[1]] if len(shape) > 1 else []


def _unflattened(sizes: Any) -> Iterator[tuple[Any, float]]:
    """One size left to PyTorch to compute."""
    if not isinstance(sizes, list | tuple) or len(sizes) > STEPS:
        return
    for index, size in enumerate(sizes):
        if size != -1:
            yield (
                [*(1 if item == -1 else item for item in sizes[:index]), -1, *sizes[index + 1 :]],
                1.0,
            )
            yield [*sizes[:index], -1, *sizes[index + 1 :]], 1.0


def _words(changes: Mapping[str, Any], insert: Mapping[str, Any] | None) -> str:
    words = []
    if insert:
        own = ", ".join(f"{name}={value}" for name, value in insert.items() if name != "type")
        words.append(f"put {insert['type']}{f'({own})' if own else ''} before it")
    for name, value in changes.items():
        if name == "type":
            words.append(f"use {value}")
        elif value is None:
            words.append(f"leave {name} out")
        else:
            words.append(f"set {name} to {_shown(value)}")
    sentence = " and ".join(words)
    return sentence[:1].upper() + sentence[1:] + "."


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
