"""Fields through linear layers that read maps with their channels last, as ConvNeXt does."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from server.engine import trace_model


class Block(nn.Module):
    """A convolution for each channel, then two linear layers over the channels of each position."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.spatial = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels)
        self.normalise = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, 2 * channels)
        self.narrow = nn.Linear(2 * channels, channels)

    def forward(self, maps: Tensor) -> Tensor:
        rows = self.normalise(self.spatial(maps).permute(0, 2, 3, 1))
        mixed = self.narrow(nn.functional.gelu(self.widen(rows)))
        summed: Tensor = maps + mixed.permute(0, 3, 1, 2)
        return summed


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 4, 4), Block(4, 7), Block(4, 5))


def test_size_stride_and_start_are_those_of_the_convolutions() -> None:
    trace = trace_model(network(), (1, 3, 64, 48))
    # A stem of 4 by 4 with stride 4; then kernels of 7 and 5 add 6 and 4 strides.
    expected = {"0": (4, 0), "1.widen": (28, -12), "1": (28, -12), "2.narrow": (44, -20)}
    for layer, (size, start) in expected.items():
        field = trace.receptive_field(layer)
        assert field.size == (size, size), layer
        assert field.stride == (4, 4), layer
        assert field.start == (start, start), layer


def test_the_form_is_around_what_the_gradient_shows() -> None:
    torch.manual_seed(0)
    model = network().double().eval()
    image = torch.rand(1, 3, 64, 48, dtype=torch.float64, requires_grad=True)
    field = trace_model(model, (1, 3, 64, 48)).receptive_field("<output>")
    assert field.size
    assert field.stride
    assert field.start
    for y, x in ((0, 0), (8, 6), (15, 11)):
        (gradient,) = torch.autograd.grad(model(image)[0, :, y, x].sum(), image)
        along = [gradient[0].sum(0).abs().sum(axis).nonzero().flatten() for axis in (1, 0)]
        for place, found, side, size, stride, start in zip(
            (y, x), along, (64, 48), field.size, field.stride, field.start, strict=True
        ):
            low = start + place * stride
            assert int(found[0]) == max(low, 0)
            assert int(found[-1]) + 1 == min(low + size, side)


class Rows(nn.Module):
    """Mixes the rows of an image, not its channels: the image is the right factor."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(5, 8))

    def forward(self, image: Tensor) -> Tensor:
        return torch.mm(self.weight, image.view(8, 6)).view(1, 1, 5, 6)


class Columns(nn.Module):
    """Mixes the columns: the image is the left factor."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(6, 5))

    def forward(self, image: Tensor) -> Tensor:
        return torch.mm(image.view(8, 6), self.weight).view(1, 1, 8, 5)


@pytest.mark.parametrize(
    ("model", "box"), [(Rows(), ((0, 8), (2, 3))), (Columns(), ((3, 4), (0, 6)))]
)
def test_a_product_reads_rows_of_its_left_and_columns_of_its_right_factor(
    model: nn.Module, box: tuple[tuple[int, int], ...]
) -> None:
    field = trace_model(model, (1, 1, 8, 6)).receptive_field("<output>", (3, 2))
    assert field.box == box
    if field.unclipped is not None:
        assert field.unclipped == box
