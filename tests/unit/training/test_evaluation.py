"""The figures, against ones worked out by hand."""

import pytest
import torch

from server.doodle.categories import CATEGORIES
from server.training.evaluation import evaluate_logits, logits_of


def logits_ranking(*labels: int) -> torch.Tensor:
    """Logits (categories,) that rank the given labels first, in that order."""
    logits = torch.zeros(len(CATEGORIES))
    for rank, label in enumerate(labels):
        logits[label] = 10.0 - rank
    return logits


def test_top_k_and_mean_average_precision() -> None:
    logits = torch.stack(
        [
            logits_ranking(7, 1, 2, 3, 4),  # first
            logits_ranking(1, 7, 2, 3, 4),  # second
            logits_ranking(1, 2, 7, 3, 4),  # third
            logits_ranking(1, 2, 3, 7, 4),  # fourth
            logits_ranking(1, 2, 3, 4, 5),  # not among five
            logits_ranking(9, 1, 2, 3, 4),  # first, of another category
        ]
    )
    evaluation = evaluate_logits(logits, [7, 7, 7, 7, 7, 9])
    assert evaluation.n == 6
    assert evaluation.top1 == pytest.approx(2 / 6)
    assert evaluation.top3 == pytest.approx(4 / 6)
    assert evaluation.top5 == pytest.approx(5 / 6)
    assert evaluation.map3 == pytest.approx((1 + 1 / 2 + 1 / 3 + 1) / 6)
    assert evaluation.macro_top1 == pytest.approx((1 / 5 + 1) / 2)
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor([7, 7, 7, 7, 7, 9]))
    assert evaluation.cross_entropy == pytest.approx(float(expected))
    table = {result.category: result for result in evaluation.categories}
    assert set(table) == {CATEGORIES[7], CATEGORIES[9]}
    assert table[CATEGORIES[7]].mistaken_for == CATEGORIES[1]
    assert table[CATEGORIES[7]].top3 == pytest.approx(3 / 5)
    assert table[CATEGORIES[9]].mistaken_for is None


def test_nothing_to_evaluate_is_an_error() -> None:
    with pytest.raises(ValueError, match="no drawings"):
        evaluate_logits(torch.zeros(0, len(CATEGORIES)), [])


def test_logits_are_the_model_s_in_eval_mode_and_its_mode_is_put_back() -> None:
    model = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Dropout(0.5), torch.nn.Linear(784, len(CATEGORIES))
    ).train()
    images = torch.rand(10, 1, 28, 28)
    done: list[int] = []
    logits = logits_of(model, images, batch_size=4, advance=done.append)
    assert done == [4, 8, 10]
    assert model.training
    with torch.no_grad():
        assert torch.allclose(logits, model.eval()(images), atol=1e-6)
