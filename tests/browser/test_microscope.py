"""The value under the microscope: its receptive field and its arithmetic, against PyTorch."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from playwright.sync_api import Page, Request, Route, expect
from torch import Tensor, nn

from models import load_model
from server.engine import trace_model
from server.engine.arithmetic import arithmetic
from server.services.arithmetic import describe_arithmetic
from tests.browser.conftest import Visitor
from tests.browser.hand import Posted, choose_example, enter_picture, inspect, until
from tests.browser.test_accessibility import violations
from tests.browser.test_errors import FAILED, answer_once
from tests.browser.test_layers import activation
from tests.support.call_case import Case, function, layer

pytestmark = pytest.mark.browser

NAME = "doodle-classifier"
TITLE = "How this value came about"


def number(text: str) -> float:
    """A number as the page writes it; Infinity and NaN in its words."""
    words = {"∞": "inf", "not a number": "nan"}
    plain = text.replace("−", "-")
    for word, value in words.items():
        plain = plain.replace(word, value)
    return float(plain)


def open_unit(page: Page, layer: str, channel: int, cell: tuple[int, int] | None = None) -> None:
    """Go to a value by the address; the drawing stays."""
    at = f"&cell={cell[0]},{cell[1]}" if cell else ""
    page.evaluate(f"location.hash = 'layer={layer}&channel={channel}{at}'")
    expect(page.locator(".trail")).to_contain_text(layer)
    expect(page.locator(".field-words")).to_contain_text(re.compile("[Rr]ows?|pixel"))


def disclose(page: Page) -> None:
    """Open the arithmetic, where somebody has closed it."""
    if page.locator(".arithmetic").get_attribute("open") is None:
        page.locator(".arithmetic summary").click()
    expect(page.locator(".arithmetic")).to_have_attribute("open", "")


def told(page: Page, place: str) -> dict[str, str]:
    """The named numbers of the open arithmetic, once that of a place has come."""
    expect(page.locator(".arithmetic-place")).to_contain_text(place)
    # Until then it is of the drawing before.
    expect(page.locator(".arithmetic")).not_to_have_attribute("aria-busy", "true")
    pairs: list[tuple[str, str]] = page.locator(".arithmetic-body .sum > div").evaluate_all(
        "all => all.map((each) => [...each.children].map((part) => part.innerText))"
    )
    return dict(pairs)


def check(numbers: dict[str, str], value: float, network: float) -> None:
    """The page's two values are those given, and the difference that of the two."""
    recomputed = number(numbers["Recomputed in float64"])
    assert recomputed == pytest.approx(value, rel=1e-11, abs=1e-11)
    own = number(numbers["The network's own, in float32"])
    assert own == float(network)
    assert number(numbers["Difference"]) == pytest.approx(recomputed - own, abs=1e-15)


@pytest.fixture
def drawn(visitor: Visitor) -> tuple[Page, dict[str, Any]]:
    """The Draw page with the cat on it, and what the API says of the same drawing."""
    page = visitor.open("/#prompt=cat", expect=FAILED)
    posted = Posted(page)
    choose_example(page, "cat")
    return page, inspect(visitor.address, posted.drawing)


def test_numbers_are_those_of_pytorch(drawn: tuple[Page, dict[str, Any]], address: str) -> None:
    page, manifest = drawn
    model = load_model(NAME).module.eval().double()
    tensors: dict[str, np.ndarray[Any, Any]] = {}

    def values(layer: str) -> Tensor:
        if layer not in tensors:
            tensors[layer] = activation(address, manifest, layer)
        return torch.from_numpy(tensors[layer]).double()

    # Convolution, in a corner: some of the window is padding.
    open_unit(page, "stage1.convolution2", 5, (0, 13))
    disclose(page)
    numbers = told(page, "stage1.convolution2 (Conv2d), channel 5, row 0, column 13")
    convolution = model.get_submodule("stage1.convolution2")
    assert isinstance(convolution, nn.Conv2d)
    given = F.pad(values("stage1.activation1"), (1, 1, 1, 1))[:, 0:3, 13:16]
    parts = (given * convolution.weight[5]).sum((1, 2)).detach()
    network = values("stage1.convolution2")[5, 0, 13].item()
    check(numbers, parts.sum().item(), network)
    first = int(parts.abs().argmax())
    shown = page.locator(".products li")
    expect(shown).to_have_count(8)
    expect(shown.first.locator("h4")).to_contain_text(f"channel {first}")
    partial = number(shown.first.locator("h4 .figure").inner_text())
    assert partial == pytest.approx(parts[first].item(), rel=1e-8)
    patch = shown.first.locator(".grid").first.locator("td[title]")
    assert [number(title) for title in patch.evaluate_all("all => all.map((it) => it.title)")] == (
        given[first].flatten().tolist()
    )
    assert shown.first.locator("[data-padding]").count() == 5
    page.get_by_role("button", name="List all").click()
    expect(shown).to_have_count(64)
    everything = [number(text) for text in shown.locator("h4 .figure").all_inner_texts()]
    assert sum(everything) == pytest.approx(parts.sum().item(), rel=1e-7)

    # ReLU: the disclosure has stayed open.
    open_unit(page, "stage1.activation1", 5, (4, 6))
    numbers = told(page, "stage1.activation1 (ReLU), channel 5, row 4, column 6")
    x = values("stage1.normalisation1")[5, 4, 6].item()
    assert number(numbers["x, what it was given"]) == pytest.approx(x, rel=1e-7)
    check(numbers, max(0.0, x), values("stage1.activation1")[5, 4, 6].item())
    expect(page.locator(".curve-point")).to_have_count(1)

    # Add: each side leads to where it comes from.
    open_unit(page, "stage1.add", 3, (2, 9))
    numbers = told(page, "stage1.add (add), channel 3, row 2, column 9")
    sides = [values(f"stage1.{name}")[3, 2, 9].item() for name in
             ("normalisation2", "shortcut_normalisation")]  # fmt: skip
    check(numbers, sum(sides), values("stage1.add")[3, 2, 9].item())
    page.locator(".terms .link-button").first.click()
    expect(page.locator(".trail [aria-current]")).to_have_text("channel 3")
    expect(page.locator(".reading-place")).to_contain_text("row 2, column 9")
    expect(page.locator(".trail")).to_contain_text("stage1.normalisation2")
    expect(page.locator(".reading-value")).to_have_text(re.compile(r"\d"))
    assert np.float32(number(page.locator(".reading-value").inner_text())) == np.float32(sides[0])

    # A logit: the image's own name for it, and all its products.
    open_unit(page, "linear", 64)
    numbers = told(page, "linear (Linear), channel 64")
    linear = model.get_submodule("linear")
    assert isinstance(linear, nn.Linear)
    products = (values("dropout") * linear.weight[64]).detach()
    logit = products.sum() + linear.bias[64]
    check(numbers, logit.item(), values("linear")[64].item())
    top = page.locator(".terms tbody tr").first
    expect(top.locator("th")).to_have_text(str(int(products.abs().argmax())))


def test_field_is_that_of_the_api_and_moves_with_the_cell(visitor: Visitor, address: str) -> None:
    page = visitor.open("/#prompt=cat&layer=stage1.add&channel=3&cell=0,0")
    choose_example(page, "cat")
    asked: list[str] = []
    page.on(
        "request",
        lambda request: asked.append(request.url) if "receptive-field" in request.url else None,
    )

    def expect_field(layer: str, place: dict[str, int]) -> None:
        answer = httpx.get(
            f"{address}/api/v1/models/{NAME}/receptive-field",
            params={"layer": layer, "channel": 3, **place},
            timeout=60,
        ).json()
        rows, columns = answer["box"]
        whole = answer["unclipped"]
        box = page.locator(".field-box")
        expect(box).to_have_attribute(
            "data-box", json.dumps([rows, columns], separators=(",", ":"))
        )
        words = page.locator(".field-words")
        if rows == [0, 28] and columns == [0, 28]:
            expect(words).to_contain_text("Every pixel of the image.")
        else:
            expect(words).to_contain_text(
                f"Rows {rows[0]} to {rows[1] - 1}, columns {columns[0]} to {columns[1] - 1}."
            )
        size = " × ".join(str(stop - start) for start, stop in whole)
        expect(words).to_contain_text(f"The whole field is {size}")
        if whole[0][0] < 0:
            expect(words).to_contain_text(f"{-whole[0][0]} rows at the top")

    expect_field("stage1.add", {"y": 0, "x": 0})
    enter_picture(page)
    page.keyboard.press("ArrowRight")
    expect_field("stage1.add", {"y": 0, "x": 1})
    page.keyboard.press("ArrowDown")
    expect_field("stage1.add", {"y": 1, "x": 1})
    count = len(asked)
    page.keyboard.press("ArrowUp")
    expect_field("stage1.add", {"y": 0, "x": 1})
    assert len(asked) == count, "a field that has come is not asked for again"
    open_unit(page, "linear", 3)
    expect_field("linear", {})


def test_arithmetic_is_fetched_only_while_it_is_open(visitor: Visitor) -> None:
    page = visitor.open("/#prompt=cat&layer=stage2.add&channel=3&cell=2,2")
    asked: list[str] = []

    def heard(request: Request) -> None:
        if request.url.endswith("/arithmetic"):
            asked.append(request.url)

    choose_example(page, "cat")
    told(page, "channel 3, row 2, column 2")
    page.locator(".arithmetic summary").click()
    expect(page.locator(".arithmetic")).not_to_have_attribute("open", "")
    page.on("request", heard)
    choose_example(page, "star")
    page.reload()
    choose_example(page, "star")
    expect(page.locator(".field-words")).to_contain_text("Rows")
    assert asked == []
    disclose(page)
    before = told(page, "channel 3, row 2, column 2")
    assert len(asked) == 1
    choose_example(page, "cat")
    assert told(page, "channel 3, row 2, column 2") != before
    page.reload()
    choose_example(page, "cat")
    assert told(page, "channel 3, row 2, column 2") != before


def test_arithmetic_of_the_drawing_before_stays_marked_as_late(
    drawn: tuple[Page, dict[str, Any]],
) -> None:
    page, _ = drawn
    open_unit(page, "stage2.add", 4, (1, 1))
    disclose(page)
    told(page, "channel 4, row 1, column 1")
    held: list[Route] = []
    page.route("**/arithmetic", lambda route: held.append(route))
    choose_example(page, "star")
    until(page, lambda: len(held) == 1)
    choose_example(page, "house")
    held[0].continue_()
    until(page, lambda: len(held) == 2)
    assert len(held) == 2
    body = page.locator(".arithmetic")
    expect(body).to_have_attribute("aria-busy", "true")
    held[1].continue_()
    expect(body).not_to_have_attribute("aria-busy", "true")


def test_lost_inspection_is_posted_again(drawn: tuple[Page, dict[str, Any]]) -> None:
    page, _ = drawn
    posted = Posted(page)
    hit = answer_once(page, "**/arithmetic", 410, "This inspection is no longer kept.")
    open_unit(page, "stage2.add", 4, (1, 1))
    disclose(page)
    told(page, "stage2.add (add), channel 4, row 1, column 1")
    assert len(hit) == 1
    assert len(posted.bodies) == 1
    expect(page.locator("#server-status")).to_be_hidden()
    expect(page.locator(".guess-label")).to_have_text("cat")


def test_what_cannot_be_explained_says_why(drawn: tuple[Page, dict[str, Any]]) -> None:
    page, _ = drawn
    answer_once(page, "**/arithmetic", 422, "This value has no arithmetic.")
    answer_once(page, "**/receptive-field?*", 422, "This layer has no field.")
    page.evaluate("location.hash = 'layer=stage2.add&channel=4&cell=1,1'")
    expect(page.locator(".field-words")).to_have_text("This layer has no field.")
    disclose(page)
    expect(page.locator(".arithmetic-body")).to_have_text("This value has no arithmetic.")


NEGATIVE = -float("inf")
CASES: list[tuple[Case, tuple[int, ...]]] = [
    (layer(nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=2), torch.rand(1, 4, 5, 5),
                 kind="convolution"), (0, 3, 0, 4)),
    (layer(nn.Conv1d(3, 2, 1), torch.rand(1, 3, 5), kind="convolution"), (0, 1, 2)),
    (layer(nn.ConvTranspose2d(2, 1, 2), torch.rand(1, 2, 2, 2),
                 kind="transposed_convolution"), (0, 0, 1, 1)),
    (layer(nn.MaxPool2d(2, padding=1), torch.rand(1, 1, 3, 3), kind="max_pooling"),
     (0, 0, 0, 0)),
    (layer(nn.AvgPool2d(3, padding=1), torch.rand(1, 1, 5, 5), kind="average_pooling"),
     (0, 0, 0, 0)),
    (layer(nn.LPPool2d(2, 2), torch.rand(1, 1, 2, 2), kind="lp_pooling"), (0, 0, 0, 0)),
    (layer(nn.ELU(0.5), torch.tensor([-1.5]), kind="activation"), (0,)),
    (function("log", torch.log, torch.zeros(1), kind="activation"), (0,)),
    (layer(nn.LayerNorm(4), torch.rand(1, 4), kind="normalisation"), (0, 2)),
    (layer(nn.LocalResponseNorm(2), torch.rand(1, 2, 2),
                 kind="local_response_normalisation"), (0, 1, 1)),
    (function("sub", lambda x: x - 2, torch.rand(1, 2), kind="elementwise"), (0, 1)),
    (function("cat", lambda x: torch.cat([x, x]), torch.rand(1), kind="concatenation"),
     (1,)),
    (layer(nn.Linear(3, 2), torch.rand(1, 3), kind="linear"), (0, 1)),
    (function("mm", lambda x: x @ x, torch.rand(2, 2), kind="matrix_product"), (1, 0)),
    (layer(nn.Softmax(0), torch.rand(3), kind="softmax"), (0,)),
    (layer(nn.LogSoftmax(0), torch.tensor([0.0, NEGATIVE]), kind="log_softmax"), (1,)),
    (function("loss", lambda x: F.cross_entropy(x, torch.tensor(1)), torch.rand(2),
                    kind="cross_entropy"), ()),
    (layer(nn.Identity(), torch.rand(2), kind="identity"), (1,)),
    (layer(nn.Dropout(0.3), torch.rand(2), kind="dropout"), (1,)),
    (layer(nn.ConstantPad1d(1, 2.0), torch.rand(1, 2), kind="movement"), (0, 0)),
    (layer(nn.Upsample(scale_factor=2, mode="linear"), torch.rand(1, 1, 2),
                 kind="interpolation"), (0, 0, 1)),
    (function("mean", lambda x: x.mean(), torch.rand(3), kind="reduction"), ()),
    (layer(nn.Embedding(3, 2), torch.tensor([1]), kind="embedding"), (0, 1)),
    (layer(nn.GRU(2, 2), torch.rand(1, 2), kind="general"), (0, 1)),
]  # fmt: skip


def described(case: Case, index: tuple[int, ...]) -> dict[str, Any]:
    """The arithmetic of a value of a model of one step, as the API would give it."""
    trace = trace_model(case.model, case.inputs, keep=True)
    node = trace.nodes[-1]
    assert node.given is not None
    layer = case.model.get_submodule(node.module_path) if node.given.function is None else None
    found = arithmetic(node, index, module=layer, trace=trace)
    answer: dict[str, Any] = json.loads(describe_arithmetic(found, (0, 0, 0)).model_dump_json())
    return answer


def test_every_kind_is_shown_and_so_is_one_that_is_not_known(visitor: Visitor) -> None:
    page = visitor.open(
        "/#prompt=cat&layer=stem_activation&channel=1&cell=0,0",
        viewport={"width": 390, "height": 844},
        color_scheme="dark",
    )
    answers = [described(case, index) for case, index in CASES]
    assert {answer["kind"] for answer in answers} == {case.kind for case, _ in CASES}
    assert len({answer["kind"] for answer in answers}) == 22
    answers.append({**answers[0], "kind": "new", "terms": {"some_terms": [{"a": 1}], "b": 2}})
    current: list[dict[str, Any]] = answers[:1]

    def answer_route(route: Route) -> None:
        route.fulfill(status=200, json=current[0])

    page.route(re.compile("/arithmetic"), answer_route)
    choose_example(page, "cat")
    disclose(page)
    body = page.locator(".arithmetic-body")
    for answer in answers:
        current[0] = answer
        enter_picture(page)
        page.keyboard.press("ArrowRight")
        expect(body).to_have_attribute("data-kind", answer["kind"])
        numbers = told(page, answer["operation"])
        if answer["value"] is not None:
            recomputed = number(numbers["Recomputed in float64"])
            assert recomputed == float(answer["value"]) or np.isnan(recomputed)
        assert answer["formula"].strip() in body.inner_text()
        assert "undefined" not in body.inner_text()
        assert "[object" not in body.inner_text()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), answer["kind"]


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_nothing_serious_is_wrong_for_assistive_technology(visitor: Visitor, colours: Any) -> None:
    page = visitor.open(
        "/#prompt=cat&layer=stage1.convolution1&channel=1&cell=0,0",
        viewport={"width": 390, "height": 844},
        color_scheme=colours,
    )
    choose_example(page, "cat")
    disclose(page)
    told(page, "stage1.convolution1 (Conv2d), channel 1, row 0, column 0")
    assert violations(page) == []
    open_unit(page, "linear", 3)
    told(page, "linear (Linear), channel 3")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
