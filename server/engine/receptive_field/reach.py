"""How the fields of a layer's units lie, without clipping: one closed form for the whole layer."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from server.engine.receptive_field.interval import Interval, Moving, hull
from server.engine.record import View


@dataclass(slots=True)
class Reach:
    """Along one axis of the input: what the positions of a tensor reach."""

    axis: int | None
    """The tensor's axis along which the interval moves, if it does."""
    moving: Moving | None
    fixed: Interval | None = None
    """What every position reaches besides."""

    def settled(self, positions: Iterable[int]) -> Reach:
        """What all of some positions along the axis reach together, at every position."""
        moved = self.moving.over(positions) if self.moving else None
        return Reach(None, None, hull((moved, self.fixed)))

    def joined(self, other: Reach) -> Reach | None:
        """Around both; None when they move along different axes or at different rates."""
        if self == other:
            return self
        fixed = hull((self.fixed, other.fixed)) if self.fixed or other.fixed else None
        if self.moving is None or other.moving is None:
            mover = other if self.moving is None else self
            return replace(mover, fixed=fixed)
        moving = self.moving.joined(other.moving) if self.axis == other.axis else None
        return Reach(self.axis, moving, fixed) if moving else None


@dataclass(slots=True)
class Form:
    """What a tensor reaches of each spatial axis of the input."""

    view: View
    reaches: tuple[Reach, ...]
    loose: bool = False
    """Whether some positions reach less: an axis was merged with others, or something is unknown.
    """


def unknown(view: View) -> Form:
    """The form of a tensor of which nothing can be said."""
    return Form(view, (), loose=True)


def seen_as(form: Form, view: View) -> Form:
    """A form for another view of the same memory; a loose one when an axis was cut up or merged.

    An axis of the view is one of the tensor when its stride is a multiple of that one's: a slice.
    """
    if form.view is view or form.view == view:
        return form
    seen = [_seen(reach, form.view, view) for reach in form.reaches]
    if None not in seen:
        return Form(view, tuple(reach for reach in seen if reach), form.loose)
    shape = form.view.shape
    every = (reach.settled(range(shape[reach.axis or 0])) for reach in form.reaches)
    whole = math.prod(view.shape) == math.prod(shape)
    return Form(view, tuple(every), loose=True) if whole else unknown(view)


def rows_apart(form: Form, matrix: View) -> Form | None:
    """A form for a matrix whose rows are merged from several axes, with these axes apart.

    Such as the positions of a map with its channels last, when a linear layer reads it. None when
    the memory is not of that order.
    """
    old = form.view
    if len(matrix.shape) != 2 or matrix.itemsize != old.itemsize or matrix.offset != old.offset:
        return None
    axes = sorted(
        (axis for axis, size in enumerate(old.shape) if size > 1), key=lambda a: -old.stride[a]
    )
    shape = tuple(old.shape[axis] for axis in axes)
    apart = dense(matrix, shape)
    if matrix.stride != (matrix.shape[1], 1) or math.prod(shape) != math.prod(matrix.shape):
        return None
    if not axes or shape[-1] != matrix.shape[1]:
        return None
    if any(old.stride[axis] != step for axis, step in zip(axes, apart.stride, strict=True)):
        return None
    reaches = [
        Reach(axes.index(reach.axis), reach.moving, reach.fixed)
        if reach.axis in axes
        else reach.settled([0])
        for reach in form.reaches
    ]
    return Form(apart, tuple(reaches), form.loose)


def dense(view: View, shape: tuple[int, ...]) -> View:
    """The same memory, from the same place on, as a tensor of another shape, row by row."""
    stride = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    return View(view.storage, shape, stride, view.offset, view.itemsize, view.floating)


def _seen(reach: Reach, old: View, new: View) -> Reach | None:
    if reach.moving is None or reach.axis is None:
        return reach
    stride, size = old.stride[reach.axis], old.shape[reach.axis]
    if old.itemsize != new.itemsize or any(
        other > 1 and step == stride
        for axis, (step, other) in enumerate(zip(old.stride, old.shape, strict=True))
        if axis != reach.axis
    ):
        return None
    # Of positions that differ by less than the stride only the outer axes' strides are greater.
    begin = (new.offset - old.offset) % (stride * size) // stride if size > 1 else 0
    if new.offset < old.offset:
        return None
    if size == 1 or stride == 0:
        return reach.settled(range(size))
    moving: list[int] = []
    for axis, (step, count) in enumerate(zip(new.stride, new.shape, strict=True)):
        if count == 1 or step == 0:
            continue
        within = step % stride == 0 and step < stride * size
        if within:
            moving.append(axis)
        elif step < stride and step * (count - 1) >= stride:
            return None  # an inner axis that runs over into this one
    if not moving:
        return reach.settled([begin])
    if len(moving) > 1:
        return None
    step = new.stride[moving[0]] // stride
    if begin + step * (new.shape[moving[0]] - 1) >= size:
        return None  # runs over into an outer axis
    shifted = reach.moving.read_by(lambda index: (begin + index * step,), 1, step)
    return Reach(moving[0], shifted, reach.fixed)
