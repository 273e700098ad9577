"""Stacks of layers on their page: built, moved, repaired, compared; every number as in PyTorch."""

from __future__ import annotations

import re
from typing import Any, Literal

import pytest
import torch
from playwright.sync_api import Locator, Page, expect
from torch import nn

from tests.browser.conftest import Visitor
from tests.browser.stacks import (
    PATH,
    Spec,
    add,
    choose_template,
    expect_types,
    exported,
    module_of,
    number,
    open_stacks,
    rows,
    settle,
    shown_shapes,
    torch_shapes,
)
from tests.browser.test_accessibility import violations

pytestmark = pytest.mark.browser


def test_a_network_is_built_layer_by_layer(visitor: Visitor) -> None:
    page = open_stacks(visitor, "#input=1,3,32,32&layers=")
    expect(page.locator(".stack-empty")).to_be_visible()
    for search in ("conv2d", "batchnorm2", "relu", "maxpool2d", "flatten", "dense"):
        add(page, search)
    expect_types(page, ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d", "Flatten", "Linear"])
    expect(rows(page).last.get_by_label("in_features")).to_be_focused()
    shape, layers = exported(page)
    assert shape == [1, 3, 32, 32]
    assert shown_shapes(page) == torch_shapes(shape, layers), "new layers fit where they are put"
    rows(page).first.get_by_label("out_channels").fill("20")
    settle(page)
    expect(rows(page).nth(1)).to_have_attribute("data-broken", "")
    page.get_by_role("button", name=re.compile("^Set num_features to 20")).click()
    settle(page)
    page.get_by_role("button", name=re.compile(r"^Set in_features to 5120")).click()
    settle(page)
    rows(page).first.get_by_role("button", name="more parameters").click()
    rows(page).first.get_by_label("stride").fill("2, 1")
    settle(page)
    page.get_by_role("button", name=re.compile(r"^Set in_features to 2560")).click()
    settle(page)
    shape, layers = exported(page)
    assert layers[0]["stride"] == [2, 1]
    assert shown_shapes(page) == torch_shapes(shape, layers)


def test_numbers_of_a_template_are_those_of_torch(visitor: Visitor) -> None:
    page = open_stacks(visitor)
    choose_template(page, "ResNet, its stem")
    page.get_by_label("Batch size").fill("4")
    settle(page)
    shape, layers = exported(page)
    assert shape == [4, 3, 224, 224]
    assert shown_shapes(page) == torch_shapes(shape, layers)
    module = nn.Sequential(*map(module_of, layers))
    parameters = sum(weight.numel() for weight in module.parameters())
    totals = page.locator(".layer-totals")
    expect(totals.locator('[data-cost="parameters"]')).to_have_text(
        f"Parameters{parameters:,}".replace(",", "\u202f")
    )
    # The memory that autograd keeps, measured: parameters and buffers are there anyway.
    own = {part.untyped_storage()._cdata for part in (*module.parameters(), *module.buffers())}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage.nbytes()
        held.append(tensor)
        return tensor

    held: list[torch.Tensor] = []
    given = torch.zeros(shape, requires_grad=True) + 0
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        module(given)
    mebibytes = sum(kept.values()) / 2**20
    backward = totals.locator('[data-cost="saved_for_backward_bytes"] .cell-value').inner_text()
    assert backward == f"{mebibytes:.1f}\u202fMiB"
    words = rows(page).locator(".layer-words .cell-value").all_inner_texts()
    # Araujo, Norris, Sim (2019): 7 strides 2; then 7 + (3 - 1) * 2 = 11, stride 4, -3 - 2 = -5.
    assert words == [
        *["7\u202f×\u202f7 stride 2, start −3"] * 3,
        "11\u202f×\u202f11 stride 4, start −5",
    ]


def test_fields_are_drawn_to_one_scale(visitor: Visitor) -> None:
    page = open_stacks(visitor)
    choose_template(page, "ResNet, its stem")
    expect(page.locator(".head-scale")).to_have_text("first 13 of 224")
    boxes = page.locator(".field-picture").evaluate_all(
        """all => all.map((svg) => {
          const at = (name) => {
            const box = svg.querySelector(name).getBoundingClientRect();
            return [box.left, box.right];
          };
          const {width} = svg.viewBox.baseVal;
          const scale = svg.getBoundingClientRect().width / width;
          const left = svg.querySelector(".field-input").getBoundingClientRect().left;
          const names = [".field-unit", ".field-next", ".field-inside"];
          return names.map((name) => at(name).map((x) => (x - left) / scale));
        })"""
    )
    truth = [
        *[[(-3, 4), (-1, 6), (0, 4)]] * 3,
        [(-5, 6), (-1, 10), (0, 6)],
    ]
    for found, expected in zip(boxes, truth, strict=True):
        for own, pair in zip(found, expected, strict=True):
            assert own == pytest.approx(pair, abs=0.2)


def test_layers_move_by_keyboard_and_mouse(visitor: Visitor) -> None:
    page = open_stacks(visitor, "#input=1,3,8,8&layers=ReLU();Tanh();Sigmoid();SiLU()")
    handle = rows(page).first.locator(".layer-handle")
    handle.focus()
    page.keyboard.press("Space")
    expect(handle).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowDown")
    expect_types(page, ["Tanh", "ReLU", "Sigmoid", "SiLU"])
    page.keyboard.press("ArrowDown")
    expect_types(page, ["Tanh", "Sigmoid", "ReLU", "SiLU"])
    expect(rows(page).nth(2).locator(".layer-handle")).to_be_focused()
    page.keyboard.press("Escape")
    expect_types(page, ["ReLU", "Tanh", "Sigmoid", "SiLU"])
    page.keyboard.press("Alt+ArrowDown")
    expect_types(page, ["Tanh", "ReLU", "Sigmoid", "SiLU"])
    expect(page.locator("#announcer")).to_contain_text("ReLU is now layer 2 of 4.")
    settle(page)
    drag(page, rows(page).nth(3), rows(page).nth(0))
    expect_types(page, ["SiLU", "Tanh", "ReLU", "Sigmoid"])
    drag(page, rows(page).nth(0), rows(page).nth(3), below=True)
    expect_types(page, ["Tanh", "ReLU", "Sigmoid", "SiLU"])
    page.get_by_role("button", name="Undo").click()
    expect_types(page, ["SiLU", "Tanh", "ReLU", "Sigmoid"])
    settle(page)
    assert shown_shapes(page) == [(1, 3, 8, 8)] * 4


def drag(page: Page, row: Locator, target: Locator, *, below: bool = False) -> None:
    start, end = row.locator(".layer-handle").bounding_box(), target.bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(start["x"] + 5, (start["y"] + end["y"]) / 2, steps=3)
    page.mouse.move(start["x"] + 5, end["y"] + (end["height"] - 3 if below else 3), steps=3)
    page.mouse.up()


def test_layers_are_duplicated_deleted_and_come_back(visitor: Visitor) -> None:
    page = open_stacks(visitor, "#input=1,3,8,8&layers=ReLU();Tanh()")
    rows(page).first.get_by_role("button", name="Duplicate").click()
    expect_types(page, ["ReLU", "ReLU", "Tanh"])
    rows(page).last.get_by_role("button", name="Delete").click()
    expect_types(page, ["ReLU", "ReLU"])
    expect(rows(page).last.locator(".layer-handle")).to_be_focused()
    rows(page).first.get_by_role("button", name="Add a layer below").click()
    page.keyboard.type("sigm")
    page.keyboard.press("Enter")
    expect_types(page, ["ReLU", "Sigmoid", "ReLU"])
    page.get_by_role("button", name="Clear").click()
    expect_types(page, [])
    for _ in range(2):
        page.keyboard.press("Control+z")
    expect_types(page, ["ReLU", "ReLU"])
    page.keyboard.press("Control+Shift+z")
    expect_types(page, ["ReLU", "Sigmoid", "ReLU"])


def test_a_broken_stack_is_marked_and_repaired_with_one_press(visitor: Visitor) -> None:
    page = open_stacks(visitor)
    choose_template(page, "A stack that breaks")
    shape, layers = exported_broken(page)
    broken = rows(page).nth(7)
    expect(broken).to_have_attribute("data-broken", "")
    sentence = broken.locator(".layer-sentence")
    expect(sentence).to_have_text(
        "in_features is 256, but the last axis of the input [1, 400] has 400."
    )
    field = broken.get_by_label("in_features")
    expect(field).to_have_attribute("aria-invalid", "true")
    assert field.get_attribute("aria-describedby") == sentence.get_attribute("id")
    with pytest.raises(RuntimeError):
        torch_shapes(shape, layers[:8])
    assert shown_shapes(page) == [*torch_shapes(shape, layers[:7]), None, None, None]
    offered = broken.locator(".repair-button").all_inner_texts()
    assert len(offered) == 3
    assert "Set kernel_size of layer 4 to 6" in offered[1]
    for index in range(len(offered)):
        page.locator(".repair-button").nth(index).click()
        settle(page)
        expect(page.locator("[data-broken]")).to_have_count(0)
        shape, repaired = exported(page)
        assert shown_shapes(page) == torch_shapes(shape, repaired)
        page.get_by_role("button", name="Undo").click()
        settle(page)
        expect(broken).to_have_attribute("data-broken", "")
    page.locator(".repair-button").first.click()
    expect(rows(page).nth(7).get_by_label("in_features")).to_be_focused()
    expect(rows(page).nth(7).get_by_label("in_features")).to_have_value("400")


def exported_broken(page: Page) -> tuple[list[int], list[Spec]]:
    page.get_by_role("button", name="Export…").click()
    expect(page.locator(".export-dialog .notice")).to_contain_text("does not fit yet: layer 8")
    page.keyboard.press("Escape")
    return exported(page)


def test_two_stacks_are_compared(visitor: Visitor) -> None:
    page = open_stacks(visitor)
    choose_template(page, "3×3 twice against 5×5 once")
    table = page.locator(".stack-comparison tbody tr")
    cells = {
        row[0]: row[1:]
        for row in table.evaluate_all(
            "all => all.map((row) => [...row.cells].map((cell) => cell.textContent))"
        )
    }
    assert cells["Receptive field"][2] == "equal"
    assert cells["Output"] == ["1\u202f×\u202f64\u202f×\u202f56\u202f×\u202f56"] * 2 + ["equal"]
    first = nn.Sequential(nn.Conv2d(64, 64, 3), nn.Conv2d(64, 64, 3))
    second = nn.Conv2d(64, 64, 5)
    counts = [sum(each.numel() for each in part.parameters()) for part in (first, second)]
    share = f"{(counts[1] - counts[0]) / counts[0]:+.1%}"
    assert number(cells["Parameters"][0]) == counts[0]
    assert cells["Parameters"][2].startswith(f"+{counts[1] - counts[0]:,}".replace(",", "\u202f"))
    assert share.removesuffix("%") in cells["Parameters"][2]
    page.locator(".stack-panel").nth(1).get_by_label("kernel_size").fill("7")
    settle(page)
    expect(table.nth(1).locator("td").last).to_have_text("different")
    page.get_by_role("button", name="Stop comparing").click()
    expect(page.locator(".stack-panel")).to_have_count(1)
    expect(page.locator(".stack-comparison")).to_be_hidden()


def test_what_makes_one_size_of_another(visitor: Visitor) -> None:
    page = open_stacks(visitor, "#input=1,3,32,32&layers=ReLU()")
    page.get_by_role("button", name="From one size to another…").click()
    table = page.locator(".finder-table tbody tr")
    expect(table.first).to_be_visible()
    names = page.locator(".finder-table th").all_inner_texts()
    values = table.evaluate_all(
        "all => all.map((row) => [...row.cells].slice(0, -1).map((cell) => cell.textContent))"
    )
    assert len(values) > 20
    assert len({tuple(row) for row in values}) == len(values)
    image = torch.zeros(1, 1, 32, 32)
    for row in values:
        numbers: dict[str, Any] = {
            name: int(value) for name, value in zip(names, row, strict=True) if name != "not read"
        }
        assert nn.Conv2d(1, 1, **numbers)(image).shape[2:] == (16, 16), numbers
    page.get_by_label("and want").fill("16, 8")
    expect(table.first).to_contain_text(", ")
    per_axis = table.first.locator("td").evaluate_all("all => all.map((cell) => cell.textContent)")
    pairs: dict[str, Any] = {
        name: tuple(map(int, value.split(", "))) if ", " in value else int(value)
        for name, value in zip(names, per_axis, strict=False)
        if name != "not read"
    }
    assert nn.Conv2d(1, 1, **pairs)(image).shape[2:] == (16, 8)
    page.get_by_label("and want").fill("0")
    expect(page.locator("#finder-wrong")).to_have_text("A size is at least 1.")
    page.get_by_label("and want").fill("16")
    expect(table.first).to_be_visible()
    href = table.first.get_by_role("link").get_attribute("href")
    assert href is not None
    assert href.startswith("/shapes#")
    table.first.get_by_role("button", name="Add to the stack").click()
    settle(page)
    expect_types(page, ["ReLU", "Conv2d"])
    assert shown_shapes(page) == [(1, 3, 32, 32), (1, 3, 16, 16)]


def test_bad_input_is_told_at_the_field(visitor: Visitor) -> None:
    page = open_stacks(
        visitor, "#input=1,3,32,32&layers=Conv2d(in_channels=3,out_channels=8,kernel_size=3)"
    )
    kernel = rows(page).first.get_by_label("kernel_size")
    sentence = rows(page).first.locator(".layer-sentence")
    for text, said in {
        "0": "kernel_size is at least 1, not 0.",
        "-2": "kernel_size is at least 1, not -2.",
        "2.5": "kernel_size is a whole number, not 2.5.",
        "abc": "kernel_size is an integer, or one for each axis, not abc.",
        "40": "The window reaches over 40 rows, but the padded input has only 32: at most 32 fit.",
        "99999999999999999999": "kernel_size is at most 9223372036854775807.",
        "3, 3, 3": "kernel_size is one number or a list of 2, one for each axis; this list has 3.",
        "": "Conv2d needs kernel_size.",
    }.items():
        kernel.fill(text)
        settle(page)
        expect(sentence).to_have_text(said)
        expect(kernel).to_have_attribute("aria-invalid", "true")
        expect(kernel).to_be_focused()
    kernel.fill("5")
    settle(page)
    assert shown_shapes(page) == [(1, 8, 28, 28)]
    visitor.expected.append("422")
    shape = page.get_by_label("Input shape")
    for text, said in {
        "3, x, 32": "A size is a whole number from 0 on, not x.",
        "3, -1, 32": "A size is a whole number from 0 on, not -1.",
        "3, 1e9, 32": "A size is a whole number from 0 on, not 1e9.",
        "9007199254740991, 9007199254740991": "The input would have more bytes than 64 bits can "
        "count.",
    }.items():
        shape.fill(text)
        expect(page.locator("#input-wrong")).to_have_text(said)
        expect(shape).to_have_attribute("aria-invalid", "true")
    shape.fill("3×16×16")
    settle(page)
    expect(page.locator("#input-wrong")).to_be_hidden()
    assert shown_shapes(page) == [(1, 8, 12, 12)]


def test_long_stacks_stay_quick_and_have_a_limit(visitor: Visitor) -> None:
    page = open_stacks(visitor)
    expect(page).to_have_url(re.compile("#"))
    source = "nn.Conv2d(3, 3, 3, padding=1),\nnn.ReLU(),\n"
    page.get_by_role("button", name="Import…").click()
    # Typing that much takes a browser longer than all the rest.
    lines = page.get_by_label("Lines of PyTorch")
    lines.evaluate("(it, text) => { it.value = text; }", source * 500)
    page.get_by_role("button", name="Read these lines").click()
    settle(page)
    expect(rows(page)).to_have_count(1000)
    # Too long for a link.
    expect(page).to_have_url(visitor.address + PATH)
    # By its id: to find a role among so many rows takes long.
    page.locator("#link-button").click()
    expect(page.locator(".stack-notice")).to_contain_text("too long for a link")
    rows(page).first.get_by_role("button", name="Duplicate").click()
    expect(page.locator(".stack-notice")).to_have_text(
        "A stack has at most 1\u202f000 layers, not 1\u202f001."
    )
    expect(rows(page)).to_have_count(1000)
    page.reload()
    settle(page)
    expect(rows(page)).to_have_count(1000)


def test_while_the_server_is_away_nothing_is_lost(visitor: Visitor) -> None:
    page = open_stacks(visitor, "#input=1,3,8,8&layers=ReLU()", expect="Failed to load resource")
    page.route("**/api/v1/shapes", lambda route: route.abort())
    add(page, "tanh")
    expect(page.locator(".stack-summary")).to_have_text("The server does not answer. Asking again…")
    expect_types(page, ["ReLU", "Tanh"])
    page.unroute("**/api/v1/shapes")
    expect(page.locator(".stack-summary")).to_contain_text("2 layers")
    settle(page)
    assert shown_shapes(page) == [(1, 3, 8, 8)] * 2


def test_layers_are_dragged_with_a_finger(visitor: Visitor) -> None:
    size = {"width": 390, "height": 844}
    layers = "#input=1,3,8,8&layers=ReLU();Tanh();Sigmoid()"
    page = open_stacks(visitor, layers, viewport=size, has_touch=True, is_mobile=True)
    rows(page).first.evaluate("(row) => row.scrollIntoView()")
    start = rows(page).first.locator(".layer-handle").bounding_box()
    end = rows(page).nth(1).bounding_box()
    assert start is not None
    assert end is not None
    session = page.context.new_cdp_session(page)
    x, y = start["x"] + start["width"] / 2, start["y"] + start["height"] / 2
    bottom = end["y"] + end["height"] - 9

    def touch(kind: str, *points: float) -> None:
        held = [{"x": x, "y": point} for point in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": held})

    touch("touchStart", y)
    for step in range(1, 6):
        touch("touchMove", y + (bottom - y) * step / 5)
    touch("touchEnd")
    expect_types(page, ["Tanh", "ReLU", "Sigmoid"])


def test_stacks_work_on_a_phone(visitor: Visitor) -> None:
    page = open_stacks(
        visitor, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    choose_template(page, "A stack that breaks")
    page.get_by_role("button", name="Show the repairs").tap()
    page.locator(".repair-button").first.tap()
    settle(page)
    expect(page.locator("[data-broken]")).to_have_count(0)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="From one size to another…").tap()
    expect(page.locator(".finder-table tbody tr").first).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(("colours", "width"), [("light", 1440), ("dark", 390)])
def test_everybody_can_use_the_page(
    visitor: Visitor, colours: Literal["light", "dark"], width: int
) -> None:
    size = {"width": width, "height": 900}
    page = open_stacks(visitor, color_scheme=colours, viewport=size)
    assert violations(page) == []
    choose_template(page, "A stack that breaks")
    assert violations(page) == []
    choose_template(page, "3×3 twice against 5×5 once")
    assert violations(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    for name in ("Add a layer", "Import…", "Export…", "From one size to another…"):
        page.get_by_role("button", name=name, exact=True).first.click()
        page.wait_for_load_state("networkidle")
        assert violations(page) == []
        page.keyboard.press("Escape")
