"""The calculator of shapes: what its page says is what PyTorch does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import pytest
import torch
from playwright.sync_api import Page, expect
from torch import Tensor, nn

from server.services.shape_questions import QUESTIONS
from tests.browser.conftest import Visitor
from tests.browser.hand import example
from tests.support.animated_layers import (
    Parameters,
    counted,
    module,
    random_settings,
    small_weights,
    truth,
)
from tests.support.torch_layers import as_tuples

pytestmark = pytest.mark.browser


def fragment(kind: str, shape: Sequence[int], parameters: Mapping[str, Any], **view: str) -> str:
    """The address of a configuration."""

    def written(value: Any) -> str:
        if isinstance(value, list | tuple):
            return "[]" if not value else ",".join(map(str, value)) + ("," * (len(value) == 1))
        return str(value)

    given = {**parameters, **view}
    parts = [f"layer={kind}", f"input={','.join(map(str, shape))}"]
    parts += [f"{name}={quote(written(value), safe=',:')}" for name, value in given.items()]
    return "/shapes#" + "&".join(parts)


def settled(page: Page) -> None:
    """Wait until the page has answered what it was last asked."""
    expect(page.locator("#calculator")).to_have_attribute("aria-busy", "false")


def go(page: Page, address: str) -> None:
    """Open a configuration on a page that is open already."""
    page.evaluate(
        "hash => new Promise(done => { addEventListener('hashchange', done, { once: true }); "
        "location.hash = hash; })",
        address.partition("#")[2],
    )
    settled(page)


def output_shape(page: Page) -> list[int]:
    """The shape that the page shows, once there is one: a field that was wrong has none."""
    output = page.locator("#output-shape")
    expect(output).to_have_text(re.compile(r"^\s*\["))
    settled(page)
    return [int(number) for number in re.findall(r"\d+", output.inner_text())]


def has_output(page: Page, shape: Sequence[int]) -> None:
    """Wait until the page shows this shape of the output."""
    expect(page.locator("#output-shape")).to_have_text(str(list(shape)))


def shown(page: Page) -> list[list[float]]:
    """The table of the values of the output."""
    rows: list[list[str]] = page.locator(".animation-table tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.querySelectorAll('td')].map(cell => cell.textContent))"
    )
    return [[float(text.replace("−", "-")) for text in row] for row in rows]


def plane(output: Tensor, channel: int, depth: int, space: int) -> Tensor:
    """The slice of one item that the page shows: rows and columns."""
    one = output[0]
    if space == 1:
        return one[channel][None]
    return one[channel] if space == 2 else one[channel, depth]


@pytest.fixture
def shapes(visitor: Visitor) -> Page:
    """The calculator with the table of values open."""
    page = visitor.open(
        "/shapes#layer=Conv2d&input=1,1,4,4&in_channels=1&out_channels=1&kernel_size=3"
    )
    settled(page)
    page.locator(".animation-table summary").click()
    return page


def test_random_settings_give_the_shape_and_the_values_of_pytorch(shapes: Page) -> None:
    compared = 0
    for kind, shape, parameters in random_settings(40):
        output = truth(kind, shape, parameters)
        space = len(shape) - 2
        channel = output.shape[1] - 1
        depth = output.shape[2] - 1 if space == 3 else 0
        cell = f"{depth},0,0"
        view = {"numbers": "count", "channel": f"{channel},0", "cell": cell}
        if kind.startswith("ConvTranspose"):
            view["spread"] = "insert"
        go(shapes, fragment(kind, shape, parameters, **view))
        where = (kind, shape, parameters)
        has_output(shapes, output.shape)
        expected = plane(output, channel, depth, space)
        found = torch.tensor(shown(shapes), dtype=torch.float64)
        assert found.shape == expected.shape, where
        # The table has as many digits as float32 has; interpolation weights are float32 themselves.
        assert torch.allclose(found, expected, rtol=2e-5, atol=2e-4), (where, found, expected)
        compared += found.numel()
    assert compared > 1000


@pytest.mark.parametrize(
    ("kind", "shape", "parameters"),
    [
        ("Unfold", (1, 2, 5, 6), {"kernel_size": [2, 3], "padding": 1, "stride": 2}),
        ("Unfold", (1, 1, 6, 6), {"kernel_size": 2, "dilation": 2}),
        ("PixelShuffle", (1, 8, 3, 2), {"upscale_factor": 2}),
        ("PixelUnshuffle", (1, 2, 4, 6), {"downscale_factor": 2}),
        ("ChannelShuffle", (1, 6, 2, 2), {"groups": 3}),
        ("Fold", (1, 8, 9), {"output_size": [4, 4], "kernel_size": 2}),
        ("Fold", (1, 4, 4), {"output_size": [5, 5], "kernel_size": 2, "stride": 2, "dilation": 2}),
        ("Flatten", (1, 4, 3, 2), {}),
        ("Unflatten", (1, 24), {"dim": 1, "unflattened_size": [2, 3, 4]}),
        ("UpsamplingBilinear2d", (1, 1, 4, 5), {"size": [7, 9]}),
    ],
)
def test_layers_that_move_values(
    shapes: Page, kind: str, shape: tuple[int, ...], parameters: Parameters
) -> None:
    output = module(kind, parameters)(counted(shape))[0]
    while output.dim() < 3:
        output = output[None]
    channel = output.shape[0] - 1
    view = {"numbers": "count", "channel": f"{channel},0"}
    go(shapes, fragment(kind, shape, parameters, **view))
    found = torch.tensor(shown(shapes), dtype=torch.float64)
    assert torch.allclose(found, output[channel], atol=1e-4), (found, output[channel])


def test_refused_settings_are_refused_at_their_field_and_repaired_by_a_click(
    visitor: Visitor,
) -> None:
    page = visitor.open(
        fragment("Conv2d", (1, 3, 4, 4), {"in_channels": 3, "out_channels": 8, "kernel_size": 7})
    )
    settled(page)
    field = page.locator("#parameter-kernel_size")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_attribute("aria-describedby", re.compile(r"\w"))
    described = field.get_attribute("aria-describedby")
    expect(page.locator(f"#{described}")).to_contain_text("has only 4")
    page.locator(".repair").first.click()
    settled(page)
    expect(field).not_to_have_attribute("aria-invalid", "true")
    assert len(output_shape(page)) == 4


def test_bad_numbers_are_named_at_the_field(visitor: Visitor) -> None:
    page = visitor.open("/shapes")
    settled(page)
    for parameter, text, said in (
        ("kernel_size", "0", "at least"),
        ("stride", "-2", "at least 1, not -2"),
        ("stride", "1.5", "whole number, not 1.5"),
        ("padding", "2.0", "not 2.0"),
        ("dilation", "abc", "not abc"),
        ("kernel_size", "99999", "has only 10"),
        ("kernel_size", "99999999999999999999", "up to 9,007,199,254,740,991"),
        ("stride", "1, 2, 3", "one number or a list of 2"),
        ("kernel_size", "", "needs kernel_size"),
    ):
        control = page.locator(f"#parameter-{parameter}")
        before = control.input_value()
        control.fill(text)
        field = page.locator(f".shape-field[data-parameter={parameter}]")
        expect(field.locator(".shape-fault")).to_contain_text(said)
        expect(field.locator("input")).to_have_attribute("aria-invalid", "true")
        control.fill(before)
        expect(field.locator(".shape-fault")).to_be_hidden()
        expect(field.locator("input")).not_to_have_attribute("aria-invalid", "true")


def test_a_link_to_a_layer_that_is_not_here_says_so(visitor: Visitor) -> None:
    page = visitor.open("/shapes#layer=Conv9d&input=1,3,8,8")
    settled(page)
    expect(page.locator("#layer-fault")).to_contain_text("The link names a layer Conv9d")
    page.get_by_label("Kind of layer").select_option("Max pooling")
    expect(page.locator("#layer-fault")).to_be_hidden()


def test_a_cell_stays_where_it_is_while_its_value_is_typed(shapes: Page) -> None:
    shapes.set_viewport_size({"width": 1280, "height": 720})
    grid = shapes.locator(".animation-pane canvas").first
    grid.scroll_into_view_if_needed()
    before = grid.bounding_box()
    assert before is not None
    top = shapes.evaluate("() => scrollY")
    shapes.mouse.click(before["x"] + before["width"] / 2, before["y"] + before["height"] / 2)
    field = shapes.get_by_label("Value at row")
    expect(field).to_be_focused()
    expect(field).to_be_in_viewport()
    after = grid.bounding_box()
    assert after is not None
    assert after["x"] == before["x"]
    scrolled = shapes.evaluate("() => scrollY") - top
    assert after["y"] + scrolled == pytest.approx(before["y"], abs=1)


def test_bad_sizes_are_named_at_the_input(visitor: Visitor) -> None:
    convolution = {"in_channels": 3, "out_channels": 8, "kernel_size": 3}
    page = visitor.open(fragment("Conv2d", (1000, 3, 8, 8), convolution), expect="422")
    settled(page)
    for axis, text, said in (
        (2, "-4", "height is at least 0, not -4"),
        (3, "2.5", "width is a whole number, not 2.5"),
        (1, "", "channels is missing"),
        (2, "1e9", "not 1e9"),
        (2, "99999999999999999999", "up to 9,007,199,254,740,991"),
        (2, "9007199254740991", "bytes than 64 bits can count"),
    ):
        control = page.locator(f"#input-{axis}")
        before = control.input_value()
        control.fill(text)
        expect(page.locator("#input-fault")).to_contain_text(said)
        expect(control).to_have_attribute("aria-invalid", "true")
        control.fill(before)
        expect(page.locator("#input-fault")).to_be_hidden()
    has_output(page, [1000, 8, 6, 6])


def test_a_pasted_line_fills_the_form_and_the_written_line_makes_the_same_layer(
    visitor: Visitor,
) -> None:
    page = visitor.open("/shapes", expect="422")
    settled(page)
    for line, kind, shape in (
        ("nn.Conv2d(3, 64, 7, stride=2, padding=3),  # stem", "Conv2d", [1, 64]),
        (
            "self.up = torch.nn.ConvTranspose2d(8, 4, (3, 4), 2, padding=(1, 0))",
            "ConvTranspose2d",
            [1, 4],
        ),
        ("nn.AdaptiveAvgPool2d((None, 3))", "AdaptiveAvgPool2d", [1]),
        ("nn.Linear(16 * 5 * 5, 120)", "Linear", [1]),
    ):
        before = page.locator("#python-line").inner_text()
        page.locator("#python-input").fill(line)
        page.get_by_role("button", name="Read").click()
        expect(page.locator("#python-line")).not_to_have_text(before)
        expect(page.locator("#layer-search")).to_have_value(kind)
        settled(page)
        expect(page.locator("#python-line")).to_contain_text(kind)
        written = page.locator("#python-line").inner_text()
        pasted: nn.Module = eval(
            re.sub(r"^self\.up = |,\s*#.*$", "", line), {"nn": nn, "torch": torch}
        )
        again: nn.Module = eval(written, {"nn": nn})
        assert repr(again) == repr(pasted)
        found = output_shape(page)
        assert found[: len(shape)] == shape
        given = [
            int(page.locator(f"#input-{axis}").input_value())
            for axis in range(len(page.locator(".shape-axis").all()))
        ]
        assert list(pasted(torch.zeros(given)).shape) == found
    page.locator("#python-input").fill("__import__('os').system('true')")
    page.get_by_role("button", name="Read").click()
    expect(page.locator("#python-fault")).to_be_visible()
    expect(page.locator("#layer-search")).to_have_value("Linear")


def test_every_question_opens_a_layer_that_pytorch_answers_alike(visitor: Visitor) -> None:
    page = visitor.open("/shapes")
    settled(page)
    questions = page.locator(".shape-question")
    assert len(QUESTIONS) == 10
    expect(questions).to_have_count(10)
    for index, question in enumerate(QUESTIONS):
        questions.nth(index).get_by_role("link").click()
        expect(page.locator("#layer-search")).to_have_value(question.type)
        settled(page)
        try:
            layer = module(question.type, dict(question.parameters))
            shape = list(layer(torch.zeros(question.input_shape)).shape)
        except (RuntimeError, ValueError):
            expect(page.locator(".shape-refused")).to_be_visible()
            expect(page.locator(".shape-problem .notice")).to_have_text(re.compile(r"\w"))
        else:
            has_output(page, shape)
    page.go_back()
    expect(page.locator("#layer-search")).to_have_value(QUESTIONS[-2].type)


def test_symbols_and_fields_light_each_other_up(visitor: Visitor) -> None:
    page = visitor.open("/shapes")
    settled(page)
    field = page.locator(".shape-field[data-parameter=stride]")
    page.locator("button.symbol[data-parameter=stride]").first.hover()
    expect(field).to_have_class(re.compile("is-lit"))
    page.locator("#parameter-kernel_size").focus()
    expect(page.locator("button.symbol[data-parameter=kernel_size]").first).to_have_class(
        re.compile("is-lit")
    )
    page.locator("button.symbol[data-parameter=stride]").first.click()
    expect(page.locator("#parameter-stride")).to_be_focused()


def test_per_axis_and_one_number(visitor: Visitor) -> None:
    page = visitor.open("/shapes")
    settled(page)
    field = page.locator(".shape-field[data-parameter=kernel_size]")
    field.get_by_role("button", name="per axis").click()
    field.get_by_label("kernel_size, width").fill("5")
    expect(page.locator("#python-line")).to_contain_text("kernel_size=(3, 5)")
    settled(page)
    layer = nn.Conv2d(3, 8, (3, 5), stride=2, padding=1)
    expect(page.locator("#output-shape")).to_have_text(
        str(list(layer(torch.zeros(1, 3, 8, 8)).shape))
    )
    field.get_by_role("button", name="one number").click()
    expect(page.locator("#python-line")).to_contain_text("kernel_size=3")


def test_the_animation_moves_by_keys_and_by_playing(visitor: Visitor) -> None:
    page = visitor.open(
        "/shapes#layer=Conv2d&input=1,1,5,5&in_channels=1&out_channels=1&kernel_size=3&numbers=count"
    )
    settled(page)
    sentence, place = (
        page.locator("#animation-sentence"),
        page.locator(".transport .transport-place"),
    )
    expect(sentence).to_contain_text("Output row 0, column 0")
    output = page.locator(".grid-canvas").nth(1)
    output.focus()
    page.keyboard.press("ArrowRight")
    expect(sentence).to_contain_text("Output row 0, column 1")
    page.keyboard.press("ArrowDown")
    expect(place).to_have_text("5 / 9")
    page.keyboard.press("End")
    layer = truth("Conv2d", (1, 1, 5, 5), {"in_channels": 1, "out_channels": 1, "kernel_size": 3})
    expect(sentence).to_contain_text(f"= {int(layer[0, 0, 2, 2])}.".replace("-", "−"))
    page.keyboard.press("Home")
    expect(place).to_have_text("1 / 9")
    page.get_by_label("Speed").select_option("20")
    output.focus()
    page.keyboard.press(" ")
    expect(place).to_have_text("9 / 9")
    expect(page).to_have_url(re.compile("cell=0,2,2"))


def test_a_kernel_edited_by_hand_and_the_flipped_one(shapes: Page) -> None:
    go(
        shapes,
        fragment(
            "Conv2d",
            (1, 1, 4, 4),
            {"in_channels": 1, "out_channels": 1, "kernel_size": 3},
            numbers="count",
            kernel="sobel-x",
        ),
    )
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    shapes.get_by_label("Kernel, row 0, column 1").fill("2.5")
    sobel[0, 1] = 2.5
    image = counted((1, 1, 4, 4)).float()
    correlation = nn.functional.conv2d(image, sobel[None, None])
    expect(shapes.locator("#animation-sentence")).to_contain_text("2.5")
    assert torch.allclose(torch.tensor(shown(shapes)), correlation[0, 0])
    shapes.get_by_label("Operation").select_option("convolution")
    turned = nn.functional.conv2d(image, sobel.flip(0, 1)[None, None])
    expect(shapes.locator(".kernel-editor")).to_contain_text("flipped")
    assert torch.allclose(torch.tensor(shown(shapes)), turned[0, 0])
    both = shapes.locator(".animation-both")
    expect(both).to_contain_text(f"{correlation[0, 0, 0, 0].item():g}".replace("-", "−"))
    expect(both).to_contain_text(f"{turned[0, 0, 0, 0].item():g}".replace("-", "−"))


def test_a_trained_kernel_on_the_readers_drawing(visitor: Visitor) -> None:
    page = visitor.open("/#prompt=cat")
    page.get_by_role("button", name="cat", exact=True).click()
    expect(page.locator("#main")).to_have_attribute("aria-busy", "false")
    page.goto(visitor.address + "/shapes")
    settled(page)
    page.locator(".animation-table summary").click()
    page.get_by_label("Kernel", exact=True).select_option("model:doodle-classifier")
    expect(page.locator("#input-2")).to_have_value("28")
    settled(page)
    expect(page.locator(".animation-table tbody tr")).not_to_have_count(4)
    kernels = page.request.get(f"{visitor.address}/api/v1/shapes/kernels/doodle-classifier").json()
    image = page.request.post(
        f"{visitor.address}/api/v1/shapes/image", data={"drawing": example("cat")}
    ).json()["image"]
    own = {name: as_tuples(value) for name, value in kernels["parameters"].items()}
    layer = nn.Conv2d(**own)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(kernels["weight"]))
        if layer.bias is not None:
            layer.bias.copy_(torch.tensor(kernels["bias"]))
        expected = layer(torch.tensor(image)[None, None] / 255)[0, 0]
    expect(page.locator(".animation-table tbody tr")).to_have_count(expected.shape[0])
    found = torch.tensor(shown(page))
    assert found.abs().max() > 0
    # Drawn on the page, the points are rounded to the pad's own units.
    assert (found - expected).abs().mean() < 0.02


def test_large_inputs_are_windowed(visitor: Visitor) -> None:
    page = visitor.open(
        "/shapes#layer=Conv2d&input=1,512,4096,4096&in_channels=512&out_channels=512&kernel_size=3&padding=1&cell=0,2000,3000&numbers=count"
    )
    settled(page)
    has_output(page, [1, 512, 4096, 4096])
    expect(page.locator("#animation-sentence")).to_contain_text("Output row 2000, column 3000")
    expect(page.locator(".grid-map").first).to_be_visible()
    box = page.locator(".grid-canvas").first.bounding_box()
    assert box is not None
    assert box["width"] < 1200


def test_numbers_typed_in_rows_and_cell_by_cell(shapes: Page) -> None:
    convolution = {"in_channels": 1, "out_channels": 1, "kernel_size": 2}
    go(shapes, fragment("Conv2d", (1, 1, 3, 4), convolution, numbers="ones"))
    shapes.get_by_text("Type the numbers of the input").click()
    rows = shapes.get_by_label("Numbers of the input, a line for each row")
    rows.fill("1 2 3 4\n0, -1.5, 2\n7")
    image = torch.tensor([[1.0, 2, 3, 4], [0, -1.5, 2, 0], [7, 0, 0, 0]])
    kernel = small_weights(torch.empty(1, 1, 2, 2), transposed=False, groups=1)

    def expected() -> Tensor:
        return nn.functional.conv2d(image[None, None], kernel)[0, 0]

    assert torch.allclose(torch.tensor(shown(shapes)), expected())
    rows.fill("1 2 three")
    expect(rows).to_have_attribute("aria-invalid", "true")
    assert torch.allclose(torch.tensor(shown(shapes)), expected())
    source = shapes.locator(".grid-canvas").first
    box = source.bounding_box()
    assert box is not None
    source.click(position={"x": box["width"] * 3.5 / 4, "y": box["height"] * 2.5 / 3})
    shapes.get_by_label("Value at row 2, column 3").fill("10")
    image[2, 3] = 10
    assert torch.allclose(torch.tensor(shown(shapes)), expected())
    expect(shapes).to_have_url(re.compile("numbers=typed"))


def test_pointing_at_a_cell_shows_its_partners_and_where_a_copy_comes_from(shapes: Page) -> None:
    convolution = {
        "in_channels": 1,
        "out_channels": 1,
        "kernel_size": 3,
        "padding": 1,
        "padding_mode": "circular",
    }
    go(shapes, fragment("Conv2d", (1, 1, 4, 4), convolution))
    source = shapes.locator(".grid-canvas").first
    source.scroll_into_view_if_needed()
    box = source.bounding_box()
    assert box is not None
    cell = box["width"] / 6
    source.hover(position={"x": cell / 2, "y": cell / 2})
    sentence = shapes.locator("#animation-sentence")
    expect(sentence).to_have_text("Padding: a copy of row 3, column 3, read by 1 value.")
    source.hover(position={"x": cell * 2.5, "y": cell * 2.5})
    expect(sentence).to_have_text(
        "Input row 1, column 1 goes into 9 values of this output channel."
    )
    shapes.locator(".grid-canvas").nth(1).hover(position={"x": cell * 1.5, "y": cell / 2})
    expect(sentence).to_contain_text("Output row 0, column 1 =")


def test_the_page_goes_on_when_the_server_comes_back(visitor: Visitor) -> None:
    page = visitor.open("/shapes", expect="Failed to load resource")
    settled(page)
    page.route("**/api/v1/**", lambda route: route.abort())
    page.locator("#parameter-stride").fill("1")
    expect(page.locator(".shape-problem")).to_contain_text("does not answer")
    page.unroute("**/api/v1/**")
    expect(page.locator("#output-shape")).to_have_text("[1, 8, 8, 8]")


def test_a_repair_with_a_layer_before_it_opens_as_a_stack(visitor: Visitor) -> None:
    linear = {"in_features": 400, "out_features": 120}
    page = visitor.open(fragment("Linear", (1, 16, 5, 5), linear))
    settled(page)
    page.get_by_role("link", name="Put Flatten before it").click()
    expect(page).to_have_url(re.compile(r"/shapes/stacks#input=1,16,5,5&layers=Flatten\("))
    stack = nn.Sequential(nn.Flatten(), nn.Linear(400, 120))
    expect(page.locator("#main")).to_contain_text(
        "120" if list(stack(torch.zeros(1, 16, 5, 5)).shape) == [1, 120] else "never"
    )
