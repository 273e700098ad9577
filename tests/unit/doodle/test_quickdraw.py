"""The data set's files: what is read, and the line that is named when it cannot be."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from server.doodle.categories import CATEGORIES, LABELS
from server.doodle.quickdraw import InvalidDataFile, read_bitmaps, read_strokes

CAT = {"word": "cat", "recognized": True, "drawing": [[[0, 255], [0, 128]]]}


def test_categories_are_the_challenge_s() -> None:
    assert len(CATEGORIES) == len(set(CATEGORIES)) == 345
    assert LABELS["cat"] == CATEGORIES.index("cat")


def test_reads_plain_and_gzipped_lines(tmp_path: Path) -> None:
    lines = json.dumps(CAT) + "\n\n" + json.dumps({**CAT, "recognized": None}) + "\n"
    (tmp_path / "a.ndjson").write_text(lines, encoding="utf-8")
    (tmp_path / "a.ndjson.gz").write_bytes(gzip.compress(lines.encode()))
    for name in ("a.ndjson", "a.ndjson.gz"):
        records = list(read_strokes(tmp_path / name))
        assert [record.label for record in records] == [LABELS["cat"]] * 2
        assert [record.recognized for record in records] == [True, None]
        assert records[0].drawing.to_lists() == CAT["drawing"]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "7",
        json.dumps({"word": "cat"}),
        json.dumps({**CAT, "word": "a word that is no category"}),
        json.dumps({**CAT, "word": ["cat"]}),
        json.dumps({**CAT, "drawing": [[[1, 2], [1]]]}),
    ],
)
def test_names_the_line_at_fault(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text(json.dumps(CAT) + "\n" + line + "\n", encoding="utf-8")
    with pytest.raises(InvalidDataFile, match=r"a\.ndjson, line 2"):
        list(read_strokes(path))


def test_reads_bitmaps_and_refuses_other_shapes(tmp_path: Path) -> None:
    images = np.arange(2 * 784, dtype=np.uint8).reshape(2, 28, 28)
    np.savez(tmp_path / "good.npz", images=images, labels=np.array([3, 4], np.int16))
    bitmaps = read_bitmaps(tmp_path / "good.npz")
    assert (bitmaps.images == images).all()
    assert bitmaps.labels.tolist() == [3, 4]
    np.savez(tmp_path / "shape.npz", images=images[:, :27], labels=np.array([3, 4]))
    np.savez(tmp_path / "names.npz", pictures=images, labels=np.array([3, 4]))
    for name in ("shape.npz", "names.npz"):
        with pytest.raises(InvalidDataFile, match=name):
            read_bitmaps(tmp_path / name)
