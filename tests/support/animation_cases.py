"""Layers with all their values, computed by PyTorch, which the browser must compute too.

    python -m tests.support.animation_cases

writes tests/fixtures/animation.json. The geometry in it is what `POST /api/v1/shapes` answers, the
values are PyTorch's, in float64; tests/js/animation.test.js computes them as the page does, and
tests/unit/services/test_animation_fixture.py holds that the file is still what would be written.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import torch
from torch import nn

from server.schemas.shapes import ShapesRequest
from server.services.shapes import describe_kinds, describe_shapes
from tests.support.torch_layers import as_tuples

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "animation.json"
EACH = 6
"""Settings of each family and number of axes that PyTorch accepts."""
LARGEST = 400
"""Values of an output, at most."""
MODES = ("zeros", "reflect", "replicate", "circular")


def _sizes(among: random.Random, axes: int, low: int, high: int) -> Any:
    """One number, or one for each axis."""
    if among.random() < 0.5:
        return among.randint(low, high)
    return [among.randint(low, high) for _ in range(axes)]


def _convolution(among: random.Random, axes: int) -> tuple[str, int, dict[str, Any]]:
    groups, inputs, outputs = among.choice([1, 1, 2]), among.randint(1, 2), among.randint(1, 2)
    values = {
        "in_channels": inputs * groups,
        "out_channels": outputs * groups,
        "kernel_size": _sizes(among, axes, 1, 3),
        "stride": _sizes(among, axes, 1, 3),
        "padding": _sizes(among, axes, 0, 2),
        "dilation": _sizes(among, axes, 1, 2),
        "groups": groups,
        "padding_mode": among.choice(MODES),
        "bias": among.random() < 0.7,
    }
    if among.random() < 0.2:
        values |= {"padding": "same", "stride": 1}
    return f"Conv{axes}d", inputs * groups, values


def _transposed(among: random.Random, axes: int) -> tuple[str, int, dict[str, Any]]:
    _, channels, values = _convolution(among, axes)
    values |= {
        "padding": _sizes(among, axes, 0, 1),
        "padding_mode": "zeros",
        "output_padding": among.randint(0, 1),
    }
    return f"ConvTranspose{axes}d", channels, values


def _pooling(among: random.Random, axes: int) -> tuple[str, int, dict[str, Any]]:
    kind = among.choice(["MaxPool", "AvgPool", "LPPool"])
    values: dict[str, Any] = {
        "kernel_size": _sizes(among, axes, 1, 3),
        "stride": _sizes(among, axes, 1, 3),
        "ceil_mode": among.random() < 0.5,
    }
    if kind == "LPPool":
        return f"{kind}{axes}d", 2, values | {"norm_type": among.choice([1, 2, 3])}
    values["padding"] = among.choice([0, 0, 1])
    if kind == "MaxPool":
        values["dilation"] = _sizes(among, axes, 1, 2)
    else:
        values["count_include_pad"] = among.random() < 0.5
    return f"{kind}{axes}d", 2, values


def _adaptive(among: random.Random, axes: int) -> tuple[str, int, dict[str, Any]]:
    kind = among.choice(["AdaptiveAvgPool", "AdaptiveMaxPool"])
    return f"{kind}{axes}d", 2, {"output_size": _sizes(among, axes, 1, 6)}


def _padding(among: random.Random, axes: int) -> tuple[str, int, dict[str, Any]]:
    kind = among.choice(["ZeroPad", "ConstantPad", "ReflectionPad", "ReplicationPad"])
    values: dict[str, Any] = {"padding": [among.randint(0, 2) for _ in range(2 * axes)]}
    return f"{kind}{axes}d", 2, values | ({"value": 1.5} if kind == "ConstantPad" else {})


def _upsampling(among: random.Random, axes: int) -> tuple[str, int, dict[str, Any]]:
    smooth = {1: ["linear"], 2: ["bilinear", "bicubic"], 3: ["trilinear"]}[axes]
    mode = among.choice(["nearest", "nearest-exact", "area", *smooth])
    values: dict[str, Any] = {"mode": mode}
    if among.random() < 0.5:
        values["size"] = [among.randint(1, 7) for _ in range(axes)]
    else:
        values["scale_factor"] = among.choice([2, 1.5, 0.7])
    if mode in smooth:
        values["align_corners"] = among.random() < 0.5
    return "Upsample", 2, values


FAMILIES = (_convolution, _transposed, _pooling, _adaptive, _padding, _upsampling)


def _case(
    among: random.Random, type_: str, values: dict[str, Any], shape: list[int]
) -> dict[str, Any] | None:
    """A layer with what it reads and gives; None where PyTorch refuses it, or it gives much."""
    given = torch.tensor(
        [among.randint(-9, 9) for _ in range(torch.Size(shape).numel())], dtype=torch.float64
    ).reshape(shape)
    if type_.startswith("LPPool"):
        given = given.abs() + 1
    try:
        module: nn.Module = getattr(nn, type_)(
            **{name: as_tuples(value) for name, value in values.items()}
        ).double()
        with torch.no_grad():
            for parameter in module.parameters():
                count = parameter.numel()
                numbers = [among.randint(-4, 4) for _ in range(count)]
                parameter.copy_(torch.tensor(numbers, dtype=torch.float64).view_as(parameter))
            output = module(given)
    except (RuntimeError, ValueError, TypeError):
        return None
    if not 0 < output.numel() <= LARGEST:
        return None
    request = ShapesRequest.model_validate(
        {"input_shape": shape, "layers": [{"type": type_, **values}]}
    )
    answer = describe_shapes(request).model_dump(mode="json")
    return {
        "values": values,
        "layer": answer["layers"][0],
        "problems": answer["problems"],
        "input": given.flatten().tolist(),
        "parameters": {
            name: {"shape": list(parameter.shape), "values": parameter.flatten().tolist()}
            for name, parameter in module.named_parameters()
        },
        "output_shape": list(output.shape),
        "output": [round(value, 9) for value in output.flatten().tolist()],
    }


def cases() -> dict[str, Any]:
    """The content of the fixture, always the same."""
    among = random.Random(1603)
    found: list[dict[str, Any]] = []
    for family in FAMILIES:
        for axes in (1, 2, 3):
            count = 0
            while count < EACH:
                type_, channels, values = family(among, axes)
                shape = [1, channels, *(among.randint(2, 6) for _ in range(axes))]
                case = _case(among, type_, values, shape)
                if case is not None:
                    found.append(case)
                    count += 1
    used = {case["layer"]["type"] for case in found}
    kinds = describe_kinds().model_dump(mode="json")["layers"]
    return {"kinds": [kind for kind in kinds if kind["type"] in used], "cases": found}


def written() -> str:
    """The fixture's text, a case a line."""
    content = cases()
    lines = [json.dumps(case, separators=(",", ":")) for case in content["cases"]]
    kinds = json.dumps(content["kinds"], separators=(",", ":"))
    return '{"kinds":' + kinds + ',\n"cases":[\n' + ",\n".join(lines) + "\n]}\n"


if __name__ == "__main__":
    FIXTURE.write_text(written(), encoding="utf-8")
