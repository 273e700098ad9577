"""The answers to what people ask: every number in them is what PyTorch says."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch
from torch import nn

from server.services.shape_questions import QUESTIONS, ShapeQuestion


def module(question: ShapeQuestion, **changes: object) -> nn.Module:
    made: nn.Module = getattr(nn, question.type)(**{**question.parameters, **changes})
    return made


def sizes(layer: nn.Module, *shape: int) -> list[int]:
    return list(layer(torch.zeros(shape)).shape)


def parameters(layer: nn.Module) -> int:
    return sum(parameter.numel() for parameter in layer.parameters())


def flattened(question: ShapeQuestion) -> None:
    assert sizes(module(question), *question.input_shape) == [1, 400]
    assert question.input_shape == (1, 16, 5, 5)


def mismatched(question: ShapeQuestion) -> None:
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        sizes(module(question), *question.input_shape)
    behind_flatten = nn.Sequential(nn.Flatten(), module(question))
    assert sizes(behind_flatten, *question.input_shape) == [1, 120]
    assert question.input_shape[-1] == 5


def rounded(question: ShapeQuestion) -> None:
    assert (8 - 3) / 2 + 1 == 3.5
    assert sizes(module(question), *question.input_shape) == [1, 1, 3, 3]
    image = torch.zeros(1, 1, 8, 8, requires_grad=True)
    module(question)(image).sum().backward()
    assert image.grad is not None
    assert not image.grad[..., 7, :].any()
    assert not image.grad[..., :, 7].any()


def strided(question: ShapeQuestion) -> None:
    with pytest.raises(ValueError, match="not supported for strided"):
        module(question)
    assert sizes(module(question, padding=1), *question.input_shape) == [1, 8, 16, 16]


def two_sizes(question: ShapeQuestion) -> None:
    down = nn.Conv2d(1, 1, 3, stride=2, padding=1)
    assert sizes(down, 1, 1, 7, 7) == sizes(down, 1, 1, 8, 8) == [1, 1, 4, 4]
    assert sizes(module(question, output_padding=0), 1, 1, 4, 4) == [1, 1, 7, 7]
    assert sizes(module(question), 1, 1, 4, 4) == [1, 1, 8, 8]


def too_large(question: ShapeQuestion) -> None:
    with pytest.raises(RuntimeError, match="can't be greater than actual input size"):
        sizes(module(question), *question.input_shape)
    assert sizes(module(question, padding=1), *question.input_shape) == [1, 32, 2, 2]
    assert question.input_shape[-1] + 2 * 1 == 6


def hanging_over(question: ShapeQuestion) -> None:
    assert sizes(module(question), 1, 1, 5, 5) == [1, 1, 3, 3]
    assert sizes(module(question, ceil_mode=False), 1, 1, 5, 5) == [1, 1, 2, 2]
    image = torch.zeros(1, 1, 5, 5)
    image[..., 4, 4] = 1
    assert module(question)(image)[0, 0, 2, 2] == 1


def dilated(question: ShapeQuestion) -> None:
    layer = module(question)
    assert sizes(layer, *question.input_shape) == [1, 1, 9, 9]
    assert sizes(module(question, padding=0), 1, 1, 5, 5) == [1, 1, 1, 1]
    assert parameters(layer) == parameters(module(question, dilation=1))


def depthwise(question: ShapeQuestion) -> None:
    assert parameters(module(question, bias=False)) == 288
    assert parameters(module(question)) == 320
    assert parameters(module(question, groups=1)) == 9248


def uneven(question: ShapeQuestion) -> None:
    positions = torch.arange(7.0).reshape(1, 1, 7, 1).expand(1, 1, 7, 7)
    found = module(question)(positions)[0, 0, :, 0]
    expected = [positions[0, 0, j * 7 // 3 : -(-(j + 1) * 7 // 3), 0] for j in range(3)]
    assert [len(window) for window in expected] == [3, 3, 3]
    assert torch.allclose(found, torch.stack([window.mean() for window in expected]))
    assert (2 * 7) // 3 == -(-2 * 7 // 3) - 1


CHECKS: list[Callable[[ShapeQuestion], None]] = [
    flattened,
    mismatched,
    rounded,
    strided,
    two_sizes,
    too_large,
    hanging_over,
    dilated,
    depthwise,
    uneven,
]

NUMBERS = [
    [16, 5, 5, 16, 5, 5, 400, 5, 5],
    [5, 400],
    [3, 2, 3, 8, 3.5],
    [1, 3, 32, 16],
    [2, 4, 7, 8, 0, 7, 1, 8],
    [5, 4, 1, 4, 6],
    [5, 2, 3, 2],
    [1, 1, 3, 2, 5, 3, 2, 9, 9],
    [32, 3, 3, 288, 320, 32, 9248],
    [7, 3, 1, 7, 3, 3, 3],
]
"""Those of each answer, all of which its check compares with PyTorch or which are the setting's."""


@pytest.mark.parametrize(
    ("question", "check", "numbers"),
    list(zip(QUESTIONS, CHECKS, NUMBERS, strict=True)),
    ids=[check.__name__ for check in CHECKS],
)
def test_the_answer_is_what_pytorch_says(
    question: ShapeQuestion, check: Callable[[ShapeQuestion], None], numbers: list[float]
) -> None:
    check(question)
    found = [float(text) for text in re.findall(r"\d+(?:\.\d+)?", question.answer)]
    assert found == numbers, "a number has come that no check knows"
    assert question.question.endswith("?")
    assert len(question.question) < 75


def test_the_link_says_the_whole_setting() -> None:
    for question in QUESTIONS:
        assert question.fragment.startswith(f"#layer={question.type}&input=")
        for name in question.parameters:
            assert f"&{name}=" in question.fragment
