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
_PEN_VERTICES = len(_PEN)
_PEN_TWICE = np.concatenate([_PEN, _PEN, _PEN[:1]])
"""The outline twice around, for those who start anywhere on it."""

_CENTRES = (np.arange(SIDE * _ROWS) + 0.5) / _ROWS
"""Where each sample row lies, in pixels."""

_SPANS = 16
"""So many spans of a sample row there is room for at first."""


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _render_strokes(
    points: NDArray[np.float64], starts: NDArray[np.int64], radius: float
) -> NDArray[np.uint8]:
    image = np.zeros((SIDE, SIDE), dtype=np.uint8)
    rows = SIDE * _ROWS
    capacity = _SPANS
    # The spans of a row stand one after the other: begin, end, begin, end, ...
    spans = np.empty(rows * capacity * 2, dtype=np.int32)
    count = np.zeros(rows, dtype=np.int32)
    low = np.empty(rows, dtype=np.int32)
    high = np.empty(rows, dtype=np.int32)
    area = np.zeros(SIDE + 1, dtype=np.int32)
    hull = np.empty((_PEN_VERTICES + 5, 2), dtype=np.float64)
    for stroke in range(len(starts) - 1):
        first, last = starts[stroke], starts[stroke + 1]
        highest, lowest = rows, 0
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
            highest, lowest = min(highest, top), max(lowest, bottom)
            for row in range(top, bottom):
                left, right = max(low[row], 0), min(high[row], SIDE * _COLUMNS)
                if right <= left:
                    continue
                found = count[row]
                at = row * capacity * 2
                if found == 0:
                    spans[at], spans[at + 1] = left, right
                    count[row] = 1
                elif found == 1 and left <= spans[at + 1] and right >= spans[at]:
                    spans[at] = min(left, spans[at])
                    spans[at + 1] = max(right, spans[at + 1])
                else:
                    if found == capacity:
                        spans = _with_more_room(spans, rows, capacity)
                        capacity *= 2
                        at *= 2
                    count[row] = _insert_span(spans, at, found, left, right)
        _composite(image, spans, count, capacity, area, highest, lowest)
    return image


@numba.njit(cache=True, nogil=True)
def _with_more_room(spans: NDArray[np.int32], rows: int, capacity: int) -> NDArray[np.int32]:
    wider = np.empty((rows, capacity * 4), dtype=np.int32)
    wider[:, : capacity * 2] = spans.reshape(rows, capacity * 2)
    return wider.reshape(-1)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _segment_hull(
    hull: NDArray[np.float64], x0: float, y0: float, x1: float, y1: float, radius: float
) -> int:
    """Write the outline of one segment, in order around it, and its first vertex once more.

    The order is that of growing angles. Returns the number of vertices.
    """
    dx, dy = x1 - x0, y1 - y0
    length = math.hypot(dx, dy)
    if length == 0.0:
        # Cairo draws a dot as a cap of direction (1, 0) on both sides.
        dx, dy, length = 1.0, 0.0, 1.0
    dx, dy = dx / length, dy / length
    nx, ny = -dy * radius, dx * radius
    size = 0
    half = _PEN_VERTICES // 2
    # Pen vertices follow each other by growing angle; find the first beyond the face.
    begin = math.floor(math.atan2(ny, nx) / (2 * math.pi / _PEN_VERTICES)) + 1
    begin = begin + _PEN_VERTICES if begin < 0 else begin
    # Around the start (the half of the pen behind it), then around the end (the half ahead).
    for side in range(2):
        sign = 1.0 if side == 0 else -1.0
        x, y = (x0, y0) if side == 0 else (x1, y1)
        hull[size, 0], hull[size, 1] = x + sign * nx, y + sign * ny
        size += 1
        for vertex in range(begin, begin + half + 1):
            across, down = _PEN_TWICE[vertex, 0], _PEN_TWICE[vertex, 1]
            ahead = (across * dx + down * dy) * -sign
            if ahead > 1e-9:
                hull[size, 0], hull[size, 1] = x + across, y + down
                size += 1
        hull[size, 0], hull[size, 1] = x - sign * nx, y - sign * ny
        size += 1
        begin = begin + half if begin < half else begin - half
    hull[size, 0], hull[size, 1] = hull[0, 0], hull[0, 1]
    return size


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _scan_hull(
    hull: NDArray[np.float64],
    vertices: int,
    low: NDArray[np.int32],
    high: NDArray[np.int32],
) -> tuple[int, int]:
    """Intersect a convex outline with the sample rows; returns the half-open range of rows.

    What is found are columns, in 256ths of a pixel.

    Along the outline, y grows on the right side of it and falls on the left one, so each row is
    crossed once on either side.
    """
    limit = SIDE * _ROWS
    top, bottom = limit, 0
    here = math.ceil(hull[0, 1] * _ROWS - 0.5)
    for vertex in range(vertices):
        there = math.ceil(hull[vertex + 1, 1] * _ROWS - 0.5)
        top, bottom = min(top, there), max(bottom, there)
        if there > here:
            _cross(hull, vertex, vertex + 1, max(here, 0), min(there, limit), high)
        elif there < here:
            _cross(hull, vertex + 1, vertex, max(there, 0), min(here, limit), low)
        here = there
    return max(top, 0), min(bottom, limit)


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _cross(
    hull: NDArray[np.float64],
    upper: int,
    lower: int,
    start: int,
    stop: int,
    crossed: NDArray[np.int32],
) -> None:
    """Note where the edge between two vertices crosses the rows from ``start`` to ``stop``."""
    xa, ya = hull[upper, 0], hull[upper, 1]
    slope = (hull[lower, 0] - xa) / (hull[lower, 1] - ya)
    for row in range(start, stop):
        # Rounded towards 0, which is down: what lies below 0 is cut off.
        crossed[row] = int((xa + (_CENTRES[row] - ya) * slope) * _COLUMNS + 0.5)


@numba.njit(cache=True, nogil=True)
def _insert_span(spans: NDArray[np.int32], at: int, count: int, left: int, right: int) -> int:
    """Add [left, right) to the disjoint sorted spans from ``at``, merging; returns their count."""
    begin = at
    end_of_all = at + 2 * count
    while begin < end_of_all and spans[begin + 1] < left:
        begin += 2
    end = begin
    while end < end_of_all and spans[end] <= right:
        left = min(left, spans[end])
        right = max(right, spans[end + 1])
        end += 2
    removed = (end - begin) // 2
    if removed == 0:
        for index in range(end_of_all - 1, begin - 1, -1):
            spans[index + 2] = spans[index]
    elif removed > 1:
        for index in range(end, end_of_all):
            spans[index - 2 * (removed - 1)] = spans[index]
    spans[begin], spans[begin + 1] = left, right
    return count - removed + 1


@numba.njit(cache=True, nogil=True)
def _composite(
    image: NDArray[np.uint8],
    spans: NDArray[np.int32],
    count: NDArray[np.int32],
    capacity: int,
    area: NDArray[np.int32],
    top: int,
    bottom: int,
) -> None:
    """Composite one stroke's coverage over the image, in cairo's and pixman's integers.

    The stroke is in the rows from ``top`` to ``bottom``, whose spans are taken away; ``area``
    (side + 1,) is zero, and is so again.
    """
    for y in range(top // _ROWS, (bottom + _ROWS - 1) // _ROWS):
        leftmost, rightmost = SIDE, -1
        for row in range(max(top, y * _ROWS), min(bottom, (y + 1) * _ROWS)):
            at = row * capacity * 2
            for index in range(at, at + 2 * count[row], 2):
                left, right = spans[index], spans[index + 1]
                first, last = left // _COLUMNS, (right - 1) // _COLUMNS
                leftmost, rightmost = min(leftmost, first), max(rightmost, last)
                if first == last:
                    area[first] += right - left
                    continue
                area[first] += (first + 1) * _COLUMNS - left
                for x in range(first + 1, last):
                    area[x] += _COLUMNS
                area[last] += right - last * _COLUMNS
            count[row] = 0
        for x in range(leftmost, rightmost + 1):
            # A full pixel is 2 * 256 * 15 = 7680 in cairo's units of area.
            alpha = (17 * 2 * area[x] + 256) >> 9
            product = image[y, x] * (255 - alpha) + 128
            image[y, x] = alpha + ((product + (product >> 8)) >> 8)
            area[x] = 0


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
