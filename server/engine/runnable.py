"""The module that is run for a model: without wrappers, with its lazy parameters made."""

from __future__ import annotations

import copy
import inspect
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from server.engine.example import Inputs
from server.engine.printing import held_printing

META = torch.device("meta")

_PARALLEL = (nn.DataParallel, nn.parallel.DistributedDataParallel)

MOST_ITEMS = 1024
"""Of an iterator that a model returns."""


class Uninitialised(ValueError):
    """A lazy model has no values yet, and values are needed."""


def unwrapped(model: object) -> nn.Module:
    """The module itself, without ``torch.compile`` and data parallelism around it.

    Raises:
        TypeError: it is no module.
    """
    if isinstance(model, type) and issubclass(model, nn.Module):
        raise TypeError(
            f"The model is the class {model.__name__}: give an instance, {model.__name__}(...)."
        )
    if not isinstance(model, nn.Module):
        raise TypeError(f"The model is a torch.nn.Module, not {type(model).__name__}.")
    if isinstance(model, _PARALLEL):
        return unwrapped(model.module)
    return unwrapped(inner) if (inner := getattr(model, "_orig_mod", None)) else model


def check_arguments(model: nn.Module, inputs: Inputs) -> None:
    """Compare the inputs with the parameters of the model's forward.

    Raises:
        TypeError: forward does not take those; the message says how to give what is missing.
    """
    if model._forward_pre_hooks or type(model).__call__ is not nn.Module.__call__:
        return  # these may change what forward is given
    try:
        signature = inspect.signature(model.forward)
    except (TypeError, ValueError):
        return  # such as one written in C
    try:
        signature.bind(*inputs.args, **inputs.kwargs)
    except TypeError as cause:
        raise TypeError(_mismatch(model, signature, inputs, cause)) from None


def _mismatch(
    model: nn.Module, signature: inspect.Signature, inputs: Inputs, cause: TypeError
) -> str:
    what = f"{type(model).__name__}.forward{signature}"
    taken = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    positional = [item.name for item in taken if item.kind is not item.KEYWORD_ONLY]
    given = {*positional[: len(inputs.args)], *inputs.kwargs}
    missing = [item.name for item in taken if item.default is item.empty and item.name not in given]
    if not missing:
        count = len(inputs.args) + len(inputs.kwargs)
        return f"{what} does not take the {count} inputs of the example: {cause}."
    shapes = {name: tuple(value.shape) for name, value in inputs.kwargs.items()}
    shapes |= {
        name: tuple(value.shape) for name, value in zip(positional, inputs.args, strict=False)
    }
    by_name = ", ".join(
        f"{item.name!r}: {shapes.get(item.name, 'SHAPE')}"
        for item in taken
        if item.name in given or item.name in missing
    )
    in_order = (
        ""
        if any(item.kind is item.KEYWORD_ONLY for item in taken)
        else (", or as a tuple in that order")
    )
    return (
        f"{what} needs {_listed(missing)} as well. Give a shape or a tensor for each input: by "
        f"name, {{{by_name}}}{in_order}."
    )


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def has_lazy_parameters(model: nn.Module) -> bool:
    """Whether some parameters or buffers have no shape before the first forward."""
    return any(
        type(tensor) in (UninitializedParameter, UninitializedBuffer)
        for module in model.modules()
        for tensor in (*module._parameters.values(), *module._buffers.values())
    )


def initialised(model: nn.Module, inputs: Inputs) -> nn.Module:
    """A copy on the meta device of a model with lazy parameters, after a first forward.

    Raises:
        Exception: whatever its forward raises.
    """
    copied = on_meta(model)
    arguments = inputs.to(META)
    with held_printing(), torch.inference_mode(False), torch.no_grad(), torch.random.fork_rng([]):
        copied.eval()(*arguments.args, **arguments.kwargs)
    return copied


def on_meta(model: nn.Module) -> nn.Module:
    """A copy with stand-ins on the meta device for its parameters and buffers, lazy ones too."""
    stand_ins: dict[int, Any] = {id(tensor): stand_in(tensor) for tensor in _tensors(model)}
    return copy.deepcopy(model, stand_ins)


def submodule(model: nn.Module, path: str) -> nn.Module:
    """The module at a path; "" is the model, of ScriptModules the only one that can be had."""
    return model.get_submodule(path) if path else model


def is_shape_only(model: nn.Module) -> bool:
    """Whether its parameters and buffers are on the meta device, so that it cannot really run."""
    return any(tensor.is_meta for tensor in _tensors(model))


def stand_in(tensor: Tensor) -> Tensor:
    """A tensor of the same shape, type and strides on the meta device; parameters stay those."""
    if isinstance(tensor, UninitializedParameter):
        return _uninitialised(UninitializedParameter, tensor)
    if isinstance(tensor, UninitializedBuffer):
        return _uninitialised(UninitializedBuffer, tensor)
    if tensor.is_meta:
        return tensor
    copied = tensor.detach().to(META)
    return nn.Parameter(copied, False) if isinstance(tensor, nn.Parameter) else copied


def with_tensors(
    model: nn.Module, tensors: dict[str, Tensor], *args: Tensor, **kwargs: Tensor
) -> Any:
    """What the model returns with other parameters and buffers, by name."""
    return torch.func.functional_call(model, tensors, args, kwargs)


def unfollowed(error: BaseException) -> BaseException:
    """In plain words, that a tensor has no memory that could be followed; else the error itself."""
    if not isinstance(error, NotImplementedError) or "storage of Sparse" not in str(error):
        return error
    plain = NotImplementedError(
        "The model computes with sparse tensors, whose values are not where strides say, so that "
        "what reaches what cannot be followed. Trace it with dense tensors in their place "
        "(x.to_dense())."
    )
    return plain.with_traceback(error.__traceback__)


def in_full(
    error: BaseException, model: nn.Module, inputs: Inputs, device: torch.device
) -> BaseException:
    """The error with its message, which TorchScript loses while operators are watched.

    A run that nobody watches says it; other errors are returned as they are.
    """
    if device == META or "TorchScript interpreter" not in str(error):
        return error
    arguments = inputs.to(device)
    try:
        with held_printing(), torch._C._DisableTorchDispatch(), torch._C.DisableTorchFunction():
            model(*arguments.args, **arguments.kwargs)
    except Exception as said:
        return said
    return error


def whole(output: Any) -> Any:
    """What a model returned; of an iterator the list of its items, which come only now.

    Raises:
        ValueError: there are more than ``MOST_ITEMS``.
    """
    if not isinstance(output, Iterator) or isinstance(output, Tensor):
        return output
    items = list(itertools.islice(output, MOST_ITEMS + 1))
    if len(items) > MOST_ITEMS:
        raise ValueError(f"The model returned an iterator of more than {MOST_ITEMS} items.")
    return items


def _uninitialised(make: Callable[..., Tensor], tensor: Tensor) -> Tensor:
    return make(device=META, dtype=tensor.dtype)


def _tensors(model: nn.Module) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]


@contextmanager
def eagerly() -> Iterator[None]:
    """Run what ``torch.compile`` was given as plain Python: nothing is compiled."""
    if "torch._dynamo.eval_frame" not in sys.modules:  # nothing can have been compiled
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield
