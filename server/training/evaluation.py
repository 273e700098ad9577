"""Judging a classifier on drawings: top-k accuracy, MAP@3, a table per category."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from server.doodle.categories import CATEGORIES
from server.doodle.quickdraw import Record
from server.doodle.raster import SIDE, render


@dataclass(frozen=True)
class CategoryResult:
    """How the drawings of one category fared; shares in 0..1."""

    category: str
    n: int
    top1: float
    top3: float
    mistaken_for: str | None
    """The category most often guessed instead, if any was."""


@dataclass(frozen=True)
class Evaluation:
    """Shares in 0..1 over ``n`` drawings.

    ``map3`` is the mean average precision at 3 of the Quick, Draw! challenge: 1 for a right first
    guess, 1/2 for a right second, 1/3 for a right third, 0 otherwise, averaged over drawings.
    ``macro_top1`` averages the categories instead of the drawings.
    """

    n: int
    top1: float
    top3: float
    top5: float
    map3: float
    macro_top1: float
    cross_entropy: float
    categories: list[CategoryResult]


def images_of(records: Sequence[Record]) -> Tensor:
    """Render drawings as the network takes them: float32 (N, 1, 28, 28) in 0..1."""
    images = np.stack([render(record.drawing) for record in records])
    return torch.from_numpy(images).float().div_(255).view(-1, 1, SIDE, SIDE)


def logits_of(
    model: nn.Module,
    images: Tensor,
    batch_size: int = 256,
    advance: Callable[[int], None] = lambda done: None,
) -> Tensor:
    """Run the model in eval mode over (N, 1, 28, 28); returns logits (N, categories) on the CPU.

    ``advance`` is told how many images are done. The model's training flag is put back.
    """
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    parts: list[Tensor] = []
    try:
        with torch.inference_mode():
            for start in range(0, len(images), batch_size):
                parts.append(model(images[start : start + batch_size].to(device)).float().cpu())
                advance(min(start + batch_size, len(images)))
    finally:
        model.train(was_training)
    return torch.cat(parts)


def evaluate_logits(logits: Tensor, labels: Iterable[int]) -> Evaluation:
    """Compare logits (N, categories) with labels (N,).

    Raises:
        ValueError: there are no drawings to judge by.
    """
    truth = torch.as_tensor(list(labels), dtype=torch.int64)
    if len(truth) == 0:
        raise ValueError("There are no drawings to evaluate on.")
    guesses = logits.topk(5, dim=1).indices
    hits: NDArray[np.bool_] = (guesses == truth[:, None]).numpy()
    first, three = hits[:, 0], hits[:, :3]
    among_three: NDArray[np.bool_] = np.any(three, axis=1)
    categories = _per_category(truth.numpy(), guesses[:, 0].numpy(), first, among_three)
    return Evaluation(
        n=len(truth),
        top1=float(first.mean()),
        top3=float(among_three.mean()),
        top5=float(hits.any(axis=1).mean()),
        map3=float((three / np.array([1, 2, 3])).sum(axis=1).mean()),
        macro_top1=float(np.mean([result.top1 for result in categories])),
        cross_entropy=float(nn.functional.cross_entropy(logits, truth)),
        categories=categories,
    )


def _per_category(
    truth: NDArray[np.int64],
    guess: NDArray[np.int64],
    first: NDArray[np.bool_],
    three: NDArray[np.bool_],
) -> list[CategoryResult]:
    results = []
    for label in np.unique(truth):
        members = truth == label
        wrong = guess[members & (guess != label)]
        results.append(
            CategoryResult(
                category=CATEGORIES[label],
                n=int(members.sum()),
                top1=float(first[members].mean()),
                top3=float(three[members].mean()),
                mistaken_for=CATEGORIES[np.bincount(wrong).argmax()] if len(wrong) else None,
            )
        )
    return results
