"""What operations read, axis by axis: the rules, for wanted positions that are a set on each axis.

Each says the same as the rule of its name, in which it takes part as the quick way. Where a rule
is not found here, or an operation is not separable, the walk through all positions takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from server.engine.receptive_field import movement, pointwise, products, reductions, windows
from server.engine.receptive_field.axis import adaptive_window
from server.engine.receptive_field.axis_sets import (
    Read,
    all_read,
    by_relation,
    by_rows,
    every,
    transposed_windows,
)
from server.engine.receptive_field.axis_sets import windows as window_map
from server.engine.receptive_field.reads import Rule, arguments_read
from server.engine.receptive_field.reviews import Bits, Transfer, Uncertain
from server.engine.receptive_field.windows import axes_named, each
from server.engine.record import Operation, View

Step = Iterator[tuple[View, Transfer | None]]
"""What is read, and how wanted positions become read ones; None: they are the same."""


def step_of(rule: Rule, operation: Operation, result: int) -> list[tuple[View, Transfer | None]]:
    """What an operation reads for one of its results, counting those first, then what it wrote.

    Raises:
        Uncertain: it does not go by axes.
    """
    maker = _STEPS.get(rule)
    if maker is None:
        raise Uncertain
    made = (*operation.results, *operation.written)[result]
    return list(maker(operation, made, result))


def separable(maps: Sequence[Read | None]) -> Transfer | None:
    """Each axis by itself."""
    reads = [(axis, found) for axis, found in enumerate(maps) if found is not None]
    if not reads:
        return None

    def transfer(bits: Bits) -> Bits | None:
        out = list(bits)
        for axis, read in reads:
            places = read(out[axis])
            if not places:
                return None
            out[axis] = places
        return tuple(out)

    return transfer


def _convolution(operation: Operation, made: View, result: int) -> Step:
    given = operation.arguments
    source, weight = given["input"], given["weight"]
    count = len(source.shape) - 2
    mapped = transposed_windows if given["transposed"] else window_map
    spatial = [
        mapped(*sizes)
        for sizes in zip(
            made.shape[2:],
            source.shape[2:],
            weight.shape[2:],
            each(given["stride"], count),
            each(given["padding"], count),
            each(given["dilation"], count),
            strict=True,
        )
    ]
    channels = _grouped(made.shape[1], source.shape[1], given["groups"])
    yield source, separable([None, channels, *spatial])
    yield from _whole((weight,))
    if given["bias"] is not None:
        yield given["bias"], lambda bits: (bits[1],)


def _grouped(outputs: int, inputs: int, groups: int) -> Read | None:
    """All input channels of the groups that are wanted."""
    if groups == 1:
        return all_read(inputs)
    if groups == outputs == inputs:
        return None
    more, size = outputs // groups, inputs // groups
    return by_rows([every(size) << (channel // more * size) for channel in range(outputs)])


def _pooling(operation: Operation, made: View, result: int) -> Step:
    given = operation.arguments
    source: View = given["self"]
    count = axes_named(operation)
    kernels = each(given["kernel_size"], count)
    spatial = [
        window_map(*sizes)
        for sizes in zip(
            made.shape[-count:],
            source.shape[-count:],
            kernels,
            each(given["stride"] or kernels, count),
            each(given["padding"], count),
            each(given.get("dilation", 1), count),
            strict=True,
        )
    ]
    yield source, separable([*[None] * (len(source.shape) - count), *spatial])


def _adaptive_pooling(operation: Operation, made: View, result: int) -> Step:
    source: View = operation.arguments["self"]
    count = axes_named(operation)
    spatial = [
        by_relation(adaptive_window(*sizes))
        for sizes in zip(made.shape[-count:], source.shape[-count:], strict=True)
    ]
    yield source, separable([*[None] * (len(source.shape) - count), *spatial])


def _interpolation(operation: Operation, made: View, result: int) -> Step:
    source: View = operation.arguments["self"]
    count = len(source.shape) - 2
    relations = [
        windows._interpolated(operation, axis, count, *sizes)
        for axis, sizes in enumerate(zip(made.shape[2:], source.shape[2:], strict=True))
    ]
    yield source, separable([None, None, *map(by_relation, relations)])


def _pointwise(operation: Operation, made: View, result: int) -> Step:
    for view in arguments_read(operation):
        yield view, _unbroadcast(made.shape, view.shape)


def _copied(operation: Operation, made: View, result: int) -> Step:
    source = operation.arguments.get("src", operation.arguments.get("value"))
    if isinstance(source, View):
        yield source, _unbroadcast(made.shape, source.shape)


def _constant(operation: Operation, made: View, result: int) -> Step:
    return iter(())


def _unbroadcast(made: tuple[int, ...], read: tuple[int, ...]) -> Transfer | None:
    """To the positions that were repeated; all of a tensor that does not fit, as the rule does."""
    if read == made:
        return None
    try:
        np.broadcast_shapes(read, made)
    except ValueError:
        return _everything(read)
    more = len(made) - len(read)
    single = [size == 1 for size in read]

    def transfer(bits: Bits) -> Bits | None:
        rest = bits[more:]
        return tuple([1 if one else places for one, places in zip(single, rest, strict=True)])

    return transfer


def _everything(shape: tuple[int, ...]) -> Transfer:
    wholes = tuple(every(size) for size in shape)
    return lambda bits: wholes


def _whole(views: Sequence[View]) -> Step:
    for view in views:
        yield view, _everything(view.shape)


def _reduction(operation: Operation, made: View, result: int) -> Step:
    source: View = operation.arguments["self"]
    axes = reductions.axes_of(operation.arguments.get("dim"), len(source.shape))
    yield source, _along(axes, source.shape, removed=len(made.shape) != len(source.shape))


def _along(axes: Sequence[int], shape: tuple[int, ...], removed: bool = False) -> Transfer:
    """All along some axes, which may be missing in the result."""
    wholes = [(axis, every(shape[axis])) for axis in sorted(axes)]

    def transfer(bits: Bits) -> Bits | None:
        found = list(bits)
        for axis, whole in wholes:
            if removed:
                found.insert(axis, whole)
            else:
                found[axis] = whole
        return tuple(found)

    return transfer


def _layer_normalisation(operation: Operation, made: View, result: int) -> Step:
    if result:
        raise Uncertain  # a statistic
    source: View = operation.arguments["input"]
    count = len(source.shape)
    axes = range(count - len(operation.arguments["normalized_shape"]), count)
    yield source, _along(axes, source.shape)
    yield from _whole([view for view in arguments_read(operation) if view is not source])


def _group_normalisation(operation: Operation, made: View, result: int) -> Step:
    if result:
        raise Uncertain
    source: View = operation.arguments["input"]
    channels = _grouped(source.shape[1], source.shape[1], operation.arguments["group"])
    yield source, separable([None, channels, *map(all_read, source.shape[2:])])
    yield from _whole([view for view in arguments_read(operation) if view is not source])


def _batch_normalisation(operation: Operation, made: View, result: int) -> Step:
    given = operation.arguments
    if result:
        raise Uncertain
    source: View = given["input"]
    if given.get("training", False) or given.get("running_mean") is None:
        yield source, _along((0, *range(2, len(source.shape))), source.shape)
    else:
        yield source, None
    yield from _whole([view for view in arguments_read(operation) if view is not source])


def _product(operation: Operation, made: View, result: int) -> Step:
    given = operation.arguments
    if operation.name.startswith("addbmm"):
        raise Uncertain
    left, right = (
        next(given[name] for name in names if name in given)
        for names in (("mat1", "batch1", "mat", "self"), ("mat2", "batch2", "vec"))
    )
    if operation.name.startswith(("add", "badd")):
        yield given["self"], _unbroadcast(made.shape, given["self"].shape)
    if len(right.shape) == 1:
        yield left, _along((1,), left.shape, removed=True)
        yield right, _everything(right.shape)
    else:
        last = len(made.shape) - 1
        yield left, _along((last,), left.shape)
        yield right, _along((last - 1,), right.shape)


def _attention(operation: Operation, made: View, result: int) -> Step:
    given = operation.arguments
    query, key, value = (given[name] for name in ("query", "key", "value"))
    masked = given.get("attn_mask") is not None or given.get("attn_bias") is not None
    # With fewer heads of keys than of queries, several of these share one.
    shared = not query.shape[:-2] == key.shape[:-2] == value.shape[:-2] == made.shape[:-2]
    if result or masked or shared or given.get("is_causal"):
        raise Uncertain
    last = len(query.shape) - 1
    yield query, _along((last,), query.shape)
    yield key, _along((last - 1, last), key.shape)
    # Each column of the values for itself.
    yield value, _along((last - 1,), value.shape)


def _movement(operation: Operation, made: View, result: int) -> Step:
    maker = _MOVEMENTS.get(operation.name)
    if maker is None or result:
        raise Uncertain
    return maker(operation, made)


def _cat(operation: Operation, made: View) -> Step:
    tensors: Sequence[View] = operation.arguments["tensors"]
    axis = operation.arguments.get("dim", 0) % len(made.shape)
    start = 0
    for view in tensors:
        if len(view.shape) != len(made.shape):
            raise Uncertain  # an empty one, of any shape
        if view.shape[axis]:
            yield view, _part(axis, start, view.shape[axis])
        start += view.shape[axis]


def _part(axis: int, start: int, size: int) -> Transfer:
    whole = every(size)

    def transfer(bits: Bits) -> Bits | None:
        places = bits[axis] >> start & whole
        return (*bits[:axis], places, *bits[axis + 1 :]) if places else None

    return transfer


def _stack(operation: Operation, made: View) -> Step:
    tensors: Sequence[View] = operation.arguments["tensors"]
    axis = operation.arguments.get("dim", 0) % len(made.shape)
    for index, view in enumerate(tensors):
        yield view, _layer(axis, index)


def _layer(axis: int, index: int) -> Transfer:
    def transfer(bits: Bits) -> Bits | None:
        return (*bits[:axis], *bits[axis + 1 :]) if bits[axis] >> index & 1 else None

    return transfer


def _padded(operation: Operation, made: View) -> Step:
    """Of constants, by reflection, or by repeating the border."""
    given = operation.arguments
    source: View = given["self"]
    pads: Sequence[int] = given["pad"] if "pad" in given else given["padding"]
    name = operation.name
    maps: list[Read | None] = [None] * len(source.shape)
    for index, before in enumerate(pads[::2]):
        axis = len(source.shape) - 1 - index
        outputs, inputs = made.shape[axis], source.shape[axis]
        if name.startswith("constant"):
            maps[axis] = window_map(outputs, inputs, 1, 1, before, 1)
        else:
            places = np.arange(outputs) - before
            if name.startswith("reflection"):
                places = np.abs(places)
                places = np.where(places >= inputs, 2 * (inputs - 1) - places, places)
            maps[axis] = by_rows([1 << int(p) for p in places.clip(0, inputs - 1)])
    yield source, separable(maps)


def _flipped(operation: Operation, made: View) -> Step:
    maps: list[Read | None] = [None] * len(made.shape)
    for axis in operation.arguments["dims"]:
        size = made.shape[axis]
        maps[axis] = by_rows([1 << (size - 1 - place) for place in range(size)])
    yield operation.arguments["self"], separable(maps)


def _rolled(operation: Operation, made: View) -> Step:
    given = operation.arguments
    if not given["dims"]:
        raise Uncertain  # as one row
    shifts: dict[int, int] = {}
    for axis, shift in zip(given["dims"], each(given["shifts"], 1), strict=True):
        axis %= len(made.shape)
        shifts[axis] = shifts.get(axis, 0) + shift
    maps: list[Read | None] = [None] * len(made.shape)
    for axis, shift in shifts.items():
        size = made.shape[axis]
        maps[axis] = by_rows([1 << ((place - shift) % size) for place in range(size)])
    yield given["self"], separable(maps)


_MOVEMENTS: dict[str, Callable[[Operation, View], Step]] = {
    "cat": _cat,
    "stack": _stack,
    "flip": _flipped,
    "roll": _rolled,
    "constant_pad_nd": _padded,
    **{
        f"{mode}_pad{count}d": _padded
        for mode in ("reflection", "replication")
        for count in (1, 2, 3)
    },
}

_STEPS: dict[Rule, Callable[[Operation, View, int], Step]] = {
    windows.convolution: _convolution,
    windows.pooling: _pooling,
    windows.adaptive_pooling: _adaptive_pooling,
    windows.interpolation: _interpolation,
    pointwise.pointwise: _pointwise,
    pointwise.copied: _copied,
    pointwise.constant: _constant,
    reductions.reduction: _reduction,
    reductions.layer_normalisation: _layer_normalisation,
    reductions.group_normalisation: _group_normalisation,
    reductions.batch_normalisation: _batch_normalisation,
    products.product: _product,
    products.attention: _attention,
    movement.movement: _movement,
}
