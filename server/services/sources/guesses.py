"""Inputs that a model may take, guessed from its first layers, for when nobody says."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import nn

from server.services.sources.input_form import InputForm

SIDES = (224, 32, 28, 64, 96, 128, 227, 256, 299, 384, 512, 16, 8)
"""Sides of images to try, ImageNet's first; then those of CIFAR, MNIST and other data sets."""
LENGTHS = (1024, 128, 256, 512, 16000, 64, 32)
CLIPS = ((16, 112), (16, 224), (32, 224), (8, 32))
"""Frames and sides of clips to try."""
VOLUMES = (64, 32, 128)
TOKENS = 16
FIRST_LAYERS = 3
"""Layers stand in the order in which they were made; one of so many is the first to run."""


def guess_inputs(module: nn.Module) -> Iterator[tuple[InputForm, str]]:
    """Inputs to try one after the other, each with the reason for it.

    A model is built from layers that say how many channels or features they read. The sizes along
    the other axes no layer tells: those of widespread data sets are tried.
    """
    tried: set[InputForm] = set()
    telling = ((path, layer) for path, layer in module.named_modules() if _forms_of(layer))
    for _, (path, layer) in zip(range(FIRST_LAYERS), telling, strict=False):
        forms = _forms_of(layer)
        for form in forms(layer) if forms else ():
            if form not in tried:
                tried.add(form)
                yield form, f"guessed from {path or 'the model'}, {_told_by(layer)}"


def required_arguments(module: nn.Module) -> list[str]:
    """Names of forward's parameters that have no default."""
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        each.name
        for each in (_signature(module) or inspect.Signature()).parameters.values()
        if each.kind not in variable and each.default is each.empty
    ]


def refusal_of(module: nn.Module, inputs: Sequence[InputForm]) -> str | None:
    """Why forward's parameters do not fit so many inputs of these names; None where they do."""
    signature = _signature(module)
    named = {form.name: None for form in inputs if form.name}
    try:
        if signature is not None:
            signature.bind(*(None for form in inputs if not form.name), **named)
    except TypeError as error:
        takes = ", ".join(map(str, signature.parameters)) if signature else ""
        return f"takes {takes or 'nothing'}: {error}"
    return None


def _signature(module: nn.Module) -> inspect.Signature | None:
    try:
        return inspect.signature(module.forward)
    except (TypeError, ValueError):  # such as of a ScriptModule
        return None


def _forms_of(layer: nn.Module) -> Callable[[Any], Iterator[InputForm]] | None:
    return next((forms for kind, forms in _FORMS if isinstance(layer, kind)), None)


def _told_by(layer: nn.Module) -> str:
    for name in ("in_channels", "in_features", "num_features", "num_embeddings", "input_size"):
        if hasattr(layer, name):
            return f"a {type(layer).__name__} with {name}={getattr(layer, name)}"
    return f"a {type(layer).__name__}"


def _images(channels: int) -> Iterator[InputForm]:
    # Images of one channel are rather digits and doodles.
    for side in (28, *SIDES) if channels == 1 else SIDES:
        yield InputForm((1, channels, side, side))


def _sequences(channels: int) -> Iterator[InputForm]:
    for length in LENGTHS:
        yield InputForm((1, channels, length))


def _clips(channels: int) -> Iterator[InputForm]:
    for frames, side in CLIPS:
        yield InputForm((1, channels, frames, side, side))
    for side in VOLUMES:
        yield InputForm((1, channels, side, side, side))


def _features(layer: Any) -> Iterator[InputForm]:
    side = round(layer.in_features**0.5)
    yield InputForm((1, layer.in_features))
    if side * side == layer.in_features:  # an image that forward makes flat
        yield InputForm((1, 1, side, side))
    third = round((layer.in_features / 3) ** 0.5)
    if 3 * third * third == layer.in_features:
        yield InputForm((1, 3, third, third))
    yield InputForm((1, TOKENS, layer.in_features))


def _steps(layer: Any) -> Iterator[InputForm]:
    yield InputForm((1, TOKENS, layer.input_size))


def _tokens(_layer: Any) -> Iterator[InputForm]:
    yield InputForm((1, TOKENS), torch.int64)


_FORMS: tuple[tuple[Any, Callable[[Any], Iterator[InputForm]]], ...] = (
    ((nn.Conv1d, nn.ConvTranspose1d), lambda layer: _sequences(layer.in_channels)),
    ((nn.Conv2d, nn.ConvTranspose2d), lambda layer: _images(layer.in_channels)),
    ((nn.Conv3d, nn.ConvTranspose3d), lambda layer: _clips(layer.in_channels)),
    ((nn.Embedding, nn.EmbeddingBag), _tokens),
    (nn.RNNBase, _steps),
    (nn.BatchNorm1d, lambda layer: _sequences(layer.num_features)),
    (nn.BatchNorm2d, lambda layer: _images(layer.num_features)),
    (nn.BatchNorm3d, lambda layer: _clips(layer.num_features)),
    (nn.Linear, _features),
)
"""By kind of layer, the inputs that may be given to one such."""
