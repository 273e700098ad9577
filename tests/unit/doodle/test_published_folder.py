"""A folder of published files: what is taken, and what the fast readers find in it."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from server.doodle import published_folder
from server.doodle.categories import LABELS
from server.doodle.packed import PackedDrawings, packed_row
from server.doodle.published import FormName, read_bitmap_batches, read_drawings
from server.doodle.published_folder import Source, read_blocks, sources_in
from server.doodle.quickdraw import InvalidDataFile
from tests.property.test_published import binary_of, line_of
from tests.unit.training.published_data import MIXED, drawings_of, published, write_published


def all_of(source: Source) -> tuple[PackedDrawings, int]:
    blocks = list(read_blocks(source))
    assert [block.read for block in blocks] == sorted(block.read for block in blocks)
    drawings = PackedDrawings.joined([block.drawings for block in blocks])
    return drawings, sum(block.unrecognised for block in blocks)


@pytest.mark.parametrize("form", ["binary", "simplified", "raw"])
def test_blocks_are_what_the_careful_readers_read(
    form: FormName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published_folder, "BLOCK_BYTES", 700)
    monkeypatch.setattr(published_folder, "BLOCK_DRAWINGS", 7)
    write_published(tmp_path, 50, {"circle": form})
    (source,) = sources_in(tmp_path)
    found, unrecognised = all_of(source)
    records = list(read_drawings(source.path))
    rows = [packed_row(record.drawing) for record in records if record.recognized]
    assert found.content.tobytes() == b"".join(rows)
    assert set(found.labels.tolist()) == {LABELS["circle"]}
    assert (len(found), unrecognised) == (45, 5)


def test_blocks_of_bitmaps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published_folder, "BLOCK_DRAWINGS", 7)
    write_published(tmp_path, 20, {"line": "numpy_bitmap"})
    (source,) = sources_in(tmp_path)
    found, unrecognised = all_of(source)
    (batch,) = read_bitmap_batches(source.path)
    assert (found.images() == batch.images).all()
    assert unrecognised == 0


def test_one_form_of_each_category_is_taken(tmp_path: Path) -> None:
    write_published(tmp_path, 2)
    write_published(tmp_path, 2, {"circle": "raw"})
    write_published(tmp_path, 2, {"line": "raw"})
    (tmp_path / "full_simplified_owl.ndjson.gz").write_bytes(
        gzip.compress(line_of("owl", 1, True, [[[0, 9], [0, 9]]], False).encode())
    )
    (tmp_path / "binary" / "circle.bin.part").write_bytes(b"half")
    (tmp_path / "notes.txt").write_text("of no form")
    found = {source.category: source.form for source in sources_in(tmp_path)}
    expected = {**MIXED, "line": "raw", "owl": "simplified"}
    assert found == expected
    assert [source.label for source in sources_in(tmp_path)] == sorted(
        LABELS[name] for name in expected
    )


def test_files_that_mean_nothing_are_named(tmp_path: Path) -> None:
    (tmp_path / "unicorn.bin").write_bytes(b"")
    with pytest.raises(InvalidDataFile, match="'unicorn' is no category"):
        sources_in(tmp_path)
    (tmp_path / "unicorn.bin").rename(tmp_path / "full_binary_cat.bin")
    write_published(tmp_path, 2, {"circle": "binary"})
    (tmp_path / "binary" / "cat.bin").write_bytes(b"")
    with pytest.raises(InvalidDataFile, match=r"cat\.bin .* 'cat' in the form binary; take one"):
        sources_in(tmp_path)


Damage = Callable[[bytes], bytes]
FORM: dict[str, FormName] = {".bin": "binary", ".ndjson": "simplified", ".npy": "numpy_bitmap"}
DAMAGE: dict[str, tuple[str, Damage, str]] = {
    "truncated": (".bin", lambda data: data[:-1], r"drawing 30, from byte \d+: .*in the middle"),
    "too many points": (".bin", lambda data: data[:-5] + b"\xff" * 5, r"cat\.bin, drawing \d+"),
    "no strokes": (".bin", lambda data: data + b"\0" * 17, "drawing 31, .* it has 0 strokes"),
    "half a line": (".ndjson", lambda data: data[:-9], r"cat\.ndjson, line 30"),
    "another category": (
        ".ndjson",
        lambda data: data.replace(b"cat", b"owl"),
        "line 1: it is of 'owl', not 'cat'",
    ),
    "no category": (
        ".ndjson",
        lambda data: data.replace(b"cat", b"yak"),
        "no such field or category: 'yak'",
    ),
    "a list": (".ndjson", lambda data: b"[1]\n" + data, "line 1: "),
    "lengths": (".ndjson", lambda _: b'{"word": "cat", "drawing": [[[1], [25, 3]]]}', "line 1: "),
    "a number": (".ndjson", lambda _: b'{"word": "cat", "drawing": [[3, [3]]]}', "line 1: "),
    "a short array": (".npy", lambda data: data[:-1], r"cat\.npy"),
    "a short header": (".npy", lambda data: data[:40], r"cat\.npy"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_has_its_place_told(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published_folder, "BLOCK_BYTES", 400)
    suffix, damage, said = DAMAGE[kind]
    content = published("circle", FORM[suffix], drawings_of("circle", 30))
    (tmp_path / f"cat{suffix}").write_bytes(damage(content.replace(b"circle", b"cat")))
    (source,) = sources_in(tmp_path)
    with pytest.raises(InvalidDataFile, match=said):
        all_of(source)


def test_an_empty_binary_file_has_no_drawings(tmp_path: Path) -> None:
    (tmp_path / "cat.bin").write_bytes(b"")
    (source,) = sources_in(tmp_path)
    assert len(all_of(source)[0]) == 0
    (tmp_path / "cat.bin").write_bytes(binary_of(1, True, [[[], []], [[4], [5]]]))
    found, _ = all_of(source)
    assert found.strokes(np.array([0])).points.tolist() == [[4, 5]]


def test_odd_numbers_are_read_as_carefully_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "cat.ndjson"
    (tmp_path / "cat.ndjson").write_text("")
    (source,) = sources_in(tmp_path)
    odd = ['[[["1", 2], [3, 4]]]', "[[[null, 2], [3, 4]]]"]
    odd += ["[[[1e30, 2], [3, 4]]]", "[[[1.5, [2]], [3, 4]]]", "[[[1.5], [2], [3, 4]]]", "[[], []]"]
    odd += ["[]", "{}", "[[[], []]]", f"[[[{2**70}, 1], [3, 4]]]"]
    for drawing in odd:
        path.write_text(f'{{"word": "cat", "drawing": {drawing}}}\n')
        with pytest.raises(InvalidDataFile, match=r"cat\.ndjson, line 1: "):
            all_of(source)
    path.write_text('{"word": "cat", "drawing": [[[], []], [[1.5, 2.5], [3, 4], [7, 9]]]}\n')
    found, _ = all_of(source)
    assert found.strokes(np.array([0])).points.tolist() == [[0, 0], [255, 255]]
