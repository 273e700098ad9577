"""A ready bitmap is taken as the network's image, and only as that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from server.app import create_app
from server.doodle.raster import render
from server.doodle.strokes import Drawing
from server.settings import ServedModel, Settings
from tests.support.asgi import Client, running
from tests.support.drawings import HOUSE, SUN
from tests.support.problems import assert_problem

ADDRESS = "/api/v1/predictions"
BLANK = [0] * 784
ROWS = [[0] * 28 for _ in range(28)]


def rows_of(lists: Any) -> list[list[int]]:
    """The bitmap of a drawing, 28 rows of 28."""
    rows: list[list[int]] = render(Drawing.from_lists(lists)).tolist()
    return rows


def with_item(values: list[Any], index: int, item: Any) -> list[Any]:
    return [*values[:index], item, *values[index + 1 :]]


@pytest.mark.parametrize("lists", [HOUSE, SUN], ids=["house", "sun"])
def test_a_bitmap_gets_the_answer_of_its_drawing(client: Client, lists: Any) -> None:
    expected = client.post(ADDRESS, json={"drawing": lists}).json()
    rows = rows_of(lists)
    flat = [level for row in rows for level in row]
    for bitmap in (rows, flat):
        assert client.post(ADDRESS, json={"bitmap": bitmap}).json() == expected


def test_bitmaps_among_drawings(client: Client) -> None:
    body = [{"bitmap": rows_of(SUN), "top_k": 1}, HOUSE, {"drawing": SUN, "top_k": 2}]
    answers = client.post(ADDRESS, json=body).json()
    assert [len(answer["predictions"]) for answer in answers] == [1, 5, 2]
    assert answers[0]["predictions"][0]["label"] == "sun"


def test_an_inspection_of_a_bitmap(client: Client) -> None:
    answer = client.post("/api/v1/inspections", json={"bitmap": rows_of(SUN)}).json()
    assert answer["predictions"][0]["label"] == "sun"
    assert answer["input"]["preprocessing"]["source"] == "bitmap"
    again = client.post("/api/v1/inspections", json={"bitmap": rows_of(SUN), "top_k": 1}).json()
    assert again["id"] == answer["id"]


@pytest.mark.parametrize(
    ("bitmap", "pointer"),
    [
        (None, "/bitmap"),
        ("0" * 784, "/bitmap"),
        ([], "/bitmap"),
        (BLANK[1:], "/bitmap"),
        ([*BLANK, 0], "/bitmap"),
        (with_item(BLANK, 783, 256), "/bitmap/783"),
        (with_item(BLANK, 5, -1), "/bitmap/5"),
        (with_item(BLANK, 5, 0.5), "/bitmap/5"),
        (with_item(BLANK, 5, 1.0), "/bitmap/5"),
        (with_item(BLANK, 5, True), "/bitmap/5"),
        (with_item(BLANK, 5, None), "/bitmap/5"),
        (with_item(BLANK, 5, 10**30), "/bitmap/5"),
        (with_item(BLANK, 5, [0]), "/bitmap/5"),
        (ROWS[1:], "/bitmap"),
        (with_item(ROWS, 3, [0] * 27), "/bitmap/3"),
        (with_item(ROWS, 3, 0), "/bitmap/3"),
        (with_item(ROWS, 3, with_item(ROWS[0], 27, 300)), "/bitmap/3/27"),
    ],
)
def test_what_is_no_bitmap(client: Client, bitmap: Any, pointer: str) -> None:
    assert_problem(client.post(ADDRESS, json={"bitmap": bitmap}), 422, pointer)
    listed = client.post(ADDRESS, json=[HOUSE, {"bitmap": bitmap}])
    assert_problem(listed, 422, f"/1{pointer}")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"bitmap": BLANK, "drawing": HOUSE}, "/drawing"),
        ({"bitmap": BLANK, "top_k": 0}, "/top_k"),
        ({"bitmap": BLANK, "top_k": 346}, "/top_k"),
        ({"bitmap": BLANK, "top_k": 2.5}, "/top_k"),
        ({"bitmap": BLANK, "model": "nobody"}, "/model"),
        ({"bitmap": BLANK, "model": 5}, "/model"),
        ({"bitmap": BLANK, "other": 5}, "/other"),
    ],
)
def test_options_beside_a_bitmap(client: Client, body: Any, pointer: str) -> None:
    assert_problem(client.post(ADDRESS, json=body), 422, pointer)


@pytest.fixture(scope="module")
def pictures() -> Iterator[Client]:
    """A client for an application with a model of images."""
    served = ServedModel(model="timm:resnet10t", name="pictures", input=("3x64x64",))
    with running(create_app(Settings(models=(served,)))) as started:
        yield started


def test_a_model_of_images_takes_no_bitmaps(pictures: Client) -> None:
    body = {"bitmap": BLANK, "model": "pictures"}
    problem = assert_problem(pictures.post(ADDRESS, json=body), 422, "/bitmap")
    assert "is for models of doodles" in problem["detail"]
