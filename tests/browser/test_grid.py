"""The channels of a layer in order, what is hidden of them, and what stands beside them."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from models import load_model
from tests.browser.conftest import Visitor
from tests.browser.hand import Posted, choose_example, draw, example, inspect, settle, until
from tests.browser.test_accessibility import violations
from tests.browser.test_layers import activation, open_layer

pytestmark = pytest.mark.browser

WIDE = "stage2.activation1"
LAST = "stage3.activation2"


def shown(page: Page) -> list[int]:
    """The channels of the page, in order."""
    numbers: list[int] = page.locator(".channel-list li:not([hidden]) .channel").evaluate_all(
        "all => all.map((each) => Number(each.dataset.channel))"
    )
    return numbers


def expect_shown(page: Page, channels: Sequence[int]) -> None:
    """Wait until these are the channels of the page, in this order."""
    until(page, lambda: shown(page) == channels)
    assert shown(page) == channels


def values(page: Page) -> list[str]:
    """What stands below each of them."""
    return page.locator(".channel-list li:not([hidden]) .channel-value").all_inner_texts()


def number(text: str) -> float:
    return float(re.sub(r"[^\d.e-]", "", text.replace("−", "-").replace("\u202f", "")))


def sort_by(page: Page, key: str) -> None:
    page.get_by_label("Sort channels by").select_option(key)
    if key != "order":
        expect(
            page.locator(".channel-list li:not([hidden]) .channel-value").first
        ).not_to_be_empty()


def drawn(page: Page, address: str, label: str = "cat") -> dict[str, Any]:
    """Draw by hand; the server's manifest of what was sent."""
    posted = Posted(page)
    draw(page, example(label))
    settle(page)
    return inspect(address, posted.drawing)


def ranked(values_: np.ndarray[Any, Any]) -> list[int]:
    """Channels with the largest first, equal ones by number."""
    return np.argsort(-values_, kind="stable").tolist()  # type: ignore[no-any-return]


def gradients(manifest: dict[str, Any], layer: str) -> np.ndarray[Any, Any]:
    """Gradient of the best logit times value, by PyTorch's hooks, summed for each channel."""
    model = load_model("doodle-classifier").module.eval().requires_grad_(False)
    seen: list[torch.Tensor] = []
    model.get_submodule(layer).register_forward_hook(lambda *given: seen.append(given[2]))
    image = torch.tensor(manifest["input"]["image"]).float().reshape(1, 1, 28, 28) / 255
    logits = model(image.requires_grad_())
    index = int(logits[0].argmax())
    (gradient,) = torch.autograd.grad(logits[0, index], seen[0])
    return (gradient * seen[0]).detach().double().sum((0, 2, 3)).numpy()


def test_each_order_is_pytorchs(page: Page, address: str) -> None:
    manifest = drawn(page, address)
    maps = activation(address, manifest, WIDE).reshape(128, -1)
    open_layer(page, WIDE)
    expect(page.locator(".pager-words")).to_have_text("channels 1–64 of 128")
    assert shown(page) == list(range(64))
    expected = {
        "mean": maps.mean(axis=1, dtype=np.float64),
        "maximum": maps.max(axis=1),
        "sparsity": (maps == 0).mean(axis=1),
    }
    for key, ranks in expected.items():
        sort_by(page, key)
        expect_shown(page, ranked(ranks)[:64])
        told = values(page)
        for channel, text in list(zip(shown(page), told, strict=True))[:10]:
            if text == "dead":
                assert not maps[channel].any()
            elif key == "sparsity":
                assert number(text) / 100 == pytest.approx(ranks[channel], abs=0.006)
            else:
                assert number(text) == pytest.approx(ranks[channel], rel=6e-3)
    page.get_by_role("button", name="The other way round").click()
    backwards = np.argsort(expected["sparsity"], kind="stable").tolist()
    assert shown(page) == backwards[:64]
    expect(page).to_have_url(re.compile("sort=-sparsity"))


def test_contributions_are_pytorchs_and_add_up(page: Page, address: str) -> None:
    manifest = drawn(page, address)
    open_layer(page, LAST)
    sort_by(page, "contribution")
    note = page.locator(".grid-note", has_text="The logit of")
    expect(note).to_be_visible()
    best = manifest["predictions"][0]
    expected = gradients(manifest, LAST)
    told = dict(zip(shown(page), map(number, values(page)), strict=True))
    for channel, value in list(told.items())[:20]:
        assert value == pytest.approx(expected[channel], rel=8e-3, abs=1e-3)
    assert list(told.values()) == sorted(told.values(), reverse=True)
    # After it there is only an average, and the linear layer: what is left is the bias.
    words = note.inner_text()
    found = re.search(r"The logit of (.+), (\S+), is (\S+) of all channels and (\S+) of", words)
    assert found is not None, words
    assert found[1] == best["label"]
    assert number(found[2]) == pytest.approx(best["logit"], rel=1e-3)
    assert number(found[3]) == pytest.approx(expected.sum(), rel=1e-3)
    bias = best["logit"] - expected.sum()
    assert number(found[4]) == pytest.approx(bias, abs=2e-3)


def test_pages_turn_and_follow_the_address(visitor: Visitor, address: str) -> None:
    page = visitor.open(f"/#layer={LAST}&prompt=cat")
    choose_example(page, "cat")
    expect(page.locator(".pager-words")).to_have_text("channels 1–64 of 256")
    page.get_by_role("button", name="Page after").click()
    assert shown(page) == list(range(64, 128))
    page.locator(".channel").first.focus()
    page.keyboard.press("PageDown")
    assert shown(page)[0] == 128
    page.keyboard.press("ArrowLeft")
    assert shown(page)[-1] == 127
    expect(page.locator('.channel[data-channel="127"]')).to_be_focused()
    page.get_by_role("button", name="Last page").click()
    expect(page.locator(".pager-words")).to_have_text("channels 193–256 of 256")
    expect(page.get_by_role("button", name="Page after")).to_be_disabled()
    expect(page).to_have_url(re.compile("page=4"))
    other = visitor.open(page.evaluate("location.pathname + location.hash"))
    expect(other.locator(".pager-words")).to_have_text("channels 193–256 of 256")
    # A link to a channel opens the page that it is on.
    third = visitor.open(f"/#layer={LAST}&channel=70&prompt=cat")
    expect(third.locator('.channel[aria-current="true"]')).to_have_attribute("data-channel", "70")
    assert shown(third)[0] == 64


def test_dead_channels_are_marked_counted_and_can_be_hidden(page: Page, address: str) -> None:
    manifest = drawn(page, address)
    maps = activation(address, manifest, LAST).reshape(256, -1)
    dead = np.flatnonzero(~maps.any(axis=1))
    assert len(dead) > 0, "some are dead"
    open_layer(page, LAST)
    expect(page.locator(".grid-note", has_text="dead on this input")).to_contain_text(
        f"{len(dead)} of 256 channels are dead on this input"
    )
    marked = page.locator(".channel[data-dead]").evaluate_all(
        "all => all.map((each) => Number(each.dataset.channel))"
    )
    assert marked == [channel for channel in dead if channel < 64]
    spoken = page.locator(".channel[data-dead]").first.get_attribute("aria-label")
    assert "dead: 0 in every cell" in str(spoken)
    page.get_by_label(f"Hide {len(dead)} dead").check()
    alive = [channel for channel in range(256) if channel not in dead]
    assert shown(page) == alive[:64]
    expect(page.locator(".pager-words")).to_have_text(
        f"channels 1–64 of {len(alive)}, {len(dead)} dead channels hidden"
    )
    # Dead on this drawing, or on all that the page has seen.
    before = set(dead.tolist())
    other = drawn(page, address, "star")
    now = np.flatnonzero(~activation(address, other, LAST).reshape(256, -1).any(axis=1))
    both = len(before & set(now.tolist()))
    note = page.locator(".grid-note", has_text="dead on this input")
    expect(note).to_contain_text(f"{len(now)} of 256 channels are dead")
    found = re.search(r"(\w+) of them on all (\d+) inputs", note.inner_text())
    assert found is not None
    assert int(found[2]) >= 2
    lasting = {"None": 0, "All": len(now)}.get(found[1], -1)
    assert (lasting if lasting >= 0 else int(found[1])) <= both


def test_the_order_is_kept_while_one_draws_and_when_it_is_held(page: Page, address: str) -> None:
    drawn(page, address)
    open_layer(page, WIDE)
    sort_by(page, "mean")
    before = shown(page)
    page.get_by_label("Hold the order").check()
    other = drawn(page, address, "star")
    expect(page.locator(".channel-list")).not_to_have_attribute("data-stale", "")
    assert shown(page) == before
    page.get_by_label("Hold the order").uncheck()
    means = activation(address, other, WIDE).reshape(128, -1).mean(axis=1, dtype=np.float64)
    assert shown(page) == ranked(means)[:64]


def colours(canvas: Locator) -> np.ndarray[Any, Any]:
    """The pixels of a canvas (height, width, 4)."""
    address: str = canvas.evaluate("it => it.toDataURL()")
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as picture:
        return np.asarray(picture.convert("RGBA"))


def test_a_locked_range_stays_while_one_draws(page: Page, address: str) -> None:
    layer = "stage1.activation1"
    posted = Posted(page)
    draw(page, [[[0, 255], [128, 128]]])
    settle(page)
    manifest = inspect(address, posted.drawing)
    maximum = float(activation(address, manifest, layer).max())
    open_layer(page, layer)
    page.get_by_label("locked").check()
    legend = page.locator("#network-scale .legend")
    expect(legend.locator("> span").last).to_have_text(re.compile(r"\d"))
    ends = legend.inner_text()
    assert number(legend.locator("> span").last.inner_text()) == pytest.approx(maximum, rel=1e-3)
    expect(page).to_have_url(re.compile(r"range=locked&locked=0%2C|range=locked&locked=0,"))
    other = drawn(page, address, "cat")
    maps = activation(address, other, layer)
    above = int((maps > np.float64(np.float32(maximum))).sum())
    assert above > 0, "the second drawing goes beyond"
    channels = int((maps.reshape(64, -1).max(axis=1) > np.float32(maximum)).sum())
    assert legend.inner_text() == ends
    note = page.locator(".grid-beyond")
    expect(note).to_contain_text(
        re.compile(f"{channels} channels? (has|have) {above} values? above it, drawn at its end")
    )
    # What is beyond has the colour of the end, as the legend has it.
    channel = int(maps.reshape(64, -1).max(axis=1).argmax())
    canvas = page.locator(f'.channel[data-channel="{channel}"] canvas')
    canvas.scroll_into_view_if_needed()
    end = colours(legend.locator("canvas"))[0, -1]

    def ends_there() -> bool:
        """It is painted once it is seen: a canvas of one pixel is not yet."""
        pixels = colours(canvas)
        if pixels.shape[:2] != maps[channel].shape:
            return False
        return bool((pixels[maps[channel] > maximum * 1.01] == end).all())

    until(page, ends_there)
    assert ends_there()


def test_kernels_have_the_colours_of_their_weights(page: Page, address: str) -> None:
    layer = "stage1.convolution2"
    weight = load_model("doodle-classifier").module.state_dict()[f"{layer}.weight"].numpy()
    choose_example(page, "cat")
    open_layer(page, layer)
    panel = page.locator(".layer-panel")
    expect(panel.locator(".kernels li")).to_have_count(64)
    legend = panel.locator(".weight-pictures .legend")
    ends = [number(text) for text in legend.locator("> span").all_inner_texts() if text]
    assert ends[0] == -ends[1]
    scale = colours(legend.locator("canvas"))[0].astype(int)

    def check(kernels: np.ndarray[Any, Any], bound: float) -> None:
        for output in (0, 5, 63):
            picture = colours(panel.locator(".kernels canvas").nth(output)).astype(int)
            places = np.clip(np.rint((kernels[output] + bound) / (2 * bound) * 255), 0, 255)
            # Quantised over the range of a kernel, a colour may be the next one.
            assert np.abs(picture - scale[places.astype(int)]).max() <= 12

    check(weight[:, 0], ends[1])
    panel.get_by_label("Input channel", exact=True).focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(panel.locator(".inputs-number output")).to_contain_text("3 of 0 to")
    expect(page).to_have_url(re.compile("weights=3"))
    expect(panel.locator(".weight-pictures .grid-note").first).to_contain_text("input channel 3 of")
    check(weight[:, 3], ends[1])


def test_templates_of_softmax_regression_follow_the_order(visitor: Visitor) -> None:
    page = visitor.open("/models/softmax-regression#layer=linear&sort=maximum&prompt=cat")
    choose_example(page, "cat")
    settle(page)
    labels = page.locator(".kernels span")
    expect(labels).to_have_count(64)
    best = page.locator(".guess-label").inner_text()
    expect(labels.first).to_have_text(best)
    assert page.locator(".channel-name").first.text_content() == best
    picture = page.locator(".kernels canvas").first
    assert picture.evaluate("it => [it.width, it.height]") == [28, 28]
    # The corners hold few, large weights; that they are beyond the colours is said.
    expect(page.locator(".weight-pictures .grid-note").nth(1)).to_contain_text("beyond")


def test_histograms_hold_what_pytorch_counts(page: Page, address: str) -> None:
    layer = "stage1.activation1"
    manifest = drawn(page, address)
    flat = torch.from_numpy(activation(address, manifest, layer)).flatten().double()
    open_layer(page, layer)
    histogram = page.locator(".layer-panel .histogram").filter(has_text="For this input")
    zeros = int((flat == 0).sum())
    reading = histogram.locator(".histogram-reading")
    expect(reading).to_contain_text(f"{zeros:,}".replace(",", "\u202f") + " zeros")
    histogram.get_by_text("Counts as a table").click()
    cells = histogram.locator("tbody td")
    expect(cells).to_have_count(48 + 3)
    told = [int(number(text)) for text in cells.all_inner_texts()]
    rest = flat[flat != 0]
    edges = torch.linspace(rest.min(), rest.max(), 49, dtype=torch.float64)
    counts, _ = torch.histogram(rest, edges)
    assert told == [*counts.int().tolist(), zeros, 0, 0]
    histogram.locator(".histogram-chart").focus()
    page.keyboard.press("Home")
    expect(reading).to_contain_text(f": {int(counts[0]):,} values".replace(",", "\u202f"))
    heights = [
        float(text)
        for text in histogram.locator(".histogram-chart g rect").evaluate_all(
            "all => all.map((each) => each.getAttribute('height'))"
        )
    ]
    assert int(np.argmax(heights)) == int(counts.argmax())


@pytest.mark.parametrize("width", [390, 1440])
def test_it_is_accessible_and_reachable(visitor: Visitor, width: int) -> None:
    page = visitor.open(
        f"/#prompt=cat&layer={LAST}&sort=contribution&dead=hidden",
        viewport={"width": width, "height": 844},
        color_scheme="dark",
    )
    choose_example(page, "cat")
    expect(page.locator(".grid-note", has_text="The logit of")).to_be_visible()
    assert violations(page) == []
    open_layer(page, "stage1.convolution1")
    expect(page.locator(".kernels li").first).to_be_visible()
    page.locator(".layer-panel").get_by_text("Counts as a table").first.click()
    assert violations(page) == []
    open_layer(page, "stage1.normalisation1")
    expect(page.locator(".weight-bars").first).to_be_visible()
    assert violations(page) == []
    # With a channel open, the others come before what is said of it, on a phone too.
    page.locator(".channel").nth(2).click()
    above = page.locator(".channel-list").bounding_box()
    picture = page.locator(".microscope").bounding_box()
    assert above is not None
    assert picture is not None
    if width < 960:
        assert above["y"] + above["height"] <= picture["y"]
        assert above["height"] < 120
