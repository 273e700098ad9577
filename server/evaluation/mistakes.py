"""The mistakes that matter: which categories are taken for which, and the drawings themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from server.doodle.categories import CATEGORIES
from server.doodle.quickdraw import Record

CONFUSIONS = 20
EXAMPLES = 3
WORST = 12


@dataclass(frozen=True)
class Mistake:
    """One drawing whose best guess is wrong."""

    category: str
    guessed: str
    probability: float
    """Of the wrong guess."""
    right_probability: float
    """Of its own category."""
    drawing: list[list[list[float]]] | None
    """Its strokes in Quick, Draw!'s form; None in what is kept without drawings."""


@dataclass(frozen=True)
class Confusion:
    """A category, and another that its drawings are taken for."""

    category: str
    guessed: str
    n: int
    share: float
    """Of the drawings of the category."""
    typical: list[Mistake]
    """Those of middle probability: what this mistake looks like."""


def confusions_of(
    logits: Tensor, labels: Tensor, records: Sequence[Record], count: int = CONFUSIONS
) -> list[Confusion]:
    """The commonest pairs of a category and a wrong best guess, the commonest first.

    Args:
        logits: (N, categories).
        labels: int64 (N,).
        records: N drawings.
        count: at most so many pairs, of at least two drawings each.
    """
    guesses = logits.argmax(dim=1)
    probabilities = logits.softmax(dim=1)
    wrong = torch.nonzero(guesses != labels).flatten().tolist()
    pairs = Counter((int(labels[index]), int(guesses[index])) for index in wrong)
    found = []
    for (label, guess), n in sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:count]:
        if n < 2:
            break
        members = [i for i in wrong if int(labels[i]) == label and int(guesses[i]) == guess]
        members.sort(key=lambda index: float(probabilities[index, guess]))
        first = max(0, (len(members) - EXAMPLES) // 2)
        found.append(
            Confusion(
                category=CATEGORIES[label],
                guessed=CATEGORIES[guess],
                n=n,
                share=n / int((labels == label).sum()),
                typical=[
                    _mistake(probabilities[index], label, guess, records[index])
                    for index in members[first : first + EXAMPLES]
                ],
            )
        )
    return found


def worst_of(
    logits: Tensor, labels: Tensor, records: Sequence[Record], count: int = WORST
) -> list[Mistake]:
    """The wrong guesses that were the surest, the surest first."""
    probabilities = logits.softmax(dim=1)
    sure, guesses = probabilities.max(dim=1)
    order = torch.where(guesses != labels, sure, -1.0).argsort(descending=True, stable=True)
    chosen = [index for index in order[:count].tolist() if guesses[index] != labels[index]]
    return [
        _mistake(probabilities[index], int(labels[index]), int(guesses[index]), records[index])
        for index in chosen
    ]


def _mistake(probabilities: Tensor, label: int, guess: int, record: Record) -> Mistake:
    return Mistake(
        category=CATEGORIES[label],
        guessed=CATEGORIES[guess],
        probability=float(probabilities[guess]),
        right_probability=float(probabilities[label]),
        drawing=record.drawing.to_lists(),
    )
