"""Forwards through a network: how the fields of each layer's units lie, without clipping.

The arithmetic of Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural
Networks", Distill 2019, over every path, with a period where a layer enlarges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from server.engine.receptive_field.interval import Moving, Window
from server.engine.receptive_field.pointwise import is_pointwise
from server.engine.receptive_field.reach import Form, Reach, dense, rows_apart, seen_as, unknown
from server.engine.receptive_field.reads import arguments_read
from server.engine.receptive_field.reductions import axes_of
from server.engine.receptive_field.windows import axes_named, each
from server.engine.record import Operation, Slot, Storage, View

Positions = Callable[[int], Iterable[int]]
Step = Window | tuple[Positions, int, int]
"""What a layer's position reads along an axis, and how that repeats: see ``Moving``."""


@dataclass(frozen=True, slots=True)
class ClosedForm:
    """How the unclipped boxes of a layer's units lie, where they are all alike."""

    size: tuple[int, ...]
    """For each axis of the input, their length."""
    stride: tuple[int, ...]
    """How far they move from one unit to the next."""
    start: tuple[int, ...]
    """Where the one of the unit at 0 begins."""


class Sweep:
    """The closed forms of every tensor of a run at every time, along some axes of one input."""

    def __init__(self, stages: Sequence[Stage], source: View, axes: Sequence[int]) -> None:
        start = tuple(Reach(axis, Moving(((0, 1),), 1)) for axis in axes)
        form = Form(source, start)
        self._history: dict[int, list[tuple[int, Form | None]]] = {source.storage: [(-1, form)]}
        """By storage: the times when it was written to, and the forms since then."""
        self._closed: dict[int, ClosedForm | None] = {}
        """By the id of a form's reaches, which many tensors share."""
        self._kept: list[Form] = []
        """These forms, so that no id is given twice."""
        forms = {source.storage: form}
        for time, stage in enumerate(stages):
            stage.advance(forms)
            for view in stage.made:
                found = forms.get(view.storage)
                history = self._history.get(view.storage)
                if history is not None:
                    if history[-1][1] is not found:
                        history.append((time, found))
                elif found is not None:
                    self._history[view.storage] = [(time, found)]

    def of(self, slot: Slot) -> Form | None:
        """What a tensor reaches; None when nothing or not known."""
        for time, form in reversed(self._history.get(slot.view.storage, ())):
            if time < slot.time:
                if form is None or (form.loose and form.view is slot.view):
                    return None
                seen = seen_as(form, slot.view)
                return seen if seen.reaches and not seen.loose else None
        return None

    def closed(self, slot: Slot) -> ClosedForm | None:
        """Size, stride and start of a tensor's fields; None where they are not all alike."""
        form = self.of(slot)
        if form is None:
            return None
        key = id(form.reaches)
        if key not in self._closed:
            self._closed[key] = _closed(form.reaches)
            self._kept.append(form)
        return self._closed[key]


def _closed(reaches: Sequence[Reach]) -> ClosedForm | None:
    size, stride, start = [], [], []
    for reach in reaches:
        moving = reach.moving
        if moving is None or reach.fixed or len(moving.phases) != 1 or moving.phases[0] is None:
            return None
        low, high = moving.phases[0]
        size.append(high - low)
        stride.append(moving.advance)
        start.append(low)
    return ClosedForm(tuple(size), tuple(stride), tuple(start))


class Stage:
    """One operation, ready for any number of sweeps."""

    def __init__(self, operation: Operation, storages: Mapping[int, Storage]) -> None:
        self.made = (*operation.results, *operation.written)
        self._operation = operation
        self._reads = (*arguments_read(operation), *operation.outside)
        self._name = operation.name.removesuffix("_")
        given = operation.arguments
        # The matrix whose rows are read one by one.
        self._rows = (
            given.get("mat1", given.get("self")) if self._name in _MATRIX_PRODUCTS else None
        )
        self._whole = [_whole(view, storages) for view in self.made]
        rank = len(self.made[0].shape)
        self._targets = [
            (view, whole and len(view.shape) == rank and not operation.outside, unknown(view))
            for view, whole in zip(self.made, self._whole, strict=True)
        ]
        """What is made, whether there may be a form for it, and the one where there is none."""
        self._same = self._name in _SAME or (
            self._name not in ("cat", "copy") and is_pointwise(operation)
        )
        """Whether each position reads the same one."""
        self._normalises = self._name in _NORMALISATIONS and not _settles(operation)
        """Whether it does so beside constants."""
        self._steps: tuple[View, dict[int, Step] | None] | None = None

    def advance(self, forms: dict[int, Form]) -> None:
        """Note the forms of what the operation made."""
        read = []
        for view in self._reads:
            form = forms.get(view.storage)
            if form is not None:
                seen = form if form.view is view else seen_as(form, view)
                if seen.loose and not form.loose and view is self._rows:
                    seen = rows_apart(form, view) or seen
                read.append(seen)
        if not read:
            for view, whole in zip(self.made, self._whole, strict=True):
                if view.storage in forms and not whole:
                    forms[view.storage] = unknown(view)
                else:
                    forms.pop(view.storage, None)
            return
        known = True
        for form in read:
            if form.loose and not form.reaches:
                known = False
        for view, fits, loose in self._targets:
            made = self._form(view, read) if known and fits else None
            forms[view.storage] = made or loose

    def _form(self, view: View, read: list[Form]) -> Form | None:
        """The form of a result; None when this kind of operation has none."""
        main = read[0]
        alone = len(read) == 1
        same = self._same or (self._normalises and not main.loose)
        if alone and same and main.view.shape == view.shape:
            return main if main.view is view else Form(view, main.reaches, main.loose)
        if self._same:
            return _joined(view, read)
        if alone:
            if self._steps is None or self._steps[0] is not main.view:
                self._steps = main.view, _steps(self._name, self._operation, view, main.view)
            steps = self._steps[1]
            if steps is not None:
                return _stepped(view, main, steps)
        return _made(self._operation, view, read)


def _whole(view: View, storages: Mapping[int, Storage]) -> bool:
    return math.prod(view.shape) * view.itemsize == storages[view.storage].size


def _made(operation: Operation, view: View, read: list[Form]) -> Form | None:
    """The form of a result; None when this kind of operation has none."""
    name = operation.name.removesuffix("_")
    given = operation.arguments
    main = read[0]
    if name == "cat":
        axis = given.get("dim", 0) % len(view.shape)
        if any(reach.moving and reach.axis == axis for form in read for reach in form.reaches):
            return None
        return _joined(view, read)
    if name == "copy":
        return _joined(view, read[-1:]) if given["src"].storage == read[-1].view.storage else None
    if len(read) > 1:
        return None
    if name in _MATRIX_PRODUCTS and len(main.view.shape) > len(view.shape):
        # Each row by itself, whatever axes the rows were merged from.
        inner = len(main.view.shape) - 1
        within = [reach.axis == inner for reach in main.reaches]
        apart = dense(view, (*main.view.shape[:-1], view.shape[-1]))
        pairs = zip(main.reaches, within, strict=True)
        reaches = [
            reach.settled(range(main.view.shape[inner])) if all_read else reach
            for reach, all_read in pairs
        ]
        return Form(apart, tuple(reaches))
    settled = _settled(name, operation, view, main.view)
    if settled is None:
        return None
    whole = all(size == 1 for axis, size in enumerate(main.view.shape) if axis not in settled)
    reaches = []
    for reach in main.reaches:
        if reach.moving and reach.axis in settled:
            reach = reach.settled(range(main.view.shape[reach.axis]))
        elif reach.moving and len(view.shape) != len(main.view.shape):
            before = sum(axis < (reach.axis or 0) for axis in settled)
            reach = Reach((reach.axis or 0) - before, reach.moving, reach.fixed)
        reaches.append(reach)
    return Form(view, tuple(reaches), main.loose and not whole)


_SAME = frozenset({"channel_shuffle", "native_channel_shuffle"})
_MATRIX_PRODUCTS = frozenset({"mm", "addmm"})
_PRODUCTS = frozenset({"mm", "addmm", "bmm", "baddbmm"})
_REDUCTIONS = frozenset(
    {
        *("sum", "mean", "amax", "amin", "max", "min", "var", "std", "linalg_vector_norm"),
        *("logsumexp", "_softmax", "_log_softmax", "_safe_softmax"),
    }
)


def _joined(view: View, read: Iterable[Form]) -> Form | None:
    """Around several tensors, broadcast to one."""
    total: list[Reach | None] = []
    loose = False
    for form in read:
        loose |= form.loose
        aligned = [_broadcast(reach, form.view, view) for reach in form.reaches]
        pairs = zip(total, aligned, strict=True) if total else ((None, reach) for reach in aligned)
        total = [old.joined(new) if old else new for old, new in pairs]
        if None in total:
            return None
    return Form(view, tuple(reach for reach in total if reach), loose)


def _broadcast(reach: Reach, old: View, new: View) -> Reach:
    if reach.moving is None or reach.axis is None:
        return reach
    axis = reach.axis + len(new.shape) - len(old.shape)
    if old.shape[reach.axis] == 1 and new.shape[axis] > 1:
        return reach.settled([0])
    return Reach(axis, reach.moving, reach.fixed)


def _stepped(view: View, form: Form, steps: Mapping[int, Step]) -> Form:
    """Through a layer that reads windows along some axes, and all of the channels."""
    channels = len(form.view.shape) - len(steps) - 1
    reaches, changed = [], False
    for reach in form.reaches:
        step = steps.get(reach.axis) if reach.moving and reach.axis is not None else None
        if step is not None and reach.moving and step is not _IDLE:
            moved = (
                reach.moving.through(step)
                if isinstance(step, Window)
                else reach.moving.read_by(*step)
            )
            reach, changed = Reach(reach.axis, moved, reach.fixed), True
        elif step is None and reach.moving and reach.axis == channels:
            reach, changed = reach.settled(range(form.view.shape[channels])), True
        reaches.append(reach)
    return Form(view, tuple(reaches) if changed else form.reaches, form.loose)


_IDLE = Window(0, 0, 1, 1)
"""Each position reads itself."""


def _steps(name: str, operation: Operation, made: View, read: View) -> dict[int, Step] | None:
    """By axis, the windows of a layer; None when it has none."""
    given = operation.arguments
    if name in ("convolution", "_convolution"):  # the latter is that of traced ScriptModules
        count = len(read.shape) - 2
        kernels: Sequence[int] = given["weight"].shape[2:]
        settings = [each(given[key], count) for key in ("stride", "padding", "dilation")]
        step = _transposed if given["transposed"] else _window
        windows = [step(*values) for values in zip(kernels, *settings, strict=True)]
    elif name.startswith(("max_pool", "avg_pool", "mkldnn_max_pool")):
        count = axes_named(operation)
        kernels = each(given["kernel_size"], count)
        settings = [
            each(given["stride"] or kernels, count),
            each(given["padding"], count),
            each(given.get("dilation", 1), count),
        ]
        windows = [_window(*values) for values in zip(kernels, *settings, strict=True)]
    elif "adaptive_" in name:
        count = axes_named(operation)
        pairs = zip(made.shape[-count:], read.shape[-count:], strict=True)
        windows = [_adaptive(*pair) for pair in pairs]
    elif name.endswith("pad_nd") or "tion_pad" in name:
        pads: Sequence[int] = given.get("pad", given.get("padding"))
        count = len(pads) // 2
        windows = [_window(1, 1, before, 1) for before in pads[::2][::-1]]
    elif name == "pixel_shuffle":
        count, factor = 2, int(given["upscale_factor"])
        windows = [_window_of_block(factor)] * 2
    elif name == "pixel_unshuffle":
        count, factor = 2, int(given["downscale_factor"])
        windows = [_window(factor, factor, 0, 1)] * 2
    elif "upsample_" in name and not name.endswith("_aa") and not given.get("align_corners"):
        count = len(read.shape) - 2
        scales = [value for key, value in given.items() if key.startswith("scales")]
        pairs = zip(made.shape[2:], read.shape[2:], strict=True)
        windows = [
            _interpolated(
                name, Fraction(scale).limit_denominator(1000) if scale else Fraction(*pair)
            )
            for scale, pair in zip(scales, pairs, strict=True)
        ]
    else:
        return None
    return dict(enumerate(windows, start=len(read.shape) - count))


def _window(kernel: int, stride: int, padding: int, dilation: int) -> Step:
    if (kernel, stride, padding) == (1, 1, 0):
        return _IDLE
    return Window(-padding, dilation * (kernel - 1) - padding, dilation, stride)


def _transposed(kernel: int, stride: int, padding: int, dilation: int) -> Step:
    def positions(index: int) -> list[int]:
        places = (index + padding - dilation * tap for tap in range(kernel))
        return [place // stride for place in places if place % stride == 0]

    return positions, stride, 1


def _window_of_block(factor: int) -> Step:
    return (lambda index: (index // factor,)), factor, 1


def _adaptive(outputs: int, inputs: int) -> Step:
    common = math.gcd(outputs, inputs)
    return (
        lambda index: range(index * inputs // outputs, -(-(index + 1) * inputs // outputs)),
        outputs // common,
        inputs // common,
    )


def _interpolated(name: str, scale: Fraction) -> Step:
    """Of the modes of interpolation without aligned corners, for an input without borders."""
    over, under = scale.numerator, scale.denominator

    def positions(index: int) -> Iterable[int]:
        if "nearest_exact" in name:
            return ((2 * index + 1) * under // (2 * over),)
        if "nearest" in name:
            return (index * under // over,)
        place, rest = divmod((2 * index + 1) * under - over, 2 * over)
        if rest == 0:
            return (place,)
        return range(place - 1, place + 3) if "cubic" in name else (place, place + 1)

    return positions, over, under


def _settled(name: str, operation: Operation, made: View, read: View) -> tuple[int, ...] | None:
    """The axes that an operation reads all of; None when that is not its kind."""
    given: Mapping[str, Any] = operation.arguments
    count = len(read.shape)
    if name in _REDUCTIONS:
        return axes_of(given.get("dim"), count)
    if name in _PRODUCTS:
        left = next(given[key] for key in ("mat1", "batch1", "self") if key in given)
        return (count - 1,) if read == left else None
    if name == "native_layer_norm":
        return tuple(range(count - len(given["normalized_shape"]), count))
    if name == "native_group_norm":
        return tuple(range(1, count))
    if name in _NORMALISATIONS:
        return (0, *range(2, count)) if _settles(operation) else ()
    return None


_NORMALISATIONS = frozenset({"native_batch_norm", "_native_batch_norm_legit_no_training"})


def _settles(operation: Operation) -> bool:
    """Whether a batch normalisation takes its statistics from what it reads."""
    given = operation.arguments
    return bool(given.get("training")) or given.get("running_mean") is None
