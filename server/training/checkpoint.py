"""Checkpoints of a training run: written whole or not at all, read without unpickling code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch


class InvalidCheckpoint(ValueError):
    """A file that is no checkpoint of ours, or a damaged one."""


@dataclass(frozen=True)
class Checkpoint:
    """Everything that a run needs to go on as if it had never stopped."""

    step: int
    configuration: dict[str, Any]
    model: dict[str, Any]
    average: dict[str, Any]
    optimizer: dict[str, Any]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint beside its place and move it there, so that a kill leaves a whole one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(vars(checkpoint), partial)
    partial.replace(path)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; tensors and plain values only (``weights_only``), never a pickle's code.

    Raises:
        OSError: there is none, or it cannot be read.
        InvalidCheckpoint: the file holds anything else.
    """
    try:
        return Checkpoint(**torch.load(path, map_location="cpu", weights_only=True))
    except OSError:
        raise
    except Exception as error:  # PyTorch's reader raises many kinds for what it cannot read
        raise InvalidCheckpoint(f"{path} is no checkpoint; --restart begins anew.") from error
