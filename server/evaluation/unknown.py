"""How well drawings are told from what is of no category: scribbles, and categories left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.unknown import UnknownRule
from server.evaluation.intervals import NORMAL_QUANTILE, Interval, bootstrap, wilson

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Told:
    """How some drawings that are of no category are told from those that are; shares in 0..1."""

    name: str
    detail: str
    n: int
    auroc: float
    """Probability that a drawing is found more familiar than one of these."""
    interval: Interval
    """Of ``auroc``."""
    by_probability: float
    """The same by the probability of the best guess alone."""
    confidence: float
    """Mean probability of the best guess at these."""
    refused: float | None
    """Share of these of which the network says that it does not know; None without a rule."""


@dataclass(frozen=True)
class Kept:
    """What the rule of the unknown does to drawings of known categories; shares in 0..1."""

    least_probability: float
    """Of the best guess; below it the network says that it does not know."""
    right_kept: float
    """Of the right first guesses, on the drawings of the file."""
    right_interval: Interval
    wrong_refused: float
    """Of the wrong first guesses."""
    validation_kept: float
    """Of the right first guesses, on the validation drawings that the rule was set by."""


@dataclass(frozen=True)
class Unknown:
    """How scribbles and the empty pad fare, which are of no category."""

    kept: Kept | None
    """None where no rule was measured for the network."""
    scribbles: Told
    """All kinds together."""
    kinds: list[Told]
    empty_confidence: float
    """Probability of the best guess at an empty pad."""
    empty_guess: int
    """Label of that guess."""
    empty_refused: bool | None


@dataclass(frozen=True)
class LeftOut:
    """How drawings of categories fare that a network never saw."""

    file: str
    command: str
    """That trained the network without them."""
    categories: list[str]
    known: int
    """So many drawings are of the other categories,"""
    top1: float
    """of which this share is right at the first guess."""
    told: Told

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> LeftOut:
        """As it was kept in a file."""
        told = fields["told"]
        interval = Interval(**told["interval"])
        return cls(**{**fields, "told": Told(**{**told, "interval": interval})})


def familiarity(logits: Tensor, rule: UnknownRule | None) -> Scores:
    """How known drawings are, (N,): by the rule, or by the probability of the best guess."""
    return sureness(logits) if rule is None else rule.familiarity(logits.numpy())


def sureness(logits: Tensor) -> Scores:
    """The probabilities (N,) of the best guesses."""
    sure: Scores = logits.double().softmax(dim=1).amax(dim=1).numpy()
    return sure


def told(
    name: str,
    detail: str,
    known: Tensor,
    unknown: Tensor,
    rule: UnknownRule | None,
    groups: NDArray[np.int64] | None = None,
) -> Told:
    """Compare logits (N, categories) of known drawings with those (M, categories) of others.

    Where the others are drawings of some ``groups`` (M,), such as categories, the interval is over
    groups: other ones might have been drawn.
    """
    ours, theirs = familiarity(known, rule), familiarity(unknown, rule)
    shares = shares_above(ours, theirs)
    if groups is None:
        interval = _delong(shares, 1 - shares_above(theirs, ours))
    else:
        interval = bootstrap(
            np.array([shares[groups == each].mean() for each in np.unique(groups)])
        )
    return Told(
        name=name,
        detail=detail,
        n=len(unknown),
        auroc=float(shares.mean()),
        interval=interval,
        by_probability=auroc(sureness(known), sureness(unknown)),
        confidence=float(sureness(unknown).mean()),
        refused=None if rule is None else float(rule.refuses(unknown.numpy()).mean()),
    )


def kept_by(rule: UnknownRule, logits: Tensor, labels: Tensor) -> Kept:
    """What a rule does to drawings, of their logits (N, categories) and labels int64 (N,)."""
    refused = rule.refuses(logits.numpy())
    right = (logits.argmax(dim=1) == labels).numpy()
    kept = int((right & ~refused).sum())
    return Kept(
        least_probability=rule.least_probability,
        right_kept=kept / max(1, int(right.sum())),
        right_interval=wilson(kept, int(right.sum())) if right.any() else Interval(0.0, 1.0),
        wrong_refused=float(refused[~right].mean()) if (~right).any() else 0.0,
        validation_kept=rule.kept,
    )


def left_out(
    logits: Tensor, labels: Sequence[int], left: Sequence[int], rule: UnknownRule | None
) -> Told:
    """Compare the drawings of categories left out with all others of a file.

    Args:
        logits: (N, categories).
        labels: of the N drawings.
        left: the labels that the network never saw.
        rule: of the network, if it has one.
    """
    truth = np.array(labels)
    never = np.isin(truth, np.array(left))
    chosen = torch.from_numpy(never)
    return told(
        "categories left out",
        "Drawings of categories that the network never saw.",
        logits[~chosen],
        logits[chosen],
        rule,
        groups=truth[never],
    )


def auroc(known: Scores, unknown: Scores) -> float:
    """The probability that a known drawing has a higher score than an unknown one; ties half.

    The area under the receiver operating characteristic, by ranks (Mann and Whitney, 1947).

    Args:
        known: scores (N,) of drawings that should be known.
        unknown: scores (M,) of what should not.

    Raises:
        ValueError: one of them is empty.
    """
    return float(shares_above(known, unknown).mean())


def shares_above(known: Scores, unknown: Scores) -> Scores:
    """For each unknown score (M,) the share of known scores (N,) above it; ties count half.

    Raises:
        ValueError: one of them is empty.
    """
    if not len(known) or not len(unknown):
        raise ValueError("There is nothing to tell apart.")
    ordered = np.sort(known)
    above = len(known) - np.searchsorted(ordered, unknown, side="right")
    equal = len(known) - np.searchsorted(ordered, unknown, side="left") - above
    shares: Scores = (above + equal / 2) / len(known)
    return shares


def _delong(of_unknown: Scores, of_known: Scores) -> Interval:
    """The interval of an AUROC (DeLong, DeLong, Clarke-Pearson, Biometrics 44, 1988).

    Args:
        of_unknown: of each unknown score the share of known ones above it.
        of_known: of each known score the share of unknown ones below it.
    """
    variance = sum(
        float(shares.var(ddof=1)) / len(shares) if len(shares) > 1 else 0.0
        for shares in (of_unknown, of_known)
    )
    middle, reach = float(of_unknown.mean()), NORMAL_QUANTILE * math.sqrt(variance)
    return Interval(max(0.0, middle - reach), min(1.0, middle + reach))
