"""Three clicks from a drawing to the number that made one pixel, against PyTorch.

The page draws and clicks; the test renders what was sent, runs the same weights with plain
``torch.nn`` in this process, and finds receptive fields by following NaN through the network.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from playwright.sync_api import Page, expect
from torch import Tensor, nn

from models import load_model
from server.doodle.raster import render
from server.doodle.strokes import Drawing
from tests.browser.conftest import Visitor
from tests.browser.hand import Posted, choose_example, draw, enter_picture, example, settle
from tests.browser.test_microscope import number, told

pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Place:
    """Where to go, and the module of the network whose output that is."""

    layer: str
    kind: str
    module: str
    channel: int
    cell: tuple[int, int]


def outputs(module: nn.Module, images: Tensor, path: str) -> Tensor:
    """What the submodule of that path gives for images (N, 1, 28, 28)."""
    kept: list[Tensor] = []
    hook = module.get_submodule(path).register_forward_hook(lambda *given: kept.append(given[2]))
    with torch.inference_mode():
        module(images)
    hook.remove()
    return kept[0]


def field_of(module: nn.Module, place: Place) -> list[list[int]]:
    """Rows and columns of the image that reach the unit: where NaN in them makes it NaN.

    In float64, where PyTorch computes convolutions without Winograd's transforms, which would let
    values of one tile touch each other.
    """
    exact = module.double()
    row, column = place.cell
    ranges = []
    for axis in (2, 3):
        images = torch.rand(28, 1, 28, 28, dtype=torch.float64)
        for index in range(28):
            images.select(0, index).select(axis - 1, index).fill_(torch.nan)
        reached = outputs(exact, images, place.module)[:, place.channel, row, column].isnan()
        found = reached.nonzero().flatten().tolist()
        ranges.append([found[0], found[-1] + 1])
    return ranges


def image_of(drawing: list[list[list[float]]]) -> NDArray[np.uint8]:
    return render(Drawing.from_lists(drawing))


def click_cell(page: Page, shape: tuple[int, int], cell: tuple[int, int]) -> None:
    view = page.locator(".microscope .pixel-view")
    enter_picture(page)
    box = view.bounding_box()
    assert box is not None
    view.click(
        position={
            "x": (cell[1] + 0.5) * box["width"] / shape[1],
            "y": (cell[0] + 0.5) * box["height"] / shape[0],
        }
    )


def check_unit(page: Page, name: str, place: Place, drawing: Any) -> None:
    """Every number that the page shows for the unit is PyTorch's."""
    module = load_model(name).module.eval()
    image = image_of(drawing)
    images = torch.from_numpy(image).float().div(255)[None, None]
    row, column = place.cell
    network = outputs(module, images, place.module)[0, place.channel, row, column].item()
    expect(page.locator(".reading-place")).to_contain_text(f"row {row}, column {column} of")
    expect(page.locator(".reading-value")).to_have_text(re.compile(r"\d"))
    shown = number(page.locator(".reading-value").inner_text())
    # The server may sum in another order: channels last, several at once.
    assert shown == pytest.approx(network, rel=1e-4, abs=1e-5)
    numbers = told(
        page, f"{place.layer} ({place.kind}), channel {place.channel}, row {row}, column {column}"
    )
    recomputed = number(numbers["Recomputed in float64"])
    exact = outputs(module.double(), images.double(), place.module)[0, place.channel, row, column]
    assert recomputed == pytest.approx(exact.item(), rel=1e-3, abs=1e-4)
    assert recomputed == pytest.approx(shown, rel=1e-4, abs=1e-5)
    assert number(numbers["Difference"]) == pytest.approx(recomputed - shown, abs=1e-6)
    box = json.dumps(field_of(module, place), separators=(",", ":"))
    expect(page.locator(".field .field-box").first).to_have_attribute("data-box", box)
    image_shown = page.evaluate(
        """() => {
          const canvas = document.querySelector(".field canvas.field-image");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          return [canvas.width, canvas.height, [...data].filter((_, index) => index % 4 === 0)];
        }"""
    )
    assert image_shown[:2] == [28, 28]
    # Ink on paper: the more of the one, the less of the other.
    assert np.corrcoef(image_shown[2], image.ravel().astype(float))[0, 1] < -0.99


def test_classifier_from_a_drawing_by_hand(visitor: Visitor) -> None:
    page = visitor.open("/#prompt=cat")
    posted = Posted(page)
    draw(page, example("cat"))
    settle(page)
    place = Place("stage2.convolution2", "Conv2d", "stage2.convolution2", 11, (0, 5))
    page.locator(f'[data-layer="{place.layer}"]').click()
    page.get_by_role("button", name=re.compile(rf"^Channel {place.channel}\b")).click()
    click_cell(page, (7, 7), place.cell)
    check_unit(page, "doodle-classifier", place, posted.drawing)


@pytest.mark.parametrize(
    ("name", "unfolded", "place"),
    [
        (
            "resnet",
            "stage2~stage2.0",
            Place("stage2.0.activation2", "ReLU", "stage2.0", 7, (6, 9)),
        ),
        (
            "resnet",
            "stage3~stage3.0",
            Place("stage3.0.shortcut.0", "Conv2d", "stage3.0.shortcut.0", 20, (2, 3)),
        ),
        (
            "googlenet",
            "inception3a",
            Place("inception3a.cat", "cat", "inception3a", 9, (3, 13)),
        ),
    ],
)
def test_network_from_an_example_on_its_map(
    visitor: Visitor, name: str, unfolded: str, place: Place
) -> None:
    page = visitor.open(f"/models/{name}#prompt=cat&unfolded={unfolded}")
    posted = Posted(page)
    expect(page.locator(".map-item").first).to_be_visible()
    choose_example(page, "cat")
    find = page.get_by_role("searchbox")
    find.fill(place.layer)
    find.press("Enter")
    page.locator(f'.map-item[data-item="{place.layer}"] button').click()
    module = load_model(name).module.eval()
    shape = outputs(module, torch.zeros(1, 1, 28, 28), place.module).shape
    page.get_by_role("button", name=re.compile(rf"^Channel {place.channel}\b")).click()
    click_cell(page, (shape[2], shape[3]), place.cell)
    check_unit(page, name, place, posted.drawing)
