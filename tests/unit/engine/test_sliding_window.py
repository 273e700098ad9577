"""Sliding windows give, cell by cell, what PyTorch gives."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from server.engine import trace_model
from server.engine.arithmetic.parts import NotBrokenDown
from server.engine.sliding_window import SlidingWindow, sliding_window


def of(
    layer: nn.Module, x: Tensor, channel: int, input_channel: int | None = None
) -> SlidingWindow:
    model = nn.Sequential(layer).eval()
    node = trace_model(model, x, keep=True).nodes[-1]
    return sliding_window(node, channel, input_channel, module=layer)


def played(window: SlidingWindow) -> Tensor:
    """The output, computed from nothing but what the window says."""
    values = window.values.double()
    output = torch.zeros(len(window.rows), len(window.columns), dtype=torch.float64)
    for row, down in enumerate(window.rows):
        for column, across in enumerate(window.columns):
            inside, products = [], []
            for y in down:
                for x in across:
                    known = y.source is not None and x.source is not None
                    value = values[y.source, x.source].item() if known else 0.0
                    if known:
                        inside.append(value)
                    if window.kernel is not None:
                        products.append(value * window.kernel[y.tap, x.tap].item())
            if window.kind == "max_pooling":
                output[row, column] = max(inside, default=-torch.inf)
            elif window.kind == "average_pooling":
                count = len(down) * len(across) if window.count_padding else len(inside)
                output[row, column] = sum(inside) / (window.divisor or count)
            else:
                rest = 0.0 if window.others is None else window.others[row, column].item()
                output[row, column] = sum(products) + rest + (window.bias or 0.0)
    return output


CASES: list[tuple[nn.Module, tuple[int, ...], int, int | None]] = [
    (nn.Conv2d(3, 4, 3, padding=1), (1, 3, 6, 7), 2, 1),
    (nn.Conv2d(4, 4, (3, 2), stride=2, padding=2, dilation=2, groups=2), (1, 4, 9, 8), 3, 3),
    (nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False), (1, 4, 5, 5), 2, None),
    (nn.Conv2d(2, 2, 3, padding="same", padding_mode="reflect"), (1, 2, 6, 6), 1, 0),
    (nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"), (1, 2, 6, 6), 1, 1),
    (nn.Conv2d(5, 2, 1, stride=2), (1, 5, 6, 6), 0, 4),
    (nn.Conv1d(2, 3, 3, padding=1), (1, 2, 9), 2, 1),
    (nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1, output_padding=1), (1, 3, 4, 5), 1, 2),
    (nn.ConvTranspose2d(4, 4, 2, stride=3, dilation=2, groups=2), (1, 4, 3, 3), 3, 3),
    (nn.ConvTranspose1d(2, 2, 4, stride=2), (1, 2, 5), 1, 0),
    (nn.MaxPool2d(3, stride=2, padding=1), (1, 2, 7, 8), 1, 1),
    (nn.MaxPool2d(2, dilation=2, ceil_mode=True), (1, 2, 6, 7), 0, None),
    (nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True), (1, 2, 6, 7), 0, None),
    (nn.AvgPool2d(3, padding=1, count_include_pad=False), (1, 2, 7, 7), 1, None),
    (nn.AvgPool2d(2, divisor_override=3), (1, 2, 6, 6), 1, None),
    (nn.AdaptiveAvgPool2d((3, 2)), (1, 2, 7, 5), 1, None),
    (nn.AdaptiveMaxPool2d(3), (1, 2, 7, 5), 0, None),
    (nn.MaxPool1d(2), (1, 2, 7), 0, None),
]


@pytest.mark.parametrize(
    ("layer", "shape", "channel", "input_channel"), CASES, ids=[repr(case[0]) for case in CASES]
)
def test_playing_it_gives_the_output(
    layer: nn.Module, shape: tuple[int, ...], channel: int, input_channel: int | None
) -> None:
    x = torch.randn(shape)
    window = of(layer, x, channel, input_channel)
    with torch.no_grad():
        expected = layer.double()(x.double())[0, channel]
    torch.testing.assert_close(
        played(window), expected.reshape(window.output.shape), rtol=1e-12, atol=1e-12
    )
    torch.testing.assert_close(
        window.output.double(), expected.reshape(window.output.shape), rtol=1e-4, atol=1e-5
    )
    assert torch.equal(window.values.flatten(), x[0, window.input_channel].flatten())
    assert window.source == "input"


def test_which_input_channels_an_output_channel_reads() -> None:
    x = torch.randn(1, 4, 5, 5)
    grouped = nn.Conv2d(4, 4, 3, groups=2)
    assert of(grouped, x, 3).input_channels == (2, 4)
    assert of(grouped, x, 1).input_channel == 0
    with pytest.raises(IndexError, match="reads input channel 2 to 3, not 0"):
        of(grouped, x, 3, 0)
    with pytest.raises(IndexError, match="channel 0 to 3, not 4"):
        of(grouped, x, 4)
    with pytest.raises(IndexError, match="reads input channel 1 to 1, not 0"):
        of(nn.MaxPool2d(2), x, 1, 0)


def test_what_has_no_window() -> None:
    with pytest.raises(NotBrokenDown, match="no window slides"):
        of(nn.ReLU(), torch.randn(1, 2, 4, 4), 0)
    with pytest.raises(NotBrokenDown, match="no rows and columns"):
        of(nn.Linear(4, 2), torch.randn(1, 4), 0)
    with pytest.raises(NotBrokenDown, match="no window slides"):
        of(nn.Conv3d(1, 1, 2), torch.randn(1, 1, 3, 3, 3), 0)
