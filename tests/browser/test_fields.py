"""Where a value comes from and where a pixel goes, on the page, against PyTorch."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, Route, expect
from torch import Tensor, nn

from models import load_model
from tests.browser.conftest import Visitor
from tests.browser.hand import Posted, choose_example, enter_picture, inspect, until, until_painted
from tests.browser.test_accessibility import violations
from tests.browser.test_microscope import number, open_unit

pytestmark = pytest.mark.browser

NAME = "doodle-classifier"


@pytest.fixture
def drawn(visitor: Visitor) -> tuple[Page, dict[str, Any]]:
    """The Draw page with the cat on it, and what the API says of the same drawing."""
    page = visitor.open("/#prompt=cat")
    posted = Posted(page)
    choose_example(page, "cat")
    return page, inspect(visitor.address, posted.drawing)


def study(page: Page, name: str) -> None:
    """Open one of the disclosures below the value."""
    page.locator(f".study-{name} > summary").click()
    expect(page.locator(f".study-{name}")).to_have_attribute("open", "")


def outputs(module: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """What every module gives, by path; what follows reads a copy."""
    kept: dict[str, Tensor] = {}

    def keep(path: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
            kept[path] = output
            return output.clone()

        return hook

    handles = [part.register_forward_hook(keep(path)) for path, part in module.named_modules()]
    module(x)
    for handle in handles:
        handle.remove()
    return kept


def box_of(read: Tensor) -> list[list[int]]:
    """The box around the cells of a mask (height, width)."""
    axes = (read.any(1).nonzero(), read.any(0).nonzero())
    return [[int(places.min()), int(places.max()) + 1] for places in axes]


def shares(sizes: Tensor, box: list[list[int]]) -> tuple[int, float]:
    """How many pixels have half of the whole, and the share of the middle half of a box."""
    ordered = sizes.flatten().sort(descending=True).values.cumsum(0)
    half = int((ordered < ordered[-1] / 2).sum()) + 1
    weights = []
    for (first, stop), size in zip(box, sizes.shape, strict=True):
        quarter = (stop - first) / 4
        low, high = first + quarter, stop - quarter
        place = torch.arange(size, dtype=torch.float64)
        weights.append((place + 1).clamp(max=high).sub(place.clamp(min=low)).clamp(min=0))
    inside = torch.einsum("yx,y,x->", sizes, *weights)
    return half, float(inside / sizes.sum())


def test_effective_field_is_measured_on_demand(drawn: tuple[Page, dict[str, Any]]) -> None:
    page, manifest = drawn
    asked: list[str] = []
    page.on("request", lambda it: asked.append(it.url) if "effective" in it.url else None)
    open_unit(page, "stage1.convolution2", 5, (4, 6))
    heat = page.locator(".heat")
    expect(heat.get_by_role("button", name="Measure")).to_be_visible()
    assert asked == []

    module = load_model(NAME).module.eval()
    image = torch.tensor(manifest["input"]["image"], dtype=torch.float32)[None, None] / 255

    def expected(x: Tensor, cell: tuple[int, int]) -> Tensor:
        x = x.clone().requires_grad_()
        unit = outputs(module, x)["stage1.convolution2"][:, 5, cell[0], cell[1]].sum()
        (gradient,) = torch.autograd.grad(unit, x)
        return gradient.abs().double().sum((0, 1)) / len(x)

    def check(sizes: Tensor, cell: tuple[int, int], over: str) -> None:
        top, left = 2 * cell[0] - 4, 2 * cell[1] - 4
        half, share = shares(sizes, [[top, top + 9], [left, left + 9]])
        expect(heat).to_have_attribute("aria-busy", "false")
        words = heat.locator(".heat-words")
        expect(words).to_contain_text(f"{over} comes from {half} pixels of 784")
        expect(words).to_contain_text("The middle quarter of the field")
        told = re.search(r"of the field has ([\d.]+) % of it", words.inner_text())
        assert told
        assert float(told[1]) == pytest.approx(100 * share, abs=0.51)
        high = number(heat.locator(".legend > span").last.inner_text())
        assert high == pytest.approx(float(sizes.max()), rel=2e-3)

    heat.get_by_role("button", name="Measure").click()
    expect(page.locator(".field-heat").first).to_be_visible()
    check(expected(image, (4, 6)), (4, 6), "for this input")
    # For its own input it follows the value.
    page.locator(".microscope .pixel-view").focus()
    page.keyboard.press("ArrowDown")
    check(expected(image, (5, 6)), (5, 6), "for this input")
    # Over random images, the same ones every time.
    heat.get_by_label("Averaged over what").select_option("noise")
    heat.get_by_role("button", name="Measure").click()
    generator = np.random.default_rng(0)
    noise = np.stack([generator.integers(0, 256, (28, 28), np.uint8) for _ in range(64)])
    x = torch.from_numpy(noise).float()[:, None] / 255
    expect(heat.locator(".heat-words")).to_contain_text("64 random images")
    check(expected(x, (5, 6)), (5, 6), "on average over 64 random images")
    # Another value has none until it is asked for.
    count = len(asked)
    page.locator(".microscope .pixel-view").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".field-heat").first).to_be_hidden()
    assert len(asked) == count
    heat.get_by_role("button", name="Measure").click()
    expect(heat.locator(".heat-result")).to_be_visible()
    heat.get_by_role("button", name="Hide the heat").click()
    expect(page.locator(".field-heat").first).to_be_hidden()


def test_a_measurement_shows_progress_and_can_be_cancelled(visitor: Visitor) -> None:
    page = visitor.open("/#prompt=cat&layer=stage3.convolution2&channel=3&cell=1,1")
    # A server that takes its time: one line comes, the others do not.
    page.add_init_script(
        """
        const original = window.fetch;
        window.cancelled = 0;
        window.fetch = (url, options = {}) => {
          if (!String(url).includes("/effective-field")) return original(url, options);
          const zeros = btoa(String.fromCharCode(...new Uint8Array(28 * 28 * 4).fill(60)));
          const line = {inputs: 3, of: 64, shape: [28, 28], values: zeros, ended: null};
          const body = new ReadableStream({
            start(controller) {
              controller.enqueue(new TextEncoder().encode(JSON.stringify(line) + "\\n"));
              options.signal.addEventListener("abort", () => {
                window.cancelled += 1;
                controller.error(new DOMException("", "AbortError"));
              });
            },
          });
          return Promise.resolve(new Response(body));
        };
        """
    )
    page.reload()
    choose_example(page, "cat")
    heat = page.locator(".heat")
    expect(page.locator(".field-box")).to_be_attached()
    heat.get_by_label("Averaged over what").select_option("noise")
    heat.get_by_role("button", name="Measure").focus()
    page.keyboard.press("Enter")
    progress = heat.get_by_role("progressbar")
    expect(progress).to_have_attribute("value", "3")
    expect(progress).to_have_attribute("max", "64")
    expect(heat).to_contain_text("3 of 64 inputs")
    heat.get_by_role("button", name="Cancel").focus()
    page.keyboard.press("Enter")
    expect(progress).to_be_hidden()
    assert page.evaluate("window.cancelled") == 1
    # What there is until then stays, and says that it is not all.
    expect(heat.locator(".heat-words")).to_contain_text("It ended before all inputs were measured.")
    heat.get_by_role("button", name="Measure").click()
    expect(progress).to_be_visible()
    page.locator(".microscope .pixel-view").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("window.cancelled === 2")
    expect(progress).to_be_hidden()


def test_the_box_moves_before_the_server_answers(visitor: Visitor) -> None:
    page = visitor.open("/#prompt=cat&layer=stage2.convolution2&channel=3&cell=2,2")
    choose_example(page, "cat")
    box = page.locator(".field-box").first
    expect(box).to_have_attribute("data-box", "[[0,19],[0,19]]")
    held: list[Route] = []
    late = True

    def hold(route: Route) -> None:
        if late:
            held.append(route)
        else:
            route.continue_()

    page.route("**/receptive-field?*", hold)
    enter_picture(page)
    page.keyboard.press("ArrowRight")
    expect(box).to_have_attribute("data-box", "[[0,19],[2,23]]")
    page.keyboard.press("ArrowDown")
    expect(box).to_have_attribute("data-box", "[[2,23],[2,23]]")
    words = page.locator(".field-words")
    expect(words).to_contain_text("Rows 0 to 18")
    until(page, lambda: len(held) > 0)
    assert held
    late = False
    for route in held:
        route.continue_()
    expect(words).to_contain_text("Rows 2 to 22, columns 2 to 22.")


def positive() -> nn.Module:
    """The network with weights of which none is zero or cancels another."""
    module = load_model(NAME).module.double().eval()
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            value.zero_() if name.endswith("running_mean") else value.uniform_(0.5, 1)
    return module


def test_the_column_shows_the_box_in_every_layer(drawn: tuple[Page, dict[str, Any]]) -> None:
    page, _ = drawn
    open_unit(page, "stage2.convolution2", 9, (0, 5))
    study(page, "column")
    tiles = page.locator(".column-tile")
    expect(tiles.last).to_have_attribute("data-layer", "stage2.convolution2")
    expect(tiles.first).to_have_attribute("data-layer", "input")
    page.get_by_label("more layers").check()
    module = positive()
    x = torch.rand(1, 1, 28, 28, dtype=torch.float64).requires_grad_()
    kept = {"input": x, **outputs(module, x)}
    unit = kept["stage2.convolution2"][0, 9, 0, 5]
    found: tuple[Tensor | None, ...] = torch.autograd.grad(
        unit, list(kept.values()), allow_unused=True
    )
    truth = {
        name: box_of((gradient[0] != 0).any(0))
        for name, gradient in zip(kept, found, strict=True)
        if gradient is not None and gradient.ndim == 4 and gradient.any()
    }
    shown: dict[str, Any] = dict(
        tiles.evaluate_all(
            "all => all.map((tile) => [tile.dataset.layer, JSON.parse(tile.dataset.box)])"
        )
    )
    common = set(shown) & set(truth)
    assert len(common) > 12
    assert {name: shown[name] for name in common} == {name: truth[name] for name in common}
    # Ways that divide around a residual sum stand one below the other.
    together = page.locator(".column-strip > li", has=page.locator("[data-beside]")).first
    assert together.locator(".column-tile").count() == 2
    expect(page.locator(".study-column")).to_contain_text("Ways divide at")
    # The maps are those of the drawing: a tile that is in view has been painted.
    tile = page.locator(".column-tile[data-layer='stage2.convolution1']")
    tile.scroll_into_view_if_needed()
    until_painted(page, "[data-layer='stage2.convolution1'] canvas")
    tile.click()
    expect(page.locator(".trail")).to_contain_text("stage2.convolution1")


def test_who_goes_back_while_another_value_is_on_its_way_finds_the_first(
    drawn: tuple[Page, dict[str, Any]],
) -> None:
    page, _ = drawn
    open_unit(page, "stage2.convolution2", 9, (0, 5))
    study(page, "column")
    study(page, "player")
    column, player = page.locator(".study-column"), page.locator(".study-player")
    tiles = column.locator(".column-tile")
    expect(tiles.last).to_have_attribute("data-layer", "stage2.convolution2")
    expect(page.locator(".player-place")).to_contain_text("row 0, column 5")

    def boxes() -> list[list[str]]:
        found: list[list[str]] = tiles.evaluate_all(
            "all => all.map((tile) => [tile.dataset.layer, tile.dataset.box])"
        )
        return found

    def go_and_return(pattern: str, go: Callable[[], None], back: Callable[[], None]) -> None:
        """Another value is asked about, and the first chosen again before it is answered."""
        held: list[Route] = []
        page.route(pattern, lambda route: held.append(route), times=1)
        go()
        until(page, lambda: len(held) == 1)
        assert len(held) == 1
        back()
        expect(page.locator(".reading-place")).to_contain_text("row 0, column 5")
        expect(page.locator(".trail")).to_contain_text("stage2.convolution2")
        held[0].continue_()

    before = boxes()
    enter_picture(page)
    press = page.keyboard.press
    go_and_return("**/column", lambda: press("ArrowRight"), lambda: press("ArrowLeft"))
    expect(column).not_to_have_attribute("data-busy", "")
    assert boxes() == before
    channel = page.locator(".player-controls").get_by_label("Input channel")
    caption = page.locator(".player figcaption").first

    def read(number: int) -> None:
        channel.fill(str(number))
        channel.press("Enter")

    read(3)
    expect(caption).to_contain_text("channel 3")
    go_and_return("**/window*", lambda: read(17), lambda: read(3))
    expect(player).not_to_have_attribute("data-busy", "")
    expect(caption).to_contain_text("channel 3")


def test_a_pixel_shows_what_it_can_change(drawn: tuple[Page, dict[str, Any]]) -> None:
    page, _ = drawn
    open_unit(page, "stage1.convolution2", 5, (4, 6))
    study(page, "reach")
    words = page.locator(".reach-words")
    expect(words).to_contain_text("Choose a pixel of the image")
    picture = page.locator(".reach-picture .pixel-view")
    box = picture.bounding_box()
    assert box is not None
    picture.click(position={"x": box["width"] * 7.5 / 28, "y": box["height"] * 6.5 / 28})

    module = positive()

    def truth(change: Any) -> dict[str, Tensor]:
        runs = []
        for more in (0.0, 1.0):
            with torch.no_grad():
                runs.append(change(more))
        return {path: (runs[0][path] != runs[1][path])[0] for path in runs[0]}

    def of_pixel(row: int, column: int) -> Any:
        def run(more: float) -> dict[str, Tensor]:
            x = torch.full((1, 1, 28, 28), 0.25, dtype=torch.float64)
            x[0, 0, row, column] += more
            return outputs(module, x)

        return run

    def check(differs: dict[str, Tensor]) -> None:
        rows = page.locator(".reach-layers tbody tr").evaluate_all(
            "all => all.map((row) => [...row.children].map((cell) => cell.innerText))"
        )
        checked = 0
        for name, cells, of, _ in rows:
            if name not in differs:
                continue
            changed = differs[name].any(0) if differs[name].ndim == 3 else differs[name]
            assert int(cells) == int(changed.sum()), name
            assert int(of) == changed.numel()
            checked += 1
        assert checked > 5

    expect(words).to_contain_text("The pixel at row 6, column 7")
    differs = truth(of_pixel(6, 7))
    check(differs)
    here = box_of(differs["stage1.convolution2"].any(0))
    expect(words).to_contain_text(
        f"{int(differs['stage1.convolution2'].any(0).sum())} of 196 cells of stage1.convolution2 "
        f"(rows {here[0][0]}–{here[0][1] - 1}, columns {here[1][0]}–{here[1][1] - 1})"
    )
    expect(page.locator(".microscope .pixel-view")).to_have_attribute("data-marked", "")
    # By key, to another pixel.
    picture.focus()
    page.keyboard.press("ArrowDown")
    expect(words).to_contain_text("The pixel at row 7, column 7")
    check(truth(of_pixel(7, 7)))

    # From the chosen cell on.
    page.get_by_label("the chosen cell").check()
    expect(words).to_contain_text("The cell of stage1.convolution2 at channel 5, row 4, column 6")

    def of_cell(more: float) -> dict[str, Tensor]:
        def add(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
            output = output.clone()
            output[0, 5, 4, 6] += more
            return output

        handle = module.get_submodule("stage1.convolution2").register_forward_hook(add)
        try:
            return outputs(module, torch.full((1, 1, 28, 28), 0.25, dtype=torch.float64))
        finally:
            handle.remove()

    check(truth(of_cell))
    page.locator(".reach-layers button").first.click()
    expect(page.locator(".trail [aria-current]")).to_have_text("stage1.normalisation2")


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_nothing_serious_is_wrong_for_assistive_technology(visitor: Visitor, colours: Any) -> None:
    page = visitor.open(
        "/#prompt=cat&layer=stage1.convolution2&channel=1&cell=1,0",
        viewport={"width": 390, "height": 844},
        color_scheme=colours,
    )
    choose_example(page, "cat")
    expect(page.locator(".field-box").first).to_be_attached()
    for name in ("player", "column", "reach"):
        study(page, name)
    page.locator(".heat").get_by_role("button", name="Measure").click()
    expect(page.locator(".heat-result")).to_be_visible()
    page.locator(".reach-picture .pixel-view").click()
    expect(page.locator(".reach-layers tbody tr").first).to_be_visible()
    expect(page.locator(".player-sums .grid").first).to_be_visible()
    expect(page.locator(".study[data-busy], .arithmetic[aria-busy]")).to_have_count(0)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert json.loads(page.locator(".field-box").first.get_attribute("data-box") or "") == [
        [0, 7], [0, 5],
    ]  # fmt: skip
