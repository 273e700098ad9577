"""What is trained on and what is held out."""

from pathlib import Path

import numpy as np
import pytest

from server.training.dataset import held_out_indices, load_training_data
from tests.unit.training.data import write_training_data


def test_reads_all_files_and_leaves_out_what_was_not_recognised(tmp_path: Path) -> None:
    data = load_training_data(write_training_data(tmp_path), seed=0)
    assert len(data.strokes.labels) + len(data.held_out) == 4 * 22
    assert [len(bitmaps.labels) for bitmaps in data.bitmaps] == [24]
    assert data.strokes.stroke_starts[-1] == len(data.strokes.points)
    assert data.strokes.drawing_starts[-1] == len(data.strokes.stroke_starts) - 1


def test_missing_strokes_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_training_data(tmp_path, seed=0)


def test_split_is_seeded_and_takes_some_of_each_category() -> None:
    labels = np.repeat([0, 1, 2, 3], [1, 3, 40, 5000])
    held_out = held_out_indices(labels, seed=3)
    assert held_out == held_out_indices(labels, seed=3)
    assert held_out != held_out_indices(labels, seed=4)
    assert np.bincount(labels[sorted(held_out)], minlength=4).tolist() == [0, 1, 4, 10]
