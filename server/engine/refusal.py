"""Whether what failed on the meta device would fail as well in a real run, told by one operator."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from server.engine.doctor.replay import Event, replay
from server.engine.example import Inputs, SeveralDevices, device_of
from server.engine.given import replaced
from server.engine.meta_leniency import Doubtful
from server.engine.operations import tensors_in
from server.engine.record import ValuesNeeded
from server.engine.runnable import META, submodule

MOST_BYTES = 2**28
"""Of the stand-ins on which one operator is tried."""

SHAPES_ONLY = frozenset(
    {
        *(
            f"{kind}{axes}d"
            for kind in ("conv", "conv_transpose", "max_pool")
            for axes in (1, 2, 3)
        ),
        *("avg_pool1d", "avg_pool2d", "avg_pool3d", "linear", "batch_norm", "layer_norm"),
        *("group_norm", "cat", "stack", "add", "mul", "matmul", "bmm", "view", "reshape", "pad"),
    }
)
"""Functions whose refusals on the meta device are believed where stand-ins would be too large."""


def real_refusal(
    model: nn.Module, inputs: Inputs, refused: BaseException | None
) -> Exception | None:
    """The error of a real run, found without one, for a run on the meta device that failed.

    The call that failed is made again, alone, with real zeros, or ones, of the same shapes,
    strides and types: what an operator says of shapes and types does not depend on values. The
    model runs once more on the meta device to find that call.

    Returns:
        None where only a real run can tell, such as when values were asked for.
    """
    if not isinstance(refused, Exception) or isinstance(refused, ValuesNeeded):
        return None
    found = replay(model, inputs, META, keep=True)
    stopped = found.stopped
    if stopped is None or type(found.error) is not type(refused):
        return None
    if stopped.function is None:
        module = submodule(model, stopped.place.path)
        # What layers of PyTorch check in Python is said of shapes, whatever the device.
        return refused if type(module).__module__.startswith("torch.nn.modules.") else None
    given = [tensor for tensor in tensors_in((stopped.args, stopped.kwargs)) if tensor.is_meta]
    if sum(map(_bytes, given)) > MOST_BYTES:
        believed = stopped.place.kind in SHAPES_ONLY and not isinstance(refused, Doubtful)
        return refused if believed else None
    try:
        device = device_of(model)
    except SeveralDevices:
        return None
    if device == META:
        device = torch.device("cpu")
    error = _tried(stopped, given, device)
    # The line of the model's code is in the traceback of the first.
    return error.with_traceback(refused.__traceback__) if error else None


def _tried(event: Event, given: list[Tensor], device: torch.device) -> Exception | None:
    """What a call raises whether zeros or ones stand in the place of tensors without values."""
    # Some operators refuse zeros, such as a window of an inverse transform.
    error = _tried_with(event, {id(tensor): _filled(tensor, device, 0) for tensor in given})
    if error is None:
        return None
    return _tried_with(event, {id(tensor): _filled(tensor, device, 1) for tensor in given})


def _tried_with(event: Event, values: dict[int, Tensor]) -> Exception | None:
    assert event.function is not None
    args, kwargs = replaced(
        (event.args, event.kwargs), Tensor, lambda tensor: values.get(id(tensor), tensor)
    )
    try:
        with torch.inference_mode(False), torch.no_grad():
            event.function(*args, **kwargs)
    except Exception as error:
        # Not that there is no inverse of zeros, say.
        return None if "LinAlgError" in type(error).__name__ else error
    return None


def _bytes(tensor: Tensor) -> int:
    last = sum(
        (size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True) if size
    )
    return (last + 1) * tensor.element_size()


def _filled(tensor: Tensor, device: torch.device, value: int) -> Tensor:
    shape, stride = tuple(tensor.shape), tuple(tensor.stride())
    made = torch.empty_strided(shape, stride, dtype=tensor.dtype, device=device).fill_(value)
    return nn.Parameter(made, False) if isinstance(tensor, nn.Parameter) else made
