"""Which device the networks run on."""

from __future__ import annotations

from typing import Literal

import torch

Device = Literal["auto", "cpu", "cuda"]


class DeviceMissing(RuntimeError):
    """A device was asked for that this machine, or this build of PyTorch, does not have."""


def resolve_device(device: Device) -> torch.device:
    """The device to run on: ``auto`` is the first CUDA device where there is one, else the CPU.

    Raises:
        DeviceMissing: ``cuda`` was asked for and cannot be had.
        ValueError: any other name.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise ValueError(f"The device is auto, cpu or cuda, not {device!r}.")
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        reason = (
            f"this build of PyTorch ({torch.__version__}) has no CUDA"
            if torch.version.cuda is None
            else "PyTorch finds no usable GPU"
        )
        raise DeviceMissing(f"DEVICE is cuda, but {reason}. Use DEVICE=auto or DEVICE=cpu.")
    return torch.device("cuda", 0) if device != "cpu" and available else torch.device("cpu")
