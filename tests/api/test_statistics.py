"""Layers in numbers: every figure is compared with NumPy's or PyTorch's of the exact values."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from models import LoadedModel, load_model
from server.app import create_app
from server.services.catalog import load_catalog
from server.settings import Settings
from tests.support.asgi import Client, running
from tests.support.drawings import SUN
from tests.support.problems import assert_problem

LAYERS = (
    "stage1.activation1",
    "stage1.convolution2",
    "stage1.add",
    "global_average_pool",
    "linear",
)


@pytest.fixture(scope="module")
def address(client: Client) -> str:
    made = client.post("/api/v1/inspections", json={"drawing": SUN})
    return f"/api/v1/inspections/{made.json()['id']}"


def maps_of(client: Client, address: str, layer: str) -> np.ndarray[Any, Any]:
    with np.load(io.BytesIO(client.get(f"{address}/layers/{layer}.npz").content)) as arrays:
        values = arrays["activation"]
    return values.reshape(values.shape[1], -1)  # type: ignore[no-any-return]


def layers_of(client: Client, address: str) -> list[dict[str, Any]]:
    return client.get(address).json()["layers"]  # type: ignore[no-any-return]


def test_statistics_of_every_layer(client: Client, address: str) -> None:
    for layer in layers_of(client, address):
        maps = maps_of(client, address, layer["name"])
        found = client.get(f"{address}/layers/{layer['name']}/statistics").json()
        assert (found["channels"], found["cells"]) == maps.shape
        assert np.array_equal(np.float32(found["minimum"]), maps.min(axis=1))
        assert np.array_equal(np.float32(found["maximum"]), maps.max(axis=1))
        assert np.allclose(found["mean"], maps.mean(axis=1, dtype=np.float64), rtol=1e-12)
        assert found["zero_fraction"] == [float((values == 0).mean()) for values in maps]
        assert found["dead"] == [bool((values == 0).all()) for values in maps]
        assert not any(found["non_finite"] + found["below"] + found["above"])


def test_values_beyond_a_range_are_counted(client: Client, address: str) -> None:
    maps = maps_of(client, address, LAYERS[1])
    low, high = np.quantile(maps, [0.1, 0.8]).tolist()
    query = {"low": low, "high": high}
    found = client.get(f"{address}/layers/{LAYERS[1]}/statistics", params=query).json()
    assert found["below"] == (maps < low).sum(axis=1).tolist()
    assert found["above"] == (maps > high).sum(axis=1).tolist()
    assert sum(found["below"]) > 0


@pytest.mark.parametrize("label", [None, "cat"])
def test_contributions_are_gradient_times_value(
    client: Client, address: str, label: str | None
) -> None:
    """Compared with hooks on a model of its own, which is not traced."""
    manifest = client.get(address).json()
    model = load_model("doodle-classifier").module.eval().requires_grad_(False)
    seen: dict[str, torch.Tensor] = {}
    for name, module in model.named_modules():
        if name in LAYERS and not any(module.children()):
            module.register_forward_hook(
                lambda _module, _args, output, name=name: seen.__setitem__(name, output)
            )
    image = torch.tensor(manifest["input"]["image"]).float().reshape(1, 1, 28, 28) / 255
    logits = model(image.requires_grad_())
    categories = client.get("/api/v1/models/doodle-classifier").json()["categories"]
    label_ = label or manifest["predictions"][0]["label"]
    score = logits[0, categories.index(label_)]
    gradients = dict(zip(seen, torch.autograd.grad(score, [*seen.values()]), strict=True))
    assert set(gradients) >= {"stage1.convolution2", "linear"}
    for layer, gradient in gradients.items():
        query = {} if label is None else {"label": label}
        found = client.get(f"{address}/layers/{layer}/contributions", params=query).json()
        expected = (
            (gradient * seen[layer].detach()).double()[0].flatten(1)
            if (gradient.ndim > 2)
            else (gradient * seen[layer].detach()).double()[0][:, None]
        )
        assert np.allclose(found["contribution"], expected.sum(1), rtol=1e-3, atol=2e-4), layer
        assert (found["label"], found["reaches"]) == (label_, True)
        assert found["logit"] == pytest.approx(float(score.detach()), abs=1e-4)
        assert found["total"] == pytest.approx(sum(found["contribution"]), abs=1e-9)
        assert found["rest"] == pytest.approx(found["logit"] - found["total"], abs=1e-9)


def test_after_which_everything_is_linear(client: Client, address: str) -> None:
    """The contributions and the bias are the logit."""
    model = load_model("doodle-classifier").module
    linear = next(each for each in model.modules() if isinstance(each, nn.Linear))
    categories = client.get("/api/v1/models/doodle-classifier").json()["categories"]
    reads = next(
        layer["inputs"][0] for layer in layers_of(client, address) if layer["name"] == "linear"
    )
    found = client.get(f"{address}/layers/{reads}/contributions", params={"label": "cat"}).json()
    bias = float(linear.bias[categories.index("cat")].detach())
    assert found["rest"] == pytest.approx(bias, abs=1e-4)
    values = maps_of(client, address, reads)[:, 0]
    weights = linear.weight[categories.index("cat")].detach().numpy()
    assert np.allclose(found["contribution"], values * weights, atol=1e-6)


@pytest.mark.parametrize("channel", [None, 3])
def test_histograms(client: Client, address: str, channel: int | None) -> None:
    for layer in LAYERS[:3]:
        maps = maps_of(client, address, layer)
        values = torch.from_numpy(maps if channel is None else maps[channel]).flatten().double()
        query: dict[str, Any] = {"bins": 20}
        if channel is not None:
            query["channel"] = channel
        found = client.get(f"{address}/layers/{layer}/histogram", params=query).json()
        rest = values[values != 0]
        assert found["zeros"] == len(values) - len(rest)
        assert (found["edges"][0], found["edges"][-1]) == (rest.min(), rest.max())
        counts, _ = torch.histogram(rest, torch.tensor(found["edges"], dtype=torch.float64))
        assert found["counts"] == counts.long().tolist()
        assert found["total"] == len(values)
        assert (found["not_a_number"], found["infinite"]) == (0, 0)


@pytest.mark.parametrize(
    ("path", "status", "pointer"),
    [
        ("layers/oracle/statistics", 404, "layer"),
        ("layers/oracle/contributions", 404, "layer"),
        ("layers/oracle/histogram", 404, "layer"),
        ("layers/linear/statistics?low=nan", 422, "low"),
        ("layers/linear/statistics?high=much", 422, "high"),
        ("layers/linear/contributions?label=oracle", 422, "label"),
        ("layers/linear/histogram?bins=0", 422, "bins"),
        ("layers/linear/histogram?bins=257", 422, "bins"),
        ("layers/linear/histogram?channel=345", 404, "channel"),
    ],
)
def test_what_cannot_be_told(
    client: Client, address: str, path: str, status: int, pointer: str
) -> None:
    problem = assert_problem(client.get(f"{address}/{path}"), status)
    assert pointer in problem["pointer"]


class Odd(nn.Module):
    """Five axes, tokens, tokens before the batch, one number, values that are not finite."""

    def __init__(self) -> None:
        super().__init__()
        self.volume = nn.AvgPool3d((2, 3, 3))
        self.attend = nn.MultiheadAttention(6, 2, batch_first=True)
        self.head = nn.Linear(6, 345)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.volume(x.reshape(-1, 2, 4, 7, 14)).flatten(2)[:, :, :6]
        seen = self.attend(tokens, tokens, tokens, need_weights=False)[0]
        endless = (x / x).mean() + torch.log(-x).nan_to_num(0, 0, 0).sum()
        scores: torch.Tensor = self.head(seen.mean(1)) + endless.nan_to_num(0)
        return scores


def test_outputs_of_any_axes(odd: Client) -> None:
    made = odd.post("/api/v1/inspections", json={"drawing": SUN, "model": "odd"}).json()
    address = f"/api/v1/inspections/{made['id']}"
    shapes = {len(layer["shape"]) for layer in made["layers"]}
    assert shapes == {0, 2, 3, 4, 5}
    assert any(layer["shape"][:1] not in ([1], []) for layer in made["layers"])
    non_finite = 0
    for layer in made["layers"]:
        name = layer["name"]
        with np.load(io.BytesIO(odd.get(f"{address}/layers/{name}.npz").content)) as arrays:
            values = arrays["activation"].astype(np.float64)
        first = values[0] if values.ndim else values
        found = odd.get(f"{address}/layers/{name}/statistics").json()
        assert found["channels"] * found["cells"] == first.size, name
        assert sum(found["non_finite"]) == np.count_nonzero(~np.isfinite(first))
        non_finite += sum(found["non_finite"])
        told = odd.get(f"{address}/layers/{name}/contributions").json()
        assert len(told["contribution"]) == found["channels"], name
        counted = odd.get(f"{address}/layers/{name}/histogram").json()
        assert counted["total"] == first.size
        assert counted["not_a_number"] == np.count_nonzero(np.isnan(first))
    assert non_finite > 0
    last = made["layers"][-1]["name"]
    told = odd.get(f"{address}/layers/{last}/contributions", params={"label": "cat"}).json()
    assert told["total"] == pytest.approx(told["logit"], rel=1e-6)


@pytest.fixture(scope="module")
def odd() -> Iterator[Client]:
    def load(name: str) -> LoadedModel:
        torch.manual_seed(4)
        card = {"title": name, "description": "", "multiply_accumulates": 1}
        return LoadedModel(name, Odd().eval(), card, "0")

    def catalog(settings: Settings) -> Any:
        return load_catalog("odd", torch.device("cpu"), 8, names=["odd"], load=load)

    with running(create_app(Settings(), load=catalog)) as client:
        yield client


def test_an_inspection_that_is_not_kept(client: Client) -> None:
    gone = f"/api/v1/inspections/{'0' * 32}/layers/linear"
    for name in ("statistics", "contributions", "histogram"):
        assert_problem(client.get(f"{gone}/{name}"), 410)
