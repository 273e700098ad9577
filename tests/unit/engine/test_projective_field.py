"""Projective fields that are known by hand, or by the receptive fields of all units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from server.engine import trace_model
from server.engine.receptive_field import projective, windows
from server.engine.receptive_field.projective import ProjectiveField, projective_fields
from server.engine.receptive_field.reads import first
from server.engine.trace import Trace
from tests.support.networks import Apply


def places(field: ProjectiveField) -> list[int]:
    return field.mask.flatten().nonzero().flatten().tolist()


def test_a_pixel_reaches_the_windows_that_it_lies_in() -> None:
    trace = trace_model(nn.Conv1d(1, 1, 3, stride=2, padding=1), (1, 1, 9))
    assert places(trace.projective_field("<output>", (4,))) == [2]
    assert places(trace.projective_field("<output>", (5,))) == [2, 3]
    field = trace.projective_field("<output>", ((0, 2),))
    assert (field.box, field.status, field.causes) == (((0, 2),), "exact", ())
    assert trace.projective_field("<output>", (None,)).mask.all()
    assert places(trace.projective_field("<output>", (-1,))) == [4]


def test_what_is_skipped_or_cut_away_reaches_nothing() -> None:
    trace = trace_model(nn.Sequential(nn.Conv2d(1, 1, 1, stride=3), nn.ReLU()), (1, 1, 8, 8))
    assert trace.projective_field("1", (3, 4)).box is None
    assert not trace.projective_field("1", (3, 4)).mask.any()
    assert trace.projective_field("1", (3, 6)).box == ((1, 2), (2, 3))


def test_later_layers_and_calls() -> None:
    convolution = nn.Conv1d(1, 1, 3, padding=1)
    trace = trace_model(nn.Sequential(convolution, nn.ReLU(inplace=True), convolution), (1, 1, 9))
    assert trace.projective_field("0", (4,)).box == ((3, 6),)
    assert trace.projective_field("0", (4,), call=1).box == ((2, 7),)


def test_the_channels_of_a_group() -> None:
    model = nn.Sequential(
        Apply("cat", lambda x: torch.cat([x.roll(1, 2), x.roll(-1, 2)], 1)),
        nn.Conv1d(2, 2, 1, groups=2),
    )
    trace = trace_model(model, (1, 1, 8))
    assert places(trace.projective_field("<output>", (4,))) == [3, 5]
    assert places(trace.projective_field("<output>", (4,), channel=0)) == [5]
    assert places(trace.projective_field("<output>", (4,), channel=1)) == [3]


def test_logits() -> None:
    class Halves(nn.Module):
        """The first logit sees the left half, the second the right one."""

        def forward(self, x: Tensor) -> Tensor:
            return x.mean((1, 2)).reshape(len(x), 2, -1).sum(2)

    trace = trace_model(Halves(), (2, 3, 4, 6))
    left = trace.projective_field("<output>", (0, 2), channel=0)
    assert (left.box, left.mask.shape, bool(left.mask)) == ((), (), True)
    right = trace.projective_field("<output>", (0, 2), channel=1)
    assert (right.box, bool(right.mask)) == (None, False)
    assert trace.projective_field("<output>", (None, (2, 4)), channel=1).mask


class Crossed(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> dict[str, Any]:
        return {"shifted": x[..., 1:], "both": [x + y.flip(2), y]}


def test_several_inputs_and_outputs() -> None:
    trace = trace_model(Crossed(), ((1, 1, 6), (1, 1, 6)))
    assert places(trace.projective_field("<output>", (2,), item="shifted")) == [1]
    assert places(trace.projective_field("<output>", (2,), item="shifted", input=1)) == []
    assert places(trace.projective_field("<output>", (2,), item=("both", 0), input=1)) == [3]
    with pytest.raises(LookupError, match="3 tensors"):
        trace.projective_field("<output>", (1,))


def test_what_overwrites_takes_away() -> None:
    def overwritten(x: Tensor) -> Tensor:
        y = x * 2
        y[..., 2:4] = y[..., :2]
        y[..., 0].zero_()
        return y

    trace = trace_model(Apply("overwritten", overwritten), (1, 1, 5))
    assert [places(trace.projective_field("<output>", (place,))) for place in range(5)] == [
        [2], [1, 3], [], [], [4],
    ]  # fmt: skip


def test_normalisation_as_pointwise() -> None:
    trace = trace_model(nn.Sequential(nn.Conv1d(1, 2, 3, padding=1), nn.GroupNorm(1, 2)), (1, 1, 9))
    assert trace.projective_field("1", (4,)).mask.all()
    assert trace.projective_field("1", (4,), pointwise_normalisation=True).box == ((3, 6),)


def through_numpy(x: Tensor) -> Tensor:
    return torch.from_numpy(x.numpy()[..., ::-1].copy()) * 2


def through_a_number(x: Tensor) -> Tensor:
    return torch.mul(torch.ones(1, 1, 3, 3), x.max().item())


@torch.library.custom_op("doodlescope_tests::mystery", mutates_args=())
def mystery(x: Tensor) -> Tensor:
    """An operator that nobody knows."""
    return x.clone()


@mystery.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


def chosen(x: Tensor) -> Tensor:
    return x[..., :2].gather(3, (x.argmax(3, keepdim=True) > 2).long())


@pytest.mark.parametrize(
    ("function", "status", "cause"),
    [
        (through_numpy, "unsupported", "numpy"),
        (through_a_number, "unsupported", "mul"),
        (mystery, "unsupported", "doodlescope_tests::mystery"),
        (chosen, "bound", "gather"),
    ],
)
def test_what_is_not_known_is_never_too_small(function: Any, status: str, cause: str) -> None:
    field = trace_model(Apply("function", function), (1, 1, 3, 3)).projective_field(
        "<output>", (1, 1)
    )
    if status == "bound":
        assert field.mask[1].all(), "the row's maximum may be anywhere in it"
    else:
        assert field.mask.all()
    assert field.status == status
    assert cause in field.causes


def test_what_is_not_on_the_way_says_nothing_of_the_status() -> None:
    class Beside(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            mystery(x)
            return x[..., 1:] + x[..., :-1]

    field = trace_model(Beside(), (1, 1, 4, 4)).projective_field("<output>", (0, 2))
    assert (field.status, field.box) == ("exact", ((0, 1), (1, 3)))


def every_field(trace: Trace, layer: str) -> None:
    """A position reaches a unit if and only if it lies in the unit's receptive field."""
    shape = trace.layer(layer).shape
    inputs = trace.input_views[0].shape[2:]
    for channel in range(shape[1]):
        reached = torch.stack(
            [
                trace.projective_field(layer, position, channel=channel).mask.flatten()
                for position in np.ndindex(*inputs)
            ]
        )
        read = torch.stack(
            [
                trace.receptive_field(layer, position, channel=channel).mask.flatten()
                for position in np.ndindex(*shape[2:])
            ]
        )
        assert torch.equal(reached, read.T)


class Mixed(nn.Module):
    """Operations of many kinds, on few positions."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2)
        self.up = nn.ConvTranspose2d(4, 2, 3, stride=2, padding=1, groups=2)
        self.attention = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y = F.max_pool2d(self.convolution(x), 2, 1)
        tokens = self.attention(y[:, :, 0].mT)
        z = self.up(y) + F.interpolate(x, size=3, mode="bilinear")
        z = F.fold(F.unfold(z, 2), (3, 3), 2).cumsum(3)[:, :, :2]
        scan = z.softmax(2).roll(1, 3).cumprod(2)
        return torch.cat([z, scan, F.pad(tokens[:, None, :, :3], (0, 0, 0, 0, 0, 1))[:, :, :2]], 1)


def test_it_is_the_receptive_field_seen_from_the_other_end() -> None:
    trace = trace_model(Mixed(), (1, 2, 6, 5))
    for layer in ("convolution", "max_pool2d", "up", "fold", "<output>"):
        every_field(trace, layer)


def test_a_rule_that_cannot_be_transposed_is_asked_about_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trace = trace_model(nn.Conv2d(1, 2, 3, padding=1), (1, 1, 9, 9))

    def opaque(operation: Any, wanted: Any) -> Any:
        # A question about the values, which no recorded array answers.
        assert first(wanted).any()
        return windows.convolution(operation, wanted)

    monkeypatch.setattr(projective, "rule_for", lambda *_: (opaque, "exact"))
    field = trace.projective_field("<output>", (4, 0))
    assert (field.box, field.status) == (((3, 6), (0, 2)), "exact")
    monkeypatch.setattr(projective, "PROBES", 20)
    field = trace.projective_field("<output>", (4, 0))
    assert (field.status, field.causes) == ("bound", ("convolution",))
    assert field.mask[3:6, :2].all()
    assert not field.mask.all()


@pytest.mark.parametrize(
    ("position", "options", "message"),
    [
        ((8,), {}, r"input has position\[0\] 0 to 7, not 8"),
        ((1, 2), {}, r"input is \[1, 1, 8\]: a position has 1 indices, not 2"),
        (((3, 3),), {}, r"position\[0\] 0 to 7, which the range \(3, 3\) is not within"),
        (((3, 9),), {}, "is not within"),
        ((1,), {"channel": 2}, "channel 0 to 1, not 2"),
        ((1,), {"input": 1}, "1 inputs; there is no 1"),
    ],
)
def test_what_is_not_there(position: Any, options: dict[str, Any], message: str) -> None:
    trace = trace_model(nn.Conv1d(1, 2, 3), (1, 1, 8))
    with pytest.raises(IndexError, match=message):
        trace.projective_field("<output>", position, **options)
    with pytest.raises(KeyError, match="Nothing called 'head'"):
        trace.projective_field("head", (1,))


class Branches(nn.Module):
    """A strided convolution, a residual sum in place, and branches that are joined."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.grouped = nn.Conv2d(4, 4, 3, padding=1, groups=2)
        self.activation = nn.ReLU(inplace=True)
        self.pooling = nn.AvgPool2d(2)
        self.side = nn.Conv2d(4, 2, 1, stride=2)
        self.linear = nn.Linear(6 * 3 * 3, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.activation(self.grouped(x))
        y += x
        y = torch.cat([self.pooling(y), self.side(x)], 1)
        logits: Tensor = self.linear(y.flatten(1))
        return logits


def changed(model: nn.Module, x: Tensor, source: str, index: tuple[int, ...]) -> dict[str, Any]:
    """By path, which values of the first item change with one value of the input or a module."""
    kept: dict[str, Tensor] = {}
    more = [0.0]

    def hook(path: str) -> Any:
        def keep(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
            output = output.clone()
            if path == source:
                output[(0, *index)] += more[0]
            kept[path] = output.clone()
            return output

        return keep

    handles = [it.register_forward_hook(hook(path)) for path, it in model.named_modules() if path]
    runs = []
    try:
        for more[0] in (0.0, 1.0):
            given = x.clone()
            if source == "input":
                given[(0, *index)] += more[0]
            model(given)
            runs.append(dict(kept))
    finally:
        for handle in handles:
            handle.remove()
    return {path: (runs[0][path] != runs[1][path])[0] for path in runs[0]}


@pytest.mark.parametrize(
    ("source", "index"),
    [
        ("input", (0, 0, 0)),
        ("input", (1, 5, 11)),
        ("stem", (3, 2, 2)),
        ("grouped", (0, 5, 1)),
        ("side", (1, 1, 1)),
    ],
)
def test_all_later_nodes_at_once_against_perturbation(source: str, index: tuple[int, ...]) -> None:
    model = Branches().double().eval()
    with torch.no_grad():
        for value in model.parameters():
            value.uniform_(0.5, 1)
    x = torch.rand(1, 2, 12, 12, dtype=torch.float64)
    trace = trace_model(model, x)
    found = projective_fields(trace, source, index)
    expected = changed(model, x, source, index)
    for path, differs in expected.items():
        if path == source or not differs.any():
            assert path not in found
            continue
        reach = found[path]
        assert np.array_equal(reach.mask, differs.numpy()), path
        assert (reach.status, reach.causes) == ("exact", ())
    assert set(found) - set(expected) <= {"add", "cat", "flatten"}
    order = [node.name for node in trace.nodes]
    assert list(found) == sorted(found, key=order.index)


def test_all_channels_of_a_pixel_are_the_field_of_each_layer() -> None:
    trace = trace_model(Branches().eval(), (1, 2, 12, 12))
    found = projective_fields(trace, "input", (None, 4, 7))
    for name, reach in found.items():
        field = trace.projective_field(name, (4, 7))
        assert np.array_equal(reach.cells, field.mask)


def test_what_is_unknown_on_one_way_says_nothing_of_another() -> None:
    class Two(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            unknown = mystery(x)
            return x.neg(), unknown, unknown.abs()

    found = projective_fields(trace_model(Two(), (1, 1, 8)), "input", (0, 3))
    assert found["neg"].status == "exact"
    assert found["neg"].cells.nonzero()[0].tolist() == [3]
    assert found["abs"].status == "unsupported"
    assert found["abs"].cells.all()
    assert found["abs"].causes == ("doodlescope_tests::mystery",)


def test_no_such_place_of_a_node() -> None:
    trace = trace_model(Branches().eval(), (1, 2, 12, 12))
    with pytest.raises(KeyError):
        projective_fields(trace, "nothing", (0, 0, 0))
    with pytest.raises(IndexError, match="has 3 indices after the batch, not 2"):
        projective_fields(trace, "stem", (0, 0))
    with pytest.raises(IndexError, match=r"stem has index\[0\] 0 to 3, not 4"):
        projective_fields(trace, "stem", (4, 0, 0))


def test_rules_of_usual_layers_are_transposed_and_not_probed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Probing takes a thousand times as long, and says less."""

    def probed(*_: Any) -> Any:
        raise AssertionError("a usual layer was probed")

    monkeypatch.setattr(projective._Walk, "_probed", probed)
    trace = trace_model(Branches().eval(), (1, 2, 12, 12))
    found = projective_fields(trace, "input", (0, 4, 7))
    assert {reach.status for reach in found.values()} == {"exact"}
