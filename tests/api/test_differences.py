"""How far two inspections are apart, against PyTorch."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models import load_model
from server.doodle.raster import render
from server.doodle.strokes import Drawing
from server.engine.encode import decode_atlas
from server.schemas.nodes import NodeSummary
from server.services.differences import distance
from server.services.matching import match_layers
from tests.support.asgi import Client
from tests.support.drawings import HOUSE, SUN, Lists
from tests.support.problems import assert_problem

API = "/api/v1"


def inspect(client: Client, drawing: Lists, model: str = "doodle-classifier") -> dict[str, Any]:
    answer = client.post(f"{API}/inspections", json={"drawing": drawing, "model": model})
    assert answer.is_success, answer.text
    manifest: dict[str, Any] = answer.json()
    return manifest


def compare(client: Client, one: dict[str, Any], other: dict[str, Any]) -> list[dict[str, Any]]:
    answer = client.get(f"{API}/inspections/{one['id']}/difference", params={"other": other["id"]})
    assert answer.is_success, answer.text
    assert "immutable" in answer.headers["cache-control"]
    assert answer.json()["id"] == one["id"]
    assert answer.json()["other"] == other["id"]
    layers: list[dict[str, Any]] = answer.json()["layers"]
    return layers


def hooked(client: Client, name: str, drawing: Lists) -> dict[str, Tensor]:
    """What hooks on a model of its own see, channels last like the server's, in its thread."""
    model = load_model(name).module.eval()
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    seen: dict[str, Tensor] = {}

    def keep(path: str) -> Any:
        def hook(_module: nn.Module, _args: object, output: Tensor) -> None:
            seen.setdefault(path, output.clone())

        return hook

    for path, module in model.named_modules():
        if not any(module.children()):
            module.register_forward_hook(keep(path))
    image = torch.from_numpy(render(Drawing.from_lists(drawing))).float() / 255
    batch = image[None, None].contiguous(memory_format=torch.channels_last)

    def forward() -> None:
        with torch.inference_mode():
            model(batch)

    # In another thread a sum may be split otherwise, and then it rounds otherwise.
    client.portal.call(client.services.lane.alone, forward)
    return seen


def exact(client: Client, manifest: dict[str, Any], layer: str) -> NDArray[np.float32]:
    address = f"{API}/inspections/{manifest['id']}/layers/{layer}.npz"
    with np.load(io.BytesIO(client.get(address).content)) as arrays:
        values: NDArray[np.float32] = arrays["activation"]
    return values


def assert_distance(found: dict[str, Any], a: Tensor, b: Tensor) -> None:
    a, b = a.double().flatten(), b.double().flatten()
    apart = torch.linalg.vector_norm(b - a).item()
    larger = max(torch.linalg.vector_norm(each).item() for each in (a, b))
    assert found["l2"] == pytest.approx(apart, rel=1e-12)
    assert found["relative_l2"] == pytest.approx(apart / larger, rel=1e-12)
    cosine = torch.nn.functional.cosine_similarity(a, b, dim=0).item()
    assert found["cosine"] == pytest.approx(cosine, abs=1e-12)
    assert found["largest"] == (b - a).abs().max().item()
    assert found["skipped"] == 0


def test_two_drawings_at_each_layer(client: Client) -> None:
    one, other = inspect(client, HOUSE), inspect(client, SUN)
    a, b = (hooked(client, "doodle-classifier", drawing) for drawing in (HOUSE, SUN))
    layers = compare(client, one, other)
    assert [layer["layer"] for layer in layers] == [layer["name"] for layer in one["layers"]]
    compared = 0
    for layer in layers:
        assert layer["other_layer"] == layer["layer"]
        assert layer["matched_by"] == "name"
        assert layer["same_shape"] is True
        if layer["layer"] in a:
            assert_distance(layer, a[layer["layer"]], b[layer["layer"]])
            compared += 1
    assert compared == len(a) > 10


def test_swapping_the_two_changes_no_distance(client: Client) -> None:
    one, other = inspect(client, HOUSE), inspect(client, SUN)
    for there, back in zip(compare(client, one, other), compare(client, other, one), strict=True):
        assert there == back


def test_nothing_is_apart_from_itself(client: Client) -> None:
    one = inspect(client, HOUSE)
    for layer in compare(client, one, one):
        assert (layer["relative_l2"], layer["l2"], layer["largest"]) == (0, 0, 0)
        assert layer["cosine"] is None or layer["cosine"] == pytest.approx(1, abs=1e-12)


def test_two_models_on_one_drawing(client: Client) -> None:
    one, other = inspect(client, SUN), inspect(client, SUN, "resnet")
    shapes = {layer["name"]: layer["shape"] for layer in other["layers"]}
    seen = hooked(client, "doodle-classifier", SUN), hooked(client, "resnet", SUN)
    compared = 0
    for layer in compare(client, one, other):
        assert layer["other_shape"] == shapes[layer["other_layer"]]
        same = layer["shape"] == layer["other_shape"]
        assert layer["same_shape"] is same
        assert (layer["relative_l2"] is not None) is same
        if same and layer["layer"] in seen[0] and layer["other_layer"] in seen[1]:
            assert_distance(layer, seen[0][layer["layer"]], seen[1][layer["other_layer"]])
            compared += 1
    assert compared > 1
    last = compare(client, one, other)[-1]
    assert (last["layer"], last["other_layer"]) == ("linear", "linear")
    assert last["same_shape"]


def test_maps_are_subtracted_before_they_are_quantised(client: Client) -> None:
    one, other = inspect(client, HOUSE), inspect(client, SUN)
    for layer in ("stem_convolution", "stage2.add", "linear"):
        address = f"{API}/inspections/{one['id']}/layers/{layer}/difference"
        response = client.get(address, params={"other": other["id"]})
        assert response.headers["content-type"] == "application/octet-stream"
        assert "immutable" in response.headers["cache-control"]
        header, maps = decode_atlas(response.content)
        a, b = (torch.from_numpy(exact(client, each, layer)) for each in (one, other))
        wanted = (b - a)[0].reshape(maps[layer].shape).numpy()
        entry = header["layers"][0]
        assert entry["signed"] is bool((wanted < 0).any())
        flat = wanted.reshape(len(wanted), -1)
        assert np.array_equal(np.float32(entry["channel_minimum"]), flat.min(axis=1))
        assert np.array_equal(np.float32(entry["channel_maximum"]), flat.max(axis=1))
        steps = np.ptp(flat, axis=1)[:, None, None] / 255
        assert (np.abs(maps[layer] - wanted) <= steps / 2 * 1.001 + 1e-6).all()


def test_layers_of_two_names_are_subtracted(client: Client) -> None:
    one, other = inspect(client, SUN), inspect(client, SUN, "resnet")
    address = f"{API}/inspections/{one['id']}/layers/linear/difference"
    query = {"other": other["id"], "other_layer": "linear"}
    _, maps = decode_atlas(client.get(address, params=query).content)
    a, b = exact(client, one, "linear"), exact(client, other, "linear")
    assert np.array_equal(maps["linear"].ravel(), (b - a).ravel()), "one value a channel is exact"


def test_a_pair_that_is_asked_for(client: Client) -> None:
    one, other = inspect(client, SUN), inspect(client, SUN, "resnet")
    query = {"other": other["id"], "layer": "stage2.add", "other_layer": "stage2.1.add"}
    address = f"{API}/inspections/{one['id']}/difference"
    (unequal,) = client.get(address, params=query).json()["layers"]
    assert (unequal["matched_by"], unequal["same_shape"]) == ("request", False)
    assert unequal["relative_l2"] is None
    query = {"other": one["id"], "layer": "stage1.add", "other_layer": "stage1.activation2"}
    (equal,) = client.get(address, params=query).json()["layers"]
    a, b = (torch.from_numpy(exact(client, one, query[key])) for key in ("layer", "other_layer"))
    assert torch.equal(b, a.relu())
    assert_distance(equal, a, b)
    assert_problem(client.get(address, params=query | {"layer": "nothing"}), 404, "layer")


def test_unequal_shapes_have_no_difference(client: Client) -> None:
    one, other = inspect(client, SUN), inspect(client, SUN, "resnet")
    address = f"{API}/inspections/{one['id']}/layers/stem_convolution/difference"
    problem = client.get(address, params={"other": other["id"], "other_layer": "linear"})
    assert_problem(problem, 422, "other_layer")
    assert "[1, 32, 28, 28]" in problem.json()["detail"]
    assert "[1, 345]" in problem.json()["detail"]


@pytest.mark.parametrize(
    ("rest", "status", "pointer"),
    [
        ("difference", 422, "other"),
        ("difference?other=x", 422, "id"),
        (f"difference?other={'0' * 32}", 410, "id"),
        (f"layers/nothing/difference?other={'0' * 32}", 404, "layer"),
        (f"layers/linear/difference?other={'0' * 32}", 410, "id"),
        ("layers/linear/difference?other={id}&other_layer=nothing", 404, "layer"),
    ],
)
def test_what_is_not_there(client: Client, rest: str, status: int, pointer: str) -> None:
    one = inspect(client, HOUSE)
    address = f"{API}/inspections/{one['id']}/{rest.format(id=one['id'])}"
    assert_problem(client.get(address), status, pointer)


def test_matches_of_models(client: Client) -> None:
    answer = client.get(f"{API}/models/doodle-classifier/matches/resnet").json()
    assert (answer["model"], answer["other_model"]) == ("doodle-classifier", "resnet")
    one, other = (
        client.get(f"{API}/models/{name}").json()["nodes"]
        for name in ("doodle-classifier", "resnet")
    )
    assert [match["layer"] for match in answer["matches"]] == [node["name"] for node in one]
    shapes = {node["name"]: node["shape"] for node in other}
    for node, match in zip(one, answer["matches"], strict=True):
        assert match["same_shape"] is (node["shape"] == shapes[match["other_layer"]])
    assert_problem(client.get(f"{API}/models/resnet/matches/nobody"), 404, "name")


def node(name: str, kind: str, *shape: int) -> NodeSummary:
    return NodeSummary(
        name=name, kind=kind, module_path=name, call=0, inputs=[], shape=[1, *shape],
        attributes={}, parameters=0,
    )  # fmt: skip


def test_the_strictest_match_decides() -> None:
    others = [
        node("a", "Conv2d", 8, 4, 4),
        node("b", "relu", 8, 4, 4),
        node("c", "MaxPool2d", 8, 2, 2),
        node("d", "Conv2d", 16, 2, 2),
        node("e", "Conv2d", 8, 4, 4),
        node("end", "Linear", 10),
    ]
    wanted = [
        (node("e", "Conv2d", 8, 4, 4), "e", "name"),
        (node("x", "Conv2d", 8, 4, 4), "a", "kind and shape"),
        (node("y", "ReLU", 8, 4, 4), "b", "kind and shape"),
        (node("z", "Dropout", 16, 2, 2), "d", "shape"),
        (node("pool", "MaxPool2d", 32, 7, 7), "c", "kind"),
        (node("odd", "Softplus", 3), "end", "depth"),
    ]
    matches = match_layers([each for each, _, _ in wanted], others)
    assert [(match.other_layer, match.matched_by) for match in matches] == [
        (name, by) for _, name, by in wanted
    ]
    assert match_layers(others, []) == []
    assert [match.other_layer for match in match_layers(others, others)] == [
        *list("abcde"),
        "end",
    ]


def test_zeros_and_what_is_not_finite() -> None:
    zeros, ones = np.zeros(4, np.float32), np.ones(4, np.float32)
    assert distance(zeros, zeros).relative_l2 == 0
    assert distance(zeros, ones).relative_l2 == 1
    assert distance(ones, -ones).relative_l2 == 2
    assert distance(zeros, ones).cosine is None
    assert distance(ones, -ones).cosine == -1
    strange = np.array([np.nan, np.inf, 3, 4], np.float32)
    found = distance(np.array([1, 2, 0, 0], np.float32), strange)
    assert (found.skipped, found.l2, found.largest) == (2, 5, 4)
    huge = np.full(4, 3e38, np.float32)
    assert distance(huge, -huge).l2 == pytest.approx(math.sqrt(4) * 6e38, rel=1e-6)
