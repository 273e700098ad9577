"""The one rasteriser: strokes to the 28x28 image that the network sees.

The recipe is the one by which Google made the published Quick, Draw! bitmaps
(googlecreativelab/quickdraw-dataset, issue 19): the drawing's box is moved to the origin and its
longer side scaled to 255, drawn by cairo with a round pen of diameter 16 on a square of side
256 + 2 * 16 + 16 = 304 with the drawing in the middle, scaled to 28, white ink on black.

What cairo computes is reproduced rather than linked against: each segment of a stroke is the
convex hull of its two end faces and of the regular polygon that cairo's tolerance (0.1 pixel)
makes of the pen's circle; coverage is exact along x in 256ths of a pixel on 15 rows a pixel;
the strokes are composited with "over" in 8 bits, one after the other.

The published simplified drawings may miss their box by a unit or two (simplification dropped the
extreme point), and the published bitmaps leave it so; here every drawing is brought to its box, so
that a drawing's place and size on the pad never matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from server.doodle.strokes import Box, Drawing

SIDE = 28
"""Pixels along each side of the image."""

DRAWING_SIDE = 255.0
"""The longer side of a drawing in the Quick, Draw! form."""

LINE_WIDTH = 16.0
"""Diameter of the pen, in units of the Quick, Draw! form."""

CANVAS_SIDE = 256.0 + 2 * 16.0 + LINE_WIDTH
"""Side of the square drawn on, in the same units: box, padding on both sides, pen."""

SMALLEST_SIDE = 1e-6
"""A drawing whose longer side is not above this, in its own unit, is a dot: it is not scaled."""

_ROWS = 15
"""Rows sampled per pixel by cairo's scan converter (its GRID_Y)."""

_COLUMNS = 256
"""Subdivisions of a pixel along x (its GRID_X)."""

_TOLERANCE = 0.1
"""Cairo's default flattening tolerance, in pixels."""


@dataclass(frozen=True)
class Placement:
    """How a point of a drawing came to its place: ``pixel = point * scale + offset``."""

    box: Box
    scale: float
    offset_x: float
    offset_y: float
    line_width: float
    side: int = SIDE


def placement(drawing: Drawing) -> Placement:
    """Where ``render`` puts the drawing; lengths in pixels of the 28x28 image.

    A single dot has no extent to be scaled by; it lands in the centre.
    """
    box = drawing.box
    to_pixels = SIDE / CANVAS_SIDE
    normalise = DRAWING_SIDE / box.longer_side if box.longer_side > SMALLEST_SIDE else 1.0
    scale = normalise * to_pixels
    return Placement(
        box=box,
        scale=scale,
        offset_x=SIDE / 2 - (box.left + box.width / 2) * scale,
        offset_y=SIDE / 2 - (box.top + box.height / 2) * scale,
        line_width=LINE_WIDTH * to_pixels,
    )


def render(drawing: Drawing) -> NDArray[np.uint8]:
    """Render a drawing: uint8 (28, 28), ink 255 on 0; position and size of it do not matter."""
    starts = np.cumsum([0, *(len(stroke) for stroke in drawing.strokes)], dtype=np.int64)
    return render_normalised(np.concatenate(drawing.strokes), starts)


def _pen_polygon(radius: float) -> NDArray[np.float64]:
    """Vertices of the pen's circle as cairo flattens it: (vertices, 2)."""
    vertices = max(4, math.ceil(2 * math.pi / math.acos(1 - _TOLERANCE / radius)))
    vertices += vertices % 2
    angles = 2 * math.pi * np.arange(vertices) / vertices
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


_PEN = _pen_polygon(LINE_WIDTH / 2 * SIDE / CANVAS_SIDE)


@numba.njit(cache=True, nogil=True)
def _render_strokes(
    points: NDArray[np.float64], starts: NDArray[np.int64], radius: float
) -> NDArray[np.uint8]:
    image = np.zeros((SIDE, SIDE), dtype=np.uint8)
    rows = SIDE * _ROWS
    capacity = 16
    spans = np.empty((rows, capacity, 2), dtype=np.int32)
    count = np.zeros(rows, dtype=np.int32)
    low = np.empty(rows, dtype=np.float64)
    high = np.empty(rows, dtype=np.float64)
    hull = np.empty((len(_PEN) + 4, 2), dtype=np.float64)
    for stroke in range(len(starts) - 1):
        first, last = starts[stroke], starts[stroke + 1]
        count[:] = 0
        for index in range(first, max(last - 1, first + 1)):
            following = min(index + 1, last - 1)
            vertices = _segment_hull(
                hull,
                points[index, 0],
                points[index, 1],
                points[following, 0],
                points[following, 1],
                radius,
            )
            top, bottom = _scan_hull(hull, vertices, low, high)
            for row in range(top, bottom):
                left = max(0, math.floor(low[row] * _COLUMNS + 0.5))
                right = min(SIDE * _COLUMNS, math.floor(high[row] * _COLUMNS + 0.5))
                if right > left:
                    if count[row] == capacity:
                        wider = np.empty((rows, capacity * 2, 2), dtype=np.int32)
                        wider[:, :capacity] = spans
                        spans = wider
                        capacity *= 2
                    count[row] = _insert_span(spans[row], count[row], left, right)
        _composite(image, spans, count)
    return image


@numba.njit(cache=True, nogil=True)
def _segment_hull(
    hull: NDArray[np.float64], x0: float, y0: float, x1: float, y1: float, radius: float
) -> int:
    """Write the outline of one segment, in order around it; returns the number of vertices."""
    dx, dy = x1 - x0, y1 - y0
    length = math.hypot(dx, dy)
    if length == 0.0:
        # Cairo draws a dot as a cap of direction (1, 0) on both sides.
        dx, dy, length = 1.0, 0.0, 1.0
    dx, dy = dx / length, dy / length
    nx, ny = -dy * radius, dx * radius
    size = 0
    vertices = len(_PEN)
    # Around the start (the half of the pen behind it), then around the end (the half ahead).
    for side in range(2):
        sign = 1.0 if side == 0 else -1.0
        x, y = (x0, y0) if side == 0 else (x1, y1)
        hull[size, 0], hull[size, 1] = x + sign * nx, y + sign * ny
        size += 1
        # Pen vertices follow each other by growing angle; find the first beyond the face.
        face = math.atan2(sign * ny, sign * nx)
        step = 2 * math.pi / vertices
        begin = math.floor(face / step) + 1
        for offset in range(vertices // 2 + 1):
            vertex = _PEN[(begin + offset) % vertices]
            ahead = (vertex[0] * dx + vertex[1] * dy) * -sign
            if ahead > 1e-9:
                hull[size, 0], hull[size, 1] = x + vertex[0], y + vertex[1]
                size += 1
        hull[size, 0], hull[size, 1] = x - sign * nx, y - sign * ny
        size += 1
    return size


@numba.njit(cache=True, nogil=True)
def _scan_hull(
    hull: NDArray[np.float64],
    vertices: int,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> tuple[int, int]:
    """Intersect a convex outline with the sample rows; returns the half-open range of rows."""
    limit = SIDE * _ROWS
    smallest, largest = hull[0, 1], hull[0, 1]
    for vertex in range(1, vertices):
        smallest = min(smallest, hull[vertex, 1])
        largest = max(largest, hull[vertex, 1])
    top = max(0, math.ceil(smallest * _ROWS - 0.5))
    bottom = min(limit, math.ceil(largest * _ROWS - 0.5))
    for row in range(top, bottom):
        low[row] = np.inf
        high[row] = -np.inf
    for vertex in range(vertices):
        following = vertex + 1 if vertex + 1 < vertices else 0
        xa, ya = hull[vertex, 0], hull[vertex, 1]
        xb, yb = hull[following, 0], hull[following, 1]
        if ya > yb:
            xa, ya, xb, yb = xb, yb, xa, ya
        start = max(top, math.ceil(ya * _ROWS - 0.5))
        stop = min(bottom, math.ceil(yb * _ROWS - 0.5))
        if stop <= start:
            continue
        slope = (xb - xa) / (yb - ya)
        for row in range(start, stop):
            x = xa + ((row + 0.5) / _ROWS - ya) * slope
            low[row] = min(low[row], x)
            high[row] = max(high[row], x)
    return top, bottom


@numba.njit(cache=True, nogil=True)
def _insert_span(spans: NDArray[np.int32], count: int, left: int, right: int) -> int:
    """Add [left, right) to disjoint sorted spans, merging; returns the new count."""
    begin = 0
    while begin < count and spans[begin, 1] < left:
        begin += 1
    end = begin
    while end < count and spans[end, 0] <= right:
        left = min(left, spans[end, 0])
        right = max(right, spans[end, 1])
        end += 1
    removed = end - begin
    if removed == 0:
        for index in range(count, begin, -1):
            spans[index, 0], spans[index, 1] = spans[index - 1, 0], spans[index - 1, 1]
    elif removed > 1:
        for index in range(end, count):
            spans[index - removed + 1, 0] = spans[index, 0]
            spans[index - removed + 1, 1] = spans[index, 1]
    spans[begin, 0], spans[begin, 1] = left, right
    return count - removed + 1


@numba.njit(cache=True, nogil=True)
def _composite(
    image: NDArray[np.uint8], spans: NDArray[np.int32], count: NDArray[np.int32]
) -> None:
    """Composite one stroke's coverage over the image, in cairo's and pixman's integers."""
    area = np.zeros(SIDE, dtype=np.int32)
    for y in range(SIDE):
        area[:] = 0
        touched = False
        for row in range(y * _ROWS, (y + 1) * _ROWS):
            for index in range(count[row]):
                left, right = spans[row, index, 0], spans[row, index, 1]
                touched = True
                x = left // _COLUMNS
                while x * _COLUMNS < right:
                    area[x] += min(right, (x + 1) * _COLUMNS) - max(left, x * _COLUMNS)
                    x += 1
        if not touched:
            continue
        for x in range(SIDE):
            # A full pixel is 2 * 256 * 15 = 7680 in cairo's units of area.
            alpha = (17 * 2 * area[x] + 256) >> 9
            product = image[y, x] * (255 - alpha) + 128
            image[y, x] = alpha + ((product + (product >> 8)) >> 8)


@numba.njit(cache=True, nogil=True)
def render_normalised(points: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Move and scale points to the Quick, Draw! form (box at 0, longer side 255) and render.

    Args:
        points: float64 (points, 2) of all strokes, one after the other; at least one.
        starts: int64 (strokes + 1,) index of each stroke's first point, and the number of points.

    Returns:
        uint8 (28, 28), ink 255 on 0.
    """
    left, top = points[:, 0].min(), points[:, 1].min()
    width, height = points[:, 0].max() - left, points[:, 1].max() - top
    longer_side = max(width, height)
    scale = SIDE / CANVAS_SIDE
    if longer_side > SMALLEST_SIDE:
        scale *= DRAWING_SIDE / longer_side
    placed = np.empty_like(points)
    for index in range(len(points)):
        # Cairo keeps coordinates in 24.8 fixed point.
        x = (points[index, 0] - left - width / 2) * scale + SIDE / 2
        y = (points[index, 1] - top - height / 2) * scale + SIDE / 2
        placed[index, 0] = math.floor(x * 256.0 + 0.5) / 256.0
        placed[index, 1] = math.floor(y * 256.0 + 0.5) / 256.0
    return _render_strokes(placed, starts, LINE_WIDTH / 2 * SIDE / CANVAS_SIDE)
