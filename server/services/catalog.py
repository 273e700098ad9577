"""The models, loaded once and ready to run."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models import LoadedModel, load_model, model_names
from server.doodle.categories import CATEGORIES
from server.doodle.raster import SIDE
from server.engine.capture import Capture, Captured, Diverged, capture_of
from server.engine.trace import Trace, trace_model
from server.errors import InvalidInput, NotFound
from server.schemas.nodes import Node
from server.services.nodes import describe_nodes

Images = NDArray[np.uint8]
"""Images for the network: uint8 (N, 28, 28), ink 255 on 0."""

Logits = NDArray[np.float32]
"""What the network gives: float32 (N, categories)."""


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded model; ``logits`` and ``run`` run it, and belong on the torch lane."""

    name: str
    version: str
    card: dict[str, Any]
    module: nn.Module
    device: torch.device
    batch_images: int

    @property
    def title(self) -> str:
        """Name for people."""
        return str(self.card.get("title", self.name))

    @property
    def parameters(self) -> int:
        """Number of learnable values, each counted once."""
        return sum(parameter.numel() for parameter in self.module.parameters())

    @property
    def multiply_accumulates(self) -> int:
        """Multiply-accumulates for one image, as the card has it."""
        return int(self.card["multiply_accumulates"])

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""
        return 1, SIDE, SIDE

    @property
    def categories(self) -> tuple[str, ...]:
        """The names of the logits, in order."""
        return CATEGORIES

    @property
    def description(self) -> str:
        """What it is, in a sentence."""
        return str(self.card.get("description", ""))

    @functools.cached_property
    def graph(self) -> Trace:
        """Of a run for one image, without outputs; made at the first use, on the torch lane."""
        blank = np.zeros((1, SIDE, SIDE), np.uint8)
        trace = trace_model(self.module, _as_input(blank, self.device))
        _ = trace.saved_for_backward_bytes  # which runs it once more: here, not when it is read
        return trace

    @functools.cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Its graph, described; takes up to a second at the first use."""
        return tuple(describe_nodes(self.graph))

    @property
    def has_nodes(self) -> bool:
        """Whether graph and nodes are there already."""
        return "nodes" in vars(self)

    def logits(self, groups: Sequence[Images]) -> list[Logits]:
        """Logits for groups of images, run together in batches of ``batch_images``."""
        images = np.concatenate(groups)
        batches = [
            self._forward(images[start : start + self.batch_images])
            for start in range(0, len(images), self.batch_images)
        ]
        ends = np.cumsum([len(group) for group in groups])[:-1]
        return np.split(np.concatenate(batches), ends)

    def run(self, image: NDArray[np.uint8]) -> Captured | Trace:
        """One run for one image (28, 28), with every output kept.

        The first one is traced; later ones are captured, where that gives the same.
        """
        values = self.as_input(image)
        known = vars(self)
        capture: Capture | None = known.get("_capture")
        if capture is not None:
            try:
                return capture.run(values)
            except Diverged:
                known["_capture"] = None
        kept = trace_model(self.module, values, keep=True)
        if "_capture" not in known:
            known["_capture"] = capture_of(self.module, self.graph, kept, values)
        return kept

    def as_input(self, image: NDArray[np.uint8]) -> Tensor:
        """One image (28, 28) as the network takes it: a batch of one, on the model's device."""
        return _as_input(image[None], self.device)

    def _forward(self, images: Images) -> Logits:
        with torch.inference_mode():
            output: Tensor = self.module(_as_input(images, self.device))
            logits: Logits = output.float().cpu().numpy()
        return logits


class Catalog:
    """The models by name, the default one first.

    Raises:
        ValueError: no model at all, or not the default one.
    """

    def __init__(self, models: Iterable[Model], default: str) -> None:
        self._models = {model.name: model for model in models}
        if default not in self._models:
            raise ValueError(
                f"The default model {default!r} is not there; there are: "
                f"{', '.join(self._models) or 'none'}."
            )
        self.default = self._models[default]

    def __iter__(self) -> Iterator[Model]:
        """The models, the default one first."""
        yield self.default
        yield from (model for model in self._models.values() if model is not self.default)

    def get(self, name: str) -> Model:
        """The model of that name; raises NotFound."""
        if name not in self._models:
            raise NotFound(self._unknown(name), pointer="name", value=name)
        return self._models[name]

    def chosen(self, name: str | None, pointer: str) -> Model:
        """The model that a request names at ``pointer``, or the default; raises InvalidInput."""
        if name is None:
            return self.default
        if name not in self._models:
            raise InvalidInput(self._unknown(name), pointer=pointer, value=name)
        return self._models[name]

    def _unknown(self, name: str) -> str:
        return f"There is no model of that name; there are: {', '.join(self._models)}."


def load_catalog(
    default: str,
    device: torch.device,
    batch_images: int,
    *,
    names: Iterable[str] | None = None,
    load: Callable[[str], LoadedModel] = load_model,
) -> Catalog:
    """Load the shipped models onto a device, channels last, in eval mode.

    Loading takes milliseconds for each. Graphs take longer: the default model's is made now, those
    of others when somebody asks for them.
    """
    chosen = model_names() if names is None else names
    catalog = Catalog((_ready(load(name), device, batch_images) for name in chosen), default)
    _ = catalog.default.nodes
    return catalog


def _ready(loaded: LoadedModel, device: torch.device, batch_images: int) -> Model:
    module = loaded.module.eval().requires_grad_(False)
    # Strides of convolution weights; measured, it doubles the speed on the CPU.
    module = module.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Model(
        name=loaded.name,
        version=loaded.version,
        card=loaded.card,
        module=module,
        device=device,
        batch_images=batch_images,
    )


def _as_input(images: Images, device: torch.device) -> Tensor:
    """Images as the network takes them: float32 (N, 1, 28, 28) in 0..1, channels last."""
    values = torch.from_numpy(images).to(device).float().div_(255)[:, None]
    return values.contiguous(memory_format=torch.channels_last)
