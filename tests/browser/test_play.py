"""The window step by step, and the snippet: what they say is what PyTorch gives."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from playwright.sync_api import Page, expect
from torch import Tensor, nn

from models import load_model
from server.engine import trace_model
from server.engine.sliding_window import sliding_window
from server.services.sliding_windows import describe_window
from tests.browser.conftest import Visitor
from tests.browser.hand import Posted, choose_example, inspect
from tests.browser.test_layers import activation
from tests.browser.test_microscope import check, disclose, number, open_unit, told

pytestmark = pytest.mark.browser

NAME = "doodle-classifier"


@pytest.fixture
def drawn(visitor: Visitor) -> tuple[Page, dict[str, Any]]:
    """The Draw page with the cat on it, and what the API says of the same drawing."""
    page = visitor.open("/#prompt=cat")
    posted = Posted(page)
    choose_example(page, "cat")
    return page, inspect(visitor.address, posted.drawing)


def play(page: Page) -> None:
    page.locator(".study-player > summary").click()
    expect(page.locator(".player-place")).to_contain_text("Step")


def sums(page: Page) -> dict[str, str]:
    """The named numbers of the step."""
    pairs: list[tuple[str, str]] = page.locator(".player-sums .sum > div").evaluate_all(
        "all => all.map((each) => [...each.children].map((part) => part.innerText))"
    )
    return dict(pairs)


def grid(page: Page, caption: str) -> list[float]:
    """The numbers of a small grid, cell by cell, with all their digits."""
    table = page.locator(".player-sums .grid", has=page.get_by_text(caption, exact=True))
    titles: list[str] = table.locator("td[title]").evaluate_all("all => all.map((it) => it.title)")
    return [number(title) for title in titles]


def at(page: Page, row: int, column: int) -> None:
    expect(page.locator(".player-place")).to_contain_text(f"row {row}, column {column} ")


def test_the_steps_of_a_convolution(drawn: tuple[Page, dict[str, Any]], address: str) -> None:
    page, manifest = drawn
    open_unit(page, "stage1.convolution2", 5, (4, 6))
    play(page)
    convolution = load_model(NAME).module.eval().get_submodule("stage1.convolution2")
    assert isinstance(convolution, nn.Conv2d)
    source = torch.from_numpy(activation(address, manifest, "stage1.activation1")).double()
    output = activation(address, manifest, "stage1.convolution2")[5]
    weight = convolution.weight.detach().double()[5]
    padded = F.pad(source, (1, 1, 1, 1))

    def check_step(row: int, column: int, channel: int) -> None:
        at(page, row, column)
        patch = padded[:, row : row + 3, column : column + 3]
        assert grid(page, "window") == pytest.approx(patch[channel].flatten().tolist())
        assert grid(page, "kernel") == pytest.approx(weight[channel].flatten().tolist())
        products = patch * weight
        assert grid(page, "products") == pytest.approx(products[channel].flatten().tolist())
        found = sums(page)
        own = number(found[f"Sum of the products, channel {channel}"])
        assert own == pytest.approx(float(products[channel].sum()), rel=1e-7, abs=1e-12)
        others = number(found["The 63 other channels, in float64"])
        total = float(products.sum())
        assert others == pytest.approx(total - float(products[channel].sum()), rel=1e-6, abs=1e-8)
        assert number(found["Value"]) == pytest.approx(total, rel=1e-7, abs=1e-8)
        own_value = np.float32(number(found["The network's own, in float32"]))
        assert own_value == np.float32(output[row, column])

    # It begins at the value that is chosen.
    check_step(4, 6, 0)
    expect(page.locator(".player-place")).to_contain_text("Step 63 of 196")
    player = page.locator(".player")
    player.focus()
    page.keyboard.press("ArrowRight")
    check_step(4, 7, 0)
    page.keyboard.press("ArrowUp")
    check_step(3, 7, 0)
    page.keyboard.press("Home")
    check_step(0, 0, 0)
    assert page.locator(".player-sums [data-padding]").count() == 5
    page.locator(".player-controls").get_by_label("Input channel").fill("17")
    page.keyboard.press("Enter")
    expect(page.locator(".player figcaption").first).to_have_text("stage1.activation1, channel 17")
    check_step(0, 0, 17)
    # Scrub to the last step.
    page.get_by_label("Step", exact=True).fill("195")
    check_step(13, 13, 17)
    # A channel that is not there is not asked for.
    page.locator(".player-controls").get_by_label("Input channel").fill("64")
    page.keyboard.press("Enter")
    expect(page.locator(".player-controls").get_by_label("Input channel")).to_have_value("17")
    # What has been filled is painted, what is to come is not.
    page.get_by_label("Step", exact=True).fill("97")
    painted = page.locator(".player canvas").last.evaluate(
        """(canvas) => {
          const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const pixels = new Uint32Array(data.buffer);
          const side = canvas.width / 14;
          const place = (cell) => Math.floor((cell + 0.5) * side);
          const at = (row, column) => pixels[place(row) * canvas.width + place(column)];
          return [0, 3, 6, 9, 13].map((row) => at(row, 3));
        }"""
    )
    assert painted[3] == painted[4] or len(set(painted[3:])) <= 2
    assert len(set(painted[:3]) - set(painted[3:])) >= 1


def test_play_pause_speed_and_keys(drawn: tuple[Page, dict[str, Any]]) -> None:
    page, _ = drawn
    open_unit(page, "stem_convolution", 3, (0, 0))
    play(page)
    at(page, 0, 0)
    page.get_by_label("Speed").select_option("100")
    page.get_by_role("button", name="Play", exact=True).click()
    step = page.get_by_label("Step", exact=True)
    page.wait_for_function(
        "() => Number(document.querySelector('.player-controls [type=range]').value) > 25"
    )
    page.get_by_role("button", name="Pause").click()
    stopped = step.input_value()
    page.wait_for_timeout(300)
    assert step.input_value() == stopped
    # The whole output, at the last step it stops by itself; then it begins anew.
    step.fill("780")
    page.locator(".player").focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    expect(page.locator(".player-place")).to_contain_text("Step 784 of 784")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.wait_for_function(
        "() => Number(document.querySelector('.player-controls [type=range]').value) < 700"
    )
    # Closing it stops it, and so does a layer without a window.
    page.evaluate("location.hash = 'layer=stem_activation&channel=3&cell=0,0'")
    expect(page.locator(".study-player")).to_be_hidden()


def test_who_wants_less_motion_starts_slowly(visitor: Visitor) -> None:
    page = visitor.open(
        "/#prompt=cat&layer=stem_convolution&channel=3&cell=0,0", reduced_motion="reduce"
    )
    choose_example(page, "cat")
    play(page)
    expect(page.get_by_label("Speed")).to_have_value("1")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()


CASES: list[tuple[nn.Module, tuple[int, ...], int]] = [
    (nn.Conv2d(2, 2, 3, stride=2, padding=2, dilation=2), (1, 2, 7, 6), 1),
    (nn.Conv2d(3, 2, 1), (1, 3, 4, 4), 0),
    (nn.Conv2d(4, 4, 3, padding=1, groups=2), (1, 4, 5, 5), 3),
    (nn.MaxPool2d(3, stride=2, padding=1), (1, 2, 6, 6), 1),
    (nn.AvgPool2d(2), (1, 2, 6, 6), 1),
    (nn.ConvTranspose2d(1, 2, 3, stride=2, padding=1), (1, 1, 4, 4), 1),
]


def test_every_kind_of_window_on_the_page(visitor: Visitor) -> None:
    """Windows of layers that the shipped classifier does not have, by the page's own arithmetic."""
    page = visitor.open("/#prompt=cat&layer=stem_convolution&channel=3&cell=0,0")
    torch.manual_seed(4)
    current: list[dict[str, Any]] = []
    page.route("**/window*", lambda route: route.fulfill(status=200, json=current[0]))
    for number_of_case, (layer, shape, channel) in enumerate(CASES):
        x = torch.randn(shape)
        node = trace_model(nn.Sequential(layer).eval(), x, keep=True).nodes[-1]
        window = sliding_window(node, channel, module=layer)
        name = f"case {number_of_case}"
        current[:] = [describe_window(name, channel, window).model_dump()]
        page.evaluate(
            "location.hash = "
            f"'layer=stem_convolution&channel={number_of_case + 1}&cell=0,0&study=player'"
        )
        if number_of_case == 0:
            choose_example(page, "cat")
        expect(page.locator(".player figcaption").last).to_contain_text(name)
        expected = node.outputs[0][0, channel]
        height, width = expected.shape
        if isinstance(layer, nn.ConvTranspose2d):
            check_spread(page, x[0, 0], layer, channel)
            continue
        expect(page.locator(".player-place")).to_contain_text(f"of {height * width}:")
        for row, column in ((0, 0), (height // 2, width - 1), (height - 1, 0)):
            page.get_by_label("Step", exact=True).fill(str(row * width + column))
            at(page, row, column)
            told_numbers = sums(page)
            value = next(told_numbers[name] for name in told_numbers if name.startswith("Value"))
            assert number(value) == pytest.approx(float(expected[row, column]), rel=1e-5, abs=1e-6)
        if isinstance(layer, nn.MaxPool2d):
            assert page.locator(".player-sums [data-winner]").count() == 1


def check_spread(page: Page, x: Tensor, layer: nn.ConvTranspose2d, channel: int) -> None:
    """What is added at a step is the input's value times the kernel, where PyTorch puts it."""
    expect(page.locator(".player-place")).to_contain_text("of 16:")
    page.get_by_label("Step", exact=True).fill("6")
    at(page, 1, 2)
    alone = torch.zeros(1, 1, 4, 4, dtype=torch.float64)
    alone[0, 0, 1, 2] = x[1, 2]
    weight = layer.weight.detach().double()
    expected = F.conv_transpose2d(alone, weight, None, stride=2, padding=1)[0, channel]
    rows = page.locator(".player-sums tbody tr").evaluate_all(
        "all => all.map((row) => [row.children[0].innerText, row.children[2].innerText])"
    )
    found = torch.zeros_like(expected)
    for place, added in rows:
        y, other = map(int, place.split(","))
        found[y, other] += number(added)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("layer", "channel", "cell"),
    [
        ("stem_convolution", 3, (9, 12)),
        ("stage2.convolution2", 7, (3, 6)),
        ("stage1.add", 2, (3, 3)),
        ("linear", 64, None),
    ],
)
def test_the_snippet_on_the_page_gives_its_number(
    drawn: tuple[Page, dict[str, Any]], layer: str, channel: int, cell: tuple[int, int] | None
) -> None:
    """Executed as it stands: what it needs it fetches from the server that the page is from."""
    page, manifest = drawn
    open_unit(page, layer, channel, cell)
    disclose(page)
    numbers = told(page, f"{layer} (")
    code = page.locator(".snippet").inner_text()
    names: dict[str, Any] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "snippet", "exec"), names)
    shown = number(numbers["Recomputed in float64"])
    assert names["value"] == pytest.approx(shown, rel=1e-12, abs=1e-12)
    assert float(printed.getvalue()) == names["value"]
    y, x = cell or (0, 0)
    maps = activation(page.url.partition("/#")[0], manifest, layer)
    network = float(
        np.reshape(maps, (len(maps), -1))[channel][y * (maps.shape[-1] if cell else 1) + x]
    )
    check(numbers, names["value"], network)
