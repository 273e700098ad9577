"""Everything that is said of a classifier: accuracy, calibration, early guesses, other hands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.unknown import UnknownRule
from server.doodle.quickdraw import Record
from server.doodle.raster import SIDE, render
from server.doodle.strokes import Drawing
from server.evaluation.calibration import Calibration, calibration_of
from server.evaluation.intervals import Interval, bootstrap, wilson
from server.evaluation.mistakes import Confusion, Mistake, confusions_of, worst_of
from server.evaluation.robustness import VARIATIONS
from server.evaluation.scribbles import KINDS, scribbles
from server.evaluation.thickness import WIDTHS, as_picture
from server.evaluation.unfinished import SHARES, first_ink, first_strokes
from server.evaluation.unknown import LeftOut, Unknown, kept_by, sureness, told
from server.training.evaluation import Evaluation, evaluate_logits, logits_of

PICTURES = 345
"""So many drawings are looked at as pictures, evenly picked: reading one takes milliseconds."""

Advance = Callable[[int, int], None]
"""Is told how many runs over the drawings are done, and of how many."""


@dataclass(frozen=True)
class Accuracy:
    """Shares in 0..1 of some drawings."""

    name: str
    detail: str
    n: int
    top1: float
    top3: float
    interval: Interval
    """Of ``top1``."""
    refused: float | None
    """Share of all of them that the network says it does not know; None without a rule."""


@dataclass(frozen=True)
class Early:
    """Shares in 0..1 of right first guesses when so much of each drawing is there."""

    share: float
    by_strokes: float
    by_ink: float
    """Of the way of the pen, instead of the number of strokes."""
    refused: float | None
    """Share of the beginnings, by strokes, that are not known yet; None without a rule."""


@dataclass(frozen=True)
class Report:
    """What was measured on one file of drawings."""

    model: str
    version: str
    file: str
    overall: Evaluation
    top1_interval: Interval
    map3_interval: Interval
    calibration: Calibration
    early: list[Early]
    variations: list[Accuracy]
    unknown: Unknown
    left_out: LeftOut | None
    """Of a network that lacks categories: this one, or one that was made to measure this by."""
    confusions: list[Confusion]
    worst: list[Mistake]

    def without_drawings(self) -> dict[str, Any]:
        """As JSON, without the drawings, which are the data set's."""
        confusions = [replace(each, typical=[]) for each in self.confusions]
        worst = [replace(each, drawing=None) for each in self.worst]
        found: dict[str, Any] = rounded(asdict(replace(self, confusions=confusions, worst=worst)))
        return found


def report_on(
    module: nn.Module,
    records: Sequence[Record],
    *,
    model: str,
    version: str,
    file: str,
    rule: UnknownRule | None = None,
    left_out: LeftOut | None = None,
    advance: Advance = lambda done, total: None,
    seed: int = 0,
) -> Report:
    """Measure everything; some thirty runs over the drawings.

    Args:
        module: drawings (N, 1, 28, 28) in 0..1 to logits (N, 345).
        records: the drawings, none of which was learned from.
        model: name of it.
        version: of its weights.
        file: name of the file of drawings.
        rule: by which it says that it does not know, if it has one.
        left_out: what was measured of categories that were left out.
        advance: is told how far it is.
        seed: of scribbles and trembling hands.

    Raises:
        ValueError: there are no drawings.
    """
    if not records:
        raise ValueError("There are no drawings to evaluate on.")
    drawings = [record.drawing for record in records]
    labels = torch.tensor([record.label for record in records])
    total = 2 * len(SHARES) - 2 + len(VARIATIONS) + len(WIDTHS) + len(KINDS) + 1
    runs = _Runs(module, rule, advance, total)
    logits = runs.of_drawings(drawings)
    overall = evaluate_logits(logits, labels.tolist())
    return Report(
        model=model,
        version=version,
        file=file,
        overall=overall,
        top1_interval=wilson(round(overall.top1 * overall.n), overall.n),
        map3_interval=bootstrap(_precisions(logits, labels)),
        calibration=calibration_of(logits, labels),
        early=[_early(runs, drawings, labels, share, logits) for share in SHARES],
        variations=[
            _accuracy("as drawn", VARIATIONS[0].detail, logits, labels, rule),
            *_by_other_hands(runs, drawings, labels, seed),
            *_by_other_pens(runs, drawings, labels),
        ],
        unknown=_unknown(runs, logits, labels, seed),
        left_out=left_out,
        confusions=confusions_of(logits, labels, records),
        worst=worst_of(logits, labels, records),
    )


def write_report(path: Path, report: Report) -> None:
    """Write it as JSON, without the drawings; raises OSError."""
    text = json.dumps(report.without_drawings(), indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def rounded(value: Any) -> Any:
    """A nested value with every number rounded to five digits after the point."""
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return round(value, 5) if isinstance(value, float) else value


class _Runs:
    """Runs over many drawings, counted."""

    def __init__(
        self, module: nn.Module, rule: UnknownRule | None, advance: Advance, total: int
    ) -> None:
        self.rule = rule
        self._module = module
        self._advance = advance
        self._total = total
        self._done = 0

    def of_drawings(self, drawings: Iterable[Drawing]) -> Tensor:
        """Logits (N, categories) of drawings, as the server renders them."""
        return self.of_images([render(drawing) for drawing in drawings])

    def of_images(self, images: Sequence[np.typing.NDArray[np.uint8]]) -> Tensor:
        """Logits (N, categories) of images uint8 (28, 28), ink 255 on 0."""
        values = torch.from_numpy(np.stack(images)).float().div_(255).view(-1, 1, SIDE, SIDE)
        logits = logits_of(self._module, values)
        self._done += 1
        self._advance(self._done, self._total)
        return logits


def _early(
    runs: _Runs, drawings: Sequence[Drawing], labels: Tensor, share: float, whole: Tensor
) -> Early:
    if share == 1:
        return Early(share, _top1(whole, labels), _top1(whole, labels), _refused(whole, runs.rule))
    strokes = runs.of_drawings([first_strokes(drawing, share) for drawing in drawings])
    ink = runs.of_drawings([first_ink(drawing, share) for drawing in drawings])
    refused = _refused(strokes, runs.rule)
    return Early(share, _top1(strokes, labels), _top1(ink, labels), refused)


def _by_other_hands(
    runs: _Runs, drawings: Sequence[Drawing], labels: Tensor, seed: int
) -> list[Accuracy]:
    found = []
    for number, variation in enumerate(VARIATIONS[1:]):
        random = np.random.default_rng([seed, number])
        changed = [variation.change(drawing, random) for drawing in drawings]
        logits = runs.of_drawings(changed)
        found.append(_accuracy(variation.name, variation.detail, logits, labels, runs.rule))
    return found


def _by_other_pens(runs: _Runs, drawings: Sequence[Drawing], labels: Tensor) -> list[Accuracy]:
    picked = np.unique(np.linspace(0, len(drawings) - 1, min(PICTURES, len(drawings))).astype(int))
    truth = labels[torch.from_numpy(picked)]
    found = []
    for width in WIDTHS:
        logits = runs.of_images([as_picture(drawings[index], width) for index in picked])
        name = f"picture, pen of {width} pixels"
        detail = f"{len(picked)} of the drawings, as an uploaded picture of 320 by 320 pixels."
        found.append(_accuracy(name, detail, logits, truth, runs.rule))
    return found


def _unknown(runs: _Runs, logits: Tensor, labels: Tensor, seed: int) -> Unknown:
    rule = runs.rule
    made = [runs.of_images([render(each) for each in scribbles(kind, seed=seed)]) for kind in KINDS]
    empty = runs.of_images([np.zeros((SIDE, SIDE), np.uint8)])
    return Unknown(
        kept=None if rule is None else kept_by(rule, logits, labels),
        scribbles=told("all scribbles", "", logits, torch.cat(made), rule),
        kinds=[
            told(kind.name, kind.detail, logits, theirs, rule)
            for kind, theirs in zip(KINDS, made, strict=True)
        ],
        empty_confidence=float(sureness(empty)[0]),
        empty_guess=int(empty.argmax()),
        empty_refused=None if rule is None else bool(rule.refuses(empty.numpy())[0]),
    )


def _accuracy(
    name: str, detail: str, logits: Tensor, labels: Tensor, rule: UnknownRule | None
) -> Accuracy:
    evaluation = evaluate_logits(logits, labels.tolist())
    right = round(evaluation.top1 * evaluation.n)
    interval = wilson(right, evaluation.n)
    refused = _refused(logits, rule)
    return Accuracy(name, detail, evaluation.n, evaluation.top1, evaluation.top3, interval, refused)


def _refused(logits: Tensor, rule: UnknownRule | None) -> float | None:
    return None if rule is None else float(rule.refuses(logits.numpy()).mean())


def _top1(logits: Tensor, labels: Tensor) -> float:
    return float((logits.argmax(dim=1) == labels).double().mean())


def _precisions(logits: Tensor, labels: Tensor) -> np.typing.NDArray[np.float64]:
    """Of each drawing 1, 1/2 or 1/3 where the right guess is first, second or third, else 0."""
    hits = (logits.topk(3, dim=1).indices == labels[:, None]).double().numpy()
    precisions: np.typing.NDArray[np.float64] = (hits / [1, 2, 3]).sum(axis=1)
    return precisions
