"""Shards: each drawing once, evenly spread, within bounds, and gone on with after a kill."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from server.doodle import published_folder
from server.doodle.packed import PackedDrawings
from server.doodle.published_folder import read_blocks, sources_in
from server.training.shard_index import (
    INDEX_FILE,
    InvalidShards,
    ShardIndex,
    load_index,
    load_shard,
)
from server.training.sharding import Plan, Sharding, Told
from tests.property.test_published import binary_of
from tests.unit.training.published_data import drawings_of, write_published

PLAN = Plan(seed=4, parts=2, shard_drawings=20, held_out=5)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_published(tmp_path_factory.mktemp("published"), 60)


def made(published: Path, folder: Path, plan: Plan = PLAN) -> ShardIndex:
    return Sharding(sources_in(published), folder, plan).run()


def contents(drawings: PackedDrawings) -> list[tuple[int, int]]:
    return list(zip(drawings.labels.tolist(), drawings.digests().tolist(), strict=True))


def test_each_drawing_is_in_one_place(published: Path, tmp_path: Path) -> None:
    index = made(published, tmp_path)
    assert load_index(tmp_path) == index
    shards = [load_shard(tmp_path, shard) for shard in index.shards]
    trained = [one for shard in shards for one in contents(shard)]
    held_out = contents(load_shard(tmp_path, index.validation))
    recognised = [
        one
        for source in sources_in(published)
        for block in read_blocks(source)
        for one in contents(block.drawings)
    ]
    assert Counter(trained + held_out) == Counter(recognised)
    assert set(trained).isdisjoint(held_out)
    assert list(Counter(label for label, _ in held_out).values()) == [5] * 4
    assert index.trained(bitmaps=False).sum() + index.trained(bitmaps=True).sum() == len(trained)
    assert (index.trained(bitmaps=True) > 0).sum() == 1
    assert [source.unrecognised for source in index.sources].count(5) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [INDEX_FILE, "validation.safetensors", *(shard.file for shard in index.shards)]
    )


def test_shards_are_of_one_size_and_have_equally_many_of_each_category(
    published: Path, tmp_path: Path
) -> None:
    index = made(published, tmp_path)
    sizes = [shard.drawings for shard in index.shards]
    assert len(sizes) % PLAN.parts == 0
    assert max(sizes) <= PLAN.shard_drawings
    assert max(sizes) - min(sizes) <= 2
    halves: list[Counter[int]] = [Counter(), Counter()]
    for number, shard in enumerate(index.shards):
        halves[number % 2].update(load_shard(tmp_path, shard).labels.tolist())
    for label, count in halves[0].items():
        assert abs(count - halves[1][label]) <= 2
    # Within a part, drawings of all categories follow each other as they come.
    labels = load_shard(tmp_path, index.shards[0]).labels.astype(int)
    assert (np.diff(labels) != 0).mean() > 0.4


def test_the_same_seed_makes_the_same_shards(published: Path, tmp_path: Path) -> None:
    first, again = made(published, tmp_path / "a"), made(published, tmp_path / "b")
    assert first == again
    other = made(published, tmp_path / "c", replace(PLAN, seed=5))
    assert other.shards[0].sha256 != first.shards[0].sha256
    assert other.digest() != first.digest()


@pytest.mark.parametrize("moment", range(0, 12, 2))
def test_stopped_anywhere_it_goes_on_to_the_same_shards(
    moment: int, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published_folder, "BLOCK_DRAWINGS", 25)
    expected = made(published, tmp_path / "whole")
    moments: list[Told] = []

    def stop(told: Told) -> None:
        moments.append(told)
        if len(moments) == moment + 1:
            raise KeyboardInterrupt

    plan = replace(PLAN, memory=10_000)  # so that piles are written before a file is read
    with pytest.raises(KeyboardInterrupt):
        Sharding(sources_in(published), tmp_path / "parts", plan, stop).run()
    assert not (tmp_path / "parts" / INDEX_FILE).exists()
    before = len(moments)
    index = Sharding(sources_in(published), tmp_path / "parts", plan, moments.append).run()
    whole = made(published, tmp_path / "small", plan)
    assert index == whole
    assert index.drawings == expected.drawings
    if moment > 2:  # a file was done
        told = [told.done for told in moments[before:]]
        assert min(told) > 0
    assert not list((tmp_path / "parts").glob("*.partial"))


def test_memory_is_bounded_whatever_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published_folder, "BLOCK_BYTES", 2**16)
    once = b"".join(binary_of(n, True, one) for n, one in enumerate(drawings_of("circle", 500)))
    plan = Plan(parts=2, held_out=5, memory=2**20)
    peaks: list[int] = []
    for times in (100, 400):
        folder = tmp_path / str(times) / "binary"
        folder.mkdir(parents=True)
        with (folder / "circle.bin").open("wb") as file:
            for _ in range(times):
                file.write(once)
        sources = sources_in(folder.parent)
        if not peaks:  # what is compiled is compiled once
            made(folder.parent, tmp_path / "warm", plan)
        tracemalloc.start()
        try:
            index = Sharding(sources, folder.parent / "shards", plan).run()
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert index.drawings > 495 * times
    assert peaks[1] < 1.3 * peaks[0]
    assert peaks[1] < 1.5 * plan.memory
    assert (folder / "circle.bin").stat().st_size > 8 * peaks[1]


def test_too_few_drawings_for_the_parts(published: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InvalidShards, match=r"\d+ drawings are too few for 1000 piles; fewer --parts"
    ):
        made(published, tmp_path, replace(PLAN, parts=1_000))


def test_drawings_of_which_none_can_be_held_out(tmp_path: Path) -> None:
    write_published(tmp_path, 1, dict.fromkeys(["circle", "square"], "numpy_bitmap"))
    with pytest.raises(InvalidShards, match="too few drawings of each category"):
        made(tmp_path, tmp_path / "shards")


def test_damaged_shards_are_told(published: Path, tmp_path: Path) -> None:
    index = made(published, tmp_path)
    path = tmp_path / index.shards[1].file
    content = path.read_bytes()
    for damaged in (content[:-1], content[:-1] + b"\0\0", bytes([content[0] ^ 1]) + content[1:]):
        path.write_bytes(damaged)
        with pytest.raises(InvalidShards, match=r"shard-00001.* is not the file"):
            load_shard(tmp_path, index.shards[1])
    for text in ("", "[]", "{}", '{"format": "doodlescope shards 1"}', '{"format": "other"}'):
        (tmp_path / INDEX_FILE).write_text(text)
        with pytest.raises(InvalidShards, match="is no index of shards"):
            load_index(tmp_path)
