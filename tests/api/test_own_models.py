"""Models of a user's own behind the API: images, sequences, several inputs, other outputs."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from server.app import create_app, load_models
from server.services.sources.libraries import import_library
from server.settings import ServedModel, Settings
from tests.support.asgi import Client, running
from tests.support.drawings import HOUSE
from tests.support.images import file_of
from tests.support.own_models import seeded, write_package
from tests.support.problems import assert_problem

PREDICTIONS, INSPECTIONS = "/api/v1/predictions", "/api/v1/inspections"
LABELS = ("cat", "dog", "sun", "house")
MEAN, STD = (0.5, 0.4, 0.3), (0.25, 0.2, 0.5)
PICTURE = np.random.default_rng(5).integers(0, 256, (90, 140, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = write_package(tmp_path_factory.mktemp("own"))
    save_file(seeded(3).state_dict(), folder / "colours.safetensors")
    (folder / "labels.txt").write_text("\n".join(LABELS), encoding="utf-8")
    nets = "own_nets.vision"
    models = (
        ServedModel(
            model=f"{nets}:Colours",
            name="colours",
            weights=folder / "colours.safetensors",
            input=("3x32x32",),
            labels=folder / "labels.txt",
            normalise=",".join(map(str, (*MEAN, *STD))),
        ),
        ServedModel(model=f"{nets}:Digits", name="digits", input=("1x28x28",)),
        ServedModel(model=f"{nets}:Signal", name="signal", input=("2x64",)),
        ServedModel(model=f"{nets}:Pair", name="pair", input=("3x16x16", "10")),
        ServedModel(model=f"{nets}:Segments", name="segments", input=("3x24x24",)),
        ServedModel(model=f"{nets}:Tokens", name="tokens"),
        ServedModel(model="torchvision:resnet18", input=("3x64x64",)),
        ServedModel(model="timm:resnet10t", input=("3x64x64",)),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(str(folder))
        for name in [name for name in sys.modules if name.split(".")[0] == "own_nets"]:
            patch.delitem(sys.modules, name)
        settings = Settings(models=models)
        with running(create_app(settings, load=load_models)) as client:
            yield client


def inspected(client: Client, model: str, data: bytes | None = None) -> dict[str, Any]:
    data = file_of(PICTURE) if data is None else data
    response = client.post(INSPECTIONS, files={"image": data}, data={"model": model})
    assert response.status_code in (200, 201), response.text
    found: dict[str, Any] = response.json()
    return found


def exact_input(client: Client, found: dict[str, Any]) -> NDArray[np.float32]:
    values: NDArray[np.float32] = np.load(io.BytesIO(client.get(found["input"]["arrays"]).content))[
        "input"
    ]
    return values


def test_the_list_says_what_each_takes(own: Client) -> None:
    models = {model["name"]: model for model in own.get("/api/v1/models").json()["models"]}
    assert {name: models[name]["input"] for name in ("colours", "digits", "signal", "pair")} == {
        "colours": "image", "digits": "doodle", "signal": "example", "pair": "example",
    }  # fmt: skip
    assert models["colours"]["input_shape"] == [3, 32, 32]
    assert models["torchvision-resnet18"]["categories"] == 1000
    assert "nobody has trained it" in models["timm-resnet10t"]["description"]
    assert "dictionary of out, aux" in models["segments"]["silence"]
    assert [models[name]["examples"] for name in ("signal", "pair", "colours")] == [1, 1, 0]


def test_a_picture_is_scaled_cropped_and_normalised_as_the_steps_say(own: Client) -> None:
    found = inspected(own, "colours")
    middle = Image.fromarray(PICTURE).resize((32, 32), Image.Resampling.BILINEAR, (25, 0, 115, 90))
    levels = np.asarray(middle)
    shown = Image.open(io.BytesIO(own.get(found["input"]["picture"]).content))
    assert np.array_equal(np.asarray(shown), levels)
    expected = (levels / 255 - MEAN) / STD
    assert np.allclose(exact_input(own, found)[0], expected.transpose(2, 0, 1), atol=1e-5)
    steps = {step["name"]: step["detail"] for step in found["input"]["preprocessing"]["steps"]}
    assert list(steps) == ["decode", "crop", "scale", "normalise"]
    assert "90x90 of its 140x90" in steps["crop"]
    assert "0.5, 0.4, 0.3" in steps["normalise"]
    pixel = own.get(f"{INSPECTIONS}/{found['id']}/input/pixels/3/4").json()
    assert pixel["levels"] == levels[3, 4].tolist()
    assert pixel["values"] == pytest.approx(expected[3, 4].tolist(), abs=1e-5)
    assert (found["input"]["image"], found["input"]["size"]) == (None, [32, 32])


def test_guesses_are_pytorchs_of_the_same_input(own: Client) -> None:
    found = inspected(own, "colours")
    with torch.no_grad():
        logits = seeded(3)(torch.from_numpy(exact_input(own, found)))[0]
    given = {guess["label"]: guess for guess in found["predictions"]}
    for label, logit, share in zip(LABELS, logits, logits.softmax(0), strict=True):
        assert given[label]["logit"] == pytest.approx(float(logit), abs=1e-4)
        assert given[label]["probability"] == pytest.approx(float(share), abs=1e-5)
    files, data = {"image": file_of(PICTURE)}, {"model": "colours"}
    answer = own.post(PREDICTIONS, files=files, data=data).json()
    assert [guess["label"] for guess in answer["predictions"]] == [
        guess["label"] for guess in found["predictions"]
    ]


@pytest.mark.parametrize(
    ("name", "library"), [("torchvision-resnet18", "torchvision"), ("timm-resnet10t", "timm")]
)
def test_architectures_of_libraries_are_normalised_as_they_publish(
    own: Client, name: str, library: str
) -> None:
    import_library(library)
    found = inspected(own, name)
    shown = np.asarray(Image.open(io.BytesIO(own.get(found["input"]["picture"]).content)))
    expected = (shown / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    assert np.allclose(exact_input(own, found)[0], expected.transpose(2, 0, 1), atol=1e-5)
    layer = found["layers"][0]
    field = own.get(
        f"/api/v1/models/{name}/receptive-field",
        params={"layer": layer["name"], "channel": 0, "y": 5, "x": 5},
    ).json()
    assert field["input_shape"] == [64, 64]
    found_unit = own.get(f"{layer['url']}/units/0/5/5/arithmetic").json()
    assert abs(found_unit["difference"]) < 1e-4


def test_a_drawing_is_drawn_large_for_a_model_of_images(own: Client) -> None:
    body = {"drawing": HOUSE, "model": "colours"}
    found = own.post(INSPECTIONS, json=body).json()
    picture = np.asarray(Image.open(io.BytesIO(own.get(found["input"]["picture"]).content)))
    assert picture.shape == (32, 32, 3)
    assert (picture[0] == 255).all(), "paper is white"
    assert picture.min() < 60
    assert [step["name"] for step in found["input"]["preprocessing"]["steps"]] == [
        "draw", "normalise",
    ]  # fmt: skip


def test_a_softmax_at_the_end_is_not_applied_twice(own: Client) -> None:
    found = own.post(INSPECTIONS, json={"drawing": HOUSE, "model": "digits"}).json()
    last = own.get(f"{found['layers'][-1]['url']}.npz").content
    shares = np.load(io.BytesIO(last))["activation"][0]
    for guess in found["predictions"]:
        share = shares[int(guess["label"].removeprefix("class "))]
        assert guess["probability"] == pytest.approx(float(share), abs=1e-6)


@pytest.mark.parametrize(("name", "guesses"), [("signal", 3), ("tokens", 5), ("pair", 0)])
def test_what_is_no_picture_runs_on_its_example(own: Client, name: str, guesses: int) -> None:
    response = own.post(INSPECTIONS, json={"example": 0, "model": name})
    assert response.status_code == 201, response.text
    found = response.json()
    assert len(found["predictions"]) == guesses
    assert (found["input"]["kind"], found["input"]["picture"]) == ("example", None)
    for layer in found["layers"]:
        assert own.get(layer["url"]).status_code == 200
        axes = dict(zip(("y", "x")[max(0, 4 - len(layer["shape"])) :], (0, 0), strict=False))
        field = own.get(
            f"/api/v1/models/{name}/receptive-field",
            params={"layer": layer["name"], "channel": 0, **axes},
        )
        assert field.status_code == 200, field.text
    for problem in (
        own.post(INSPECTIONS, json={"drawing": HOUSE, "model": name}),
        own.post(INSPECTIONS, files={"image": file_of(PICTURE)}, data={"model": name}),
    ):
        assert "runs on its own" in assert_problem(problem, 422)["detail"]
    assert_problem(own.get(f"{INSPECTIONS}/{found['id']}/input/pixels/0/0"), 404)
    assert_problem(own.get(f"{INSPECTIONS}/{found['id']}/input.png"), 404)


def test_a_model_without_guesses_says_so(own: Client) -> None:
    found = inspected(own, "segments")
    assert (found["predictions"], found["entropy"]) == ([], None)
    files, data = {"image": file_of(PICTURE)}, {"model": "segments"}
    problem = assert_problem(own.post(PREDICTIONS, files=files, data=data), 422, "model")
    assert "makes no guesses" in problem["detail"]


@pytest.mark.parametrize(
    ("name", "input", "camera"),
    [("colours", "image", "(self)"), ("signal", "example", "()"), ("lenet-5", "doodle", "()")],
)
def test_pages_have_the_input_that_fits(own: Client, name: str, input: str, camera: str) -> None:
    response = own.get(f"/models/{name}")
    assert f'data-input="{input}"' in response.text
    assert f"camera={camera}" in response.headers["permissions-policy"]
    assert ('id="camera-button"' in response.text) is (input == "image")
    assert ('id="pad"' in response.text) is (input == "doodle")


def test_the_list_of_networks_says_what_they_take(own: Client) -> None:
    page = own.get("/models").text
    assert "Images, 3 × 32 × 32" in page
    assert "Its own example, 2 × 64" in page
    assert page.index("/models/colours") < page.index("/models/lenet-5"), "one's own first"


def test_an_inspection_of_resnet50_fits_into_the_usual_memory() -> None:
    settings = Settings(models=(ServedModel(model="torchvision:resnet50"),))
    with running(create_app(settings)) as client:
        found = inspected(client, "torchvision-resnet50")
        kept = client.services.inspections.get(found["id"])
        assert kept.size < settings.inspection_bytes
        assert isinstance(kept.model.module, nn.Module)


def test_one_that_does_not_fit_says_how_much_it_takes() -> None:
    models = (ServedModel(model="torchvision:resnet18"),)
    settings = Settings(models=models, inspection_bytes=2**20)
    with running(create_app(settings)) as client:
        files, data = {"image": file_of(PICTURE)}, {"model": "torchvision-resnet18"}
        problem = assert_problem(client.post(INSPECTIONS, files=files, data=data), 507)
        assert "One inspection of torchvision-resnet18 takes" in problem["detail"]


def test_the_page_of_a_network_that_nobody_trained_says_so(own: Client) -> None:
    for name in ("torchvision-resnet18", "timm-resnet10t"):
        assert "nobody has trained this network" in own.get(f"/models/{name}").text
    for name in ("colours", "doodle-classifier"):
        assert "nobody has trained" not in own.get(f"/models/{name}").text


def test_a_model_without_a_measured_rule_does_not_claim_to_know(own: Client) -> None:
    assert own.get("/api/v1/models/digits").json()["unknown"] is None
    for path in (PREDICTIONS, INSPECTIONS):
        answer = own.post(path, json={"drawing": HOUSE, "model": "digits"}).json()
        assert answer["predictions"]
        assert "unknown" not in answer
