"""Drawing with a mouse, a finger and the keyboard; what is sent, and what is guessed."""

from __future__ import annotations

from math import log

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.browser.hand import (
    Drawing,
    Posted,
    choose_example,
    draw,
    example,
    guess,
    inspect,
    on_screen,
    over_http,
    settle,
    until,
)

pytestmark = pytest.mark.browser

LINE: Drawing = [[[0, 255], [0, 255]]]
CROSS: Drawing = [*LINE, [[255, 0], [0, 255]]]


def test_a_drawn_cat_is_recognised(page: Page, address: str) -> None:
    posted = Posted(page)
    draw(page, example("cat"))
    assert guess(page) == "cat"
    expect(page.locator("#pad-heading")).to_have_text("It sees a cat")
    # The page shows what the API says of the strokes that it sent.
    told = inspect(address, posted.drawing)["predictions"]
    shown = page.locator(".guess-row-label").all_inner_texts()
    assert shown == [each["label"] for each in told[:5]]
    assert len(posted.drawing) == len(example("cat"))


def test_it_guesses_while_the_pen_moves_and_never_queues(page: Page) -> None:
    posted = Posted(page)
    points = on_screen(page, example("star"))[0]
    page.mouse.move(*points[0])
    page.mouse.down()
    for x, y in points[1:-1]:
        page.mouse.move(x, y, steps=15)
    expect(page.locator(".guess-label")).not_to_be_empty()
    until(page, lambda: len(posted.bodies) >= 2)
    during = len(posted.bodies)
    page.mouse.up()
    settle(page)
    assert during >= 2, "guesses came while the pen was down"
    assert posted.most_at_once == 1


def test_it_sends_strokes_in_pad_units_with_times(page: Page) -> None:
    over_http(page)
    posted = Posted(page)
    draw(page, [[[0, 100, 255], [0, 200, 255]], [[50], [50]]])
    settle(page)
    assert set(posted.bodies[-1]) == {"model", "drawing", "top_k"}
    first, dot = posted.bodies[-1]["drawing"]
    assert all(0 <= value <= 1024 for value in first[0] + first[1])
    assert first[0][0] == pytest.approx(1024 * 0.15, abs=5)
    assert first[1][-1] == pytest.approx(1024 * 0.85, abs=5)
    times = first[2] + dot[2]
    assert times == sorted(times)
    assert times[0] == 0
    assert len(dot[0]) == 1


def test_a_finger_draws_and_does_not_scroll(visitor: Visitor) -> None:
    page = visitor.open(
        "/#prompt=cat",
        viewport={"width": 360, "height": 740},
        has_touch=True,
        is_mobile=True,
        device_scale_factor=2,
    )
    page.locator("#pad").scroll_into_view_if_needed()
    posted = Posted(page)
    devtools = page.context.new_cdp_session(page)
    before = page.evaluate("scrollY")
    for points in on_screen(page, example("cat")):
        for index, (x, y) in enumerate(points):
            kind = "touchMove" if index else "touchStart"
            devtools.send(
                "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]}
            )
        devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert guess(page) == "cat"
    assert len(posted.drawing) == len(example("cat"))
    assert page.evaluate("scrollY") == before


def test_undo_redo_and_clear_by_buttons(page: Page) -> None:
    posted = Posted(page)
    draw(page, CROSS)
    settle(page)
    page.get_by_role("button", name="Undo").click()
    settle(page)
    assert len(posted.drawing) == 1
    page.get_by_role("button", name="Redo").click()
    settle(page)
    assert len(posted.drawing) == 2
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#pad-invitation")).to_be_visible()
    expect(page.locator(".guess-best")).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    settle(page)
    assert len(posted.drawing) == 2, "clearing can be undone"


def test_undo_redo_and_clear_by_keys(page: Page) -> None:
    posted = Posted(page)
    draw(page, CROSS)
    settle(page)
    for key, strokes in (("z", 1), ("y", 2), ("Control+z", 1), ("Control+Shift+z", 2)):
        page.keyboard.press(key)
        settle(page)
        assert len(posted.drawing) == strokes, key
    page.keyboard.press("c")
    expect(page.locator("#pad-invitation")).to_be_visible()


def test_single_letters_can_be_turned_off(page: Page) -> None:
    draw(page, LINE)
    settle(page)
    page.keyboard.press("?")
    page.get_by_label("Single letters and signs are shortcuts").uncheck()
    page.keyboard.press("Escape")
    expect(page.locator("#keys-dialog")).to_be_hidden()
    page.keyboard.press("c")
    expect(page.locator("#pad-invitation")).to_be_hidden()
    page.keyboard.press("Control+z")
    expect(page.locator("#pad-invitation")).to_be_visible()


def test_replay_draws_again_and_can_be_stopped(page: Page) -> None:
    posted = Posted(page)
    # An example takes seconds, however quickly this test would draw.
    choose_example(page, "house")
    whole = posted.drawing
    posted.bodies.clear()
    page.keyboard.press("r")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.locator("#main")).to_have_attribute("aria-busy", "true")
    # What is received by then is a part of it.
    strokes = page.locator(".step figcaption").first
    expect(strokes).not_to_have_text(f"{len(whole)} strokes")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Replay")).to_be_visible()
    settle(page)
    assert posted.drawing == whole, "a stopped replay leaves the whole drawing"
    posted.bodies.clear()
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.get_by_role("button", name="Replay")).to_be_visible(timeout=60_000)
    settle(page)
    assert posted.drawing == whole
    counts = [sum(len(stroke[0]) for stroke in body["drawing"]) for body in posted.bodies]
    assert len(counts) >= 3, "guesses were asked for on the way"
    assert counts[0] < counts[-1]


def test_the_keyboard_alone_can_draw(page: Page) -> None:
    posted = Posted(page)
    page.keyboard.press("d")
    expect(page.locator("#pad")).to_be_focused()
    # A square, from the middle of the pad.
    page.keyboard.press("Space")
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"):
        for _ in range(4):
            page.keyboard.press(f"Shift+{key}")
    page.keyboard.press("Space")
    expect(page.locator("#announcer")).to_contain_text("Pen")
    settle(page)
    (stroke,) = posted.drawing
    assert stroke[0] == [512, 768, 768, 512, 512]
    assert stroke[1] == [512, 512, 768, 768, 512]


def test_the_pad_is_crisp_on_dense_screens(visitor: Visitor) -> None:
    page = visitor.open("/#prompt=cat", device_scale_factor=3)
    draw(page, LINE)
    settle(page)
    pad = page.locator("#pad")
    assert pad.evaluate("pad => pad.width / pad.clientWidth") == pytest.approx(3, abs=0.02)


def test_guesses_are_announced_politely(page: Page) -> None:
    draw(page, example("cat"))
    settle(page)
    expect(page.locator("#announcer")).to_have_text("Recognised: cat!")
    assert page.locator("#announcer").get_attribute("aria-live") == "polite"


def test_logits_are_explained_on_demand(page: Page, address: str) -> None:
    posted = Posted(page)
    draw(page, example("cat"))
    settle(page)
    told = inspect(address, posted.drawing)["predictions"][0]
    page.get_by_text("From logits to probabilities").click()
    rows = page.locator(".softmax tbody tr")
    expect(rows).to_have_count(345)
    label, logit, exponential, _ = rows.first.locator("td").all_inner_texts()
    assert (label, exponential) == (told["label"], "1.00")
    assert float(logit.replace("−", "-")) == pytest.approx(told["logit"], abs=0.05)
    loss = float(page.locator(".guess-loss output").inner_text())
    assert loss == pytest.approx(-log(told["probability"]), rel=0.01)
