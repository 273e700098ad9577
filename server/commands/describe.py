"""``doodlescope describe``: a model's operations in a table, with what each costs and sees."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

import torch
from rich.console import Console
from rich.markup import escape

from server.commands.failure import CommandFailed
from server.commands.late_progress import LateProgress
from server.commands.layer_table import UNLIMITED, legend, memory, print_rows, rows_of, short, times
from server.engine.failure import ForwardFailed
from server.services.layer_fields import LayerField, layer_fields, uncertain
from server.services.nodes import describe_nodes
from server.services.sources import (
    InputForm,
    ModelUnavailable,
    TracedModel,
    open_model,
    trace_opened,
)

_WHY = {
    "bound": "values decide what {} reads",
    "unsupported": "what {} reads is not known, so it counts as everything",
}


def describe(spec: str, inputs: Sequence[str], depth: int | None, as_json: bool) -> None:
    """Trace a model and print its nodes.

    Args:
        spec: as ``open_model`` takes it.
        inputs: as ``parse_input`` reads them.
        depth: fold modules so deep into one row each; None: a row for every node.
        as_json: print one JSON object, always of every node.

    Raises:
        CommandFailed: the model cannot be opened, or its forward failed.
    """
    with LateProgress(f"Describing {spec}") as progress, _failing(spec):
        # A model that prints is not to print into the table.
        with redirect_stdout(sys.stderr):
            traced = trace_opened(open_model(spec, inputs=inputs, shapes_only=True))
        total = len(traced.trace.nodes)
        fields = layer_fields(traced.trace, lambda done: progress.update(done, total))
    if as_json:
        print(json.dumps(_as_json(traced, fields), ensure_ascii=False))
    else:
        _print_table(traced, fields, depth)


@contextmanager
def _failing(spec: str) -> Iterator[None]:
    try:
        yield
    except ModelUnavailable as error:
        raise CommandFailed(str(error)) from error
    except ForwardFailed as error:
        raise CommandFailed(f"{spec}: {explain(error)}") from error
    except (TypeError, ValueError) as error:  # inputs that fit no forward
        raise CommandFailed(f"{spec}: {error}") from error


def explain(failure: ForwardFailed) -> str:
    """Why a forward failed: the diagnosis, where there is one."""
    diagnosis = getattr(failure, "diagnosis", None)
    return f"{failure}\n{diagnosis}" if diagnosis else str(failure)


def _as_json(traced: TracedModel, fields: dict[str, LayerField]) -> dict[str, Any]:
    trace = traced.trace
    output = trace.layer("<output>")
    return {
        "model": traced.opened.name,
        "inputs": [_input_json(form, traced) for form in traced.opened.inputs or ()],
        "inputs_from": traced.opened.inputs_from,
        "device": str(trace.device),
        "output_shape": list(output.shape),
        "parameters": output.parameters,
        "multiply_accumulates": output.multiply_accumulates,
        "activation_bytes": sum(node.activation_bytes for node in trace.nodes),
        "uncertain": [
            {"operator": operator, "status": status, "from": node}
            for operator, status, node in uncertain(fields)
        ],
        "nodes": [node.model_dump() for node in describe_nodes(trace)],
    }


def _input_json(form: InputForm, traced: TracedModel) -> dict[str, Any]:
    types = (tensor.dtype for tensor in traced.opened.module.parameters())
    own = (dtype for dtype in types if dtype.is_floating_point)
    dtype = form.dtype or next(own, torch.get_default_dtype())
    return {
        "name": form.name,
        "shape": list(form.shape),
        "dtype": str(dtype).removeprefix("torch."),
    }


def _print_table(traced: TracedModel, fields: dict[str, LayerField], depth: int | None) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=UNLIMITED)
    trace, opened = traced.trace, traced.opened
    inputs = " and ".join(
        (f"{form.name} " if form.name else "") + times(form.shape) for form in opened.inputs or ()
    )
    is_meta = trace.device.type == "meta"
    ran = "shapes only, on the meta device" if is_meta else f"really, on {trace.device}"
    console.print(f"[bold]{escape(opened.name)}[/] on {inputs} ({opened.inputs_from}); ran: {ran}")
    rows = rows_of(trace, fields, depth)
    left_out = print_rows(console, rows)
    output = trace.layer("<output>")
    weights = sum(each.numel() * each.element_size() for each in opened.module.parameters())
    activations = sum(node.activation_bytes for node in trace.nodes)
    console.print(
        f"{len(trace.nodes)} nodes, {output.parameters:,} parameters ({memory(weights) or '0 B'}), "
        f"{short(output.multiply_accumulates) or '0'} multiply-accumulates, "
        f"{memory(activations)} of outputs."
    )
    for line in legend(rows, left_out, console.width):
        console.print(line, style="dim")
    if len(trace.inputs) > 1:
        console.print("Fields are those in the first input.", style="dim")
    for operator, status, node in uncertain(fields):
        why = _WHY[status].format(operator)
        console.print(f"Fields from {node} on may be too large: {why}.", style="yellow")
