"""The drawings to start from show what the shipped network recognises."""

import json

import pytest
import torch

from models import load_model
from server.doodle.categories import CATEGORIES
from server.doodle.raster import render
from server.doodle.strokes import Drawing
from server.paths import STATIC

EXAMPLES = json.loads((STATIC / "examples.json").read_text(encoding="utf-8"))["examples"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["label"])
def test_first_guess_is_the_example_s_label(example: dict[str, object]) -> None:
    image = torch.from_numpy(render(Drawing.from_lists(example["drawing"])))
    with torch.inference_mode():
        logits = load_model("doodle-classifier").module(image.float().div(255).view(1, 1, 28, 28))
    assert CATEGORIES[int(logits.argmax())] == example["label"]
