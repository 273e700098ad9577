"""What can be changed for one run of a model, to see whether it then passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from server.engine.doctor.constructor import change_module
from server.engine.doctor.replay import Event, UnsuitableChange
from server.engine.example import Arguments
from server.engine.runnable import submodule

Called = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
"""A function with its arguments."""


@dataclass(frozen=True)
class Unchanged:
    """Changes nothing; each change overrides what it changes."""

    def on_model(self, model: nn.Module, device: torch.device) -> Callable[[], None] | None:
        """No module."""
        return None

    def on_arguments(self, arguments: Arguments) -> Arguments:
        """No input."""
        return arguments

    def on_call(self, event: Event) -> Called | None:
        """No call."""
        return None


@dataclass(frozen=True)
class ModuleChange(Unchanged):
    """Other arguments of a module's constructor, or another class of layer."""

    path: str
    values: Mapping[str, Any] = field(default_factory=dict)
    kind: str | None = None

    def on_model(self, model: nn.Module, device: torch.device) -> Callable[[], None] | None:
        """Build the module again, in its place."""
        return change_module(submodule(model, self.path), self.values, device, self.kind)


@dataclass(frozen=True)
class AttributeChange(Unchanged):
    """Another value of a plain attribute of a module."""

    path: str
    name: str
    value: Any

    def on_model(self, model: nn.Module, device: torch.device) -> Callable[[], None] | None:
        """Set it."""
        vars(submodule(model, self.path))[self.name] = self.value
        return None


@dataclass(frozen=True)
class ParameterChange(Unchanged):
    """Another shape of a parameter that the model's own code uses."""

    name: str
    shape: tuple[int, ...]

    def on_model(self, model: nn.Module, device: torch.device) -> Callable[[], None] | None:
        """Put zeros of that shape in its place."""
        path, _, name = self.name.rpartition(".")
        owner = submodule(model, path)
        if not isinstance(owner._parameters.get(name), Tensor):
            raise UnsuitableChange(f"{self.name} is no parameter.")
        old = owner._parameters[name]
        assert old is not None
        made = torch.zeros(self.shape, dtype=old.dtype, device=device)
        owner._parameters[name] = nn.Parameter(made, False)
        return None


@dataclass(frozen=True)
class CallChange(Unchanged):
    """Another way to make one call of a function, wherever its line of code runs."""

    line: tuple[str, str, int]
    change: Callable[[Event], Called]

    def on_call(self, event: Event) -> Called | None:
        """Make that call differently."""
        return self.change(event) if event.place.line == self.line else None


@dataclass(frozen=True)
class InputChange(Unchanged):
    """Another input, or several of them."""

    change: Mapping[int, Callable[[Tensor], Tensor]]
    """By the number of the input, counted by position and then by name."""

    def on_arguments(self, arguments: Arguments) -> Arguments:
        """Change those inputs."""
        try:
            changed = [
                self.change[index](tensor) if index in self.change else tensor
                for index, tensor in enumerate(arguments.tensors())
            ]
        except (RuntimeError, IndexError) as cause:
            raise UnsuitableChange(str(cause)) from cause
        count = len(arguments.args)
        return replace(
            arguments,
            args=tuple(changed[:count]),
            kwargs=dict(zip(arguments.kwargs, changed[count:], strict=True)),
        )
