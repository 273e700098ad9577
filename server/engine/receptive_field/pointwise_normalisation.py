"""Normalisation whose statistics count as constants: for those who want the convolutional field."""

from __future__ import annotations

from dataclasses import replace

from server.engine.receptive_field import reductions
from server.engine.receptive_field.rules import rule_of
from server.engine.record import Operation

NORMALISATIONS = frozenset(
    {
        reductions.layer_normalisation,
        reductions.group_normalisation,
        reductions.batch_normalisation,
    }
)


def with_constant_statistics(operation: Operation) -> Operation:
    """An operation that normalises, as batch normalisation with running statistics; others as is.

    Instance normalisation is recorded as a batch normalisation, so it is one of them. What PyTorch
    composes of other operations (``rms_norm``, ``normalize``, a model's own) is not.
    """
    if rule_of(operation)[0] not in NORMALISATIONS:
        return operation
    given = operation.arguments
    kept = {name: given.get(name) for name in ("input", "weight", "bias")}
    # There are such statistics, but no tensors: nothing is read of them.
    arguments = {**kept, "running_mean": (), "running_var": ()}
    return replace(operation, name="_native_batch_norm_legit_no_training", arguments=arguments)
