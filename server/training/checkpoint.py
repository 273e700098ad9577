"""Checkpoints of a training run: written whole or not at all, read without unpickling code."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
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
    scaler: dict[str, Any] = field(default_factory=dict)
    """The scale of gradients, where the run is in float16."""
    data: str = ""
    """The digest of the shards that the run learns from, if it does."""


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint beside its place and move it there, so that a kill leaves a whole one.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    try:
        torch.save(vars(checkpoint), partial)
    except RuntimeError as error:  # what PyTorch's writer makes of a disk that is full
        partial.unlink(missing_ok=True)
        reason = f"{os.strerror(errno.ENOSPC)}?"
        raise OSError(f"The checkpoint {path} cannot be written ({reason})") from error
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
