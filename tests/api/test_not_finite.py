"""Models that give NaN or infinity: no answer in JSON, and no error of the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from server.app import create_app
from server.services.catalog import Catalog, load_catalog
from server.settings import Settings
from tests.support.asgi import Client, running
from tests.support.problems import assert_problem

PREDICTIONS = "/api/v1/predictions"
DRAWING = {"drawing": [[[0, 9, 3], [0, 9, 8]]], "top_k": 2}
CATEGORIES = 345


class Broken(nn.Module):
    """Gives 0, 1, 2, ... as logits, but for some."""

    def __init__(self, logit: float, where: slice) -> None:
        super().__init__()
        self.logits = torch.arange(CATEGORIES, dtype=torch.float32)
        self.logits[where] = logit

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :1] * 0 + self.logits


@contextmanager
def broken(logit: float, where: slice) -> Iterator[Client]:
    def load(chosen: Settings) -> Catalog:
        shipped = load_catalog(chosen.default_model, torch.device("cpu"), chosen.batch_images)
        model = replace(shipped.default, module=Broken(logit, where))
        return Catalog([model], model.name)

    with running(create_app(Settings(), load=load)) as client:
        yield client


@pytest.mark.parametrize("logit", [float("nan"), float("inf"), float("-inf")])
def test_no_probabilities_can_be_made(logit: float) -> None:
    where = slice(7, 8) if logit != float("-inf") else slice(None)
    with broken(logit, where) as client:
        for body in (DRAWING, [DRAWING]):  # as most clients ask, and as others do
            response = client.post(PREDICTIONS, json=body)
            assert assert_problem(response, 422)["type"] == "/problems/not-finite"
        inspection = client.post("/api/v1/inspections", json=DRAWING)
        assert inspection.status_code == 201
        found = inspection.json()
        assert (found["predictions"], found["entropy"]) == ([], None)
        assert found["layers"][-1]["non_finite"] == (CATEGORIES if where == slice(None) else 1)


def test_categories_that_are_ruled_out_are_no_obstacle() -> None:
    with broken(float("-inf"), slice(0, 300)) as client:
        answer = client.post(PREDICTIONS, json=DRAWING).json()
        assert [guess["logit"] for guess in answer["predictions"]] == [344, 343]
        every = client.post(PREDICTIONS, json={**DRAWING, "top_k": CATEGORIES})
        assert "300 of 345 logits" in assert_problem(every, 422)["detail"]
