"""Published files, written by hand here, come back as they were; damage has its place told."""

from __future__ import annotations

import contextlib
import gzip
import json
import struct
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.doodle.categories import CATEGORIES, LABELS
from server.doodle.published import (
    FORMS,
    SOURCE,
    PublishedFile,
    label_of,
    read_bitmap_batches,
    read_drawings,
)
from server.doodle.quickdraw import InvalidDataFile

Lists = list[list[list[int]]]

BYTE = st.integers(0, 255)
STROKE = st.lists(st.tuples(BYTE, BYTE), min_size=1, max_size=9).map(
    lambda points: [[x for x, _ in points], [y for _, y in points]]
)
DRAWING = st.lists(STROKE, min_size=1, max_size=5)
KEY = st.integers(0, 2**64 - 1)
ENTRY = st.tuples(KEY, st.booleans(), DRAWING)
ENTRIES = st.lists(ENTRY, max_size=6)
CATEGORY = st.sampled_from(CATEGORIES)


def binary_of(key: int, recognized: bool, drawing: Lists) -> bytes:
    """As the data set's description has it: struct's native little-endian types, one by one."""
    out = struct.pack("<Q", key) + b"DE" + struct.pack("<b", recognized)
    out += struct.pack("<I", 1_488_000_000) + struct.pack("<H", len(drawing))
    for x, y in drawing:
        out += struct.pack("<H", len(x)) + bytes(x) + bytes(y)
    return out


def line_of(word: str, key: int, recognized: bool, drawing: Lists, raw: bool) -> str:
    strokes: list[Any] = [[*stroke, list(range(len(stroke[0])))] for stroke in drawing]
    fields = {
        "word": word,
        "countrycode": "DE",
        "timestamp": "2017-03-01 00:00:00.00000 UTC",
        "recognized": recognized,
        "key_id": str(key),
        "drawing": strokes if raw else drawing,
    }
    return json.dumps(fields) + "\n"


def read(path: Path) -> list[tuple[int, bool | None, int | None, Any]]:
    return [
        (record.label, record.recognized, record.key, record.drawing.to_lists())
        for record in read_drawings(path)
    ]


@settings(max_examples=40)
@given(CATEGORY, ENTRIES, st.sampled_from(["raw", "simplified", "binary"]), st.booleans())
def test_drawings_come_back_in_every_form(
    category: str, entries: list[tuple[int, bool, Lists]], form: str, packed: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        if form == "binary":
            path = Path(folder, f"{category}.bin")
            path.write_bytes(b"".join(binary_of(*entry) for entry in entries))
        else:
            text = "".join(line_of(category, *entry, form == "raw") for entry in entries).encode()
            path = Path(folder, f"{category}.ndjson{'.gz' if packed else ''}")
            path.write_bytes(gzip.compress(text) if packed else text)
        expected = [
            (LABELS[category], recognized, key, drawing) for key, recognized, drawing in entries
        ]
        assert read(path) == expected


@settings(max_examples=40)
@given(st.lists(ENTRY, min_size=1, max_size=4), st.data())
def test_a_binary_file_that_ends_early_says_where(
    entries: list[tuple[int, bool, Lists]], data: st.DataObject
) -> None:
    drawings = [binary_of(*entry) for entry in entries]
    starts = np.cumsum([0, *map(len, drawings)])
    content = b"".join(drawings)
    cut = data.draw(st.integers(1, len(content) - 1).filter(lambda n: n not in starts))
    whole = int(np.searchsorted(starts, cut)) - 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "cat.bin")
        path.write_bytes(content[:cut])
        records = read_drawings(path)
        for entry in entries[:whole]:
            assert next(records).drawing.to_lists() == entry[2]
        place = rf"cat\.bin, drawing {whole + 1}, from byte {starts[whole]}: .* ends in the middle"
        with pytest.raises(InvalidDataFile, match=place):
            next(records)


@settings(max_examples=60)
@given(st.binary(max_size=200))
def test_any_bytes_are_drawings_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".bin", ".ndjson", ".ndjson.gz", ".npy"):
            path = Path(folder, f"cat{suffix}")
            path.write_bytes(content)
            with contextlib.suppress(InvalidDataFile):
                list(read_bitmap_batches(path) if suffix == ".npy" else read_drawings(path))


@settings(max_examples=20)
@given(CATEGORY, st.integers(0, 11), st.integers(1, 5))
def test_images_come_back_in_batches(category: str, count: int, batch: int) -> None:
    images = np.random.default_rng(count).integers(0, 256, (count, 784)).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"full_numpy_bitmap_{category}.npy")
        np.save(path, images)
        batches = list(read_bitmap_batches(path, batch))
        assert [len(each.images) for each in batches[:-1]] == [batch] * (len(batches) - 1)
        assert all(0 < len(each.images) <= batch for each in batches)
        found = [image for each in batches for image in each.images]
        assert (np.array(found).reshape(-1, 784) == images).all()
        assert {int(label) for each in batches for label in each.labels} <= {LABELS[category]}


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 783), np.uint8),
        np.zeros((2, 28, 28), np.uint8),
        np.zeros((2, 784), np.float32),
        np.array([{"a": 1}], object),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, array: Any) -> None:
    np.save(tmp_path / "cat.npy", array)
    with pytest.raises(InvalidDataFile, match=r"cat\.npy"):
        list(read_bitmap_batches(tmp_path / "cat.npy"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (struct.pack("<Q2sbIH", 1, b"DE", 1, 0, 0), "it has 0 strokes"),
        (struct.pack("<Q2sbIH", 1, b"DE", 1, 0, 60_000), "it has 60000 strokes"),
        (struct.pack("<Q2sbIH", 1, b"DE", 2, 0, 1), "neither recognised"),
        (struct.pack("<Q2sbIHH", 1, b"DE", 1, 0, 1, 0), "it has no points"),
        (
            struct.pack("<Q2sbIH", 1, b"DE", 1, 0, 5)
            + (struct.pack("<H", 60_000) + bytes(120_000)) * 5,
            "more than 200000 points",
        ),
    ],
)
def test_what_can_be_no_drawing_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    good = binary_of(7, True, [[[0, 9], [0, 9]]])
    (tmp_path / "cat.bin").write_bytes(good + content)
    with pytest.raises(InvalidDataFile, match=rf"drawing 2, from byte {len(good)}: .*{said}"):
        list(read_drawings(tmp_path / "cat.bin"))


def test_a_line_that_is_too_long_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.doodle.quickdraw.LINE_BYTES", 1_000)
    good = line_of("cat", 1, True, [[[0, 9], [0, 9]]], False)
    (tmp_path / "cat.ndjson").write_text(good + " " * 1_000 + good)
    with pytest.raises(InvalidDataFile, match=r"cat\.ndjson, line 2: has more than 1000 bytes"):
        list(read_drawings(tmp_path / "cat.ndjson"))


def test_files_have_the_names_of_the_source() -> None:
    found = [PublishedFile(form, "hot air balloon").address(SOURCE) for form in FORMS]
    folder = "https://storage.googleapis.com/quickdraw_dataset/full"
    assert found == [
        f"{folder}/raw/hot%20air%20balloon.ndjson",
        f"{folder}/simplified/hot%20air%20balloon.ndjson",
        f"{folder}/binary/hot%20air%20balloon.bin",
        f"{folder}/numpy_bitmap/hot%20air%20balloon.npy",
    ]
    for form in FORMS:
        path = PublishedFile(form, "hot air balloon").path
        assert label_of(path) == LABELS["hot air balloon"]
        assert label_of(Path(f"full_{form}_{path.name}")) == LABELS["hot air balloon"]
    with pytest.raises(InvalidDataFile, match="'test' is no category"):
        label_of(Path("test.bin"))
