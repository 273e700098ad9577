"""Inspections show exactly what every layer gave."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from models import load_model
from server.doodle.raster import render
from server.doodle.strokes import Drawing
from server.engine.encode import decode_atlas
from tests.support.asgi import Client
from tests.support.drawings import HOUSE, SUN, picture_of
from tests.support.images import file_of
from tests.support.problems import assert_problem

ADDRESS = "/api/v1/inspections"


@pytest.fixture(scope="module")
def manifest(client: Client) -> dict[str, Any]:
    response = client.post(ADDRESS, json={"drawing": SUN})
    assert response.status_code in (200, 201)
    manifest: dict[str, Any] = response.json()
    return manifest


@pytest.fixture(scope="module")
def hooked(client: Client) -> dict[str, Tensor]:
    """What hooks on a model of its own see, channels last like the server's, in its thread."""
    model = load_model("doodle-classifier").module.eval()
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    seen: dict[str, Tensor] = {}
    for path, module in model.named_modules():
        if not any(module.children()):
            module.register_forward_hook(
                lambda _module, _args, output, path=path: seen.__setitem__(path, output.clone())
            )
    image = torch.from_numpy(render(Drawing.from_lists(SUN))).float() / 255
    batch = image[None, None].contiguous(memory_format=torch.channels_last)

    def forward() -> None:
        with torch.inference_mode():
            model(batch)

    # In another thread a sum may be split otherwise, and then it rounds otherwise.
    client.portal.call(client.services.lane.alone, forward)
    return seen


def test_manifest(client: Client, manifest: dict[str, Any], hooked: dict[str, Tensor]) -> None:
    assert set(manifest) == {
        "id", "model", "version", "input", "predictions", "unknown", "entropy", "layers",
    }  # fmt: skip
    assert manifest["input"]["image"] == render(Drawing.from_lists(SUN)).tolist()
    preprocessing = manifest["input"]["preprocessing"]
    assert preprocessing["source"] == "strokes"
    assert preprocessing["strokes"] == len(SUN)
    assert preprocessing["points"] == sum(len(x) for x, _ in SUN)
    assert preprocessing["box"] == {"left": 10, "top": 10, "right": 246, "bottom": 246}
    middle = 128 * preprocessing["scale"] + preprocessing["offset"]["x"]
    assert middle == pytest.approx(14)
    assert [step["name"] for step in preprocessing["steps"]] == ["box", "scale", "centre", "line"]
    assert manifest["predictions"][0]["label"] == "sun"
    assert 0 <= manifest["entropy"] <= np.log(345)
    names = [layer["name"] for layer in manifest["layers"]]
    assert len(set(names)) == len(names)
    assert set(hooked) <= set(names)
    nodes = client.get("/api/v1/models/doodle-classifier").json()["nodes"]
    assert [node["name"] for node in nodes] == names
    shared = set(nodes[0]) & set(manifest["layers"][0])
    assert shared >= {"kind", "module_path", "call", "inputs", "shape", "attributes", "parameters"}
    for layer, node in zip(manifest["layers"], nodes, strict=True):
        assert {key: layer[key] for key in shared} == {key: node[key] for key in shared}


def test_predictions_are_those_of_the_prediction_route(
    client: Client, manifest: dict[str, Any]
) -> None:
    answer = client.post("/api/v1/predictions", json={"drawing": SUN}).json()
    for guess, same in zip(manifest["predictions"], answer["predictions"], strict=True):
        assert guess["label"] == same["label"]
        assert guess["logit"] == pytest.approx(same["logit"], abs=1e-4)


def test_ranges(manifest: dict[str, Any], hooked: dict[str, Tensor]) -> None:
    layers = {layer["name"]: layer for layer in manifest["layers"]}
    for path, output in hooked.items():
        layer = layers[path]
        assert layer["shape"] == list(output.shape)
        assert layer["minimum"] == float(output.min())
        assert layer["maximum"] == float(output.max())
        assert layer["signed"] is bool((output < 0).any())
        assert layer["zero_fraction"] == float((output == 0).double().mean())
        assert layer["non_finite"] == 0


def test_atlas_is_the_hooks_tensors_within_quantisation(
    client: Client, manifest: dict[str, Any], hooked: dict[str, Tensor]
) -> None:
    response = client.get(f"{ADDRESS}/{manifest['id']}/atlas")
    assert response.headers["content-type"] == "application/octet-stream"
    header, maps = decode_atlas(response.content)
    assert header["inspection"] == manifest["id"]
    assert [entry["name"] for entry in header["layers"]] == [
        layer["name"] for layer in manifest["layers"]
    ]
    for path, output in hooked.items():
        exact = output[0].reshape(maps[path].shape).numpy()
        span = np.ptp(exact.reshape(len(exact), -1), axis=1)[:, None, None]
        assert (np.abs(maps[path] - exact) <= span / 255 / 2 * 1.001 + 1e-6).all(), path


def test_one_layer_and_some_layers(client: Client, manifest: dict[str, Any]) -> None:
    names = [manifest["layers"][3]["name"], manifest["layers"][-1]["name"]]
    some = client.get(f"{ADDRESS}/{manifest['id']}/atlas", params={"layer": names})
    _, maps = decode_atlas(some.content)
    assert list(maps) == names
    for layer in manifest["layers"]:
        header, one = decode_atlas(client.get(layer["url"]).content)
        assert list(one) == [layer["name"]]
        assert header["layers"][0]["minimum"] == layer["minimum"]
    assert one[names[1]].shape == (345, 1, 1)
    assert (one[names[1]] == maps[names[1]]).all()


def test_arrays_channels_and_units_are_exact(
    client: Client, manifest: dict[str, Any], hooked: dict[str, Tensor]
) -> None:
    for path in ("stem_convolution", "stage2.activation1", "linear"):
        url = f"{ADDRESS}/{manifest['id']}/layers/{path}"
        exact = hooked[path].numpy()
        with np.load(io.BytesIO(client.get(f"{url}.npz").content)) as arrays:
            assert arrays["activation"].dtype == np.float32
            assert (arrays["activation"] == exact).all()
            assert str(arrays["layer"]) == path
            assert str(arrays["model"]) == "doodle-classifier"
        maps = exact[0].reshape(len(exact[0]), *(exact.shape[2:] or (1, 1)))
        channel = client.get(f"{url}/channels/3").json()
        assert (np.array(channel["values"], dtype=np.float32) == maps[3]).all()
        assert channel["shape"] == list(maps[3].shape)
        assert channel["minimum"] == float(maps[3].min())
        assert channel["mean"] == pytest.approx(float(maps[3].mean()), abs=1e-6)
        y, x = (size - 1 for size in maps[3].shape)
        unit = client.get(f"{url}/units/3/{y}/{x}").json()
        assert np.float32(unit["value"]) == maps[3, y, x]
        assert unit["non_finite"] is None
        assert unit["maximum"] == float(maps[3].max())


def test_pictures(client: Client, manifest: dict[str, Any]) -> None:
    for layer in manifest["layers"]:
        response = client.get(f"{layer['url']}.png")
        assert response.headers["content-type"] == "image/png"
        with Image.open(io.BytesIO(response.content)) as picture:
            assert picture.mode == "RGB"
            assert min(picture.size) >= 16
            assert picture.text["maximum"] == repr(layer["maximum"])  # type: ignore[attr-defined]


def test_the_same_input_gives_the_same_id(client: Client, manifest: dict[str, Any]) -> None:
    again = client.post(ADDRESS, json={"drawing": SUN, "top_k": 2})
    assert again.status_code == 200
    assert again.json()["id"] == manifest["id"]
    assert len(again.json()["predictions"]) == 2
    assert again.headers["location"] == f"{ADDRESS}/{manifest['id']}"
    assert client.get(again.headers["location"]).json() == manifest
    timed = client.post(ADDRESS, json={"drawing": [[x, y, x] for x, y in SUN]})
    assert timed.json()["id"] == manifest["id"]
    moved = client.post(ADDRESS, json={"drawing": [[x, [b + 1 for b in y]] for x, y in SUN]})
    assert moved.status_code == 201
    assert moved.json()["id"] != manifest["id"]
    assert moved.json()["input"]["image"] == manifest["input"]["image"]


def test_images(client: Client) -> None:
    picture = file_of(picture_of(SUN))
    first = client.post(ADDRESS, files={"image": picture})
    assert first.status_code == 201
    preprocessing = first.json()["input"]["preprocessing"]
    assert preprocessing["source"] == "image"
    assert (preprocessing["width"], preprocessing["height"]) == (300, 300)
    assert preprocessing["line_width"] == pytest.approx(1.5, abs=0.3)
    second = client.post(ADDRESS, files={"image": picture})
    assert second.status_code == 200
    assert second.json()["id"] == first.json()["id"]


def test_what_never_changes_may_be_kept(client: Client, manifest: dict[str, Any]) -> None:
    url = manifest["layers"][0]["url"]
    tags = set()
    for address in (url, f"{url}.png", f"{url}.npz", f"{ADDRESS}/{manifest['id']}/atlas"):
        response = client.get(address)
        assert "immutable" in response.headers["cache-control"]
        tag = response.headers["etag"]
        tags.add(tag)
        for known in (tag, f"W/{tag}", f'"other", {tag}'):
            unchanged = client.get(address, headers={"If-None-Match": known})
            assert unchanged.status_code == 304
            assert unchanged.content == b""
            assert unchanged.headers["etag"] == tag
        assert client.get(address, headers={"If-None-Match": '"other"'}).status_code == 200
    assert len(tags) == 4
    for address in (f"{url}/channels/0", f"{url}/units/0/0/0", f"{ADDRESS}/{manifest['id']}"):
        assert "immutable" in client.get(address).headers["cache-control"]


@pytest.mark.parametrize(
    ("rest", "pointer"),
    [
        ("/layers/nothing", "layer"),
        ("/layers/nothing.png", "layer"),
        ("/layers/nothing.npz", "layer"),
        ("/layers/nothing/channels/0", "layer"),
        ("/layers/nothing/units/0/0/0", "layer"),
        ("/atlas?layer=stem_convolution&layer=nothing", "layer"),
        ("/layers/stem_convolution/channels/32", "channel"),
        ("/layers/stem_convolution/channels/-1", "channel"),
        ("/layers/stem_convolution/units/32/0/0", "channel"),
        ("/layers/stem_convolution/units/0/28/0", "y"),
        ("/layers/stem_convolution/units/0/0/28", "x"),
        ("/layers/stem_convolution/units/0/0/-1", "x"),
    ],
)
def test_nothing_there(client: Client, manifest: dict[str, Any], rest: str, pointer: str) -> None:
    assert_problem(client.get(f"{ADDRESS}/{manifest['id']}{rest}"), 404, pointer)


@pytest.mark.parametrize(
    ("rest", "pointer"),
    [
        ("/layers/stem_convolution/channels/one", "channel"),
        ("/layers/stem_convolution/units/0/0/1e3", "x"),
        ("?top_k=0", "top_k"),
        ("?top_k=346", "top_k"),
        ("?top_k=x", "top_k"),
    ],
)
def test_wrong_parameters(
    client: Client, manifest: dict[str, Any], rest: str, pointer: str
) -> None:
    assert_problem(client.get(f"{ADDRESS}/{manifest['id']}{rest}"), 422, pointer)


@pytest.mark.parametrize("body", [[HOUSE], [{"drawing": HOUSE}], {"drawings": [HOUSE]}])
def test_one_at_a_time(client: Client, body: Any) -> None:
    assert_problem(client.post(ADDRESS, json=body), 422)
