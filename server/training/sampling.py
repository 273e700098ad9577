"""Which drawings make a batch: a pure function of the seed and the batch's number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from server.doodle.categories import CATEGORIES
from server.doodle.raster import SIDE
from server.training.augmentation import augment_images, render_augmented
from server.training.dataset import TrainingData
from server.training.translated_look import TranslatedLook, load_look

STROKES_WEIGHT = 3.0
BITMAPS_WEIGHT = 1.0
"""How much likelier a drawing known by its strokes is drawn than one known as a bitmap: strokes
are rendered exactly as in serving and bend in more ways."""

CATEGORY_EXPONENT = 0.35
"""A category of n (weighted) drawings is drawn in proportion to n ** 0.35: between every category
alike (0), which repeats the few drawings of the rare ones, and as they come (1)."""

ALMOST_ALL = 0.9
"""Of so many categories no greater share of the images looks translated by itself than is made to
of all; the others, which are known from hardly anything else, are left as they are."""


@dataclass(frozen=True)
class Batch:
    """``images`` float32 (N, 1, 28, 28) in 0..1; ``labels`` int64 (N,)."""

    images: Tensor
    labels: Tensor


class Sampler:
    """Draws batches from training data; batch ``number`` of a seed is always the same."""

    def __init__(self, data: TrainingData, batch_size: int, seed: int) -> None:
        self._data = data
        self._batch_size = batch_size
        self._seed = seed
        sources = [data.strokes.labels, *(bitmaps.labels for bitmaps in data.bitmaps)]
        self._labels = np.concatenate(sources)
        self._offsets = np.cumsum([0, *(len(labels) for labels in sources)])
        weights = np.full(len(self._labels), BITMAPS_WEIGHT)
        weights[: self._offsets[1]] = STROKES_WEIGHT
        per_category = np.bincount(self._labels, weights, minlength=len(CATEGORIES))
        share = np.where(per_category > 0, per_category**CATEGORY_EXPONENT, 0.0)
        self.category_probabilities: NDArray[np.float64] = share / share.sum()
        probabilities = weights * (
            self.category_probabilities[self._labels] / per_category[self._labels]
        )
        self._cumulative = np.cumsum(probabilities / probabilities.sum())
        self._look = None if data.translated is None else load_look()
        if data.translated is not None:
            first, last = self._offsets[data.translated + 1 : data.translated + 3]
            self._translated = range(first, last)
            self._made_look = look_probabilities(self._labels, weights, self._translated)

    def batch(self, number: int) -> Batch:
        """Make batch ``number``: chosen, bent and rendered."""
        random = np.random.default_rng([self._seed, number])
        drawn = np.searchsorted(self._cumulative, random.random(self._batch_size))
        drawn = np.sort(np.minimum(drawn, len(self._labels) - 1))
        split = np.searchsorted(drawn, self._offsets[1])
        strokes = self._data.strokes
        rendered = render_augmented(
            strokes.points,
            strokes.stroke_starts,
            strokes.drawing_starts,
            drawn[:split],
            int(random.integers(2**31)),
        )
        ready = [rendered]
        for index, bitmaps in enumerate(self._data.bitmaps, start=1):
            low, high = self._offsets[index], self._offsets[index + 1]
            ready.append(bitmaps.images[drawn[(drawn >= low) & (drawn < high)] - low])
        images = torch.from_numpy(np.concatenate(ready)).float().div_(255).view(-1, 1, SIDE, SIDE)
        if self._look is not None:
            self._put_look_on(self._look, images, drawn, random)
        generator = torch.Generator().manual_seed(int(random.integers(2**31)))
        images = augment_images(images, int(split), generator)
        order = torch.randperm(len(images), generator=generator)
        return Batch(images[order], torch.from_numpy(self._labels[drawn])[order])

    def _put_look_on(
        self,
        look: TranslatedLook,
        images: Tensor,
        drawn: NDArray[np.int64],
        random: np.random.Generator,
    ) -> None:
        """Make exact images look translated, in place, so that of every category as many do."""
        exact = (drawn < self._translated.start) | (drawn >= self._translated.stop)
        wanted = random.random(len(drawn)) < self._made_look[self._labels[drawn]]
        chosen = torch.from_numpy(np.flatnonzero(exact & wanted))
        if len(chosen):
            noise = torch.Generator().manual_seed(int(random.integers(2**31)))
            with torch.no_grad():
                images[chosen] = look.put_on(images[chosen], noise)


def look_probabilities(
    labels: NDArray[np.int64], weights: NDArray[np.float64], translated: range
) -> NDArray[np.float64]:
    """How likely an exact image of a category is made to look translated.

    So that of every category the same share looks translated; but for those of which more does by
    itself than of ``ALMOST_ALL`` of the categories.

    Args:
        labels: (N,) of the images.
        weights: (N,), how likely each is drawn, against the others of its category.
        translated: which of them are translated.

    Returns:
        (categories,), in 0..1.
    """
    chosen = slice(translated.start, translated.stop)
    of_category = np.bincount(labels, weights, minlength=len(CATEGORIES))
    soft = np.bincount(labels[chosen], weights[chosen], minlength=len(CATEGORIES))
    share = soft / np.maximum(of_category, 1e-12)
    wanted = np.quantile(share, ALMOST_ALL)
    made: NDArray[np.float64] = np.clip((wanted - share) / np.maximum(1 - share, 1e-12), 0, 1)
    return made
