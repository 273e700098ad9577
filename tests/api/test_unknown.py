"""What a model does not know, in every answer of the API, as it was measured for its weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models import load_model
from server.commands.predict import predict
from server.doodle.raster import render
from server.doodle.strokes import Drawing
from server.evaluation.scribbles import KINDS, scribbles
from tests.support.asgi import Client
from tests.support.drawings import HOUSE, SUN

ADDRESS = "/api/v1/predictions"
WALKS = next(kind for kind in KINDS if kind.name == "random walks")
SCRIBBLES: list[Any] = [each.to_lists() for each in scribbles(WALKS, 5)]


def refused(lists: Any) -> bool:
    """By a forward pass, and the rule as its formula has it."""
    model = load_model("doodle-classifier")
    rule = model.unknown
    assert rule is not None
    image = torch.from_numpy(render(Drawing.from_lists(lists))).float().view(1, 1, 28, 28) / 255
    with torch.inference_mode():
        logits = model.module(image)[0].double()
    weights = torch.from_numpy(rule.weights).double()
    sure = float(logits.softmax(0).max())
    return sure < rule.least_probability or float(logits @ weights) < rule.least_sum


@pytest.mark.parametrize("lists", [HOUSE, SUN, *SCRIBBLES])
def test_answers_say_whether_the_model_knows(client: Client, lists: Any) -> None:
    expected = refused(lists)
    quick = client.post(ADDRESS, json={"drawing": lists}).json()
    batch = client.post(ADDRESS, json={"drawings": [lists, HOUSE]}).json()
    posted = client.post("/api/v1/inspections", json={"drawing": lists}).json()
    kept = client.get(f"/api/v1/inspections/{posted['id']}").json()
    found = [each["unknown"] for each in (quick, batch[0], posted, kept)]
    assert found == [expected] * 4
    assert len(quick["predictions"]) == 5, "what is nearest is there all the same"


def test_drawings_are_known_and_scribbles_are_not(client: Client) -> None:
    """As most are; the report has the shares."""
    answers = client.post(ADDRESS, json={"drawings": [HOUSE, SUN, *SCRIBBLES]}).json()
    assert [each["unknown"] for each in answers[:2]] == [False, False]
    assert sum(each["unknown"] for each in answers[2:]) >= 3


def test_an_empty_bitmap_is_unknown(client: Client) -> None:
    answer = client.post(ADDRESS, json={"bitmap": [0] * 784}).json()
    assert answer["unknown"] is True


def test_the_model_tells_its_limits(client: Client) -> None:
    rule = load_model("doodle-classifier").unknown
    assert rule is not None
    told = client.get("/api/v1/models/doodle-classifier").json()["unknown"]
    assert told["least_probability"] == rule.least_probability
    assert told["least_sum"] == rule.least_sum
    assert np.array_equal(np.array(told["weights"], np.float32), rule.weights)
    assert (told["kept"], told["drawings"]) == (rule.kept, rule.drawings)


def test_the_command_says_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "drawings.ndjson"
    file.write_text("\n".join(json.dumps(each) for each in [HOUSE, *SCRIBBLES]), "utf-8")
    predict(file, "doodle-classifier", None, 2, "cpu", as_json=True)
    answers = json.loads(capsys.readouterr().out)["answers"]
    assert [each["unknown"] for each in answers] == [refused(x) for x in (HOUSE, *SCRIBBLES)]
    predict(file, "doodle-classifier", None, 2, "cpu", as_json=False)
    printed = capsys.readouterr().out
    assert printed.count("I don't know this one") == sum(each["unknown"] for each in answers)
