"""What the shape lab computes with: the first kernels of trained networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from server.errors import NotFound
from server.schemas.kernels import Kernels, KernelSource, KernelSources
from server.services.catalog import Catalog, Model

MOST_VALUES = 65_536
"""Of the weights of one convolution that is sent."""


def list_kernels(catalog: Catalog) -> KernelSources:
    """The first convolution of each network that has one."""
    return KernelSources(
        sources=[
            _source(model, layer, convolution)
            for model in catalog
            for layer, convolution in _first(model)
        ]
    )


def first_kernels(model: Model) -> Kernels:
    """The first convolution of a network with its weights.

    Raises:
        NotFound: the network has no convolution, or one with too many weights.
    """
    for layer, convolution in _first(model):
        bias = convolution.bias
        return Kernels(
            **_source(model, layer, convolution).model_dump(),
            weight=convolution.weight.detach().float().cpu().tolist(),
            bias=None if bias is None else bias.detach().float().cpu().tolist(),
        )
    raise NotFound(f"{model.title} has no convolution over images.", pointer="name")


def _first(model: Model) -> Iterator[tuple[str, nn.Conv2d]]:
    """The first convolution over images in the order of definition, if it is small enough."""
    for path, module in model.module.named_modules():
        if isinstance(module, nn.Conv2d):
            if module.weight.numel() <= MOST_VALUES:
                yield path, module
            return


def _source(model: Model, layer: str, convolution: nn.Conv2d) -> KernelSource:
    parameters: dict[str, Any] = {
        "in_channels": convolution.in_channels,
        "out_channels": convolution.out_channels,
        "kernel_size": list(convolution.kernel_size),
        "stride": list(convolution.stride),
        "padding": convolution.padding
        if isinstance(convolution.padding, str)
        else list(convolution.padding),
        "dilation": list(convolution.dilation),
        "groups": convolution.groups,
        "bias": convolution.bias is not None,
        "padding_mode": convolution.padding_mode,
    }
    return KernelSource(model=model.name, title=model.title, layer=layer, parameters=parameters)
