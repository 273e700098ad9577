"""Prompts, examples, images, sizes and colours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.conftest import Visitor
from tests.browser.hand import (
    Posted,
    choose_example,
    draw,
    enter_picture,
    example,
    guess,
    settle,
    until,
)
from tests.browser.test_layers import thumbnail

pytestmark = pytest.mark.browser


def star(folder: Path) -> Path:
    """A star, black on white, as a PNG of 600 x 400."""
    image = Image.new("RGB", (600, 400), "white")
    points = [(300, 40), (360, 180), (520, 180), (390, 260), (440, 380), (300, 300)]
    points += [(160, 380), (210, 260), (80, 180), (240, 180)]
    ImageDraw.Draw(image).polygon(points, outline="black", width=12)
    image.save(folder / "star.png")
    return folder / "star.png"


def test_an_empty_page_invites_and_prompts(visitor: Visitor) -> None:
    page = visitor.open("/")
    expect(page.locator("#pad-invitation")).to_be_visible()
    expect(page.locator("#network-facts")).to_contain_text("layers")
    first = page.locator("#prompt-name").inner_text()
    assert first != "anything"
    page.get_by_role("button", name="Next prompt").click()
    expect(page.locator("#prompt-name")).not_to_have_text(first)
    page.keyboard.press("n")
    page.get_by_role("button", name="Draw freely").click()
    expect(page.locator("#prompt-name")).to_have_text("anything")


def test_the_prompt_shows_its_loss_and_the_next_one_clears_the_pad(page: Page) -> None:
    draw(page, example("star"))
    settle(page)
    expect(page.locator(".guess-loss")).to_contain_text("Loss for “cat”")
    page.keyboard.press("n")
    expect(page.locator("#pad-invitation")).to_be_visible()
    expect(page.locator("#prompt-name")).not_to_have_text("a cat")


def test_every_example_can_be_chosen(page: Page) -> None:
    posted = Posted(page)
    page.locator(".example").first.wait_for()
    names = page.locator(".example").evaluate_all("all => all.map((each) => each.ariaLabel)")
    assert len(names) >= 8
    for name in names:
        choose_example(page, name)
        assert len(posted.drawing) == len(example(name))


def test_what_the_network_received_is_shown_with_its_steps(page: Page) -> None:
    posted = Posted(page)
    choose_example(page, "cat")
    settle(page)
    captions = page.locator(".step figcaption").all_inner_texts()
    assert captions[0] == f"{len(posted.drawing)} strokes"
    assert captions[1].startswith("scaled × 0.0")
    assert captions[2] == "line 1.47 px"
    page.locator(".received-image .pixel-view").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".received-words")).to_contain_text("0 of 255 at row 0, column 0")


def test_an_image_is_recognised_with_its_steps(page: Page, tmp_path: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Image", exact=True).click()
    chooser.value.set_files(star(tmp_path))
    assert guess(page) == "star"
    expect(page.locator(".image-steps li")).not_to_have_count(0)
    expect(page.locator(".image-steps")).to_contain_text("600")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#pad-invitation")).to_be_visible()


def test_a_dropped_image_is_recognised(page: Page, tmp_path: Path) -> None:
    settle_first = page.locator("#network-facts")
    expect(settle_first).to_contain_text("layers")
    page.evaluate(
        """bytes => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "star.png", { type: "image/png" }));
            for (const type of ["dragover", "drop"]) {
                const options = { dataTransfer: data, bubbles: true, cancelable: true };
                document.body.dispatchEvent(new DragEvent(type, options));
            }
        }""",
        list(star(tmp_path).read_bytes()),
    )
    page.wait_for_selector(".guess-best")
    assert guess(page) == "star"
    expect(page.locator("#pad-drop")).to_be_hidden()


@pytest.mark.parametrize(("width", "height"), [(360, 740), (768, 1024), (1280, 720), (3840, 2160)])
def test_nothing_is_wider_than_the_screen(visitor: Visitor, width: int, height: int) -> None:
    page = visitor.open("/#prompt=cat", viewport={"width": width, "height": height})
    choose_example(page, "cat")
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wider) == 0
    page.locator('[data-layer="stage1.add"]').click()
    page.locator(".channel").nth(1).click()
    enter_picture(page)
    page.locator(".microscope .pixel-view").click(position={"x": 20, "y": 20})
    expect(page.locator(".reading-value")).not_to_be_empty()
    assert page.evaluate(wider) == 0
    # Links within a line of text may be as small as the text (WCAG 2.5.8).
    small = """all => all.filter((each) => each.checkVisibility())
        .map((each) => [each.getBoundingClientRect(), each])
        .filter(([box]) => box.width < 24 || box.height < 19)
        .map(([box, each]) => each.outerHTML)"""
    assert page.locator("button:not(.detail-facts *)").evaluate_all(small) == []


def test_light_and_dark_follow_the_system_and_the_button(visitor: Visitor) -> None:
    page = visitor.open("/#prompt=cat", color_scheme="dark")
    choose_example(page, "cat")

    def brightness() -> float:
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(float(part) for part in re.findall(r"[\d.]+", colour)[:3]) / 3

    def maps() -> str:
        return thumbnail(page, "stem_convolution")

    assert brightness() < 60
    dark = maps()
    page.get_by_role("button", name="Colours").click()
    assert brightness() > 200
    until(page, lambda: maps() != dark)
    assert maps() != dark, "the pictures follow"
    page.reload()
    settle(page)
    assert brightness() > 200, "the choice is remembered"
    page.emulate_media(forced_colors="active")
    expect(page.get_by_role("button", name="Undo")).to_be_visible()


def test_a_drawing_outlives_the_page(page: Page) -> None:
    draw(page, example("cat"))
    assert guess(page) == "cat"
    page.goto("about:blank")
    page.go_back()
    assert guess(page) == "cat"
    page.evaluate("history.replaceState(null, '', '/')")
    page.reload()
    assert guess(page) == "cat", "without the address, from this browser's storage"


def test_less_motion_replays_whole_strokes(visitor: Visitor) -> None:
    page = visitor.open("/#prompt=cat", reduced_motion="reduce")
    posted = Posted(page)
    choose_example(page, "envelope")
    lengths = [len(stroke[0]) for stroke in posted.drawing]
    posted.bodies.clear()
    page.keyboard.press("r")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.get_by_role("button", name="Replay")).to_be_visible(timeout=60_000)
    settle(page)
    for body in posted.bodies:
        sent = [len(stroke[0]) for stroke in body["drawing"]]
        assert sent == lengths[: len(sent)]


def test_a_long_drawing_is_thinned_and_says_so(page: Page) -> None:
    settle_first = page.locator("#network-facts")
    expect(settle_first).to_contain_text("layers")
    posted = Posted(page)
    page.evaluate(
        """() => {
            const pad = document.querySelector("#pad");
            const { left, top, width, height } = pad.getBoundingClientRect();
            const fire = (type, x, y) => pad.dispatchEvent(new PointerEvent(type, {
                pointerId: 1, isPrimary: true, button: 0, bubbles: true,
                clientX: left + x * width, clientY: top + y * height }));
            pad.setPointerCapture = () => {};
            let seed = 1;
            const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
            fire("pointerdown", 0.5, 0.5);
            for (let index = 0; index < 6000; index += 1) fire("pointermove", random(), random());
            fire("pointerup", 0.5, 0.5);
        }"""
    )
    settle(page)
    expect(page.locator("#pad-note")).to_contain_text("less of it was sent")
    assert sum(len(stroke[0]) for stroke in posted.drawing) <= 3000


def test_every_one_of_many_strokes_is_sent(page: Page) -> None:
    posted = Posted(page)
    box = page.locator("#pad").bounding_box()
    assert box is not None
    for index in range(210):
        page.mouse.click(box["x"] + 8 + 10 * (index % 20), box["y"] + 8 + 10 * (index // 20))
    settle(page)
    assert len(posted.drawing) == 210
    expect(page.locator("#pad-note")).to_be_hidden()


def test_a_refused_image_is_sent_once(visitor: Visitor) -> None:
    page = visitor.open("/#prompt=cat", expect="415")
    expect(page.locator("#network-facts")).to_contain_text("layers")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    text: FilePayload = {"name": "text.png", "mimeType": "image/png", "buffer": b"a text"}
    page.set_input_files("#image-file", text)
    expect(page.locator("#server-status")).to_contain_text("not a PNG")
    page.wait_for_timeout(300)
    assert sent.count("POST") == 1


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_maps_are_legible_at_every_width(visitor: Visitor, width: int) -> None:
    page = visitor.open("/#prompt=cat", viewport={"width": width, "height": 900})
    choose_example(page, "cat")
    heights: list[int] = page.locator(".layer-tiles").evaluate_all(
        "areas => areas.map(area => area.clientHeight)"
    )
    assert min(heights) >= 22


def test_the_api_pages_work_without_another_origin(visitor: Visitor) -> None:
    page = visitor.open("/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    assert page.locator(".opblock").count() >= 8


def test_an_unknown_page_says_so(visitor: Visitor) -> None:
    page = visitor.open("/nowhere", expect="404")
    expect(page.get_by_role("heading")).to_have_text("Not found")
    page.get_by_role("link", name="Back to the drawing pad").click()
    expect(page.locator("#pad")).to_be_visible()
