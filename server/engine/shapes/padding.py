"""Padding layers of every mode, and the padding that a convolution does itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from server.engine.shapes.layer import Call, Layer, check_size
from server.engine.shapes.parameters import LARGEST, Kind, Parameter
from server.engine.shapes.reading import Reading, Window
from server.engine.shapes.refusal import INPUT, Refusal, counted, shown
from server.engine.shapes.result import LayerShape, Saved, Step, Symbol, step

PADDING = Parameter("padding", Kind.SIZES)

_NOUNS = {1: "column", 2: "row", 3: "slice"}


def pad(call: Call, mode: str) -> LayerShape:
    """Any shape -> the same with ``before + i + after`` along the last axes; negative crops.

    Pairs come in PyTorch's order: of the last axis first (left, right, top, bottom, front, back).

    Raises:
        Refusal: as PyTorch refuses.
    """
    given = call["padding"]
    values = (given,) * (2 * call.axes) if isinstance(given, int) else tuple(given)
    if mode == "circular":
        call.check_image()
    count = len(call.input_shape)
    if len(values) % 2 or len(values) // 2 > count:
        raise Refusal(
            "padding",
            f"padding is one number or {2 * call.axes}, two for each axis; this list has "
            f"{len(values)}.",
            limit=2 * call.axes,
        )
    pads = list(zip(values[::2], values[1::2], strict=True))[::-1]
    if mode != "constant":
        axes = len(pads)
        if axes not in (1, 2, 3):
            raise Refusal(
                "padding",
                f"padding is one number or {2 * call.axes}, two for each axis; this list has "
                f"{len(values)}.",
                limit=2 * call.axes,
            )
        if count not in (axes + 1, axes + 2):
            raise Refusal(
                INPUT,
                f"{call.type} with {2 * axes} numbers takes an input with {axes + 1} or "
                f"{axes + 2} axes, not {count}.",
            )
    check_padding(call, pads, mode)
    steps: list[Step] = []
    reads: dict[int, Reading] = {}
    output = list(call.input_shape)
    for offset, (before, after) in enumerate(pads):
        index = count - len(pads) + offset
        size = call.input_shape[index]
        i = Symbol("i", "input size", size, INPUT)
        a = Symbol("a", "padding before", before, "padding")
        b = Symbol("b", "padding after", after, "padding")
        output[index] = size + before + after
        text = "{i} + {a} + {b}"
        steps.append(step("o", "output size", text, (i, a, b), output[index], axis=index))
        reads[index] = Window(1, 1, before, 1, after)
    check_size("padding", tuple(output), "The output")
    return LayerShape(
        call.input_shape,
        tuple(output),
        tuple(steps),
        saved=Saved(input=mode in ("reflect", "replicate")),
        reads=reads,
    )


def check_padding(call: Call, pads: Sequence[tuple[int, int]], mode: str) -> None:
    """Refuse padding of the last axes that its mode cannot make: ``constant``, ``reflect``, ...

    Raises:
        Refusal: nothing left, more than there is to mirror or repeat, or an empty input.
    """
    count = len(call.input_shape)
    if mode in ("reflect", "replicate"):
        first = count - len(pads) - 1
        if 0 in call.input_shape[first:]:
            raise Refusal(
                INPUT,
                f"The input {shown(call.input_shape)} is empty: only the batch may be of size 0.",
            )
    own = call.input_shape[count - len(pads) :]
    totals = [size + sum(pair) for size, pair in zip(own, pads, strict=True)]
    for offset, (before, after) in enumerate(pads):
        size = call.input_shape[count - len(pads) + offset]
        noun = _NOUNS.get(len(pads) - offset, "position") if len(pads) > 1 else "position"
        alone = math.prod(call.input_shape[: count - len(pads)]) * math.prod(totals[:offset]) == 1
        _check_axis(size, before, after, mode, noun, alone=alone)
    if mode in ("reflect", "replicate") and not any(totals):
        raise Refusal("padding", "Negative padding crops the input to nothing.")


def _check_axis(size: int, before: int, after: int, mode: str, noun: str, *, alone: bool) -> None:
    has = f"an input of {counted(size, noun)}"
    largest = max(before, after)
    if mode == "reflect" and largest >= size:
        raise Refusal(
            "padding",
            f"Reflection pads {has} by at most {size - 1}, not {largest}: the border itself is "
            "not repeated.",
            value=largest,
            limit=size - 1,
        )
    if mode == "circular":
        _check_circular(size, before, after, has, alone)
    total = size + before + after
    if mode == "constant":
        # PyTorch crops before it pads.
        total = size + min(0, before) + min(0, after)
    if total < 0:
        raise Refusal(
            "padding",
            f"Negative padding takes {size - total} from {has}.",
            value=min(before, after),
        )
    if size + before + after > LARGEST:
        raise Refusal("padding", "The output would have more positions than 64 bits can count.")


def _check_circular(size: int, before: int, after: int, has: str, alone: bool) -> None:
    """Refuse what cannot be wrapped around.

    Where one end is cropped and the other padded, PyTorch copies within one piece of memory, and
    refuses if both parts of it overlap; it only sees that where no axis before is longer than 1.
    Cropping more than there is it takes only where its slices happen to end up empty.
    """
    for pad, other, first in ((before, after, True), (after, before, False)):
        left = size + min(0, other)
        crossed = left < 0 and (2 * left + pad > 0 or (first and size + left > 1))
        limit = left if crossed or (0 < left < pad and alone) else size
        if pad > 0 and pad > limit:
            raise Refusal(
                "padding",
                f"Circular padding wraps {has} around once, so it is at most {max(limit, 0)}, not "
                f"{pad}.",
                value=pad,
                limit=max(limit, 0),
            )


def _layers() -> tuple[Layer, ...]:
    modes = {
        "ZeroPad": "constant",
        "ConstantPad": "constant",
        "ReflectionPad": "reflect",
        "ReplicationPad": "replicate",
        "CircularPad": "circular",
    }
    found = []
    for name, mode in modes.items():
        value = (Parameter("value", Kind.NUMBER),) if name == "ConstantPad" else ()
        found += [
            Layer(f"{name}{axes}d", (PADDING, *value), _padding_of(mode), axes)
            for axes in (1, 2, 3)
        ]
    return tuple(found)


def _padding_of(mode: str) -> Callable[[Call], LayerShape]:
    return lambda call: pad(call, mode)


LAYERS = _layers()
