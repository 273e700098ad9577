"""The models, loaded once and ready to run."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models import LoadedModel, load_model, model_names
from models.unknown import UnknownRule
from server.doodle.categories import CATEGORIES
from server.engine.capture import Capture, Captured, capture_of
from server.engine.computed_once import computed_once
from server.engine.forms import Batch, Form
from server.engine.forms.trial import Choice
from server.engine.preserved import preserved
from server.engine.trace import Trace, trace_model
from server.engine.watch import Diverged
from server.errors import InvalidInput, NotFound
from server.schemas.nodes import Node
from server.services.inputs import NetworkInput, Tensors
from server.services.memory import BatchLimit, is_out_of_memory
from server.services.nodes import describe_nodes
from server.services.outputs import as_logits
from server.services.preparation import DOODLES, Images, Preparation
from server.services.versions import version_of
from server.settings import ServedModel

Logits = NDArray[np.float32]
"""What the network gives: float32 (N, categories)."""

_LOG = logging.getLogger("doodlescope.forms")

_UNTRIED = Choice("eager", (), "no other form has been tried")

Kind = Literal["doodle", "image", "example"]
"""What a model is asked about: drawings (and pictures of them), images, or its examples alone."""


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded model; ``logits`` and ``run`` run it, and belong on the torch lane."""

    name: str
    version: str
    card: dict[str, Any]
    module: nn.Module
    device: torch.device
    batch_images: int
    preparation: Preparation | None = DOODLES
    """How pictures become its input; None: its input is no picture, and it runs on examples."""
    categories: tuple[str, ...] = CATEGORIES
    """The names of the logits, in order; none where it gives no logits."""
    silence: str = ""
    """Why it gives no guesses, in a sentence; "" where it does."""
    gives_probabilities: bool = False
    """Whether a softmax is its last layer, so that it gives no logits but probabilities."""
    examples: tuple[NetworkInput, ...] = ()
    """Inputs of its own to run it on."""
    is_live: bool = False
    """Whether it is a module of somebody else's program, to be left as it is."""
    source: ServedModel | None = None
    """How another process opens the same model; None: it cannot."""
    unknown: UnknownRule | None = None
    """When it does not know; None where nobody has measured that."""

    @property
    def kind(self) -> Kind:
        """What it can be asked about."""
        if self.preparation is None:
            return "example"
        # What comes with examples is shown at work on them, not with an empty pad.
        return "doodle" if self.preparation.takes_doodles and not self.examples else "image"

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
    def input_shape(self) -> tuple[int, ...]:
        """Channels, height and width of one image; of an example the first tensor's, batch out."""
        if self.preparation is not None:
            return self.preparation.shape
        return self._tensors(self.examples[0])[0].shape[1:]

    @property
    def description(self) -> str:
        """What it is, in a sentence."""
        return str(self.card.get("description", ""))

    @computed_once
    def graph(self) -> Trace:
        """Of a run for one input, without outputs; made at the first use, on the torch lane."""
        trace = trace_model(self.module, self._first_arguments())
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

    def renewed(self) -> Model:
        """This model where its weights are those of its version; else the same with a new version.

        On the torch lane, for live modules: it reads all weights.
        """
        version = version_of(self.module, self.graph, self.preparation, self.categories)
        return self if version == self.version else replace(self, version=version)

    @property
    def form(self) -> Form | None:
        """What answers predictions in the place of the module in eager PyTorch; None: nothing."""
        form: Form | None = vars(self).get("_form")
        return form

    @property
    def choice(self) -> Choice:
        """What answers predictions, and why."""
        choice: Choice = vars(self).get("_choice", _UNTRIED)
        return choice

    def answer_with(self, form: Form | None, choice: Choice) -> None:
        """From the next batch on, let a form that is as good answer predictions; None: none."""
        vars(self)["_choice"] = choice
        vars(self)["_form"] = form

    def logits(self, groups: Sequence[Images]) -> list[Logits]:
        """Logits for groups of images, run together in batches of ``batch_images``."""
        return self._in_batches(groups, self._logits_of_images)

    def logits_of_tensors(self, groups: Sequence[NDArray[np.floating]]) -> list[Logits]:
        """As ``logits``, for inputs as the network takes them: (N, channels, height, width)."""
        return self._in_batches(groups, self._logits_of_values)

    def logits_by(self, form: Form, batch: Batch) -> Logits:
        """Logits of a batch of inputs, by a form."""
        values = form(batch)
        if not self.gives_probabilities:
            return values
        logits = as_logits(torch.from_numpy(values), are_probabilities=True)
        assert logits is not None, "a form gives what the module gives"
        return logits

    def logits_in_eager(self, batch: NDArray[np.floating]) -> Logits:
        """Logits of a batch of inputs (N, channels, height, width), by the module itself."""
        return self._forward(self._on_device(batch))

    def _in_batches(
        self, groups: Sequence[NDArray[Any]], answer: Callable[[NDArray[Any]], Logits]
    ) -> list[Logits]:
        items = groups[0] if len(groups) == 1 else np.concatenate(groups)
        answers = self._batch_limit.answer(items, answer)
        logits = answers[0] if len(answers) == 1 else np.concatenate(answers)
        if len(groups) == 1:
            return [logits]
        if len(groups) == len(logits):  # all of one
            return list(logits[:, None])
        ends = np.cumsum([len(group) for group in groups])[:-1]
        return np.split(logits, ends)

    def _logits_of_images(self, images: Images) -> Logits:
        form = self.form
        if form is not None:
            assert self.preparation is not None, "a model that takes no pictures has no form"
            logits = self._logits_or_none(form, self.preparation.values(images))
            if logits is not None:
                return logits
        return self._forward(self._as_input(images))

    def _logits_of_values(self, values: NDArray[np.floating]) -> Logits:
        form = self.form
        if form is not None:
            logits = self._logits_or_none(form, np.ascontiguousarray(values, np.float32))
            if logits is not None:
                return logits
        return self.logits_in_eager(values)

    def _logits_or_none(self, form: Form, batch: Batch) -> Logits | None:
        """Logits by a form; None: it failed, and does not answer any more."""
        try:
            return self.logits_by(form, batch)
        except Exception as error:
            if is_out_of_memory(error):  # which is not the form's fault
                raise
            _LOG.warning(
                "%s: %s failed on a batch of %d; eager PyTorch answers from now on",
                self.name,
                form.name,
                len(batch),
                exc_info=True,
            )
            reason = f"{form.name} failed on a batch of {len(batch)}"
            self.answer_with(None, replace(self.choice, form="eager", reason=reason))
            return None

    def run(self, prepared: NetworkInput) -> Captured | Trace:
        """One run for one input, with every output kept.

        The first one is traced; later ones are captured, where that gives the same.
        """
        arguments = self.arguments(prepared)
        known = vars(self)
        if self.is_live or isinstance(arguments, dict):
            return trace_model(self.module, arguments, keep=True)
        capture: Capture | None = known.get("_capture")
        if capture is not None:
            try:
                return capture.run(*arguments)
            except Diverged:
                known["_capture"] = None
        kept = trace_model(self.module, arguments, keep=True)
        if "_capture" not in known:
            known["_capture"] = capture_of(self.module, self.graph, kept, *arguments)
        return kept

    def arguments(self, prepared: NetworkInput) -> Tensors:
        """What forward is called with, and may write to: a batch of one, on the model's device."""
        if prepared.tensors is None:
            return (self.as_input(prepared.pixels),)
        if isinstance(prepared.tensors, dict):
            given = prepared.tensors.items()
            return {name: value.to(self.device, copy=True) for name, value in given}
        return tuple(value.to(self.device, copy=True) for value in prepared.tensors)

    def as_input(self, image: NDArray[np.uint8]) -> Tensor:
        """One image as the network takes it: a batch of one, on the model's device.

        Args:
            image: (height, width) or (height, width, 3), of the size that it takes.
        """
        return self._as_input(image[None])

    def logits_of(self, prepared: NetworkInput) -> Logits | None:
        """The logits (categories,) of one input; None: it gives none."""
        arguments = self.arguments(prepared)
        with torch.inference_mode(), self._evaluating():
            if isinstance(arguments, dict):
                output = self.module(**arguments)
            else:
                output = self.module(*arguments)
            logits = self.logits_in(output)
        return None if logits is None else logits[0]

    def logits_in(self, output: Any) -> Logits | None:
        """The logits in what forward returned, float32 (N, categories); None: it gives none."""
        if self.silence:
            return None
        return as_logits(output, self.gives_probabilities)

    def _as_input(self, images: Images) -> Tensor:
        assert self.preparation is not None, "a model that takes no pictures is run on examples"
        return self.preparation.tensor(images, self.device, self.dtype)

    @functools.cached_property
    def dtype(self) -> torch.dtype:
        """The type of floating-point values that it computes with."""
        types = (tensor.dtype for tensor in self.module.parameters())
        return next((each for each in types if each.is_floating_point), torch.float32)

    @functools.cached_property
    def _batch_limit(self) -> BatchLimit:
        return BatchLimit(self.batch_images)

    def _first_arguments(self) -> Tensors:
        if self.examples:
            return self.arguments(self.examples[0])
        assert self.preparation is not None, "a model without examples takes pictures"
        _, height, width = self.preparation.shape
        colours = (3,) if self.preparation.channels == 3 else ()
        return (self.as_input(np.zeros((height, width, *colours), np.uint8)),)

    def _tensors(self, prepared: NetworkInput) -> list[Tensor]:
        """The tensors of an input, in order, on the model's device."""
        arguments = self.arguments(prepared)
        return list(arguments.values() if isinstance(arguments, dict) else arguments)

    def _on_device(self, values: NDArray[np.floating]) -> Tensor:
        own = values if values.flags.writeable else values.copy()
        tensor = torch.from_numpy(own).to(self.device, self.dtype)
        return tensor.contiguous(memory_format=torch.channels_last)

    def _forward(self, batch: Tensor) -> Logits:
        with torch.inference_mode(), self._evaluating():
            logits = self.logits_in(self.module(batch))
        assert logits is not None, "a model without logits is asked for no guesses"
        return logits

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        """The module in eval mode; afterwards as it was."""
        if not self.is_live:
            yield
            return
        with preserved(self.module):
            self.module.eval()
            yield


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
        self._default = default

    @property
    def default(self) -> Model:
        """The model that answers when a request names none."""
        return self._models[self._default]

    def __iter__(self) -> Iterator[Model]:
        """The models, the default one first."""
        yield self.default
        yield from (model for model in self._models.values() if model is not self.default)

    def get(self, name: str) -> Model:
        """The model of that name; raises NotFound."""
        if name not in self._models:
            raise NotFound(self._unknown(name), pointer="name", value=name)
        return self._models[name]

    def find(self, name: str) -> Model | None:
        """The model of that name; None: there is none."""
        return self._models.get(name)

    def put(self, model: Model) -> None:
        """Add a model, in the place of one of that name."""
        self._models[model.name] = model

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all models."""
        return tuple(self._models)

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
        source=ServedModel(model=loaded.name),
        unknown=loaded.unknown,
    )
