"""What a network learns from: drawings in memory, or shards on the disk."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from server.training.dataset import TrainingData
from server.training.evaluation import images_of
from server.training.left_out import without
from server.training.ranks import ALONE, Ranks
from server.training.sampling import Batch, Sampler
from server.training.shard_sampling import ShardData, ShardSampler

LearningData = TrainingData | ShardData


class BatchSource(Protocol):
    """Gives batches by their numbers; the same number, the same batch."""

    category_probabilities: NDArray[np.float64]

    def batch(self, number: int) -> Batch:
        """Make batch ``number``, or this process's share of it."""


def batches_of(
    data: LearningData, batch_size: int, seed: int, device: torch.device, ranks: Ranks = ALONE
) -> BatchSource:
    """What gives the batches of a run.

    Raises:
        InvalidShards: see ``ShardSampler``.
    """
    if isinstance(data, TrainingData):
        return Sampler(data, batch_size, seed)
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    # On a GPU the processors have nothing else to do.
    threads = max(1, (os.cpu_count() or 1) // here) if device.type == "cuda" else 1
    return ShardSampler(data, batch_size, seed, ranks.rank, ranks.count, threads)


def held_out_of(data: LearningData) -> tuple[Tensor, Tensor]:
    """The drawings held out: images float32 (N, 1, 28, 28) in 0..1, labels int64 (N,).

    Raises:
        InvalidShards, OSError: they cannot be read.
    """
    if isinstance(data, ShardData):
        return data.held_out()
    labels = torch.tensor([record.label for record in data.held_out], dtype=torch.int64)
    return images_of(data.held_out), labels


def without_categories(data: LearningData, labels: Collection[int]) -> LearningData:
    """The same data without the drawings of some categories, held out or not."""
    if isinstance(data, ShardData):
        return ShardData(data.folder, data.index, frozenset(labels))
    return without(data, labels)


def digest_of(data: LearningData) -> str:
    """What is the same only for the same shards; nothing for drawings in memory."""
    return data.index.digest() if isinstance(data, ShardData) else ""


def described(data: LearningData, seed: int) -> dict[str, Any]:
    """How many drawings of which kind there are, and how they are split, for the model card."""
    if isinstance(data, ShardData):
        counts = [int(data.index.trained(bitmaps).sum()) for bitmaps in (False, True)]
        split = (
            f"{data.index.validation.drawings} drawings, drawn by seed {data.index.seed} from "
            "every category by their content, are held out for validation."
        )
        shards = f"{len(data.index.shards)} shards, {data.index.digest()}"
        return {
            "stroke_drawings": counts[0],
            "bitmaps": counts[1],
            "split": split,
            "shards": shards,
        }
    return {
        "stroke_drawings": len(data.strokes.labels),
        "bitmaps": sum(len(bitmaps.labels) for bitmaps in data.bitmaps),
        "split": (
            f"{len(data.held_out)} stroke drawings, drawn by seed {seed}, are "
            f"held out for validation; {data.copied} more are not used, since bitmaps of them "
            "are learned from; test drawings are in neither part."
        ),
    }
