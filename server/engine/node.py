"""One call of a module, or one operation, as it ran."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from torch import Tensor

from server.engine.given import Given
from server.engine.record import Slot

Item = TypeVar("Item")


class SavedBytes(Protocol):
    """Tells how much of a node autograd saves: see ``SavedForBackward``."""

    def of(self, node: Node) -> int | None:
        """In bytes; None if it cannot be measured."""


# Not frozen, since that makes creating one several times slower; nobody writes to them.
@dataclass
class Node:
    """One call of a leaf module, or one functional operation, as it ran."""

    name: str
    """Unique: the module path, or ``<enclosing path>.<operation>``; later calls end in ``@k``."""
    kind: str
    """Class of the module (``Conv2d``) or name of the operation (``add``)."""
    module_path: str
    """Path of the module that ran, or of the one that the operation stands in; "" is the model."""
    call: int
    """How often the same name had run before: 0 for the first call."""
    inputs: tuple[str, ...]
    """Names of the nodes (or inputs) whose tensors it read, in the order of its arguments."""
    shape: tuple[int, ...]
    """Shape of the first output tensor."""
    parameters: int
    """Number of learnable values that it reads."""
    hyperparameters: dict[str, Any]
    """Configuration as JSON values: of the module, or the arguments that are not tensors."""
    multiply_accumulates: int = 0
    """Multiplications, each with its addition, of its convolutions and matrix products."""
    activation_bytes: int = 0
    """Memory of its output tensors."""
    reads: tuple[Slot | None, ...] = field(repr=False, default=())
    """The tensors of ``inputs``, in the same order."""
    result: Any = field(repr=False, default=None)
    """What it returned, with slots in the place of tensors."""
    outputs: tuple[Tensor, ...] = field(repr=False, default=())
    """Clones of what it returned; empty unless the trace keeps outputs."""
    given: Given | None = field(repr=False, default=None)
    """What it was called with; None unless the trace keeps outputs, or of modules with others in.
    """

    saved: SavedBytes | None = field(repr=False, default=None, compare=False)
    """What tells ``saved_for_backward_bytes``."""

    @property
    def saved_for_backward_bytes(self) -> int | None:
        """Memory that training keeps of it for the backward pass, and that no node before it keeps.

        Measured, for all nodes at once, when it is first asked for: see ``SavedForBackward``. None
        if that is not possible.
        """
        return self.saved.of(self) if self.saved else None

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The tensors that it returned, in order."""
        return tuple(slots_in(self.result))

    @property
    def output(self) -> Tensor:
        """The first output tensor, as it was at the time of the call.

        Raises:
            LookupError: the trace was made without ``keep=True``.
        """
        if not self.outputs:
            raise LookupError(f"The output of {self.name} was not kept.")
        return self.outputs[0]


def with_slots(value: Any, slot: Callable[[Tensor], object]) -> Any:
    """Nested results with a slot in the place of each tensor; dataclasses become dictionaries."""
    if isinstance(value, Tensor):
        return slot(value)
    if isinstance(value, Mapping):
        return {key: with_slots(item, slot) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return dict(zip(value._fields, (with_slots(item, slot) for item in value), strict=True))
    if isinstance(value, list | tuple):
        return [with_slots(item, slot) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (field.name for field in dataclasses.fields(value))
        return {name: with_slots(getattr(value, name), slot) for name in fields}
    return None


def slots_in(result: Any) -> Iterator[Slot]:
    """Every slot in nested results, in order."""
    return _items_in(result, Slot)


def chosen_slot(node: Node, item: Any = None) -> Slot:
    """The tensor that a node returned, or the one at a key, an index, or a tuple of those.

    Raises:
        LookupError: there is no such item; it returned no tensor; or several, and none is named.
    """
    return chosen(node.result, item, node.name, Slot)


def chosen(result: Any, item: Any, name: str, kind: type[Item]) -> Item:
    """Of nested results as ``with_slots`` gives them the only one, or that at ``item``.

    Args:
        result: dictionaries and lists of slots, or of what stands for them.
        item: key, index, or tuple of those.
        name: of what returned it.
        kind: of what stands for tensors.

    Raises:
        LookupError: as ``chosen_slot``.
    """
    path = () if item is None else item if isinstance(item, tuple) else (item,)
    for key in path:
        if isinstance(result, dict) and isinstance(key, int) and key not in result:
            result = list(result.values())
        try:
            # A tensor would take an index, too.
            result = result[key] if isinstance(result, dict | list) else {}[key]
        except (LookupError, TypeError):
            raise LookupError(f"{name} returned nothing at item={item!r}.") from None
    found = list(_items_in(result, kind))
    if len(found) != 1:
        what = "no tensor" if not found else f"{len(found)} tensors: choose one by item="
        raise LookupError(f"{name} returned {what}.")
    return found[0]


def _items_in(result: Any, kind: type[Item]) -> Iterator[Item]:
    if isinstance(result, kind):
        yield result
    elif isinstance(result, dict):
        for item in result.values():
            yield from _items_in(item, kind)
    elif isinstance(result, list):
        for item in result:
            yield from _items_in(item, kind)
