"""Two sides beside each other: every number on the page is PyTorch's."""

from __future__ import annotations

import io
import json
import re
from itertools import pairwise
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, Route, expect
from torch import Tensor

from models import load_model
from scripts.started_server import started_server
from tests.browser.conftest import Visitor
from tests.browser.hand import ROOT, Drawing, Posted, draw, example
from tests.browser.test_accessibility import violations

pytestmark = pytest.mark.browser

MODEL = "doodle-classifier"
OTHER = "resnet"
LAYER = "stage2.add"
APART = ".distance-apart > :not(.visually-hidden)"
CAT = ROOT / "docs" / "examples" / "cat.png"
FAILED = "Failed to load resource"


ALL_THERE = """() => {
  const answered = ["a", "b"].filter((side) =>
    document.querySelector(`.pair-best[data-side="${side}"] .guess-label`).textContent !== "–");
  const apart = [...document.querySelectorAll(".distance-apart > :not(.visually-hidden)")];
  return answered.every((side) =>
    document.querySelector(`.trio-column[data-column="${side}"] .trio-why`).hidden)
    && (answered.length < 2 || apart.every((each) => each.textContent));
}"""
"""Whether sides with a guess have maps of the open layer; and where there are two, distances."""


def settle(page: Page) -> None:
    """Wait until the newest drawings have been answered, and everything about them has come."""
    expect(page.locator("#main")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#layer-head select").first).to_be_visible()
    expect(page.locator("#stale-note")).to_be_hidden()
    # Maps of another layer are fetched without the page being busy.
    page.wait_for_function(ALL_THERE)


def choose(page: Page, side: str, label: str) -> None:
    page.locator(f"#pad-{side}").get_by_role("button", name=label, exact=True).click()
    settle(page)


def open_layer(page: Page, name: str) -> None:
    page.locator(f'[data-layer="{name}"]').click()
    expect(page.locator(f'[data-layer="{name}"]')).to_have_attribute("aria-current", "true")
    settle(page)


def inspect(address: str, model: str, drawing: Drawing) -> dict[str, Any]:
    body = {"drawing": drawing, "model": model}
    answer = httpx.post(f"{address}/api/v1/inspections", json=body, timeout=60)
    answer.raise_for_status()
    manifest: dict[str, Any] = answer.json()
    return manifest


def exact(address: str, manifest: dict[str, Any], layer: str) -> Tensor:
    """What a layer gave, float32, without its batch axis."""
    url = f"{address}/api/v1/inspections/{manifest['id']}/layers/{layer}.npz"
    with np.load(io.BytesIO(httpx.get(url, timeout=60).content)) as arrays:
        values: NDArray[np.float32] = arrays["activation"]
    return torch.from_numpy(values[0])


def logits_here(model: str, image: list[list[int]]) -> Tensor:
    """What the model gives in this process for the image that the server says it received."""
    module = load_model(model).module.eval()
    with torch.inference_mode():
        logits: Tensor = module(torch.tensor(image).float()[None, None] / 255)[0]
    return logits.double()


def number(text: str) -> float:
    return float(text.replace("−", "-").replace("\u202f", ""))


def share(text: str) -> tuple[float, float]:
    """The range of shares that a percentage on the page stands for."""
    if text.startswith("<"):
        return 0.0, 0.001
    if text.startswith(">"):
        return 0.999, 1.0
    digits = text.removesuffix(" %")
    half = 0.5 * 10.0 ** -len(digits.partition(".")[2])
    return (float(digits) - half) / 100 - 1e-6, (float(digits) + half) / 100 + 1e-6


def assert_guesses(page: Page, a: Tensor, b: Tensor, labels: list[str]) -> None:
    """The paired guesses are softmax of these logits, and the differences theirs."""
    ofs = [torch.softmax(logits, dim=0) for logits in (a, b)]
    union = {labels[int(i)] for of in ofs for i in of.topk(5).indices}
    rows = page.locator(".pair-table tbody tr")
    shown = rows.evaluate_all("all => all.map((row) => [...row.cells].map((c) => c.innerText))")
    assert {row[0] for row in shown} == union
    larger = [max(float(of[labels.index(row[0])]) for of in ofs) for row in shown]
    assert all(one >= other - 1e-6 for one, other in pairwise(larger))
    for label, _, in_a, in_b, difference in shown:
        here = [float(of[labels.index(label)]) for of in ofs]
        for text, value in zip((in_a, in_b), here, strict=True):
            low, high = share(text)
            assert low <= value <= high, (label, text, value)
        points = (here[1] - here[0]) * 100
        if difference == "≈ 0":
            assert abs(points) < 0.006
        else:
            assert number(difference) == pytest.approx(points, abs=0.051)
    facts = page.locator(".pair-facts dd").all_inner_texts()
    for text, of in zip(facts, ofs, strict=False):
        entropy = float(torch.special.entr(of).sum())
        assert number(text.removesuffix(" nats")) == pytest.approx(entropy, rel=6e-3, abs=1e-5)
    low, high = share(facts[3])
    assert low <= float((ofs[1] - ofs[0]).abs().sum() / 2) <= high


def categories(address: str, model: str = MODEL) -> list[str]:
    labels: list[str] = httpx.get(f"{address}/api/v1/models/{model}", timeout=60).json()[
        "categories"
    ]
    return labels


def assert_distances(page: Page, address: str, a: dict[str, Any], b: dict[str, Any]) -> int:
    """Every row down the network has PyTorch's distance and cosine; returns how many have one."""
    rows = page.locator(".distance").evaluate_all(
        """all => all.map((row) => [row.dataset.layer, row.querySelector(".distance-other"),
        ...["apart", "cosine"].map((part) => row.querySelector(
          `.distance-${part} > :not(.visually-hidden)`).textContent)])"""
    )
    matches = httpx.get(f"{address}/api/v1/models/{a['model']}/matches/{b['model']}", timeout=60)
    others = {match["layer"]: match["other_layer"] for match in matches.json()["matches"]}
    assert [row[0] for row in rows] == [layer["name"] for layer in a["layers"]]
    compared = 0
    for name, _, apart, cosine in rows[::3] + rows[-1:]:
        one = exact(address, a, name).double().flatten()
        other = exact(address, b, others[name]).double().flatten()
        if apart == "shapes differ":
            assert one.shape != other.shape or a["model"] != b["model"]
            continue
        distance = (other - one).norm() / max(one.norm(), other.norm())
        low, high = share(apart)
        assert low <= float(distance) <= high, name
        similarity = float(torch.nn.functional.cosine_similarity(one, other, dim=0))
        assert number(cosine) == pytest.approx(similarity, rel=6e-3, abs=1e-6)
        compared += 1
    return compared


def point(page: Page, column: str, row: float, at: float, shape: tuple[int, int]) -> None:
    """Put the pointer onto a cell of a large picture."""
    view = page.locator(f'.trio-column[data-column="{column}"] .pixel-view')
    view.scroll_into_view_if_needed()
    box = view.bounding_box()
    assert box is not None
    x = box["x"] + (at + 0.5) * box["width"] / shape[1]
    page.mouse.move(x, box["y"] + (row + 0.5) * box["height"] / shape[0])


def shown_values(page: Page) -> list[np.float32]:
    values = page.locator(".trio-value")
    for index in range(3):
        expect(values.nth(index)).to_have_text(re.compile(r"\d"))
    return [np.float32(number(text)) for text in values.all_inner_texts()]


def assert_cell(page: Page, a: Tensor, b: Tensor, row: int, column: int) -> None:
    place = f"row {row}, column {column} of"
    expect(page.locator('.trio-column[data-column="a"] .trio-place')).to_contain_text(place)
    expect(page.locator('.trio-column[data-column="b"] .trio-place')).to_contain_text(place)
    values = a[row, column], b[row, column], (b - a)[row, column]
    assert shown_values(page) == [value.numpy() for value in values]


def test_two_drawings_through_one_network(visitor: Visitor, address: str) -> None:
    page = visitor.open("/compare")
    posted = Posted(page)
    expect(page.locator(".pair-empty")).to_contain_text("what does one stroke change")
    draw(page, example("cat"), "#canvas-a")
    settle(page)
    first = posted.drawing
    draw(page, example("star"), "#canvas-b")
    settle(page)
    second = posted.drawing
    one, other = inspect(address, MODEL, first), inspect(address, MODEL, second)
    assert_guesses(
        page,
        logits_here(MODEL, one["input"]["image"]),
        logits_here(MODEL, other["input"]["image"]),
        categories(address),
    )
    assert assert_distances(page, address, one, other) > 8
    open_layer(page, LAYER)
    a, b = exact(address, one, LAYER), exact(address, other, LAYER)
    largest = (b - a).abs().amax(dim=(1, 2))
    order = sorted(range(len(a)), key=lambda channel: (-float(largest[channel]), channel))
    numbers = page.locator(".trio-number > :last-child")
    expect(numbers).to_have_count(min(24, len(order)))
    assert [int(text) for text in numbers.all_inner_texts()] == order[:24]
    expect(page.locator(".trio-counted")).to_have_text(
        f"24 of {len(a)} channels shown, {len(a) - 24} hidden"
    )
    # What is open by itself is the channel that differs most.
    channel = order[0]
    height, width = a.shape[1:]
    for column, place in (("a", (0, 0)), ("difference", (3, 5)), ("b", (height - 1, 2))):
        point(page, column, *place, (height, width))
        assert_cell(page, a[channel], b[channel], *place)
    marks = page.locator(".trio-list").evaluate(
        "it => [it.dataset.markA, it.dataset.markB, it.style.getPropertyValue('--b-top')]"
    )
    assert marks == ["", "", str((height - 1) / height)]
    page.locator(".trio").nth(4).click()
    page.mouse.move(0, 0)
    expect(page.locator(".trio-title").first).to_have_text(f"channel {order[4]}")
    page.locator('.trio-column[data-column="b"] .pixel-view').focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    assert_cell(page, a[order[4]], b[order[4]], 2, 1)
    page.get_by_role("button", name="Go to the greatest difference").click()
    index = int((b - a)[order[4]].abs().argmax())
    assert_cell(page, a[order[4]], b[order[4]], index // width, index % width)
    expect(page.locator("#announcer")).to_contain_text("B minus A")
    for side in "ab":
        field = page.locator(f'.trio-column[data-column="{side}"] .field-box').first
        unit: dict[str, str | int] = {
            "layer": LAYER,
            "channel": order[4],
            "y": index // width,
            "x": index % width,
        }
        asked = f"{address}/api/v1/models/{MODEL}/receptive-field"
        box = httpx.get(asked, params=unit, timeout=60).json()["box"]
        expect(field).to_have_attribute("data-box", str(box).replace(" ", ""))


def centres(address: str, model: str, layer: str) -> list[float]:
    """The middle of the field of each row of a layer, from the fields of its units."""
    nodes = httpx.get(f"{address}/api/v1/models/{model}", timeout=60).json()["nodes"]
    rows = next(node for node in nodes if node["name"] == layer)["shape"][2]
    found = []
    for row in range(rows):
        unit: dict[str, str | int] = {"layer": layer, "y": row, "x": 0}
        asked = f"{address}/api/v1/models/{model}/receptive-field"
        first, stop = httpx.get(asked, params=unit, timeout=60).json()["unclipped"][0]
        found.append((first + stop) / 2)
    return found


def test_one_drawing_through_two_networks(visitor: Visitor, address: str) -> None:
    page = visitor.open(f"/compare#mode=models&model={MODEL}&other={OTHER}")
    posted = Posted(page)
    expect(page.locator("#side-b")).to_be_hidden()
    draw(page, example("cat"), "#canvas-a")
    settle(page)
    drawing = posted.drawing
    assert {body["model"] for body in posted.bodies} == {MODEL, OTHER}
    one, other = inspect(address, MODEL, drawing), inspect(address, OTHER, drawing)
    assert_guesses(
        page,
        logits_here(MODEL, one["input"]["image"]),
        logits_here(OTHER, one["input"]["image"]),
        categories(address),
    )
    assert assert_distances(page, address, one, other) >= 1
    # The logits: one value a category, and the categories are the same.
    open_layer(page, "linear")
    a, b = exact(address, one, "linear"), exact(address, other, "linear")
    width = int(np.ceil(np.sqrt(len(a))))
    place = (7, 11)
    point(page, "difference", *place, (-(-len(a) // width), width))
    channel = place[0] * width + place[1]
    label = categories(address)[channel]
    expect(page.locator(".trio-place").first).to_have_text(f"channel {channel}: {label}")
    assert shown_values(page) == [each[channel].numpy() for each in (a, b, b - a)]
    # Two shapes: no difference, and a cell of one leads to the nearest of the other.
    open_layer(page, "stage1.add")
    page.locator("#layer-head select").nth(1).select_option("stage1.0.add")
    settle(page)
    expect(page.locator(".trio-why").nth(2)).to_contain_text("equal shape")
    expect(page.locator(".layer-matched")).to_contain_text("by hand")
    expect(page).to_have_url(re.compile("other-layer=stage1.0.add"))
    rows_a, rows_b = centres(address, MODEL, "stage1.add"), centres(address, OTHER, "stage1.0.add")
    values_b = exact(address, other, "stage1.0.add")
    for row in (0, 5, len(rows_a) - 1):
        point(page, "a", row, row, (len(rows_a), len(rows_a)))
        nearest = min(range(len(rows_b)), key=lambda each: abs(rows_b[each] - rows_a[row]))
        expect(page.locator(".trio-place").nth(1)).to_contain_text(
            f"row {nearest}, column {nearest} of {len(rows_b)}"
        )
        value = page.locator(".trio-value").nth(1)
        expect(value).to_have_text(re.compile(r"\d"))
        assert np.float32(number(value.inner_text())) == values_b[0, nearest, nearest].numpy()
    # A pair of one shape that nobody matched: its distance is told all the same.
    open_layer(page, "stage1.shortcut_pooling")
    page.locator("#layer-head select").nth(1).select_option("stage2.1.add")
    settle(page)
    pooled, added = (
        exact(address, one, "stage1.shortcut_pooling"),
        exact(address, other, "stage2.1.add"),
    )
    distance = float((added - pooled).double().norm() / max(pooled.norm(), added.norm()))
    fact = page.locator(".layer-facts b").nth(2)
    expect(fact).to_have_text(re.compile(r"^(> 99\.9|\d+) %$"))
    low, high = share(fact.inner_text())
    assert low <= distance <= high
    page.get_by_role("button", name="Match it again").click()
    expect(page.locator(".layer-matched")).to_contain_text("counterpart")
    assert violations(page) == []


def test_what_one_stroke_changes_and_a_link_that_brings_it_back(visitor: Visitor) -> None:
    page = visitor.open("/compare")
    choose(page, "a", "house")
    page.get_by_role("button", name="Copy A to B").click()
    settle(page)
    expect(page.locator(".pair-empty")).to_contain_text("the same input")
    assert set(page.locator(APART).all_inner_texts()) == {"0 %"}
    draw(page, [[[40, 220], [10, 10]]], "#canvas-b")
    settle(page)
    apart = [share(text)[0] for text in page.locator(APART).all_inner_texts()]
    assert min(apart) > 0
    open_layer(page, "stage1.add")
    page.locator(".trio").nth(2).click()
    page.mouse.move(0, 0)
    page.locator('.trio-column[data-column="a"] .pixel-view').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.wait_for_function("() => location.hash.includes('cell=1,0')")
    values = shown_values(page)
    place = page.locator(".trio-place").first.inner_text()
    again = visitor.open(page.url.removeprefix(visitor.address))
    settle(again)
    assert shown_values(again) == values
    assert again.locator(".trio-place").first.inner_text() == place
    assert (
        again.locator(".trio-title").all_inner_texts()
        == page.locator(".trio-title").all_inner_texts()
    )
    assert again.locator(".pair-table").inner_text() == page.locator(".pair-table").inner_text()
    # Back through what was opened; the drawings stay.
    page.go_back()
    page.go_back()
    expect(page.locator('[data-layer="stem_convolution"]')).to_have_attribute(
        "aria-current", "true"
    )
    page.go_forward()
    expect(page.locator('[data-layer="stage1.add"]')).to_have_attribute("aria-current", "true")
    settle(page)
    assert [share(text)[0] for text in page.locator(APART).all_inner_texts()] == apart


def test_both_sides_always_answer_the_same_drawing(visitor: Visitor) -> None:
    page = visitor.open(f"/compare#mode=models&model={MODEL}&other={OTHER}")

    page.evaluate(
        """() => {
          const real = window.fetch;
          window.fetch = async (url, options) => {
            const late = typeof options?.body === "string" && options.body.includes("resnet");
            if (late) await new Promise((resolve) => window.held.push(resolve));
            return real(url, options);
          };
          window.held = [];
          const bests = () => [...document.querySelectorAll(".pair-best .guess-label")]
            .map((each) => each.innerText).join();
          window.seen = new Set();
          new MutationObserver(() => window.seen.add(bests()))
            .observe(document.querySelector("#pair-guesses"), {subtree: true, childList: true});
        }"""
    )

    def until_asked() -> None:
        page.wait_for_function("() => window.held.length > 0")

    def let_go() -> None:
        page.evaluate("() => window.held.shift()()")

    def press(label: str) -> None:
        page.locator("#pad-a").get_by_role("button", name=label, exact=True).click()

    labels = page.locator(".pair-best .guess-label")
    press("cat")
    for label, answered in (("star", "cat"), ("envelope", "star"), ("star", "envelope")):
        until_asked()
        press(label)
        let_go()
        expect(labels).to_have_text([answered, answered])
    until_asked()
    expect(page.locator("#stale-note")).to_be_visible()
    let_go()
    settle(page)
    seen = set(page.evaluate("() => [...window.seen]"))
    assert "star,star" in seen
    assert seen <= {"–,–", "cat,cat", "star,star", "envelope,envelope"}


def test_a_lost_inspection_and_an_absent_server_lose_no_drawing(visitor: Visitor) -> None:
    page = visitor.open("/compare", expect=FAILED)
    posted = Posted(page)
    gone: list[str] = []

    def once(route: Route) -> None:
        if gone:
            route.fallback()
            return
        gone.append(route.request.url)
        detail = {"title": "Inspection not kept", "status": 410, "detail": "It is gone."}
        route.fulfill(status=410, json=detail)

    page.route("**/difference?*", once)
    choose(page, "a", "cat")
    choose(page, "b", "star")
    expect(page.locator(APART).first).to_have_text(re.compile("%"))
    assert len(gone) == 1
    assert len(posted.bodies) >= 4, "both sides were posted again"
    page.route("**/api/v1/**", lambda route: route.abort())
    page.locator("#pad-b").get_by_role("button", name="sun", exact=True).click()
    status = page.locator("#server-status")
    expect(status).to_contain_text("Your drawing is safe")
    expect(page.locator("#stale-note")).to_be_visible()
    assert violations(page) == []
    page.unroute("**/api/v1/**")
    expect(status).to_be_hidden(timeout=30_000)
    settle(page)
    expect(page.locator(".pair-best .guess-label").nth(1)).to_have_text("sun")


def test_networks_that_take_no_drawings_are_refused_in_a_sentence(visitor: Visitor) -> None:
    page = visitor.open("/compare#mode=models&other=nobody")
    refusal = page.locator("#compare-refusal")
    expect(refusal).to_have_text("There is no network named nobody here. Choose another one.")

    def with_photographs(route: Route) -> None:
        answer = route.fetch()
        photographs = (
            '{"name": "photographs", "title": "Photographs", "input_shape": [3, 224, 224], '
            '"top_k": 1000, "multiply_accumulates": 1, "kind": "image"}'
        )
        body = answer.text().replace('id="model-list">[', f'id="model-list">[{photographs}, ')
        route.fulfill(response=answer, body=body)

    page.route("**/compare", with_photographs)
    page.goto(f"{visitor.address}/compare#mode=models&model={MODEL}&other=photographs")
    page.reload()
    expect(refusal).to_contain_text(
        "Doodle classifier takes drawings and Photographs takes images of 3 × 224 × 224"
    )
    expect(page.locator("#model-b option:disabled")).to_have_count(1)
    page.locator("#model-b").select_option(OTHER)
    expect(refusal).to_be_hidden()
    choose(page, "a", "cat")
    expect(page.locator(".pair-best .guess-label").nth(1)).to_have_text("cat")


def test_an_image_beside_a_drawing(visitor: Visitor, address: str) -> None:
    page = visitor.open("/compare")
    page.set_input_files("#pad-a [data-part=file]", CAT)
    choose(page, "b", "cat")
    with CAT.open("rb") as file:
        form = {"files": {"image": file}, "data": {"model": MODEL}}
        answer = httpx.post(f"{address}/api/v1/inspections", timeout=60, **form)  # type: ignore[arg-type]
    one = answer.json()
    labels = page.locator(".pair-best .guess-label")
    expect(labels.first).to_have_text(one["predictions"][0]["label"])
    channel = exact(address, one, "stem_convolution")[0]
    page.get_by_text("by number").click()
    point(page, "a", 9, 13, (28, 28))
    assert shown_values(page)[0] == channel[9, 13].numpy()
    page.get_by_role("button", name="Copy A to B").click()
    expect(page.locator(".pair-empty")).to_contain_text("the same input")
    page.locator("#pad-b").get_by_role("button", name="Undo").click()
    expect(page.locator(".pair-empty")).to_be_hidden()


def test_one_image_through_two_networks(browser: Browser) -> None:
    names = "squeezenet1_1", "squeezenet1_0"
    served = [{"model": f"torchvision:{name}", "input": ["3x64x64"]} for name in names]
    with started_server({"DOODLESCOPE_MODELS": json.dumps(served)}) as address:
        visitor = Visitor(browser, address)
        page = visitor.open(f"/compare#mode=models&model=torchvision-{names[0]}")
        expect(page.locator("#model-b")).to_have_value(f"torchvision-{names[1]}")
        expect(page.locator(".pair-empty")).to_contain_text("Open an image")
        page.set_input_files("#pad-a [data-part=file]", CAT)
        settle(page)
        answers = []
        for name in names:
            with CAT.open("rb") as file:
                form = {"image": file}, {"model": f"torchvision-{name}", "top_k": "1000"}
                url = f"{address}/api/v1/inspections"
                answers.append(httpx.post(url, files=form[0], data=form[1], timeout=60).json())
        for label, answer in zip(
            page.locator(".pair-best .guess-label").all(), answers, strict=True
        ):
            expect(label).to_have_text(answer["predictions"][0]["label"])
        assert assert_distances(page, address, *answers) >= 1
        open_layer(page, "flatten")
        a, b = (exact(address, answer, "flatten") for answer in answers)
        point(page, "b", 3, 4, (32, 32))
        place = 3 * 32 + 4
        assert shown_values(page) == [each[place].numpy() for each in (a, b, b - a)]
        page.locator("#model-a").select_option(MODEL)
        expect(page.locator("#model-b option:checked")).not_to_contain_text("images")
        visitor.close()
    assert visitor.complaints == []


@pytest.mark.parametrize(("width", "colours"), [(390, "light"), (1440, "dark")])
def test_it_fits_the_screen_and_can_be_read_by_anybody(
    visitor: Visitor, width: int, colours: Any
) -> None:
    page = visitor.open("/compare", viewport={"width": width, "height": 844}, color_scheme=colours)
    expect(page.locator(".distance").first).to_be_visible()
    assert violations(page) == []
    choose(page, "a", "cat")
    choose(page, "b", "star")
    page.locator('.trio-column[data-column="a"] .pixel-view').focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator('.trio-column[data-column="b"] .field-box').first).to_be_attached()
    expect(page.locator("#announcer")).to_have_text(re.compile("B minus A|furthest apart"))
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert violations(page) == []
    page.keyboard.press("]")
    expect(page.locator('[data-layer="stem_normalisation"]')).to_have_attribute(
        "aria-current", "true"
    )
    page.keyboard.press("?")
    expect(page.locator("#keys-dialog")).to_be_visible()
