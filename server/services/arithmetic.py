"""The arithmetic of one unit of a kept inspection, described for the API."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any
from urllib.parse import quote

from pydantic import TypeAdapter
from torch import nn

from server.engine import arithmetic as engine
from server.engine.arithmetic import Files, Sort
from server.errors import InvalidInput, LimitExceeded
from server.schemas.arithmetic import Arithmetic
from server.services.input_tensors import input_tensors
from server.services.inspections import KeptInspection
from server.services.lane import Lane
from server.services.layers import API, inspection_url
from server.services.weights import VALUES

TERMS = 1024
"""The most terms of one kind in one answer."""

_SCHEMA: TypeAdapter[Arithmetic] = TypeAdapter(Arithmetic)


def check_limit(limit: int | None) -> None:
    """Raise LimitExceeded above ``TERMS``, InvalidInput below 1."""
    if limit is not None and limit > TERMS:
        raise LimitExceeded(
            f"limit is {limit}; at most {TERMS} terms are listed.",
            pointer="limit",
            value=limit,
            limit=TERMS,
        )
    if limit is not None and limit < 1:
        raise InvalidInput("limit is at least 1.", pointer="limit", value=limit)


async def explain(
    lane: Lane,
    kept: KeptInspection,
    layer: str,
    unit: tuple[int, int, int],
    limit: int | None,
    sort: Sort,
    server: str,
) -> Arithmetic:
    """The arithmetic of the unit at (channel, y, x) of a layer.

    ``server`` is the address, such as ``http://127.0.0.1:8000``, where its snippet finds tensors.

    Parameters belong to the model, so this takes its turn among the runs of models.

    Raises:
        NotFound: no such layer, channel or place.
        Overloaded: too much is waiting for the network.
    """
    found = kept.layer(layer)
    index = found.index(*unit)
    explained = await lane.alone(
        lambda: _explained(kept, layer, index, limit, sort, server), kept.model
    )
    return describe_arithmetic(explained, unit)


def describe_arithmetic(explained: engine.Arithmetic, unit: tuple[int, int, int]) -> Arithmetic:
    """An arithmetic for the API."""
    described = _plain(explained)
    described["layer"] = described.pop("node")
    described |= dict(zip(("channel", "y", "x"), unit, strict=True))
    return _SCHEMA.validate_python(described)


def _explained(
    kept: KeptInspection,
    layer: str,
    index: tuple[int, ...],
    limit: int | None,
    sort: Sort,
    server: str,
) -> engine.Arithmetic:
    node = kept.layer(layer).with_output()
    of_layer = node.given is not None and node.given.function is None
    return engine.arithmetic(
        node,
        index,
        module=kept.model.module.get_submodule(node.module_path) if of_layer else None,
        trace=lambda: kept.model.graph,
        limit=limit,
        sort=sort,
        files=_files(kept, server),
    )


def _files(kept: KeptInspection, server: str) -> Files:
    """Where the API has the tensors of a pass, and of its model."""
    here = inspection_url(quote(kept.id))
    return Files(
        server=server,
        activations=f"{here}/layers/{{name}}.npz",
        parameters=f"{API}/models/{quote(kept.model.name)}/layers/{{name}}/weights.npz",
        parameter=functools.partial(_name_in_file, kept.model.module),
        inputs=f"{here}/input.npz",
        given=input_tensors(kept),
    )


def _name_in_file(module: nn.Module, name: str) -> str | None:
    """The first name of a parameter or buffer; None where it is too large for a file."""
    named = {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }
    found = named.get(name)
    if found is None or found.numel() > VALUES:
        return None
    return next(other for other, tensor in named.items() if tensor is found)


def _plain(value: Any) -> Any:
    """Dataclasses as dictionaries, and what is not finite in words."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
