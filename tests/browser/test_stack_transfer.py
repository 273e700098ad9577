"""Stacks of layers that come and go: networks, lines of PyTorch, files and links."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Route, expect
from torch import nn

from tests.browser.conftest import Visitor
from tests.browser.hand import until
from tests.browser.stacks import (
    PATH,
    add,
    choose_template,
    expect_types,
    export,
    exported,
    module_of,
    open_stacks,
    rows,
    settle,
    shown_shapes,
    torch_shapes,
    types,
)

pytestmark = pytest.mark.browser


def test_the_exported_module_runs(visitor: Visitor, tmp_path: Path) -> None:
    page = open_stacks(visitor)
    for title in ("LeNet-5", "U-Net, its encoder", "DCGAN, its generator"):
        choose_template(page, title)
        shapes = shown_shapes(page)
        file = tmp_path / "stack.py"
        file.write_text(export(page, "PyTorch module"), "utf-8")
        done = subprocess.run([sys.executable, file], capture_output=True, text=True, check=True)
        _, layers = exported(page)
        parameters = sum(
            weight.numel() for layer in layers for weight in module_of(layer).parameters()
        )
        assert done.stdout.strip() == f"output {shapes[-1]}, {parameters} parameters"
        sequential: nn.Sequential = eval(export(page, "nn.Sequential"), {"nn": nn})
        assert [repr(part) for part in sequential.eval()] == [repr(module_of(x)) for x in layers]


def test_the_stack_of_a_network_is_imported(visitor: Visitor, address: str) -> None:
    page = open_stacks(visitor)
    page.get_by_role("button", name="Import…").click()
    page.locator('[data-model="lenet-5"]').click()
    expect(page.locator(".stack-notice")).to_contain_text("s2.mul, s2.add, s4.mul and s4.add")
    settle(page)
    shape, layers = exported(page)
    assert shape == [1, 1, 28, 28]
    assert shown_shapes(page) == torch_shapes(shape, layers)
    nodes = httpx.get(f"{address}/api/v1/models/lenet-5", timeout=60).json()["nodes"]
    own = [tuple(node["shape"]) for node in nodes if node["kind"] not in ("mul", "add")]
    assert shown_shapes(page) == own


def test_lines_of_torch_are_imported(visitor: Visitor) -> None:
    page = open_stacks(visitor, expect="422")
    page.get_by_role("button", name="Import…").click()
    source = page.get_by_label("Lines of PyTorch")
    source.fill("nn.Conv2d(1, 6, 5")
    page.get_by_role("button", name="Read these lines").click()
    expect(page.get_by_role("alert").first).to_have_text(
        "Line 1 cannot be read as Python: '(' was never closed."
    )
    source.fill("nn.Sequential(nn.Conv2d(1, 6, 5, padding='same'), nn.LSTM(2, 3), nn.ReLU())")
    page.get_by_role("button", name="Read these lines").click()
    settle(page)
    expect_types(page, ["Conv2d", "ReLU"])
    expect(page.locator(".stack-notice")).to_contain_text("Line 1: there is no layer LSTM here.")
    assert shown_shapes(page) == [(1, 6, 32, 32)] * 2


def test_lines_are_pasted_anywhere(visitor: Visitor) -> None:
    page = open_stacks(visitor, expect="422")
    paste = """(text) => {
      const data = new DataTransfer();
      data.setData("text/plain", text);
      const options = {clipboardData: data, bubbles: true, cancelable: true};
      document.body.dispatchEvent(new ClipboardEvent("paste", options));
    }"""
    page.evaluate(paste, "self.conv1 = nn.Conv2d(1, 4, 3)\n    self.act = nn.GELU()")
    settle(page)
    expect(rows(page)).to_have_count(2)
    expect_types(page, ["Conv2d", "GELU"])
    page.evaluate(paste, "nn.Conv2d(1, 4, 3")
    expect(page.locator(".stack-notice")).to_contain_text("What was pasted cannot be read. Line 1")
    expect_types(page, ["Conv2d", "GELU"])


def test_everything_is_in_the_link(visitor: Visitor) -> None:
    page = open_stacks(visitor)
    choose_template(page, "3×3 twice against 5×5 once")
    rows(page).first.get_by_role("button", name="more parameters").click()
    rows(page).first.get_by_label("padding_mode").select_option("reflect")
    page.get_by_label("Training mode").check()
    settle(page)
    page.wait_for_function("() => location.hash.includes('reflect')")
    again = open_stacks(visitor, page.url.partition(PATH)[2])
    assert types(again) == types(page)
    assert again.locator(".layer-list").evaluate_all("all => all.length") == 2
    assert exported(again) == exported(page)
    expect(again.get_by_label("Training mode")).to_be_checked()


def test_nothing_is_lost_when_the_page_is_left(visitor: Visitor) -> None:
    page = open_stacks(visitor, "#input=1,3,8,8&layers=ReLU();Tanh()")
    add(page, "sigmoid")
    page.goto(visitor.address + "/models")
    page.goto(visitor.address + PATH)
    settle(page)
    expect_types(page, ["ReLU", "Tanh", "Sigmoid"])
    page.goto(visitor.address + "/models")
    page.goto(f"{visitor.address}{PATH}#input=1,3,8,8&layers=GELU()")
    settle(page)
    expect_types(page, ["GELU"])
    page.get_by_role("button", name="Undo").click()
    expect_types(page, ["ReLU", "Tanh", "Sigmoid"])  # a link takes nothing away


def test_files_are_saved_and_opened(visitor: Visitor, tmp_path: Path) -> None:
    page = open_stacks(visitor)
    choose_template(page, "VGG-16, its features")
    page.get_by_role("button", name="Export…").click()
    page.get_by_text("JSON", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as a file").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    page.keyboard.press("Escape")
    body = json.loads(file.read_text("utf-8"))
    answer = httpx.post(f"{visitor.address}/api/v1/shapes", json=body, timeout=60)
    assert answer.json()["output_shape"] == [1, 512, 7, 7], "a file is a request as well"
    choose_template(page, "LeNet-5")
    page.get_by_role("button", name="Import…").click()
    page.locator("#import-file").set_input_files(file)
    expect(rows(page)).to_have_count(len(body["layers"]))
    settle(page)
    assert exported(page) == (body["input_shape"], body["layers"])


BAD_FILES: dict[str, str] = {
    "nonsense": "The file is no JSON.",
    "{}": "The file has no list of layers.",
    json.dumps({"input_shape": [1, 3, 8, 8], "layers": [{"type": "ReLU"}] * 10_000}): (
        "The file has 10\u202f000 layers; a stack has at most 1\u202f000."
    ),
    json.dumps({"input_shape": ["a"], "layers": []}): (
        "The file has no input_shape: a list of 1 to 16 whole numbers, the batch first."
    ),
    json.dumps({"input_shape": [1], "layers": [{"type": "ReLU", "inplace": {}}]}): (
        "Layer 1 of the file is no object with a type and parameters that are numbers, texts or "
        "lists."
    ),
    " " * (2 * 1024 * 1024 + 1): "stack.json has 2049 KiB; 2048 KiB is the limit.",
}
"""What is opened, and why it is refused."""


def test_bad_files_are_refused_with_a_sentence(visitor: Visitor) -> None:
    page = open_stacks(visitor)
    before = types(page)
    page.get_by_role("button", name="Import…").click()
    for content, sentence in BAD_FILES.items():
        file = {"name": "stack.json", "mimeType": "application/json", "buffer": content.encode()}
        page.locator("#import-file").set_input_files(file)  # type: ignore[arg-type]
        expect(page.locator(".dialog-wrong")).to_have_text(sentence)
    page.keyboard.press("Escape")
    expect_types(page, before)


def test_an_import_can_be_left_while_it_is_read(visitor: Visitor) -> None:
    page = open_stacks(visitor, "#input=1,3,8,8&layers=ReLU()")
    waiting: list[Route] = []
    page.route("**/shapes/models/*", lambda route: waiting.append(route))
    page.get_by_role("button", name="Import…").click()
    page.locator('[data-model="lenet-5"]').click()
    expect(page.locator(".import-dialog [role=status]")).to_contain_text("Reading…")
    page.keyboard.press("Escape")
    expect(page.locator(".import-dialog")).to_have_count(0)
    until(page, lambda: len(waiting) > 0)
    with page.expect_response("**/shapes/models/*"):
        waiting[0].continue_()
    page.wait_for_timeout(200)
    expect_types(page, ["ReLU"])


def test_addresses_that_cannot_be_read_are_told(visitor: Visitor) -> None:
    for fragment in ("#layers=Conv2d(", "#input=x&layers=ReLU()", "#input=1,2&layers=%"):
        page = open_stacks(visitor, fragment)
        expect(page.locator(".stack-notice")).to_contain_text("The address cannot be read")
        assert types(page)
