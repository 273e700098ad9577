"""Models exported by another process, which opens them by what they are called."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from models import load_model
from server.engine.forms import largest_difference, limit_for
from server.engine.forms.onnx_runtime import OnnxRuntime
from server.services.forms.export_process import Exported, ExportProcess, Wanted
from server.settings import ServedModel

SOURCE = """
import os, sys, time
import torch
from torch import nn

print("imported")  # which is no answer


class Digits(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(784, 10)

    def forward(self, x):
        return self.linear(x.flatten(1)).softmax(1)


class ByValue(Digits):
    def forward(self, x):
        return super().forward(x if x.sum() > 0 else -x)


def raising():
    raise RuntimeError("no disk")


def ending():
    os._exit(3)


def waiting():
    time.sleep(600)
"""

OURS = Wanted(ServedModel(model="lenet-5"), (1, 28, 28))


def own(factory: str) -> Wanted:
    return Wanted(ServedModel(model=f"nets:{factory}", input=("1x28x28",)), (1, 28, 28))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "nets.py").write_text(SOURCE)
    # Which is not to be taken for ours.
    for name in ("server", "models"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit(1)")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def exported(*wanted: Wanted, seconds: float = 120.0) -> list[Exported]:
    return list(ExportProcess(wanted, seconds).results())


@pytest.mark.usefixtures("folder")
def test_models_are_exported_one_after_the_other() -> None:
    lenet, digits, by_value, raising = exported(OURS, own("Digits"), own("ByValue"), own("raising"))
    batch = np.random.default_rng(0).random((5, 1, 28, 28), dtype=np.float32)
    with torch.inference_mode():
        eager = load_model("lenet-5").module(torch.from_numpy(batch)).numpy()
    assert largest_difference(OnnxRuntime(lenet.model, 1)(batch), eager) <= limit_for(eager)
    assert OnnxRuntime(digits.model, 1)(batch).sum(1) == pytest.approx(1.0)
    assert (by_value.refusal, by_value.is_broken) == ("its graph may depend on values", False)
    assert raising.is_broken
    assert "no disk" in raising.refusal
    assert not by_value.model
    assert not raising.model


@pytest.mark.usefixtures("folder")
def test_a_model_that_ends_the_process_takes_no_other_with_it() -> None:
    ended, lenet = exported(own("ending"), OURS)
    refusal = "the process that exports it ended, or took too long"
    assert ended == Exported(refusal=refusal, is_broken=True)
    assert lenet.model


@pytest.mark.usefixtures("folder")
def test_a_model_has_so_much_time() -> None:
    assert exported(own("waiting"), seconds=1.0)[0].is_broken


@pytest.mark.usefixtures("folder")
def test_it_can_be_stopped_from_another_thread_and_again() -> None:
    process = ExportProcess([own("waiting")])
    results: list[Exported] = []
    thread = threading.Thread(target=lambda: results.extend(process.results()))
    thread.start()
    process.stop()
    process.stop()
    thread.join()
    assert [told.is_broken for told in results] == [True]


def test_without_another_process_nothing_is_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "")
    told = exported(OURS, OURS)
    assert [each.refusal for each in told] == ["no other process can be started"] * 2
