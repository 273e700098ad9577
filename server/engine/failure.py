"""A forward that failed."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from server.engine.doctor.diagnosis import Diagnosis
from server.engine.doctor.doctor import diagnose
from server.engine.example import Inputs
from server.engine.node import Node


@dataclass(frozen=True, eq=False)
class Attempt:
    """A run: of which model, on what, where."""

    model: nn.Module
    inputs: Inputs
    device: torch.device


class ForwardFailed(RuntimeError):
    """The model's forward raised; ``nodes`` ran before it, ``module_path`` is where it stopped."""

    def __init__(
        self,
        module_path: str,
        nodes: Sequence[Node],
        cause: BaseException,
        attempt: Attempt,
        call: int = 0,
    ) -> None:
        ran = "before anything ran"
        if nodes:
            last = f"{nodes[-1].name} gave {list(nodes[-1].shape)}"
            ran = f"after {len(nodes)} nodes (the last was {last})"
        where = f"{module_path} (call {call})" if call else module_path or "the model itself"
        super().__init__(f"The forward failed in {where} {ran}: {type(cause).__name__}: {cause}")
        self.module_path = module_path
        self.call = call
        """Which call of that module it was."""
        self.nodes = tuple(nodes)
        self.attempt = attempt

    def because(self, cause: BaseException) -> ForwardFailed:
        """The same failure with another cause."""
        return ForwardFailed(self.module_path, self.nodes, cause, self.attempt, self.call)

    @functools.cached_property
    def diagnosis(self) -> Diagnosis:
        """What did not fit, and the smallest changes that would have.

        Found when first asked for: by running the model again on the meta device (really, where its
        shapes come only from real runs), also changed, and leaving it as it is. So it is of the
        model as it is then.
        """
        cause = self.__cause__ or self
        return diagnose(
            self.attempt.model, self.attempt.inputs, self.attempt.device, self.nodes, cause
        )
