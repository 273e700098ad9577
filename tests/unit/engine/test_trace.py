"""Tracing finds what ran, and leaves the model as it was."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.doodle_classifier import DoodleClassifier
from server.engine.node import chosen_slot
from server.engine.trace import ForwardFailed, trace_model


class Residual(nn.Module):
    """A residual block whose activations work in place."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 2, 3, padding=1)
        self.normalisation = nn.BatchNorm2d(2)
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.activation(self.normalisation(self.convolution(x)))
        y = self.convolution(y)
        y += x
        result: Tensor = self.activation(y)
        return result


class Containers(nn.Module):
    """Nested Sequential, ModuleList, ModuleDict, and functional calls between."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sequential(nn.ReLU(), nn.Identity()))
        self.branches = nn.ModuleList([nn.Conv2d(2, 3, 1), nn.Conv2d(2, 4, 1)])
        self.heads = nn.ModuleDict({"linear": nn.Linear(7, 5)})
        self.scale = nn.Parameter(torch.full((5,), 2.0))

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x)
        x = torch.cat([branch(x) for branch in self.branches], dim=1)
        x = F.relu(x).mean((2, 3))
        scaled: Tensor = self.heads["linear"](x) * self.scale
        return scaled


class Branching(nn.Module):
    """Reads a tensor beside an Identity of it: the two readers must not be confused."""

    def __init__(self) -> None:
        super().__init__()
        self.identity = nn.Identity()
        self.convolution = nn.Conv2d(1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.convolution(x)
        z = self.identity(y)
        result: Tensor = torch.sub(y, z)
        return result


class Recurrent(nn.Module):
    """A leaf module that returns nested tuples."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 3, batch_first=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        output, (hidden, _) = self.lstm(x)
        first, second = output.split(1, dim=1)
        return first + second, hidden


class Assigning(nn.Module):
    """Writes to a slice, and to a view."""

    def forward(self, x: Tensor) -> Tensor:
        y = torch.zeros_like(x)
        y[:, :, 1:] = x[:, :, :-1]
        y[:, 0].mul_(3)
        return y * 2


class Failing(nn.Module):
    """Raises in a nested leaf after other work."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 2, 3)
        self.inner = nn.Sequential(nn.ReLU(), nn.Linear(1000, 3))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.inner(self.first(x))
        return result


class Noisy(nn.Module):
    """Draws random numbers and changes flags in its forward."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.5)
        self.normalisation = nn.BatchNorm2d(1)

    def forward(self, x: Tensor) -> Tensor:
        self.train()
        noisy: Tensor = self.normalisation.eval()(self.dropout(x) + torch.rand_like(x))
        return noisy


def image(channels: int = 1, side: int = 8) -> Tensor:
    return torch.rand(1, channels, side, side, generator=torch.Generator().manual_seed(5))


def hooks_of(model: nn.Module) -> list[int]:
    return [
        len(hooks)
        for module in model.modules()
        for hooks in (
            module._forward_hooks,
            module._forward_pre_hooks,
            module._forward_hooks_always_called,
            module._forward_hooks_with_kwargs,
            module._forward_pre_hooks_with_kwargs,
        )
    ]


def state_of(model: nn.Module) -> list[Any]:
    return [
        [module.training for module in model.modules()],
        [parameter.requires_grad for parameter in model.parameters()],
        [parameter.is_inference() for parameter in model.parameters()],
        hooks_of(model),
        torch.get_rng_state().tolist(),
        torch.is_inference_mode_enabled(),
    ]


def graph(model: nn.Module, *inputs: Tensor) -> dict[str, tuple[str, ...]]:
    return {node.name: node.inputs for node in trace_model(model, inputs).nodes}


def test_residuals_reused_modules_and_operations_in_place() -> None:
    assert graph(Residual(), image(2)) == {
        "convolution": ("input",),
        "normalisation": ("convolution",),
        "activation": ("normalisation",),
        "convolution@1": ("activation",),
        "add": ("convolution@1", "input"),
        "activation@1": ("add",),
    }


def test_outputs_are_what_they_were_before_operations_in_place() -> None:
    model = Residual().eval()
    trace = trace_model(model, image(2), keep=True)
    normalised = trace["normalisation"].output
    assert (normalised < 0).any(), "the activation in place must not show here"
    torch.testing.assert_close(trace["activation"].output, normalised.relu(), rtol=0, atol=0)
    assert trace["activation"].call == 0
    assert trace["activation@1"].call == 1


def test_containers_and_functional_operations() -> None:
    trace = trace_model(Containers(), image())
    assert [(node.name, node.kind, node.inputs) for node in trace.nodes] == [
        ("body.0", "Conv2d", ("input",)),
        ("body.1.0", "ReLU", ("body.0",)),
        ("body.1.1", "Identity", ("body.1.0",)),
        ("branches.0", "Conv2d", ("body.1.1",)),
        ("branches.1", "Conv2d", ("body.1.1",)),
        ("cat", "cat", ("branches.0", "branches.1")),
        ("relu", "relu", ("cat",)),
        ("mean", "mean", ("relu",)),
        ("heads.linear", "Linear", ("mean",)),
        ("mul", "mul", ("heads.linear",)),
    ]
    assert trace["mul"].parameters == 5
    assert trace["cat"].hyperparameters == {"dim": 1}
    assert trace["mean"].hyperparameters == {"arguments": [[2, 3]]}
    assert trace["body.0"].hyperparameters["kernel_size"] == [3, 3]
    assert trace["cat"].shape == (1, 7, 6, 6)


def test_what_passes_through_an_identity_is_not_confused_with_the_original() -> None:
    assert graph(Branching(), image())["sub"] == ("convolution", "identity")


def test_tuples() -> None:
    trace = trace_model(Recurrent(), torch.rand(1, 2, 4), keep=True)
    assert {node.name: node.inputs for node in trace.nodes} == {
        "lstm": ("input",),
        "split": ("lstm",),
        "add": ("split", "split"),
    }
    assert [tuple(output.shape) for output in trace["lstm"].outputs] == [
        (1, 2, 3),
        (1, 1, 3),
        (1, 1, 3),
    ]
    assert isinstance(trace.output, tuple)


def test_writes_to_slices_and_views_are_seen() -> None:
    found = graph(Assigning(), image())
    assert found["setitem"] == ("zeros_like", "getitem")
    assert found["mul"] == ("getitem@1",)  # the one in place, on a view of y
    assert found["mul@1"] == ("mul",)


def test_several_inputs_have_names_of_their_own() -> None:
    model = nn.Bilinear(3, 4, 2)
    wrapped = nn.ModuleDict({"bilinear": model})
    wrapped.forward = lambda x, y: model(x, y)
    trace = trace_model(wrapped, (torch.rand(1, 3), torch.rand(1, 4)))
    assert trace.inputs == ("input", "input@1")
    assert trace["bilinear"].inputs == ("input", "input@1")


def test_a_model_without_children_shows_its_operations() -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(2, 1, 3, 3))

        def forward(self, x: Tensor) -> Tensor:
            return F.max_pool2d(F.conv2d(x, self.weight, padding=1), 2)

    trace = trace_model(Functional(), image())
    assert [(node.name, node.inputs) for node in trace.nodes] == [
        ("conv2d", ("input",)),
        ("max_pool2d", ("conv2d",)),
    ]
    assert trace["conv2d"].parameters == 18
    assert trace["conv2d"].hyperparameters == {"padding": 1}


def test_the_classifier_is_traced_exactly() -> None:
    model = DoodleClassifier()
    seen: dict[str, Tensor] = {}
    handles = [
        module.register_forward_hook(
            lambda _module, _args, output, path=path: seen.__setitem__(path, output.clone())
        )
        for path, module in model.named_modules()
        if not any(module.children())
    ]
    x = torch.rand(1, 1, 28, 28)
    with torch.inference_mode():
        logits = model.eval()(x)
    for handle in handles:
        handle.remove()
    trace = trace_model(model, x, keep=True)
    assert torch.equal(trace.output, logits)
    assert set(seen) == {node.name for node in trace.nodes if node.kind != "add"}
    assert all(torch.equal(trace[path].output, output) for path, output in seen.items())
    assert sum(node.parameters for node in trace.nodes) == sum(
        parameter.numel() for parameter in model.parameters()
    )
    # Every name that is read has been made before.
    known = set(trace.inputs)
    for node in trace.nodes:
        assert set(node.inputs) <= known
        assert node.inputs
        known.add(node.name)


@pytest.mark.parametrize(
    ("make", "inputs"),
    [
        (DoodleClassifier, (torch.rand(1, 1, 28, 28),)),
        (Containers, (image(),)),
        (Recurrent, (torch.rand(1, 2, 4),)),
        (Noisy, (image(),)),
        (Failing, (image(),)),
    ],
)
def test_the_model_is_left_as_it_was(
    make: Callable[[], nn.Module], inputs: tuple[Tensor, ...]
) -> None:
    model = make().train()
    list(model.modules())[-1].eval()
    next(iter(model.parameters())).requires_grad_(False)
    model.register_forward_hook(lambda *_: None)
    before = state_of(model)
    try:
        trace_model(model, inputs)
    except ForwardFailed:
        assert isinstance(model, Failing)
    assert state_of(model) == before


def test_a_failure_says_what_ran_and_where_it_stopped() -> None:
    with pytest.raises(ForwardFailed, match=r"failed in inner\.1 after 2 nodes .*inner\.0") as info:
        trace_model(Failing(), image())
    assert info.value.module_path == "inner.1"
    assert [node.name for node in info.value.nodes] == ["first", "inner.0"]
    assert isinstance(info.value.__cause__, RuntimeError)


def test_a_failure_that_the_model_catches_does_not_hide_what_follows() -> None:
    class Catching(Failing):
        def forward(self, x: Tensor) -> Tensor:
            try:
                return super().forward(x)
            except RuntimeError:
                fallback: Tensor = self.first(x) + 1
                return fallback

    assert list(graph(Catching(), image())) == ["first", "inner.0", "first@1", "add"]


def test_outputs_are_kept_only_when_asked_for() -> None:
    trace = trace_model(Residual(), image(2))
    assert trace["add"].outputs == ()
    assert trace["add"].shape == (1, 2, 8, 8)
    with pytest.raises(LookupError, match="not kept"):
        _ = trace["add"].output


def test_a_trace_has_names() -> None:
    trace = trace_model(Residual(), image(2))
    assert "add" in trace
    assert "sub" not in trace
    with pytest.raises(KeyError):
        trace["sub"]


class Several(nn.Module):
    """Takes two inputs by name, returns a mapping, and keeps things on itself."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
        self.normalisation = nn.BatchNorm2d(2)
        self.count: Tensor
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: Tensor, gain: Tensor) -> dict[str, Any]:
        self.cache = self.stage(x)
        self.count += 1
        self.normalisation.train()
        y = self.normalisation(self.cache) * gain
        return {"features": [self.cache, y], "mean": self.stage(x).mean()}


def test_inputs_by_name_and_nested_outputs() -> None:
    trace = trace_model(Several(), {"gain": torch.ones(1), "x": (1, 1, 8, 8)})
    assert trace.device.type == "meta"
    assert trace["mul"].inputs == ("normalisation", "input")
    assert trace.layer("stage", call=1).shape == (1, 2, 6, 6)
    assert trace.layer("stage").kind == "Sequential"
    assert trace.layer("stage.0", 1) is trace["stage.0@1"]
    output = trace.layer("<output>")
    assert [slot.view.shape for slot in output.slots] == [(1, 2, 6, 6), (1, 2, 6, 6), ()]
    assert chosen_slot(output, ("features", 1)).view.shape == (1, 2, 6, 6)
    assert chosen_slot(output, "mean").view.shape == ()
    for item in (None, "features"):
        with pytest.raises(LookupError, match="tensors: choose one by item="):
            chosen_slot(output, item)
    with pytest.raises(LookupError, match="nothing at item='logits'"):
        chosen_slot(output, "logits")
    with pytest.raises(KeyError, match="ran 2 times, so there is no call 2"):
        trace.layer("stage", call=2)
    with pytest.raises(KeyError, match="Nothing called 'head' ran"):
        trace.layer("head")


@pytest.mark.parametrize("keep", [False, True])
def test_attributes_buffers_and_gradients_are_as_before(keep: bool) -> None:
    model = Several()
    model(image(), torch.ones(1))["mean"].backward()
    attributes = [dict(vars(module)) for module in model.modules()]
    values = {name: buffer.clone() for name, buffer in model.named_buffers()}
    gradients = [parameter.grad for parameter in model.parameters()]
    given = image()
    trace_model(model, (given, torch.ones(1)), keep=keep)
    for before, module in zip(attributes, model.modules(), strict=True):
        assert vars(module).keys() == before.keys()
        assert all(vars(module)[name] is value for name, value in before.items())
    for name, buffer in model.named_buffers():
        assert torch.equal(buffer, values[name])
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        assert parameter.grad is gradient
        assert not parameter.is_meta
    assert torch.equal(given, image())


class Deciding(nn.Module):
    """Goes one way or the other by what it is given."""

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 2) if x.mean() > 0 else F.max_pool2d(x, 4)


def test_a_model_that_reads_values_really_runs() -> None:
    assert trace_model(Deciding(), image()).nodes[-1].kind == "avg_pool2d"
    assert trace_model(Deciding(), -image()).nodes[-1].kind == "max_pool2d"
    assert trace_model(Deciding(), (1, 1, 8, 8)).device.type == "cpu"


def test_an_input_is_not_written_to() -> None:
    given = -image()
    trace_model(nn.Sequential(nn.ReLU(inplace=True)), given, keep=True)
    assert torch.equal(given, -image())


def test_costs_of_layers() -> None:
    model = nn.Sequential(
        nn.Conv2d(4, 6, 3, stride=2, groups=2, bias=False),
        nn.ConvTranspose2d(6, 2, 2, stride=2),
        nn.Flatten(),
        nn.Linear(288, 10),
    )
    trace = trace_model(model, (1, 4, 13, 13))
    assert [(node.shape, node.multiply_accumulates) for node in trace.nodes] == [
        ((1, 6, 6, 6), 6 * 36 * 2 * 9),
        ((1, 2, 12, 12), 6 * 36 * 2 * 4),
        ((1, 288), 0),
        ((1, 10), 2880),
    ]
    assert [node.activation_bytes for node in trace.nodes] == [864, 1152, 1152, 40]
    assert trace.layer("<output>").multiply_accumulates == 3888 + 1728 + 2880


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_shapes_take_the_type_of_the_model(dtype: torch.dtype) -> None:
    trace = trace_model(nn.Sequential(nn.Linear(3, 4)).to(dtype), (2, 3), keep=True)
    assert trace["0"].output.dtype == dtype
    assert trace["0"].activation_bytes == 8 * dtype.itemsize


def test_script_modules_inside_and_outside() -> None:
    class Inner(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.max_pool2d(x, 2)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(Inner())
    for model in (scripted, nn.Sequential(nn.ReLU(), scripted)):
        trace = trace_model(model, (1, 1, 8, 8))
        assert trace.layer("<output>").shape == (1, 1, 4, 4)
        assert "max_pool2d_with_indices" in {operation.name for operation in trace.operations}


@pytest.mark.parametrize("example", [(), {}, [], (1, 1, -8, 8)])
def test_empty_and_negative_examples_are_refused(example: Any) -> None:
    with pytest.raises(ValueError, match=r"empty|negative"):
        trace_model(Deciding(), example)


@pytest.mark.parametrize("example", ["image", 3, ((1, 8), "x"), None])
def test_what_is_no_example_is_refused(example: Any) -> None:
    with pytest.raises(TypeError, match="shape"):
        trace_model(Deciding(), example)
