"""The shape lab's arithmetic over HTTP, compared with PyTorch, and what it says of bad input."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import nn

from tests.support.asgi import Client
from tests.support.problems import assert_problem
from tests.support.setting import Setting
from tests.support.torch_layers import as_tuples, truth

ADDRESS = "/api/v1/shapes"
CONVOLUTION = {"type": "Conv2d", "in_channels": 3, "out_channels": 8, "kernel_size": 3}

ONE = {"in_channels": 1, "out_channels": 1}

LENET: list[dict[str, Any]] = [
    {"type": "Conv2d", "in_channels": 1, "out_channels": 6, "kernel_size": 5, "padding": 2},
    {"type": "ReLU"},
    {"type": "AvgPool2d", "kernel_size": 2},
    {"type": "Conv2d", "in_channels": 6, "out_channels": 16, "kernel_size": 5},
    {"type": "ReLU"},
    {"type": "AvgPool2d", "kernel_size": 2},
    {"type": "Flatten"},
    {"type": "Linear", "in_features": 400, "out_features": 120},
    {"type": "Linear", "in_features": 120, "out_features": 84},
    {"type": "Linear", "in_features": 84, "out_features": 10},
]


def answer(client: Client, shape: list[int], *layers: dict[str, Any]) -> dict[str, Any]:
    """The answer to layers, which is always a 200."""
    body = {"input_shape": shape, "layers": list(layers)}
    response = client.post(ADDRESS, json=body)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    assert len(found["layers"]) == len(layers)
    return found


def only_problem(client: Client, shape: list[int], layer: dict[str, Any]) -> dict[str, Any]:
    """The problem of one layer that is refused."""
    found = answer(client, shape, layer)
    assert found["layers"][0]["output_shape"] is None
    assert found["output_shape"] is None
    (problem,) = found["problems"]
    assert problem["layer"] == 0
    refused: dict[str, Any] = problem
    return refused


def module_of(layer: dict[str, Any]) -> nn.Module:
    own = {name: as_tuples(value) for name, value in layer.items() if name != "type"}
    found: nn.Module = getattr(nn, layer["type"])(**own)
    return found


def test_every_layer_of_lenet_is_as_in_torch(client: Client) -> None:
    found = answer(client, [1, 1, 28, 28], *LENET)
    value = torch.zeros(1, 1, 28, 28)
    for layer, said in zip(LENET, found["layers"], strict=True):
        module = module_of(layer)
        assert said["input_shape"] == list(value.shape)
        value = module(value)
        assert said["output_shape"] == list(value.shape)
        assert said["parameters"] == sum(part.numel() for part in module.parameters())
        assert said["activation_bytes"] == value.numel() * 4
    assert found["problems"] == []
    assert found["output_shape"] == [1, 10]
    assert found["parameters"] == 61_706
    # LeCun et al. 1998 count 416,520 in their sparse network; with full connections there are:
    products = [28 * 28 * 6 * 25, 10 * 10 * 16 * 6 * 25, 400 * 120, 120 * 84, 84 * 10]
    assert found["multiply_accumulates"] == sum(products)


def test_the_first_layer_of_the_issue_says_its_steps(client: Client) -> None:
    layer = {
        "type": "Conv2d",
        "in_channels": 3,
        "out_channels": 64,
        "kernel_size": 7,
        "stride": 2,
        "padding": 3,
    }
    found = answer(client, [1, 3, 224, 224], layer)["layers"][0]
    assert found["output_shape"] == [1, 64, 112, 112]
    assert found["receptive_field"] == {"size": [7, 7], "stride": [2, 2], "start": [-3, -3]}
    assert found["parameters"] == 9_472
    assert found["multiply_accumulates"] == 64 * 112 * 112 * 3 * 49
    reach, padded, output = (step for step in found["steps"] if step["axis"] == 3)
    assert reach["filled"] == "1·(7 − 1) + 1"
    assert padded["filled"] == "224 + 2·3"
    assert output["formula"] == "⌊(n − w) / s⌋ + 1"
    assert output["filled"] == "⌊(230 − 7) / 2⌋ + 1"
    assert output["value"] == 112
    assert output["note"].startswith("The last column of the padded input is never read")
    assert output["rounding"]["unread"] == 1
    assert output["rounding"]["unread_input"] == 0
    symbols = {symbol["name"]: symbol for symbol in output["symbols"]}
    assert symbols["s"]["parameter"] == "stride"
    assert symbols["n"]["parameter"] is None


def test_a_refused_layer_and_those_behind_it_have_no_shape(client: Client) -> None:
    broken = {**CONVOLUTION, "kernel_size": 9}
    found = answer(client, [1, 3, 8, 8], CONVOLUTION, broken, {"type": "ReLU"})
    shapes = [layer["output_shape"] for layer in found["layers"]]
    assert shapes == [[1, 8, 6, 6], None, None]
    assert [problem["layer"] for problem in found["problems"]] == [1, 2]
    assert found["problems"][0]["parameter"] == "in_channels"
    assert found["problems"][1]["repairs"] == []
    assert found["layers"][2]["receptive_field"] is None
    assert found["parameters"] == 8 * 27 + 8


def test_repairs_of_a_linear_layer_are_a_flatten_or_its_features(client: Client) -> None:
    layers = [*LENET[:6], LENET[7]]
    found = answer(client, [1, 1, 28, 28], *layers)
    (problem,) = found["problems"]
    assert problem["parameter"] == "in_features"
    first, second = problem["repairs"][:2]
    assert first["insert"] == {"type": "Flatten"}
    assert first["output_shape"] == [1, 120]
    assert second["changes"] == {"in_features": 5}


def test_a_mismatch_is_repaired_on_either_side(client: Client) -> None:
    layers = [CONVOLUTION, {"type": "BatchNorm2d", "num_features": 16}]
    (problem,) = answer(client, [1, 3, 8, 8], *layers)["problems"]
    changes = {(repair["layer"], *repair["changes"].items()) for repair in problem["repairs"]}
    assert (1, ("num_features", 8)) in changes
    assert (0, ("out_channels", 16)) in changes
    for repair in problem["repairs"]:
        changed = [dict(layer) for layer in layers]
        changed[repair["layer"]] |= repair["changes"]
        assert answer(client, [1, 3, 8, 8], *changed)["output_shape"] == repair["output_shape"]


@pytest.mark.parametrize(
    ("layer", "shape", "parameter", "words"),
    [
        ({**CONVOLUTION, "kernel_size": 0}, [1, 3, 8, 8], "kernel_size", "at least 1, not 0"),
        ({**CONVOLUTION, "kernel_size": -3}, [1, 3, 8, 8], "kernel_size", "at least 1, not -3"),
        ({**CONVOLUTION, "stride": 0}, [1, 3, 8, 8], "stride", "at least 1"),
        ({**CONVOLUTION, "padding": -1}, [1, 3, 8, 8], "padding", "at least 0"),
        ({**CONVOLUTION, "kernel_size": 2.5}, [1, 3, 8, 8], "kernel_size", "whole number, not 2.5"),
        ({**CONVOLUTION, "stride": 2.0}, [1, 3, 8, 8], "stride", "whole number, not 2.0"),
        ({**CONVOLUTION, "kernel_size": 9}, [1, 3, 8, 8], "kernel_size", "at most 8 fit"),
        ({**CONVOLUTION, "kernel_size": "3"}, [1, 3, 8, 8], "kernel_size", "not 3"),
        ({**CONVOLUTION, "bias": 1}, [1, 3, 8, 8], "bias", "true or false"),
        ({**CONVOLUTION, "groups": 2}, [1, 3, 8, 8], "groups", "2 groups"),
        ({**CONVOLUTION, "kernel_size": 2**70}, [1, 3, 8, 8], "kernel_size", str(2**63 - 1)),
        ({**CONVOLUTION, "padding": 2**62}, [1, 3, 8, 8], "kernel_size", "64 bits"),
        ({**CONVOLUTION, "kernel_size": [3] * 99}, [1, 3, 8, 8], "kernel_size", "at most 64"),
        ({**CONVOLUTION, "kernel_size": [3, 3, 3]}, [1, 3, 8, 8], "kernel_size", "list of 2"),
        ({**CONVOLUTION, "kernel": 3}, [1, 3, 8, 8], "kernel", "Did you mean kernel_size?"),
        ({**CONVOLUTION, "dtype": "float16"}, [1, 3, 8, 8], "dtype", "Leave dtype out"),
        ({"type": "Conv2d", "in_channels": 3}, [1, 3, 8, 8], "out_channels", "needs out_channels"),
        ({"type": "conv2"}, [1, 3, 8, 8], "type", "Did you mean Conv2d?"),
        ({"type": "Transformer"}, [1, 3, 8, 8], "type", "no layer Transformer"),
        ({"type": "x" * 10_000}, [1, 3, 8, 8], "type", "no layer xxx"),
        (
            {"type": "MaxPool2d", "kernel_size": 3, "padding": 2},
            [1, 3, 8, 8],
            "padding",
            "half of kernel_size: 1, not 2",
        ),
        ({"type": "ReflectionPad2d", "padding": 8}, [1, 3, 8, 8], "padding", "at most 7, not 8"),
        ({"type": "CircularPad2d", "padding": 9}, [1, 3, 8, 8], "padding", "at most 8, not 9"),
        ({**CONVOLUTION, "padding": "same", "stride": 2}, [1, 3, 8, 8], "stride", "stride of 1"),
        (CONVOLUTION, [3, 8], "input_shape", "3 or 4 axes"),
        (CONVOLUTION, [1, 3, 0, 8], "input_shape", "is empty"),
        (
            {"type": "AdaptiveAvgPool2d", "output_size": 2**31},
            [2**20, 2**20, 1, 1],
            "output_size",
            "64 bits",
        ),
    ],
    ids=lambda value: value.get("type", "")[:20] if isinstance(value, dict) else None,
)
def test_a_refusal_names_the_parameter_and_the_limit(
    client: Client, layer: dict[str, Any], shape: list[int], parameter: str, words: str
) -> None:
    problem = only_problem(client, shape, layer)
    assert problem["parameter"] == parameter
    assert words in problem["detail"]
    assert len(problem["detail"]) < 300
    own = {name: value for name, value in layer.items() if name != "type"}
    if layer["type"] in vars(nn) and parameter not in ("bias", "dtype"):
        assert truth(Setting(layer["type"], own, tuple(shape))) is None
    for repair in problem["repairs"]:
        if not repair["insert"]:
            changes = {**layer, **repair["changes"]}
            changed = {name: value for name, value in changes.items() if value is not None}
            assert answer(client, shape, changed)["output_shape"] == repair["output_shape"]


def test_a_thousand_layers_are_answered_and_ten_thousand_are_not(client: Client) -> None:
    relu = {"type": "ReLU"}
    assert answer(client, [1, 3, 8, 8], *[relu] * 1_000)["output_shape"] == [1, 3, 8, 8]
    body = {"input_shape": [1, 3, 8, 8], "layers": [relu] * 10_000}
    problem = assert_problem(client.post(ADDRESS, json=body), 422, "/layers")
    assert problem["limit"] == 1_000
    assert "10000 layers" in problem["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"input_shape": [1, 3, -8, 8], "layers": [CONVOLUTION]}, "/input_shape/2"),
        ({"input_shape": [1, 3, 2.5, 8], "layers": [CONVOLUTION]}, "/input_shape/2"),
        ({"input_shape": [1, 3, "8", 8], "layers": [CONVOLUTION]}, "/input_shape/2"),
        ({"input_shape": [1, 3, True, 8], "layers": [CONVOLUTION]}, "/input_shape/2"),
        ({"input_shape": [1, 3, 2**70, 8], "layers": [CONVOLUTION]}, "/input_shape/2"),
        ({"input_shape": [2**40, 2**40], "layers": [CONVOLUTION]}, "/input_shape"),
        ({"input_shape": [1] * 17, "layers": [CONVOLUTION]}, "/input_shape"),
        ({"input_shape": 8, "layers": [CONVOLUTION]}, "/input_shape"),
        ({"layers": [CONVOLUTION]}, "/input_shape"),
        ({"input_shape": [1, 3, 8, 8]}, "/layers"),
        ({"input_shape": [1, 3, 8, 8], "layers": []}, "/layers"),
        ({"input_shape": [1, 3, 8, 8], "layers": CONVOLUTION}, "/layers"),
        ({"input_shape": [1, 3, 8, 8], "layers": [CONVOLUTION, "ReLU"]}, "/layers/1"),
        ({"input_shape": [1, 3, 8, 8], "layers": [{"kernel_size": 3}]}, "/layers/0/type"),
        ({"input_shape": [1, 3, 8, 8], "layers": [{"type": 3}]}, "/layers/0/type"),
        ({"input_shape": [1, 3, 8, 8], "layers": [CONVOLUTION], "batch": 4}, "/batch"),
        ([CONVOLUTION], ""),
    ],
)
def test_a_body_of_another_form_is_a_problem(client: Client, body: Any, pointer: str) -> None:
    assert_problem(client.post(ADDRESS, json=body), 422, pointer)


def test_bodies_have_their_limits(client: Client) -> None:
    headers = {"Content-Type": "application/json"}
    nested = json.dumps({"input_shape": [1], "layers": [{"type": "ReLU", "inplace": 0}]})
    deep = nested.replace('"inplace": 0', '"inplace": ' + "[" * 40 + "]" * 40)
    assert_problem(client.post(ADDRESS, content=deep, headers=headers), 422)
    assert_problem(client.post(ADDRESS, content=b" " * 3_000_000, headers=headers), 413)
    assert_problem(client.post(ADDRESS, content=b"{", headers=headers), 400)
    assert_problem(client.post(ADDRESS, files={"image": b"x"}), 415, "content-type")
    assert_problem(client.post(ADDRESS), 415, "content-type")


def test_enormous_numbers_are_answered_at_once(client: Client) -> None:
    """No loop of the arithmetic is as long as a number that a stranger sends."""
    enormous = 2**40
    layers: list[dict[str, Any]] = [
        {"type": "MaxPool1d", "kernel_size": 2**31, "stride": 3, "ceil_mode": True},
        {"type": "Upsample", "scale_factor": 1.000001},
        {"type": "AdaptiveAvgPool1d", "output_size": 2**30 - 1},
        {"type": "ConvTranspose1d", **ONE, "kernel_size": 2**20},
        {"type": "Conv1d", **ONE, "kernel_size": 2**30, "dilation": 9},
    ]
    for layer in layers:
        found = answer(client, [1, 1, enormous], layer, {"type": "MaxPool1d", "kernel_size": 3})
        assert found["layers"][0]["output_shape"] is not None, layer
    found = answer(client, [1, 1, 9, 9], {**CONVOLUTION, "kernel_size": 2**62})
    assert found["problems"][0]["parameter"] == "kernel_size"


def test_training_needs_two_values_for_each_channel(client: Client) -> None:
    body = {"input_shape": [1, 4], "layers": [{"type": "BatchNorm1d", "num_features": 4}]}
    assert client.post(ADDRESS, json=body).json()["output_shape"] == [1, 4]
    found = client.post(ADDRESS, json={**body, "training": True}).json()
    assert found["problems"][0]["parameter"] == "input_shape"
    assert "variance" in found["problems"][0]["detail"]


@pytest.mark.parametrize("kind", ["Conv2d", "MaxPool2d", "AvgPool2d", "ConvTranspose2d", "Unfold"])
def test_settings_between_two_sizes_are_those_of_torch(client: Client, kind: str) -> None:
    sizes = (16, 32) if kind == "ConvTranspose2d" else (32, 16)
    body = {"type": kind, "input_size": sizes[0], "output_size": sizes[1]}
    found = client.post(f"{ADDRESS}/settings", json=body).json()["settings"]
    assert len(found) > 5
    for setting in found[:8]:
        channels = {"in_channels": 1, "out_channels": 1} if kind.startswith("Conv") else {}
        made = truth(Setting(kind, {**channels, **setting}, (1, 1, sizes[0], sizes[0])))
        expected = (1, sizes[1] ** 2) if kind == "Unfold" else (1, 1, sizes[1], sizes[1])
        assert made is not None
        assert made[-1:] == expected[-1:], setting


def test_settings_can_be_narrowed(client: Client) -> None:
    body = {"type": "Conv2d", "input_size": 32, "output_size": 16, "kernel_size": 3, "dilation": 1}
    found = client.post(f"{ADDRESS}/settings", json=body).json()["settings"]
    assert {"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 1} in found
    assert all(setting["kernel_size"] == 3 for setting in found)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"type": "Linear"}, "/type"),
        ({"type": "Conv4d"}, "/type"),
        ({"input_size": 0}, "/input_size"),
        ({"output_size": 2**40}, "/output_size"),
        ({"kernel_size": 65}, "/kernel_size"),
        ({"kernel": 3}, "/kernel"),
    ],
)
def test_settings_of_bad_requests_are_problems(
    client: Client, changes: dict[str, Any], pointer: str
) -> None:
    body = {"type": "Conv2d", "input_size": 32, "output_size": 16, **changes}
    assert_problem(client.post(f"{ADDRESS}/settings", json=body), 422, pointer)


def test_kinds_of_layers_have_the_parameters_of_torch(client: Client) -> None:
    kinds = client.get(f"{ADDRESS}/layers").json()["layers"]
    assert len(kinds) > 80
    assert {"Conv2d", "Fold", "Upsample", "GroupNorm", "LPPool1d"} <= {
        kind["type"] for kind in kinds
    }
    for kind in kinds:
        own = getattr(nn, kind["type"]).__init__
        names = list(own.__code__.co_varnames[1 : own.__code__.co_argcount])
        names = [name for name in names if name not in ("device", "dtype", "args", "kwargs")]
        listed = [parameter["name"] for parameter in kind["parameters"]]
        assert [name for name in listed if name != "bias"] == [
            name for name in names if name != "bias"
        ], kind["type"]


def test_source_is_read_and_its_layers_are_an_input_of_the_lab(client: Client) -> None:
    source = "nn.Sequential(nn.Conv2d(3, 64, 7, stride=2, padding=3), nn.GRU(3, 4), nn.ReLU())"
    response = client.post(f"{ADDRESS}/source", json={"source": source})
    assert response.status_code == 200, response.text
    found = response.json()
    assert found["left_out"] == ["Line 1: there is no layer GRU here. Did you mean GLU?"]
    assert answer(client, [1, 3, 224, 224], *found["layers"])["output_shape"] == [1, 64, 112, 112]


def test_source_that_cannot_be_read_is_a_problem(client: Client) -> None:
    response = client.post(f"{ADDRESS}/source", json={"source": "nn.Conv2d(3, 64, 7"})
    problem = assert_problem(response, 422)
    assert problem["pointer"] == "/source"
    assert problem["detail"] == "Line 1 cannot be read as Python: '(' was never closed."
    response = client.post(f"{ADDRESS}/source", json={"source": " " * 200_001})
    assert_problem(response, 422)


def test_the_stack_of_a_model_gives_its_shapes(client: Client) -> None:
    found = client.get(f"{ADDRESS}/models/lenet-5").json()
    nodes = client.get("/api/v1/models/lenet-5").json()["nodes"]
    shapes = {node["name"]: node["shape"] for node in nodes}
    said = answer(client, found["input_shape"], *found["layers"])
    assert found["input_shape"] == [1, 1, 28, 28]
    assert [layer["output_shape"] for layer in said["layers"]] == [
        shapes[name] for name in found["nodes"]
    ]
    assert said["output_shape"] == nodes[-1]["shape"]
    assert len(found["left_out"]) == 1
    assert_problem(client.get(f"{ADDRESS}/models/unheard-of"), 404)
