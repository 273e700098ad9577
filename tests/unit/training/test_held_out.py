"""What is held out of a long file depends on the drawings alone."""

from __future__ import annotations

import numpy as np
import pytest

from server.doodle.packed import PackedDrawings
from server.training.held_out import HeldOut


def drawings(count: int) -> PackedDrawings:
    """Drawings of one point each, all different."""
    rows = [bytes([1, 0, 1, 0, index % 256, index // 256]) for index in range(count)]
    return PackedDrawings.from_rows(rows, [3] * count)


def chosen(parts: list[PackedDrawings], seed: int, most: int) -> tuple[set[bytes], list[bytes]]:
    """What is held out, and what is not."""
    choice = HeldOut(seed, most)
    released = [choice.add(part) for part in parts]
    held_out, others = choice.finish()
    return set(rows_of(held_out)), rows_of(PackedDrawings.joined([*released, others]))


def rows_of(found: PackedDrawings) -> list[bytes]:
    return [
        found.content[first:last].tobytes()
        for first, last in zip(found.starts[:-1], found.starts[1:], strict=True)
    ]


def test_neither_order_nor_blocks_matter() -> None:
    everything = drawings(1_000)
    held_out, others = chosen([everything], 5, 30)
    assert len(held_out) == 30
    assert len(others) == 970
    assert held_out.isdisjoint(others)
    shuffled = everything.take(np.random.default_rng(0).permutation(1_000))
    blocks = [shuffled.take(part) for part in np.array_split(np.arange(1_000), 13)]
    again, remaining = chosen(blocks, 5, 30)
    assert again == held_out
    assert sorted(remaining) == sorted(others)
    assert chosen([everything], 6, 30)[0] != held_out


@pytest.mark.parametrize(("count", "expected"), [(0, 0), (1, 0), (3, 1), (5, 2), (40, 4), (900, 9)])
def test_small_categories_keep_most_of_theirs(count: int, expected: int) -> None:
    held_out, others = chosen([drawings(count)], 0, 9)
    assert (len(held_out), len(others)) == (expected, count - expected)


def test_equal_drawings_are_on_one_side() -> None:
    everything = drawings(300)
    twice = [everything, everything.take(np.arange(299, -1, -1))]
    held_out, others = chosen(twice, 1, 20)
    assert 0 < len(held_out) <= 10
    assert held_out.isdisjoint(others)
    assert len(others) == 600 - 2 * len(held_out)


def test_no_more_are_kept_than_may_be_held_out() -> None:
    choice = HeldOut(0, 20)
    for start in range(0, 5_000, 100):
        choice.add(drawings(5_000).take(np.arange(start, start + 100)))
        assert len(choice._kept) <= 20
