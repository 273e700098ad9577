"""Settings of a layer as Hypothesis draws them: what all layers share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]


ODD: list[Any] = [0, -1, -2, 1.5, 2.0, None, "3", [], [1], [2, 1], [1, 2, 1], [0], [1.5], 2**70]
"""Values that most parameters refuse."""


class Setting(NamedTuple):
    """One layer and what it is given."""

    type: str
    parameters: dict[str, Any]
    input_shape: tuple[int, ...]
    training: bool = False


ENORMOUS = [10**6, 2**31, 2**40, 2**62, 2**63 - 1]


def number(draw: Draw, low: int, high: int) -> int:
    """Most often small and legal, sometimes just outside."""
    value: int = draw(st.integers(low, high))
    return value if draw(st.integers(0, 60)) else draw(st.sampled_from([0, -1, low - 1, high + 3]))


def per_axis(draw: Draw, axes: int, low: int, high: int) -> Any:
    """One number, or a list of one for each axis; seldom something odd."""
    choice = draw(st.integers(0, 99))
    if choice < 50:
        return number(draw, low, high)
    if choice < 94:
        return [number(draw, low, high) for _ in range(axes)]
    if choice < 96:
        return [number(draw, low, high)]
    if choice < 99:
        return draw(st.sampled_from(ODD))
    return draw(st.sampled_from(ENORMOUS))


def optional(draw: Draw, parameters: dict[str, Any], **makers: Callable[[], Any]) -> None:
    """Add some of the parameters, each by its maker."""
    for name, make in makers.items():
        if draw(st.booleans()):
            parameters[name] = make()


def flag(draw: Draw) -> bool:
    """True or false."""
    found: bool = draw(st.booleans())
    return found


def shape(draw: Draw, axes: int, channels: int, low: int = 1, high: int = 12) -> tuple[int, ...]:
    """(C, *space), mostly with a batch; seldom with other axes, or an empty one."""
    space = [draw(st.integers(low, high)) for _ in range(axes)]
    found = [draw(st.integers(1, 3)), channels, *space]
    choice = draw(st.integers(0, 29))
    if choice < 5:
        found = found[1:]
    elif choice == 5:
        found[draw(st.integers(0, len(found) - 1))] = 0
    elif choice == 6:
        found[0] = 0
    elif choice == 7:
        found = draw(st.lists(st.integers(0, 6), max_size=6))
    elif choice == 8 and draw(st.integers(0, 3)) == 0:
        found[-1] = draw(st.sampled_from(ENORMOUS))
    return tuple(found)


def dimensions(draw: Draw) -> int:
    """1, 2 or 3 axes of space, 2 most often."""
    found: int = draw(st.sampled_from([1, 2, 2, 2, 3]))
    return found
