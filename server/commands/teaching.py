"""What a training run begins with and learns from, beside the data: weights by name or file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from models import load_model, model_names
from server.commands.failure import CommandFailed, failing_on
from server.commands.model import open_model
from server.training.card import card_path
from server.training.distillation import Teachers
from server.training.loop import Configuration


@dataclass(frozen=True)
class Trained:
    """A network that was trained, and its card."""

    module: nn.Module
    card: dict[str, Any]

    @property
    def batches(self) -> int:
        """The number of the first batch that neither it nor what it began with learned from."""
        trained = self.card["trained"]
        return int(trained["steps_done"]) + int(trained.get("first_batch", 0))


def open_trained(source: str) -> Trained:
    """Open a shipped network by its name, or weights by their file, whose card is beside them.

    Raises:
        CommandFailed: there is no such network or file, or no card that says what it is.
    """
    if source in model_names():
        shipped = load_model(source)
        return Trained(shipped.module, shipped.card)
    path = Path(source)
    if path.suffix != ".safetensors":
        raise CommandFailed(
            f"{source!r} is neither a .safetensors file nor one of {', '.join(model_names())}."
        )
    with failing_on(OSError):
        text = card_path(path).read_text(encoding="utf-8")
    try:
        card = json.loads(text)
        name = card["name"]
        trained = Trained(open_model(name, path, "cpu").module, card)
        # So that a card without them is refused here.
        _ = trained.batches, card["version"], card["trained"]["command"]
    except (ValueError, KeyError, TypeError) as error:
        raise CommandFailed(f"{card_path(path)} is no card of {source}.") from error
    return trained


def split_teacher(source: str) -> tuple[str, float]:
    """``NAME=FACTOR`` or ``FILE=FACTOR`` in its parts; without a factor it is 1.

    Raises:
        CommandFailed: the factor is no number above 0.
    """
    name, equals, factor = source.rpartition("=")
    if not equals:
        return source, 1.0
    try:
        value = float(factor)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise CommandFailed(f"--teacher {source}: the factor is a number above 0, not {factor!r}.")
    return name, value


def open_start(configuration: Configuration) -> nn.Module | None:
    """The network that a run begins with; None where it begins with random weights.

    Raises:
        CommandFailed: it cannot be opened, or it is another network than the one to train.
    """
    if not configuration.start:
        return None
    start = open_trained(configuration.start)
    if start.card["name"] != configuration.model:
        raise CommandFailed(f"{configuration.start} holds no weights of {configuration.model}.")
    return start.module


def ancestors(configuration: Configuration) -> list[dict[str, str]]:
    """The weights that a run begins with and learns from, and what their cards say made them.

    Raises:
        CommandFailed: one of them cannot be opened.
    """
    names = [configuration.start] if configuration.start else []
    names += [split_teacher(source)[0] for source in configuration.teachers]
    found = []
    for name in dict.fromkeys(names):
        card = open_trained(name).card
        found.append(
            {"weights": name, "version": card["version"], "command": card["trained"]["command"]}
        )
    return found


def open_teachers(configuration: Configuration, device: torch.device) -> Teachers | None:
    """The networks that a run learns from; None where it learns from the labels alone.

    Raises:
        CommandFailed: one of them cannot be opened.
    """
    if not configuration.teachers:
        return None
    parts = [split_teacher(source) for source in configuration.teachers]
    return Teachers([(open_trained(name).module, factor) for name, factor in parts], device)
