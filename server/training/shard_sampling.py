"""Batches out of shards: a function of the seed and the batch's number, however many share them.

Each part of the shards gives its share of every batch. Within an epoch a part's shards come in an
order that is drawn for it, and each shard shows as many drawings as it has: all of them once, where
all categories have equally many, and otherwise those of rare categories more often than those of
frequent ones, as in the training from memory. How far it is follows from the batch's number alone,
so that a run that goes on sees the drawings that it has not seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from server.doodle.packed import PackedDrawings
from server.doodle.raster import SIDE
from server.training.augmentation import augment_images, render_augmented
from server.training.sampling import (
    BITMAPS_WEIGHT,
    CATEGORY_EXPONENT,
    STROKES_WEIGHT,
    Batch,
)
from server.training.shard_index import InvalidShards, ShardIndex, load_shard


@dataclass(frozen=True)
class ShardData:
    """A folder of shards to train on, and the drawings held out from it.

    Attributes:
        left_out: labels of categories that are not learned from.
    """

    folder: Path
    index: ShardIndex
    left_out: frozenset[int] = frozenset()

    def held_out(self) -> tuple[Tensor, Tensor]:
        """Images float32 (N, 1, 28, 28) in 0..1 and labels int64 (N,) of the validation file.

        Raises:
            InvalidShards, OSError: it cannot be read.
        """
        drawings = load_shard(self.folder, self.index.validation)
        wanted = ~np.isin(drawings.labels, sorted(self.left_out))
        drawings = drawings.take(np.flatnonzero(wanted))
        images = torch.from_numpy(drawings.images()).float().div_(255).view(-1, 1, SIDE, SIDE)
        return images, torch.from_numpy(drawings.labels.astype(np.int64))


class ShardSampler:
    """Draws the part of each batch that one of several processes trains on."""

    def __init__(
        self,
        data: ShardData,
        batch_size: int,
        seed: int,
        rank: int = 0,
        ranks: int = 1,
        threads: int = 1,
    ) -> None:
        """Args:
        batch_size: of all processes together.
        rank: which of the processes this is.
        ranks: so many there are.
        threads: so many parts are rendered at once.

        Raises:
            InvalidShards: the parts can be shared neither by so many processes nor by a batch of
                this size, or there is nothing to learn from.
        """
        parts = data.index.parts
        if parts % ranks:
            can = ", ".join(str(count) for count in range(1, parts + 1) if parts % count == 0)
            raise InvalidShards(
                f"The shards are in {parts} parts, which {ranks} processes cannot share equally; "
                f"{can} can. doodlescope shard --parts makes others."
            )
        if batch_size % parts:
            raise InvalidShards(
                f"The shards are in {parts} parts, each of which gives the same share of a batch; "
                f"{batch_size} is no multiple of {parts}."
            )
        weights, self.category_probabilities = _weights(data)
        own = range(rank * parts // ranks, (rank + 1) * parts // ranks)
        self._parts = [_Part(data, part, batch_size // parts, seed, weights) for part in own]
        self._executor = ThreadPoolExecutor(threads, "shards") if threads > 1 else None

    def batch(self, number: int) -> Batch:
        """Make this process's share of batch ``number``, part after part.

        Raises:
            InvalidShards, OSError: a shard cannot be read.
        """
        run = map if self._executor is None else self._executor.map
        made = list(run(lambda part: part.batch(number), self._parts))
        return Batch(
            torch.cat([batch.images for batch in made]), torch.cat([batch.labels for batch in made])
        )

    def partners(self, number: int) -> Tensor:
        """With which image each of batch ``number`` is mixed: int64 (N,); of its own part."""
        return torch.cat(
            [part.partners(number) + index * part.size for index, part in enumerate(self._parts)]
        )


class _Part:
    """One part: a shard in memory at a time."""

    def __init__(
        self,
        data: ShardData,
        part: int,
        size: int,
        seed: int,
        weights: NDArray[np.float64],
    ) -> None:
        self.size = size
        self._data = data
        self._part = part
        self._seed = seed
        self._weights = weights
        self._shards = data.index.shards[part :: data.index.parts]
        self._drawings = sum(shard.drawings for shard in self._shards)
        self._loaded: tuple[tuple[int, int], PackedDrawings, NDArray[np.int64]] | None = None

    def batch(self, number: int) -> Batch:
        drawings = PackedDrawings.joined(list(self._shown(number * self.size, self.size)))
        random = np.random.default_rng([self._seed, number, self._part])
        everything = np.arange(len(drawings))
        bitmaps = drawings.are_bitmaps(everything)
        stroked, ready = everything[~bitmaps], everything[bitmaps]
        strokes = drawings.strokes(stroked)
        rendered = render_augmented(
            strokes.points,
            strokes.stroke_starts,
            strokes.drawing_starts,
            np.arange(len(stroked)),
            int(random.integers(2**31)),
        )
        pixels = np.concatenate([rendered, drawings.bitmaps(ready)])
        images = torch.from_numpy(pixels).float().div_(255).view(-1, 1, SIDE, SIDE)
        generator = torch.Generator().manual_seed(int(random.integers(2**31)))
        images = augment_images(images, len(stroked), generator)
        labels = drawings.labels[np.concatenate([stroked, ready])].astype(np.int64)
        return Batch(images, torch.from_numpy(labels))

    def partners(self, number: int) -> Tensor:
        random = np.random.default_rng([self._seed, number, self._part, 1])
        return torch.from_numpy(random.permutation(self.size))

    def _shown(self, position: int, count: int) -> Iterator[PackedDrawings]:
        """The drawings from a place in the sequence of all epochs on."""
        while count:
            epoch, place = divmod(position, self._drawings)
            order = self._random(epoch).permutation(len(self._shards))
            for number in order:
                shown = self._shards[number].drawings
                if place < shown:
                    break
                place -= shown
            drawings, sequence = self._open(epoch, int(number))
            taken = sequence[place : place + count]
            yield drawings.take(taken)
            position += len(taken)
            count -= len(taken)

    def _open(self, epoch: int, number: int) -> tuple[PackedDrawings, NDArray[np.int64]]:
        """A shard, and which of its drawings it shows in an epoch, in which order."""
        key = (epoch, number)
        if self._loaded is None or self._loaded[0] != key:
            self._loaded = None  # before the next one is read, not after
            drawings = load_shard(self._data.folder, self._shards[number])
            sequence = shown_of(self._weights, drawings, self._random(epoch, number))
            self._loaded = key, drawings, sequence
        return self._loaded[1:]

    def _random(self, *place: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, self._part, *place, 2**32])


def shown_of(
    weights: NDArray[np.float64], drawings: PackedDrawings, random: np.random.Generator
) -> NDArray[np.int64]:
    """Which drawings of a shard an epoch shows: as many as it has, in order.

    Systematic sampling (Madow, 1949): a drawing is shown as often as its weight says, rounded down
    or up at random; all once where all weights are equal.

    Args:
        weights: of a category's strokes and its bitmaps, (2, 345).
    """
    everything = np.arange(len(drawings))
    kinds = drawings.are_bitmaps(everything).astype(np.int64)
    shuffled = random.permutation(everything)
    ends = np.cumsum(weights[kinds, drawings.labels][shuffled])
    if not ends[-1] > 0:
        raise InvalidShards("A shard has drawings of categories only that are left out.")
    # Not quite 0 nor 1, where the rounding of sums would decide.
    begin = random.uniform(0.001, 0.999)
    marks = (begin + everything) * (ends[-1] / len(everything))
    chosen = np.minimum(np.searchsorted(ends, marks), len(everything) - 1)
    return random.permutation(shuffled[chosen])


def _weights(data: ShardData) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How often a drawing is shown relative to others, (2, 345), and the categories' shares."""
    counts = np.stack([data.index.trained(bitmaps=False), data.index.trained(bitmaps=True)])
    counts[:, sorted(data.left_out)] = 0
    kinds = np.array([[STROKES_WEIGHT], [BITMAPS_WEIGHT]])
    per_category = (kinds * counts).sum(axis=0)
    if not per_category.any():
        raise InvalidShards("The shards have no drawings to learn from.")
    share = np.where(per_category > 0, per_category**CATEGORY_EXPONENT, 0.0)
    share /= share.sum()
    each = np.divide(share, per_category, out=np.zeros_like(share), where=per_category > 0)
    return kinds * each, share
