"""Positions that a fixed mask hides: minus infinity before a softmax, and zero behind it.

Masks are laid on scores by ``masked_fill``, ``where``, ``tril`` or by adding minus infinity. What
is hidden there is not read; nor is the row of values that a product of matrices multiplies by the
zero that became of it. So attention to what came before reads what came before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from server.engine.receptive_field.memory import Mask, Memory
from server.engine.receptive_field.reads import Reads, Rule, arguments_read, is_empty, unbroadcast
from server.engine.record import LOWEST, Masked, Operation, Storage, View

PRODUCTS = frozenset({"mm", "bmm", "addmm", "baddbmm"})
OTHER_PRODUCTS = frozenset(
    {"mv", "dot", "vdot", "addmv", "addbmm", "_trilinear", "addr", "addcmul"}
)
"""Those through which zeros are not followed."""

KEEPING = frozenset({"_to_copy", "clone", "alias", "native_dropout", "dropout", "_unsafe_view"})
SOFTMAX = frozenset({"_softmax", "softmax", "_safe_softmax"})
SUMS = frozenset({"sum", "mean", "amax", "max", "logsumexp", "_log_softmax"})


def with_masks(
    operations: Iterable[Operation], storages: Mapping[int, Storage]
) -> tuple[Operation, ...]:
    """The operations of a run, those noted that have to do with what a mask hides."""
    follower = _Follower(storages)
    return tuple(map(follower.noted, operations))


def beneath(rule: Rule) -> Rule:
    """The rule for an operation where a mask hides something."""

    def covered(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
        masked = operation.masked
        assert masked is not None
        main, *others = wanted
        if main is not None and masked.constant is not None:
            main = main & ~masked.constant
            if is_empty(main):
                main = None
        if main is None and all(mask is None for mask in others):
            return
        if masked.zeros and main is not None:
            yield from _product(operation, masked.zeros, main)
        else:
            yield from rule(operation, [main, *others])

    return covered


def _product(operation: Operation, zeros: Mapping[str, Mask], wanted: Mask) -> Reads:
    """A product of matrices where some factors are zero."""
    given = operation.arguments
    left, right = _factors(operation)
    full = [
        ~zeros[name] if name in zeros else np.ones(given[name].shape, bool)
        for name in (left, right)
    ]
    if operation.name.startswith(("add", "badd")):
        yield given["self"], unbroadcast(wanted, given["self"].shape)
    columns, rows = full[1].swapaxes(-1, -2), full[0].swapaxes(-1, -2)
    yield given[left], _any(wanted, columns) & full[0]
    yield given[right], _any(rows, wanted) & full[1]


def _any(left: Mask, right: Mask) -> Mask:
    # Counts are far below what float32 holds exactly.
    found: Mask = left.astype(np.float32) @ right.astype(np.float32) > 0
    return found


def _factors(operation: Operation) -> tuple[str, str]:
    given = operation.arguments
    if "batch1" in given:
        return "batch1", "batch2"
    return ("mat1" if "mat1" in given else "self"), "mat2"


class _Follower:
    """What is certainly so low that a softmax makes it zero, and what is certainly zero."""

    def __init__(self, storages: Mapping[int, Storage]) -> None:
        self._low, self._zero = Memory(storages), Memory(storages)
        self._lost: set[int] = set()
        """Memory in which there may be zeros that were not followed."""

    def noted(self, operation: Operation) -> Operation:
        made = (*operation.results, *operation.written)
        if operation.function is None or not made:
            return operation
        views = list(arguments_read(operation))
        name = operation.name.removesuffix("_")
        shape = made[0].shape
        low, zero = self._made(name, operation, shape)
        known = low is not None or zero is not None
        masked = self._masked(name, operation, _union(low, zero))
        lost = any(view.storage in self._lost for view in views) or (
            not known and name not in PRODUCTS | SOFTMAX | SUMS and self._any(views)
        )
        for view in made:
            self._low.take(view)
            self._zero.take(view)
            self._lost.discard(view.storage)
            if lost and not name.startswith(tuple(PRODUCTS)):
                self._lost.add(view.storage)
        for memory, mask in ((self._low, low), (self._zero, zero)):
            if mask is not None:
                memory.add(made[0], mask)
        return replace(operation, masked=masked) if masked else operation

    def _made(
        self, name: str, operation: Operation, shape: tuple[int, ...]
    ) -> tuple[Mask | None, Mask | None]:
        """Which positions of a result are low, and which are zero."""
        given = operation.arguments
        source = given.get("self", given.get("input"))
        low, zero = self._is_low(source, shape), self._is_zero(source, shape)
        other = given.get("other")
        if name in KEEPING:
            return low, zero
        if name == "add":
            return _union(low, self._is_low(other, shape)), None
        if name == "baddbmm":
            return low, None
        if name == "sub":
            return low, None
        if name in ("mul", "div"):
            positive = isinstance(other, int | float) and other > 0
            if name == "mul":
                zero = _union(zero, self._is_zero(other, shape))
            return low if positive else None, zero
        if name == "exp" or name in SOFTMAX:
            return None, low
        if name in ("tril", "triu"):
            rows, columns = shape[-2:]
            kept = np.tri(rows, columns, given["diagonal"] - (name == "triu"), dtype=np.bool_)
            hidden = np.broadcast_to(~kept if name == "tril" else kept, shape)
            return None, _union(zero, np.array(hidden))
        if name == "masked_fill" and given["mask"].values is not None:
            mask = np.broadcast_to(given["mask"].values.cpu().numpy(), shape)
            return self._chosen(mask, given["value"], source, shape)
        if name == "where" and isinstance(given.get("condition"), View):
            condition = given["condition"].values
            if condition is not None:
                mask = np.broadcast_to(condition.cpu().numpy().astype(bool), shape)
                return self._chosen(mask, source, other, shape)
        return None, None

    def _chosen(
        self, mask: Mask, inside: object, outside: object, shape: tuple[int, ...]
    ) -> tuple[Mask | None, Mask | None]:
        """Of values that come from one or the other."""
        both = []
        for found in (self._is_low, self._is_zero):
            chosen, rest = found(inside, shape), found(outside, shape)
            both.append(
                _union(
                    None if chosen is None else mask & chosen,
                    None if rest is None else ~mask & rest,
                )
            )
        return both[0], both[1]

    def _is_low(self, value: object, shape: tuple[int, ...]) -> Mask | None:
        if isinstance(value, View):
            known = self._low.get(value)
            if value.values is not None:
                known = (value.values <= LOWEST).cpu().numpy()
            return _spread(known, shape)
        low = isinstance(value, int | float) and value <= LOWEST
        return np.ones(shape, bool) if low else None

    def _is_zero(self, value: object, shape: tuple[int, ...]) -> Mask | None:
        if isinstance(value, View):
            known = self._zero.get(value)
            if value.values is not None and value.values.numel() == 1:
                known = (value.values == 0).cpu().numpy()
            return _spread(known, shape)
        return np.ones(shape, bool) if isinstance(value, int | float) and value == 0 else None

    def _masked(self, name: str, operation: Operation, constant: Mask | None) -> Masked | None:
        given = operation.arguments
        zeros: dict[str, Mask] = {}
        lost = False
        if name in PRODUCTS:
            for key in _factors(operation):
                view = given[key]
                lost |= view.storage in self._lost
                if (zero := self._zero.get(view)) is not None:
                    zeros[key] = zero
        elif name in OTHER_PRODUCTS or name == "mul":
            lost = any(view.storage in self._lost for view in arguments_read(operation))
            lost |= name in OTHER_PRODUCTS and self._any(arguments_read(operation))
        return Masked(constant, zeros, lost) if constant is not None or zeros or lost else None

    def _any(self, views: Iterable[View]) -> bool:
        return any(
            memory.get(view) is not None for view in views for memory in (self._low, self._zero)
        )


def _spread(known: Mask | None, shape: tuple[int, ...]) -> Mask | None:
    if known is None or not known.any():
        return None
    try:
        return np.array(np.broadcast_to(known, shape))
    except ValueError:
        return None


def _union(left: Mask | None, right: Mask | None) -> Mask | None:
    if left is None or right is None:
        return right if left is None else left
    return left | right
