"""What the shape doctor says of broken networks, and that its repairs make PyTorch accept them."""

from __future__ import annotations

import copy
import functools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from server.engine.doctor.diagnosis import Diagnosis, Repair
from server.engine.trace import ForwardFailed, trace_model
from tests.support.broken import Calling, repaired
from tests.support.broken_networks import BROKEN, Change


def diagnosis_of(model: nn.Module, example: Any, **options: Any) -> Diagnosis:
    with pytest.raises(ForwardFailed) as info:
        trace_model(model, example, **options)
    return info.value.diagnosis


@functools.cache
def diagnosed(name: str) -> Diagnosis:
    return diagnosis_of(BROKEN[name].make(), BROKEN[name].example)


def key(repair: Repair) -> Change:
    return repair.kind, repair.module_path, repair.parameter, repair.value


def tensor_of(example: Any) -> Tensor:
    return example if isinstance(example, Tensor) else torch.rand(example)


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_said_of_a_broken_network(name: str) -> None:
    broken = BROKEN[name]
    diagnosis = diagnosed(name)
    assert (diagnosis.operation, diagnosis.module_path) == broken.at
    assert diagnosis.parameter == broken.parameter
    for fact in broken.facts:
        assert fact in diagnosis.sentence
    assert diagnosis.sentence.endswith(".")
    assert "\n" not in diagnosis.sentence
    found = [key(repair) for repair in diagnosis.repairs]
    assert found[0] == broken.repairs[0]
    assert set(broken.repairs) <= set(found)
    assert len(set(found)) == len(found)
    assert diagnosis.sentence in str(diagnosis)


@pytest.mark.parametrize("name", BROKEN)
def test_pytorch_accepts_what_was_repaired(name: str) -> None:
    broken = BROKEN[name]
    for repair in diagnosed(name).repairs:
        model, x = broken.make().eval(), tensor_of(broken.example)
        changed = broken.fixed(repair)
        if changed is not None:
            assert isinstance(model, Calling)
            model.function = changed
        elif repair.kind in ("insert", "call"):
            continue
        else:
            if name == "parametrised":
                first = model.get_submodule("0")
                nn.utils.parametrize.remove_parametrizations(first, "weight")
            model, x = repaired(model, x, repair)
        if repair.completes:
            assert repair.then is None
            with torch.no_grad():
                model(x)
        else:
            assert repair.then
            with pytest.raises(ForwardFailed) as info:
                trace_model(model, x)
            after = info.value.diagnosis
            assert (after.operation, after.module_path) != broken.at


@pytest.mark.parametrize("name", ["linear after flatten", "residual with a stride", "view"])
def test_a_diagnosis_leaves_the_model_as_it_is(name: str) -> None:
    broken = BROKEN[name]
    model = broken.make().train()
    before = copy.deepcopy(model.state_dict())
    attributes = [dict(vars(module)) for module in model.modules()]
    parts = [
        [dict(module._parameters), dict(module._modules), dict(module._forward_hooks)]
        for module in model.modules()
    ]
    random = torch.get_rng_state()
    diagnosis_of(model, broken.example)
    assert torch.equal(torch.get_rng_state(), random)
    for module, values, kept in zip(model.modules(), attributes, parts, strict=True):
        assert vars(module).keys() == values.keys()
        assert all(vars(module)[name] is value for name, value in values.items())
        assert [module._parameters, module._modules, module._forward_hooks] == kept
        assert module.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_it_costs_nothing_until_it_is_asked_for() -> None:
    runs: list[str] = []
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Linear(4, 2))
    model[0].register_forward_hook(lambda *_: runs.append("ran"))
    with pytest.raises(ForwardFailed) as info:
        trace_model(model, (1, 3, 8, 8))
    before = len(runs)
    assert before <= 2, "a run on the meta device, and one that finds the call that failed"
    first = info.value.diagnosis
    assert len(runs) > before
    before = len(runs)
    assert info.value.diagnosis is first
    assert len(runs) == before


def test_what_ran_before_and_the_line_of_the_model_are_told() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 8, 3)
            self.head = nn.Linear(7, 2)

        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = self.head(self.stem(x).mean((2, 3)))
            return result

    diagnosis = diagnosis_of(Own(), (1, 3, 8, 8))
    assert [(ran.name, ran.kind, ran.shape) for ran in diagnosis.ran] == [
        ("stem", "Conv2d", (1, 8, 6, 6)),
        ("mean", "mean", (1, 8)),
    ]
    assert diagnosis.line == "result: Tensor = self.head(self.stem(x).mean((2, 3)))"
    assert diagnosis.input_shapes == ((1, 8),)
    assert diagnosis.error.startswith("RuntimeError: mat1 and mat2 shapes cannot be multiplied")
    text = str(diagnosis)
    assert "stem (Conv2d) gave (1, 8, 6, 6)" in text
    assert diagnosis.line in text
    assert "set in_features of head to 8: then the whole forward passes." in text


def test_the_call_that_failed_is_named() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.same = nn.Conv2d(3, 3, 3, padding=1)
            self.wider = nn.Conv2d(3, 4, 3)

        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = self.same(self.wider(self.same(x)))
            return result

    with pytest.raises(ForwardFailed, match=r"failed in same \(call 1\) after 2 nodes") as info:
        trace_model(Twice(), (1, 3, 6, 6))
    diagnosis = info.value.diagnosis
    assert (diagnosis.module_path, diagnosis.call) == ("same", 1)
    # in_channels=4 would only make the first call fail.
    assert [key(repair) for repair in diagnosis.repairs] == [("module", "wider", "out_channels", 3)]


def test_an_index_that_is_too_large_is_found_in_a_real_run() -> None:
    model = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 2))
    given = torch.tensor([[3, 12]])
    diagnosis = diagnosis_of(model, given, keep=True)
    assert "indices are 0 to 9, but 12 is among" in diagnosis.sentence
    assert [key(repair) for repair in diagnosis.repairs] == [("module", "0", "num_embeddings", 13)]
    model[0] = nn.Embedding(13, 4)
    model(given)


def test_models_that_need_values_are_diagnosed_by_real_runs() -> None:
    class Deciding(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = self.head(x.flatten(1)) if bool(x.sum() < 1e9) else x
            return result

    diagnosis = diagnosis_of(Deciding(), (1, 3, 8, 8))
    assert diagnosis.module_path == "head"
    assert key(diagnosis.repairs[0]) == ("module", "head", "in_features", 192)
