"""Drawings that must not be learned from, such as those that a network will be tested on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from server.doodle.packed import PackedDrawings, packed_row
from server.doodle.published import FormName
from server.doodle.quickdraw import Record
from server.training.copies import standardised

ALIKE = 0.98
"""Correlation from which two images are taken for the same drawing: what is published as a bitmap
or raw is placed or rounded a little otherwise than its simplified form."""


class Excluded:
    """Tells whether drawings are among some others.

    Simplified and binary drawings are when their strokes are equal; bitmaps and raw drawings when
    their images are alike, so that a few simple ones that are another's are excluded too.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        rows: dict[int, list[bytes]] = defaultdict(list)
        for record in records:
            rows[record.label].append(packed_row(record.drawing))
        packed = {
            label: PackedDrawings.from_rows(each, [label] * len(each))
            for label, each in rows.items()
        }
        self._digests = {label: each.digests() for label, each in packed.items()}
        self._pixels = {label: standardised(each.images()) for label, each in packed.items()}

    def among(self, drawings: PackedDrawings, label: int, form: FormName) -> NDArray[np.bool_]:
        """Which drawings of one category in one form are among the excluded ones: bool (N,)."""
        if label not in self._digests or not len(drawings):
            return np.zeros(len(drawings), np.bool_)
        if form in ("binary", "simplified"):
            return np.isin(drawings.digests(), self._digests[label])
        correlations = standardised(drawings.images()) @ self._pixels[label].T
        found: NDArray[np.bool_] = correlations.max(axis=1) >= ALIKE
        return found

    def digest(self) -> str:
        """What is the same only for the same drawings."""
        return " ".join(f"{label} {sorted(each)}" for label, each in sorted(self._digests.items()))
