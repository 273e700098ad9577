"""When a network does not know: the rule that was measured for its weights, kept beside them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class UnknownRule:
    """A drawing is unknown where the best guess is not sure enough, or where it is a scribble.

    The first is the rule of Chow, "On optimum recognition error and reject tradeoff", IEEE
    Transactions on Information Theory 16, 1970. The second is a logistic regression on the logits,
    fitted to tell drawings from scribbles, after Hendrycks, Mazeika, Dietterich, "Deep Anomaly
    Detection with Outlier Exposure", ICLR 2019: a scribble often has a sure guess.
    """

    version: str
    """Of the weights that it was measured for."""
    least_probability: float
    """Of the best guess, in 0..1; below it the drawing is unknown."""
    weights: NDArray[np.float32]
    """(categories,): their products with the logits add up to how little a drawing is scribbled."""
    least_sum: float
    """Below it the drawing is a scribble."""
    kept: float
    """Share, in 0..1, of the right guesses on validation drawings that the rule keeps."""
    drawings: int
    """So many right guesses were there."""

    def is_unknown(self, logits: NDArray[np.float32], probability: float) -> bool:
        """Whether logits (categories,), whose best guess has this probability, are of nothing.

        Infinite logits that cancel each other out are no scribble.
        """
        # Unlike dot, vdot takes infinities without a warning.
        return probability < self.least_probability or bool(
            np.vdot(self.weights, logits) < self.least_sum
        )

    def familiarity(self, logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """How known drawings are, (N,), of their logits (N, categories): one number to rank by.

        The probability of the best guess; of what is a scribble by the rule, that minus 1, so that
        any scribble is less known than any drawing.
        """
        wide = logits.astype(np.float64)
        powers = np.exp(wide - wide.max(axis=1, keepdims=True))
        sure: NDArray[np.float64] = 1 / powers.sum(axis=1)
        sums = wide @ self.weights.astype(np.float64)
        return np.where(sums < self.least_sum, sure - 1, sure)

    def refuses(self, logits: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """Which of N drawings are unknown, (N,), of their logits (N, categories)."""
        found: NDArray[np.bool_] = self.familiarity(logits) < self.least_probability
        return found


def unknown_path(weights: Path) -> Path:
    """The place of the rule for weights, beside them."""
    return weights.with_suffix(".unknown.json")


def write_rule(path: Path, rule: UnknownRule) -> None:
    """Write it as JSON; raises OSError."""
    fields = {**asdict(rule), "weights": [float(f"{each:.7g}") for each in rule.weights]}
    path.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")


def read_rule(path: Path, version: str) -> UnknownRule | None:
    """The rule of a file; None where there is none, or it is for other weights."""
    if not path.is_file():
        return None
    fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if fields["version"] != version:
        return None
    return UnknownRule(**{**fields, "weights": np.array(fields["weights"], np.float32)})
