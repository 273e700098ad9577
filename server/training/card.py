"""What ships with trained weights: the safetensors file and the model card beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_model
from torch import Tensor, nn

from models import ARCHITECTURES
from models.registry import weights_version
from server.doodle.categories import CATEGORIES
from server.training.evaluation import Evaluation
from server.training.learning_data import LearningData, described
from server.training.left_out import left_out_labels
from server.training.loop import Configuration

INPUT_SHAPE = (1, 28, 28)

DATA_ATTRIBUTION = (
    "This data made available by Google, Inc. under the Creative Commons Attribution 4.0 "
    "International license (https://creativecommons.org/licenses/by/4.0/)."
)

LIMITS = [
    "Every guess is one of the 345 categories. Of a scribble, or of a thing that it never learned, "
    "it says that it does not know as often as its report has it; of the others it guesses the "
    "category that they resemble most.",
    "Categories differ in how many drawings they were learned from, and of which kind, strokes or "
    "bitmaps; the table of `doodlescope evaluate` says how each of them fares.",
    "Only drawings that the game recognised were learned from and measured on: about one in twelve "
    "that people make is not.",
    "Times, pressure and the order of strokes are not seen: a drawing is a 28x28 image by the time "
    "it reaches the network.",
]


def write_weights(module: nn.Module, path: Path) -> str:
    """Write a module's state as safetensors; returns the version (digits of its SHA-256)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Parameters that are shared are written once.
    save_model(module, str(path))
    path.chmod(0o644)  # safetensors makes files that only their owner reads
    return weights_version(path)


def write_card(
    path: Path,
    module: nn.Module,
    configuration: Configuration,
    data: LearningData,
    step: int,
    validation: Evaluation,
    corrections: Mapping[str, float | None] | None = None,
    ancestors: Sequence[Mapping[str, str]] = (),
) -> None:
    """Write the card of weights at ``path`` (a ``.safetensors`` file) beside them.

    ``corrections`` are what was put into their last layer after training: the ``temperature`` that
    logits were divided by, the factor of ``rarity``; None where it was not. ``ancestors`` are the
    weights that it began with and learned from: ``weights``, ``version``, ``command``.
    """
    architecture = ARCHITECTURES[configuration.model]
    card = {
        "name": configuration.model,
        "version": weights_version(path),
        "title": architecture.title,
        "description": architecture.description,
        "paper": architecture.paper,
        "scaled": architecture.scaled,
        "input": {"shape": list(INPUT_SHAPE), "range": [0.0, 1.0], "ink": 1.0, "background": 0.0},
        "categories_count": len(CATEGORIES),
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "multiply_accumulates": multiply_accumulates(module),
        "accuracy": {"validation": summary(validation)},
        "data": {
            "name": "Quick, Draw!",
            "attribution": DATA_ATTRIBUTION,
            "licence": "CC BY 4.0",
            **described(data, configuration.seed),
            "left_out": [
                CATEGORIES[label]
                for label in left_out_labels(configuration.leave_out, configuration.seed)
            ],
        },
        "trained": {
            "command": _command(configuration),
            "steps_done": step,
            "torch": torch.__version__.split("+")[0],
            **{
                name: None if value is None else round(value, 4)
                for name, value in (corrections or {}).items()
            },
            **asdict(configuration),
            "ancestors": [dict(ancestor) for ancestor in ancestors],
        },
        "licence": "CC BY 4.0, with the attribution of the data",
        "limits": LIMITS,
    }
    _write_json(card_path(path), card)


def record_test_accuracy(path: Path, file_name: str, evaluation: Evaluation) -> None:
    """Put the figures measured on a test file into the card beside the weights at ``path``."""
    card: dict[str, Any] = json.loads(card_path(path).read_text(encoding="utf-8"))
    card["accuracy"]["test"] = {"file": file_name, **summary(evaluation)}
    _write_json(card_path(path), card)


def card_path(weights: Path) -> Path:
    """The card's place beside its weights."""
    return weights.with_suffix(".json")


def summary(evaluation: Evaluation) -> dict[str, float]:
    """The overall figures of an evaluation, without its table; shares rounded to 4 digits."""
    fields = asdict(evaluation)
    del fields["categories"]
    return {name: round(value, 4) for name, value in fields.items()}


def multiply_accumulates(module: nn.Module) -> int:
    """Multiplications of one forward pass over one drawing, in convolutions and linear layers."""
    total = 0

    def count(layer: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        weight = layer.get_parameter("weight")
        total += output.numel() * weight[0].numel()

    handles = [
        layer.register_forward_hook(count)
        for layer in module.modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    was_training = module.training
    try:
        module.eval()
        with torch.inference_mode():
            module(torch.zeros(1, *INPUT_SHAPE, device=next(module.parameters()).device))
    finally:
        module.train(was_training)
        for handle in handles:
            handle.remove()
    return total


def _command(configuration: Configuration) -> str:
    """The command line that trains so; what the network has by default is left out."""
    command = f"doodlescope train --model {configuration.model} --seed {configuration.seed}"
    usual = Configuration.for_model(configuration.model)
    for name in ("steps", "batch_size", "learning_rate"):
        value = getattr(configuration, name)
        if name == "steps" or value != getattr(usual, name):
            command += f" --{name.replace('_', '-')} {value}"
    if configuration.apart:
        command += f" --apart {configuration.apart}"
    if configuration.leave_out:
        command += f" --leave-out {configuration.leave_out}"
    if configuration.start:
        command += f" --start {configuration.start}"
    for teacher in configuration.teachers:
        command += f" --teacher {teacher}"
    if configuration.teachers and configuration.taught != usual.taught:
        command += f" --taught {configuration.taught}"
    return command


def _write_json(path: Path, card: dict[str, Any]) -> None:
    path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
