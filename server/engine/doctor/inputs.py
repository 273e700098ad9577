"""Other inputs of the model: an axis more or less, channels elsewhere, another type or size."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from server.engine.doctor.case import Candidate, Case
from server.engine.doctor.change import InputChange

Arrange = Callable[[Tensor], Tensor]

MOST_CHANNELS = 4
"""A last axis that is not longer may be the channels of an image."""

STEPS = 64
"""Sizes that are tried one by one on either side."""

USUAL = (28, 32, 64, 96, 112, 128, 160, 192, 224, 240, 256, 288, 299, 320, 384, 448, 512, 640, 1024)
"""Sizes of images that networks are made for."""


def arranged(case: Case) -> Iterator[Candidate]:
    """The inputs with other axes, or of the type that the model computes with."""
    for number, tensor in enumerate(case.found.inputs):
        name = case.input_name(number)
        dtypes = _types(case, tensor)
        for words, arrange in _arrangements(tensor):
            for dtype in dtypes:
                made, text = _composed(arrange, words, dtype)
                if not text:
                    continue
                result = made(tensor)
                form = f" as {list(result.shape)}" if words else ""
                if dtype:
                    form += f" {'in' if words else 'as'} {dtype}"
                yield Candidate(
                    "input",
                    name,
                    "shape" if words else "dtype",
                    tuple(result.shape) if words else result.dtype,
                    f"give {name}{form}: {text}",
                    (InputChange({number: made}),),
                    only_if_complete=True,
                )


def _types(case: Case, tensor: Tensor) -> list[torch.dtype | None]:
    """None for the type that it has, and the one that the model's parameters have."""
    if tensor.is_floating_point() or tensor.is_complex():
        return [None]
    own = (item.dtype for item in case.model.parameters() if item.is_floating_point())
    return [None, next(own, torch.get_default_dtype())]


def _composed(arrange: Arrange, words: str, dtype: torch.dtype | None) -> tuple[Arrange, str]:
    if dtype is None:
        return arrange, f"x{words}" if words else ""
    return lambda tensor: arrange(tensor).to(dtype), f"x{words}.to({dtype})"


def _arrangements(tensor: Tensor) -> Iterator[tuple[str, Arrange]]:
    """What may have been meant, with the expression for it; first as it is."""
    axes, shape = tensor.ndim, tensor.shape
    yield "", lambda x: x
    if axes in (1, 2, 3, 4):
        yield ".unsqueeze(0)", lambda x: x.unsqueeze(0)
    if axes in (2, 3):
        yield ".unsqueeze(1)", lambda x: x.unsqueeze(1)
    if axes == 2:
        yield "[None, None]", lambda x: x[None, None]
    if axes == 3 and shape[-1] <= MOST_CHANNELS:
        yield ".permute(2, 0, 1).unsqueeze(0)", lambda x: x.permute(2, 0, 1).unsqueeze(0)
        yield ".permute(2, 0, 1)", lambda x: x.permute(2, 0, 1)
    if axes == 4 and shape[-1] <= MOST_CHANNELS:
        yield ".permute(0, 3, 1, 2)", lambda x: x.permute(0, 3, 1, 2)
    if axes > 1 and shape[0] == 1:
        yield ".squeeze(0)", lambda x: x.squeeze(0)
    if axes == 3:
        yield ".transpose(1, 2)", lambda x: x.transpose(1, 2)


def resized(
    case: Case, complete: Callable[[Candidate], bool], *, one_by_one: bool
) -> Iterator[Candidate]:
    """The input in the size nearest to its own with which the whole forward passes.

    Found by trying: sizes one by one on both sides, then usual ones; of those that are larger, a
    smaller one is then looked for by halving.

    Args:
        case: a run that failed.
        complete: tells whether the whole forward then passes.
        one_by_one: whether there is time to try every size nearby. Else only usual ones are tried.
    """
    spatial = [
        (number, tuple(tensor.shape[2:]))
        for number, tensor in enumerate(case.found.inputs)
        if tensor.ndim > 2 and tensor.is_floating_point()
    ]
    if not spatial:
        return
    sizes = spatial[0][1]
    numbers = [number for number, other in spatial if other == sizes]
    square = len(set(sizes)) == 1
    side = sizes[0] if square else min(sizes)

    def candidate(wanted: int) -> Candidate:
        # Of an image that is not square, only what is smaller grows: larger sides stay.
        new = tuple(wanted if square else max(size, wanted) for size in sizes)
        name = case.input_name(numbers[0])
        shape = (*case.found.inputs[numbers[0]].shape[:2], *new)
        return Candidate(
            "input",
            name,
            "shape",
            shape,
            f"give {name} as {list(shape)}",
            (InputChange({number: _sized(new) for number in numbers}),),
            only_if_complete=True,
            cost=1 + max(10 * abs(a - b) // max(b, 1) for a, b in zip(new, sizes, strict=True)),
        )

    if one_by_one:
        nearby = itertools.chain.from_iterable(
            (side + step, side - step) if square else (side + step,) for step in range(1, STEPS + 1)
        )
        for wanted in nearby:
            if wanted > 0 and complete(candidate(wanted)):
                yield candidate(wanted)
                return
    reached = STEPS if one_by_one else 0
    usual = sorted(
        (size for size in USUAL if abs(size - side) > reached and (square or size > side)),
        key=lambda size: abs(size - side),
    )
    refused = side + reached
    for wanted in usual:
        if complete(candidate(wanted)):
            if wanted > refused:
                wanted = _smallest(refused, wanted, lambda size: complete(candidate(size)))
            yield candidate(wanted)
            return
        refused = max(refused, wanted)


def _smallest(refused: int, accepted: int, passes: Callable[[int], bool]) -> int:
    """A size that passes while the one below does not."""
    while accepted - refused > 1:
        middle = (refused + accepted) // 2
        if passes(middle):
            accepted = middle
        else:
            refused = middle
    return accepted


def _sized(sizes: tuple[int, ...]) -> Arrange:
    def change(tensor: Tensor) -> Any:
        return tensor.new_zeros((*tensor.shape[:2], *sizes))

    return change
