"""The user's own models on the command line: which option belongs to which, and what goes wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from typer import BadParameter

from server.commands.model_options import served_models
from server.services.served_models import open_served
from server.services.sources import ModelUnavailable
from server.settings import ServedModel
from tests.support.own_models import seeded, write_package

COLOURS = "own_nets.vision:Colours"
SIZE = ("3x32x32",)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with the package and some files."""
    monkeypatch.chdir(write_package(tmp_path))
    for name in [name for name in sys.modules if name.split(".")[0] == "own_nets"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    state = seeded().state_dict()
    save_file(state, tmp_path / "good.safetensors")
    save_file(seeded(classes=7).state_dict(), tmp_path / "seven.safetensors")
    save_file(
        {f"module.{name}": value for name, value in state.items()}, tmp_path / "ddp.safetensors"
    )
    torch.save(state, tmp_path / "old.pt")
    torch.save(state, tmp_path / "renamed.safetensors")
    (tmp_path / "junk.safetensors").write_bytes(b"just some text, and no header")
    (tmp_path / "four.txt").write_text("cat\ndog\nsun\nhouse\n", encoding="utf-8")
    (tmp_path / "five.txt").write_text("a\nb\nc\nd\ne\n", encoding="utf-8")
    (tmp_path / "gap.txt").write_text("a\n\nb\nc\n", encoding="utf-8")
    (tmp_path / "latin.txt").write_bytes("Bär\n".encode("latin-1"))
    return tmp_path


def test_each_option_belongs_to_the_model_before_it() -> None:
    order = ["model", "weights", "inputs", "inputs", "port", "model", "inputs", "labels"]
    values: dict[str, Any] = {
        "model": ["a:b", "timm:c"],
        "weights": [Path("w")],
        "inputs": ["1", "2", "3"],
        "labels": [Path("l")],
    }
    first, second = served_models(order, values)
    assert first == ServedModel(model="a:b", weights=Path("w"), input=("1", "2"))
    assert second == ServedModel(model="timm:c", input=("3",), labels=Path("l"))


def test_options_of_the_only_model_may_stand_before_it() -> None:
    (only,) = served_models(["name", "model"], {"name": ["mine"], "model": ["a:b"]})
    assert only == ServedModel(model="a:b", name="mine")


@pytest.mark.parametrize(
    ("order", "values", "says"),
    [
        (["weights"], {"model": [], "weights": ["w"]}, "none is given"),
        (
            ["name", "model", "model"],
            {"name": ["n"], "model": ["a:b", "c:d"]},
            "before the --model",
        ),
        (["model", "name", "name"], {"model": ["a:b"], "name": ["n", "m"]}, "twice for a:b"),
        (["model", "name"], {"model": ["a:b"], "name": ["a/b"]}, "'a/b' is no name"),
    ],
)
def test_options_that_belong_nowhere(
    order: list[str], values: dict[str, list[Any]], says: str
) -> None:
    with pytest.raises(BadParameter, match=says):
        served_models(order, values)


def opened(**said: Any) -> Any:
    return open_served(ServedModel(**said), ("resnet",), torch.device("cpu"), 64)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"model": "nowhere:net"}, ["no module 'nowhere'"]),
        ({"model": "own_nets.vision:Colour"}, ["no 'Colour'; did you mean Colours?"]),
        ({"model": "own_nets.vision:broken"}, ["raised RuntimeError: no disk", "vision.py, line"]),
        ({"model": "timm:resnet10x"}, ["timm has no model", "resnet10t"]),
        ({"model": COLOURS, "weights": "none.safetensors"}, ["none.safetensors cannot be read"]),
        ({"model": COLOURS, "weights": "old.pt"}, ["is a pickle", "convert it", "save_file"]),
        ({"model": COLOURS, "weights": "renamed.safetensors"}, ["is a pickle"]),
        ({"model": COLOURS, "weights": "junk.safetensors"}, ["is no safetensors file"]),
        (
            {"model": COLOURS, "weights": "seven.safetensors"},
            ["linear.weight is [7, 512] there and [4, 512] in the model", "linear.bias is [7]"],
        ),
        (
            {"model": COLOURS, "weights": "ddp.safetensors"},
            ["missing from it: convolution.weight", "begin with 'module.'"],
        ),
        (
            {"model": COLOURS, "input": ("3x30x40",)},
            ["failed in linear", "set in_features of linear to 560"],
        ),
        ({"model": COLOURS, "input": ("three",)}, ["is not [NAME=]SIZES"]),
        ({"model": COLOURS, "labels": "five.txt"}, ["has 5 labels", "4 logits"]),
        ({"model": COLOURS, "labels": "gap.txt"}, ["empty line 2"]),
        ({"model": COLOURS, "labels": "latin.txt"}, ["no text in UTF-8"]),
        ({"model": COLOURS, "normalise": "0.5"}, ["2 or 6 numbers"]),
        ({"model": COLOURS, "normalise": "0.5,0"}, ["deviations greater than 0"]),
        ({"model": COLOURS, "normalise": "a,b"}, ["is not mean,std"]),
        ({"model": COLOURS, "name": "resnet"}, ["two models of the name 'resnet'"]),
        (
            {"model": "own_nets.vision:Segments", "input": ("3x8x8",), "labels": "four.txt"},
            ["nothing to give labels to", "dictionary of out, aux"],
        ),
        ({"model": "own_nets.vision:Pair"}, ["--input image=SIZES --input code=SIZES"]),
        (
            {"model": "own_nets.vision:Signal", "input": ("2x64",), "normalise": "0,1"},
            ["no picture"],
        ),
    ],
    ids=lambda value: " ".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_what_is_wrong_is_said(folder: Path, said: dict[str, Any], says: list[str]) -> None:
    if said["model"] == COLOURS:
        said = {"input": SIZE, **said}
    with pytest.raises(ModelUnavailable) as failed:
        opened(**said)
    for text in says:
        assert text in str(failed.value)


def test_weights_labels_and_normalisation_are_taken(folder: Path) -> None:
    model = opened(
        model=COLOURS,
        input=SIZE,
        weights="good.safetensors",
        labels="four.txt",
        normalise="0.1,0.2,0.3,0.5,0.6,0.7",
    )
    assert model.name == "own_nets.vision-Colours"
    assert model.categories == ("cat", "dog", "sun", "house")
    assert (model.preparation.mean, model.preparation.std) == ((0.1, 0.2, 0.3), (0.5, 0.6, 0.7))
    for name, value in seeded().state_dict().items():
        assert torch.equal(model.module.state_dict()[name], value)
    again = opened(model=COLOURS, input=SIZE, weights="good.safetensors")
    assert again.version != model.version, "the version tells the normalisation"


def test_first_weights_are_the_same_after_a_restart(folder: Path) -> None:
    state = torch.get_rng_state()
    assert opened(model=COLOURS, input=SIZE).version == opened(model=COLOURS, input=SIZE).version
    assert torch.equal(torch.get_rng_state(), state)


def test_two_models_of_one_name_get_two_addresses(folder: Path) -> None:
    taken = ("own_nets.vision-Colours",)
    model = open_served(ServedModel(model=COLOURS, input=SIZE), taken, torch.device("cpu"), 64)
    assert model.name == "own_nets.vision-Colours-2"


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["--model", "nowhere:net"], 1, "doodlescope: There is no module 'nowhere'"),
        (["--weights", "a", "--model", "b:c", "--model", "d:e"], 2, "before the --model"),
    ],
)
def test_the_command_fails_without_a_traceback(
    tmp_path: Path, words: list[str], status: int, says: str
) -> None:
    command = [sys.executable, "-m", "server", "serve", "--port", "0", *words]
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"PYTHONPATH": root, "COLUMNS": "200", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
