"""What the shape doctor says of broken networks, and that its repairs make PyTorch accept them."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from server.engine.doctor.diagnosis import Diagnosis, Repair
from server.engine.trace import ForwardFailed, trace_model
from tests.support.broken import Attention, Block, Calling, lenet, pooled, repaired

Change = tuple[str, str, str, Any]


@dataclass(frozen=True)
class Broken:
    """A network, what it is given, and what has to be said of it."""

    make: Callable[[], nn.Module]
    example: Any
    at: tuple[str, str]
    """Operation and module path."""
    parameter: str | None
    facts: tuple[str, ...]
    """What the sentence has to contain."""
    repairs: tuple[Change, ...]
    """Kind, module path, parameter and value of repairs that there have to be; the first first."""
    fixed: Callable[[Repair], Callable[..., Any] | None] = lambda repair: None
    """For changed and inserted calls, the model's forward with them."""


def image(channels: int, side: int) -> tuple[int, ...]:
    return 1, channels, side, side


def doubled(function: Callable[..., Any]) -> Callable[[], nn.Module]:
    """A model with two convolutions and a function of them."""
    return lambda: Calling(
        function, a=nn.Conv2d(3, 4, 3, padding=1), b=nn.Conv2d(3, 4, 5), c=nn.Conv2d(3, 16, 3)
    )


def weighted(function: Callable[..., Any], *shape: int) -> Callable[[], nn.Module]:
    return lambda: Calling(function, weight=nn.Parameter(torch.zeros(shape)))


BROKEN: dict[str, Broken] = {
    "linear after flatten": Broken(
        lambda: lenet(256),
        image(1, 32),
        ("Linear", "7"),
        "in_features",
        ("7 (Linear)", "in_features is 256", "[1, 400]", "flatten of [16, 5, 5]", "16 × 5 × 5"),
        (("module", "7", "in_features", 400), ("input", "input", "shape", (1, 1, 31, 31))),
    ),
    "another image size": Broken(
        lenet,
        image(1, 28),
        ("Linear", "7"),
        "in_features",
        ("in_features is 400", "256"),
        (
            ("module", "7", "in_features", 256),
            ("input", "input", "shape", (1, 1, 32, 32)),
            ("module", "0", "padding", 2),
        ),
    ),
    "no batch": Broken(
        lenet,
        (1, 32, 32),
        ("Linear", "7"),
        "in_features",
        ("[16, 25]", "give input as [1, 1, 32, 32]: x.unsqueeze(0)"),
        (("input", "input", "shape", (1, 1, 32, 32)),),
    ),
    "neither batch nor channel": Broken(
        lenet,
        (32, 32),
        ("Conv2d", "0"),
        None,
        ("3 or 4 axes", "[32, 32]", "the model's input", "x[None, None]"),
        (("input", "input", "shape", (1, 1, 32, 32)),),
    ),
    "channels last": Broken(
        lambda: pooled(nn.Conv2d(3, 8, 3), features=8),
        (32, 32, 3),
        ("Conv2d", "0"),
        "in_channels",
        ("in_channels is 3", "32 channels", "x.permute(2, 0, 1).unsqueeze(0)"),
        (("input", "input", "shape", (1, 3, 32, 32)),),
    ),
    "channels last, in bytes": Broken(
        lambda: pooled(nn.Conv2d(3, 8, 3), features=8),
        torch.zeros(1, 32, 32, 3, dtype=torch.uint8),
        ("Conv2d", "0"),
        "in_channels",
        ("x.permute(0, 3, 1, 2).to(torch.float32)",),
        (("input", "input", "shape", (1, 3, 32, 32)),),
    ),
    "bytes": Broken(
        lenet,
        torch.zeros(image(1, 32), dtype=torch.uint8),
        ("Conv2d", "0"),
        "dtype",
        ("parameters are torch.float32", "torch.uint8", "give input as torch.float32"),
        (("input", "input", "dtype", torch.float32),),
    ),
    "whole numbers into a linear layer": Broken(
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(16, 2)),
        torch.zeros(image(1, 4), dtype=torch.int64),
        ("Linear", "1"),
        "dtype",
        ("torch.int64", "flatten of [1, 4, 4]"),
        (("input", "input", "dtype", torch.float32),),
    ),
    "double precision": Broken(
        lenet,
        torch.zeros(image(1, 32), dtype=torch.float64),
        ("Conv2d", "0"),
        "dtype",
        ("torch.float64",),
        (("input", "input", "dtype", torch.float32),),
    ),
    "floats into an embedding": Broken(
        lambda: nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 2)),
        (2, 5),
        ("Embedding", "0"),
        "dtype",
        ("whole numbers", "torch.float32", "torch.int64"),
        (("input", "input", "dtype", torch.int64),),
    ),
    "channels of a convolution": Broken(
        lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(16, 8, 3)),
        image(3, 8),
        ("Conv2d", "2"),
        "in_channels",
        ("in_channels is 16", "[1, 8, 6, 6] (from 0 (Conv2d))", "8 channels"),
        (("module", "2", "in_channels", 8), ("module", "0", "out_channels", 16)),
    ),
    "channels of a transposed convolution": Broken(
        lambda: nn.Sequential(nn.Conv2d(3, 6, 3), nn.ConvTranspose2d(4, 3, 2)),
        image(3, 8),
        ("ConvTranspose2d", "1"),
        "in_channels",
        ("in_channels is 4", "6 channels"),
        (("module", "1", "in_channels", 6), ("module", "0", "out_channels", 4)),
    ),
    "output padding": Broken(
        lambda: nn.Sequential(nn.ConvTranspose2d(3, 4, 3, stride=2, output_padding=2)),
        image(3, 8),
        ("ConvTranspose2d", "0"),
        "output_padding",
        ("output_padding", "at most 1"),
        (("module", "0", "output_padding", 1), ("module", "0", "stride", 3)),
    ),
    "batch normalisation": Broken(
        lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(16), nn.Conv2d(8, 8, 3)),
        image(3, 8),
        ("BatchNorm2d", "1"),
        "num_features",
        ("num_features is 16", "8 channels"),
        (("module", "1", "num_features", 8),),
    ),
    "batch normalisation of vectors": Broken(
        lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.BatchNorm2d(288)),
        image(3, 8),
        ("BatchNorm2d", "2"),
        None,
        ("4 axes", "not 2", "flatten of [8, 6, 6]", "use BatchNorm1d instead"),
        (("module", "2", "class", "BatchNorm1d"),),
    ),
    "groups": Broken(
        lambda: nn.Sequential(nn.Conv2d(3, 6, 3), nn.GroupNorm(4, 8)),
        image(3, 9),
        ("GroupNorm", "1"),
        "num_channels",
        ("num_channels is 8", "6 channels"),
        (
            ("module", "1", "num_groups, num_channels", (3, 6)),
            ("module", "0", "out_channels", 8),
        ),
    ),
    "layer normalisation": Broken(
        lambda: nn.Sequential(nn.Linear(6, 5), nn.LayerNorm(6)),
        (2, 6),
        ("LayerNorm", "1"),
        "normalized_shape",
        ("normalized_shape is [6]", "[2, 5]"),
        (("module", "1", "normalized_shape", (5,)), ("module", "0", "out_features", 6)),
    ),
    "kernel": Broken(
        lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.MaxPool2d(2), nn.Conv2d(8, 8, 5)),
        image(3, 8),
        ("Conv2d", "2"),
        "kernel_size",
        ("reaches over 5 rows", "only 3", "[1, 8, 3, 3] (from 1 (MaxPool2d))"),
        (
            ("module", "2", "padding", 1),
            ("module", "2", "kernel_size", 3),
            ("input", "input", "shape", (1, 3, 12, 12)),
        ),
    ),
    "too small an image": Broken(
        lambda: nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(8 if number else 3, 8, 3), nn.MaxPool2d(2))
                for number in range(4)
            )
        ),
        image(3, 20),
        ("MaxPool2d", "2.1"),
        "kernel_size",
        ("reaches over 2 rows", "only 1", "give input as [1, 3, 46, 46]"),
        (("input", "input", "shape", (1, 3, 46, 46)),),
    ),
    "reflection": Broken(
        lambda: nn.Sequential(nn.ReflectionPad2d(9), nn.Conv2d(3, 6, 3)),
        image(3, 9),
        ("ReflectionPad2d", "0"),
        "padding",
        ("at most 8", "not 9", "the model's input"),
        (("module", "0", "padding", 8), ("input", "input", "shape", (1, 3, 10, 10))),
    ),
    "reflection in a convolution": Broken(
        lambda: nn.Sequential(nn.Conv2d(3, 6, 3, padding=9, padding_mode="reflect")),
        image(3, 9),
        ("Conv2d", "0"),
        "padding",
        ("reflect", "[1, 3, 9, 9]", "at most 8"),
        (("module", "0", "padding", 8), ("module", "0", "padding_mode", "zeros")),
    ),
    "pixel shuffle": Broken(
        lambda: nn.Sequential(nn.Conv2d(3, 6, 3), nn.PixelShuffle(2)),
        image(3, 9),
        ("PixelShuffle", "1"),
        "upscale_factor",
        ("does not divide the 6 channels",),
        (("module", "1", "upscale_factor", 1),),
    ),
    "residual of more channels at half the size": Broken(
        lambda: nn.Sequential(nn.Conv2d(3, 16, 3), Block(16, 32, stride=2)),
        image(3, 34),
        ("add", "1"),
        None,
        (
            *(
                "add in 1 (Block)",
                "[1, 32, 16, 16] (from 1.conv2 (Conv2d))",
                "(channels): 32 and 16",
            ),
            *("[1, 16, 32, 32] (from 0 (Conv2d))", "nn.Conv2d(16, 32, 1, stride=2)"),
        ),
        (("insert", "1", "operand 1", "nn.Conv2d(16, 32, 1, stride=2)(x)"),),
    ),
    "residual without padding": Broken(
        lambda: nn.Sequential(nn.Conv2d(3, 16, 3), Block(16, 16, padding=0)),
        image(3, 34),
        ("add", "1"),
        None,
        ("(rows): 30 and 32", "set padding of 1.conv1 to 1"),
        (("module", "1.conv1", "padding", 1), ("module", "1.conv1", "kernel_size", 1)),
    ),
    "residual with a stride": Broken(
        lambda: nn.Sequential(nn.Conv2d(3, 16, 3), Block(16, 16, stride=2)),
        image(3, 34),
        ("add", "1"),
        None,
        ("(rows): 16 and 32",),
        (
            ("insert", "1", "operand 1", "nn.Conv2d(16, 16, 1, stride=2)(x)"),
            ("module", "1.conv1", "stride", 1),
        ),
    ),
    "gate": Broken(
        lambda: Calling(lambda self, x: x * self.gate(x.mean((2, 3))), gate=nn.Linear(3, 3)),
        (2, 3, 8, 8),
        ("mul", ""),
        None,
        ("[2, 3, 8, 8]", "[2, 3] (from gate (Linear))", "x[..., None, None]"),
        (("insert", "", "operand 1", "x[..., None, None]"),),
        lambda repair: (
            (lambda self, x: x * self.gate(x.mean((2, 3)))[..., None, None])
            if repair.kind == "insert"
            else None
        ),
    ),
    "concatenation": Broken(
        doubled(lambda self, x: torch.cat([self.a(x), self.b(x)], 1)),
        image(3, 9),
        ("cat", ""),
        "dim",
        ("joins along axis 1", "[1, 4, 9, 9] (from a (Conv2d))", "[1, 4, 5, 5] (from b (Conv2d))"),
        (
            ("insert", "", "tensors[1]", "F.pad(x, [0, 4, 0, 4])"),
            ("module", "b", "padding", 2),
            ("module", "b", "kernel_size", 1),
        ),
        lambda repair: (
            lambda self, x: (
                torch.cat([self.a(x), F.pad(self.b(x), [0, 4, 0, 4])], 1)
                if repair.kind == "insert"
                else None
            )
        ),
    ),
    "concatenation along the wrong axis": Broken(
        lambda: Calling(
            lambda self, x: self.c(torch.cat([self.a(x), self.b(x)], 2)),
            a=nn.Conv2d(3, 4, 3),
            b=nn.Conv2d(3, 5, 3),
            c=nn.Conv2d(9, 2, 1),
        ),
        image(3, 9),
        ("cat", ""),
        "dim",
        ("joins along axis 2", "[1, 4, 7, 7]", "[1, 5, 7, 7]"),
        (("call", "", "dim", 1),),
        lambda repair: (
            (lambda self, x: self.c(torch.cat([self.a(x), self.b(x)], repair.value)))
            if repair.kind == "call"
            else None
        ),
    ),
    "skip connection of an odd image": Broken(
        lambda: Calling(
            lambda self, x: torch.cat([x, self.up(F.max_pool2d(self.down(x), 2))], 1),
            down=nn.Conv2d(3, 4, 3, padding=1),
            up=nn.ConvTranspose2d(4, 4, 2, 2),
        ),
        image(3, 57),
        ("cat", ""),
        "dim",
        ("[1, 3, 57, 57] (the model's input)", "[1, 4, 56, 56] (from up (ConvTranspose2d))"),
        (
            ("insert", "", "tensors[1]", "F.pad(x, [0, 1, 0, 1])"),
            ("module", "up", "output_padding", 1),
            ("input", "input", "shape", (1, 3, 58, 58)),
        ),
    ),
    "view": Broken(
        lambda: Calling(
            lambda self, x: self.head(self.c(x).view(-1, 16 * 5 * 5)),
            c=nn.Conv2d(3, 16, 3),
            head=nn.Linear(400, 10),
        ),
        image(3, 9),
        ("view", ""),
        "shape",
        ("784 elements", "[-1, 400]", "a multiple of 400", "[1, 16, 7, 7] (from c (Conv2d))"),
        (
            ("module", "c", "kernel_size", 5),
            ("input", "input", "shape", (1, 3, 7, 7)),
            ("call", "", "shape", (-1, 784)),
        ),
        lambda repair: (
            (lambda self, x: self.head(self.c(x).view(repair.value)))
            if repair.kind == "call"
            else None
        ),
    ),
    "view of what is not in order": Broken(
        doubled(lambda self, x: self.c(x).transpose(1, 2).view(1, -1)),
        image(3, 9),
        ("view", ""),
        None,
        ("not in memory in the order", "use reshape(1, -1)"),
        (("call", "", "function", "reshape"),),
        lambda repair: (
            (lambda self, x: self.c(x).transpose(1, 2).reshape(1, -1))
            if repair.kind == "call"
            else None
        ),
    ),
    "attention heads": Broken(
        lambda: nn.Sequential(nn.Linear(10, 10), Attention(10, 3)),
        (2, 7, 10),
        ("reshape", "1"),
        "shape",
        ("[2, 7, 30] (from 1.qkv (Linear))", "420 elements", "[2, 7, 3, 3, 3]", "378"),
        (("attribute", "1", "heads", 2),),
    ),
    "multi-head attention": Broken(
        lambda: Calling(
            lambda self, x: self.attention(x, x, x)[0],
            attention=nn.MultiheadAttention(12, 4, batch_first=True),
        ),
        (2, 7, 10),
        ("MultiheadAttention", "attention"),
        "embed_dim",
        ("embed_dim is 12", "[2, 7, 10]", "4 heads do not divide 10"),
        (
            ("module", "attention", "embed_dim, num_heads", (10, 2)),
            ("input", "input", "shape", (2, 7, 12)),
        ),
    ),
    "recurrent": Broken(
        lambda: Calling(lambda self, x: self.lstm(x)[0], lstm=nn.LSTM(4, 5)),
        (2, 7, 6),
        ("LSTM", "lstm"),
        "input_size",
        ("input_size is 4", "[2, 7, 6]", "6"),
        (("module", "lstm", "input_size", 6),),
    ),
    "matrices": Broken(
        weighted(lambda self, x: x @ self.weight, 5, 4),
        (2, 4),
        ("matmul", ""),
        None,
        ("4 columns", "the parameter weight", "5 rows"),
        (("parameter", "", "weight", (4, 4)), ("insert", "", "operand 1", "x.transpose(-2, -1)")),
        lambda repair: (
            (lambda self, x: x @ self.weight.transpose(-2, -1)) if repair.kind == "insert" else None
        ),
    ),
    "convolution as a function": Broken(
        weighted(lambda self, x: F.conv2d(x, self.weight), 5, 4, 3, 3),
        (2, 3, 8, 8),
        ("conv2d", ""),
        "in_channels",
        ("in_channels is 4", "3 channels"),
        (("parameter", "", "weight", (5, 3, 3, 3)),),
    ),
    "pooling as a function": Broken(
        doubled(lambda self, x: F.max_pool2d(F.relu(self.a(x)), 9)),
        image(3, 8),
        ("max_pool2d", ""),
        "kernel_size",
        ("reaches over 9 rows", "[1, 4, 8, 8] (from a (Conv2d))"),
        (("call", "", "kernel_size", 8), ("call", "", "padding", 1)),
        lambda repair: (
            (
                lambda self, x: F.max_pool2d(
                    self.a(x), **{"kernel_size": 9, repair.parameter: repair.value}
                )
            )
            if repair.kind == "call"
            else None
        ),
    ),
    "reflection as a function": Broken(
        lambda: Calling(lambda self, x: F.pad(x, (9, 9, 9, 9), mode="reflect")),
        image(3, 8),
        ("pad", ""),
        "padding",
        ("at most 7",),
        (("call", "", "pad", (7, 7, 7, 7)),),
        lambda repair: (
            (lambda self, x: F.pad(x, repair.value, mode="reflect"))
            if repair.kind == "call"
            else None
        ),
    ),
    "parametrised": Broken(
        lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 8, 3))),
        image(3, 8),
        ("ParametrizedConv2d", "0"),
        "in_channels",
        ("in_channels is 4", "3 channels"),
        (("module", "0", "in_channels", 3),),
    ),
    "a check of the model's own": Broken(
        lambda: Calling(_in_eights),
        image(3, 9),
        ("Calling", ""),
        None,
        ("[1, 3, 9, 9]", "ValueError: sides are multiples of 8"),
        (("input", "input", "shape", (1, 3, 8, 8)),),
    ),
}


def _in_eights(self: nn.Module, x: Tensor) -> Tensor:
    if x.shape[-1] % 8:
        raise ValueError("sides are multiples of 8")
    return x


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


def test_the_error_is_that_of_a_real_run() -> None:
    """The meta device has other words for it: "Invalid channel dimensions"."""
    model = nn.Sequential(nn.Conv2d(4, 8, 3))
    x = torch.rand(1, 3, 8, 8)
    with pytest.raises(RuntimeError) as real:
        model(x)
    for keep in (False, True):
        with pytest.raises(ForwardFailed) as info:
            trace_model(model, (1, 3, 8, 8), keep=keep)
        assert str(info.value.__cause__) == str(real.value)


@pytest.mark.parametrize("values_needed", [False, True])
def test_a_mismatch_of_shapes_is_not_run_really(values_needed: bool) -> None:
    devices: list[str] = []

    def function(self: Any, x: Tensor) -> Tensor:
        devices.append(x.device.type)
        if values_needed and bool(x.sum() > 1e9):
            return x
        result: Tensor = self.convolution(x)
        return result

    model = Calling(function, convolution=nn.Conv2d(4, 8, 3))
    with pytest.raises(ForwardFailed):
        trace_model(model, (1, 3, 8, 8))
    assert ("cpu" in devices) == values_needed


def test_what_only_the_meta_device_accepts_is_refused() -> None:
    cases: list[tuple[nn.Module, Tensor]] = [
        (nn.Linear(4, 2), torch.zeros(1, 4, dtype=torch.uint8)),
        (nn.Linear(4, 2), torch.zeros(1, 3, 4, dtype=torch.float64)),
        (nn.ConvTranspose2d(3, 4, 3), torch.zeros(1, 5, 8, 8)),
        (nn.ConvTranspose2d(3, 4, 3), torch.zeros(1, 3, 8, 8, dtype=torch.uint8)),
        (nn.ConvTranspose2d(3, 4, 3, output_padding=1), torch.zeros(1, 3, 8, 8)),
        (nn.BatchNorm2d(3), torch.zeros(1, 3, 8, 8, dtype=torch.float64)),
        (nn.LayerNorm(8), torch.zeros(1, 3, 8, 8, dtype=torch.float64)),
        (nn.GroupNorm(1, 3), torch.zeros(1, 3, 8, 8, dtype=torch.float64)),
        (nn.AdaptiveAvgPool2d(2), torch.zeros(1, 3, 8, 8, dtype=torch.int64)),
        (nn.AdaptiveAvgPool2d(2), torch.zeros(1, 3, 0, 8)),
        (nn.Softmax(1), torch.zeros(1, 3, dtype=torch.int64)),
        (nn.GELU(), torch.zeros(1, 3, dtype=torch.int64)),
        (Calling(lambda _, x: x.double() @ x.transpose(0, 1)), torch.zeros(2, 3)),
    ]
    for model, x in cases:
        with pytest.raises((RuntimeError, NotImplementedError)) as real:
            model.eval()(x)
        with pytest.raises(ForwardFailed) as info:
            trace_model(model, x)
        assert str(info.value.__cause__) == str(real.value), model


def test_what_real_operators_accept_is_not_refused() -> None:
    cases: list[tuple[nn.Module, Tensor]] = [
        (nn.BatchNorm2d(3), torch.zeros(1, 3, 8, 8, dtype=torch.bfloat16)),
        (nn.LayerNorm(8), torch.zeros(1, 3, 8, 8, dtype=torch.bfloat16)),
        (nn.BatchNorm2d(3).half(), torch.zeros(1, 3, 8, 8, dtype=torch.float16)),
        (
            nn.ConvTranspose2d(4, 6, 3, stride=2, output_padding=1, groups=2),
            torch.zeros(1, 4, 8, 8),
        ),
        (nn.AdaptiveAvgPool2d(2), torch.zeros(0, 3, 8, 8)),
        (nn.MaxPool2d(2), torch.zeros(1, 3, 8, 8, dtype=torch.int64)),
        (nn.Linear(4, 2, dtype=torch.complex64), torch.zeros(1, 4, dtype=torch.complex64)),
        (Calling(lambda _, x: x @ x), torch.zeros(3, 3, dtype=torch.int64)),
    ]
    for model, x in cases:
        expected = model.eval()(x)
        trace = trace_model(model, x)
        assert trace.device.type == "meta", model
        assert trace.output.shape == expected.shape


@dataclass(frozen=True)
class Fault:
    """A network in which one number was changed."""

    model: nn.Module
    shape: tuple[int, ...]
    path: str
    parameter: str
    true: int


@st.composite
def faults(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Fault:
    """A small network with a linear head that runs, with one number changed so that it does not."""
    side = draw(st.integers(8, 24))
    channels = draw(st.integers(1, 4))
    shape = (1, channels, side, side)
    layers: list[nn.Module] = []
    for _ in range(draw(st.integers(1, 3))):
        wider = draw(st.integers(2, 6))
        kernel, stride = draw(st.integers(1, 4)), draw(st.integers(1, 2))
        layers.append(nn.Conv2d(channels, wider, kernel, stride, draw(st.integers(0, 1))))
        channels = wider
        extra: list[nn.Module] = [nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(2)]
        layers += draw(st.lists(st.sampled_from(extra), max_size=2, unique=True))
    body = nn.Sequential(*layers).eval()
    try:
        features = body(torch.rand(shape)).numel()
    except RuntimeError:
        assume(False)
    layers += [nn.Flatten(), nn.Linear(features, 3)]
    breakable = [
        (index, parameter)
        for index, layer in enumerate(layers)
        for parameter in (*("in_features", "in_channels", "num_features", "kernel_size", "stride"),)
        if hasattr(layer, parameter)
    ]
    index, parameter = draw(st.sampled_from(breakable))
    value = getattr(layers[index], parameter)
    true = value[0] if isinstance(value, tuple) else value
    wrong = true + draw(st.sampled_from([-2, -1, 1, 2, 3]))
    assume(wrong > 0)
    model = with_value(nn.Sequential(*layers), str(index), parameter, wrong)
    return Fault(model, shape, str(index), parameter, true)


def with_value(model: nn.Module, path: str, parameter: str, value: int) -> nn.Module:
    """A copy with another value of one argument of one layer."""
    repair = Repair("module", path, parameter, value, "", True)
    changed, _ = repaired(copy.deepcopy(model), torch.zeros(()), repair)
    return changed.eval()


def fitting(fault: Fault) -> Iterator[int]:
    """All values up to 16 of the parameter with which PyTorch runs the network."""
    largest = 16 if fault.parameter in ("kernel_size", "stride") else 0
    for value in sorted({*range(1, largest), fault.true}):
        try:
            model = with_value(fault.model, fault.path, fault.parameter, value)
            model(torch.rand(fault.shape))
        except (RuntimeError, ValueError):
            continue
        yield value


@settings(max_examples=25, deadline=None)
@given(faults())
def test_the_value_that_was_broken_is_among_the_repairs(fault: Fault) -> None:
    try:
        fault.model.eval()(torch.rand(fault.shape))
    except (RuntimeError, ValueError):
        pass
    else:
        assume(False)
    diagnosis = diagnosis_of(fault.model, fault.shape)
    found = [key(repair) for repair in diagnosis.repairs if repair.completes]
    for repair in diagnosis.repairs:
        if repair.kind in ("module", "input"):
            model, x = repaired(copy.deepcopy(fault.model), torch.rand(fault.shape), repair)
            if repair.completes:
                model.eval()(x)
    if list(fitting(fault)) == [fault.true]:
        assert ("module", fault.path, fault.parameter, fault.true) in found
