"""Layers read from Python source, compared with what PyTorch makes of the same text."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import nn

from server.engine.shapes import LAYERS, apply_stack
from server.errors import InvalidInput, LimitExceeded
from server.services.shapes_source import parse_source
from tests.support.torch_layers import as_tuples

STACK = """\
nn.Sequential(
    nn.Conv2d(1, 6, 5, padding=2),
    nn.BatchNorm2d(6),
    nn.Tanh(),
    nn.AvgPool2d(2),
    nn.ConvTranspose2d(6, 4, (3, 4), stride=2, padding=1, output_padding=1),
    nn.LeakyReLU(0.2, inplace=True),
    nn.AdaptiveAvgPool2d((4, None)),
    nn.Flatten(),
    nn.Linear(4 * 4 * 29, 2**5),
    nn.LayerNorm((32,)),
)"""

MODULE = """
import torch.nn as nn

width = 8

class Net(nn.Module):
    '''Not a layer.'''

    def __init__(self, classes=10):
        super().__init__()
        self.stem = nn.Conv2d(3, width, kernel_size=3, device="cpu")
        self.head: nn.Module = torch.nn.Linear(width, classes)
        for _ in range(3):
            pass

    def forward(self, x):
        return self.head(self.stem(x))
"""


def test_a_text_makes_what_it_makes_in_torch() -> None:
    module: nn.Sequential = eval(STACK, {"nn": nn})
    found = parse_source(STACK)
    assert found.left_out == []
    layers = [
        (layer["type"], {name: value for name, value in layer.items() if name != "type"})
        for layer in found.layers
    ]
    stack = apply_stack([2, 1, 28, 28], layers)
    value = torch.zeros(2, 1, 28, 28)
    for part, layer in zip(module, stack.layers, strict=True):
        value = part(value)
        assert layer.shape is not None
        assert layer.shape.output_shape == tuple(value.shape)
        assert layer.shape.parameters == sum(weight.numel() for weight in part.parameters())


def test_a_printed_model_is_read() -> None:
    module: nn.Sequential = eval(STACK, {"nn": nn})
    found = parse_source(repr(nn.Sequential(module, nn.Sequential(nn.Dropout(0.5)))))
    assert found.left_out == []
    assert [layer["type"] for layer in found.layers] == [
        *(type(part).__name__ for part in module),
        "Dropout",
    ]
    for layer, part in zip(found.layers, [*module, nn.Dropout(0.5)], strict=True):
        own = {name: as_tuples(value) for name, value in layer.items() if name != "type"}
        assert repr(getattr(nn, layer["type"])(**own)) == repr(part)


def test_positions_are_those_of_torch() -> None:
    """The order of our parameters is the order of the constructor's."""
    for kind, layer in LAYERS.items():
        order = list(inspect.signature(getattr(nn, kind)).parameters)
        own = [parameter.name for parameter in layer.parameters]
        assert own == [name for name in order if name in own], kind


def test_a_class_is_read_in_the_order_of_its_constructor() -> None:
    found = parse_source(MODULE)
    assert found.layers == [
        {"type": "Conv2d", "in_channels": 3, "out_channels": 8, "kernel_size": 3},
        {"type": "Linear", "in_features": 8, "out_features": 10},
    ]
    assert found.left_out == [
        "Line 13: only plain layers are read, not statements such as loops and conditions."
    ]


@pytest.mark.parametrize(
    "text",
    [
        "nn.Conv2d(3, 6, 5),\n        nn.ReLU(),",
        "    nn.Conv2d(3, 6, 5)\n  nn.ReLU()",
        "[Conv2d(3, 6, 5), ReLU()]",
        "self.a = nn.Conv2d(3, 6, 5)\nself.b = nn.ReLU()",
        "model = nn.Sequential(OrderedDict([('a', nn.Conv2d(3, 6, 5)), ('b', nn.ReLU())]))",
    ],
)
def test_pieces_of_a_text_are_read(text: str) -> None:
    assert parse_source(text).layers == [
        {"type": "Conv2d", "in_channels": 3, "out_channels": 6, "kernel_size": 5},
        {"type": "ReLU"},
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nn.Conv2d(3, n, 3)", "Line 1: out_channels of Conv2d is n, whose value does not stand"),
        ("nn.Conv2d(3, f(), 3)", "Line 1: out_channels of Conv2d is no number, text or list."),
        ("nn.Linear(9**64**64, 3)", "Line 1: in_features of Linear is too large a number."),
        ("nn.Linear(1 // 0, 3)", "Line 1: in_features of Linear cannot be computed."),
        ("nn.Linear(True * 2, 3)", "Line 1: in_features of Linear computes with something"),
        ("nn.Conv2d(3, 6, 5, kernel_size=5)", "Line 1: Conv2d has kernel_size twice."),
        ("nn.ReLU(1, 2, 3)", "Line 1: ReLU takes at most 1 parameters here, not 3."),
        ("nn.ReLU(**options)", "Line 1: ReLU has parameters that are spread out with **."),
        ("\nnn.Conv2D(3, 6, 5)", "Line 2: there is no layer Conv2D here. Did you mean Conv2d?"),
        ("nn.ReLU", "Line 1: ReLU is not called; write ReLU()."),
        ("layers", "Line 1: layers is a name, not a layer."),
        ("nn.Sequential(*layers)", "Line 1: a list that is spread out with * is not read."),
        ("nn.Conv2d(3, 6, 5", "Line 1 cannot be read as Python: '(' was never closed."),
        ("", "There is no layer in the text."),
        ("-" * 100_000 + "1", "The text cannot be read: it is nested too deeply"),
        ("[(" * 1000, "Line 1 cannot be read as Python: too many nested parentheses."),
        ("1+" * 90_000 + "1", "The text cannot be read: it is nested too deeply"),
        ("a." * 90_000 + "b", "The text cannot be read: it is nested too deeply"),
        ("\ud800", "The text cannot be read"),
        ("\0", "Line 1 cannot be read as Python"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, sentence: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_source(text)
    assert caught.value.detail.startswith(sentence)
    assert caught.value.pointer == "/source"


def test_lists_cannot_grow_beyond_bounds() -> None:
    doubled = "a = [1, 1]\n" + "a = [a, a]\n" * 60
    with pytest.raises(InvalidInput):
        parse_source(doubled + "nn.Conv2d(1, 1, a)")
    with pytest.raises(LimitExceeded, match="more than 1000 layers"):
        parse_source("nn.ReLU(),\n" * 1001)


def test_nothing_of_the_text_runs() -> None:
    found = parse_source("nn.ReLU()\nraise SystemExit\n__import__('sys').exit()")
    assert found.layers == [{"type": "ReLU"}]
    assert len(found.left_out) == 2
