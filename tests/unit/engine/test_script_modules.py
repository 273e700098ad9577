"""ScriptModules: their operators are nodes, where a Python module's functions would be."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from server.engine import trace_model
from server.engine.effective_receptive_field import effective_receptive_field
from server.engine.trace import Trace

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]


class Block(nn.Module):
    """A residual block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1)
        self.normalisation = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.normalisation(self.convolution(x))) + x


class Shrink(nn.Module):
    """Functions, and no modules within."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.max_pool2d(x, 2).mul_(2)


def scripted(module: nn.Module) -> nn.Module:
    made: nn.Module = torch.jit.script(module.eval())
    return made


def traced(module: nn.Module) -> nn.Module:
    made: nn.Module = torch.jit.trace(  # type: ignore[no-untyped-call]
        module.eval(), torch.rand(1, 2, 9, 9)
    )
    return made


MAKERS = [scripted, traced]


def same_as_python(compiled: Trace, plain: Trace) -> None:
    """Whether fields and costs are those of the Python module."""
    for position in ((0, 0), (2, 1)):
        expected = plain.receptive_field("<output>", position)
        found = compiled.receptive_field("<output>", position)
        assert torch.equal(found.mask, expected.mask)
        assert (found.box, found.status) == (expected.box, "exact")
        assert found.unclipped == expected.unclipped
    last, expected_last = compiled.layer("<output>"), plain.layer("<output>")
    assert last.shape == expected_last.shape
    assert last.parameters == expected_last.parameters
    assert last.multiply_accumulates == expected_last.multiply_accumulates
    assert sum(node.multiply_accumulates for node in compiled.nodes) == last.multiply_accumulates
    assert sum(node.parameters for node in compiled.nodes) == last.parameters


@pytest.mark.parametrize("make", MAKERS)
def test_operators_inside_are_nodes(make: Callable[[nn.Module], nn.Module]) -> None:
    model = nn.Sequential(nn.Conv2d(2, 2, 3), make(Block(2)), nn.ReLU())
    trace = trace_model(model, (1, 2, 9, 9))
    assert [(node.name, node.inputs) for node in trace.nodes] == [
        ("0", ("input",)),
        ("1.convolution", ("0",)),
        ("1.native_batch_norm", ("1.convolution",)),
        ("1.relu", ("1.native_batch_norm",)),
        ("1.add", ("1.relu", "0")),
        ("2", ("1.add",)),
    ]
    assert trace.layer("1").kind == "Block"
    assert trace.layer("1").shape == (1, 2, 7, 7)
    assert trace["1.convolution"].module_path == "1"
    assert trace.receptive_field("1.relu", (3, 3)).box == ((2, 7), (2, 7))
    same_as_python(trace, trace_model(nn.Sequential(model[0], Block(2), model[2]), (1, 2, 9, 9)))


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("make", MAKERS)
def test_the_whole_model(make: Callable[[nn.Module], nn.Module], keep: bool) -> None:
    plain = nn.Sequential(nn.Conv2d(2, 2, 3), Block(2), Shrink())
    trace = trace_model(make(plain), (1, 2, 9, 9), keep=keep)
    names = [node.name for node in trace.nodes]
    assert names[0] == "convolution"
    assert names[-1] == "mul"
    assert "convolution@1" in names
    same_as_python(trace, trace_model(plain, (1, 2, 9, 9)))
    if keep:
        expected = plain(trace.nodes[0].given.args[0]) if trace.nodes[0].given else None
        assert expected is None or torch.allclose(trace[names[-1]].output, expected)


@pytest.mark.parametrize("make", MAKERS)
def test_a_layer_of_pytorch_is_one_node(make: Callable[[nn.Module], nn.Module]) -> None:
    trace = trace_model(nn.Sequential(make(nn.Conv2d(2, 3, 3)), make(Shrink())), (1, 2, 9, 9))
    assert [(node.name, node.kind) for node in trace.nodes] == [
        ("0", "Conv2d"),
        ("1.max_pool2d_with_indices", "max_pool2d_with_indices"),
        ("1.mul", "mul"),
    ]
    assert trace["0"].parameters == 57
    assert trace["1.mul"].shape == (1, 3, 3, 3)


def test_a_frozen_module() -> None:
    model = torch.jit.freeze(torch.jit.script(nn.Sequential(nn.Conv2d(2, 2, 3), Block(2)).eval()))
    attributes = set(vars(model))
    trace = trace_model(model, (1, 2, 9, 9))
    assert trace.receptive_field("<output>", (3, 3)).box == ((2, 7), (2, 7))
    assert set(vars(model)) - attributes <= {"forward"}  # which PyTorch keeps when it is read


def test_functions_that_are_scripted_and_mapped() -> None:
    double = torch.jit.script(turned)

    class Uses(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(2, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            mapped: Tensor = torch.vmap(lambda image: image * image.sum())(self.layer(x))
            turned_round: Tensor = double(mapped[..., :4])
            return turned_round

    trace = trace_model(Uses(), (1, 2, 5, 5))
    names = [node.name for node in trace.nodes]
    assert names[0] == "layer"
    assert "flip" in names
    field = trace.receptive_field("flip", (0, 0))
    assert (field.status, field.box) == ("exact", ((0, 5), (0, 5)))


def test_modules_that_are_mapped() -> None:
    class Maps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU())

        def forward(self, x: Tensor) -> Tensor:
            mapped: Tensor = torch.vmap(self.block)(x)
            return mapped + 1

    model, x = Maps().eval(), torch.randn(2, 1, 7, 7)
    trace = trace_model(model, x, keep=True)
    assert {"convolution", "relu", "add"} <= {node.kind for node in trace.nodes}
    assert sum(node.parameters for node in trace.nodes) == 2 * 9 + 2
    torch.testing.assert_close(trace.output, model(x))
    assert trace.receptive_field("<output>", (3, 3)).box == ((2, 5), (2, 5))


def turned(x: Tensor) -> Tensor:
    return x.flip(2) * 2


def test_the_effective_field_of_a_script_module() -> None:
    model = nn.Sequential(nn.Conv2d(2, 2, 3), scripted(Block(2)))
    found = effective_receptive_field(model, [torch.rand(3, 2, 9, 9)], "1", (3, 3))
    inside = torch.zeros(9, 9, dtype=torch.bool)
    inside[2:7, 2:7] = True
    assert found[inside].sum() > 0
    assert not found[~inside].any()
