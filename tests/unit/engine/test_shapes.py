"""What is said of shapes: steps, what rounding drops, repairs, settings, stacks."""

from __future__ import annotations

from typing import Any

import pytest

from server.engine.shapes import Refusal, apply_stack, output_shape, repairs, settings_for
from server.engine.shapes.adaptive_pooling import window_lengths
from server.engine.shapes.result import Step
from server.engine.shapes.settings import Bounds, Setting
from tests.support.setting import Setting as LayerSetting
from tests.support.torch_layers import on

CONVOLUTION: dict[str, Any] = {"in_channels": 3, "out_channels": 4, "kernel_size": 3}


def steps_of(kind: str, shape: list[int], axis: int, **parameters: Any) -> list[Step]:
    """The steps of one axis of the output."""
    made = output_shape(kind, parameters, shape)
    return [line for line in made.steps if line.axis == axis]


def test_a_dropped_column_is_told() -> None:
    *_, last = steps_of("MaxPool2d", [1, 1, 6, 7], 3, kernel_size=2)
    assert last.note == "The last column of the input is never read."
    assert last.rounding
    assert (last.rounding.kind, last.rounding.unread_input, last.rounding.beyond) == ("floor", 1, 0)


def test_several_dropped_rows_and_padding_are_told_apart() -> None:
    shape = [1, 3, 12, 12]
    *_, last = steps_of("Conv2d", shape, 2, **CONVOLUTION, stride=5, padding=0)
    assert last.note.startswith("The last 4 rows of the input are never read.")
    assert "Between windows, 2 rows are skipped." in last.note
    *_, last = steps_of("Conv2d", [1, 3, 10, 10], 2, **CONVOLUTION, stride=2, padding=1)
    assert last.note == "The last row of the padded input is never read; that is only padding."


def test_a_removed_window_has_its_own_step() -> None:
    *_, rounded, removed = steps_of(
        "MaxPool2d", [1, 1, 4, 4], 2, kernel_size=2, stride=3, padding=1, ceil_mode=True
    )
    assert (rounded.value, removed.value) == (3, 2)
    assert rounded.rounding
    assert rounded.rounding.removed == 1
    assert removed.filled == "3 − 1, as (3 − 1)·3 ≥ 4 + 1"
    assert "would start at row 6 of the padded input" in removed.note


def test_a_window_over_the_end_is_told() -> None:
    *_, last = steps_of("MaxPool2d", [1, 1, 5, 5], 2, kernel_size=2, ceil_mode=True)
    assert last.value == 3
    assert last.note == "The last window reaches 1 row over the end."


def test_symbols_name_their_parameters() -> None:
    reach, padded, output = steps_of("Conv2d", [3, 9, 9], 2, **CONVOLUTION, padding="same")
    assert [symbol.parameter for symbol in reach.symbols] == ["dilation", "kernel_size"]
    assert [symbol.parameter for symbol in padded.symbols] == ["input_shape", "padding"]
    assert [symbol.name for symbol in output.symbols] == ["n", "w", "s"]


def test_even_kernels_are_padded_more_at_the_end() -> None:
    made = output_shape("Conv1d", {**CONVOLUTION, "kernel_size": 4, "padding": "same"}, [3, 9])
    (padded,) = (line for line in made.steps if line.name == "n")
    assert padded.filled == "9 + 1 + 2"


def test_transposed_positions_that_only_the_bias_reaches_are_told() -> None:
    layer = {"in_channels": 1, "out_channels": 1, "kernel_size": 2, "stride": 3}
    *_, last = steps_of("ConvTranspose1d", [1, 4], 1, **layer, output_padding=1)
    assert last.filled == "11 − 2·0 + 1"
    assert "Between the copies of the kernel, 1 position gets only the bias." in last.note
    assert "The last 1 position gets only the bias." in last.note


@pytest.mark.parametrize("inputs", range(1, 25))
def test_lengths_of_adaptive_windows(inputs: int) -> None:
    for outputs in range(1, 30):
        lengths = [
            -(-(index + 1) * inputs // outputs) - index * inputs // outputs
            for index in range(outputs)
        ]
        assert window_lengths(inputs, outputs) == (min(lengths), max(lengths))


def test_a_refusal_is_one_sentence_with_its_limit() -> None:
    with pytest.raises(Refusal) as caught:
        output_shape("Conv2d", {**CONVOLUTION, "kernel_size": 7, "dilation": 2}, [1, 3, 224, 9])
    assert caught.value.parameter == "kernel_size"
    assert caught.value.limit == 9
    assert caught.value.detail == (
        "The window reaches over 13 columns (7 taps, dilated by 2), but the padded input has only "
        "9: at most 9 fit."
    )


def test_only_axes_that_need_it_are_repaired() -> None:
    found = repairs("Conv2d", {**CONVOLUTION, "kernel_size": 7}, [1, 3, 224, 4])
    changes = [dict(repair.changes) for repair in found]
    assert {"kernel_size": [7, 4]} in changes
    assert {"padding": [0, 2]} in changes


def test_what_fits_needs_no_repair() -> None:
    assert repairs("Conv2d", CONVOLUTION, [1, 3, 8, 8]) == ()


def test_a_distant_repair_is_as_near_as_can_be() -> None:
    found = repairs("Conv2d", {**CONVOLUTION, "kernel_size": 900_000}, [1, 3, 6000, 6000])
    changes = [dict(repair.changes) for repair in found]
    assert changes == [{"padding": 447_000}, {"kernel_size": 6000}]


@pytest.mark.parametrize(
    ("kind", "parameters", "shape", "change"),
    [
        ("Conv2d", {**CONVOLUTION, "stride": 2, "padding": "same"}, [3, 8, 8], {"stride": 1}),
        ("MaxPool2d", {"kernel_size": 2, "padding": 2}, [1, 8, 8], {"padding": 1}),
        ("GroupNorm", {"num_groups": 3, "num_channels": 8}, [1, 8], {"num_groups": 2}),
        ("BatchNorm2d", {"num_features": 4}, [2, 8, 3, 3], {"num_features": 8}),
        ("BatchNorm2d", {"num_features": 8}, [2, 8], {"type": "BatchNorm1d"}),
        ("Upsample", {"size": 4, "scale_factor": 2.0}, [1, 1, 2], {"scale_factor": None}),
        ("Conv2d", {**CONVOLUTION, "padding_mode": "zero"}, [3, 8, 8], {"padding_mode": "zeros"}),
        ("LayerNorm", {"normalized_shape": [4, 5]}, [2, 4, 6], {"normalized_shape": [4, 6]}),
        ("Softmax", {"dim": 3}, [2, 4], {"dim": None}),
        ("Con2d", CONVOLUTION, [3, 8, 8], {"type": "Conv2d"}),
        ("Conv2d", {**CONVOLUTION, "kernel_size": [3]}, [3, 8, 8], {"kernel_size": 3}),
        (
            "Unflatten",
            {"dim": 1, "unflattened_size": [4, 4]},
            [1, 8],
            {"unflattened_size": [-1, 4]},
        ),
    ],
)
def test_the_first_repair(
    kind: str, parameters: dict[str, Any], shape: list[int], change: dict[str, Any]
) -> None:
    assert dict(repairs(kind, parameters, shape)[0].changes) == change


def test_settings_begin_with_the_usual_ones() -> None:
    first = settings_for(32, 16, "convolution")[:4]
    assert Setting(3, 2, 1, 1, unread=1) in settings_for(32, 16, "convolution")
    assert all(setting.dilation == 1 for setting in first)
    assert settings_for(32, 16, "pooling")[0] == Setting(2, 2, 0, 1)
    assert settings_for(16, 32, "transposed convolution")[0] == Setting(2, 2, 0, 1)
    assert settings_for(3, 1000, "convolution") == ()
    assert settings_for(32, 16, "convolution", Bounds(1, 1, 0, 1)) == ()


def test_a_stack_says_what_each_layer_adds_to_memory() -> None:
    layers: list[tuple[str, dict[str, Any]]] = [
        ("Conv2d", {**CONVOLUTION, "padding": 1}),
        ("ReLU", {}),
        ("MaxPool2d", {"kernel_size": 2}),
        ("Flatten", {}),
        ("Linear", {"in_features": 64, "out_features": 10}),
    ]
    found = apply_stack([1, 3, 8, 8], layers)
    # The input; ReLU's output, which pooling keeps too; indices; what pooling gave.
    assert [layer.saved_for_backward_bytes for layer in found.layers] == [
        3 * 64 * 4,
        4 * 64 * 4,
        64 * 8,
        0,
        64 * 4,
    ]
    fields = [layer.receptive_field for layer in found.layers]
    assert fields[2]
    assert (fields[2].size, fields[2].stride, fields[2].start) == ((4, 4), (2, 2), (-1, -1))
    assert fields[3] is None
    assert fields[4]
    assert (fields[4].size, fields[4].stride, fields[4].start) == ((10, 10), (0, 0), (-1, -1))


def test_a_stack_stops_where_a_layer_is_refused() -> None:
    found = apply_stack([1, 3, 8, 8], [("Conv2d", {**CONVOLUTION, "kernel_size": 9}), ("ReLU", {})])
    assert found.output_shape is None
    assert [layer.shape for layer in found.layers] == [None, None]
    first, second = found.problems
    assert (first.layer, first.parameter) == (0, "kernel_size")
    assert first.repairs
    assert (second.layer, second.repairs) == (1, ())
    assert second.detail == "ReLU gets no input, as layer 0 is refused."


@pytest.mark.parametrize("kernel", [[0], [0, 1], [0, 3], [0, 0]])
@pytest.mark.parametrize("dilation", [1, 2])
def test_empty_kernels_with_padding_same_are_as_in_torch(kernel: list[int], dilation: int) -> None:
    """Without input channels PyTorch takes a kernel of nothing, whose padding is half of -1."""
    kind, shape = f"Conv{len(kernel)}d", (0, *([4] * len(kernel)))
    parameters = {"in_channels": 0, "out_channels": 1, "kernel_size": kernel, "padding": "same"}
    setting = LayerSetting(kind, {**parameters, "dilation": dilation}, shape)
    expected = on("cpu", setting)
    if expected is None:
        with pytest.raises(Refusal):
            output_shape(kind, setting.parameters, shape)
    else:
        assert output_shape(kind, setting.parameters, shape).output_shape == expected
