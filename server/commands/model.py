"""The model that a command works with: a shipped one, maybe with other weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_model as load_weights

from models import ARCHITECTURES, LoadedModel, load_model, model_names
from models.registry import weights_version
from models.unknown import read_rule, unknown_path
from server.commands.failure import CommandFailed, failing_on
from server.engine.devices import Device, DeviceMissing, resolve_device


def open_model(name: str, weights: Path | None, device: str) -> LoadedModel:
    """Load a model by name onto a device, with the weights of a file where one is given.

    Raises:
        CommandFailed: no such model or device; weights that cannot be read or do not fit.
    """
    if name not in ARCHITECTURES:
        raise CommandFailed(f"There is no model {name!r}; there is {', '.join(model_names())}.")
    if weights is None:
        if name not in model_names():
            raise CommandFailed(f"No weights are shipped for {name!r}; name some by --weights.")
        model = load_model(name)
    else:
        module = ARCHITECTURES[name]()
        with failing_on(OSError):
            version = weights_version(weights)
        try:
            load_weights(module, weights)
        except (SafetensorError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise CommandFailed(f"{weights} holds no weights of {name}: {reason}") from error
        rule = read_rule(unknown_path(weights), version)
        model = LoadedModel(name, module.eval(), {}, version, rule)
    return replace(model, module=model.module.to(open_device(device)))


def open_device(device: str) -> torch.device:
    """Resolve ``auto``, ``cpu`` or ``cuda``.

    Raises:
        CommandFailed: another word, or a device that is not there.
    """
    choices: dict[str, Device] = {"auto": "auto", "cpu": "cpu", "cuda": "cuda"}
    if device not in choices:
        raise CommandFailed(f"--device is auto, cpu or cuda, not {device!r}.")
    with failing_on(DeviceMissing):
        return resolve_device(choices[device])
