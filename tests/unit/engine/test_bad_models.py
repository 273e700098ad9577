"""Unusual models and inputs: each is traced, or it is said precisely why not."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from server.engine.example import (
    InputTooLarge,
    SeveralDevices,
    device_of,
)
from server.engine.runnable import Uninitialised
from server.engine.trace import ForwardFailed, Trace, trace_model
from tests.support.broken import Calling

SHAPE = (1, 3, 8, 8)

jit: Any = torch.jit


def convolution(**options: Any) -> nn.Conv2d:
    return nn.Conv2d(3, 4, 3, **options)


def names(trace: Trace) -> list[str]:
    return [node.name for node in trace.nodes]


def failure(model: nn.Module, example: Any = SHAPE) -> ForwardFailed:
    with pytest.raises(ForwardFailed) as info:
        trace_model(model, example)
    assert not info.value.diagnosis.repairs
    return info.value


# What forward takes.


class Masked(nn.Module):
    """Takes three inputs, one by name only."""

    def forward(self, image: Tensor, mask: Tensor, *, gain: Tensor) -> Tensor:
        return image * mask * gain


class Pair(nn.Module):
    """Takes two inputs."""

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        return image * mask


def test_missing_inputs_are_named_with_the_way_to_give_them() -> None:
    with pytest.raises(TypeError) as info:
        trace_model(Masked(), {"image": SHAPE})
    message = str(info.value)
    assert "Masked.forward" in message
    assert "needs mask and gain as well" in message
    assert "{'image': (1, 3, 8, 8), 'mask': SHAPE, 'gain': SHAPE}" in message
    assert "tuple" not in message, "gain can only be given by name"
    with pytest.raises(TypeError, match=r"needs mask as well.*or as a tuple in that order"):
        trace_model(Pair(), SHAPE)
    assert trace_model(Pair(), (SHAPE, SHAPE)).layer("<output>").shape == SHAPE
    given = {"image": SHAPE, "mask": SHAPE, "gain": (1,)}
    assert trace_model(Masked(), given).inputs == ("input", "input@1", "input@2")


def test_inputs_that_forward_does_not_take() -> None:
    with pytest.raises(TypeError, match=r"does not take the 2 inputs.*too many positional"):
        trace_model(convolution(), (SHAPE, SHAPE))
    with pytest.raises(TypeError, match="unexpected keyword argument 'picture'"):
        trace_model(Pair(), {"image": SHAPE, "mask": SHAPE, "picture": SHAPE})


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.ReLU, r"the class ReLU: give an instance, ReLU\(\.\.\.\)"),
        (F.relu, "not function"),
        (None, "not NoneType"),
        (torch.zeros(3), "not Tensor"),
    ],
)
def test_what_is_no_module(model: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        trace_model(model, SHAPE)


def test_modules_without_forward() -> None:
    for model in (nn.Module(), nn.ModuleList([convolution()]), nn.ModuleDict()):
        kind = type(model).__name__
        assert f'Module [{kind}] is missing the required "forward"' in str(failure(model))


# Sizes.


def test_huge_inputs_take_no_memory() -> None:
    model = nn.Sequential(convolution(), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    trace = trace_model(model, (1, 3, 100_000, 100_000))
    assert trace["0"].shape == (1, 4, 99_998, 99_998)
    assert trace.layer("<output>").shape == (1, 4)


def test_shapes_that_do_not_fit_are_told_of_huge_inputs_too() -> None:
    with pytest.raises(ForwardFailed) as info:
        trace_model(nn.Conv2d(4, 4, 3), (1, 3, 100_000, 100_000))
    assert "in_channels is 4" in info.value.diagnosis.sentence
    assert info.value.diagnosis.repairs[0].value == 3


def test_huge_inputs_of_models_that_need_values() -> None:
    model = Calling(lambda _, x: x * 2 if x.sum() > 0 else x)
    with pytest.raises(InputTooLarge, match=r"takes 11,176 GiB, more than there is"):
        trace_model(model, (1, 3, 1_000_000, 1_000_000))


@pytest.mark.parametrize("keep", [False, True])
def test_an_empty_batch_is_fine(keep: bool) -> None:
    model = nn.Sequential(convolution(), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 2))
    assert trace_model(model, (0, 3, 8, 8), keep=keep).layer("<output>").shape == (0, 2)


def test_an_empty_image_is_none() -> None:
    with pytest.raises(ForwardFailed) as info:
        trace_model(convolution(), (1, 3, 0, 8))
    assert "is empty: only batch or channels may be" in info.value.diagnosis.sentence


# What a model returns.


class Record:
    """A class of its own, not a dataclass."""

    def __init__(self, value: Tensor) -> None:
        self.value = value


@pytest.mark.parametrize(
    "returned",
    [None, 3, "text", Record(torch.zeros(1)), [], {}],
    ids=["None", "a number", "text", "an object", "an empty list", "an empty mapping"],
)
def test_models_that_return_no_tensors(returned: Any) -> None:
    def forward(self: Any, x: Tensor) -> Any:
        self.convolution(x)
        return returned

    trace = trace_model(Calling(forward, convolution=convolution()), SHAPE)
    assert names(trace) == ["convolution"]
    assert trace.layer("<output>").slots == ()
    with pytest.raises(LookupError, match="returned no tensor"):
        trace.receptive_field("<output>")


def test_tensors_among_other_things() -> None:
    model = Calling(lambda self, x: {"map": self.c(x), "name": "text", "n": 3}, c=convolution())
    trace = trace_model(model, SHAPE)
    assert trace.receptive_field("<output>", (0, 0), item="map").box == ((0, 3), (0, 3))


def test_generators_run_while_they_are_traced() -> None:
    def forward(self: Any, x: Tensor) -> Iterator[Tensor]:
        for _ in range(3):
            x = self.same(x)
            yield x

    trace = trace_model(Calling(forward, same=nn.Conv2d(3, 3, 3, padding=1)), SHAPE)
    assert names(trace) == ["same", "same@1", "same@2"]
    assert len(trace.output) == 3
    mapped = Calling(lambda self, x: map(self.c, [x, x]), c=convolution())
    assert names(trace_model(mapped, SHAPE)) == ["c", "c@1"]


def test_generators_that_do_not_end() -> None:
    def forward(_: Any, x: Tensor) -> Iterator[Tensor]:
        while True:
            yield x

    assert "iterator of more than 1024 items" in str(failure(Calling(forward)))


@pytest.mark.parametrize("keep", [False, True])
def test_values_that_are_no_numbers(keep: bool) -> None:
    model = Calling(lambda self, x: self.c(x) * float("nan"), c=convolution())
    assert names(trace_model(model, SHAPE, keep=keep)) == ["c", "mul"]


# What a model does.


def test_errors_that_end_programs() -> None:
    def interrupted(_: Any, x: Tensor) -> Tensor:
        raise KeyboardInterrupt

    def ended(_: Any, x: Tensor) -> Tensor:
        sys.exit(3)

    model: Any = Calling(interrupted, inner=nn.BatchNorm2d(3)).train()
    with pytest.raises(KeyboardInterrupt):
        trace_model(model, SHAPE)
    assert model.inner.training
    assert not model._forward_hooks
    assert isinstance(failure(Calling(ended)).__cause__, SystemExit)


# At its limit there may be no room left for the hooks.
@pytest.mark.filterwarnings("ignore:module forward hook")
def test_recursion_without_end() -> None:
    class Endless(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = self(x)
            return result

    failed = failure(Endless())
    assert isinstance(failed.__cause__, RecursionError)
    assert "RecursionError" in failed.diagnosis.sentence


def test_a_model_that_changes_itself() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        self.convolution = nn.Conv2d(3, 5, 1)
        self.extra = 3
        result: Tensor = self.convolution(x)
        return result

    first = convolution()
    model = Calling(forward, convolution=first)
    assert trace_model(model, SHAPE).layer("<output>").shape == (1, 5, 8, 8)
    assert model.convolution is first
    assert not hasattr(model, "extra")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_model_that_asks_for_a_gpu_where_there_is_none() -> None:
    failed = failure(Calling(lambda _, x: x.cuda()))
    assert "CUDA" in failed.diagnosis.error
    assert failed.diagnosis.operation == "cuda"


def test_weights_that_are_tied() -> None:
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.weight = first.weight
    trace = trace_model(nn.Sequential(first, second), (1, 4))
    assert [node.parameters for node in trace.nodes] == [20, 20]
    assert trace.layer("<output>").parameters == 24


def test_forwards_that_are_called_without_their_module() -> None:
    model = Calling(lambda self, x: self.c.forward(x), c=convolution())
    assert names(trace_model(model, SHAPE)) == ["conv2d"]


def test_an_error_without_words() -> None:
    def forward(_: Any, x: Tensor) -> Tensor:
        raise RuntimeError

    assert failure(Calling(forward)).diagnosis.sentence.endswith("raised RuntimeError.")


def test_a_child_that_returned_nothing_is_not_blamed_for_its_caller() -> None:
    model = Calling(lambda self, x: self.empty(x) + 1, empty=Calling(lambda _, x: None))
    assert failure(model).module_path == ""


# Types of numbers.


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.complex64])
@pytest.mark.parametrize("keep", [False, True])
def test_other_precisions(dtype: torch.dtype, keep: bool) -> None:
    model = convolution(dtype=dtype)
    trace = trace_model(model, SHAPE, keep=keep)
    assert trace.layer("<output>").shape == (1, 4, 6, 6)
    assert trace.device.type == ("cpu" if keep else "meta")
    assert trace.output.dtype == dtype


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_network_of_half_precision(dtype: torch.dtype) -> None:
    layers = [convolution(), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    model = nn.Sequential(*layers, nn.Linear(4, 2)).to(dtype)
    for keep in (False, True):
        assert trace_model(model, SHAPE, keep=keep).layer("<output>").shape == (1, 2)


def test_an_operator_that_there_is_not_for_a_type() -> None:
    model = Calling(lambda _, x: torch.linalg.inv(x.half()))
    with pytest.raises(RuntimeError) as real:
        model(torch.rand(4, 4))
    with pytest.raises(ForwardFailed) as info:
        trace_model(model, (4, 4), keep=True)
    assert str(real.value) in str(info.value)
    assert "linalg_inv" in info.value.diagnosis.sentence


def test_complex_numbers() -> None:
    model = Calling(lambda _, x: torch.fft.ifft2(torch.fft.fft2(x) * 2).abs())
    assert trace_model(model, SHAPE).layer("<output>").shape == SHAPE
    given = torch.zeros(SHAPE, dtype=torch.complex64)
    assert names(trace_model(Calling(lambda _, x: x.abs()), given)) == ["abs"]


def test_sparse_tensors_inside() -> None:
    weighted = Calling(
        lambda self, x: torch.sparse.mm(x.to_sparse(), self.weight),
        weight=nn.Parameter(torch.zeros(8, 3)),
    )
    stored = Calling(
        lambda self, x: torch.sparse.mm(self.weight, x),
        weight=nn.Parameter(torch.eye(4).to_sparse()),
    )
    for model in (weighted, stored):
        model(torch.rand(4, 8))
        assert "computes with sparse tensors" in str(failure(model, (4, 8)))


# Wrappers.


def small() -> nn.Sequential:
    return nn.Sequential(convolution(), nn.ReLU())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_nothing_is_compiled() -> None:
    def compiled(*_: Any, **__: Any) -> Any:
        raise AssertionError("a compilation was started")

    @torch.compile(backend=compiled)
    def function(x: Tensor) -> Tensor:
        return F.relu(x) + 1

    whole: Any = torch.compile(small(), backend=compiled)
    part: Any = torch.compile(small(), backend=compiled)
    inside = nn.Sequential(part, nn.Conv2d(4, 4, 1))
    in_place = small()
    in_place.compile(backend=compiled)
    calling = Calling(lambda self, x: function(self.c(x)), c=convolution())
    for keep in (False, True):
        assert names(trace_model(whole, SHAPE, keep=keep)) == ["0", "1"]
        assert names(trace_model(in_place, SHAPE, keep=keep)) == ["0", "1"]
        assert names(trace_model(calling, SHAPE, keep=keep)) == ["c", "relu", "add"]
        assert names(trace_model(inside, SHAPE, keep=keep)) == [
            *("0._orig_mod.0", "0._orig_mod.1", "1")
        ]
    broken: Any = torch.compile(nn.Sequential(nn.Conv2d(4, 4, 3)), backend=compiled)
    with pytest.raises(ForwardFailed) as info:
        trace_model(broken, SHAPE)
    assert info.value.diagnosis.repairs[0].value == 3


def test_data_parallelism_is_looked_through() -> None:
    trace = trace_model(nn.DataParallel(small()), SHAPE)
    assert names(trace) == ["0", "1"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("make", [jit.script, lambda m: jit.trace(m, torch.zeros(SHAPE))])
def test_script_modules(make: Callable[[nn.Module], nn.Module]) -> None:
    trace = trace_model(make(small()), SHAPE)
    assert trace.layer("<output>").shape == (1, 4, 6, 6)
    assert trace.receptive_field("<output>", (0, 0)).box == ((0, 3), (0, 3))
    inside = nn.Sequential(make(small()), nn.Conv2d(4, 4, 3))
    assert trace_model(inside, SHAPE).receptive_field("1", (0, 0)).box == ((0, 5), (0, 5))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_script_modules_that_fail() -> None:
    failed = failure(jit.script(nn.Sequential(nn.Conv2d(4, 4, 3))))
    assert "expected input[1, 3, 8, 8] to have 4 channels" in failed.diagnosis.sentence
    assert "\n" not in failed.diagnosis.sentence


def quantised() -> tuple[nn.Module, nn.Module]:
    quantization: Any = torch.ao.quantization
    dynamic = quantization.quantize_dynamic(
        nn.Sequential(nn.Flatten(), nn.Linear(192, 5)), {nn.Linear}
    )
    static = nn.Sequential(quantization.QuantStub(), *small(), quantization.DeQuantStub()).eval()
    static.qconfig = quantization.get_default_qconfig(torch.backends.quantized.engine)
    quantization.prepare(static, inplace=True)
    static(torch.rand(SHAPE))
    quantization.convert(static, inplace=True)
    return dynamic, static


@pytest.mark.parametrize("keep", [False, True])
def test_quantised_modules(keep: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dynamic, static = quantised()
        traced = trace_model(dynamic, SHAPE, keep=keep), trace_model(static, SHAPE, keep=keep)
    assert [trace.layer("<output>").shape for trace in traced] == [(1, 5), (1, 4, 6, 6)]
    for trace in traced:
        field = trace.receptive_field("<output>")
        assert field.status == "unsupported", "what is not known reads everything"
        assert field.box == ((0, 8), (0, 8))


# Parameters that are elsewhere, or not there yet.


def lazy() -> Any:
    layers: list[Any] = [nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(3)]
    return nn.Sequential(*layers)


@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_lazy_parameters() -> None:
    model = lazy()
    trace = trace_model(model, SHAPE)
    assert [node.shape for node in trace.nodes] == [*((1, 4, 6, 6), (1, 4, 6, 6), (1, 144), (1, 3))]
    assert trace["0"].parameters == 4 * 3 * 9 + 4
    assert isinstance(model[0], nn.LazyConv2d), "the model itself stays as it is"
    assert nn.parameter.is_lazy(model[0].weight)
    assert nn.parameter.is_lazy(model[1].running_mean)
    with pytest.raises(Uninitialised, match="run it once, or trace it without keep"):
        trace_model(model, SHAPE, keep=True)
    model(torch.rand(2, 3, 8, 8))
    assert trace_model(model, SHAPE, keep=True).layer("<output>").shape == (1, 3)


@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_lazy_parameters_of_models_that_fail() -> None:
    with pytest.raises(ForwardFailed, match="failed in 1 ") as info:
        trace_model(nn.Sequential(nn.LazyConv2d(4, 3), nn.Conv2d(5, 3, 3)), SHAPE)
    diagnosis = info.value.diagnosis
    assert "in_channels is 5" in diagnosis.sentence
    assert [repair.value for repair in diagnosis.repairs] == [4, 5]
    needs_values = Calling(lambda self, x: self.c(x) if x.sum() > 0 else x, c=nn.LazyConv2d(4, 3))
    with pytest.raises(Uninitialised, match="its first run needs values: run it once before"):
        trace_model(needs_values, SHAPE)


def test_models_without_values() -> None:
    model = nn.Sequential(convolution(device="meta"))
    assert trace_model(model, SHAPE)["0"].shape == (1, 4, 6, 6)
    with pytest.raises(Uninitialised, match="on the meta device"):
        trace_model(model, SHAPE, keep=True)
    with pytest.raises(ForwardFailed, match="4 channels"):
        trace_model(nn.Sequential(nn.Conv2d(4, 3, 3, device="meta")), SHAPE)


def test_a_model_on_several_devices() -> None:
    model = nn.Sequential(convolution(), nn.Conv2d(4, 4, 3, device="meta"))
    with pytest.raises(SeveralDevices, match=r"2 devices \(0\.weight on cpu, 1\.weight on meta\)"):
        device_of(model)
    assert trace_model(model, SHAPE)["1"].shape == (1, 4, 4, 4), "its shapes are known"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_model_on_a_gpu_with_an_input_on_the_cpu() -> None:
    for keep in (False, True):
        trace = trace_model(small().cuda(), torch.rand(SHAPE), keep=keep)
        assert trace.device.type == ("cuda" if keep else "meta")
        assert names(trace) == ["0", "1"]
