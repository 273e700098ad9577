"""Which models can be loaded, with and without their weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from models import ARCHITECTURES, load_model, model_names, registry
from server.training.card import write_weights


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(registry, "WEIGHTS", tmp_path)
    return tmp_path


def ship(name: str, folder: Path) -> str:
    torch.manual_seed(1)
    path = folder / f"{name}.safetensors"
    version = write_weights(ARCHITECTURES[name](), path)
    path.with_suffix(".json").write_text(json.dumps({"name": name}), encoding="utf-8")
    return version


def test_the_default_model_is_shipped_and_first() -> None:
    assert model_names()[0] == "doodle-classifier"
    assert set(model_names()) <= set(ARCHITECTURES)


def test_models_without_weights_or_card_are_not_listed(weights: Path) -> None:
    assert model_names() == ()
    ship("vgg", weights)
    ship("lenet-5", weights)
    assert model_names() == ("lenet-5", "vgg"), "in the order of the architectures"
    (weights / "vgg.json").unlink()
    assert model_names() == ("lenet-5",)
    with pytest.raises(KeyError):
        load_model("vgg")


@pytest.mark.parametrize("name", ["multilayer-perceptron", "resnet"])
def test_loaded_model_is_what_was_written(name: str, weights: Path) -> None:
    version = ship(name, weights)
    loaded = load_model(name)
    assert (loaded.name, loaded.version, loaded.card) == (name, version, {"name": name})
    assert not loaded.module.training
    torch.manual_seed(1)
    written = ARCHITECTURES[name]().eval()
    images = torch.rand(2, 1, 28, 28)
    with torch.inference_mode():
        assert torch.equal(loaded.module(images), written(images))


def test_every_card_that_is_shipped_is_of_its_network() -> None:
    for name in model_names():
        loaded = load_model(name)
        assert loaded.card["name"] == name
        assert loaded.card["version"] == loaded.version
        counted = sum(parameter.numel() for parameter in loaded.module.parameters())
        assert loaded.card["parameters"] == counted
