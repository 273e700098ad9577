"""How many images a batch has on a GPU, where nobody says."""

from __future__ import annotations

import time

import numpy as np
import torch

from models import load_model
from server.engine.forms.batch_limit import paying_batch
from server.engine.forms.cuda import Cuda
from server.services.preparation import DOODLES

MOST_IMAGES = 1_024
"""More make an answer wait for others, and hardly pay."""


def paying_images(name: str, device: torch.device, least: int, most: int = MOST_IMAGES) -> int:
    """The images of the largest batch that pays for a shipped model on a device, by measurement."""
    module = load_model(name).module.eval().requires_grad_(False)
    module = module.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    form = Cuda(module, device, torch.float32)
    return paying_batch(
        lambda images: form(np.zeros((images, *DOODLES.shape), np.float32)),
        least,
        max(least, most),
        time.perf_counter,
    )
