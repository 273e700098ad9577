"""A layer that does not fit its input, whether a module or a function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from server.engine.doctor.calls import argument, with_argument
from server.engine.doctor.case import Candidate, Case, Finding
from server.engine.doctor.change import CallChange, ModuleChange, ParameterChange
from server.engine.doctor.constructor import constructor_arguments, torch_class
from server.engine.doctor.replay import Change, Event, UnsuitableChange
from server.engine.shapes import LAYERS, Refusal, output_shape
from server.engine.shapes.repairs import Repair, repairs

AXES = {3: "1d", 4: "2d", 5: "3d"}
"""The end of a layer's name by the number of axes of its input."""

WINDOW = frozenset({"kernel_size", "stride", "padding", "dilation", "output_padding"})
"""Arguments for which one number stands for all axes."""

PADDINGS = {"reflect": "ReflectionPad", "circular": "CircularPad", "replicate": "ReplicationPad"}


def layer_finding(case: Case) -> Finding | None:
    """What is wrong with a layer whose shapes this project knows, by the arithmetic of shapes."""
    if not case.given:
        return None
    if case.is_layer:
        return _module(case)
    return _function(case)


def _module(case: Case) -> Finding | None:
    base = torch_class(case.module)
    assert base is not None
    try:
        values = constructor_arguments(case.module)
    except UnsuitableChange:
        return None
    if base.__name__ not in LAYERS:
        return None
    tensor = case.given[0]
    kind, path = base.__name__, case.path
    mode = values.get("padding_mode", "zeros")
    if mode != "zeros" and case.stopped.place.kind == "pad":
        return _padded(case, tensor, values)
    known = {
        name: _plain(value) for name, value in values.items() if name in _names(kind)
    }  # others change no shape
    return _finding(
        case,
        kind,
        known,
        tensor,
        lambda repair: (
            Candidate(
                "module",
                path,
                *_changed(repair),
                _words(repair, path),
                (ModuleChange(path, {k: _given(v, k) for k, v in repair.changes.items()}),),
            )
            if "type" not in repair.changes
            else Candidate(
                "module",
                path,
                "class",
                repair.changes["type"],
                f"use {repair.changes['type']} instead of {kind} for {path}",
                (ModuleChange(path, kind=repair.changes["type"]),),
            )
        ),
    )


def _padded(case: Case, tensor: Tensor, values: Mapping[str, Any]) -> Finding | None:
    """A convolution that pads by reflection, or by the other border, more than there is."""
    mode, path = values["padding_mode"], case.path
    sizes = list(tensor.shape[-len(values["kernel_size"]) :])
    most = [size - 1 if mode == "reflect" else size for size in sizes]
    padding = values["padding"]
    fact = (
        f"its padding {list(padding) if isinstance(padding, tuple) else padding!r} in mode "
        f"{mode!r} takes more of the border than the input {_list(tensor)} has: at most "
        f"{min(most)} here"
    )
    smaller = min(most)
    candidates = [
        Candidate(
            "module",
            path,
            "padding",
            smaller,
            f"set padding of {path} to {smaller}",
            (ModuleChange(path, {"padding": smaller}),),
        ),
        Candidate(
            "module",
            path,
            "padding_mode",
            "zeros",
            f'set padding_mode of {path} to "zeros"',
            (ModuleChange(path, {"padding_mode": "zeros"}),),
        ),
    ]
    return Finding(fact, "padding", tuple(candidates))


def _function(case: Case) -> Finding | None:
    """Layers as functions: their numbers are arguments, or sizes of parameters."""
    event = case.stopped
    tensor = next((item for item in case.given), None)
    described = _described(case, event) if tensor is not None else None
    if tensor is None or described is None:
        return None
    kind, values, names = described
    if kind not in LAYERS:
        return None

    def candidate(repair: Repair) -> Candidate | None:
        changes: list[Change] = []
        for name, value in repair.changes.items():
            change = _change_of(case, event, kind, values, names, name, value)
            if change is None:
                return None
            changes.append(change)
        if not changes and repair.insert is None:
            return None
        by_parameter = isinstance(changes[0], ParameterChange) if changes else False
        parameter, value = _changed(repair)
        if event.place.kind == "pad":
            parameter, value = "pad", tuple(repair.changes["padding"])
        if by_parameter and isinstance(changes[0], ParameterChange):
            owner, _, parameter = changes[0].name.rpartition(".")
            value = changes[0].shape
            text = f"give {changes[0].name} the shape {list(value)}"
            return Candidate("parameter", owner, parameter, value, text, tuple(changes))
        text = f"call {event.place.kind} with {parameter}={_text(value)}"
        return Candidate("call", case.path, parameter, value, text, tuple(changes))

    return _finding(case, kind, values, tensor, candidate)


def _finding(
    case: Case, kind: str, values: Mapping[str, Any], tensor: Tensor, candidate: Any
) -> Finding | None:
    shape = tuple(tensor.shape)
    try:
        output_shape(kind, values, shape)
    except Refusal as refusal:
        fact, parameter = refusal.detail.rstrip("."), refusal.parameter
    else:
        return None
    if fact.split(" ")[0] not in LAYERS:
        fact = fact[:1].lower() + fact[1:]
    came = f"{_list(tensor)} ({case.origin(tensor)})"
    if _list(tensor) in fact:
        fact = fact.replace(_list(tensor), came, 1)
    else:
        fact += f"; the input is {came}"
    found: list[Candidate] = []
    wanted: list[int] = []
    expected = values.get(parameter)
    if isinstance(expected, list) and len(expected) == 1:
        expected = expected[0]
    if isinstance(expected, int) and not isinstance(expected, bool):
        wanted.append(expected)
        if tensor.ndim == 2 and expected > 0:
            wanted += _per_channel(case, tensor, expected)
    for repair in repairs(kind, values, shape):
        if repair.insert is not None:
            if not repair.changes:
                found.append(_inserted(case, repair))
            continue
        made = candidate(repair)
        if made is not None:
            found.append(made)
    if kind == "GroupNorm":
        found += _groups(case, values, shape)
    return Finding(
        fact, None if parameter == "input_shape" else parameter, tuple(found), tuple(wanted)
    )


def _per_channel(case: Case, tensor: Tensor, expected: int) -> Iterator[int]:
    """Channels before a flatten that would have given the number of features expected."""
    _, number = case.source(tensor)
    event = case.found.events[number] if number is not None else None
    if event is not None and event.args and isinstance(event.args[0], Tensor):
        space = event.args[0].shape[2:].numel()
        if space and expected % space == 0:
            yield expected // space


def _groups(case: Case, values: Mapping[str, Any], shape: tuple[int, ...]) -> list[Candidate]:
    """Numbers of groups that divide the channels that came."""
    if len(shape) < 2 or not case.is_layer:
        return []
    channels, groups, path = shape[1], int(values["num_groups"]), case.path
    fitting = [number for number in range(1, channels + 1) if channels % number == 0]
    nearest = sorted(fitting, key=lambda number: abs(number - groups))[:1]
    return [
        Candidate(
            "module",
            path,
            "num_groups, num_channels",
            (number, channels),
            f"set num_groups of {path} to {number} and num_channels to {channels}",
            (ModuleChange(path, {"num_groups": number, "num_channels": channels}),),
        )
        for number in nearest
        if number != groups
    ]


def _inserted(case: Case, repair: Repair) -> Candidate:
    """A layer before this one: it is Flatten."""
    line = case.stopped.place.line

    def change(event: Event) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
        function, args, kwargs = event.function, event.args, dict(event.kwargs)
        if args:
            args = (torch.flatten(args[0], 1), *args[1:])
        else:
            kwargs["input"] = torch.flatten(kwargs["input"], 1)
        assert function is not None
        return function, args, kwargs

    return Candidate(
        "insert",
        case.path,
        "input",
        "torch.flatten(x, 1)",
        f"flatten what {case.name} is given: torch.flatten(x, 1)",
        (CallChange(line, change),),
    )


def _described(
    case: Case, event: Event
) -> tuple[str, dict[str, Any], dict[str, tuple[Tensor, int, int]]] | None:
    """A call as a layer of torch.nn: its class, its arguments, and which are sizes of a parameter.

    Those are given as the parameter, its axis, and by what the size is multiplied.
    """
    kind = event.place.kind
    tensor = case.given[0]
    names: dict[str, tuple[Tensor, int, int]] = {}
    values: dict[str, Any] = {}
    weight = argument(event, "weight")

    def take(*wanted: str) -> None:
        for name in wanted:
            if (value := argument(event, name)) is not None and not isinstance(value, Tensor):
                values[name] = _plain(value)

    if kind.startswith("conv") and isinstance(weight, Tensor):
        take("stride", "padding", "dilation", "output_padding", "groups")
        groups = int(values.get("groups", 1))
        transposed = "transpose" in kind
        stem, axes = ("ConvTranspose" if transposed else "Conv"), kind[-2:]
        values["kernel_size"] = list(weight.shape[2:])
        channels = (weight.shape[0], weight.shape[1] * groups)
        values["in_channels"], values["out_channels"] = (
            channels if transposed else (channels[1], channels[0])
        )
        names["in_channels"] = (weight, 0, 1) if transposed else (weight, 1, groups)
        return f"{stem}{axes}", values, names
    if kind == "linear" and isinstance(weight, Tensor):
        values = {"in_features": weight.shape[-1], "out_features": weight.shape[0]}
        return "Linear", values, {"in_features": (weight, weight.ndim - 1, 1)}
    if kind.startswith(("max_pool", "avg_pool", "lp_pool")):
        take("norm_type", "kernel_size", "stride", "padding", "dilation", "ceil_mode")
        stem = {"max": "MaxPool", "avg": "AvgPool", "lp": "LPPool"}[kind.split("_")[0]]
        return f"{stem}{kind.replace('_with_indices', '')[-2:]}", values, names
    if kind in ("pixel_shuffle", "pixel_unshuffle"):
        name = "upscale_factor" if kind == "pixel_shuffle" else "downscale_factor"
        take(name)
        return ("PixelShuffle" if kind == "pixel_shuffle" else "PixelUnshuffle"), values, names
    if kind == "group_norm":
        take("num_groups")
        return "GroupNorm", values | {"num_channels": tensor.shape[1], "affine": False}, names
    mode = argument(event, "mode")
    if kind == "pad" and mode in PADDINGS:
        sizes = argument(event, "pad")
        dimensions = AXES.get(
            tensor.ndim if len(sizes) // 2 == tensor.ndim - 2 else tensor.ndim + 1
        )
        return f"{PADDINGS[mode]}{dimensions}", {"padding": _plain(sizes)}, {}
    return None


def _change_of(
    case: Case,
    event: Event,
    kind: str,
    values: Mapping[str, Any],
    names: Mapping[str, tuple[Tensor, int, int]],
    name: str,
    value: Any,
) -> Change | None:
    """How to change a number of a layer that is a function."""
    if name in names:
        tensor, axis, factor = names[name]
        parameter = case.found.names.get(id(tensor))
        if parameter is None or not isinstance(value, int) or value % factor:
            return None
        shape = list(tensor.shape)
        shape[axis] = value // factor
        return ParameterChange(parameter, tuple(shape))
    called = "pad" if event.place.kind == "pad" and name == "padding" else name
    if argument(event, called) is None and called not in ("padding", "stride", "dilation"):
        return None
    return CallChange(event.place.line, lambda event: with_argument(event, called, _given(value)))


def _names(kind: str) -> set[str]:
    return {parameter.name for parameter in LAYERS[kind].parameters}


def _changed(repair: Repair) -> tuple[str, Any]:
    names = ", ".join(repair.changes)
    values = [_given(value, name) for name, value in repair.changes.items()]
    return names, values[0] if len(values) == 1 else tuple(values)


def _words(repair: Repair, path: str) -> str:
    parts = [
        f"{name} of {path} to {_text(_given(value, name))}"
        for name, value in repair.changes.items()
    ]
    return f"set {' and '.join(parts)}"


def _text(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _plain(value: Any) -> Any:
    """As shapes take it: lists for tuples."""
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _given(value: Any, name: str = "") -> Any:
    """As PyTorch takes it; of a window one number where it is the same on every axis."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return value
    return value[0] if name in WINDOW and len(set(value)) == 1 else tuple(value)


def _list(tensor: Tensor) -> str:
    return str(list(tensor.shape))
