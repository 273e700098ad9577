"""Measuring when a network does not know, at the end of a run or of weights that are there."""

from __future__ import annotations

from pathlib import Path

import torch
from rich.console import Console
from torch import nn

from models.unknown import unknown_path, write_rule
from server.training.learning_data import LearningData, batches_of, held_out_of
from server.training.unknown import BATCH, fit_rule


def measure_unknown(
    module: nn.Module, weights: Path, version: str, data: LearningData, seed: int
) -> None:
    """Write the rule by which a network says that it does not know beside its weights."""
    path, console = unknown_path(weights), Console(soft_wrap=True, highlight=False)
    batches = batches_of(data, BATCH, seed, torch.device("cpu"))
    try:
        rule = fit_rule(module, version, held_out_of(data), batches, seed)
    except ValueError as error:
        path.unlink(missing_ok=True)
        console.print(f"It never says that it does not know: {error}")
        return
    write_rule(path, rule)
    console.print(
        f"Wrote {path}: {rule.kept:.1%} of {rule.drawings} right guesses on validation are kept."
    )
