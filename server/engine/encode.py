"""Feature maps for the wire: quantised binary atlases, pictures, and exact arrays.

An atlas is little endian: the four bytes ``DSA1``; a uint32, the length of the header (a multiple
of 4); the header, UTF-8 JSON padded with spaces; the body, one uint8 a value, layer after layer,
channel after channel, row after row. A value is about
``channel_minimum + q / 255 * (channel_maximum - channel_minimum)``, off by half a step at most.
"""

from __future__ import annotations

import io
import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

Maps = NDArray[np.float32]
"""Feature maps of one layer: float32 (channels, height, width)."""

MAGIC = b"DSA1"

SEPARATOR = 96
"""Grey level of the lines between the tiles of a picture."""


@dataclass(frozen=True)
class LayerRange:
    """Smallest and largest finite value of a layer and of each channel (0 where there is none)."""

    minimum: float
    maximum: float
    channel_minimum: NDArray[np.float32]
    channel_maximum: NDArray[np.float32]
    non_finite: int
    """How many values are NaN or infinite."""

    @property
    def signed(self) -> bool:
        """Whether any value is negative."""
        return self.minimum < 0


def as_maps(activation: NDArray[Any]) -> Maps:
    """The first item of a batched output as (channels, height, width), float32.

    (N, C) gives (C, 1, 1) and (N, C, L) gives (C, 1, L); leading axes beyond three are joined.

    Raises:
        TypeError: complex values.
    """
    if np.iscomplexobj(activation):
        raise TypeError("Complex activations have no feature maps.")
    values = np.asarray(activation, dtype=np.float32)
    first = values[0] if values.ndim else values
    if first.ndim < 2:
        first = first.reshape(-1, 1, 1)
    elif first.ndim == 2:
        first = first[:, None, :]
    maps: Maps = np.ascontiguousarray(first.reshape(-1, *first.shape[-2:]))
    return maps


def layer_range(maps: Maps) -> LayerRange:
    """Ranges over the finite values of maps (C, H, W)."""
    flat = maps.reshape(len(maps), -1)
    finite = np.isfinite(flat)
    low = np.min(flat, axis=1, initial=np.inf, where=finite)
    high = np.max(flat, axis=1, initial=-np.inf, where=finite)
    empty = low > high
    low[empty] = high[empty] = 0
    some = ~empty
    return LayerRange(
        minimum=float(low[some].min()) if some.any() else 0.0,
        maximum=float(high[some].max()) if some.any() else 0.0,
        channel_minimum=low,
        channel_maximum=high,
        non_finite=int(finite.size - np.count_nonzero(finite)),
    )


@numba.njit(cache=True, nogil=True)
def _levels(
    flat: NDArray[np.float32], low: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Finite maps (C, values) as levels, in one walk: no array of float64 is made for them."""
    levels = np.empty(flat.shape, dtype=np.uint8)
    for channel in range(flat.shape[0]):
        begin, factor = low[channel], scale[channel]
        values, into = flat[channel], levels[channel]
        for index in range(len(values)):
            level = np.rint((np.float64(values[index]) - begin) * factor)
            into[index] = np.uint8(min(max(level, 0.0), 255.0))
    return levels


def quantise(maps: Maps, extent: LayerRange) -> NDArray[np.uint8]:
    """Maps (C, H, W) as uint8, each channel over its own range; a constant channel is all 0.

    NaN and negative infinity become 0, positive infinity 255: ``non_finite`` in the header tells.
    """
    low = extent.channel_minimum.astype(np.float64)[:, None, None]
    span = extent.channel_maximum.astype(np.float64)[:, None, None] - low
    scale = np.divide(255.0, span, out=np.zeros_like(span), where=span > 0)
    if not extent.non_finite:
        flat = np.ascontiguousarray(maps).reshape(len(maps), -1)
        return _levels(flat, low.reshape(-1), scale.reshape(-1)).reshape(maps.shape)
    filled = np.nan_to_num(maps.astype(np.float64), nan=-np.inf, posinf=np.inf, neginf=-np.inf)
    maps64 = np.clip(filled, low, low + span)
    levels: NDArray[np.uint8] = np.rint((maps64 - low) * scale).clip(0, 255).astype(np.uint8)
    return levels


def encode_atlas(inspection: str, layers: Mapping[str, tuple[Maps, LayerRange]]) -> bytes:
    """The atlas of several layers, in the order given; see the module's description."""
    return encode_maps({"inspection": inspection}, layers)


def encode_maps(about: Mapping[str, Any], layers: Mapping[str, tuple[Maps, LayerRange]]) -> bytes:
    """An atlas of any maps, such as weights, whose header says ``about`` what they are."""
    entries: list[dict[str, Any]] = []
    bodies: list[bytes] = []
    offset = 0
    for name, (maps, extent) in layers.items():
        body = quantise(maps, extent).tobytes()
        entries.append(
            {
                "name": name,
                "shape": list(maps.shape),
                "offset": offset,
                "minimum": extent.minimum,
                "maximum": extent.maximum,
                "signed": extent.signed,
                "channel_minimum": extent.channel_minimum.tolist(),
                "channel_maximum": extent.channel_maximum.tolist(),
                "non_finite": extent.non_finite,
            }
        )
        bodies.append(body)
        offset += len(body)
    header = json.dumps(
        {**about, "layers": entries}, separators=(",", ":"), allow_nan=False
    ).encode()
    header += b" " * (-len(header) % 4)
    return b"".join([MAGIC, struct.pack("<I", len(header)), header, *bodies])


def decode_atlas(data: bytes) -> tuple[dict[str, Any], dict[str, Maps]]:
    """The header of an atlas, and each layer's maps as float32 (C, H, W).

    Raises:
        ValueError: not an atlas, or one cut short.
    """
    if data[:4] != MAGIC or len(data) < 8:
        raise ValueError("Not an atlas: it does not begin with DSA1.")
    (length,) = struct.unpack_from("<I", data, 4)
    header: dict[str, Any] = json.loads(data[8 : 8 + length])
    body = np.frombuffer(data, dtype=np.uint8, offset=8 + length)
    layers: dict[str, Maps] = {}
    for entry in header["layers"]:
        shape = tuple(entry["shape"])
        levels = body[entry["offset"] : entry["offset"] + math.prod(shape)]
        if levels.size != math.prod(shape):
            raise ValueError(f"The atlas is cut short in {entry['name']}.")
        low = np.asarray(entry["channel_minimum"], dtype=np.float64)[:, None, None]
        high = np.asarray(entry["channel_maximum"], dtype=np.float64)[:, None, None]
        values = low + levels.reshape(shape) / 255.0 * (high - low)
        layers[entry["name"]] = values.astype(np.float32)
    return header, layers


def encode_png(maps: Maps, extent: LayerRange) -> bytes:
    """A picture for people: the channels as tiles, row by row, in one range for the whole layer.

    Non-negative layers are grey, 0 black and the maximum white. Signed layers are blue below zero,
    white at zero and red above, the same distance from zero giving the same strength. Values that
    are not finite are yellow. The range stands in the file's text chunks.
    """
    channels, height, width = maps.shape
    columns = max(1, math.ceil(math.sqrt(channels * height / width)))
    rows = math.ceil(channels / columns)
    zoom = max(1, 32 // max(height, width))
    tile_height, tile_width = height * zoom + 1, width * zoom + 1
    sheet = np.full((rows * tile_height + 1, columns * tile_width + 1, 3), SEPARATOR, np.uint8)
    colours = _colour(maps, extent).repeat(zoom, axis=1).repeat(zoom, axis=2)
    for channel in range(channels):
        top = channel // columns * tile_height + 1
        left = channel % columns * tile_width + 1
        sheet[top : top + height * zoom, left : left + width * zoom] = colours[channel]
    text = PngInfo()
    text.add_text("minimum", repr(extent.minimum))
    text.add_text("maximum", repr(extent.maximum))
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, "PNG", compress_level=1, pnginfo=text)
    return file.getvalue()


def _colour(maps: Maps, extent: LayerRange) -> NDArray[np.uint8]:
    """Maps (C, H, W) as RGB (C, H, W, 3)."""
    largest = max(abs(extent.minimum), abs(extent.maximum))
    finite = np.isfinite(maps)
    share = np.where(finite, maps, 0).astype(np.float64) / (largest or 1.0)
    if extent.signed:
        fade = 1 - np.abs(share)
        red = np.where(share < 0, fade, 1.0)
        blue = np.where(share > 0, fade, 1.0)
        colours = np.stack([red, fade, blue], axis=-1)
    else:
        colours = np.repeat(share[..., None], 3, axis=-1)
    levels: NDArray[np.uint8] = np.rint(colours * 255).astype(np.uint8)
    levels[~finite] = (255, 255, 0)
    return levels


def encode_npz(model: str, layer: str, activation: NDArray[Any]) -> bytes:
    """The exact array as NumPy's .npz: ``activation``, with ``layer`` and ``model`` as text."""
    file = io.BytesIO()
    np.savez_compressed(file, activation=activation, layer=np.array(layer), model=np.array(model))
    return file.getvalue()


def encode_image(pixels: NDArray[np.uint8]) -> bytes:
    """Pixels (height, width), grey, or (height, width, 3), RGB, as a PNG of that size."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()
