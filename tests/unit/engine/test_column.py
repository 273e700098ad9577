"""The column of boxes is where the gradients in the tensors between are."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from server.engine.receptive_field import column as module
from server.engine.receptive_field.column import Column, column
from server.engine.receptive_field.reviews import Uncertain
from server.engine.trace import Trace, trace_model


class Residual(nn.Module):
    """Strides, holes, groups, a residual sum in place, and two branches that are joined."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.holes = nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=2)
        self.activation = nn.ReLU(inplace=True)
        self.narrow = nn.Conv2d(4, 2, 1)
        self.pooling = nn.AvgPool2d(3, stride=1, padding=1)
        self.head = nn.Conv2d(6, 4, 3)
        self.linear = nn.Linear(4 * 5 * 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.activation(self.holes(x))
        y += x
        y = torch.cat([self.narrow(y), self.pooling(y)], 1)
        y = self.head(y)
        logits: Tensor = self.linear(y.flatten(1))
        return logits


def network() -> tuple[nn.Module, Trace, Tensor]:
    model = Residual().double().eval()
    with torch.no_grad():
        for value in model.parameters():
            value.uniform_(0.5, 1)
    x = torch.rand(1, 2, 14, 12, dtype=torch.float64)
    return model, trace_model(model, x), x


def gradients(model: nn.Module, x: Tensor, layer: str, index: tuple[int, ...]) -> dict[str, Tensor]:
    """By path, where the gradient of a unit in a module's output is not zero."""
    kept: dict[str, Tensor] = {}

    def keep(path: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
            kept[path] = output
            # A copy goes on, since what follows may write to it.
            return output.clone()

        return hook

    handles = [
        part.register_forward_hook(keep(path)) for path, part in model.named_modules() if path
    ]
    x = x.clone().requires_grad_()
    try:
        model(x)
    finally:
        for handle in handles:
            handle.remove()
    tensors = {"input": x, **kept}
    found: tuple[Tensor | None, ...] = torch.autograd.grad(
        kept[layer][index], list(tensors.values()), allow_unused=True, retain_graph=True
    )
    return {
        name: gradient != 0
        for name, gradient in zip(tensors, found, strict=True)
        if gradient is not None
    }


UNITS = [
    ("stem", (0, 3, 0, 5)),
    ("holes", (0, 0, 3, 2)),
    ("narrow", (0, 1, 6, 0)),
    ("head", (0, 2, 0, 0)),
    ("head", (0, 1, 4, 3)),
    ("linear", (0, 2)),
]


def check(found: Column, expected: dict[str, Tensor], layer: str) -> None:
    parts = {part.name: part for part in found.parts}
    assert set(expected) <= set(parts)
    for name, read in expected.items():
        part = parts[name]
        if name == layer:
            continue
        flat = read[0].any(0)
        assert torch.equal(torch.from_numpy(part.mask), flat), name
        assert part.channels == tuple(read[0].flatten(1).any(1).nonzero().flatten().tolist()), name
        rows, columns = flat.any(1).nonzero(), flat.any(0).nonzero()
        assert part.box == (
            (int(rows.min()), int(rows.max()) + 1), (int(columns.min()), int(columns.max()) + 1),
        )  # fmt: skip


@pytest.mark.parametrize(("layer", "index"), UNITS)
def test_boxes_are_where_gradients_are(layer: str, index: tuple[int, ...]) -> None:
    model, trace, x = network()
    found = column(trace, layer, index)
    assert (found.status, found.causes) == ("exact", ())
    check(found, gradients(model, x, layer, index), layer)


@pytest.mark.parametrize(("layer", "index"), UNITS)
def test_the_walk_through_every_position_finds_the_same(
    layer: str, index: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, trace, x = network()

    def unsure(*_: Any) -> Any:
        raise Uncertain

    monkeypatch.setattr(module, "_planned", unsure)
    check(column(trace, layer, index), gradients(model, x, layer, index), layer)


def test_order_depth_and_what_does_not_lead_to_the_unit() -> None:
    _, trace, _ = network()
    found = column(trace, "pooling", (0, 1, 2, 2))
    assert [(part.name, part.depth) for part in found.parts] == [
        ("pooling", 5),
        ("add", 4),
        ("activation", 3),
        ("holes", 2),
        ("stem", 1),
        ("input", 0),
    ]
    assert found.parts[0].box == ((2, 3), (2, 3))
    assert found.parts[0].channels == (1,)
    assert found.parts[1].channels == (1,)


def test_what_is_not_there() -> None:
    _, trace, _ = network()
    with pytest.raises(KeyError):
        column(trace, "tail", (0, 0, 0, 0))
    with pytest.raises(IndexError, match=r"there is no \[0, 9, 0, 0\]"):
        column(trace, "head", (0, 9, 0, 0))
