"""The training drawings in memory: strokes as flat arrays, bitmaps as images, a fixed split."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from server.doodle.categories import CATEGORIES
from server.doodle.quickdraw import Bitmaps, Record, read_bitmaps, read_strokes
from server.training.copies import highest_correlations

STROKES_FILE = "train-strokes.ndjson.gz"
TRANSLATED_FILE = "train-translated.npz"
BITMAPS_FILES = {"train-bitmaps.npz": 0.999, TRANSLATED_FILE: 0.85}
"""And the correlation above which a bitmap is the same drawing as one that is rendered: the
published bitmaps are equal to the byte, the translated ones are softer (above 0.87, of one
category, lies a hump of their correlations, and next to nothing between it and the rest)."""

HELD_OUT_SHARE = 0.1
HELD_OUT_LIMITS = (2, 10)
"""At least and at most so many drawings of each category are held out for validation."""


@dataclass(frozen=True)
class StrokeData:
    """Many drawings as flat arrays, so that compiled code reads them without Python objects.

    Attributes:
        points: float32 (points, 2), all drawings one after the other.
        stroke_starts: int64 (strokes + 1,), index of each stroke's first point.
        drawing_starts: int64 (drawings + 1,), index of each drawing's first stroke.
        labels: int64 (drawings,).
    """

    points: NDArray[np.float32]
    stroke_starts: NDArray[np.int64]
    drawing_starts: NDArray[np.int64]
    labels: NDArray[np.int64]

    @classmethod
    def from_records(cls, records: Iterable[Record]) -> StrokeData:
        """Flatten records; keeps their order."""
        points: list[NDArray[np.float32]] = []
        lengths: list[int] = []
        strokes: list[int] = []
        labels: list[int] = []
        for record in records:
            points.extend(stroke.astype(np.float32) for stroke in record.drawing.strokes)
            lengths.extend(len(stroke) for stroke in record.drawing.strokes)
            strokes.append(len(record.drawing.strokes))
            labels.append(record.label)
        return cls(
            np.concatenate(points) if points else np.zeros((0, 2), np.float32),
            np.cumsum([0, *lengths], dtype=np.int64),
            np.cumsum([0, *strokes], dtype=np.int64),
            np.asarray(labels, dtype=np.int64),
        )


@dataclass(frozen=True)
class TrainingData:
    """Everything to train on, and the drawings held out from it.

    ``copied`` of those that were held out are not among them, since a bitmap of theirs is trained
    on. ``translated`` says which of ``bitmaps`` look translated, if any do.
    """

    strokes: StrokeData
    bitmaps: tuple[Bitmaps, ...]
    held_out: list[Record]
    copied: int = 0
    translated: int | None = None


def load_training_data(directory: Path, seed: int) -> TrainingData:
    """Read the training files of a directory; the bitmaps are optional, the strokes are not.

    Drawings that the game did not recognise are left out: about one in twelve, and of those many
    are not what their label says. The split depends on the seed alone. Drawings held out that are
    among the bitmaps too tell nothing, and are used for nothing.

    Raises:
        FileNotFoundError: the directory has no stroke file.
        InvalidDataFile: a file is not of the published form.
    """
    records = [
        record
        for record in read_strokes(directory / STROKES_FILE)
        if record.recognized is not False
    ]
    held_out = held_out_indices(np.array([record.label for record in records]), seed)
    kept = [record for index, record in enumerate(records) if index not in held_out]
    bitmaps: list[Bitmaps] = []
    translated = None
    unknown = [records[index] for index in sorted(held_out)]
    for name, alike in BITMAPS_FILES.items():
        if (directory / name).is_file():
            translated = len(bitmaps) if name == TRANSLATED_FILE else translated
            bitmaps.append(read_bitmaps(directory / name))
            correlations = highest_correlations(unknown, bitmaps[-1])
            unknown = [
                record
                for record, correlation in zip(unknown, correlations, strict=True)
                if correlation <= alike
            ]
    return TrainingData(
        StrokeData.from_records(kept),
        tuple(bitmaps),
        unknown,
        len(held_out) - len(unknown),
        translated,
    )


def held_out_indices(labels: NDArray[np.int64], seed: int) -> set[int]:
    """Choose the drawings of each category that are held out, by a seeded draw."""
    generator = np.random.default_rng(seed)
    chosen: set[int] = set()
    for label in range(len(CATEGORIES)):
        members = np.flatnonzero(labels == label)
        least, most = HELD_OUT_LIMITS
        number = min(max(least, round(HELD_OUT_SHARE * len(members))), most, len(members) // 2)
        chosen.update(generator.permutation(members)[:number].tolist())
    return chosen
