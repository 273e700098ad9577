"""The mistakes that matter."""

import pytest
import torch

from server.doodle.categories import CATEGORIES
from server.doodle.quickdraw import Record
from server.doodle.strokes import Drawing
from server.evaluation.mistakes import confusions_of, worst_of


def records(count: int) -> list[Record]:
    drawings = [Drawing.from_lists([[[0, number + 1], [0, 9]]]) for number in range(count)]
    return [Record(0, drawing, True) for drawing in drawings]


def test_pairs_are_counted_and_the_commonest_comes_first() -> None:
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 1, 2])
    guesses = torch.tensor([1, 1, 1, 0, 2, 2, 1, 0])
    logits = torch.nn.functional.one_hot(guesses, 345) * torch.arange(1.0, 9)[:, None]
    found = confusions_of(logits, labels, records(8))
    assert [(each.category, each.guessed, each.n, each.share) for each in found] == [
        (CATEGORIES[0], CATEGORIES[1], 3, 0.75),
        (CATEGORIES[1], CATEGORIES[2], 2, pytest.approx(2 / 3)),
    ]
    assert [mistake.drawing for mistake in found[0].typical] == [
        [[[0.0, n + 1.0], [0.0, 9.0]]] for n in range(3)
    ]


def test_the_surest_mistakes_come_first() -> None:
    labels = torch.tensor([0, 0, 1])
    logits = torch.zeros(3, 345)
    logits[0, 5], logits[1, 6], logits[2, 1] = 3.0, 7.0, 9.0
    found = worst_of(logits, labels, records(3))
    assert [each.guessed for each in found] == [CATEGORIES[6], CATEGORIES[5]]
    probabilities = logits.softmax(1)
    assert found[0].probability == pytest.approx(float(probabilities[1, 6]))
    assert found[0].right_probability == pytest.approx(float(probabilities[1, 0]))
