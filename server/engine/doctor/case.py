"""A forward that failed, looked at: what was called, with what, and where that came from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from server.engine.doctor.constructor import is_layer
from server.engine.doctor.diagnosis import Kind
from server.engine.doctor.replay import Change, Event, Replay
from server.engine.example import Inputs
from server.engine.operations import tensors_in
from server.engine.runnable import submodule

SAME = frozenset(
    {
        *("relu", "dropout", "gelu", "silu", "sigmoid", "tanh", "leaky_relu", "hardswish"),
        *("contiguous", "to", "float", "detach", "clone", "dropout2d", "relu6", "hardtanh"),
    }
)
"""Functions that give a tensor of the shape of their input, and say nothing about shapes."""


@dataclass(frozen=True)
class Candidate:
    """A change that may be what is needed; not tried yet."""

    kind: Kind
    module_path: str
    parameter: str
    value: Any
    description: str
    changes: tuple[Change, ...]
    only_if_complete: bool = False
    """Whether it is no repair unless the whole forward then passes."""
    cost: int = 0
    """How far it is from what there is: 0 for what stands at the place itself."""


@dataclass(frozen=True)
class Finding:
    """What does not fit."""

    fact: str
    """In words, with shapes, without a full stop."""
    parameter: str | None = None
    candidates: tuple[Candidate, ...] = ()
    wanted: tuple[int, ...] = ()
    """Numbers of channels or features that would fit, for the layers before."""


@dataclass
class Case:
    """A run that stopped, with what ran before."""

    model: nn.Module
    inputs: Inputs
    device: torch.device
    found: Replay
    stopped: Event
    """The innermost call that raised."""
    trials: Callable[[tuple[Change, ...]], bool] = field(repr=False)
    """Tells whether the call that failed passes after changes."""

    @property
    def path(self) -> str:
        """Of the module in which it stopped."""
        return self.stopped.place.path

    @cached_property
    def module(self) -> nn.Module:
        """The module in which it stopped."""
        return submodule(self.model, self.path)

    @cached_property
    def is_layer(self) -> bool:
        """Whether that is a layer of PyTorch, so that its arguments are what can be changed."""
        return is_layer(self.module)

    @cached_property
    def module_call(self) -> Event | None:
        """The call of that module."""
        place = self.stopped.place
        for event in self.found.modules:
            if (event.place.path, event.place.call) == (place.path, place.call):
                return event
        return None

    @cached_property
    def given(self) -> tuple[Tensor, ...]:
        """The tensors that the call, or the layer that makes it, was given; parameters are not."""
        event = self.stopped
        if self.is_layer and self.module_call is not None:
            event = self.module_call
        return tuple(
            tensor
            for tensor in tensors_in((event.args, event.kwargs))
            if id(tensor) not in self.found.names
        )

    @cached_property
    def operation(self) -> str:
        """Class of the layer, or name of the function."""
        if self.is_layer or not self.stopped.place.kind:
            return type(self.module).__name__
        return self.stopped.place.kind

    @cached_property
    def name(self) -> str:
        """The call in words: ``fc1 (Linear)``, ``add in layer1.0 (BasicBlock)``."""
        if self.is_layer or not self.stopped.place.kind:
            return self.name_of_module(self.path)
        inside = f" in {self.name_of_module(self.path)}" if self.path else ""
        return f"{self.stopped.place.kind}{inside}"

    def name_of_module(self, path: str) -> str:
        """``layer1.0 (BasicBlock)``."""
        kind = type(submodule(self.model, path)).__name__
        return f"{path} ({kind})" if path else f"the model ({kind})"

    def name_of(self, event: Event) -> str:
        """What made a tensor: the layer, or the function."""
        path = event.place.path
        module = submodule(self.model, path)
        if is_layer(module):
            return f"{path} ({type(module).__name__})" if path else type(module).__name__
        return f"{event.place.kind} in {path}" if path else event.place.kind

    @cached_property
    def _makers(self) -> dict[int, list[int]]:
        """The numbers of the calls that gave a tensor, by its id: several, if written to."""
        makers: dict[int, list[int]] = {}
        for number, event in enumerate(self.found.events):
            if event.error is None:
                for tensor in tensors_in(event.result):
                    makers.setdefault(id(tensor), []).append(number)
        return makers

    def maker(self, tensor: Tensor, before: int | None = None) -> int | None:
        """The number of the call that gave a tensor last, before another call."""
        limit = len(self.found.events) if before is None else before
        numbers = [number for number in self._makers.get(id(tensor), ()) if number < limit]
        return numbers[-1] if numbers else None

    def input_name(self, number: int) -> str:
        """``input``, ``input@1``, or the keyword by which it is given."""
        by_position = len(self.inputs.args)
        if number >= by_position:
            return list(self.inputs.kwargs)[number - by_position]
        return f"input@{number}" if number else "input"

    def input_number(self, tensor: Tensor) -> int | None:
        """Which input of the model it is."""
        for number, given in enumerate(self.found.inputs):
            if given is tensor:
                return number
        return None

    def before(self) -> Iterator[Event]:
        """The calls on which what was given depends, the nearest first."""
        waiting = {number for tensor in self.given if (number := self.maker(tensor)) is not None}
        seen = set(waiting)
        while waiting:
            nearest = max(waiting)
            waiting.remove(nearest)
            event = self.found.events[nearest]
            yield event
            for tensor in tensors_in((event.args, event.kwargs)):
                number = self.maker(tensor, nearest)
                if number is not None and number not in seen:
                    seen.add(number)
                    waiting.add(number)

    def source(self, tensor: Tensor) -> tuple[Tensor, int | None]:
        """The tensor before functions that change no shape, and the call that gave it."""
        number = self.maker(tensor)
        while number is not None and self.found.events[number].place.kind in SAME:
            event = self.found.events[number]
            first = next(iter(tensors_in((event.args, event.kwargs))), None)
            if first is None or first.shape != tensor.shape:
                break
            tensor, number = first, self.maker(first, number)
        return tensor, number

    def origin(self, tensor: Tensor) -> str:
        """Where a tensor came from: ``from conv2 (Conv2d)``, ``the flatten of [256, 6, 6]``."""
        tensor, made = self.source(tensor)
        if made is None and (number := self.input_number(tensor)) is not None:
            return "the model's input" if len(self.found.inputs) == 1 else f"input {number}"
        if id(tensor) in self.found.names:
            return f"the parameter {self.found.names[id(tensor)]}"
        if made is None:
            return "a tensor that the model makes"
        event = self.found.events[made]
        before = next(iter(tensors_in((event.args, event.kwargs))), None)
        kind = event.place.kind
        if before is not None and kind in ("flatten", "view", "reshape") and before.ndim > 2:
            sizes = list(before.shape[1:])
            if tensor.ndim == 2 and tensor.shape[-1] == math.prod(sizes):
                product = " × ".join(map(str, sizes))
                return f"the {kind} of {sizes} ({product} = {math.prod(sizes)})"
        return f"from {self.name_of(event)}"


def shown(tensor: Tensor) -> str:
    """A tensor's shape as text."""
    return str(list(tensor.shape))
