"""Categories left out: their drawings are gone from everything, and the card says which."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from server.commands.train import train_on
from server.doodle.categories import CATEGORIES, LABELS
from server.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from server.training.dataset import TrainingData, load_training_data
from server.training.left_out import left_out_labels, without
from server.training.loop import Configuration, ConfigurationChanged, TrainingRun
from tests.unit.training.data import write_training_data

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return load_training_data(write_training_data(tmp_path_factory.mktemp("data")), seed=0)


def test_the_draw_is_seeded_and_of_the_number_asked_for() -> None:
    drawn = left_out_labels(35, seed=0)
    assert drawn == left_out_labels(35, seed=0)
    assert len(set(drawn)) == 35
    assert list(drawn) == sorted(drawn)
    assert set(drawn) <= set(range(len(CATEGORIES)))
    assert drawn != left_out_labels(35, seed=1)
    assert left_out_labels(0, seed=0) == ()
    for impossible in (-1, 344):
        with pytest.raises(ValueError, match="left out"):
            left_out_labels(impossible, seed=0)


def test_what_is_left_is_as_it_was(data: TrainingData) -> None:
    square, line = LABELS["square"], LABELS["line"]
    left = without(data, {square, line})
    assert not {square, line} & set(left.strokes.labels.tolist())
    assert not len(left.bitmaps[0].labels)
    assert {record.label for record in left.held_out} == {LABELS["circle"], LABELS["triangle"]}
    kept = [n for n, label in enumerate(data.strokes.labels) if label not in (square, line)]
    for new, old in enumerate(kept):
        assert left.strokes.labels[new] == data.strokes.labels[old]
        mine, whole = (
            strokes_of(each, n) for each, n in ((left.strokes, new), (data.strokes, old))
        )
        assert len(mine) == len(whole)
        assert all(np.array_equal(a, b) for a, b in zip(mine, whole, strict=True))
    assert without(data, ()).strokes.points.tobytes() == data.strokes.points.tobytes()


def strokes_of(data: object, drawing: int) -> list[np.typing.NDArray[np.float32]]:
    points, strokes, drawings = (
        getattr(data, name) for name in ("points", "stroke_starts", "drawing_starts")
    )
    numbers = range(drawings[drawing], drawings[drawing + 1])
    return [points[strokes[n] : strokes[n + 1]] for n in numbers]


def test_a_run_never_sees_them_and_its_card_names_them(data: TrainingData, tmp_path: Path) -> None:
    count = next(n for n in range(1, 344) if LABELS["square"] in left_out_labels(n, 0))
    configuration = Configuration(steps=1, batch_size=16, leave_out=count)
    weights = tmp_path / "weights.safetensors"
    train_on(data, weights, tmp_path / "run.pt", configuration, CPU)
    card = json.loads(weights.with_suffix(".json").read_text(encoding="utf-8"))
    assert card["data"]["left_out"] == [CATEGORIES[n] for n in left_out_labels(count, 0)]
    assert card["trained"]["command"].endswith(f"--steps 1 --batch-size 16 --leave-out {count}")
    left = without(data, left_out_labels(count, 0))
    assert card["data"]["stroke_drawings"] == len(left.strokes.labels) < len(data.strokes.labels)
    assert card["accuracy"]["validation"]["n"] == len(left.held_out)


def test_checkpoints_from_before_there_was_the_setting_go_on(
    data: TrainingData, tmp_path: Path
) -> None:
    path, short = tmp_path / "run.pt", Configuration(steps=2, batch_size=16)
    TrainingRun(data, short, path, CPU).save()
    saved = load_checkpoint(path)
    settings = {n: v for n, v in saved.configuration.items() if n != "leave_out"}
    save_checkpoint(path, Checkpoint(**{**vars(saved), "configuration": settings}))
    assert TrainingRun(data, short, path, CPU).step == 0
    with pytest.raises(ConfigurationChanged, match="leave_out 0 and not 35"):
        TrainingRun(data, replace(short, leave_out=35), path, CPU)
