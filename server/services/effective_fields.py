"""How much each pixel counts for a value: absolute gradients, averaged while a client waits.

A measurement takes turns with everybody else's runs: it is a batch at a time on the torch lane,
each so small that drawing stays live, and it ends when its client goes, or its time is up.
"""

from __future__ import annotations

import base64
import functools
import json
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from server.engine.effective_receptive_field import EffectiveField, Unit, running_fields
from server.engine.node import Node
from server.errors import InvalidInput, LimitExceeded, Overloaded
from server.paths import STATIC
from server.schemas import fields as schemas
from server.services.catalog import Model
from server.services.drawings import rasterise, read_drawing
from server.services.inputs import Tensors
from server.services.inspections import KeptInspection
from server.services.lane import Lane
from server.services.nodes import first_item
from server.services.runs import MAP_AXES
from server.settings import Settings

Over = Literal["input", "noise", "examples"]

INPUTS = 256
"""The most inputs of one measurement."""
SECONDS = 60.0
"""The longest that one takes."""
AT_ONCE = 4
"""The most measurements at the same time."""
TURN = 0.05
"""How long a batch should take on the lane, in seconds."""
APART = 0.25
"""Seconds between two pictures of a measurement."""
SEED = 0
"""Of the noise, so that it is the same every time."""


class EffectiveFields:
    """Measures effective receptive fields, a few at a time."""

    def __init__(self, lane: Lane, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._lane = lane
        self._clock = clock
        self.running = 0

    async def measure(
        self, kept: KeptInspection, layer: str, unit: tuple[int, int, int], over: Over, inputs: int
    ) -> AsyncGenerator[schemas.EffectiveField, None]:
        """The field of the unit at (channel, y, x) of a layer after each batch.

        Args:
            kept: the inspection.
            layer: name of a layer.
            unit: channel, row and column.
            over: its own input; or random images; or the examples that come with the model.
            inputs: how many random images.

        Raises:
            NotFound: no such layer, channel or place.
            InvalidInput: the model has no such inputs, or its input no gradient.
            LimitExceeded: too many inputs.
            Overloaded: too many measurements run, or too much is waiting for the network.
        """
        named = engine_unit(kept, layer, unit)
        check_inputs(inputs)
        batches = _Batches(given_inputs(kept, over, inputs))
        if self.running >= AT_ONCE:
            raise Overloaded(
                f"{AT_ONCE} effective fields are being measured already; ask again in a moment.",
                limit=AT_ONCE,
            )
        self.running += 1
        try:
            fields = running_fields(kept.model.module, batches, named)
            began, shown = self._clock(), -APART
            while True:
                try:
                    turn = functools.partial(batches.timed, fields)
                    found = await self._lane.alone(turn, kept.model)
                except (ValueError, RuntimeError) as error:
                    # An integer input, a model without values, an operator without a gradient.
                    why = str(error).partition("\n")[0]
                    raise InvalidInput(
                        f"The gradient could not be computed: {why}", pointer="layer", value=layer
                    ) from error
                assert found is not None, "there is at least one input"
                now = self._clock() - began
                ended: Literal["all", "time"] | None = None
                if batches.left == 0:
                    ended = "all"
                elif now > SECONDS:
                    ended = "time"
                show = ended is not None or now - shown >= APART
                shown = now if show else shown
                yield _described(found, batches.count, show, ended)
                if ended:
                    return
        finally:
            self.running -= 1


def engine_unit(kept: KeptInspection, layer: str, unit: tuple[int, int, int]) -> Unit:
    """The unit as the engine names it; raises NotFound."""
    index = kept.layer(layer).index(*unit)
    node: Node = kept.model.graph[layer]
    module = kept.model.graph.modules.get((node.module_path, node.call))
    is_module = module is not None and module.name == layer
    return Unit(
        layer=node.module_path if is_module else layer,
        position=index[2:],
        call=node.call if is_module else 0,
        channel=index[1] if len(index) > 1 else None,
        item=first_item(node),
    )


def check_inputs(inputs: int) -> None:
    """Raise LimitExceeded above ``INPUTS``, InvalidInput below 1."""
    if inputs > INPUTS:
        raise LimitExceeded(
            f"inputs is {inputs}; at most {INPUTS} are averaged over.",
            pointer="inputs",
            value=inputs,
            limit=INPUTS,
        )
    if inputs < 1:
        raise InvalidInput("inputs is at least 1.", pointer="inputs", value=inputs)


Given = Sequence[Callable[[], Tensor | Tensors]]
"""What gives the inputs, each a batch of one; single tensors can be run together."""


def given_inputs(kept: KeptInspection, over: Over, inputs: int) -> Given:
    """What to average over; raises InvalidInput where the model has no such inputs."""
    model = kept.model
    if over == "input":
        return [lambda: model.arguments(kept.input)]
    if over == "noise":
        if model.preparation is None:
            raise InvalidInput(
                f"{model.name} takes no pictures, so there are no random ones.",
                pointer="over",
                value=over,
            )
        generator = np.random.default_rng(SEED)
        shape = _picture_shape(model)
        return [
            lambda: model.as_input(generator.integers(0, 256, shape, np.uint8, endpoint=False))
        ] * inputs
    if model.kind == "doodle":
        return [
            functools.partial(model.as_input, image.pixels) for image in map(rasterise, _drawings())
        ]
    if not model.examples:
        raise InvalidInput(f"{model.name} comes with no examples.", pointer="over", value=over)
    return [functools.partial(model.arguments, example) for example in model.examples]


def as_line(update: schemas.EffectiveField) -> bytes:
    """A line of the answer."""
    return json.dumps(update.model_dump(), separators=(",", ":")).encode() + b"\n"


class _Batches:
    """Batches that are as large as a turn is long."""

    def __init__(self, given: Given) -> None:
        self.count = len(given)
        self.left = len(given)
        self._given = iter(given)
        self._size = 1

    def __iter__(self) -> Iterator[Tensor | Tensors]:
        while self.left:
            first = next(self._given)()
            self.left -= 1
            together = [first] if isinstance(first, Tensor) else []
            while together and self.left and len(together) < self._size:
                another = next(self._given)()
                assert isinstance(another, Tensor)
                together.append(another)
                self.left -= 1
            yield torch.cat(together) if together else first

    def timed(self, fields: Iterator[EffectiveField]) -> EffectiveField | None:
        """The field after the next batch, which sets the size of the one after it."""
        size, began = self._size, time.perf_counter()
        found = next(fields, None)
        took = max(1e-4, time.perf_counter() - began)
        # At most twice as many as before: the first run of a kind is slower than others.
        self._size = max(1, min(2 * size, int(size * TURN / took)))
        return found


def _picture_shape(model: Model) -> tuple[int, ...]:
    assert model.preparation is not None
    channels, height, width = model.preparation.shape
    return (height, width, channels) if channels > 1 else (height, width)


@functools.cache
def _drawings() -> tuple[Any, ...]:
    """The example drawings of the page."""
    examples = json.loads((STATIC / "examples.json").read_text("utf-8"))["examples"]
    limits = Settings()
    return tuple(
        read_drawing(example["drawing"], f"/examples/{number}", limits)
        for number, example in enumerate(examples)
    )


def _described(
    found: EffectiveField, count: int, show: bool, ended: Literal["all", "time"] | None
) -> schemas.EffectiveField:
    values = found.values
    if values.ndim > MAP_AXES:
        values = values.sum(tuple(range(values.ndim - MAP_AXES)))
    picture = values.float().reshape(-1, values.shape[-1] if values.ndim else 1).numpy()
    return schemas.EffectiveField(
        inputs=found.inputs,
        of=count,
        shape=list(picture.shape),
        values=base64.b64encode(picture.astype("<f4").tobytes()).decode() if show else None,
        ended=ended,
    )
