"""A live drawing after its changes is the drawing that is sent as a whole."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from server.doodle.strokes import Drawing
from server.schemas.live import Change
from server.services.live_drawing import LiveDrawing
from server.settings import Settings
from tests.support.drawings import HOUSE, SUN

CHANGES: TypeAdapter[list[Any]] = TypeAdapter(list[Change])
POINTS = st.lists(st.tuples(st.integers(-99, 99), st.floats(-1e3, 1e3)), max_size=4)
STEPS = st.lists(
    st.tuples(st.sampled_from(["begin", "extend", "end", "undo", "clear", "replace"]), POINTS),
    max_size=12,
)


def changed(drawing: LiveDrawing, *changes: dict[str, Any]) -> LiveDrawing:
    return drawing.changed(CHANGES.validate_python(list(changes)), Settings())


def assert_same(live: LiveDrawing, lists: list[list[list[float]]]) -> None:
    """The same arrays, also in memory: compiled code is compiled for an order of memory."""
    assert live.points == sum(len(stroke[0]) for stroke in lists)
    drawing = live.drawing
    if drawing is None:
        assert live.points == 0
        return
    whole = Drawing.from_lists(lists)
    assert len(drawing.strokes) == len(whole.strokes)
    for stroke, other in zip(drawing.strokes, whole.strokes, strict=True):
        assert np.array_equal(stroke, other)
        assert stroke.dtype == other.dtype
        assert stroke.flags.c_contiguous


@settings(max_examples=60)
@given(STEPS)
def test_changes_one_by_one_give_the_whole(steps: list[tuple[str, Any]]) -> None:
    live = LiveDrawing()
    lists: list[list[list[float]]] = []
    is_open = False
    for kind, points in steps:
        x, y = [point[0] for point in points], [point[1] for point in points]
        match kind:
            case "begin":
                change: dict[str, Any] = {"change": kind, "x": x, "y": y}
                lists.append([[*x], [*y]])
                is_open = True
            case "extend" if is_open:
                change = {"change": kind, "x": x, "y": y}
                lists[-1][0] += x
                lists[-1][1] += y
            case "end" if is_open:
                change, is_open = {"change": kind}, False
            case "undo" if lists:
                change, is_open = {"change": kind}, False
                lists.pop()
            case "clear":
                change, is_open = {"change": kind}, False
                lists.clear()
            case "replace" if points:
                change, is_open = {"change": kind, "drawing": [[x, y]]}, True
                lists[:] = [[[*x], [*y]]]
            case _:
                continue
        live = changed(live, change)
        assert_same(live, lists)


def test_a_change_leaves_the_state_before_it_as_it_was() -> None:
    house = changed(LiveDrawing(), {"change": "replace", "drawing": HOUSE})
    longer = changed(house, {"change": "extend", "x": [1], "y": [2]})
    other = changed(house, {"change": "undo"}, {"change": "begin", "x": [7], "y": [7]})
    assert_same(house, HOUSE)
    assert_same(longer, [*HOUSE[:-1], [[*HOUSE[-1][0], 1], [*HOUSE[-1][1], 2]]])
    assert_same(other, [*HOUSE[:-1], [[7], [7]]])
    assert_same(changed(longer, {"change": "replace", "drawing": SUN}), SUN)


def test_a_replacement_without_points_is_nothing() -> None:
    sun = changed(LiveDrawing(), {"change": "replace", "drawing": SUN})
    nothing: list[Any] = [[], [[[], []]], [[[], []], [[], []]]]
    for empty in nothing:
        assert changed(sun, {"change": "replace", "drawing": empty}).drawing is None
