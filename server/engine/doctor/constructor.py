"""Building a layer of PyTorch again with one argument of its constructor changed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from server.engine.doctor.replay import UnsuitableChange

RECURRENT = (
    *("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout"),
    *("bidirectional", "proj_size", "nonlinearity"),
)
"""Arguments of recurrent layers, whose constructors do not name them."""


def torch_class(module: nn.Module) -> type[nn.Module] | None:
    """The layer of PyTorch that a module is, or is derived from."""
    for found in type(module).__mro__:
        own = found.__module__.startswith("torch.nn.modules.") and found.__name__[0] != "_"
        if own and issubclass(found, nn.Module) and found is not nn.Module:
            return found
    return None


def is_layer(module: nn.Module) -> bool:
    """Whether it is a layer of PyTorch by itself, and no container of others."""
    if isinstance(module, torch.jit.ScriptModule):
        return False
    inside = module._modules.keys() - {"parametrizations"}
    return (isinstance(module, nn.MultiheadAttention) or not inside) and torch_class(
        module
    ) is not None


def constructor_arguments(module: nn.Module) -> dict[str, Any]:
    """The arguments with which its constructor makes such a layer, read from its attributes.

    Raises:
        UnsuitableChange: it is no layer of PyTorch, or has not all of them.
    """
    base = torch_class(module)
    if base is None:
        raise UnsuitableChange(f"{type(module).__name__} is no layer of PyTorch.")
    if issubclass(base, nn.RNNBase):
        names: dict[str, Any] = dict.fromkeys(RECURRENT)
        return {
            name: getattr(module, name)
            for name in names
            if hasattr(module, name) and (name != "nonlinearity" or base is nn.RNN)
            if name != "proj_size" or base is nn.LSTM
        }
    found: dict[str, Any] = {}
    for parameter in inspect.signature(base).parameters.values():
        name = parameter.name
        if name in ("device", "dtype") or name.startswith("_"):
            continue
        if name == "bias":
            found[name] = _has_bias(module)
        elif name in ("kdim", "vdim") and getattr(module, name) == module.embed_dim:
            continue  # they follow it
        elif name == "add_bias_kv":
            found[name] = getattr(module, "bias_k", None) is not None
        elif hasattr(module, name):
            found[name] = getattr(module, name)
        elif parameter.default is parameter.empty:
            raise UnsuitableChange(f"{base.__name__} does not keep its {name}.")
    return found


def change_module(
    module: nn.Module, values: Mapping[str, Any], device: torch.device, kind: str | None = None
) -> Callable[[], None] | None:
    """Make a module what its constructor would have made of other arguments, in place.

    Only its attributes are changed, with parameters and buffers of their own; what the function
    that is returned undoes is the rest.

    Args:
        module: a layer of PyTorch, or of a class derived from one.
        values: arguments by name.
        device: of the new parameters.
        kind: another class of ``torch.nn``, for the same arguments.

    Raises:
        UnsuitableChange: the constructor refuses, or this is no layer of PyTorch.
    """
    base: type[nn.Module] | None = torch_class(module) if kind is None else getattr(nn, kind)
    if base is None:
        raise UnsuitableChange(f"{type(module).__name__} is no layer of PyTorch.")
    arguments = {**constructor_arguments(module), **values}
    accepted = inspect.signature(base).parameters
    if "device" in accepted or issubclass(base, nn.RNNBase):
        arguments["device"] = device
    if kind is not None:
        arguments = {name: value for name, value in arguments.items() if name in accepted}
    try:
        fresh = base(**arguments)
    except (TypeError, ValueError, RuntimeError, AssertionError) as cause:
        raise UnsuitableChange(str(cause)) from cause
    dtypes = [item.dtype for item in module.parameters() if item.is_floating_point()]
    if dtypes:
        fresh.to(dtypes[0])
    before = type(module)
    wanted: type[nn.Module] = base if kind is not None else before
    if wanted is before and "parametrizations" in module._modules:
        # Its class was derived for it, with properties in the place of parameters.
        wanted = before.__mro__[1]
        del module._modules["parametrizations"]
    for name, value in vars(fresh).items():
        if name in ("_parameters", "_buffers"):
            vars(module)[name].update(value)
        elif name == "_modules":
            module._modules.update(value)
        elif not name.startswith("_") or name in _OWN:
            vars(module)[name] = value
    if wanted is before:
        return None
    module.__class__ = wanted
    return lambda: setattr(module, "__class__", before)


_OWN = frozenset(
    {"_reversed_padding_repeated_twice", "_flat_weights", "_flat_weights_names", "_all_weights"}
    | {"_qkv_same_embed_dim"}
)
"""Attributes of layers that follow from the arguments."""


def _has_bias(module: nn.Module) -> bool:
    bias = getattr(module, "in_proj_bias" if hasattr(module, "in_proj_bias") else "bias", None)
    return bias if isinstance(bias, bool) else bias is not None
