"""Somebody's live module as a model of the catalogue, left as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from torch import nn

from server.engine.example import Example, device_of
from server.engine.failure import ForwardFailed
from server.engine.trace import Trace, trace_model
from server.services.catalog import Model
from server.services.examples import batch_of, examples_of
from server.services.inputs import NetworkInput
from server.services.labels import numbered_labels
from server.services.outputs import gives_probabilities, why_no_guesses
from server.services.preparation import Preparation
from server.services.sources.published import published_of

Normalisation = tuple[float | Sequence[float], float | Sequence[float]]
"""Mean and standard deviation, each of all channels or one for each."""


def live_model(
    module: nn.Module,
    example: Example,
    name: str,
    title: str,
    *,
    labels: Sequence[str] | None = None,
    normalise: Normalisation | None = None,
) -> Model:
    """A module that goes on being its owner's: not copied, moved or changed.

    Args:
        module: on any one device, in any mode.
        example: as ``trace_model`` takes it; the items of a single tensor (N, ...) are N examples.
        name: for addresses.
        title: for people.
        labels: the names of the logits.
        normalise: how uploaded pictures become its input; the example is taken as it is.

    Raises:
        ForwardFailed: the forward raised; a note has the diagnosis.
        TypeError: no example.
        ValueError: labels or a normalisation that do not fit; an example that cannot be given.
    """
    examples = examples_of(module, example, None)
    device = device_of(module)
    try:
        trace = _traced(module, examples[0])
    except ForwardFailed:
        if len(examples) == 1:
            raise
        # Such as a forward that wants a batch of just this size.
        examples = (batch_of(examples),)
        trace = _traced(module, examples[0])
    silence = why_no_guesses(trace)
    preparation = _preparation(module, examples[0], normalise)
    if preparation is not None:
        examples = examples_of(module, example, preparation)[: len(examples)]
    model = Model(
        name=name,
        version="",
        card={
            "title": title,
            "description": f"{type(module).__name__}, a live module: what its owner makes of it "
            "shows at the next input.",
            "multiply_accumulates": trace.layer("<output>").multiply_accumulates,
        },
        module=module,
        device=device,
        batch_images=1,
        preparation=preparation,
        categories=_categories(module, trace, silence, labels),
        silence=silence,
        gives_probabilities=gives_probabilities(trace),
        examples=examples,
        is_live=True,
    )
    return model.renewed()


def _traced(module: nn.Module, example: NetworkInput) -> Trace:
    assert example.tensors is not None, "an example has its tensors"
    try:
        return trace_model(module, example.tensors)
    except ForwardFailed as failure:
        failure.add_note(str(failure.diagnosis))
        raise


def _categories(
    module: nn.Module, trace: Trace, silence: str, labels: Sequence[str] | None
) -> tuple[str, ...]:
    if silence:
        if labels is not None:
            raise ValueError(f"There is nothing to give labels to. {silence}")
        return ()
    logits = int(trace.output.shape[1])
    if labels is not None:
        if len(labels) != logits:
            raise ValueError(
                f"There are {len(labels)} labels, but the model gives {logits} logits."
            )
        return tuple(map(str, labels))
    known = published_of(module)
    return known.labels if known and len(known.labels) == logits else numbered_labels(logits)


def _preparation(
    module: nn.Module, example: NetworkInput, normalise: Normalisation | None
) -> Preparation | None:
    """How pictures become inputs like the example; None where it is no picture."""
    tensors = example.tensors
    is_picture = (
        example.image is not None and isinstance(tensors, tuple) and tensors[0].is_floating_point()
    )
    if not is_picture or not isinstance(tensors, tuple):
        if normalise is not None:
            raise ValueError("The example is no picture: normalise has no meaning for it.")
        return None
    _, channels, height, width = tensors[0].shape
    if normalise is not None:
        mean, std = (_by_channel(values, channels) for values in normalise)
        if min(std) <= 0 or not np.isfinite((*mean, *std)).all():
            raise ValueError("normalise is (mean, std): finite numbers, deviations above 0.")
        return Preparation(channels, height, width, mean, std, said_by="as given")
    known = published_of(module)
    if known is None or len(known.mean) not in (1, channels):
        return Preparation(channels, height, width)
    return Preparation(
        channels,
        height,
        width,
        known.mean,
        known.std,
        kept=known.kept,
        resampling="bicubic" if known.is_bicubic else "bilinear",
        said_by=known.said_by,
    )


def _by_channel(values: float | Sequence[float], channels: int) -> tuple[float, ...]:
    numbers = tuple(map(float, values)) if isinstance(values, Iterable) else (float(values),)
    if len(numbers) not in (1, channels):
        raise ValueError(
            f"normalise has {len(numbers)} numbers for {channels} channels: one, or one for each."
        )
    return numbers
