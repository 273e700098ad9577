"""Layers that move, write, weigh and choose, with settings drawn by Hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.support.containers import Apply, Attention, Recurrent
from tests.support.generated_windows import Draw


def pointwise(draw: Draw, shape: tuple[int, ...], maxima: bool, _: int) -> nn.Module:
    axes = len(shape) - 2
    normalisation = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[axes - 1]
    makers: list[Callable[[], nn.Module]] = [
        lambda: nn.ReLU(inplace=maxima),  # gradients do not go through two of those
        nn.Softplus,
        nn.Identity,
        lambda: normalisation(shape[1]),
        lambda: nn.Dropout(0.5),
        lambda: Apply("x * 2 + 1", lambda x: x * 2 + 1),
        lambda: nn.LeakyReLU(0.1),
    ]
    module: nn.Module = draw(st.sampled_from(makers))()
    return module


def moved(draw: Draw, shape: tuple[int, ...], *_: Any) -> nn.Module:
    axis = draw(st.integers(1, len(shape) - 1))
    other = draw(st.integers(2, len(shape) - 1))
    shift = draw(st.integers(-3, 3))
    start = draw(st.integers(0, shape[axis] - 1))
    step = draw(st.integers(1, 3))
    window = [slice(None)] * axis + [slice(start, None, step)]
    order = draw(st.permutations(range(shape[axis])))
    size = draw(st.integers(1, 3))
    functions: dict[str, Callable[[Tensor], Tensor]] = {
        f"flip {axis}": lambda x: x.flip(axis),
        f"roll {shift} {axis}": lambda x: x.roll(shift, axis),
        f"slice {start} {step} {axis}": lambda x: x[tuple(window)],
        f"transpose {axis} {other}": lambda x: x.transpose(axis, other),
        f"index {order} {axis}": lambda x: x.index_select(axis, torch.tensor(order)),
        f"list {order} {axis}": lambda x: x[(slice(None),) * axis + (order,)],
        f"unfold {size} {axis}": lambda x: x.unfold(axis, size, step).sum(-1),
        f"chunk {axis}": lambda x: torch.cat(x.chunk(2, axis)[::-1], axis),
        f"stack {axis}": lambda x: torch.stack([x, x.flip(axis)], axis).flatten(axis, axis + 1),
        f"split rows {axis}": lambda x: _swapped(x, axis),
        "reshape": lambda x: x.reshape(x.shape[0], x.shape[1], *x.shape[:1:-1]),
        f"cumsum {axis}": lambda x: x.cumsum(axis),
        f"write {axis}": lambda x: _written(x, axis, start),
        f"write a view {axis}": lambda x: _written(x.transpose(axis, other), axis, 0),
        f"accumulate {axis}": lambda x: _accumulated(x, axis),
    }
    name = draw(st.sampled_from(sorted(functions)))
    return Apply(name, functions[name])


def _written(x: Tensor, axis: int, start: int) -> Tensor:
    """Each slice from the one behind it, written into a copy in place."""
    y = x.clone()
    y.narrow(axis, start, y.shape[axis] - start).copy_(x.narrow(axis, 0, y.shape[axis] - start))
    y.select(axis, 0).mul_(2)
    return y


def _swapped(x: Tensor, axis: int) -> Tensor:
    """Pairs along an axis, in the reverse order."""
    pairs = x.reshape(*x.shape[:axis], x.shape[axis] // 2, 2, *x.shape[axis + 1 :])
    return pairs.flip(axis).flatten(axis, axis + 1)


def _accumulated(x: Tensor, axis: int) -> Tensor:
    """The first slice added to every other, through views of the result."""
    y = torch.zeros_like(x)
    y += x
    for index in range(1, x.shape[axis]):
        y.select(axis, index).add_(x.select(axis, 0))
    return y


def written_to(draw: Draw, shape: tuple[int, ...], *_: Any) -> nn.Module:
    """Writes into parts of a copy, in place, and moves by constant indices and masks."""
    axis = draw(st.integers(1, len(shape) - 1))
    size = shape[axis]
    step = draw(st.integers(1, 3))
    places = draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=4))
    distinct = sorted(set(places))
    visible = torch.tensor(draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    along = [1] * len(shape)
    along[axis] = size
    visible = visible.reshape(along)
    before = (slice(None),) * axis
    rows = torch.tensor(places)

    def strided(x: Tensor) -> Tensor:
        y = x.clone()
        part = y[(*before, slice(None, None, step))]
        part += x[(*before, slice(0, 1))]
        return y

    def listed(x: Tensor) -> Tensor:
        y = x.clone()
        y[(*before, distinct)] = x.flip(axis)[(*before, slice(0, len(distinct)))]
        return y

    def summed(x: Tensor) -> Tensor:
        return x.index_add(
            axis,
            rows.to(x.device),
            x.narrow(axis, 0, 1)
            .expand_as(x)[(*before, slice(0, 1))]
            .repeat_interleave(len(places), axis),
        )

    def gathered(x: Tensor) -> Tensor:
        index = rows.to(x.device).reshape([-1 if a == axis else 1 for a in range(x.ndim)])
        return x.gather(
            axis, index.expand([len(places) if a == axis else n for a, n in enumerate(x.shape)])
        )

    def scattered(x: Tensor) -> Tensor:
        index = rows.to(x.device).reshape([-1 if a == axis else 1 for a in range(x.ndim)])
        index = index[(*before, slice(0, size))].expand(
            [min(len(places), size) if a == axis else n for a, n in enumerate(x.shape)]
        )
        # The gradient wants as many values as there are indices.
        values = x.narrow(axis, 0, index.shape[axis])
        return torch.zeros_like(x).scatter_add(axis, index, values) + x

    functions: dict[str, Callable[[Tensor], Tensor]] = {
        f"add to every {step} {axis}": strided,
        f"set {distinct} {axis}": listed,
        f"add to {places} {axis}": summed,
        f"gather {places} {axis}": gathered,
        f"scatter {places} {axis}": scattered,
        f"where {visible.flatten().tolist()} {axis}": lambda x: torch.where(
            visible.to(x.device), x, x.flip(axis)
        ),
        f"fill {visible.flatten().tolist()} {axis}": lambda x: x.masked_fill(
            visible.to(x.device), 0.5
        ),
        f"repeat {axis}": lambda x: x.repeat_interleave(2, axis),
        f"tile {axis}": lambda x: x.tile([2 if a == axis else 1 for a in range(x.ndim)]),
    }
    name = draw(st.sampled_from(sorted(functions)))
    return Apply(name, functions[name])


def gate(draw: Draw, shape: tuple[int, ...], maxima: bool, _: int) -> nn.Module:
    # A factor has no gradient where padding makes the other one zero, but NaN goes through.
    combine = torch.mul if maxima else torch.add
    axis = draw(st.integers(1, len(shape) - 1))
    every = tuple(range(2, len(shape)))
    functions: dict[str, Callable[[Tensor], Tensor]] = {
        f"gate {axis}": lambda x: combine(x, x.mean(axis, keepdim=True)),
        "squeeze": lambda x: combine(x, F.softplus(x.mean(every, keepdim=True))),
        "tokens": lambda x: (x.flatten(2).transpose(1, 2) @ x.flatten(2)).transpose(1, 2)[:, None][
            (...,) + (None,) * (x.ndim - 4)
        ],
    }
    if len(shape) != 4 or not maxima:
        del functions["tokens"]
    name = draw(st.sampled_from(sorted(functions)))
    return Apply(name, functions[name])


def weighing(draw: Draw, shape: tuple[int, ...], *_: Any) -> nn.Module:
    """Products with what came before, linear in each factor and with no negative ones."""
    first = draw(st.integers(-1, 2))
    axis = draw(st.integers(1, len(shape) - 1))

    def triangle(x: Tensor) -> Tensor:
        # No factor is zero, as padding would be: the gradient of the other one would vanish.
        tokens = x.flatten(2).mT + 1
        result: Tensor = ((tokens @ tokens.mT).tril(first) @ tokens).mT.reshape(x.shape)
        return result + x

    functions: dict[str, Callable[[Tensor], Tensor]] = {
        f"triangle {first}": triangle,
        f"einsum {axis}": lambda x: torch.einsum(
            "...i,...j->...i", x.movedim(axis, -1) + 1, x.movedim(axis, -1) + 1
        ).movedim(-1, axis),
        f"running mean {axis}": lambda x: (
            x.cumsum(axis)
            / torch.arange(1, x.shape[axis] + 1)
            .reshape([-1 if a == axis else 1 for a in range(x.ndim)])
            .to(x)
        ),
    }
    name = draw(st.sampled_from(sorted(functions)))
    return Apply(name, functions[name])


def choosing(draw: Draw, shape: tuple[int, ...], *_: Any) -> nn.Module:
    """Layers whose gradient may vanish or cancel, and through which NaN goes."""
    axis = draw(st.integers(1, len(shape) - 1))
    makers: list[Callable[[], nn.Module]] = [
        lambda: nn.GroupNorm(1, shape[1]),
        lambda: nn.GroupNorm(shape[1], shape[1]),
        lambda: nn.LayerNorm(shape[-1]),
        lambda: (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)[len(shape) - 3](shape[1]),
        lambda: Apply(f"softmax {axis}", lambda x: x.softmax(axis)),
        lambda: Apply(f"amax {axis}", lambda x: x.amax(axis, keepdim=True)),
        lambda: Apply("upsample", lambda x: F.interpolate(x, scale_factor=2, mode="nearest")),
        lambda: nn.LocalResponseNorm(3),
        lambda: Apply(f"normalise {axis}", lambda x: F.normalize(x, dim=axis)),
    ]
    module: nn.Module = draw(st.sampled_from(makers))()
    return module


def attending(draw: Draw, shape: tuple[int, ...], *_: Any) -> nn.Module:
    """Attention of all positions to all, or within windows of one axis."""
    channels = shape[1]
    heads = draw(st.sampled_from([n for n in range(1, channels + 1) if channels % n == 0]))
    layer = nn.MultiheadAttention(channels, heads, batch_first=True)
    side = draw(st.integers(1, 3))
    return Attention(layer, side if draw(st.booleans()) else None)


def recurrent(draw: Draw, shape: tuple[int, ...], *_: Any) -> nn.Module:
    kind: Callable[..., nn.Module] = draw(st.sampled_from([nn.RNN, nn.GRU, nn.LSTM]))
    layers, both = draw(st.integers(1, 2)), draw(st.booleans())
    return Recurrent(kind(shape[1], 2, num_layers=layers, bidirectional=both, batch_first=True))
