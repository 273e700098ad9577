"""axe-core finds nothing serious, wherever one is on the page."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.browser.hand import ROOT, choose_example, over_http, settle

pytestmark = pytest.mark.browser

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Page) -> list[str]:
    """Serious and critical violations, each with where it is."""
    # Evaluated by the debugger, which the page's policy does not concern.
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text("utf-8"))
    # Of what passes, only the number is asked for: it is a node for nearly each on the page.
    result: dict[str, Any] = page.evaluate(
        """async () => {
            const found = await axe.run({ resultTypes: ["violations"] });
            return { passes: found.passes.length, violations: found.violations };
        }"""
    )
    assert result["passes"] > 10, "axe has looked"
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in result["violations"]
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_the_draw_page(visitor: Visitor, colours: Literal["light", "dark"], width: int) -> None:
    page = visitor.open(
        "/#prompt=cat", color_scheme=colours, viewport={"width": width, "height": 900}
    )
    expect(page.locator("#network-facts")).to_contain_text("layers")
    assert violations(page) == []
    choose_example(page, "cat")
    page.get_by_text("From logits to probabilities").click()
    assert violations(page) == []
    page.locator('[data-layer="stage1.add"]').click()
    expect(page.locator(".channel").first).to_be_visible()
    assert violations(page) == []
    page.locator(".channel").nth(3).click()
    expect(page.locator(".reading-words")).to_contain_text("Channel 3")
    page.get_by_text("Values as a table").click()
    assert violations(page) == []
    page.locator('[data-layer="linear"]').click()
    settle(page)
    assert violations(page) == []
    page.keyboard.press("?")
    expect(page.locator("#keys-dialog")).to_be_visible()
    assert violations(page) == []


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_map(visitor: Visitor, colours: Literal["light", "dark"]) -> None:
    page = visitor.open("/models/resnet#prompt=cat&unfolded=stem~stage1", color_scheme=colours)
    expect(page.locator(".map-item").first).to_be_visible()
    choose_example(page, "cat")
    page.locator('.map-item[data-item="stem.normalisation"] button').hover()
    assert violations(page) == []
    page.keyboard.press("e")
    expect(page.locator("#export-dialog")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("0")
    page.keyboard.press("?")
    expect(page.locator("#keys-dialog")).to_be_visible()
    assert violations(page) == []


def test_while_the_server_is_away(visitor: Visitor) -> None:
    page = visitor.open("/#prompt=cat", expect="Failed to load resource")
    over_http(page)
    page.reload()
    choose_example(page, "cat")
    page.route("**/api/v1/**", lambda route: route.abort())
    page.get_by_role("button", name="star", exact=True).click()
    expect(page.locator("#server-status")).to_be_visible()
    assert violations(page) == []


def test_the_error_page(visitor: Visitor) -> None:
    assert violations(visitor.open("/nowhere", expect="404")) == []


@pytest.mark.parametrize(("colours", "width"), [("light", 1440), ("dark", 390)])
def test_the_calculator_of_shapes(
    visitor: Visitor, colours: Literal["light", "dark"], width: int
) -> None:
    page = visitor.open("/shapes", color_scheme=colours, viewport={"width": width, "height": 844})
    calculator = page.locator("#calculator")
    expect(calculator).to_have_attribute("aria-busy", "false")
    page.locator(".animation-table summary").click()
    page.get_by_role("button", name="per axis").first.click()
    assert violations(page) == []
    page.locator("#parameter-stride").fill("0")
    expect(page.locator(".shape-problem")).to_be_visible()
    assert violations(page) == []
    page.goto(page.url.partition("#")[0] + "#layer=Linear&input=1,9&in_features=4&out_features=2")
    page.reload()
    expect(page.locator(".repair").first).to_be_visible()
    assert violations(page) == []


@pytest.mark.parametrize(("colours", "width"), [("light", 1440), ("dark", 390)])
def test_the_card(visitor: Visitor, colours: Literal["light", "dark"], width: int) -> None:
    page = visitor.open(
        "/models/doodle-classifier/card",
        color_scheme=colours,
        viewport={"width": width, "height": 844},
    )
    expect(page.locator("#report-unknown")).to_be_visible()
    for summary in page.locator("details > summary").all():
        summary.click()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
