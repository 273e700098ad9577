"""Predictions are what the network gives, whichever way the drawing comes."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
import torch

from models import load_model
from server.doodle.categories import CATEGORIES
from server.doodle.raster import render
from server.doodle.strokes import Drawing
from tests.support.asgi import Client
from tests.support.drawings import HOUSE, SUN, Lists, picture_of
from tests.support.images import file_of
from tests.support.problems import assert_problem

ADDRESS = "/api/v1/predictions"


def plain_forward(lists: Lists) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and probabilities of the shipped model, without any of the server."""
    image = torch.from_numpy(render(Drawing.from_lists(lists))).float() / 255
    with torch.no_grad():
        logits = load_model("doodle-classifier").module.eval()(image[None, None])[0]
    return logits, logits.softmax(0)


@pytest.mark.parametrize("lists", [HOUSE, SUN], ids=["house", "sun"])
def test_predictions_are_a_plain_forward(client: Client, lists: Lists) -> None:
    answer = client.post(ADDRESS, json={"drawing": lists, "top_k": 345}).json()
    logits, probabilities = plain_forward(lists)
    assert [guess["label"] for guess in answer["predictions"]] == [
        CATEGORIES[index] for index in logits.argsort(descending=True, stable=True)
    ]
    for guess in answer["predictions"]:
        label = CATEGORIES.index(guess["label"])
        assert guess["logit"] == pytest.approx(float(logits[label]), abs=1e-4)
        assert guess["probability"] == pytest.approx(float(probabilities[label]), abs=1e-5)
    assert sum(guess["probability"] for guess in answer["predictions"]) == pytest.approx(1)
    assert answer["model"] == "doodle-classifier"
    assert answer["version"] == load_model("doodle-classifier").version


def test_defaults(client: Client) -> None:
    answer = client.post(ADDRESS, json={"drawing": HOUSE}).json()
    assert set(answer) == {"model", "version", "predictions", "unknown"}
    assert len(answer["predictions"]) == 5
    assert set(answer["predictions"][0]) == {"label", "probability", "logit"}


@pytest.mark.parametrize(
    "body",
    [
        [HOUSE, SUN],
        {"drawings": [HOUSE, SUN]},
        [{"drawing": HOUSE}, {"drawing": SUN}],
        [HOUSE, {"drawing": SUN}],
    ],
    ids=["list", "drawings", "objects", "mixed"],
)
def test_batches_are_the_same_as_one_by_one(client: Client, body: Any) -> None:
    answers = client.post(ADDRESS, json=body).json()
    alone = [client.post(ADDRESS, json={"drawing": lists}).json() for lists in (HOUSE, SUN)]
    assert [[guess["label"] for guess in answer["predictions"]] for answer in answers] == [
        [guess["label"] for guess in answer["predictions"]] for answer in alone
    ]
    for one, other in zip(answers, alone, strict=True):
        for guess, same in zip(one["predictions"], other["predictions"], strict=True):
            assert guess["logit"] == pytest.approx(same["logit"], abs=1e-4)


def test_options_of_batches(client: Client) -> None:
    answers = client.post(ADDRESS, json={"drawings": [HOUSE, SUN], "top_k": 2}).json()
    assert [len(answer["predictions"]) for answer in answers] == [2, 2]
    body = [{"drawing": HOUSE, "top_k": 1}, {"drawing": SUN, "top_k": 3}]
    answers = client.post(ADDRESS, json=body).json()
    assert [len(answer["predictions"]) for answer in answers] == [1, 3]
    assert len(client.post(ADDRESS, json=[HOUSE]).json()) == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ([], ""),
        ({"drawings": []}, "/drawings"),
        ({"drawings": "x"}, "/drawings"),
        ({"drawings": [HOUSE], "drawing": HOUSE}, "/drawing"),
        ([HOUSE, []], "/1"),
        ([HOUSE, 5], "/1"),
        ([HOUSE, [[[0, 1], [0]]]], "/1/0"),
        ([HOUSE, {"drawing": []}], "/1/drawing"),
        ([HOUSE, {"drawing": SUN, "top_k": 0}], "/1/top_k"),
        ([HOUSE, {"drawing": SUN, "top_k": 346}], "/1/top_k"),
        ([HOUSE, {"drawing": SUN, "model": "x"}], "/1/model"),
        ({"drawings": [HOUSE, [[[0, 1], [0, "x"]]]]}, "/drawings/1/0/1/1"),
        (HOUSE, "/0"),
    ],
)
def test_wrong_batches(client: Client, body: Any, pointer: str) -> None:
    assert_problem(client.post(ADDRESS, json=body), 422, pointer)


@pytest.mark.parametrize(
    "lists",
    [
        [[[5], [7]]],
        [[[5, 5, 5], [7, 7, 7]]],
        [[[0], [0]], [[100], [100]]],
        [[[-5000, -4000, -4500], [9000, 9000, 9900]]],
        [[[1e-300, 2e-300], [0, 0]]],
        [[[0, 5e-324], [0, 0]]],
        [[[1e6, -1e6], [1e6, -1e6]]],
        [[[0.5, 17.25], [3.75, 200.125], [0, 16]]],
        [[[10, 20], [5, 5]]],
        [[[], []], [[0, 50], [0, 50]]],
    ],
)
def test_odd_drawings_get_a_sensible_prediction(client: Client, lists: Lists) -> None:
    response = client.post(ADDRESS, json={"drawing": lists})
    assert response.status_code == 200, response.text
    guesses = response.json()["predictions"]
    assert len(guesses) == 5
    assert all(0 <= guess["probability"] <= 1 for guess in guesses)


def test_times_change_nothing(client: Client) -> None:
    timed = [[x, y, list(range(len(x)))] for x, y in HOUSE]
    plain = client.post(ADDRESS, json={"drawing": HOUSE}).json()
    assert client.post(ADDRESS, json={"drawing": timed}).json() == plain


def test_position_and_size_change_nothing(client: Client) -> None:
    moved = [[[3 * a - 700 for a in x], [3 * b + 90 for b in y]] for x, y in HOUSE]
    plain = client.post(ADDRESS, json={"drawing": HOUSE}).json()
    assert client.post(ADDRESS, json={"drawing": moved}).json() == plain


def test_images_are_recognised_like_strokes(client: Client) -> None:
    strokes = client.post(ADDRESS, json={"drawing": SUN}).json()
    assert strokes["predictions"][0]["label"] == "sun"
    picture = file_of(picture_of(SUN))
    response = client.post(
        ADDRESS,
        files={"image": ("sun.png", picture, "image/png")},
        data={"top_k": "3", "model": "doodle-classifier"},
    )
    answer = response.json()
    assert answer["predictions"][0]["label"] == "sun"
    assert len(answer["predictions"]) == 3
    assert answer["preprocessing"]["source"] == "image"
    assert answer["preprocessing"]["format"] == "PNG"
    names = [step["name"] for step in answer["preprocessing"]["steps"]]
    assert names[0] == "decode"
    assert names[-1] == "centre"
    assert "strokes" not in answer["preprocessing"]


def test_json_of_other_names_and_parameters(client: Client) -> None:
    for kind in ("application/json; charset=utf-8", "Application/JSON", "application/x+json"):
        body = b'{"drawing": [[[0, 9], [0, 9]]]}'
        response = client.post(ADDRESS, content=body, headers={"Content-Type": kind})
        assert response.status_code == 200, kind


def test_many_at_once(client: Client) -> None:
    async def ask_all() -> list[Any]:
        return await asyncio.gather(
            *(
                client.asynchronous.post(ADDRESS, json={"drawing": lists, "top_k": 1})
                for lists in [HOUSE, SUN] * 40
            )
        )

    responses = client.portal.call(ask_all)
    labels = [response.json()["predictions"][0]["label"] for response in responses]
    assert set(labels[0::2]) == {labels[0]}
    assert set(labels[1::2]) == {"sun"}


def test_probabilities_are_numpy_and_torch_alike() -> None:
    from server.services.inference import entropy, softmax

    logits = np.array([1000, 999, -1000, 0], dtype=np.float32)
    expected = torch.from_numpy(logits).double().softmax(0).numpy()
    np.testing.assert_allclose(softmax(logits), expected, rtol=1e-12)
    assert entropy(np.array([1.0, 0.0])) == 0
    assert entropy(np.full(345, 1 / 345)) == pytest.approx(np.log(345))
