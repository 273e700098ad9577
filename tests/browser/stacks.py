"""The page of stacks: what it shows, and what PyTorch makes of the same layers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch
from playwright.sync_api import Locator, Page, expect
from torch import nn

from tests.browser.conftest import Visitor
from tests.support.torch_layers import as_tuples

PATH = "/shapes/stacks"
Spec = dict[str, Any]


def open_stacks(visitor: Visitor, fragment: str = "", **context: Any) -> Page:
    page = visitor.open(PATH + fragment, **context)
    settle(page)
    return page


def settle(page: Page) -> None:
    """Until every stack has been answered and all its rows are there."""
    expect(page.locator(".stack-panel").first).to_be_attached()
    expect(page.locator('.stack-panel[aria-busy="true"]')).to_have_count(0)
    expect(page.locator(".layer-list[data-partial]")).to_have_count(0)


def rows(page: Page) -> Locator:
    return page.locator(".layer-list > .layer-row")


def types(page: Page) -> list[str]:
    return page.locator(".layer-list .layer-type").all_inner_texts()


def expect_types(page: Page, kinds: Sequence[str]) -> None:
    """Wait until these layers are there, in this order: some rows may come a little later."""
    expect(page.locator(".layer-list .layer-type")).to_have_text(kinds)
    settle(page)


def shown_shapes(page: Page) -> list[tuple[int, ...] | None]:
    """What the page says that each layer gives; None where it says that it does not fit."""
    texts = (
        rows(page)
        .locator(".layer-shape .cell-value")
        .evaluate_all("all => all.map((each) => each.textContent)")
    )
    return [
        tuple(map(int, text.replace("\u202f", "").split("×"))) if text[0].isdigit() else None
        for text in texts
    ]


def number(text: str) -> int:
    return int(text.replace("\u202f", ""))


def choose_template(page: Page, title: str) -> None:
    page.locator(".stack-bar select").first.select_option(label=title)
    settle(page)


def export(page: Page, form: str) -> str:
    """The text that the page exports: "PyTorch module", "nn.Sequential" or "JSON"."""
    page.get_by_role("button", name="Export…").first.click()
    page.get_by_text(form, exact=True).click()
    text = page.locator(".export-text").inner_text()
    page.keyboard.press("Escape")
    expect(page.locator(".export-dialog")).to_have_count(0)
    return text


def exported(page: Page) -> tuple[list[int], list[Spec]]:
    found = json.loads(export(page, "JSON"))
    return found["input_shape"], found["layers"]


def module_of(layer: Spec) -> nn.Module:
    own = {name: as_tuples(value) for name, value in layer.items() if name != "type"}
    found: nn.Module = getattr(nn, layer["type"])(**own)
    return found.eval()


def torch_shapes(shape: Sequence[int], layers: Sequence[Spec]) -> list[tuple[int, ...]]:
    """What PyTorch gives after each layer."""
    value = torch.zeros(list(shape))
    shapes = []
    for layer in layers:
        value = module_of(layer)(value)
        shapes.append(tuple(value.shape))
    return shapes


def add(page: Page, search: str) -> None:
    """Add a layer with the keyboard alone."""
    page.get_by_role("button", name="Add a layer", exact=True).last.press("Enter")
    page.get_by_role("combobox", name="Search the kinds of layers").fill(search)
    page.keyboard.press("Enter")
    settle(page)
