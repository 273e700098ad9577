"""The operators that PyTorch's own layers call, without the way there.

What ``nn.Conv2d.forward`` does before and after ``torch.conv2d`` takes as long as watching it does,
and small layers do not take much longer. These call the same operator with the same arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Forward = Callable[[Tensor], Tensor]


def direct_forward(module: nn.Module) -> Forward | None:
    """What a layer's ``forward`` comes to for one tensor; None for a layer that is not known.

    Parameters, buffers and settings are looked up at each call, as ``forward`` does. It raises
    LookupError, before anything is done, where the layer is not what it is on its own: in training
    mode, say, or with a weight that something else computes. A layer whose class was given another
    ``forward`` is not known.
    """
    kind = type(module)
    make = _MAKERS.get(kind)
    return None if make is None or kind.forward is not _FORWARDS[kind] else make(vars(module))


def _convolution(own: dict[str, Any]) -> Forward:
    conv2d, parameters = torch.conv2d, own["_parameters"]

    def forward(x: Tensor) -> Tensor:
        # People replace the method to pad otherwise, of one layer or of all.
        is_own = nn.Conv2d._conv_forward is _CONV_FORWARD and "_conv_forward" not in own
        if own["padding_mode"] != "zeros" or not is_own:
            raise LookupError
        return conv2d(
            x,
            parameters["weight"],
            parameters["bias"],
            own["stride"],
            own["padding"],
            own["dilation"],
            own["groups"],
        )

    return forward


def _normalisation(own: dict[str, Any]) -> Forward:
    batch_norm, parameters, buffers = torch.batch_norm, own["_parameters"], own["_buffers"]

    def forward(x: Tensor) -> Tensor:
        mean = buffers["running_mean"]
        # Without a mean of its own, a batch is normalised by its own.
        if own["training"] or mean is None or x.dim() != 4:
            raise LookupError
        return batch_norm(
            x,
            parameters["weight"],
            parameters["bias"],
            mean,
            buffers["running_var"],
            False,
            0.0,  # of the old mean in the new: nothing is learned
            own["eps"],
            torch.backends.cudnn.enabled,
        )

    return forward


def _linear(own: dict[str, Any]) -> Forward:
    linear, parameters = nn.functional.linear, own["_parameters"]

    def forward(x: Tensor) -> Tensor:
        return linear(x, parameters["weight"], parameters["bias"])

    return forward


def _max_pooling(own: dict[str, Any]) -> Forward:
    max_pool2d = torch.max_pool2d

    def forward(x: Tensor) -> Tensor:
        stride = own["stride"]
        if own["return_indices"] or stride is None:
            raise LookupError
        return max_pool2d(
            x, own["kernel_size"], stride, own["padding"], own["dilation"], own["ceil_mode"]
        )

    return forward


def _average_pooling(own: dict[str, Any]) -> Forward:
    avg_pool2d = nn.functional.avg_pool2d

    def forward(x: Tensor) -> Tensor:
        return avg_pool2d(
            x,
            own["kernel_size"],
            own["stride"],
            own["padding"],
            own["ceil_mode"],
            own["count_include_pad"],
            own["divisor_override"],
        )

    return forward


def _rectifier(own: dict[str, Any]) -> Forward:
    relu, relu_ = torch.relu, torch.relu_

    def forward(x: Tensor) -> Tensor:
        return relu_(x) if own["inplace"] else relu(x)

    return forward


def _flattening(own: dict[str, Any]) -> Forward:
    def forward(x: Tensor) -> Tensor:
        return x.flatten(own["start_dim"], own["end_dim"])

    return forward


def _alone(function: Forward) -> Callable[[dict[str, Any]], Forward]:
    """Of a layer without settings."""
    return lambda _: function


_MAKERS: dict[type[nn.Module], Callable[[dict[str, Any]], Forward]] = {
    nn.Conv2d: _convolution,
    nn.BatchNorm2d: _normalisation,
    nn.Linear: _linear,
    nn.MaxPool2d: _max_pooling,
    nn.AvgPool2d: _average_pooling,
    nn.Flatten: _flattening,
    nn.ReLU: _rectifier,
    nn.Tanh: _alone(torch.tanh),
    nn.Sigmoid: _alone(torch.sigmoid),
}

_FORWARDS = {kind: kind.forward for kind in _MAKERS}
_CONV_FORWARD = nn.Conv2d._conv_forward
