"""What a model is after it was run: what it was before, whatever its forward does."""

from __future__ import annotations

import contextlib
import copy
import random
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from server.engine import trace_model
from server.engine.effective_receptive_field import effective_receptive_field
from server.engine.failure import ForwardFailed
from server.engine.preserved import preserved


class Careless(nn.Module):
    """Its forward changes whatever it can reach."""

    def __init__(self, change: Callable[[Careless], Any] | None = None) -> None:
        super().__init__()
        self.change = change
        self.convolution = nn.Conv2d(1, 2, 3)
        self.normalisation = nn.BatchNorm2d(2)
        self.scaled = parametrizations.weight_norm(nn.Linear(4, 4))
        self.register_buffer("count", torch.zeros(3))
        self.cache = torch.arange(4.0)
        self.seen: list[Any] = [1, [2], {"a": 3}]
        self.queue = deque([1, 2], maxlen=4)
        self.names = {"a"}
        self.number = 7

    def forward(self, x: Tensor) -> Tensor:
        x = self.normalisation(self.convolution(x))
        if self.change is not None:
            self.change(self)
        result: Tensor = self.scaled(x)
        return result


def write_parameter(model: Careless) -> None:
    model.convolution.weight.mul_(0.5)


def write_view(model: Careless) -> None:
    model.convolution.weight[0, 0, 0].zero_()


def write_out(model: Careless) -> None:
    torch.add(model.convolution.weight, 1, out=model.convolution.weight)


def write_numpy(model: Careless) -> None:
    model.convolution.weight.numpy()[...] = 3


def write_original(model: Careless) -> None:
    model.scaled.parametrizations.weight.original0.add_(1)


def replace_data(model: Careless) -> None:
    model.convolution.weight.data = torch.ones(2, 1, 3, 3)


def replace_and_write(model: Careless) -> None:
    model.convolution.weight.add_(1)
    model.convolution.weight.data = torch.ones(2, 1, 3, 3)
    model.convolution.weight.add_(1)


def replace_parameter(model: Careless) -> None:
    model.convolution.weight = nn.Parameter(torch.ones(2, 1, 3, 3))


def resize(model: Careless) -> None:
    model.get_buffer("count").resize_(7).fill_(1)


def write_buffer(model: Careless) -> None:
    model.get_buffer("count").add_(1)


def train(model: Careless) -> None:
    model.train()
    model.normalisation(torch.rand(2, 2, 3, 3))


def write_cache(model: Careless) -> None:
    model.cache.add_(1)
    model.cache = model.cache * 2


def fill_containers(model: Careless) -> None:
    model.seen.append(model.cache)
    model.seen[1].append(5)
    model.seen[2]["b"] = 1
    model.queue.append(3)
    model.names.add("b")


def add_attributes(model: Careless) -> None:
    model.number += 1
    model.added = nn.Linear(1, 1)
    model.register_buffer("more", torch.zeros(1))
    del model.cache


def add_hooks(model: Careless) -> None:
    module = model.convolution
    module.register_forward_hook(lambda *_: None)
    module.register_forward_pre_hook(lambda *_: None)
    module.register_full_backward_hook(lambda *_: None)


def unfreeze(model: Careless) -> None:
    model.convolution.weight.requires_grad_(False)
    model.normalisation.weight.requires_grad_(True)


def write_gradients(model: Careless) -> None:
    assert model.convolution.weight.grad is not None
    model.convolution.weight.grad.add_(1)
    model.convolution.bias.grad = torch.ones(2)  # type: ignore[union-attr]


def learn(model: Careless) -> None:
    with torch.enable_grad():
        torch.autograd.backward((model.convolution.weight * 2).sum())


def draw(model: Careless) -> None:
    torch.rand(3)
    torch.manual_seed(5)
    random.random()
    np.random.seed(3)


def set_defaults(model: Careless) -> None:
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(True)


def remove_parametrisation(model: Careless) -> None:
    torch.nn.utils.parametrize.remove_parametrizations(model.scaled, "weight")


CHANGES = [
    *(write_parameter, write_view, write_out, write_numpy, write_original, replace_data),
    *(replace_and_write, replace_parameter, resize, write_buffer, train, write_cache),
    *(fill_containers, add_attributes, add_hooks, unfreeze, write_gradients, learn, draw),
    *(set_defaults, remove_parametrisation),
]


def state(model: nn.Module) -> dict[str, Any]:
    """All that should stay, as values."""
    attributes = {
        f"{path}.{name}": value
        for path, module in model.named_modules()
        for name, value in vars(module).items()
        if name not in ("_parameters", "_buffers", "_modules")
    }
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {
        "attributes": {name: plain(value) for name, value in attributes.items()},
        "objects": {name: id(tensor) for name, tensor in tensors.items()},
        "values": {name: tensor.tolist() for name, tensor in tensors.items()},
        "frozen": {name: tensor.requires_grad for name, tensor in tensors.items()},
        "gradients": {name: plain(tensor.grad) for name, tensor in model.named_parameters()},
        "training": {path: module.training for path, module in model.named_modules()},
        "torch": torch.get_rng_state().tolist(),
        "python": random.getstate(),
        "numpy": [plain(item) for item in np.random.get_state()],
        "defaults": (torch.is_grad_enabled(), torch.get_default_dtype()),
    }


def plain(value: Any) -> Any:
    """Something that compares by value."""
    if isinstance(value, Tensor):
        return value.tolist()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | deque):
        return [plain(item) for item in value]
    if isinstance(value, set):
        return set(value)
    return value if isinstance(value, bool | int | float | str) else id(value)


@pytest.fixture
def model() -> Careless:
    made = Careless()
    made.normalisation.eval()
    made.normalisation.weight.requires_grad_(False)
    made.convolution.register_forward_hook(lambda *_: None)
    made.convolution.weight.grad = torch.full((2, 1, 3, 3), 0.25)
    return made


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_a_trace_leaves_everything_as_it_was(
    model: Careless, change: Callable[[Careless], None], keep: bool, fails: bool
) -> None:
    def changed(running: Careless) -> None:
        change(running)
        if fails:
            raise ValueError("after the change")

    if change is learn and not keep:
        pytest.skip("there is no gradient on the meta device")
    model.change = changed
    before = copy.deepcopy(state(model))
    if fails:
        with pytest.raises(ForwardFailed):
            trace_model(model, (1, 1, 6, 6), keep=keep)
    else:
        trace_model(model, (1, 1, 6, 6), keep=keep)
    assert state(model) == before


@pytest.mark.parametrize("change", [c for c in CHANGES if c is not write_numpy])
def test_the_effective_field_leaves_everything_as_it_was(
    model: Careless, change: Callable[[Careless], None]
) -> None:
    def changed(running: Careless) -> None:
        with torch.no_grad():
            change(running)

    model.change = changed
    inputs = [torch.rand(1, 1, 6, 6)]
    before = copy.deepcopy(state(model))
    with contextlib.suppress(RuntimeError):  # a gradient needs the values that were written to
        effective_receptive_field(model, inputs, "scaled")
    assert state(model) == before


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_script_module_is_left_as_it_was() -> None:
    model = nn.Sequential(torch.jit.script(Counting()), nn.ReLU())
    scripted: Any = model[0]
    for keep in (False, True):
        trace_model(model, (1, 3), keep=keep)
        assert scripted.count == 0
        assert scripted.training
        assert scripted.total.tolist() == [0.0]
        assert not scripted._forward_hooks
        assert not scripted._forward_pre_hooks


class Counting(nn.Module):
    """Counts its calls, in a number and in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.total: Tensor
        self.register_buffer("total", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        self.total += 1
        return x + self.count


def test_values_are_copied_only_before_they_are_written_to() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    with preserved(model) as kept:
        model(torch.rand(2, 4))
        written = {storage.data_ptr() for storage, _ in kept._values.values()}
    buffers = {buffer.untyped_storage().data_ptr() for buffer in model.buffers()}
    assert written == buffers


def test_shared_memory_is_restored_once_for_all() -> None:
    model = nn.Linear(4, 4)
    tied = nn.Linear(4, 4)
    tied.weight = model.weight
    both = nn.ModuleList([model, tied])
    before = model.weight.tolist()
    with preserved(both), torch.no_grad():
        tied.weight.view(-1)[3:5] = 7
        assert model.weight.tolist() != before
    assert model.weight.tolist() == before
    assert tied.weight is model.weight
