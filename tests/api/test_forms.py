"""The forms of models behind the API: chosen beside the work, and told."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models import load_model
from server.app import create_app
from server.doodle.raster import render
from server.doodle.strokes import Drawing
from server.services.catalog import load_catalog
from server.settings import Settings
from tests.support.asgi import Client, running
from tests.support.drawings import HOUSE

NAME = "softmax-regression"


@contextmanager
def started(folder: Path, form: str) -> Iterator[tuple[Client, queue.Queue[str]]]:
    settings = Settings(default_model=NAME, form=form, cache=str(folder))  # type: ignore[arg-type]
    app = create_app(
        settings, load=lambda _: load_catalog(NAME, torch.device("cpu"), 64, names=[NAME])
    )
    told: queue.Queue[str] = queue.Queue()
    app.state.announce = told.put
    with running(app) as client:
        yield client, told


def form_of(client: Client) -> dict[str, Any]:
    form: dict[str, Any] = client.get(f"/api/v1/models/{NAME}").json()["form"]
    return form


def assert_right(client: Client) -> None:
    answer = client.post("/api/v1/predictions", json={"drawing": HOUSE, "top_k": 345}).json()
    image = render(Drawing.from_lists(HOUSE)) / np.float32(255)
    with torch.inference_mode():
        logits = load_model(NAME).module.eval()(torch.from_numpy(image)[None, None])[0].numpy()
    given = [guess["logit"] for guess in answer["predictions"]]
    assert given == pytest.approx(sorted(logits.tolist(), reverse=True), abs=1e-4)


def test_the_form_is_chosen_beside_the_work_and_told(tmp_path: Path) -> None:
    with started(tmp_path, "auto") as (client, told):
        assert_right(client)  # whatever answers
        line = told.get(timeout=300)
        form = form_of(client)
        assert line.startswith("Predictions ")
        assert form["name"] in ("eager", "onnxruntime")
        eager, other = form["tried"]
        assert (eager["form"], other["form"], other["refusal"]) == ("eager", "onnxruntime", "")
        assert eager["milliseconds"].keys() == other["milliseconds"].keys() == {"1", "8", "64"}
        assert 0 <= other["difference"] <= 1e-4
        assert_right(client)
    assert len(list(tmp_path.iterdir())) == 1


def test_eager_is_told_too(client: Client) -> None:
    form = client.get("/api/v1/models/doodle-classifier").json()["form"]
    assert form == {"name": "eager", "reason": "it was asked for", "tried": []}


def test_a_server_stops_while_a_model_is_exported(tmp_path: Path) -> None:
    with started(tmp_path, "auto") as (client, told):
        assert_right(client)
        assert told.empty()
