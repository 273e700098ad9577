"""Tensors that are added, multiplied, concatenated or stacked, and have not the sizes for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from server.engine.doctor.calls import argument, with_argument
from server.engine.doctor.case import Candidate, Case, Finding, shown
from server.engine.doctor.change import CallChange, Called, ParameterChange
from server.engine.doctor.replay import Event
from server.engine.operations import tensors_in

ELEMENTWISE = frozenset(
    {
        *("add", "sub", "mul", "div", "truediv", "multiply", "divide", "subtract", "maximum"),
        *("minimum", "pow", "where", "lerp", "addcmul", "addcdiv", "fmod", "remainder", "rsub"),
    }
)

AXES = ("batch", "channels", "rows", "columns")
"""What the axes of images are called."""


def elementwise_finding(case: Case) -> Finding | None:
    """Operands of ``+`` and its like that cannot be broadcast to each other."""
    if case.stopped.place.kind not in ELEMENTWISE:
        return None
    operands = tensors_in((case.stopped.args, case.stopped.kwargs))
    if len(operands) < 2:
        return None
    left, right = operands[:2]
    axes = _unequal(left, right)
    if not axes:
        return None
    fact = (
        f"{shown(left)} ({case.origin(left)}) and {shown(right)} ({case.origin(right)}) differ "
        f"on {_axes_in_words(axes, left, right)}"
    )
    candidates = [*_projections(case, left, right), *_spread(case, left, right)]
    wanted: tuple[int, ...] = ()
    if 1 in axes and left.ndim == right.ndim:
        wanted = (right.shape[1], left.shape[1])
    return Finding(fact, None, tuple(candidates), wanted)


def joining_finding(case: Case) -> Finding | None:
    """What ``cat`` and ``stack`` are given, with other sizes than they need."""
    kind = case.stopped.place.kind
    if kind not in ("cat", "concat", "stack"):
        return None
    tensors = tensors_in(argument(case.stopped, "tensors"))
    if len(tensors) < 2:
        return None
    axis = argument(case.stopped, "dim") or 0
    first = tensors[0]
    other = next((item for item in tensors[1:] if _differs(first, item, kind, axis)), None)
    if other is None:
        return None
    called = "joins along" if kind != "stack" else "stacks along a new"
    needs = "every other axis has to be equal" if kind != "stack" else "all axes have to be equal"
    fact = (
        f"it {called} axis {axis}, for which {needs}, but {shown(first)} ({case.origin(first)}) "
        f"and {shown(other)} ({case.origin(other)}) are not"
    )
    return Finding(fact, "dim", tuple(_joined(case, tensors, axis, kind)), _channels(tensors))


def _differs(first: Tensor, other: Tensor, kind: str, axis: int) -> bool:
    if first.ndim != other.ndim:
        return True
    axis = axis % first.ndim if kind != "stack" else -1
    return any(
        a != b and number != axis
        for number, (a, b) in enumerate(zip(first.shape, other.shape, strict=True))
    )


def _channels(tensors: list[Tensor]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(tensor.shape[1] for tensor in tensors if tensor.ndim > 1))


def _joined(case: Case, tensors: list[Tensor], axis: int, kind: str) -> Iterator[Candidate]:
    line, path = case.stopped.place.line, case.path
    for other in range(tensors[0].ndim):
        if other != axis % tensors[0].ndim:
            yield Candidate(
                "call",
                path,
                "dim",
                other,
                f"call {kind} with dim={other}",
                (CallChange(line, _with_axis(other)),),
            )
    sizes = {tensor.shape[2:] for tensor in tensors}
    if len({tensor.ndim for tensor in tensors}) > 1 or len(sizes) < 2 or kind == "stack":
        return
    largest = [max(axis_sizes) for axis_sizes in zip(*sizes, strict=True)]
    pads = {
        number: [pad for now, wanted in _reversed(tensor, largest) for pad in (0, wanted - now)]
        for number, tensor in enumerate(tensors)
        if list(tensor.shape[2:]) != largest
    }
    number, pad = next(iter(pads.items()))
    yield Candidate(
        "insert",
        path,
        f"tensors[{number}]",
        f"F.pad(x, {pad})",
        f"pad what comes as number {number}, {case.origin(tensors[number])}, to {largest} rows and "
        f"columns: F.pad(x, {pad})",
        (CallChange(line, _padding(pads)),),
    )


def _with_axis(axis: int) -> Callable[[Event], Called]:
    return lambda event: with_argument(event, "dim", axis)


def _reversed(tensor: Tensor, largest: list[int]) -> Iterator[tuple[int, int]]:
    yield from zip(reversed(tensor.shape[2:]), reversed(largest), strict=True)


def _padding(pads: dict[int, list[int]]) -> Callable[[Event], Called]:
    def change(event: Event) -> Called:
        tensors = [
            F.pad(tensor, pads[number]) if number in pads else tensor
            for number, tensor in enumerate(tensors_in(argument(event, "tensors")))
        ]
        return with_argument(event, "tensors", tensors)

    return change


def _unequal(left: Tensor, right: Tensor) -> list[int]:
    """The axes, counted from the end as negative numbers, on which two shapes differ; from the
    front where both have as many."""
    axes = [
        -number
        for number in range(1, min(left.ndim, right.ndim) + 1)
        if left.shape[-number] != right.shape[-number]
        and 1 not in (left.shape[-number], right.shape[-number])
    ]
    if left.ndim == right.ndim:
        return sorted(left.ndim + axis for axis in axes)
    return axes


def _axes_in_words(axes: list[int], left: Tensor, right: Tensor) -> str:
    words = []
    for axis in axes:
        name = f" ({AXES[axis]})" if left.ndim == right.ndim == 4 else ""
        words.append(f"axis {axis}{name}: {left.shape[axis]} and {right.shape[axis]}")
    return ", ".join(words)


def _projections(case: Case, left: Tensor, right: Tensor) -> Iterator[Candidate]:
    """A convolution of kernel 1 that brings one operand to the shape of the other."""
    axes = left.ndim - 2
    if left.ndim != right.ndim or axes not in (1, 2, 3):
        return
    for number, (now, wanted) in enumerate(((left, right), (right, left))):
        strides = [_stride(a, b) for a, b in zip(now.shape[2:], wanted.shape[2:], strict=True)]
        if now.shape[0] != wanted.shape[0] or None in strides or not now.shape[1]:
            continue
        stride: Any = strides[0] if len(set(strides)) == 1 else tuple(strides)
        called = f"nn.Conv{axes}d({now.shape[1]}, {wanted.shape[1]}, 1, stride={stride})"
        yield Candidate(
            "insert",
            case.path,
            f"operand {number}",
            f"{called}(x)",
            f"bring {shown(now)}, {case.origin(now)}, to {shown(wanted)} by {called}",
            (CallChange(case.stopped.place.line, _projecting(number, wanted, strides)),),
        )


def _stride(now: int, wanted: int) -> int | None:
    """The stride by which a kernel of 1 takes ``wanted`` of ``now`` positions."""
    return next((step for step in range(1, 33) if now and (now - 1) // step + 1 == wanted), None)


def _projecting(number: int, wanted: Tensor, strides: list[Any]) -> Callable[[Event], Called]:
    def change(event: Event) -> Called:
        args = list(event.args)
        places = [index for index, item in enumerate(args) if isinstance(item, Tensor)]
        now = args[places[number]]
        taken = now[(slice(None), slice(None), *(slice(None, None, step) for step in strides))]
        # The convolution's weights are not known; its shape is all that counts here.
        args[places[number]] = (
            taken[:, :1].expand(-1, wanted.shape[1], *[-1] * len(strides)).clone()
        )
        assert event.function is not None
        return event.function, tuple(args), event.kwargs

    return change


def _spread(case: Case, left: Tensor, right: Tensor) -> Iterator[Candidate]:
    """Axes of size 1 behind a tensor that has one number for each channel."""
    small, large = sorted((left, right), key=lambda tensor: tensor.ndim)
    if small.ndim == large.ndim or small.shape != large.shape[: small.ndim]:
        return
    missing = large.ndim - small.ndim
    number = 0 if small is left else 1
    index = ", ".join(["...", *["None"] * missing])

    def change(event: Event) -> Called:
        args = list(event.args)
        places = [place for place, item in enumerate(args) if isinstance(item, Tensor)]
        args[places[number]] = args[places[number]][(..., *[None] * missing)]
        assert event.function is not None
        return event.function, tuple(args), event.kwargs

    yield Candidate(
        "insert",
        case.path,
        f"operand {number}",
        f"x[{index}]",
        f"give {shown(small)} the axes that are missing behind: x[{index}]",
        (CallChange(case.stopped.place.line, change),),
    )


def matmul_finding(case: Case) -> Finding | None:
    """Matrices of which one has not as many columns as the other has rows."""
    kind = case.stopped.place.kind
    if kind not in ("matmul", "mm", "bmm", "__matmul__"):
        return None
    operands = tensors_in((case.stopped.args, case.stopped.kwargs))
    if len(operands) != 2 or min(operand.ndim for operand in operands) < 1:
        return None
    left, right = operands
    inner = right.shape[-2] if right.ndim > 1 else right.shape[-1]
    if left.shape[-1] != inner:
        fact = (
            f"{shown(left)} ({case.origin(left)}) has {left.shape[-1]} columns, and "
            f"{shown(right)} ({case.origin(right)}) has {inner} rows: these two have to be equal"
        )
    else:
        fact = (
            f"{shown(left)} ({case.origin(left)}) and {shown(right)} ({case.origin(right)}) are "
            "not as many matrices, or not in as many axes"
        )
    return Finding(fact, None, tuple(_products(case, left, right)), (inner,))


def _products(case: Case, left: Tensor, right: Tensor) -> Iterator[Candidate]:
    for number, operand in enumerate((left, right)):
        name = case.found.names.get(id(operand))
        if name is not None and operand.ndim == 2 and left.shape[-1:] and right.ndim > 1:
            shape = (
                (left.shape[-1], right.shape[-1]) if number else (left.shape[-2], right.shape[-2])
            )
            owner, _, parameter = name.rpartition(".")
            text = f"give {name} the shape {list(shape)}"
            yield Candidate(
                "parameter", owner, parameter, shape, text, (ParameterChange(name, shape),)
            )
    for number, operand in enumerate((left, right)):
        if operand.ndim > 1:
            which = ("first", "second")[number]
            yield Candidate(
                "insert",
                case.path,
                f"operand {number}",
                "x.transpose(-2, -1)",
                f"transpose the {which} matrix {shown(operand)}: x.transpose(-2, -1)",
                (CallChange(case.stopped.place.line, _transposing(number)),),
            )


def _transposing(number: int) -> Callable[[Event], Called]:
    def change(event: Event) -> Called:
        args = list(event.args)
        args[number] = torch.transpose(args[number], -2, -1)
        assert event.function is not None
        return event.function, tuple(args), event.kwargs

    return change
