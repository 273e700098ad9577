"""Several models behind one API, each answering for itself; with weights of a moment ago."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from models import ARCHITECTURES, LoadedModel
from server.app import create_app
from server.doodle.raster import render
from server.doodle.strokes import Drawing
from server.services.catalog import Catalog, load_catalog
from server.settings import Settings
from tests.support.asgi import Client, running
from tests.support.problems import assert_problem

DRAWING = [[[0, 255, 255, 0, 0], [0, 0, 170, 170, 0]], [[0, 128, 255], [0, 100, 0]]]
SEEDS = {name: seed for seed, name in enumerate(ARCHITECTURES)}


def untrained(name: str) -> LoadedModel:
    torch.manual_seed(SEEDS[name])
    architecture = ARCHITECTURES[name]
    card = {
        "title": architecture.title,
        "description": architecture.description,
        "multiply_accumulates": 1,
    }
    return LoadedModel(name, architecture().eval(), card, f"seed {SEEDS[name]}")


@pytest.fixture(scope="module")
def several() -> Iterator[Client]:
    def load(settings: Settings) -> Catalog:
        return load_catalog(
            settings.default_model,
            torch.device("cpu"),
            settings.batch_images,
            names=ARCHITECTURES,
            load=untrained,
        )

    with running(create_app(Settings(), load=load)) as client:
        yield client


def test_the_list_has_all_of_them(several: Client) -> None:
    models = several.get("/api/v1/models").json()["models"]
    assert [model["name"] for model in models] == list(ARCHITECTURES)
    for model in models:
        architecture = ARCHITECTURES[model["name"]]
        assert (model["title"], model["description"]) == (
            architecture.title,
            architecture.description,
        )
        counted = sum(parameter.numel() for parameter in architecture().parameters())
        assert model["parameters"] == counted


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_model_that_is_named_answers(name: str, several: Client) -> None:
    body = {"drawing": DRAWING, "model": name, "top_k": 345}
    answer = several.post("/api/v1/predictions", json=body).json()
    assert (answer["model"], answer["version"]) == (name, f"seed {SEEDS[name]}")
    image = torch.from_numpy(render(Drawing.from_lists(DRAWING))).float().div(255)
    with torch.inference_mode():
        logits = untrained(name).module(image[None, None])[0]
    given = {guess["label"]: guess["logit"] for guess in answer["predictions"]}
    found = several.get(f"/api/v1/models/{name}").json()
    for label, logit in zip(found["categories"], logits.tolist(), strict=True):
        assert given[label] == pytest.approx(logit, abs=1e-3)


def test_a_shared_layer_is_two_nodes_of_the_graph(several: Client) -> None:
    nodes = several.get("/api/v1/models/multilayer-perceptron").json()["nodes"]
    shared = [node for node in nodes if node["module_path"] == "shared"]
    assert [node["name"] for node in shared] == ["shared", "shared@1"]
    assert [node["call"] for node in shared] == [0, 1]


def test_layers_of_every_model_can_be_inspected(several: Client) -> None:
    for name in ("lenet-5", "googlenet"):
        made = several.post("/api/v1/inspections", json={"drawing": DRAWING, "model": name}).json()
        assert made["model"] == name
        for layer in made["layers"]:
            assert several.get(layer["url"]).status_code == 200, layer["name"]


def test_a_model_that_is_not_there(several: Client) -> None:
    body = {"drawing": DRAWING, "model": "oracle"}
    problem = assert_problem(several.post("/api/v1/predictions", json=body), 422)
    assert "lenet-5" in problem["detail"]
