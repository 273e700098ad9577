"""What is read as a drawing, and how everything else is refused."""

from typing import Any

import pytest

from server.doodle.strokes import Drawing, InvalidDrawing


def test_reads_and_writes_the_quick_draw_form() -> None:
    lists = [[[0, 10, 20], [5, 6, 7]], [[1.5], [2.5]]]
    drawing = Drawing.from_lists(lists)
    assert drawing.to_lists() == lists
    assert drawing.points == 4
    assert (drawing.box.left, drawing.box.top, drawing.box.right, drawing.box.bottom) == (
        0,
        2.5,
        20,
        7,
    )


def test_times_are_accepted_and_empty_strokes_dropped() -> None:
    drawing = Drawing.from_lists([[[1, 2], [3, 4], [0, 16]], [[], []]])
    assert drawing.to_lists() == [[[1, 2], [3, 4]]]


@pytest.mark.parametrize(
    ("lists", "pointer"),
    [
        ("cat", "/drawing"),
        ({}, "/drawing"),
        (None, "/drawing"),
        ([], "/drawing"),
        ([[[], []]], "/drawing"),
        ([5], "/drawing/0"),
        (["ab"], "/drawing/0"),
        ([[[1]]], "/drawing/0"),
        ([[[1], [1], [1], [1]]], "/drawing/0"),
        ([[[1, 2], [1]]], "/drawing/0"),
        ([[[1], [1], [1, 2]]], "/drawing/0/2"),
        ([[[1], [1]], [[1], 7]], "/drawing/1/1"),
        ([[[1, "2"], [1, 2]]], "/drawing/0/0/1"),
        ([[[1, True], [1, 2]]], "/drawing/0/0/1"),
        ([[[1, None], [1, 2]]], "/drawing/0/0/1"),
        ([[[1, 2], [1, float("nan")]]], "/drawing/0/1/1"),
        ([[[1, 2], [float("-inf"), 2]]], "/drawing/0/1/0"),
        ([[[10**400], [0]]], "/drawing/0/0/0"),
        ([[[2e9], [0]]], "/drawing/0/0/0"),
    ],
)
def test_refuses_what_is_no_drawing_and_says_where(lists: Any, pointer: str) -> None:
    with pytest.raises(InvalidDrawing) as refusal:
        Drawing.from_lists(lists)
    assert refusal.value.pointer == pointer
    assert refusal.value.detail
