"""The loop: it learns, it repeats itself, and a run that was stopped goes on as if it had not."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from models import ARCHITECTURES
from models.doodle_classifier import DoodleClassifier
from server.training.card import card_path, multiply_accumulates, write_card, write_weights
from server.training.checkpoint import load_checkpoint
from server.training.dataset import TrainingData, load_training_data
from server.training.loop import (
    Configuration,
    ConfigurationChanged,
    Progress,
    TrainingRun,
    fast_precision,
)
from tests.unit.training.data import write_training_data

CPU = torch.device("cpu")
SHORT = Configuration(steps=6, batch_size=16)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return load_training_data(write_training_data(tmp_path_factory.mktemp("data")), seed=0)


def quiet(progress: Progress) -> None:
    """Report to nobody."""


def test_learns_to_tell_shapes_apart(data: TrainingData, tmp_path: Path) -> None:
    configuration = Configuration(steps=60, batch_size=32)
    reports: list[Progress] = []
    run = TrainingRun(data, configuration, tmp_path / "run.pt", CPU)
    before = run.validate()
    after = run.train(reports.append, report_every=10)
    assert before.top1 < 0.3
    assert after.top1 > 0.7
    assert [report.step for report in reports] == [10, 20, 30, 40, 50, 60]
    assert reports[-1].loss < reports[0].loss
    assert reports[-1].validation == after


def test_stopped_run_ends_with_the_weights_of_one_that_was_not(
    data: TrainingData, tmp_path: Path
) -> None:
    whole = TrainingRun(data, SHORT, tmp_path / "whole.pt", CPU)
    whole.train(quiet)

    def stop_at_three(progress: Progress) -> None:
        if progress.step == 3:
            raise KeyboardInterrupt

    stopped = TrainingRun(data, SHORT, tmp_path / "parts.pt", CPU)
    with pytest.raises(KeyboardInterrupt):
        stopped.train(stop_at_three, report_every=1)
    assert load_checkpoint(tmp_path / "parts.pt").step == 3
    resumed = TrainingRun(data, SHORT, tmp_path / "parts.pt", CPU)
    assert resumed.step == 3
    resumed.train(quiet)
    for name, expected in whole.average.module.state_dict().items():
        assert torch.equal(resumed.average.module.state_dict()[name], expected), name


def test_checkpoint_of_other_settings_is_refused(data: TrainingData, tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    TrainingRun(data, SHORT, path, CPU).save()
    with pytest.raises(ConfigurationChanged):
        TrainingRun(data, replace(SHORT, learning_rate=1.0), path, CPU)


def last_weights(run: TrainingRun) -> Tensor:
    return run.model.get_parameter("linear.weight").detach().clone()


def test_runs_apart_hold_the_same_out_and_learn_otherwise(
    data: TrainingData, tmp_path: Path
) -> None:
    first, again, apart = (
        TrainingRun(data, replace(SHORT, apart=number), tmp_path / f"{place}.pt", CPU)
        for place, number in enumerate((0, 0, 1))
    )
    before = last_weights(first), last_weights(apart)
    assert torch.equal(last_weights(again), before[0])
    assert not torch.equal(before[1], before[0])
    for run in (first, again, apart):
        run.train(quiet)
    assert torch.equal(last_weights(first), last_weights(again))
    learned = [last_weights(run) - old for run, old in zip((first, apart), before, strict=True)]
    assert not torch.allclose(learned[0], learned[1])
    path = tmp_path / "apart.safetensors"
    write_weights(apart.model, path)
    write_card(path, apart.model, apart.configuration, data, 6, apart.validate())
    card = json.loads(card_path(path).read_text())
    assert card["trained"]["apart"] == 1
    assert card["trained"]["command"].endswith("--batch-size 16 --apart 1")


def test_weights_and_card_say_what_they_are(data: TrainingData, tmp_path: Path) -> None:
    run = TrainingRun(data, SHORT, tmp_path / "run.pt", CPU)
    validation = run.validate()
    path = tmp_path / "weights.safetensors"
    version = write_weights(run.average.module, path)
    write_card(path, run.average.module, SHORT, data, run.step, validation)
    card = json.loads(card_path(path).read_text(encoding="utf-8"))
    assert card["version"] == version
    assert card["parameters"] == sum(p.numel() for p in run.model.parameters())
    assert card["accuracy"]["validation"]["n"] == len(data.held_out)
    assert "Google" in card["data"]["attribution"]
    restored = DoodleClassifier()
    restored.load_state_dict(load_file(path))
    for name, tensor in run.average.module.state_dict().items():
        assert torch.equal(restored.state_dict()[name], tensor)


def test_settings_are_the_network_s_own_unless_chosen() -> None:
    assert Configuration.for_model("doodle-classifier") == Configuration()
    own = ARCHITECTURES["lenet-5"].training
    chosen = Configuration.for_model("lenet-5", steps=5, batch_size=None, seed=3)
    assert (chosen.model, chosen.steps, chosen.seed) == ("lenet-5", 5, 3)
    assert (chosen.batch_size, chosen.learning_rate) == (own.batch_size, own.learning_rate)
    with pytest.raises(KeyError):
        Configuration.for_model("oracle")


def test_multiply_accumulates_are_counted_by_hand() -> None:
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, stride=2, padding=1),  # 14x14 cells, 4 channels, 9 each
        torch.nn.ReLU(),
        torch.nn.Conv2d(4, 4, 3, groups=2),  # 12x12 cells, 4 channels, 2 * 9 each
        torch.nn.Flatten(),
        torch.nn.Linear(576, 10),
    )
    assert multiply_accumulates(model) == 14 * 14 * 4 * 9 + 12 * 12 * 4 * 18 + 5760
    assert all(not layer._forward_hooks for layer in model.modules())


@pytest.mark.parametrize(
    ("tiles", "vectors", "precision"),
    [
        (False, False, torch.float32),
        (True, False, torch.bfloat16),
        (False, True, torch.bfloat16),
        (False, None, torch.float32),
    ],
)
def test_bfloat16_is_for_processors_that_multiply_it(
    tiles: bool, vectors: bool | None, precision: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
    name = "_is_avx512_bf16_supported"
    monkeypatch.setattr(torch.cpu, name, lambda: vectors, raising=False)
    if vectors is None:  # a PyTorch that does not tell
        monkeypatch.delattr(torch.cpu, name)
    assert fast_precision(CPU) == precision
