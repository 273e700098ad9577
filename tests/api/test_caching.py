"""What never changes at its address is kept, and not sent again to who has it."""

from __future__ import annotations

from typing import Any

import pytest

from server.routes.responses import inline
from tests.api.test_openapi import document, examples_of
from tests.support.asgi import Client

INSPECTION = "/api/v1/inspections/{id}"
CHANGING = {
    f"{INSPECTION}/layers/{{layer}}/units/{{channel}}/{{y}}/{{x}}/effective-field": "no-store",
}
"""Addresses of inspections whose answers come in lines, while they are computed."""
OF_MODEL = ["/api/v1/models/{name}", "/api/v1/shapes/models/{name}"]


def answers(client: Client) -> dict[str, tuple[str, dict[str, Any]]]:
    """Each address with a parameter, as it is documented: that of its example, and its query."""
    whole = document(client)
    body = whole["paths"]["/api/v1/inspections"]["post"]["requestBody"]["content"]
    example = body["application/json"]["examples"]["drawing"]["value"]
    assert client.post("/api/v1/inspections", json=example).is_success
    return {
        path: (
            path.format(**examples_of(operations["get"], "path")),
            examples_of(operations["get"], "query"),
        )
        for path, operations in whole["paths"].items()
        if "get" in operations
    }


def test_all_of_an_inspection_is_kept_and_sent_once(client: Client) -> None:
    known = 0
    for path, (address, query) in answers(client).items():
        if not path.startswith(INSPECTION) or path in CHANGING:
            continue
        first = client.get(address, params=query)
        assert first.headers["cache-control"] == "public, max-age=31536000, immutable", path
        tag = first.headers["etag"]
        again = client.get(address, params=query, headers={"If-None-Match": f'"other", W/{tag}'})
        assert (again.status_code, again.content) == (304, b""), path
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == first.headers["cache-control"]
        assert client.get(address, params=query, headers={"If-None-Match": '"x"'}).is_success
        other = client.get(address, params={**query, "unknown": 1}).headers["etag"]
        assert other != tag, path
        known += 1
    assert known >= 15


def test_what_is_computed_meanwhile_is_not_kept(client: Client) -> None:
    every = answers(client)
    for path, how_long in CHANGING.items():
        response = client.get(every[path][0], params={**every[path][1], "inputs": 1})
        assert response.headers["cache-control"] == how_long


@pytest.mark.parametrize("path", OF_MODEL)
def test_what_a_model_is_holds_for_a_version(client: Client, path: str) -> None:
    address, _ = answers(client)[path]
    first = client.get(address)
    assert first.headers["cache-control"] == "public, no-cache"
    again = client.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("kind", ["parameters", "weights", "weights.npz", "histogram"])
def test_weights_hold_for_a_version(client: Client, kind: str) -> None:
    model = client.get("/api/v1/models/lenet-5").json()
    layer = next(node["name"] for node in model["nodes"] if node["parameters"])
    address = f"/api/v1/models/lenet-5/layers/{layer}/{kind}"
    for version, how_long in ((None, "no-cache"), (model["version"], "immutable")):
        params = {"version": version} if version else {}
        first = client.get(address, params=params)
        assert first.headers["cache-control"].endswith(how_long)
        tags = {"If-None-Match": first.headers["etag"]}
        assert client.get(address, params=params, headers=tags).status_code == 304


def test_refusals_are_not_kept(client: Client) -> None:
    lost = f"/api/v1/inspections/{'0' * 32}"
    for address in (lost, f"{lost}/atlas", "/api/v1/models/nobody", "/nothing"):
        assert client.get(address).headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("stem.convolution.png", 'inline; filename="stem.convolution.png"'),
        ('a"b.npz', "inline; filename=\"a_b.npz\"; filename*=UTF-8''a%22b.npz"),
        ("größe", "inline; filename=\"gr__e\"; filename*=UTF-8''gr%C3%B6%C3%9Fe"),
        ("a\r\nSet-Cookie: b", "inline; filename=\"a__Set-Cookie__b\"; "
         "filename*=UTF-8''a%0D%0ASet-Cookie%3A%20b"),
        ("\ud800", "inline; filename=\"_\"; filename*=UTF-8''%3F"),
    ],
)  # fmt: skip
def test_names_of_files_fit_into_headers(name: str, header: str) -> None:
    assert inline(name) == header
    header.encode("latin-1")
