"""Training all networks in turn: what is done is not done again, what is half done goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

from models.registry import WEIGHTS
from scripts.train_networks import NETWORKS, is_trained, main
from server.training.loop import Configuration
from tests.unit.training.data import write_strokes, write_training_data

NAMES = ["softmax-regression", "multilayer-perceptron"]


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    data = write_training_data(tmp_path)
    folders = ["--weights", str(tmp_path / "weights"), "--checkpoints", str(tmp_path / "runs")]
    return [str(data), "--device", "cpu", "--steps", "2", *folders]


def test_trains_each_once(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--only", NAMES[0]]) == 0
    first = (tmp_path / "weights" / f"{NAMES[0]}.safetensors").stat().st_mtime_ns
    assert main([*words, "--only", *NAMES]) == 0
    assert "1 of 2 networks are trained." in capsys.readouterr().out
    for name in NAMES:
        weights = tmp_path / "weights" / f"{name}.safetensors"
        card = json.loads(weights.with_suffix(".json").read_text(encoding="utf-8"))
        assert card["name"] == name
        assert card["trained"]["steps_done"] == 2
        assert load_file(weights)
    assert (tmp_path / "weights" / f"{NAMES[0]}.safetensors").stat().st_mtime_ns == first


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_shipped_is_trained_already(name: str) -> None:
    assert is_trained(WEIGHTS / f"{name}.safetensors", Configuration.for_model(name))


def test_other_settings_are_trained_anew_and_test_figures_recorded(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_strokes(tmp_path / "test.ndjson.gz", each=2, seed=9)
    words = [*words, "--only", NAMES[0], "--test", str(tmp_path / "test.ndjson.gz")]
    assert main(words) == 0
    path = tmp_path / "weights" / f"{NAMES[0]}.json"
    card = json.loads(path.read_text(encoding="utf-8"))
    assert card["accuracy"]["test"]["n"] == 8
    capsys.readouterr()
    longer = [word if word != "2" else "3" for word in words]
    assert main(longer) == 1
    assert "belongs to a run with steps 2 and not 3" in capsys.readouterr().err
    assert main([*longer, "--restart"]) == 0
    card = json.loads(path.read_text(encoding="utf-8"))
    assert card["trained"]["steps_done"] == 3
    assert card["accuracy"]["test"]["n"] == 8


def test_a_network_that_is_not_there(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--only", "oracle"]) == 1
    assert "There is no model 'oracle'" in capsys.readouterr().err
