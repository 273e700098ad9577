"""What is called directly gives what the layer's own forward gives, whatever its settings."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, weight_norm

from server.engine.direct import direct_forward

PAIRS: list[tuple[Callable[[], nn.Module], tuple[int, ...]]] = [
    *(
        (
            lambda settings=settings: nn.Conv2d(
                4,
                8,
                settings[0],
                stride=settings[1],
                padding=settings[2],
                dilation=settings[3],
                groups=settings[4],
                bias=settings[5],
            ),
            (2, 4, 11, 9),
        )
        for settings in [
            (3, 1, 0, 1, 1, True),
            ((2, 3), (2, 1), (1, 0), (1, 2), 2, False),
            (3, 1, "same", 2, 4, True),
            (1, 3, "valid", 1, 1, False),
        ]
    ),
    (lambda: nn.Conv2d(4, 2, 3), (4, 7, 7)),
    (lambda: nn.Linear(5, 3), (5,)),
    (lambda: nn.Linear(5, 3, bias=False), (2, 4, 5)),
    (lambda: nn.BatchNorm2d(4, eps=0.01), (2, 4, 3, 5)),
    (lambda: nn.BatchNorm2d(4, affine=False), (1, 4, 3, 5)),
    *(
        (lambda ceil=ceil, stride=stride: nn.MaxPool2d(3, stride, 1, ceil_mode=ceil), (2, 3, 8, 7))
        for ceil, stride in itertools.product((False, True), (None, 2, (3, 1)))
    ),
    (lambda: nn.MaxPool2d((1, 2), dilation=2), (3, 8, 7)),
    (lambda: nn.AvgPool2d(3, 2, 1, True, False), (2, 3, 8, 8)),
    (lambda: nn.AvgPool2d((2, 3), divisor_override=5), (3, 8, 7)),
    (nn.Flatten, (2, 3, 4)),
    (lambda: nn.Flatten(0, -2), (2, 3, 4)),
    (nn.ReLU, (2, 3)),
    (lambda: nn.ReLU(inplace=True), (2, 3)),
    (nn.Tanh, (4,)),
    (nn.Sigmoid, ()),
]


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    module = make().eval()
    for tensor in itertools.chain(module.parameters(), module.buffers()):
        if tensor.is_floating_point():
            tensor.data.uniform_(0.2, 1)
    return module


@pytest.mark.parametrize(("make", "shape"), PAIRS)
def test_the_operator_alone_gives_the_same(
    make: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    module = seeded(make)
    forward = direct_forward(module)
    assert forward is not None
    with torch.no_grad():
        for _ in range(2):
            x = torch.randn(shape)
            own, alone = x.clone(), x.clone()
            expected, found = module(own), forward(alone)
            assert torch.equal(found, expected)
            assert found.stride() == expected.stride()
            assert torch.equal(alone, own), "what was given is written to alike"
            for parameter in module.parameters():  # other weights are the layer's at once
                parameter.data.mul_(-2)


def with_weight_norm(name: str) -> nn.Module:
    """A layer whose weight, or bias, is computed before each call."""
    with pytest.deprecated_call():
        return weight_norm(nn.Linear(3, 2), name)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"), (1, 2, 5, 5)),
        (lambda: nn.BatchNorm2d(2).train(), (3, 2, 4, 4)),
        (lambda: nn.BatchNorm2d(2, track_running_stats=False).eval(), (3, 2, 4, 4)),
        (lambda: nn.BatchNorm2d(2).eval(), (3, 2)),
        (lambda: nn.MaxPool2d(2, return_indices=True), (1, 2, 4, 4)),
        (lambda: with_weight_norm("weight"), (2, 3)),
        (lambda: with_weight_norm("bias"), (2, 3)),
    ],
)
def test_a_layer_that_does_more_says_so_before_it_does_anything(
    make: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    module = make()
    forward = direct_forward(module)
    assert forward is not None
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with torch.no_grad(), pytest.raises(LookupError):
        forward(torch.randn(shape))
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_of_other_layers_nothing_is_known() -> None:
    class Mine(nn.Linear):
        """A layer of a reader's own may do anything."""

    assert direct_forward(Mine(2, 2)) is None
    assert direct_forward(nn.GELU()) is None
    assert direct_forward(parametrizations.weight_norm(nn.Linear(2, 2))) is None
