"""The models of this repository by name: architectures, and those that have weights and a card."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_model as load_weights
from torch import nn

from models.architectures import ARCHITECTURES
from models.unknown import UnknownRule, read_rule, unknown_path

WEIGHTS = Path(__file__).with_name("weights")


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to run: in eval mode, on the CPU, float32."""

    name: str
    module: nn.Module
    card: dict[str, Any]
    version: str
    """The first twelve hexadecimal digits of the weight file's SHA-256."""
    unknown: UnknownRule | None = None
    """When it does not know; None where that was not measured for these weights."""


def model_names() -> tuple[str, ...]:
    """Names of the models that can be loaded: those with weights and a card."""
    return tuple(
        name
        for name in ARCHITECTURES
        if all((WEIGHTS / f"{name}{end}").is_file() for end in (".safetensors", ".json"))
    )


def load_model(name: str) -> LoadedModel:
    """Build a shipped model, load its weights (safetensors, never a pickle) and its card.

    Raises:
        KeyError: no model of that name is shipped.
    """
    if name not in model_names():
        raise KeyError(name)
    path = WEIGHTS / f"{name}.safetensors"
    module = ARCHITECTURES[name]()
    # Unlike load_state_dict, it knows that parameters which are shared are saved once.
    load_weights(module, path)
    module.eval()
    card: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    version = weights_version(path)
    return LoadedModel(name, module, card, version, read_rule(unknown_path(path), version))


def report_path(weights: Path) -> Path:
    """The place of what was measured of weights, beside them."""
    return weights.with_suffix(".report.json")


def load_report(name: str) -> dict[str, Any] | None:
    """What was measured of a shipped model; None where that is of other weights, or nothing."""
    weights = WEIGHTS / f"{name}.safetensors"
    if name not in model_names() or not report_path(weights).is_file():
        return None
    report: dict[str, Any] = json.loads(report_path(weights).read_text(encoding="utf-8"))
    return report if report["version"] == weights_version(weights) else None


def left_out_path(weights: Path) -> Path:
    """The place of what was measured of a network that lacks categories."""
    return weights.with_suffix(".left-out.json")


def load_left_out(name: str) -> dict[str, Any] | None:
    """What was measured of a network like a shipped one that lacks categories; None: nothing.

    That network has other weights, so that it counts for whichever weights are shipped.
    """
    path = left_out_path(WEIGHTS / f"{name}.safetensors")
    if name not in model_names() or not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def weights_version(path: Path) -> str:
    """The first twelve hexadecimal digits of a file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
