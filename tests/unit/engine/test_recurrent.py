"""Recurrent operators of other devices, by the layouts of their arguments and results.

They run on GPUs only. What each step depends on is found on the CPU, by NaN through the same layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from server.engine.receptive_field.memory import Mask
from server.engine.receptive_field.rules import rule_of
from server.engine.record import Operation, View


def view(number: int, tensor: Tensor) -> View:
    shape, stride = tuple(tensor.shape), tuple(tensor.stride())
    return View(number, shape, stride, 0, tensor.element_size(), True)


def read(
    name: str, arguments: dict[str, Any], results: list[Tensor], which: int, place: tuple[int, ...]
) -> dict[int, Mask]:
    """What an operator reads for one position of one of its results, by storage."""
    views = {
        key: view(number, value) if isinstance(value, Tensor) else value
        for number, (key, value) in enumerate(arguments.items())
    }
    made = tuple(view(100 + number, result) for number, result in enumerate(results))
    operation = Operation(name, torch.add, views, made, ())
    rule, status = rule_of(operation)
    assert status == "exact"
    wanted: list[Mask | None] = [None] * len(results)
    mask = np.zeros(tuple(results[which].shape), bool)
    mask[place] = True
    wanted[which] = mask
    found: dict[int, Mask] = {}
    for source, reached in rule(operation, wanted):
        found[source.storage] = found.get(source.storage, reached) | reached
    return found


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
def test_all_layers_as_one_operator(
    kind: Callable[..., nn.Module], bidirectional: bool, batch_first: bool
) -> None:
    settings: dict[str, Any] = {"bidirectional": bidirectional, "batch_first": batch_first}
    layer = kind(3, 2, num_layers=2, **settings).double()
    x = torch.rand((2, 4, 3) if batch_first else (4, 2, 3), dtype=torch.float64)
    state = torch.rand(4 if bidirectional else 2, 2, 2, dtype=torch.float64)
    given = (state, state.clone()) if kind is nn.LSTM else state
    output, last = layer(x, given)
    results = [output, *(last if isinstance(last, tuple) else [last])]
    arguments = {"input": x, "hx": state, "cx": state if kind is nn.LSTM else None, **settings}
    for which, place in ((0, (1, 1, 0)), (0, (0, 0, 1)), (1, (0, 1, 0)), (1, (1, 0, 1))):
        found = read("_cudnn_rnn", arguments, results, which, place)
        expected = torch.zeros(x.shape[:2], dtype=torch.bool)
        for step in np.ndindex(*x.shape[:2]):
            poisoned = x.clone()
            poisoned[step] = math.nan
            again, final = layer(poisoned, given)
            ends = final[0] if isinstance(final, tuple) else final
            expected[step] = bool((again, ends)[which][place].isnan())
        assert torch.equal(torch.from_numpy(found[0].copy()).any(-1), expected)
        items = expected.any(1 if batch_first else 0)
        assert found[1].any(axis=(0, 2)).tolist() == items.tolist()


@pytest.mark.parametrize(
    ("name", "gates"), [("_thnn_fused_lstm_cell", 4), ("_thnn_fused_gru_cell", 3)]
)
def test_a_step_from_the_sums_of_its_gates(name: str, gates: int) -> None:
    sums, before = torch.rand(2, gates * 5), torch.rand(2, 5)
    state = "cx" if gates == 4 else "hx"
    arguments = {"input_gates": sums, "hidden_gates": sums.clone(), state: before}
    found = read(name, arguments, [before.clone()], 0, (1, 3))
    expected = torch.zeros(2, gates * 5, dtype=torch.bool)
    expected[1, 3::5] = True  # each gate's sum for the feature, as the gates stand side by side
    assert torch.equal(torch.from_numpy(found[0].copy()), expected)
    assert torch.equal(torch.from_numpy(found[1].copy()), expected)
    assert np.argwhere(found[2]).tolist() == [[1, 3]]
