"""What holds of every rendered drawing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from server.doodle.raster import SIDE, placement, render
from server.doodle.strokes import COORDINATE_LIMIT, Drawing

coordinates = st.floats(0, 255, width=32)
strokes = st.integers(1, 12).flatmap(lambda n: arrays(np.float64, (n, 2), elements=coordinates))
drawings = st.lists(strokes, min_size=1, max_size=5).map(lambda parts: Drawing(tuple(parts)))


def moved(drawing: Drawing, scale: float, x: float, y: float) -> Drawing:
    return Drawing(tuple(stroke * scale + (x, y) for stroke in drawing.strokes))


def same_picture(one: np.ndarray, other: np.ndarray) -> bool:
    """Equal but for coordinates that fall on either side of cairo's 1/256 pixel."""
    return bool(np.abs(one.astype(int) - other.astype(int)).max() <= 4)


@given(drawings, st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_place_on_the_pad_does_not_matter(drawing: Drawing, x: int, y: int) -> None:
    assert same_picture(render(drawing), render(moved(drawing, 1, x, y)))


@given(drawings, st.sampled_from([0.25, 0.5, 3.0, 7.5, 100.0]))
def test_size_on_the_pad_does_not_matter(drawing: Drawing, scale: float) -> None:
    if drawing.box.longer_side > 1e-3:  # a dot has no size that could be brought to the form's
        assert same_picture(render(drawing), render(moved(drawing, scale, 0, 0)))


@given(drawings)
def test_ink_stays_within_the_pen_of_the_box(drawing: Drawing) -> None:
    image = render(drawing)
    assert image.shape == (SIDE, SIDE)
    assert image.dtype == np.uint8
    assert image.any()
    place, rows, columns = placement(drawing), *np.nonzero(image)
    pen = place.line_width / 2 + 1 / 256
    assert columns.min() + 1 >= place.box.left * place.scale + place.offset_x - pen
    assert columns.max() <= place.box.right * place.scale + place.offset_x + pen
    assert rows.min() + 1 >= place.box.top * place.scale + place.offset_y - pen
    assert rows.max() <= place.box.bottom * place.scale + place.offset_y + pen


@given(drawings)
def test_ink_is_on_every_point(drawing: Drawing) -> None:
    image, place = render(drawing), placement(drawing)
    for stroke in drawing.strokes:
        pixels = np.floor(stroke * place.scale + (place.offset_x, place.offset_y)).astype(int)
        assert (image[pixels[:, 1], pixels[:, 0]] > 0).all()


@given(drawings)
def test_direction_of_the_pen_does_not_matter(drawing: Drawing) -> None:
    backwards = Drawing(tuple(stroke[::-1].copy() for stroke in drawing.strokes))
    assert same_picture(render(drawing), render(backwards))


@given(
    st.lists(
        st.tuples(
            st.floats(-COORDINATE_LIMIT, COORDINATE_LIMIT),
            st.floats(-COORDINATE_LIMIT, COORDINATE_LIMIT),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_every_drawing_that_is_accepted_has_a_picture(points: list[tuple[float, float]]) -> None:
    drawing = Drawing.from_lists([[[x for x, _ in points], [y for _, y in points]]])
    assert render(drawing).any()
