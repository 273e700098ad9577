"""A run like the one that was traced, with gradients: the same nodes under the same names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from server.engine.record import OperationRecorder, View
from server.engine.recorder import NodeRecorder

_NOWHERE = View(0, (), (), 0, 1, False)


class Rerun(NodeRecorder):
    """Names the nodes of a run; gradients go through what it does. Slots mean nothing."""

    def __init__(self, model: nn.Module, inputs: Sequence[Tensor]) -> None:
        super().__init__(model, inputs, _NoOperations(), keep=False)

    def _renewed(self, output: Tensor) -> Tensor:
        return output.view_as(output)


class _NoOperations(OperationRecorder):  # type: ignore[no-untyped-call]
    """Records nothing: where tensors are in memory does not matter here."""

    def __init__(self) -> None:
        super().__init__((), ())

    def view(self, tensor: Tensor, *, values: bool = False) -> View:
        return _NOWHERE

    def escape(self, tensors: Iterable[Tensor]) -> None:
        pass
