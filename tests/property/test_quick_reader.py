"""What is read quickly is what the ordinary route reads, and never something that it refuses."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from server.engine.devices import resolve_device
from server.errors import Problem
from server.schemas.predictions import DrawingLists
from server.services.bitmaps import read_bitmap
from server.services.catalog import load_catalog
from server.services.drawings import rasterise, read_drawing
from server.services.quick_reader import QuickReader
from server.settings import Settings

DRAWING: TypeAdapter[Any] = TypeAdapter(DrawingLists)
LIMITS = Settings(strokes=4, stroke_points=5, drawing_points=9, coordinate=1000, top_k=20)
CATALOG = load_catalog("doodle-classifier", resolve_device("cpu"), 64)
READER = QuickReader(CATALOG, LIMITS)

number: st.SearchStrategy[Any] = st.one_of(
    st.integers(-1100, 1100),
    st.floats(-1100, 1100),
    st.sampled_from([None, True, "1", [], 10**400, -0.0, 1e-320]),
)
stroke = st.integers(0, 6).flatmap(
    lambda length: st.lists(st.lists(number, min_size=length, max_size=length), max_size=4)
)
usual_stroke = st.integers(0, 5).flatmap(
    lambda length: st.lists(
        st.lists(st.integers(-999, 999) | st.floats(-999, 999), min_size=length, max_size=length),
        min_size=2,
        max_size=3,
    )
)
drawing = st.lists(stroke | usual_stroke, max_size=5) | st.lists(usual_stroke, max_size=4)
level = st.one_of(
    st.integers(0, 255), st.sampled_from([-1, 256, 999, 1e3, 0.0, True, None, "7", [0]])
)
bitmap = st.lists(level, min_size=0, max_size=3).flatmap(
    lambda odd: st.sampled_from([783, 784, 785]).map(
        lambda count: [*odd, *[17] * (count - len(odd))]
    )
)
option: st.SearchStrategy[Any] = st.sampled_from(
    [None, 1, 5, 20, 21, 0, -1, True, 2.0, "doodle-classifier", "nobody", []]
)


def ordinary_drawing(lists: Any) -> NDArray[np.uint8] | None:
    """The image of a drawing by the ordinary route, which validates first; None: refused."""
    try:
        valid = DRAWING.validate_python(lists)
        return rasterise(read_drawing(valid, "/drawing", LIMITS)).pixels
    except (ValidationError, Problem):
        return None


@settings(max_examples=200)
@given(drawing)
def test_drawings(lists: Any) -> None:
    body = json.dumps({"drawing": lists}).encode()
    try:
        lists = orjson.loads(body)["drawing"]
    except orjson.JSONDecodeError:
        return
    question = READER.read(body)
    expected = ordinary_drawing(lists)
    if question is not None:
        assert expected is not None
        np.testing.assert_array_equal(question.image[0], expected)
    elif expected is not None:
        assert b"true" in body or b"false" in body


@settings(max_examples=100)
@given(bitmap, st.booleans(), st.booleans())
def test_bitmaps(levels: list[Any], spaces: bool, first: bool) -> None:
    members = {"bitmap": levels, "top_k": 3} if first else {"top_k": 3, "bitmap": levels}
    body = json.dumps(members, separators=None if spaces else (",", ":")).encode()
    question = READER.read(body)
    try:
        expected = read_bitmap(levels, "/bitmap")
    except Problem:
        assert question is None
    else:
        assert question is not None
        np.testing.assert_array_equal(question.image[0], expected)


@given(st.dictionaries(st.sampled_from(["model", "top_k", "other"]), option, max_size=3))
def test_options(options: dict[str, Any]) -> None:
    question = READER.read(json.dumps({"drawing": [[[0, 9], [0, 9]]], **options}).encode())
    top_k, name = options.get("top_k", 5), options.get("model")
    valid = (
        "other" not in options
        and type(top_k) is int
        and 1 <= top_k <= 20
        and name in (None, "doodle-classifier")
    )
    assert (question is not None) == valid
    if question is not None:
        assert (question.model, question.top_k) == (CATALOG.default, top_k)


@pytest.mark.parametrize(
    "rest", ["}", ' , "top_k" : 3}', ",}", "]}", ',"drawing":[]}', "", "\x0c}"]
)
@pytest.mark.parametrize(
    "text",
    [
        "[[[0,9],[0,9]]]", " [ [ [ 0 , 9 ] , [\t0 , 9 ] ]\r\n] ", "[[[0,9],[0,9]],[[],[]]]",
        "[[[0.5,-9.25],[-0,9.0]],[[1],[2]]]", "[[[00,9],[0,9]]]", "[[[1.,9],[0,9]]]",
        "[[[.5,9],[0,9]]]", "[[[1e2,9],[0,9E+1]]]", "[[[1,9],[0,9],[1,2]]]", "[[[1,9],[0]]]",
        "[[[1,9]]]", "[]", "[[]]", "[[[],[]]]", "[[[1,9],[0,9]],]", "[[[1,9],[0,9,]]]",
        "[[[1,9],[0,9]]",
        "[[[123456789012345678,9],[0,9]]]", "[[[0.1234567890123456789,9],[0,9]]]",
        "[[[1 2,9],[0,9]]]",
        "[[[1000.0001],[0]]]", "[[[-1000],[0]]]", "[[[1,2,3,4,5,6],[1,2,3,4,5,6]]]", "[[[+1],[0]]]",
        "[[[1],[0]],[[1],[0]],[[1],[0]],[[1],[0]],[[1],[0]]]", "[[[--1],[0]]]", "[[[-],[0]]]",
        "[[[1],[0]] [[1],[0]]]", "[[[0.0000000000001],[0]],[[0],[1]]]", "[[[1],[null]]]",
    ],
)  # fmt: skip
def test_texts_of_drawings(text: str, rest: str) -> None:
    body = f'{{"drawing":{text}{rest}'.encode()
    question = READER.read(body)
    try:
        members = orjson.loads(body)
    except orjson.JSONDecodeError:
        assert question is None
        return
    expected = ordinary_drawing(members["drawing"])
    assert (question is None) == (expected is None)
    if question is not None:
        np.testing.assert_array_equal(question.image[0], expected)


@pytest.mark.parametrize(
    "rest",
    ["}", "\n}", ', "top_k": 3}', ',"top_k":3 }\n', ",}", ", }", "", "]}", ',"bitmap":[0]}', ",1}"],
)
@pytest.mark.parametrize("start", ['{"bitmap": [', '{"bitmap":[', '{ "bitmap" : ['])
@pytest.mark.parametrize(
    "levels",
    ["0, " * 783 + "255", "0," * 783 + "00", "0," * 784, " 7 ,\n" * 783 + "\t9 ", "0," * 782 + "7"],
)
def test_text_that_is_and_is_not_json(start: str, levels: str, rest: str) -> None:
    body = f"{start}{levels}]{rest}".encode()
    question = READER.read(body)
    try:
        expected = orjson.loads(body)
    except orjson.JSONDecodeError:
        assert question is None
        return
    valid = len(expected["bitmap"]) == 784
    assert (question is not None) == valid
    if question is not None:
        assert question.image.ravel().tolist() == expected["bitmap"]


def test_what_is_too_long_is_not_read() -> None:
    body = b'{"drawing": [[[0, 9], [0, 9]]]}'
    assert READER.read(body.ljust(READER.most_bytes)) is not None
    assert READER.read(body.ljust(READER.most_bytes + 1)) is None
    assert QuickReader(CATALOG, Settings(json_bytes=30)).read(body) is None
    assert QuickReader(CATALOG, Settings(json_depth=3)).read(body) is None
    assert READER.read(b"") is None
