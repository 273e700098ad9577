"""Atlases hold every value within half a step, whatever the values are."""

from __future__ import annotations

import io
import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image

from server.engine.encode import (
    Maps,
    as_maps,
    decode_atlas,
    encode_atlas,
    encode_npz,
    encode_png,
    layer_range,
    quantise,
)

SHAPES = hnp.array_shapes(min_dims=3, max_dims=3, max_side=5)
FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
ANY = st.floats(width=32)


def atlas(**layers: Maps) -> bytes:
    return encode_atlas("an id", {name: (maps, layer_range(maps)) for name, maps in layers.items()})


@given(hnp.arrays(np.float32, SHAPES, elements=FINITE))
def test_values_survive_within_half_a_step(maps: Maps) -> None:
    header, layers = decode_atlas(atlas(layer=maps))
    exact = maps.astype(np.float64)
    span = (exact.max(axis=(1, 2)) - exact.min(axis=(1, 2)))[:, None, None]
    # Half a step of 255, and the rounding of the decoded value to float32.
    allowed = span / 510 * (1 + 1e-9) + np.spacing(
        np.nextafter(np.abs(maps), np.float32(0))
    ).astype(np.float64)
    assert (np.abs(layers["layer"].astype(np.float64) - exact) <= allowed).all()
    assert header["layers"][0]["minimum"] == maps.min()
    assert header["layers"][0]["maximum"] == maps.max()
    assert header["layers"][0]["signed"] == bool((maps < 0).any())
    assert header["layers"][0]["non_finite"] == 0


@given(hnp.arrays(np.float32, SHAPES, elements=ANY))
def test_what_is_not_finite_is_counted_and_spoils_nothing_else(maps: Maps) -> None:
    finite = np.isfinite(maps)
    header, layers = decode_atlas(atlas(layer=maps))
    entry = header["layers"][0]
    assert entry["non_finite"] == int((~finite).sum())
    assert np.isfinite(layers["layer"]).all()
    levels = quantise(maps, layer_range(maps))
    assert (levels[np.isnan(maps) | (maps == -np.inf)] == 0).all()
    for channel, values in enumerate(maps):
        some = values[np.isfinite(values)]
        assert entry["channel_minimum"][channel] == (some.min() if some.size else 0)
        assert entry["channel_maximum"][channel] == (some.max() if some.size else 0)
        if some.size and some.min() < some.max():
            assert (levels[channel][values == np.inf] == 255).all()


@given(
    st.lists(hnp.arrays(np.float32, SHAPES, elements=FINITE), min_size=1, max_size=4),
    st.text(max_size=9),
)
def test_several_layers_lie_one_after_the_other(layers: list[Maps], name: str) -> None:
    named = {f"{name}{index}": maps for index, maps in enumerate(layers)}
    data = encode_atlas("id", {key: (maps, layer_range(maps)) for key, maps in named.items()})
    (length,) = struct.unpack("<I", data[4:8])
    assert length % 4 == 0
    assert len(data) == 8 + length + sum(maps.size for maps in layers)
    header, decoded = decode_atlas(data)
    assert list(decoded) == list(named)
    assert [entry["offset"] for entry in header["layers"]] == [
        sum(maps.size for maps in layers[:index]) for index in range(len(layers))
    ]


@given(hnp.arrays(np.float32, SHAPES, elements=ANY))
def test_pictures_can_be_made_of_everything(maps: Maps) -> None:
    with Image.open(io.BytesIO(encode_png(maps, layer_range(maps)))) as picture:
        picture.load()
        colours = {colour for _, colour in picture.getcolors(1 << 20) or []}
    assert ((255, 255, 0) in colours) == (not np.isfinite(maps).all())


def test_constant_channels() -> None:
    maps = np.stack([np.full((2, 2), 3.5), np.zeros((2, 2)), [[0, 1], [2, 3]]]).astype(np.float32)
    assert (quantise(maps, layer_range(maps))[:2] == 0).all()
    assert (decode_atlas(atlas(layer=maps))[1]["layer"][:2] == maps[:2]).all()


def test_the_largest_range_does_not_overflow() -> None:
    largest = np.finfo(np.float32).max
    maps = np.array([[[-largest, 0, largest]]], dtype=np.float32)
    assert quantise(maps, layer_range(maps)).tolist() == [[[0, 128, 255]]]


def test_the_format_byte_for_byte() -> None:
    data = atlas(a=np.array([[[0, 1, 2]]], dtype=np.float32))
    assert data[:4] == b"DSA1"
    (length,) = struct.unpack("<I", data[4:8])
    assert data[8 + length :] == bytes([0, 128, 255])
    assert json.loads(data[8 : 8 + length]) == {
        "inspection": "an id",
        "layers": [
            {
                "name": "a",
                "shape": [1, 1, 3],
                "offset": 0,
                "minimum": 0.0,
                "maximum": 2.0,
                "signed": False,
                "channel_minimum": [0.0],
                "channel_maximum": [2.0],
                "non_finite": 0,
            }
        ],
    }


@pytest.mark.parametrize("cut", [0, 3, 7, -1])
def test_what_is_no_atlas(cut: int) -> None:
    with pytest.raises(ValueError, match="atlas"):
        decode_atlas(atlas(a=np.zeros((1, 2, 2), np.float32))[:cut])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 5), (5, 1, 1)),
        ((1, 5, 7), (5, 1, 7)),
        ((1, 5, 7, 3), (5, 7, 3)),
        ((1, 2, 5, 7, 3), (10, 7, 3)),
        ((1,), (1, 1, 1)),
        ((), (1, 1, 1)),
        ((2, 4), (4, 1, 1)),
    ],
)
def test_outputs_of_every_rank(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    values: NDArray[np.float32] = np.arange(np.prod(shape, dtype=int), dtype=np.float32)
    maps = as_maps(values.reshape(shape))
    assert maps.shape == expected
    assert (maps.ravel() == values[: maps.size]).all()


def test_other_types() -> None:
    assert as_maps(np.array([[1, 2]], dtype=np.int64)).dtype == np.float32
    with pytest.raises(TypeError, match="Complex"):
        as_maps(np.array([[1j]]))


def test_pictures_have_one_range_and_zero_is_white_or_black() -> None:
    def colours(values: list[list[float]]) -> list[tuple[int, ...]]:
        maps = np.array([values], dtype=np.float32)
        with Image.open(io.BytesIO(encode_png(maps, layer_range(maps)))) as picture:
            zoom = 32 // max(maps.shape[1:])
            return [
                picture.getpixel((1 + zoom * x + zoom // 2, 1 + zoom // 2))  # type: ignore[misc]
                for x in range(maps.shape[2])
            ]

    assert colours([[0, 1, 2]]) == [(0, 0, 0), (128, 128, 128), (255, 255, 255)]
    assert colours([[-2, 0, 1]]) == [(0, 0, 255), (255, 255, 255), (255, 128, 128)]


@given(hnp.arrays(np.float32, SHAPES, elements=ANY))
def test_arrays_are_exact(values: Maps) -> None:
    with np.load(io.BytesIO(encode_npz("model", "layer", values))) as arrays:
        np.testing.assert_array_equal(arrays["activation"], values)
        assert arrays["activation"].dtype == values.dtype
        assert str(arrays["model"]) == "model"
