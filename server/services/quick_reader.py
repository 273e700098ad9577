"""The usual bodies of predictions, read fast: one ready bitmap or one drawing.

What is not usual (another form, a value that does not fit, a limit that is passed) is not judged
here: None says that the ordinary route is to read the body, which knows what is wrong with it.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from server.doodle.raster import SIDE, render_normalised
from server.doodle.strokes import COORDINATE_LIMIT
from server.services.catalog import Catalog, Model
from server.services.inference import USUAL_TOP_K
from server.services.quick_json import read_levels, read_strokes
from server.settings import Settings

QUICK_BYTES = 16_384
"""Longer bodies are not read here: it happens in the event loop, where others would wait."""

_BITMAP = (b'{"bitmap":[', b'{"bitmap": [')
_DRAWING = (b'{"drawing":[', b'{"drawing": [')
"""How a body begins that has its bitmap or its drawing first, as most programs write it."""
_LEAST_DEPTH = 4  # an object, its drawing, a stroke, its coordinates


@dataclass(eq=False, slots=True)
class QuickQuestion:
    """An image (1, 28, 28) uint8, ink 255 on 0; who answers, and with how many guesses."""

    model: Model
    image: NDArray[np.uint8]
    top_k: int


class QuickReader:
    """Reads bodies as the settings allow them."""

    def __init__(self, catalog: Catalog, limits: Settings) -> None:
        self._catalog = catalog
        self._limits = limits
        self._most = limits.strokes, limits.stroke_points, limits.drawing_points
        self._furthest = min(limits.coordinate, COORDINATE_LIMIT)
        self.most_bytes = min(QUICK_BYTES, limits.json_bytes, limits.body_bytes)
        """Most bytes of a body that is read here; 0: none is."""
        if limits.json_depth < _LEAST_DEPTH:
            self.most_bytes = 0

    def read(self, body: bytes) -> QuickQuestion | None:
        """What a body of JSON asks; None: the ordinary route is to read it."""
        if not 0 < len(body) <= self.most_bytes:
            return None
        if body.startswith(_BITMAP):
            image = np.empty((1, SIDE, SIDE), dtype=np.uint8)
            text = np.frombuffer(body + b"\0", np.uint8)
            end = read_levels(text, body.index(b"["), image.reshape(-1))
            if end > 0:
                return self._with_options(image, body[end:])
        elif body.startswith(_DRAWING):
            points = np.empty((len(body) // 4 + 1, 2))
            starts = np.empty(len(body) // 4 + 2, dtype=np.int64)
            text = np.frombuffer(body, np.uint8)
            begin = body.index(b"[")
            end, strokes = read_strokes(text, begin, points, starts, self._most, self._furthest)
            if end > 0:
                starts = starts[: strokes + 1]
                image = render_normalised(points[: starts[-1]], starts).reshape(1, SIDE, SIDE)
                return self._with_options(image, body[end:])
        return self._parsed(body)

    def _with_options(self, image: NDArray[np.uint8], rest: bytes) -> QuickQuestion | None:
        """The question of an image that stands first in its object, before ``rest``."""
        options: Any = {}
        rest = rest.strip(b" \t\r\n")
        if rest != b"}":
            if not rest.startswith(b","):
                return None
            try:
                options = orjson.loads(b"{" + rest[1:])
            except orjson.JSONDecodeError:
                return None
            if not options:  # a comma with nothing behind it
                return None
        return self._question(image, options)

    def _parsed(self, body: bytes) -> QuickQuestion | None:
        # Python's own bool is an int, and arrays take it for one.
        if b"true" in body or b"false" in body:
            return None
        try:
            options = orjson.loads(body)
        except orjson.JSONDecodeError:
            return None
        if not isinstance(options, dict):
            return None
        image: NDArray[np.uint8] | None = None
        if "bitmap" in options:
            image = _bitmap(options.pop("bitmap"))
        elif "drawing" in options:
            image = self._drawn(options.pop("drawing"))
        return None if image is None else self._question(image, options)

    def _question(self, image: NDArray[np.uint8], options: dict[str, Any]) -> QuickQuestion | None:
        name = options.pop("model", None)
        top_k = options.pop("top_k", USUAL_TOP_K)
        if options or type(top_k) is not int or not (name is None or type(name) is str):
            return None
        model = self._catalog.default if name is None else self._catalog.find(name)
        if model is None or model.is_live or model.silence or model.preparation is None:
            return None
        most = min(self._limits.top_k, max(len(model.categories), USUAL_TOP_K))
        if not 1 <= top_k <= most or not model.preparation.takes_doodles:
            return None
        return QuickQuestion(model, image, top_k)

    def _drawn(self, strokes: Any) -> NDArray[np.uint8] | None:
        """The image of a drawing in the Quick, Draw! form, within all limits."""
        limits = self._limits
        if type(strokes) is not list or len(strokes) > limits.strokes:
            return None
        x, y, times, starts = array("d"), array("d"), array("d"), array("q", [0])
        try:
            for stroke in strokes:
                if type(stroke) is not list or not 2 <= len(stroke) <= 3:
                    return None
                length = len(stroke[0])
                for values, numbers in zip((x, y, times), stroke, strict=False):
                    if type(numbers) is not list or len(numbers) != length:
                        return None
                    values.extend(numbers)
                if length > limits.stroke_points:
                    return None
                if length:
                    starts.append(len(x))
        except (TypeError, OverflowError):
            return None
        if not 0 < len(x) <= limits.drawing_points:
            return None
        points = np.empty((len(x), 2))
        points[:, 0], points[:, 1] = x, y
        if not (np.abs(points) <= self._furthest).all() or not np.isfinite(times).all():
            return None
        image = render_normalised(points, np.array(starts))
        return image.reshape(1, SIDE, SIDE)


def _bitmap(levels: Any) -> NDArray[np.uint8] | None:
    """A bitmap of 784 levels, or of 28 rows of 28, as JSON has them."""
    if type(levels) is not list:
        return None
    try:
        if len(levels) == SIDE * SIDE:
            data = bytearray(levels)
        elif len(levels) == SIDE and all(type(r) is list and len(r) == SIDE for r in levels):
            data = bytearray().join(map(bytes, levels))
        else:
            return None
    except (TypeError, ValueError):
        return None
    return np.frombuffer(data, np.uint8).reshape(1, SIDE, SIDE)
