"""The questions on shapes that forums are asked most, each with the layer that shows the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True)
class ShapeQuestion:
    """A question in one line, its answer, and the layer and input that it is about."""

    question: str
    answer: str
    type: str
    input_shape: tuple[int, ...]
    parameters: Mapping[str, Any]
    view: str = ""
    """How the animation is set, as the address has it."""

    @property
    def fragment(self) -> str:
        """What the calculator's address ends with, so that it shows this layer."""
        parts = [f"layer={self.type}", f"input={','.join(map(str, self.input_shape))}"]
        parts += [f"{name}={_written(value)}" for name, value in self.parameters.items()]
        return "#" + "&".join([*parts, *([self.view] if self.view else [])])


def _written(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(map(_written, value))
    return quote(str(value), safe="")


QUESTIONS = (
    ShapeQuestion(
        "Why is in_features 400?",
        "Flatten puts every value of the last feature maps in a row: 16 channels of 5 by 5 make "
        "16 · 5 · 5 = 400. Another image size changes the 5 by 5, and with it the number that the "
        "first Linear has to be told.",
        "Flatten",
        (1, 16, 5, 5),
        {},
    ),
    ShapeQuestion(
        "What does “mat1 and mat2 shapes cannot be multiplied” mean?",
        "Linear compares in_features with the last axis of its input alone: here that is 5, the "
        "width of the maps, not 400. A Flatten between the convolutions and the Linear is missing.",
        "Linear",
        (1, 16, 5, 5),
        {"in_features": 400, "out_features": 120},
    ),
    ShapeQuestion(
        "The formula gives 3.5: what size is the output?",
        "The quotient is rounded down, so a kernel of 3 with stride 2 makes 3 of 8, not 3.5. "
        "What is left over at the end is not an error: the last row and the last column are "
        "never read.",
        "Conv2d",
        (1, 1, 8, 8),
        {"in_channels": 1, "out_channels": 1, "kernel_size": 3, "stride": 2},
    ),
    ShapeQuestion(
        "Why does padding “same” not work with stride 2?",
        "The same size cannot come out of a window that skips every other position, so PyTorch "
        "refuses it. For half of the size, as TensorFlow's “same” gives, pad by half of the "
        "kernel: padding 1 for a kernel of 3 turns 32 into 16.",
        "Conv2d",
        (1, 3, 32, 32),
        {"in_channels": 3, "out_channels": 8, "kernel_size": 3, "stride": 2, "padding": "same"},
    ),
    ShapeQuestion(
        "What is output_padding of ConvTranspose2d for?",
        "With stride 2 a convolution makes 4 of 7 and of 8 alike, so its transpose has to be told "
        "which of the two to give back. output_padding 0 gives 7, 1 gives 8: the extra row and "
        "column come at the end.",
        "ConvTranspose2d",
        (1, 1, 4, 4),
        {
            "in_channels": 1,
            "out_channels": 1,
            "kernel_size": 3,
            "stride": 2,
            "padding": 1,
            "output_padding": 1,
        },
    ),
    ShapeQuestion(
        "Why can “kernel size not be greater than actual input size”?",
        "The window must fit into the padded input once: 5 does not go into 4. Pooling too often "
        "makes maps this small; use a larger image, a pooling layer less, or padding 1, which "
        "makes the 4 a 6.",
        "Conv2d",
        (1, 16, 4, 4),
        {"in_channels": 16, "out_channels": 32, "kernel_size": 5},
    ),
    ShapeQuestion(
        "What does ceil_mode change?",
        "Rounding up adds the window that hangs over the end: pooling 5 by 2 gives 3 with "
        "ceil_mode and 2 without. The last window sees what is left of the input, here one row and "
        "one column.",
        "MaxPool2d",
        (1, 1, 5, 5),
        {"kernel_size": 2, "stride": 2, "ceil_mode": True},
    ),
    ShapeQuestion(
        "How large is a kernel with dilation?",
        "It reaches over dilation · (kernel − 1) + 1 positions: 3 taps with dilation 2 reach over "
        "5, with no more weights. Padding equal to the dilation keeps the size for a kernel of 3: "
        "padding 2 leaves 9 at 9.",
        "Conv2d",
        (1, 1, 9, 9),
        {"in_channels": 1, "out_channels": 1, "kernel_size": 3, "dilation": 2, "padding": 2},
    ),
    ShapeQuestion(
        "How many parameters does a depthwise convolution have?",
        "With groups equal to the channels each output channel reads one input channel: "
        "32 kernels of 3 by 3 are 288 weights, and the biases make it 320. An ordinary "
        "convolution between 32 channels has 9248.",
        "Conv2d",
        (1, 32, 8, 8),
        {"in_channels": 32, "out_channels": 32, "kernel_size": 3, "padding": 1, "groups": 32},
    ),
    ShapeQuestion(
        "How does AdaptiveAvgPool2d get from 7 to 3?",
        "Window j reads from ⌊j · 7 / 3⌋ until before ⌈(j + 1) · 7 / 3⌉, so each of the "
        "3 windows is 3 long and they overlap by one position. No kernel and stride are fixed: "
        "they follow from the size of the input.",
        "AdaptiveAvgPool2d",
        (1, 1, 7, 7),
        {"output_size": 3},
    ),
)
