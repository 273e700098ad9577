"""Layers with sequences, and tensors of the wrong type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from server.engine.doctor.calls import argument
from server.engine.doctor.case import Candidate, Case, Finding, shown
from server.engine.doctor.change import CallChange, Called, InputChange, ModuleChange
from server.engine.doctor.replay import Event
from server.engine.operations import tensors_in

WHOLE = (torch.int64, torch.int32)
"""What indices can be."""


def recurrent_finding(case: Case) -> Finding | None:
    """A recurrent layer whose input has another number of features, or of axes."""
    module = case.module
    if not isinstance(module, nn.RNNBase) or not case.given:
        return None
    tensor, size = case.given[0], module.input_size
    if tensor.ndim not in (2, 3):
        return Finding(
            f"it takes 2 axes (length, features) or 3 with a batch, but the input {shown(tensor)} "
            f"has {tensor.ndim}"
        )
    features = tensor.shape[-1]
    if features == size:
        return None
    return Finding(
        f"input_size is {size}, but the last axis of the input {shown(tensor)} has {features}, "
        f"{_from(case, tensor)}",
        "input_size",
        (_module(case, "input_size", features),),
        (size,),
    )


def attention_finding(case: Case) -> Finding | None:
    """Attention whose query has another number of features than it was made for."""
    module = case.module
    if not isinstance(module, nn.MultiheadAttention) or not case.given:
        return None
    tensor, size = case.given[0], module.embed_dim
    features = tensor.shape[-1]
    if features == size:
        return None
    heads = module.num_heads
    candidates = [_module(case, "embed_dim", features)]
    if features % heads:
        number = next(n for n in range(heads, 0, -1) if features % n == 0)
        candidates = [
            Candidate(
                "module",
                case.path,
                "embed_dim, num_heads",
                (features, number),
                f"set embed_dim of {case.path} to {features} and num_heads to {number}, since "
                f"{heads} heads do not divide {features}",
                (ModuleChange(case.path, {"embed_dim": features, "num_heads": number}),),
            )
        ]
    return Finding(
        f"embed_dim is {size}, but the last axis of the query {shown(tensor)} has {features}, "
        f"{_from(case, tensor)}",
        "embed_dim",
        tuple(candidates),
        (size,),
    )


def embedding_finding(case: Case) -> Finding | None:
    """Indices that are no whole numbers, or too large."""
    if case.stopped.place.kind != "embedding":
        return None
    indices, weight = argument(case.stopped, "input"), argument(case.stopped, "weight")
    if not isinstance(indices, Tensor) or not isinstance(weight, Tensor):
        return None
    if indices.dtype not in WHOLE:
        return Finding(
            f"it looks up rows by whole numbers (torch.int64), but the input {shown(indices)} is "
            f"{indices.dtype}, {_from(case, indices)}",
            "dtype",
            tuple(_typed(case, indices, torch.int64)),
        )
    if indices.is_meta or not indices.numel() or not case.is_layer:
        return None
    largest, rows = int(indices.max()), weight.shape[0]
    if largest < rows:
        return None
    return Finding(
        f"num_embeddings is {rows}, so indices are 0 to {rows - 1}, but {largest} is among those "
        f"that it was given",
        "num_embeddings",
        (_module(case, "num_embeddings", largest + 1),),
    )


def type_finding(case: Case) -> Finding | None:
    """Tensors of different types in one call, such as bytes of an image and float weights."""
    tensors = tensors_in((case.stopped.args, case.stopped.kwargs))
    given = [tensor for tensor in tensors if id(tensor) not in case.found.names]
    own = [tensor for tensor in tensors if id(tensor) in case.found.names]
    if not given:
        return None
    wanted = next((t.dtype for t in own if _computes(t)), None)
    if wanted is None:
        wanted = next((t.dtype for t in given if _computes(t)), torch.get_default_dtype())
        # Alone, a type is at fault only where the function is not made for it.
        if own or (len(given) == 1 and _computes(given[0])):
            return None
    other = next((tensor for tensor in given if tensor.dtype != wanted), None)
    if other is None or not case.stopped.place.kind:
        return None
    fact = (
        f"its parameters are {wanted}, but the input {shown(other)} is {other.dtype}"
        if own
        else f"it computes with {wanted}, but {shown(other)} is {other.dtype}"
    )
    candidates = tuple(_typed(case, other, wanted))
    # Types differ in many calls that are fine: it is the type only if another one helps.
    if not any(case.trials(candidate.changes) for candidate in candidates):
        return None
    return Finding(f"{fact}, {_from(case, other)}", "dtype", candidates)


def _computes(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _typed(case: Case, tensor: Tensor, dtype: torch.dtype) -> Iterator[Candidate]:
    source = tensor
    number = case.input_number(source)
    if number is None:
        for event in case.before():
            inputs = [case.input_number(t) for t in tensors_in((event.args, event.kwargs))]
            number = next((n for n in inputs if n is not None), number)
    if number is not None:
        name = case.input_name(number)
        yield Candidate(
            "input",
            name,
            "dtype",
            dtype,
            f"give {name} as {dtype}: x.to({dtype})",
            (InputChange({number: _to(dtype)}),),
        )
    yield Candidate(
        "insert",
        case.path,
        "input",
        f"x.to({dtype})",
        f"convert what {case.name} is given: x.to({dtype})",
        (CallChange(case.stopped.place.line, _converting(tensor.dtype, dtype)),),
    )


def _to(dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    return lambda tensor: tensor.to(dtype)


def _converting(now: torch.dtype, wanted: torch.dtype) -> Callable[[Event], Called]:
    def convert(value: Any) -> Any:
        return value.to(wanted) if isinstance(value, Tensor) and value.dtype == now else value

    def change(event: Event) -> Called:
        assert event.function is not None
        args = tuple(map(convert, event.args))
        return event.function, args, {name: convert(v) for name, v in event.kwargs.items()}

    return change


def _module(case: Case, parameter: str, value: int) -> Candidate:
    return Candidate(
        "module",
        case.path,
        parameter,
        value,
        f"set {parameter} of {case.path or 'the model'} to {value}",
        (ModuleChange(case.path, {parameter: value}),),
    )


def _from(case: Case, tensor: Tensor) -> str:
    return f"which is {case.origin(tensor)}"
