"""Weights over the API are the model's own."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from models import ARCHITECTURES, LoadedModel, load_model
from server.app import create_app
from server.engine.encode import decode_atlas
from server.services.catalog import load_catalog
from server.settings import Settings
from tests.support.asgi import Client, running
from tests.support.problems import assert_problem

ADDRESS = "/api/v1/models/doodle-classifier/layers"
LAYER = "stage1.convolution2"


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return load_model("doodle-classifier").module.state_dict()


def test_every_parameter_is_listed_once_for_each_layer(
    client: Client, state: dict[str, Tensor]
) -> None:
    nodes = client.get("/api/v1/models/doodle-classifier").json()["nodes"]
    listed: set[str] = set()
    for node in nodes:
        found = client.get(f"{ADDRESS}/{node['name']}/parameters").json()
        for each in found["parameters"]:
            values = state[each["name"]].double()
            assert each["shape"] == list(values.shape)
            assert (each["minimum"], each["maximum"]) == (values.min(), values.max())
            assert each["zeros"] == int((values == 0).sum())
            beyond = int((values.abs() > each["bound"]).sum())
            assert each["beyond"] == beyond <= 0.02 * values.numel()
            assert (values.abs() >= each["bound"]).sum() > 0.02 * values.numel() - 1
            assert each["layers"] == [node["name"]]
            assert each["names"] == [each["name"]]
            if each["vector"] is not None:
                assert each["vector"] == values.flatten().tolist()
            assert (each["picture"] is None) == (each["vector"] is not None)
            listed.add(each["name"])
        learned = [each["values"] for each in found["parameters"] if each["learnable"]]
        assert sum(learned) == node["parameters"]
    assert listed == set(state)


@pytest.mark.parametrize("inputs", ["0", "5", "mean", "norm", "all"])
def test_pictures_are_the_kernels(client: Client, state: dict[str, Tensor], inputs: str) -> None:
    weight = state[f"{LAYER}.weight"].numpy()
    wanted = [7, 0, 3]
    query = {"inputs": inputs, "outputs": ",".join(map(str, wanted))}
    answer = client.get(f"{ADDRESS}/{LAYER}/weights", params=query)
    header, layers = decode_atlas(answer.content)
    assert (header["parameter"], header["outputs"]) == (f"{LAYER}.weight", wanted)
    kernels = weight[wanted]
    expected = {
        "mean": kernels.mean(axis=1, dtype=np.float64),
        "norm": np.sqrt((kernels.astype(np.float64) ** 2).sum(axis=1)),
        "all": kernels.reshape(-1, *kernels.shape[2:]),
    }.get(inputs)
    if expected is None:
        expected = kernels[:, int(inputs)]
    maps = layers[f"{LAYER}.weight"]
    assert maps.shape == expected.shape
    spans = np.ptp(expected.reshape(len(expected), -1), axis=1)[:, None, None]
    assert (np.abs(maps - expected) <= spans / 510 * 1.001 + 1e-7).all()


def test_exact_arrays(client: Client, state: dict[str, Tensor]) -> None:
    layer = "stage1.normalisation1"
    answer = client.get(f"{ADDRESS}/{layer}/weights.npz")
    with np.load(io.BytesIO(answer.content)) as arrays:
        assert set(arrays) == {name for name in state if name.startswith(f"{layer}.")}
        for name in arrays:
            assert arrays[name].dtype == state[name].numpy().dtype
            assert np.array_equal(arrays[name], state[name])


def test_histogram(client: Client, state: dict[str, Tensor]) -> None:
    values = state[f"{LAYER}.weight"].flatten().double()
    found = client.get(f"{ADDRESS}/{LAYER}/histogram", params={"bins": 30}).json()
    counts, _ = torch.histogram(
        values[values != 0], torch.tensor(found["edges"], dtype=torch.float64)
    )
    assert found["counts"] == counts.long().tolist()
    assert found["total"] == len(values)


def test_with_its_version_an_answer_may_be_kept(client: Client) -> None:
    version = client.get("/api/v1/models/doodle-classifier").json()["version"]
    for path in ("weights", "weights.npz", "parameters", "histogram"):
        plain = client.get(f"{ADDRESS}/{LAYER}/{path}")
        assert plain.headers["cache-control"] == "public, no-cache"
        kept = client.get(f"{ADDRESS}/{LAYER}/{path}", params={"version": version})
        assert "immutable" in kept.headers["cache-control"]
        assert_problem(client.get(f"{ADDRESS}/{LAYER}/{path}", params={"version": "0"}), 404)


@pytest.mark.parametrize(
    ("path", "status", "pointer"),
    [
        ("oracle/parameters", 404, "layer"),
        ("oracle/weights", 404, "layer"),
        (f"{LAYER}/weights?parameter=oracle", 404, "parameter"),
        ("stage1.activation1/weights", 404, "parameter"),
        ("stage1.normalisation1/weights", 422, "parameter"),
        (f"{LAYER}/weights?inputs=999", 422, "inputs"),
        (f"{LAYER}/weights?inputs=-1", 422, "inputs"),
        (f"{LAYER}/weights?inputs=rgb", 422, "inputs"),
        (f"{LAYER}/weights?outputs=1,x", 422, "outputs"),
        (f"{LAYER}/weights?outputs=9999", 404, "outputs"),
        ("linear/weights?outputs=" + ",".join(["0"] * 513), 422, "outputs"),
        (f"{LAYER}/histogram?bins=9999", 422, "bins"),
    ],
)
def test_what_cannot_be_shown(client: Client, path: str, status: int, pointer: str) -> None:
    problem = assert_problem(client.get(f"{ADDRESS}/{path}"), status)
    assert pointer in problem["pointer"]


@pytest.fixture(scope="module")
def several() -> Iterator[Client]:
    names = ("doodle-classifier", "multilayer-perceptron", "lenet-5")

    def load(name: str) -> LoadedModel:
        architecture = ARCHITECTURES.get(name)
        if architecture is None:
            return load_model(name)
        card = {"title": name, "description": "", "multiply_accumulates": 1}
        return LoadedModel(name, architecture().eval(), card, "0")

    def catalog(settings: Settings) -> Any:
        return load_catalog(settings.default_model, torch.device("cpu"), 8, names=names, load=load)

    with running(create_app(Settings(), load=catalog)) as client:
        yield client


def test_shared_weights_are_named_as_shared(several: Client) -> None:
    found = several.get("/api/v1/models/multilayer-perceptron/layers/shared@1/parameters").json()
    assert [each["layers"] for each in found["parameters"]] == [["shared", "shared@1"]] * 2


def test_parameters_that_functions_read(several: Client) -> None:
    """Those of a module of one's own, which no layer of PyTorch's holds."""
    read = {
        each["name"]
        for layer in ("s2.mul", "s2.add")
        for each in several.get(f"/api/v1/models/lenet-5/layers/{layer}/parameters").json()[
            "parameters"
        ]
    }
    assert read == {"s2.coefficient", "s2.bias"}
