"""Batches from shards: each drawing in its turn, however many processes share the work."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from server.doodle.categories import CATEGORIES, LABELS
from server.doodle.packed import PackedDrawings
from server.doodle.published_folder import sources_in
from server.training.sampling import CATEGORY_EXPONENT
from server.training.shard_index import InvalidShards, load_shard
from server.training.shard_sampling import ShardData, ShardSampler, shown_of
from server.training.sharding import Plan, Sharding
from tests.unit.training.published_data import MIXED, write_published


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ShardData:
    folder = tmp_path_factory.mktemp("published")
    write_published(folder, 90)
    plan = Plan(parts=4, shard_drawings=16, held_out=6)
    return ShardData(folder / "shards", Sharding(sources_in(folder), folder / "shards", plan).run())


def rows_of(drawings: PackedDrawings) -> list[bytes]:
    return [
        drawings.content[first:last].tobytes()
        for first, last in zip(drawings.starts[:-1], drawings.starts[1:], strict=True)
    ]


def test_batch_is_what_the_network_takes(data: ShardData) -> None:
    batch = ShardSampler(data, 32, seed=0).batch(3)
    assert batch.images.shape == (32, 1, 28, 28)
    assert batch.images.dtype == torch.float32
    assert 0 <= float(batch.images.min()) <= float(batch.images.max()) <= 1
    assert (batch.images.amax(dim=(1, 2, 3)) > 0.3).all()
    assert batch.labels.dtype == torch.int64
    assert {CATEGORIES[label] for label in batch.labels.tolist()} <= set(MIXED)


def test_batch_is_a_function_of_seed_and_number(data: ShardData) -> None:
    once = ShardSampler(data, 16, seed=5)
    expected = [once.batch(number) for number in range(30)]
    resumed = ShardSampler(data, 16, seed=5)  # a run that goes on at 25
    for number in (25, 26, 29, 0):
        found = resumed.batch(number)
        assert torch.equal(found.images, expected[number].images)
        assert torch.equal(found.labels, expected[number].labels)
    assert not torch.equal(expected[7].images, expected[8].images)
    assert not torch.equal(ShardSampler(data, 16, seed=6).batch(7).images, expected[7].images)


@pytest.mark.parametrize("ranks", [2, 4])
def test_processes_together_have_the_batches_of_one(data: ShardData, ranks: int) -> None:
    alone = ShardSampler(data, 16, seed=5)
    together = [ShardSampler(data, 16, 5, rank, ranks, threads=2) for rank in range(ranks)]
    for number in (0, 3, 31):
        shares = [sampler.batch(number) for sampler in together]
        assert torch.equal(
            torch.cat([share.images for share in shares]), alone.batch(number).images
        )
        partners = [sampler.partners(number) for sampler in together]
        moved = [each + rank * 16 // ranks for rank, each in enumerate(partners)]
        assert torch.equal(torch.cat(moved), alone.partners(number))
    assert sorted(alone.partners(0).tolist()) == list(range(16))


def test_an_epoch_shows_each_drawing_once_where_categories_are_equal(tmp_path: Path) -> None:
    write_published(tmp_path, 72, dict.fromkeys(MIXED, "binary"))
    plan = Plan(parts=2, shard_drawings=30, held_out=6)
    index = Sharding(sources_in(tmp_path), tmp_path / "shards", plan).run()
    assert len({source.trained for source in index.sources}) == 1
    data = ShardData(tmp_path / "shards", index)
    sampler = ShardSampler(data, 2, seed=1)
    for part, own in enumerate(sampler._parts):
        there = [
            row
            for shard in index.shards[part::2]
            for row in rows_of(load_shard(data.folder, shard))
        ]
        for epoch in (0, 1):
            shown = PackedDrawings.joined(list(own._shown(epoch * len(there), len(there))))
            assert sorted(rows_of(shown)) == sorted(there)
        halves = [
            rows_of(PackedDrawings.joined(list(own._shown(at, 50)))) for at in (0, len(there))
        ]
        assert halves[0] != halves[1]


def test_categories_come_as_often_as_the_probabilities_say(tmp_path: Path) -> None:
    for category, count in {"circle": 600, "square": 60, "triangle": 24, "line": 200}.items():
        form = "numpy_bitmap" if category == "line" else "binary"
        write_published(tmp_path, count, {category: form})  # type: ignore[dict-item]
    plan = Plan(parts=2, held_out=5)
    index = Sharding(sources_in(tmp_path), tmp_path / "shards", plan).run()
    sampler = ShardSampler(ShardData(tmp_path / "shards", index), 64, seed=0)
    labels = torch.cat([sampler.batch(number).labels for number in range(40)])
    seen = np.bincount(labels.numpy(), minlength=345) / len(labels)
    assert np.abs(seen - sampler.category_probabilities).max() < 0.02
    strokes, bitmaps = index.trained(bitmaps=False), index.trained(bitmaps=True)
    weights = (3.0 * strokes + bitmaps)[[LABELS["circle"], LABELS["line"]]]
    shares = sampler.category_probabilities[[LABELS["circle"], LABELS["line"]]]
    assert shares[0] / shares[1] == pytest.approx((weights[0] / weights[1]) ** CATEGORY_EXPONENT)
    assert sampler.category_probabilities.sum() == pytest.approx(1)


def test_weights_say_how_often_a_drawing_is_shown() -> None:
    rows = [bytes([1, 0, 1, 0, index, 0]) for index in range(100)]
    drawings = PackedDrawings.from_rows(rows, [0] * 90 + [1] * 10)
    weights = np.zeros((2, 345))
    weights[0, :2] = 0.5, 5.5  # of each of the first half a time, of each of the others 5.5 times
    shown = Counter(shown_of(weights, drawings, np.random.default_rng(3)).tolist())
    assert shown.total() == 100
    assert all(shown[index] in (5, 6) for index in range(90, 100))
    assert all(shown[index] in (0, 1) for index in range(90))
    weights[0, 1] = 0
    assert max(shown_of(weights, drawings, np.random.default_rng(3))) < 90


def test_categories_left_out_are_not_shown_nor_validated(data: ShardData) -> None:
    without = replace(data, left_out=frozenset([LABELS["circle"], LABELS["line"]]))
    labels = torch.cat([ShardSampler(without, 32, 0).batch(number).labels for number in range(12)])
    expected = {LABELS["square"], LABELS["triangle"]}
    assert set(labels.tolist()) == expected
    images, held_out = without.held_out()
    assert len(images) == len(held_out) == 12
    assert set(held_out.tolist()) == expected
    everything = frozenset(range(345))
    with pytest.raises(InvalidShards, match="no drawings to learn from"):
        ShardSampler(replace(data, left_out=everything), 32, 0)


def test_what_cannot_be_shared_is_told(data: ShardData) -> None:
    with pytest.raises(InvalidShards, match=r"4 parts, which 3 processes .* 1, 2, 4 can\."):
        ShardSampler(data, 16, 0, 0, 3)
    with pytest.raises(InvalidShards, match="4 parts, which 8 processes cannot share"):
        ShardSampler(data, 16, 0, 0, 8)
    with pytest.raises(InvalidShards, match="18 is no multiple of 4"):
        ShardSampler(data, 18, 0)


def test_a_shard_of_each_part_is_in_memory_and_no_more(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    np.save(tmp_path / "line.npy", random.integers(0, 256, (8_000, 784)).astype(np.uint8))
    plan = Plan(parts=2, shard_drawings=256, held_out=5)
    index = Sharding(sources_in(tmp_path), tmp_path / "shards", plan).run()
    sampler = ShardSampler(ShardData(tmp_path / "shards", index), 32, seed=0)
    sampler.batch(0)
    tracemalloc.start()
    try:
        for number in range(0, index.drawings // 32, 8):
            sampler.batch(number)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    largest = max(shard.bytes for shard in index.shards)
    # A shard a part, once more while it is read, and the few of the batch.
    assert peak < 5 * largest
    assert sum(shard.bytes for shard in index.shards) > 30 * largest
