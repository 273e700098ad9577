"""A model written as ONNX, where one graph is what it does for every input."""

from __future__ import annotations

import contextlib
import io
import warnings

import torch
from torch import Tensor, nn

from server.engine.capture import random_states
from server.engine.forms.form import FormBroken, NotExact
from server.engine.preserved import preserved
from server.engine.trace import trace_model


def export_onnx(module: nn.Module, shape: tuple[int, int, int]) -> bytes:
    """The model in ONNX, for batches of any size. Takes seconds; PyTorch is changed in the process.

    Args:
        module: in eval mode, on the CPU, float32.
        shape: channels, height and width of one input.

    Raises:
        NotExact: what it does depends on values, on chance or on what it did before.
        FormBroken: PyTorch cannot write it.
    """
    example = torch.rand((2, *shape), generator=torch.Generator().manual_seed(0))
    check_is_function(module, example)
    batch = torch.export.Dim("batch", min=1)
    silent = io.StringIO()
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(silent),
            contextlib.redirect_stderr(silent),
        ):
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module,
                (example,),
                dynamo=True,
                dynamic_shapes=({0: batch},),
                verbose=False,
            )
            assert program is not None, "the exporter gives a program where no file is named"
            written: bytes = program.model_proto.SerializeToString()
    except Exception as error:
        raise FormBroken(f"PyTorch cannot write it as ONNX: {_first_line(error)}") from error
    return written


def check_is_function(module: nn.Module, example: Tensor) -> None:
    """Raise NotExact where what the model returns depends on more than weights and input.

    Also where the graph may depend on values of the input: then one graph is not what it does.
    """
    if trace_model(module, (example[:1],)).device.type != "meta":
        raise NotExact("its graph may depend on values")
    states = random_states()
    with preserved(module) as preservation, torch.no_grad():
        output = module(example)
        if preservation.changed:
            raise NotExact("it changes itself when it runs")
        if random_states() != states:
            raise NotExact("it draws random numbers")
    if not isinstance(output, Tensor) or output.ndim != 2 or output.dtype != torch.float32:
        raise NotExact("it returns something else than float32 (N, K)")


def _first_line(error: BaseException) -> str:
    """What went wrong, without the exporter's advice: the innermost cause, in a line."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]
