"""What an exported model was made of, as a name."""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn

from server.engine.forms import export

_MADE_WITH = ("torch", "onnx", "onnxscript")


def identity_of(module: nn.Module, shape: tuple[int, ...]) -> str:
    """64 hexadecimal digits: SHA-256 of weights, architecture, input, and what writes it.

    Architecture is the modules' text and the files of their classes. It reads all weights.

    Args:
        module: on any device.
        shape: channels, height and width of one input.
    """
    digest = hashlib.sha256(repr((shape, str(module))).encode())
    for name in _MADE_WITH:
        digest.update(f"{name} {importlib.metadata.version(name)} ".encode())
    kinds = {type(each) for each in module.modules()}
    files = {export.__file__}
    for kind in kinds:
        if not kind.__module__.startswith("torch."):
            with suppress(TypeError, OSError):  # classes without a file
                files.add(inspect.getfile(kind))
    for file in sorted(files):
        with suppress(OSError):
            digest.update(Path(file).read_bytes())
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)} ".encode())
        values = tensor.detach().cpu().contiguous().flatten()
        if values.numel():
            held: Any = values.view(torch.uint8).numpy()
            digest.update(held)
    return digest.hexdigest()
