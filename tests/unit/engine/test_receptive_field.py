"""Receptive fields that are known by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from server.engine import trace_model
from server.engine.receptive_field.field import ReceptiveField
from tests.support.networks import Apply


def field_of(
    model: nn.Module | Callable[[Tensor], Tensor],
    shape: tuple[int, ...],
    position: tuple[int | None, ...] | None,
    channel: int | None = None,
) -> ReceptiveField:
    module = model if isinstance(model, nn.Module) else Apply("function", model)
    return trace_model(module, shape).receptive_field("<output>", position, channel=channel)


def places(field: ReceptiveField) -> list[int]:
    return field.mask.flatten().nonzero().flatten().tolist()


def test_a_corner_sees_what_lies_inside() -> None:
    field = field_of(nn.Conv2d(1, 1, 3, padding=1), (1, 1, 8, 8), (0, 7))
    assert field.box == ((0, 2), (6, 8))
    assert field.status == "exact"
    assert field.causes == ()


def test_holes_are_holes() -> None:
    model = nn.Sequential(nn.Conv1d(1, 1, 2, dilation=4), nn.Conv1d(1, 1, 2, dilation=2))
    field = field_of(model, (1, 1, 9), (1,))
    assert field.box == ((1, 8),)
    assert places(field) == [1, 3, 5, 7]


def test_nothing_may_reach_a_unit() -> None:
    model = nn.ConvTranspose1d(1, 1, 1, stride=3)
    assert field_of(model, (1, 1, 4), (1,)).box is None
    assert field_of(model, (1, 1, 4), (3,)).box == ((1, 2),)
    padded = nn.Conv1d(1, 1, 2, padding=5)
    assert not field_of(padded, (1, 1, 4), (0,)).mask.any()


def test_the_odd_pixel_of_same_padding_is_at_the_end() -> None:
    field = field_of(nn.Conv1d(1, 1, 4, padding="same"), (1, 1, 9), (4,))
    assert field.box == ((3, 7),)


def test_padding_and_cropping_and_padding_again_clips_every_time() -> None:
    def model(x: Tensor) -> Tensor:
        weight = torch.ones(1, 1, 3, dtype=x.dtype, device=x.device)
        x = F.conv1d(F.pad(x, (2, 2)), weight)[..., 3:]
        return F.conv1d(F.pad(x, (2, 2)), weight)

    assert field_of(model, (1, 1, 8), (0,)).box == ((1, 4),)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("zeros", [0, 1, 2]), ("reflect", [0, 1, 2]), ("replicate", [0, 1, 2]),
     ("circular", [0, 1, 2, 6, 7])],
)  # fmt: skip
def test_padding_modes(mode: Any, expected: list[int]) -> None:
    model = nn.Conv1d(1, 1, 5, padding=2, padding_mode=mode)
    assert places(field_of(model, (1, 1, 8), (0,))) == expected


def test_groups_and_channels() -> None:
    model = nn.Sequential(
        Apply("cat", lambda x: torch.cat([x.roll(1, 2), x.roll(-1, 2)], 1)),
        nn.Conv1d(2, 2, 1, groups=2),
    )
    assert places(field_of(model, (1, 1, 8), (4,), channel=0)) == [3]
    assert places(field_of(model, (1, 1, 8), (4,), channel=1)) == [5]
    assert places(field_of(model, (1, 1, 8), (4,))) == [3, 5]


def test_a_cross_is_no_square() -> None:
    class Cross(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.row = nn.Conv2d(1, 1, (1, 3), padding=(0, 1))
            self.column = nn.Conv2d(1, 1, (3, 1), padding=(1, 0))

        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = self.row(x) + self.column(x)
            return result

    mask = field_of(Cross(), (1, 1, 3, 3), (1, 1)).mask
    assert mask.tolist() == [[False, True, False], [True, True, True], [False, True, False]]


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Flatten(), nn.Linear(18, 3)),
        nn.AdaptiveAvgPool2d(1),
        nn.GroupNorm(1, 2),
        nn.LayerNorm([2, 3, 3]),
        Apply("fft", lambda x: torch.fft.fft2(x).real),
    ],
)
def test_what_reads_everything(model: nn.Module) -> None:
    field = field_of(model, (1, 2, 3, 3), None, channel=0)
    assert field.box == ((0, 3), (0, 3))
    assert field.mask.all()
    assert field.status == "exact"


def test_batch_normalisation_reads_its_position() -> None:
    assert places(field_of(nn.BatchNorm1d(2), (1, 2, 5), (3,))) == [3]


def test_tokens_of_a_transformer_read_all_tokens() -> None:
    layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    trace = trace_model(nn.Sequential(nn.Conv1d(4, 4, 1), Apply("t", lambda x: x.mT), layer),
                        (1, 4, 6))  # fmt: skip
    field = trace.receptive_field("<output>", (None,), channel=2)
    assert field.mask.all()
    assert field.status == "exact"
    assert trace.receptive_field("1", (None,), channel=2).box == ((2, 3),)


def test_a_recurrent_network_reads_the_past() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(2, 3, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            output, _ = self.lstm(x.mT)
            result: Tensor = output.mT
            return result

    field = field_of(Recurrent(), (1, 2, 6), (3,))
    assert (places(field), field.status) == ([0, 1, 2, 3], "exact")
    real = trace_model(Recurrent(), (1, 2, 6), keep=True).receptive_field("<output>", (3,))
    # On the CPU it may be one operator, of which nothing is known.
    assert real.mask[:4].all()
    assert real.status in ("exact", "unsupported")


def test_a_reused_layer_has_a_field_for_each_call() -> None:
    convolution = nn.Conv1d(1, 1, 3, padding=1)
    trace = trace_model(nn.Sequential(convolution, nn.ReLU(inplace=True), convolution), (1, 1, 9))
    assert trace.receptive_field("0", (4,)).box == ((3, 6),)
    assert trace.receptive_field("0", (4,), call=1).box == ((2, 7),)


def test_several_inputs_and_outputs() -> None:
    class Crossed(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> dict[str, Any]:
            return {"shifted": x[..., 1:], "both": [x + y.flip(2), y]}

    trace = trace_model(Crossed(), ((1, 1, 6), (1, 1, 6)))
    assert trace.receptive_field("<output>", (1,), item="shifted").box == ((2, 3),)
    assert trace.receptive_field("<output>", (1,), item="shifted", input=1).box is None
    assert trace.receptive_field("<output>", (1,), item=("both", 0), input=1).box == ((4, 5),)
    with pytest.raises(LookupError, match="3 tensors"):
        trace.receptive_field("<output>", (1,))
    with pytest.raises(IndexError, match="2 inputs; there is no 2"):
        trace.receptive_field("<output>", (1,), item="shifted", input=2)


def through_numpy(x: Tensor) -> Tensor:
    turned: Tensor = torch.from_numpy(x.numpy()[..., ::-1].copy())
    return turned * 2


def through_a_number(x: Tensor) -> Tensor:
    return torch.mul(x, x.max().item())


@torch.library.custom_op("doodlescope_tests::relu", mutates_args=())
def mixed(x: Tensor) -> Tensor:
    """An operator of a stranger's, which is not what its name says."""
    return x.flip(-1) + x.sum()


@mixed.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


def through_the_unknown(x: Tensor) -> Tensor:
    result: Tensor = mixed(x)
    return result


@pytest.mark.parametrize(
    ("function", "cause"),
    [
        (through_numpy, "numpy"),
        (through_a_number, "mul"),
        (through_the_unknown, "doodlescope_tests::relu"),
    ],
)
def test_what_is_not_known_is_never_too_small(
    function: Callable[[Tensor], Tensor], cause: str
) -> None:
    field = field_of(function, (1, 1, 3, 3), (1, 1))
    assert field.mask.all()
    assert field.status == "unsupported"
    assert cause in field.causes


def test_places_that_depend_on_values_are_a_bound() -> None:
    def sampled(x: Tensor) -> Tensor:
        grid = x[:, :1, :, :, None].expand(-1, -1, -1, -1, 2)[:, 0]
        return F.grid_sample(x, grid, align_corners=False)

    field = field_of(sampled, (1, 1, 4, 4), (1, 1))
    assert (field.status, field.causes) == ("bound", ("grid_sampler_2d",))
    assert field.mask.all()
    pooled = field_of(nn.FractionalMaxPool2d(2, output_size=2), (1, 1, 5, 5), (0, 0))
    assert (pooled.status, bool(pooled.mask.all())) == ("bound", True)


def test_places_that_the_input_chooses_are_a_bound() -> None:
    def chosen(x: Tensor) -> Tensor:
        return x[..., :2].gather(2, (x.argmax(2, keepdim=True) > 2).long())

    field = field_of(chosen, (1, 1, 6), (0,))
    assert (field.status, field.causes) == ("bound", ("gather",))
    assert field.mask.all()


def test_a_whole_layer() -> None:
    trace = trace_model(nn.Conv1d(1, 1, 1, stride=3), (1, 1, 10))
    assert places(trace.receptive_field("<output>")) == [0, 3, 6, 9]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"position": (6,)}, r"position\[0\] 0 to 5, not 6"),
        ({"position": (1, 2)}, "has 1 indices, not 2"),
        ({"channel": 2}, "channel 0 to 1, not 2"),
    ],
)
def test_units_that_are_not_there(options: dict[str, Any], message: str) -> None:
    trace = trace_model(nn.Conv1d(1, 2, 3), (1, 1, 8))
    with pytest.raises(IndexError, match=message):
        trace.receptive_field("<output>", **options)


def test_closed_forms_are_those_of_the_textbook() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 7, stride=2, padding=3),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2, padding=1),
        nn.Conv2d(4, 4, 3, padding=2, dilation=2),
    )
    trace = trace_model(model, (1, 3, 64, 64))
    found = {
        name: (field.size, field.stride, field.start)
        for name in "0134"
        for field in [trace.receptive_field(name, (0, 0))]
    }
    assert found == {
        "0": ((7, 7), (2, 2), (-3, -3)),
        "1": ((7, 7), (2, 2), (-3, -3)),
        "3": ((11, 11), (4, 4), (-5, -5)),
        "4": ((27, 27), (4, 4), (-13, -13)),
    }
    field = trace.receptive_field("4", (2, 7))
    assert field.unclipped == ((-5, 22), (15, 42))
    assert field.box == ((0, 22), (15, 42))


def test_the_unclipped_box_takes_the_union_over_paths() -> None:
    class Inception(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.small = nn.Conv1d(1, 1, 1, stride=2)
            self.large = nn.Conv1d(1, 1, 6, stride=2, padding=3)

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([self.small(x), self.large(x)[..., :-1]], 1)[..., 1:]

    field = field_of(Inception(), (1, 1, 12), (0,))
    assert (field.size, field.stride, field.start) == ((6,), (2,), (-1,))
    assert (field.unclipped, field.box) == (((-1, 5),), ((0, 5),))


def test_layers_that_enlarge_have_phases() -> None:
    model = nn.Sequential(nn.ConvTranspose1d(1, 1, 3, stride=2), nn.Conv1d(1, 1, 3, padding=2))
    trace = trace_model(model, (1, 1, 4))
    boxes = [trace.receptive_field("0", (index,)).unclipped for index in range(4)]
    assert boxes == [((-1, 1),), ((0, 1),), ((0, 2),), ((1, 2),)]
    field = trace.receptive_field("1", (0,))
    assert (field.size, field.unclipped, field.box) == (None, ((-2, 1),), ((0, 1),))


def test_what_is_squeezed_to_a_point_reaches_from_border_to_border() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3)
    )
    field = field_of(model, (1, 1, 6, 8), ())
    assert (field.unclipped, field.size) == (((-1, 7), (-1, 9)), None)
    flat = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Flatten(), nn.Linear(96, 3))
    assert field_of(flat, (1, 1, 6, 8), ()).unclipped == ((-1, 7), (-1, 9))


def test_flips_and_circular_padding_have_no_unclipped_box() -> None:
    assert field_of(lambda x: x.flip(2), (1, 1, 4), (0,)).unclipped is None
    assert field_of(nn.Conv1d(1, 1, 3, padding=1, padding_mode="circular"),
                    (1, 1, 4), (0,)).unclipped is None  # fmt: skip
