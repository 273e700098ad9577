"""Which form answers a model's predictions, when, and what becomes of one that is not right."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from torch import nn

from models import load_model
from server.engine.forms import Batch, Form, FormName, Values, limit_for
from server.engine.forms.cuda import Cuda
from server.engine.forms.export import export_onnx
from server.engine.forms.identity import identity_of
from server.services.catalog import Model, load_catalog
from server.services.forms import batches, fast_forms
from server.services.forms.cache import FormCache
from server.services.forms.export_process import Exported
from server.services.forms.fast_forms import FastForms, Mode, summary, why_eager
from server.services.lane import Lane
from server.services.preparation import Preparation

NAME = "softmax-regression"
SHAPE = (1, 28, 28)
PICTURES = np.random.default_rng(0).integers(0, 256, (70, 28, 28), dtype=np.uint8)


@pytest.fixture(scope="module")
def onnx() -> bytes:
    return export_onnx(load_model(NAME).module.eval(), SHAPE)


@pytest.fixture(scope="module")
def other_weights() -> bytes:
    module = load_model(NAME).module.eval()
    with torch.no_grad():
        next(module.parameters())[0, 0] += 0.5
    return export_onnx(module, SHAPE)


@pytest.fixture
def model() -> Model:
    return load_catalog(NAME, torch.device("cpu"), 64, names=[NAME]).default


class Exporter:
    """In the place of the other process: gives what it is told to, and counts."""

    def __init__(self, *results: Exported) -> None:
        self.left = list(results)
        self.wanted: list[Any] = []

    def __call__(self, wanted: Sequence[Any]) -> Exporter:
        self.wanted.extend(wanted)
        return self

    def results(self) -> Iterator[Exported]:
        while self.left:
            yield self.left.pop(0)

    def stop(self) -> None:
        pass


def prepared(
    models: Sequence[Model],
    exporter: Exporter,
    monkeypatch: pytest.MonkeyPatch,
    *,
    mode: Mode = "onnxruntime",
    folder: Path | None = None,
) -> None:
    monkeypatch.setattr(fast_forms, "ExportProcess", exporter)

    async def prepare() -> None:
        lane = Lane(batch_images=64, queued_images=1024)
        lane.start()
        forms = FastForms(lane, mode, 1, FormCache(folder))
        await forms.prepare(models)
        await forms.close()
        await lane.close()

    asyncio.run(prepare())


def eager(pictures: np.ndarray) -> Values:
    module = load_model(NAME).module.eval()
    with torch.inference_mode():
        values: Values = module(torch.from_numpy(pictures[:, None] / np.float32(255))).numpy()
    return values


def assert_right(model: Model) -> None:
    """Predictions are those of the network, however they are asked for."""
    groups = [PICTURES[:1], PICTURES[1:1], PICTURES[1:9], PICTURES[9:]]
    wanted = eager(PICTURES)
    for answers in (
        model.logits(groups),
        model.logits_of_tensors([group[:, None] / np.float32(255) for group in groups]),
    ):
        assert [len(each) for each in answers] == [len(group) for group in groups]
        assert np.abs(np.concatenate(answers) - wanted).max() <= limit_for(wanted)


@pytest.mark.parametrize("mode", ["auto", "onnxruntime"])
def test_an_exact_form_answers(
    mode: Mode, model: Model, onnx: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = Exporter(Exported(onnx))
    prepared([model], exporter, monkeypatch, mode=mode)
    tried = {each.form: each for each in model.choice.figures}
    assert tried.keys() == {"eager", "onnxruntime"}
    assert tried["onnxruntime"].difference <= 1e-4
    assert all(
        set(each.seconds) == ({1, 8, 64} if mode == "auto" else set()) for each in tried.values()
    )
    if mode == "onnxruntime":  # else the clock decides
        assert model.choice.form == "onnxruntime"
    assert (model.form is not None) == (model.choice.form == "onnxruntime")
    assert exporter.wanted[0].served.model == NAME
    assert_right(model)


def test_eager_is_left_alone_where_that_was_asked_for(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = Exporter()
    prepared([model], exporter, monkeypatch, mode="eager")
    assert (model.form, exporter.wanted) == (None, [])
    assert_right(model)


def test_a_form_of_other_weights_does_not_answer(
    model: Model,
    other_weights: bytes,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    prepared([model], Exporter(Exported(other_weights)), monkeypatch, mode="auto", folder=tmp_path)
    assert model.form is None
    assert "differs by" in model.choice.reason
    assert list(tmp_path.iterdir()) == []
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith(f"{NAME}: eager PyTorch answers predictions: onnxruntime")
    assert_right(model)


@pytest.mark.parametrize(
    ("refused", "level"),
    [
        (Exported(refusal="its graph may depend on values"), logging.INFO),
        (Exported(refusal="no memory", is_broken=True), logging.WARNING),
        (Exported(b"no model"), logging.WARNING),
    ],
)
def test_what_cannot_be_exported_stays_and_says_why(
    refused: Exported,
    level: int,
    model: Model,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "doodlescope.forms")
    prepared([model], Exporter(refused), monkeypatch, mode="auto")
    assert model.form is None
    assert refused.refusal in model.choice.reason
    assert [record.levelno for record in caplog.records] == [level]
    assert_right(model)


def test_what_was_kept_is_used_again(
    model: Model, onnx: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    prepared([model], Exporter(Exported(onnx)), monkeypatch, folder=tmp_path)
    assert [file.stem for file in tmp_path.iterdir()] == [identity_of(model.module, SHAPE)]
    again = load_catalog(NAME, torch.device("cpu"), 64, names=[NAME]).default
    exporter = Exporter()
    prepared([again], exporter, monkeypatch, folder=tmp_path)
    assert again.form is not None
    assert exporter.wanted == []
    assert_right(again)


@pytest.mark.parametrize("broken", ["empty", "half", "other weights"])
def test_what_was_kept_and_is_broken_is_made_again(
    broken: str,
    model: Model,
    onnx: bytes,
    other_weights: bytes,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    kept = {"empty": b"", "half": onnx[: len(onnx) // 2], "other weights": other_weights}[broken]
    cache = FormCache(tmp_path)
    key = identity_of(model.module, SHAPE)
    cache.put(key, kept)
    prepared([model], Exporter(Exported(onnx)), monkeypatch, folder=tmp_path)
    assert cache.get(key) == onnx
    assert model.form is not None
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert_right(model)


def test_one_that_fails_does_not_hold_up_the_next(
    model: Model, onnx: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no forward")

    failing = replace(model, name="failing", module=Failing().eval())
    prepared([failing, model], Exporter(Exported(onnx), Exported(onnx)), monkeypatch)
    assert failing.form is None
    assert "no forward" in failing.choice.reason
    assert model.form is not None


def test_a_form_that_fails_while_it_answers_answers_no_more(
    model: Model, onnx: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing:
        name: FormName = "onnxruntime"

        def __call__(self, batch: Batch) -> Values:
            raise RuntimeError("no memory")

    prepared([model], Exporter(Exported(onnx)), monkeypatch)
    model.answer_with(Failing(), model.choice)
    assert_right(model)
    assert model.form is None
    assert model.choice.form == "eager"
    assert model.choice.reason == "onnxruntime failed on a batch of 64"
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_models_that_have_no_other_form_are_told_apart(model: Model) -> None:
    assert why_eager(model) == ""
    half = load_model(NAME).module.half()
    for changed, reason in (
        (replace(model, is_live=True), "it is a live module, and may change"),
        (replace(model, preparation=None), "it takes no pictures"),
        (replace(model, silence="It returns maps."), "it makes no guesses"),
        (replace(model, source=None), "no other process can open it"),
        (replace(model, module=half), "it computes in float16, not in float32"),
    ):
        assert why_eager(changed) == reason


def test_large_models_stay_as_they_are(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_forms, "WEIGHT_BYTES", 1_048_575)
    assert why_eager(model) == "its weights take more than 0 MiB"


def test_the_summary_says_what_answers(
    model: Model, onnx: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert summary([model]) == "Predictions run in eager PyTorch."
    prepared([model], Exporter(Exported(onnx)), monkeypatch)
    other = replace(model, name="other")
    assert summary([other, model]) == (
        "Predictions of 1 network run in ONNX Runtime, 1 in eager PyTorch. "
        f"{model.title}: it was asked for."
    )


@pytest.mark.parametrize(
    "preparation",
    [
        Preparation(1, 4, 6),
        Preparation(1, 4, 6, (0.1307,), (0.3081,)),
        Preparation(3, 4, 6),
        Preparation(3, 4, 6, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        Preparation(3, 4, 6, (0.5,), (0.25,)),
    ],
    ids=["grey", "normalised grey", "colours", "normalised colours", "one for all"],
)
def test_values_are_those_of_the_tensor_to_the_last_bit(preparation: Preparation) -> None:
    colours = (3,) if preparation.channels == 3 else ()
    images = np.random.default_rng(0).integers(0, 256, (50, 4, 6, *colours), dtype=np.uint8)
    values = preparation.values(images)
    tensor = preparation.tensor(images, torch.device("cpu"), torch.float32)
    assert values.flags.c_contiguous
    assert values.dtype == np.float32
    assert np.array_equal(values, tensor.numpy())


def test_on_a_gpu_the_module_has_a_stream(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the CPU in the place of a GPU, which copies all the same."""
    made: list[Model] = []

    def on_cuda(model: Model) -> Form:
        made.append(model)
        streams = Mock(stream=lambda stream: nullcontext())
        cpu = torch.device("cpu")
        return Cuda(model.module, cpu, torch.float32, cuda=streams, pins=False)

    class OnGpu(Model):
        def logits_in_eager(self, batch: np.ndarray) -> Values:
            return replace(model, device=torch.device("cpu")).logits_in_eager(batch)

    there = OnGpu(**{**fields_of(model), "device": torch.device("cuda", 0)})
    monkeypatch.setattr(fast_forms, "_on_cuda", on_cuda)
    exporter = Exporter()
    prepared([there], exporter, monkeypatch)
    assert made == [there]
    assert exporter.wanted == []
    assert there.choice.form == "cuda"
    assert_right(there)
    assert "run on a stream of the GPU" in summary([there])


def fields_of(model: Model) -> dict[str, Any]:
    return {each.name: getattr(model, each.name) for each in fields(model)}


def test_batches_on_a_gpu_are_as_large_as_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    class Counting:
        def __init__(self, *_: object) -> None:
            pass

        def __call__(self, batch: Batch) -> None:
            sizes.append(len(batch))

    monkeypatch.setattr(batches, "Cuda", Counting)
    # A clock that stands still: twice the images in the same time always pay.
    monkeypatch.setattr(time, "perf_counter", lambda: 0.0)
    assert batches.paying_images(NAME, torch.device("cpu"), 64, 300) == 256
    assert sorted(set(sizes)) == [64, 128, 256]
