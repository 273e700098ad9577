"""A model by what the user calls it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from models import ARCHITECTURES, load_model, model_names
from server.doodle.raster import SIDE
from server.services.sources.factories import is_factory, model_factory
from server.services.sources.input_form import InputForm, parse_inputs
from server.services.sources.timm_models import timm_factory, timm_input
from server.services.sources.torchvision_models import torchvision_factory, torchvision_inputs
from server.services.sources.unavailable import ModelUnavailable, close_names

FORMS = "a shipped model, package.module:factory, timm:NAME or torchvision:NAME"


@dataclass(frozen=True)
class OpenedModel:
    """A model in eval mode, and what it is run on."""

    name: str
    """As the user called it."""
    module: nn.Module
    inputs: tuple[InputForm, ...] | None
    """None: nobody says; ``trace_opened`` guesses."""
    inputs_from: str
    """Who says so: a part of a sentence."""
    build: Callable[[], nn.Module] = field(repr=False)
    """Builds the module anew, on the CPU, with its weights."""

    @property
    def input_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the inputs, batch first; none where nobody says."""
        return tuple(form.shape for form in self.inputs or ())

    @property
    def is_shape_only(self) -> bool:
        """Whether it is on the meta device, without weights: it can be traced, and not run."""
        return any(tensor.is_meta for tensor in (*self.module.parameters(), *self.module.buffers()))


def open_model(spec: str, *, inputs: Sequence[str] = (), shapes_only: bool = False) -> OpenedModel:
    """Open a shipped model, the user's own, or an architecture of timm or torchvision.

    Nothing is downloaded: architectures of libraries have first weights. What a user's factory
    prints, it prints.

    Args:
        spec: name of a shipped model; ``package.module:factory``, imported from the current
            directory or from what is installed; ``timm:NAME``; ``torchvision:NAME``.
        inputs: as the command line has them (see ``parse_input``); without any, the model's own.
        shapes_only: build it on the meta device where it allows that, without memory for weights.

    Raises:
        ModelUnavailable: it cannot be opened; the message says why.
    """
    given = parse_inputs(inputs)
    library, _, name = spec.partition(":")
    if spec in ARCHITECTURES:
        build = _shipped(spec)
    elif library == "timm" and name:
        build = timm_factory(name)
    elif library == "torchvision" and name:
        build = torchvision_factory(name)
    elif is_factory(spec) and not Path(spec.partition(":")[0]).is_file():
        build = model_factory(spec)
    else:
        raise ModelUnavailable(_unknown(spec))
    # What is shipped would come with its weights, which have no place on the meta device.
    shape = ARCHITECTURES.get(spec, build)
    module = (_on_meta(shape) if shapes_only else build()).eval()
    if given:
        return OpenedModel(spec, module, given, "as given", build)
    if spec in ARCHITECTURES:
        doodle = InputForm((1, 1, SIDE, SIDE))
        return OpenedModel(spec, module, (doodle,), "the doodles it is made for", build)
    if library == "timm":
        return OpenedModel(spec, module, (timm_input(module),), "timm's configuration", build)
    if library == "torchvision":
        forms = torchvision_inputs(name, module)
        return OpenedModel(spec, module, forms, "torchvision's published weights", build)
    return OpenedModel(spec, module, None, "guessed", build)


def _shipped(name: str) -> Callable[[], nn.Module]:
    if name in model_names():
        return lambda: load_model(name).module
    return ARCHITECTURES[name]


def _on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    """Built without memory; really, where building it takes values."""
    try:
        with torch.device("meta"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "for .*: copying from a non-meta parameter")
            return build()
    except ModelUnavailable:
        return build()


def _unknown(spec: str) -> str:
    names = [*ARCHITECTURES, "timm:", "torchvision:"]
    file, _, factory = spec.rpartition(":")
    if file.endswith(".py") or "/" in file or "\\" in file:
        module = file.removesuffix(".py").replace("\\", "/").strip("./").replace("/", ".")
        return f"{spec!r} names a file; write it as a module: {module}:{factory or 'factory'}"
    if not spec.partition(":")[2] and spec.rstrip(":") in ("timm", "torchvision"):
        return f"{spec!r} names no model: write {spec.rstrip(':')}:NAME."
    return f"{spec!r} is not {FORMS}{close_names(spec, names)} Shipped: {', '.join(model_names())}."
