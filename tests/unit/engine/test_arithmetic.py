"""The arithmetic of single values: what generated layers do not show."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from server.engine.arithmetic import Arithmetic, Files, arithmetic
from server.engine.trace import Trace, trace_model
from tests.support.call_case import Applied


def explained(
    model: nn.Module, x: Tensor, name: str, index: tuple[int, ...], **options: Any
) -> Arithmetic:
    trace = trace_model(model, x, keep=True)
    return of(trace, model, name, index, **options)


def of(
    trace: Trace, model: nn.Module, name: str, index: tuple[int, ...], **options: Any
) -> Arithmetic:
    node = trace[name]
    assert node.given is not None
    layer = model.get_submodule(node.module_path) if node.given.function is None else None
    return arithmetic(node, index, module=layer, trace=trace, **options)


def executed(snippet: str | None) -> float:
    assert snippet is not None
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(snippet, "snippet", "exec"), names)
    return float(names["value"])


class Block(nn.Module):
    """A convolution used twice, with a residual sum and an activation in place."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 2, 3, padding=1)
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.activation(self.convolution(x))
        y = self.convolution(y)
        y += x
        result: Tensor = self.activation(y)
        return result


@pytest.fixture
def block() -> tuple[Block, Tensor, Trace]:
    torch.manual_seed(3)
    model, x = Block().eval(), torch.randn(1, 2, 6, 6)
    return model, x, trace_model(model, x, keep=True)


def test_every_value_of_a_block_that_works_in_place(block: tuple[Block, Tensor, Trace]) -> None:
    model, x, trace = block
    with torch.no_grad():
        first = model.convolution(x)
        second = model.convolution(first.relu())
        truth = {
            "convolution": first,
            "activation": first.relu(),
            "convolution@1": second,
            "add": second + x,
            "activation@1": (second + x).relu(),
        }
    assert [node.name for node in trace.nodes] == list(truth)
    for name, expected in truth.items():
        for index in np.ndindex(*expected.shape):
            found = of(trace, model, name, index)
            assert found.network_value == float(expected[index])
            assert found.value == pytest.approx(found.network_value, rel=1e-5, abs=1e-6), name
    negative = tuple(int(place) for place in (first < 0).nonzero()[0])
    assert of(trace, model, "activation", negative).terms.x == float(first[negative])
    summed = of(trace, model, "add", (0, 1, 2, 3))
    assert [side.source for side in summed.terms.sides] == ["convolution@1", "input"]
    assert of(trace, model, "activation@1", (0, 0, 0, 0)).reads[0].input == "add"


def test_the_input_channels_of_a_group_that_are_listed() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(12, 4, 3, padding=1, groups=2)).eval()
    x = torch.randn(1, 12, 5, 5)
    full = explained(model, x, "0", (0, 3, 0, 2)).terms
    assert (full.group, full.input_channels) == (1, [6, 12])
    sums = [channel.sum for channel in full.channels]
    assert [abs(value) for value in sums] == sorted(map(abs, sums), reverse=True)
    assert full.rest is None
    assert full.sum == pytest.approx(sum(sums), rel=1e-12)
    for channel in full.channels:
        assert channel.sum == pytest.approx(sum(channel.products), rel=1e-12)
        assert channel.products == [
            value * weight for value, weight in zip(channel.patch, channel.kernel, strict=True)
        ]
        assert [cell.padding for cell in full.cells] == [True] * 3 + [False] * 6
        assert channel.patch[:3] == [0, 0, 0]
        assert channel.patch[3:] == x[0, channel.channel, 0:2, 1:4].flatten().tolist()
    few = explained(model, x, "0", (0, 3, 0, 2), limit=2).terms
    assert few.channels == full.channels[:2]
    assert few.rest.count == 4
    assert few.rest.value == pytest.approx(sum(sums[2:]), rel=1e-12)
    ordered = explained(model, x, "0", (0, 3, 0, 2), sort="order").terms
    assert [channel.channel for channel in ordered.channels] == list(range(6, 12))


@pytest.mark.parametrize(
    ("mode", "copied"),
    [("reflect", [[1, 1], [1, 0], [1, 1]]), ("replicate", [[0, 0], [0, 0], [0, 1]]),
     ("circular", [[4, 4], [4, 0], [4, 1]]), ("zeros", [None, None, None])],
)  # fmt: skip
def test_padding_says_where_it_is_copied_from(mode: Any, copied: list[list[int] | None]) -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1, padding_mode=mode)).eval()
    x = torch.arange(25.0).reshape(1, 1, 5, 5)
    terms = explained(model, x, "0", (0, 0, 0, 0)).terms
    top = terms.cells[:3]
    assert [cell.position for cell in top] == [[-1, -1], [-1, 0], [-1, 1]]
    assert all(cell.padding for cell in top)
    assert [cell.source for cell in top] == copied
    patch = terms.channels[0].patch
    assert patch[:3] == [0 if place is None else float(x[(0, 0, *place)]) for place in copied]


def test_a_convolution_of_one_cell_is_a_linear_layer_for_each_pixel() -> None:
    model = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Conv2d(2, 2, 2)).eval()
    trace = trace_model(model, (1, 3, 4, 4), keep=True)
    assert of(trace, model, "0", (0, 1, 2, 2)).terms.as_linear
    assert not of(trace, model, "1", (0, 1, 2, 2)).terms.as_linear


def test_large_tensors_come_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    model = nn.Sequential(
        nn.Conv2d(1, 60, 19),
        nn.Conv2d(60, 4, 3, 2, padding=2, dilation=2, groups=1, padding_mode="reflect"),
        nn.Flatten(),
        nn.Linear(4 * 25, 3),
        nn.Linear(3, 400),
        nn.Linear(400, 2),
    ).eval()
    x = torch.randn(1, 1, 27, 27)
    trace = trace_model(model, x, keep=True)
    np.savez(tmp_path / "input.npz", input=x.numpy())
    for node in trace.nodes:
        np.savez(tmp_path / f"{node.name}.npz", activation=node.output.numpy())
        own = {k: v.numpy() for k, v in model.state_dict().items() if k.startswith(f"{node.name}.")}
        np.savez(tmp_path / f"{node.name}-weights.npz", **own)
    asked: list[str] = []

    def urlopen(url: str) -> Any:
        asked.append(url)
        return (tmp_path / url.removeprefix("http://here/")).open("rb")

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    files = Files(
        server="http://here",
        activations="/{name}.npz",
        parameters="/{name}-weights.npz",
        inputs="/input.npz",
        given={"input": x},
    )
    for name, index, read in (
        ("0", (0, 7, 1, 2), {"input", "0-weights"}),
        ("1", (0, 2, 0, 3), {"0", "1-weights"}),
        ("1", (0, 3, 4, 4), {"0", "1-weights"}),
        ("5", (0, 1), {"4", "5-weights"}),
    ):
        asked.clear()
        found = of(trace, model, name, index, files=files)
        assert executed(found.snippet) == pytest.approx(found.value, rel=1e-12)
        assert set(asked) == {f"http://here/{file}.npz" for file in read}
        written = of(trace, model, name, index)
        assert "array(" not in (written.snippet or "")
        assert executed(written.snippet) == pytest.approx(found.value, rel=1e-12)
    # An input that was written to is not what the file has, nor is a parameter in no file.
    other = dataclasses.replace(files, given={"input": x + 1}, parameter=lambda name: None)
    assert "array(" not in (of(trace, model, "0", (0, 7, 1, 2), files=other).snippet or "")


def test_what_is_too_large_is_not_written_out() -> None:
    model = nn.Sequential(nn.Linear(20_000, 1)).eval()
    trace = trace_model(model, torch.rand(1, 20_000), keep=True)
    found = of(trace, model, "0", (0, 0))
    assert found.snippet is None
    assert found.value == pytest.approx(found.network_value, rel=1e-4)
    assert (len(found.terms.products), found.terms.rest.count) == (64, 19_936)


def test_a_layer_of_others_that_only_moves_values_is_seen_through() -> None:
    class Turned(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.transpose(1, 2).contiguous()[:, 1:]

    model = nn.Sequential(Turned())
    found = explained(model, torch.rand(1, 3, 4), "0", (0, 0, 2))
    assert (found.kind, found.operation) == ("movement", "Turned")
    assert (found.terms.source, found.terms.index) == ("input", [0, 2, 1])
    assert found.difference == 0


def test_slopes_and_curves() -> None:
    model = nn.Sequential(nn.Sigmoid()).eval()
    x = torch.tensor([[0.5, -7.0]])
    found = explained(model, x, "0", (0, 0)).terms
    share = 1 / (1 + math.exp(-0.5))
    assert found.slope == pytest.approx(share * (1 - share), rel=1e-12)
    assert (found.curve.x[0], found.curve.x[-1]) == (-3, 3)
    wide = explained(model, x, "0", (0, 1)).terms.curve
    assert (wide.x[0], wide.x[-1]) == (-8.75, 8.75)
    assert wide.y == pytest.approx([1 / (1 + math.exp(-value)) for value in wide.x], rel=1e-12)
    logarithm = explained(Applied("log", torch.log), x.abs(), "log", (0, 0)).terms
    assert math.isnan(logarithm.curve.y[0])
    assert logarithm.slope == pytest.approx(2, rel=1e-12)


def test_the_weight_of_a_channel_of_prelu() -> None:
    layer = nn.PReLU(3)
    layer.weight.data = torch.tensor([0.25, 0.5, 0.75])
    model = nn.Sequential(layer).eval()
    found = explained(model, torch.full((1, 3, 2, 2), -2.0), "0", (0, 1, 0, 1))
    assert (found.value, found.terms.parameters) == (-1, {"weight": 0.5})
    assert found.terms.slope == 0.5


def test_statistics_and_over_what() -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 4, 5, 5)
    batch = nn.BatchNorm2d(4).eval()
    batch.running_mean = torch.rand(4)
    running = explained(nn.Sequential(batch).eval(), x, "0", (1, 2, 3, 4)).terms
    assert (running.statistics, running.count, running.axes) == ("running", 0, [])
    assert running.mean == float(batch.running_mean[2])
    without = nn.Sequential(nn.BatchNorm2d(4, track_running_stats=False)).eval()
    own = explained(without, x, "0", (1, 2, 3, 4)).terms
    assert (own.statistics, own.count, own.axes) == ("input", 75, [0, 2, 3])
    assert own.mean == pytest.approx(float(x[:, 2].double().mean()), rel=1e-12)
    assert own.variance == pytest.approx(float(x[:, 2].double().var(correction=0)), rel=1e-12)
    group = explained(nn.Sequential(nn.GroupNorm(2, 4)).eval(), x, "0", (1, 2, 3, 4))
    assert (group.terms.count, group.terms.axes) == (50, [1, 2, 3])
    assert group.reads[0].cells[:2] == ((1,), (2, 3))
    assert [step.name for step in group.terms.steps] == [
        "centred", "standard deviation", "normalised", "scaled", "shifted",
    ]  # fmt: skip
    assert group.terms.steps[-1].value == group.value


def test_the_usual_eps_of_rms_normalisation_is_that_of_the_type() -> None:
    model = nn.Sequential(nn.RMSNorm(4)).eval()
    x = torch.full((1, 4), 1e-4)
    found = explained(model, x, "0", (0, 1))
    assert found.terms.eps == torch.finfo(torch.float32).eps
    assert found.value == pytest.approx(found.network_value, rel=1e-6)


def test_dropout_in_eval_and_as_in_training() -> None:
    torch.manual_seed(0)
    x = torch.rand(1, 40) + 1
    quiet = explained(nn.Sequential(nn.Dropout(0.2)), x, "0", (0, 5))
    assert (quiet.value, quiet.difference) == (quiet.terms.x, 0)
    assert quiet.terms.keep_probability == 0.8
    assert quiet.terms.scale == pytest.approx(1.25)
    assert quiet.terms.value_if_kept == pytest.approx(quiet.terms.x * 1.25)
    always = Applied("dropout", lambda x: F.dropout(x, 0.5))
    trace = trace_model(always, x, keep=True)
    kept = {}
    for place in range(40):
        found = of(trace, always, "dropout", (0, place))
        assert found.difference == pytest.approx(0, abs=1e-6)
        assert executed(found.snippet) == found.value
        kept[found.terms.kept] = found.value
    assert kept[False] == 0
    assert kept[True] > 2


def test_a_layer_with_a_forward_of_its_own_is_not_taken_for_its_base() -> None:
    class Doubled(nn.ReLU):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * x.relu()

    model = nn.Sequential(Doubled())
    found = explained(model, torch.ones(1, 2), "0", (0, 1))
    assert found.kind == "general"
    assert found.terms.statement == "The arithmetic of Doubled is not broken down."
    assert (found.value, found.network_value) == (2, 2)
    assert [(read.input, read.cells, read.exact) for read in found.reads] == [
        ("input", ((0,), (1,)), True)
    ]


def test_what_is_random_is_not_recomputed() -> None:
    model = Applied("noise", torch.bernoulli)
    found = explained(model, torch.full((1, 50), 0.5), "bernoulli", (0, 3))
    assert (found.kind, found.value, found.difference) == ("general", None, None)
    assert found.snippet is None


def test_several_outputs() -> None:
    model = Applied("split", lambda x: x.split(1, 1)[1])
    trace = trace_model(model, torch.arange(4.0).reshape(1, 4), keep=True)
    first = of(trace, model, "split", (0, 0))
    assert (first.kind, first.value) == ("movement", 0)
    third = of(trace, model, "split", (0, 0), item=2)
    assert (third.kind, third.value, third.network_value) == ("general", 2, 2)


def test_values_that_are_not_finite() -> None:
    model = nn.Sequential(nn.ReLU(), nn.MaxPool1d(2)).eval()
    x = torch.tensor([[[math.nan, 1.0, math.inf, 2.0]]])
    trace = trace_model(model, x, keep=True)
    found = of(trace, model, "0", (0, 0, 0))
    assert found.value is not None
    assert math.isnan(found.value)
    assert found.difference == 0
    assert math.isnan(executed(found.snippet))
    greatest = of(trace, model, "1", (0, 0, 1))
    assert (greatest.value, greatest.difference) == (math.inf, 0)
    assert executed(greatest.snippet) == math.inf


def test_what_is_not_there() -> None:
    model = nn.Sequential(nn.ReLU(), nn.Softmax(1)).eval()
    trace = trace_model(model, (1, 3), keep=True)
    for index in ((0,), (0, 3), (0, -1), (1, 0), (0, 0, 0)):
        with pytest.raises(IndexError, match="0 gave"):
            of(trace, model, "0", index)
    with pytest.raises(IndexError, match="returned 1 tensors; there is no 1"):
        of(trace, model, "0", (0, 0), item=1)
    with pytest.raises(LookupError, match="not kept"):
        arithmetic(trace_model(model, (1, 3))["0"], (0, 0))
    with pytest.raises(TypeError, match="complex"):
        explained(Applied("fft", torch.fft.fft), torch.rand(1, 4), "fft_fft", (0, 0))
