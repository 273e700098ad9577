"""Columns of boxes, projective and effective fields, and windows, against PyTorch itself."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import AsyncGenerator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models import load_model
from server.doodle.raster import render
from server.doodle.strokes import Drawing
from server.errors import Overloaded
from server.paths import STATIC
from server.schemas.fields import EffectiveField
from server.services.effective_fields import AT_ONCE, SEED, EffectiveFields, Over
from tests.support.asgi import Client
from tests.support.drawings import SUN
from tests.support.problems import assert_problem

INSPECTIONS = "/api/v1/inspections"
MODEL = "/api/v1/models/doodle-classifier"


@pytest.fixture(scope="module")
def manifest(client: Client) -> dict[str, Any]:
    manifest: dict[str, Any] = client.post(INSPECTIONS, json={"drawing": SUN}).json()
    return manifest


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return load_model("doodle-classifier").module.eval()


def layers(manifest: dict[str, Any]) -> str:
    return f"{INSPECTIONS}/{manifest['id']}/layers"


def image(manifest: dict[str, Any]) -> Tensor:
    return torch.tensor(manifest["input"]["image"], dtype=torch.float32)[None, None] / 255


def sizes(network: nn.Module, x: Tensor, layer: str, unit: tuple[int, ...]) -> Tensor:
    """The absolute gradient of a unit with respect to each pixel, summed over the items."""
    kept: list[Tensor] = []
    handle = network.get_submodule(layer).register_forward_hook(
        lambda _module, _inputs, output: kept.append(output)
    )
    x = x.clone().requires_grad_()
    try:
        network(x)
    finally:
        handle.remove()
    values = kept[0]
    for index in unit:
        values = values.select(1, index)
    (gradient,) = torch.autograd.grad(values.sum(), x)
    return gradient.abs().double().sum((0, 1))


def read_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def picture(line: dict[str, Any]) -> Tensor:
    values = np.frombuffer(base64.b64decode(line["values"]), "<f4").reshape(line["shape"])
    return torch.from_numpy(values.astype(np.float64))


UNITS = [("stem_convolution", (3, 0, 27)), ("stage2.convolution2", (5, 3, 2)), ("linear", (44,))]


@pytest.mark.parametrize(("layer", "unit"), UNITS)
def test_effective_field_is_the_gradient(
    client: Client,
    manifest: dict[str, Any],
    network: nn.Module,
    layer: str,
    unit: tuple[int, ...],
) -> None:
    place = "/".join(map(str, (*unit, 0, 0)[:3]))
    response = client.get(f"{layers(manifest)}/{layer}/units/{place}/effective-field")
    assert response.headers["content-type"] == "application/x-ndjson"
    (line,) = read_lines(response.text)
    assert (line["inputs"], line["of"], line["ended"]) == (1, 1, "all")
    expected = sizes(network, image(manifest), layer, unit)
    torch.testing.assert_close(picture(line), expected, rtol=1e-3, atol=1e-6)


def test_effective_field_over_noise_and_over_drawings(
    client: Client, manifest: dict[str, Any], network: nn.Module
) -> None:
    layer, unit = "stage2.convolution1", (7, 2, 6)
    url = f"{layers(manifest)}/{layer}/units/7/2/6/effective-field"
    lines = read_lines(client.get(url, params={"over": "noise", "inputs": 12}).text)
    counts = [line["inputs"] for line in lines]
    assert counts == sorted(set(counts))
    assert (counts[0], counts[-1]) == (1, 12)
    assert {line["of"] for line in lines} == {12}
    assert [line["ended"] for line in lines] == [None] * (len(lines) - 1) + ["all"]
    generator = np.random.default_rng(SEED)
    noise = np.stack([generator.integers(0, 256, (28, 28), np.uint8) for _ in range(12)])
    x = torch.from_numpy(noise).float()[:, None] / 255
    # The first line is after one input, the last after all.
    first = sizes(network, x[:1], layer, unit)
    torch.testing.assert_close(picture(lines[0]), first, rtol=1e-3, atol=1e-6)
    expected = sizes(network, x, layer, unit) / 12
    torch.testing.assert_close(picture(lines[-1]), expected, rtol=1e-3, atol=1e-6)

    examples = json.loads((STATIC / "examples.json").read_text("utf-8"))["examples"]
    drawn = np.stack([render(Drawing.from_lists(each["drawing"], "")) for each in examples])
    x = torch.from_numpy(drawn).float()[:, None] / 255
    last = read_lines(client.get(url, params={"over": "examples"}).text)[-1]
    assert last["inputs"] == len(examples)
    expected = sizes(network, x, layer, unit) / len(examples)
    torch.testing.assert_close(picture(last), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("rest", "status", "pointer"),
    [
        ("units/5/3/2/effective-field?over=dreams", 422, "over"),
        ("units/5/3/2/effective-field?over=noise&inputs=257", 422, "inputs"),
        ("units/5/3/2/effective-field?over=noise&inputs=0", 422, "inputs"),
        ("units/5/30/2/effective-field", 404, "y"),
        ("units/500/3/2/effective-field", 404, "channel"),
        ("units/5/3/20/column", 404, "x"),
        ("channels/500/window", 404, "channel"),
        ("channels/5/window?input_channel=64", 404, "input_channel"),
        ("channels/5/window?input_channel=x", 422, "input_channel"),
    ],
)
def test_what_is_not_there(
    client: Client, manifest: dict[str, Any], rest: str, status: int, pointer: str
) -> None:
    url = f"{layers(manifest)}/stage1.convolution2/{rest}"
    assert_problem(client.get(url), status, pointer)


def test_what_slides_no_window_says_so(client: Client, manifest: dict[str, Any]) -> None:
    for layer in ("stage1.add", "linear", "stage1.activation1"):
        problem = client.get(f"{layers(manifest)}/{layer}/channels/0/window")
        assert_problem(problem, 422, "layer")
        assert "no window to slide" in problem.json()["detail"]


class Turns:
    """A lane that runs at once, and counts."""

    def __init__(self) -> None:
        self.count = 0

    async def alone(self, run: Any, model: Any = None) -> Any:
        self.count += 1
        return run()


def test_a_measurement_ends_when_nobody_listens(client: Client, manifest: dict[str, Any]) -> None:
    """What a client does not wait for is not computed; others are let in again."""
    kept = client.services.inspections.get(manifest["id"])
    lane = Turns()
    fields = EffectiveFields(lane)  # type: ignore[arg-type]

    def measured(over: Over) -> AsyncGenerator[EffectiveField, None]:
        return fields.measure(kept, "stem_convolution", (0, 0, 0), over, 200)

    async def listen() -> None:
        running = [measured("noise") for _ in range(AT_ONCE)]
        for each in running:
            await anext(each)
        with pytest.raises(Overloaded):
            await anext(measured("input"))
        for each in running:
            await each.aclose()
        assert (fields.running, lane.count) == (0, AT_ONCE)
        await anext(measured("input"))

    asyncio.run(listen())


def test_a_measurement_ends_when_its_time_is_up(client: Client, manifest: dict[str, Any]) -> None:
    times = iter(range(0, 1000, 25))
    fields = EffectiveFields(Turns(), clock=lambda: float(next(times)))  # type: ignore[arg-type]
    kept = client.services.inspections.get(manifest["id"])

    async def listen() -> list[EffectiveField]:
        unit = "stem_convolution", (0, 0, 0)
        return [line async for line in fields.measure(kept, *unit, "noise", 256)]

    lines = asyncio.run(listen())
    assert [line.ended for line in lines] == [None, None, "time"]
    assert lines[-1].values is not None
    assert lines[-1].inputs < lines[-1].of == 256


def test_columns_are_where_gradients_are(client: Client, manifest: dict[str, Any]) -> None:
    """In every module's output on the way, of a network whose weights are all positive."""
    module = load_model("doodle-classifier").module.double().eval()
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            value.zero_() if name.endswith("running_mean") else value.uniform_(0.5, 1)
    kept: dict[str, Tensor] = {}

    def keep(path: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
            kept[path] = output
            return output.clone()

        return hook

    for path, part in module.named_modules():
        if path and not any(part.children()):
            part.register_forward_hook(keep(path))
    x = torch.rand(1, 1, 28, 28, dtype=torch.float64).requires_grad_()
    module(x)
    answer = client.get(f"{layers(manifest)}/stage2.convolution2/units/9/0/5/column").json()
    assert (answer["status"], answer["causes"]) == ("exact", [])
    assert [answer[name] for name in ("layer", "channel", "y", "x")] == [
        "stage2.convolution2", 9, 0, 5,
    ]  # fmt: skip
    parts = {part["layer"]: part for part in answer["parts"]}
    depths = [part["depth"] for part in answer["parts"]]
    assert depths == sorted(depths, reverse=True)
    tensors = {"input": x, **kept}
    unit = kept["stage2.convolution2"][0, 9, 0, 5]
    found: tuple[Tensor | None, ...] = torch.autograd.grad(
        unit, list(tensors.values()), allow_unused=True
    )
    checked = 0
    for (name, _), gradient in zip(tensors.items(), found, strict=True):
        if gradient is None or not gradient.any():
            assert name not in parts or name == "stage2.convolution2"
            continue
        read = (gradient[0] != 0).any(0)
        rows, columns = read.any(1).nonzero(), read.any(0).nonzero()
        part = parts[name]
        assert part["box"] == [
            [int(rows.min()), int(rows.max()) + 1], [int(columns.min()), int(columns.max()) + 1],
        ], name  # fmt: skip
        assert part["cells"] == int(read.sum())
        assert (part["mask"] is None) == bool(
            read[slice(*part["box"][0]), slice(*part["box"][1])].all()
        )
        checked += 1
    assert checked > 12
    # The channel shown is the one that is largest within the box.
    part = parts["stage1.activation2"]
    values = [
        client.get(f"{layers(manifest)}/stage1.activation2/channels/{channel}").json()["values"]
        for channel in range(64)
    ]
    (top, bottom), (left, right) = part["box"]
    inside = np.abs(np.array(values))[:, top:bottom, left:right].max((1, 2))
    assert part["channel"] == int(inside.argmax())


@pytest.mark.parametrize(
    ("source", "index"),
    [("input", (0, 3, 27)), ("stage1.convolution1", (5, 13, 2)), ("stage2.add", (0, 6, 6))],
)
def test_projective_fields_are_what_changes(
    client: Client, source: str, index: tuple[int, int, int]
) -> None:
    module = load_model("doodle-classifier").module.double().eval()
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            value.zero_() if name.endswith("running_mean") else value.uniform_(0.5, 1)
    runs: list[dict[str, Tensor]] = []
    # What is added is activated in place next: the same cells.
    at = source.replace(".add", ".activation2")
    channel, y, x = index
    for more in (0.0, 1.0):
        kept: dict[str, Tensor] = {}

        def hook(path: str, kept: dict[str, Tensor] = kept, more: float = more) -> Any:
            def keep(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
                output = output.clone()
                if path == at:
                    output[0, channel, y, x] += more
                kept[path] = output.clone()
                return output

            return keep

        handles = [
            part.register_forward_hook(hook(path))
            for path, part in module.named_modules()
            if path and not any(part.children())
        ]
        given = torch.full((1, 1, 28, 28), 0.25, dtype=torch.float64)
        if source == "input":
            given[0, channel, y, x] += more
        module(given)
        for handle in handles:
            handle.remove()
        runs.append(kept)
    params: dict[str, Any] = {"channel": channel, "y": y, "x": x}
    if source != "input":
        params["source"] = source
    answer = client.get(f"{MODEL}/projective-field", params=params).raise_for_status().json()
    assert (answer["source"], answer["channel"], answer["y"], answer["x"]) == (source, *index)
    reached = {layer["layer"]: layer for layer in answer["layers"]}
    checked = 0
    for path, before in runs[0].items():
        differs = (before != runs[1][path])[0]
        if path in (source, at):
            continue
        if not differs.any():
            assert path not in reached
            continue
        layer, checked = reached[path], checked + 1
        assert layer["status"] == "exact"
        assert (
            layer["channels"] == int(differs.flatten(1).any(1).sum()) if differs.ndim > 1 else True
        )
        places = differs.any(0) if differs.ndim > 1 else differs
        assert (layer["cells"], layer["of"]) == (int(places.sum()), places.numel()), path
        if differs.ndim == 3:
            (top, bottom), (left, right) = layer["box"]
            assert places[top:bottom, left:right].any(1).all()
            assert int(places[top:bottom, left:right].sum()) == layer["cells"]
    assert checked >= 5


@pytest.mark.parametrize(
    ("params", "status", "pointer"),
    [
        ({}, 422, "y"),
        ({"y": 3}, 422, "x"),
        ({"y": 3, "x": 28}, 404, "x"),
        ({"y": -1, "x": 0}, 404, "y"),
        ({"y": 3, "x": 3, "channel": 1}, 404, "channel"),
        ({"source": "nothing", "y": 3, "x": 3}, 404, "source"),
        ({"source": "linear", "channel": 3, "x": 0}, 422, "x"),
        ({"y": 3, "x": 3, "version": "0"}, 404, "version"),
    ],
)
def test_no_such_source(client: Client, params: dict[str, Any], status: int, pointer: str) -> None:
    assert_problem(client.get(f"{MODEL}/projective-field", params=params), status, pointer)


def test_windows_hold_the_tensors_of_the_pass(
    client: Client, manifest: dict[str, Any], network: nn.Module
) -> None:
    url = f"{layers(manifest)}/stage2.convolution1"
    answer = client.get(f"{url}/channels/9/window", params={"input_channel": 4})
    assert "immutable" in answer.headers["cache-control"]
    window = answer.json()
    convolution = network.get_submodule("stage2.convolution1")
    assert isinstance(convolution, nn.Conv2d)
    assert window["kernel"] == convolution.weight[9, 4].tolist()
    assert window["source"] == "stage1.activation2"
    assert window["input_channels"] == [0, 64]
    source = client.get(f"{layers(manifest)}/stage1.activation2/channels/4").json()["values"]
    output = client.get(f"{url}/channels/9").json()["values"]
    assert (window["values"], window["output"]) == (source, output)
    for y, down in enumerate(window["rows"]):
        for x, across in enumerate(window["columns"]):
            total = window["others"][y][x] + (window["bias"] or 0)
            for tap, _, row in down:
                for other, _, column in across:
                    if row is not None and column is not None:
                        total += source[row][column] * window["kernel"][tap][other]
            assert total == pytest.approx(output[y][x], rel=1e-4, abs=1e-5)


def test_the_input_is_the_very_tensor(client: Client, manifest: dict[str, Any]) -> None:
    content = client.get(f"{INSPECTIONS}/{manifest['id']}/input.npz").raise_for_status().content
    arrays = np.load(io.BytesIO(content))
    assert list(arrays) == ["input"]
    assert arrays["input"].dtype == np.float32
    assert np.array_equal(arrays["input"], image(manifest).numpy())
