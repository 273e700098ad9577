"""Axes merged and split: Flatten and Unflatten."""

from __future__ import annotations

import math

from server.engine.shapes.layer import Call, Layer
from server.engine.shapes.parameters import Kind, Parameter
from server.engine.shapes.refusal import INPUT, Refusal, shown
from server.engine.shapes.result import LayerShape, Saved, Shape, Step, Symbol, step


def flatten(call: Call) -> LayerShape:
    """(..., axes from start_dim to end_dim, ...) -> those axes as one, of their product.

    Raises:
        Refusal: as PyTorch refuses.
    """
    shape = call.input_shape
    start = axis_index(call, "start_dim", call["start_dim"])
    end = axis_index(call, "end_dim", call["end_dim"])
    if start > end:
        raise Refusal(
            "start_dim",
            f"start_dim is axis {start}, which does not come before end_dim, axis {end}.",
            value=call["start_dim"],
            limit=end,
        )
    if not shape:
        return LayerShape(shape, (1,), saved=Saved(view=True), moved=True)
    merged = shape[start : end + 1]
    names = tuple(f"i{number}" for number in range(1, len(merged) + 1))
    symbols = tuple(
        Symbol(name, f"size of axis {axis}", size, INPUT)
        for axis, (name, size) in enumerate(zip(names, merged, strict=True), start)
    )
    text = "·".join(f"{{{name}}}" for name in names)
    line = step("o", "merged axis", text, symbols, math.prod(merged), axis=start)
    output = (*shape[:start], math.prod(merged), *shape[end + 1 :])
    return LayerShape(
        shape,
        output,
        (line,),
        saved=Saved(view=True),
        moved=start != end,
        merged=(start, end),
    )


def unflatten(call: Call) -> LayerShape:
    """(..., axis dim, ...) -> the axis split into ``unflattened_size``, one of them perhaps -1.

    Raises:
        Refusal: as PyTorch refuses.
    """
    shape, sizes = call.input_shape, tuple(call["unflattened_size"])
    if not sizes:
        raise Refusal("unflattened_size", "unflattened_size has at least one size.")
    if not shape:
        raise Refusal(INPUT, "Unflatten takes an input with at least 1 axis, not a single number.")
    axis = axis_index(call, "dim", call["dim"])
    whole = shape[axis]
    split = _inferred(sizes, whole)
    output = (*shape[:axis], *split, *shape[axis + 1 :])
    steps: tuple[Step, ...] = ()
    if -1 in sizes:
        place = sizes.index(-1)
        i = Symbol("i", f"size of axis {axis}", whole, INPUT)
        m = Symbol("m", "product of the others", -math.prod(sizes), "unflattened_size")
        line = step("o", "size left out", "{i} / {m}", (i, m), split[place], axis=axis + place)
        steps = (line,)
    return LayerShape(shape, output, steps, saved=Saved(view=True), moved=len(sizes) != 1)


def axis_index(call: Call, name: str, value: int) -> int:
    """The axis that a number names, counted from the end if negative.

    Raises:
        Refusal: there is no such axis.
    """
    count = len(call.input_shape)
    reach = max(count, 1)  # a single number is taken for an axis of one
    if not -reach <= value < reach:
        raise Refusal(
            name,
            f"{name} is {-reach} to {reach - 1} for an input with {count} axes, not {value}.",
            value=value,
            limit=reach - 1,
        )
    return value % reach


def _inferred(sizes: Shape, whole: int) -> Shape:
    if sizes.count(-1) > 1:
        raise Refusal("unflattened_size", "Only one size of unflattened_size may be -1.")
    for size in sizes:
        if size < -1:
            raise Refusal(
                "unflattened_size",
                "A size of unflattened_size is at least 0, or -1 for the one left out, not "
                f"{size}.",
                value=size,
            )
    product = math.prod(size for size in sizes if size != -1)
    if -1 not in sizes and product == whole:
        return sizes
    if -1 in sizes and product and whole % product == 0:
        return tuple(whole // product if size == -1 else size for size in sizes)
    raise Refusal(
        "unflattened_size",
        f"unflattened_size {shown(sizes)} has the product {product}, which does not "
        f"{'divide' if -1 in sizes else 'equal'} the axis of size {whole}.",
        limit=whole,
    )


LAYERS = (
    Layer(
        "Flatten",
        (Parameter("start_dim", Kind.INTEGER, 1), Parameter("end_dim", Kind.INTEGER, -1)),
        flatten,
    ),
    Layer(
        "Unflatten",
        (Parameter("dim", Kind.INTEGER), Parameter("unflattened_size", Kind.LIST)),
        unflatten,
    ),
)
