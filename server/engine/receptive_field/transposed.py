"""A rule the other way round: from positions that are read to those of the results that read them.

A rule maps wanted positions of a result to positions that it reads, and is linear over unions: what
several positions read together is what each reads alone, together. So it is a boolean matrix. To
transpose it, the rule runs once on a ``Recorded`` in the place of the wanted positions, which notes
each step, and the steps are gone through in reverse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from server.engine.receptive_field.memory import Mask
from server.engine.receptive_field.reads import Rule, unbroadcast
from server.engine.record import Operation, View

Back = Callable[[Mask], Mask]
"""From marked positions of a recorded array to the wanted positions that lead to them."""

MOVES: frozenset[Callable[..., Any]] = frozenset(
    {
        *(np.broadcast_to, np.repeat, np.tile, np.expand_dims, np.squeeze, np.reshape, np.ravel),
        *(np.moveaxis, np.swapaxes, np.transpose, np.flip, np.roll, np.rot90, np.take),
    }
)
"""Functions of NumPy that put each value somewhere, and change none."""


class Recorded:
    """Stands for a boolean array that depends on the wanted positions, in a rule.

    It takes part in those functions of NumPy that are linear over unions. Any other, and any
    question about its values, raises TypeError.
    """

    def __init__(self, shape: tuple[int, ...], back: Back) -> None:
        self.shape = shape
        self.back = back

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of positions."""
        return int(np.prod(self.shape, dtype=np.int64))

    def any(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Recorded:
        """Whether any position along the axes is in the set."""
        axes = tuple(range(self.ndim)) if axis is None else axis
        shape = np.empty(self.shape, np.bool_).any(axis=axes, keepdims=keepdims).shape
        kept = np.empty(self.shape, np.bool_).any(axis=axes, keepdims=True).shape
        return self._then(shape, lambda marks: np.broadcast_to(marks.reshape(kept), self.shape))

    def reshape(self, *shape: Any) -> Recorded:
        """The same positions in another shape."""
        return self._moved(lambda places: places.reshape(*shape))

    def astype(self, _dtype: Any) -> Recorded:
        """Itself: numbers count how often a position is read."""
        return self

    def __getitem__(self, index: Any) -> Recorded:
        return self._moved(lambda places: places[index])

    def arriving(self, places: NDArray[np.integer[Any]], size: int) -> Recorded:
        """See the function of that name."""
        return self._then((size, *self.shape[1:]), lambda marks: marks[places])

    def __matmul__(self, matrix: NDArray[Any]) -> Recorded:
        return self._multiplied(
            lambda array: array @ matrix, lambda marks: _times(marks, matrix.swapaxes(-1, -2))
        )

    def __rmatmul__(self, matrix: NDArray[Any]) -> Recorded:
        return self._multiplied(
            lambda array: matrix @ array, lambda marks: matrix.swapaxes(-1, -2) @ marks
        )

    def __gt__(self, bound: float) -> Recorded:
        return self._unless(bound != 0)

    def __or__(self, other: Recorded) -> Recorded:
        return _union(self, other)

    def __and__(self, constant: Mask) -> Recorded:
        if not isinstance(constant, np.ndarray):
            raise TypeError("What two sets share is not linear over unions.")
        shape = np.broadcast_shapes(self.shape, constant.shape)
        return self._then(shape, lambda marks: unbroadcast(marks & constant, self.shape))

    def __bool__(self) -> bool:
        raise TypeError("The rule asks for values.")

    def __iter__(self) -> Any:
        raise TypeError("The rule asks for values.")

    def __array__(self, *_: Any, **__: Any) -> NDArray[Any]:
        raise TypeError("The rule asks for values.")

    def __array_function__(
        self,
        function: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        if function is np.concatenate:
            return _concatenated(*args, **kwargs)
        if function not in MOVES or args[:1] != (self,):
            return NotImplemented
        return self._moved(lambda places: function(places, *args[1:], **kwargs))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs:
            one, other = inputs[0], inputs[-1]
            if ufunc in (np.logical_or, np.bitwise_or):
                return _union(one, other)
            if ufunc in (np.logical_and, np.bitwise_and):
                return one & other if one is self else other & one
            if ufunc is np.matmul:
                return self.__matmul__(other) if one is self else self.__rmatmul__(one)
        if method == "accumulate" and ufunc is np.logical_or and set(kwargs) <= {"axis"}:
            axis = int(kwargs.get("axis", 0))
            return self._then(
                self.shape,
                lambda marks: np.flip(np.logical_or.accumulate(np.flip(marks, axis), axis), axis),
            )
        return NotImplemented

    def _multiplied(
        self,
        product: Callable[[NDArray[Any]], NDArray[Any]],
        back: Callable[[NDArray[Any]], NDArray[Any]],
    ) -> Recorded:
        """A product with a fixed matrix, whose axes before the last two may be broadcast."""
        shape = product(np.zeros(self.shape, np.float32)).shape
        return self._then(
            shape, lambda marks: unbroadcast(back(marks.astype(np.float32)) > 0, self.shape)
        )

    def _then(self, shape: tuple[int, ...], step: Back) -> Recorded:
        return Recorded(shape, lambda marks: self.back(step(marks)))

    def _moved(self, move: Callable[[NDArray[np.int64]], NDArray[np.int64]]) -> Recorded:
        """Where each position goes is found by moving their numbers."""
        places = move(np.arange(self.size).reshape(self.shape))

        def step(marks: Mask) -> Mask:
            found = np.zeros(self.size, np.bool_)
            found[places[marks]] = True
            return found.reshape(self.shape)

        return self._then(places.shape, step)

    def _unless(self, different: bool) -> Recorded:
        if different:
            raise TypeError("The rule asks for values.")
        return self


def _times(array: NDArray[Any], matrix: NDArray[Any]) -> NDArray[Any]:
    """A product; by one matrix it is one product, which NumPy does not see by itself."""
    if matrix.ndim != 2:
        return np.asarray(array @ matrix)
    flat = np.ascontiguousarray(array).reshape(-1, array.shape[-1])
    product: NDArray[Any] = flat @ np.ascontiguousarray(matrix)
    return product.reshape(*array.shape[:-1], matrix.shape[-1])


def _union(one: Any, other: Any) -> Recorded:
    if not isinstance(one, Recorded) or not isinstance(other, Recorded) or one.shape != other.shape:
        raise TypeError("Of two arrays of one shape that depend on the wanted positions only.")
    return Recorded(one.shape, lambda marks: one.back(marks) | other.back(marks))


def _concatenated(arrays: Sequence[Any], axis: int = 0) -> Recorded:
    if not all(isinstance(array, Recorded) for array in arrays):
        raise TypeError("Of arrays that depend on the wanted positions only.")
    ends = np.cumsum([array.shape[axis] for array in arrays])
    shape = list(arrays[0].shape)
    shape[axis] = int(ends[-1])

    def back(marks: Mask) -> Mask:
        parts = np.split(marks, ends[:-1], axis)
        found: Mask = np.logical_or.reduce(
            [array.back(part) for array, part in zip(arrays, parts, strict=True)]
        )
        return found

    return Recorded(tuple(shape), back)


def transposed(
    rule: Rule,
    operation: Operation,
    results: Sequence[View],
    index: int,
    marked: Callable[[View], Mask | None],
) -> Mask:
    """The positions of one result that read something marked.

    Args:
        rule: of the operation.
        operation: what ran.
        results: what it returned, and after that what it wrote to.
        index: which of these is asked about.
        marked: the marked positions of a tensor; None where none are.

    Raises:
        TypeError: the rule is not made of steps that can be reversed.
    """
    shape = results[index].shape
    wanted = Recorded(shape, lambda marks: marks)
    asked = [None if place != index else cast(Mask, wanted) for place in range(len(results))]
    found = np.zeros(shape, np.bool_)
    read: Any
    for view, read in rule(operation, asked):
        marks = marked(view)
        if marks is None:
            continue
        if isinstance(read, Recorded):
            found |= read.back(np.broadcast_to(marks, read.shape))
        elif (marks & read).any():  # it is read for every position alike
            found[...] = True
    return found
