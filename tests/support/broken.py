"""Networks that do not fit their inputs, and repairs applied to them by PyTorch alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Calling(nn.Module):
    """Modules with a forward given as a function of the module and the inputs."""

    def __init__(self, function: Callable[..., Any], **modules: Any) -> None:
        super().__init__()
        self.function = function
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(self, *inputs)


class Block(nn.Module):
    """A residual block whose shortcut is the identity."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, padding: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = F.relu(self.conv2(F.relu(self.conv1(x))) + x)
        return result


class Attention(nn.Module):
    """Self-attention as vision transformers write it."""

    def __init__(self, features: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(features, 3 * features)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, features = x.shape
        qkv = self.qkv(x).reshape(batch, length, 3, self.heads, features // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        mixed = (query @ key.transpose(-2, -1)).softmax(-1) @ value
        result: Tensor = mixed.transpose(1, 2).reshape(batch, length, features)
        return result


def lenet(features: int = 400) -> nn.Sequential:
    """LeNet-5 for inputs (N, 1, 32, 32), where ``features`` is 400."""
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(features, 120), nn.ReLU(), nn.Linear(120, 10)),
    )


def pooled(*layers: nn.Module, features: int) -> nn.Sequential:
    """Layers with a head for images of any size."""
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(features, 2))
    return nn.Sequential(*layers, *head)


def arguments_of(module: nn.Module) -> dict[str, Any]:
    """The arguments of a layer's constructor, from its attributes of the same names."""
    if isinstance(module, nn.RNNBase):
        return {name: getattr(module, name) for name in ("input_size", "hidden_size")}
    names = inspect.signature(type(module)).parameters.keys() - {"device", "dtype"}
    values = {name: getattr(module, name) for name in names if hasattr(module, name)}
    if "bias" in values:
        values["bias"] = values["bias"] is not None
    return {
        name: value for name, value in values.items() if name not in ("kdim", "vdim", "_weight")
    }


def repaired(model: nn.Module, x: Tensor, repair: Any) -> tuple[nn.Module, Tensor]:
    """The model and its input after a repair; inserted and changed calls are not for this.

    The model is changed: a module is replaced by a new one of its constructor.
    """
    if repair.kind == "input":
        if repair.parameter == "dtype":
            return model, x.to(repair.value)
        return model, torch.rand(repair.value)
    if repair.kind == "attribute":
        setattr(model.get_submodule(repair.module_path), repair.parameter, repair.value)
        return model, x
    if repair.kind == "parameter":
        owner = model.get_submodule(repair.module_path)
        setattr(owner, repair.parameter, nn.Parameter(torch.zeros(repair.value)))
        return model, x
    assert repair.kind == "module"
    module = model.get_submodule(repair.module_path)
    values, make = arguments_of(module), type(module)
    if repair.parameter == "class":
        make = getattr(nn, repair.value)
    else:
        names = repair.parameter.split(", ")
        several = repair.value if len(names) > 1 else (repair.value,)
        values |= dict(zip(names, several, strict=True))
    new = make(**values).eval()
    if not repair.module_path:
        return new, x
    owner, _, name = repair.module_path.rpartition(".")
    setattr(model.get_submodule(owner), name, new)
    return model, x
