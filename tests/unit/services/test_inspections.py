"""The store of inspections: bounded in bytes, the least recently used goes first."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from server.errors import InvalidInput, NotFound, StoreTooSmall
from server.schemas.preprocessing import Box, Offset, Preprocessing
from server.services.catalog import Model
from server.services.inputs import NetworkInput
from server.services.inspections import (
    InspectionStore,
    KeptInspection,
    check_id,
    inspection_id,
)

MODEL = Model(
    name="tiny",
    version="1",
    card={},
    module=nn.Identity(),
    device=torch.device("cpu"),
    batch_images=1,
)


def prepared(key: bytes = b"key", size: int = 0) -> NetworkInput:
    how = Preprocessing(
        source="strokes",
        box=Box(left=0, top=0, right=1, bottom=1),
        scale=1,
        offset=Offset(x=0, y=0),
        line_width=1,
        steps=[],
    )
    return NetworkInput(np.zeros(size, np.uint8), how, key)


def kept(id: str, size: int) -> KeptInspection:
    """An inspection of exactly that many bytes."""
    return KeptInspection(id, MODEL, prepared(b"", size), np.zeros(0, np.float32), {})


def test_the_least_recently_used_goes_first() -> None:
    store = InspectionStore(100)
    for name in ("a", "b", "c"):
        store.put(kept(name, 30))
    assert store.get("a")
    store.put(kept("d", 40))
    assert store.get("b") is None
    assert [name for name in "abcd" if store.get(name)] == ["a", "c", "d"]
    assert store.size == 100
    store.put(kept("e", 100))
    assert len(store) == 1
    assert store.size == 100


def test_the_bound_always_holds() -> None:
    store = InspectionStore(1_000)
    generator = np.random.default_rng(0)
    for size in generator.integers(0, 1_001, 300):
        store.put(kept(str(generator.integers(0, 40)), int(size)))
        assert store.size <= 1_000
        assert store.size == sum(item.size for item in store._kept.values())


def test_one_that_can_never_fit_is_refused_and_drops_nothing() -> None:
    store = InspectionStore(100)
    store.put(kept("a", 60))
    with pytest.raises(StoreTooSmall) as caught:
        store.put(kept("b", 101))
    assert caught.value.limit == 100
    assert store.get("a")


def test_ids_tell_models_versions_and_inputs_apart() -> None:
    from dataclasses import replace

    ids = {
        inspection_id(model, prepared(key))
        for model in (MODEL, replace(MODEL, version="2"), replace(MODEL, name="tiny2", version=""))
        for key in (b"", b"1", b"2", b"12")
    }
    assert len(ids) == 12
    assert inspection_id(MODEL, prepared(b"1")) in ids
    for id in ids:
        check_id(id)


@pytest.mark.parametrize("id", ["", "g" * 32, "0" * 31, "0" * 33, "A" * 32, "é" * 32])
def test_what_cannot_be_an_id(id: str) -> None:
    with pytest.raises(InvalidInput):
        check_id(id)


def test_a_layer_that_is_not_there() -> None:
    with pytest.raises(NotFound):
        kept("a", 1).layer("nothing")
