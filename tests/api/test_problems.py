"""Every error on every route has the one shape."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from starlette.routing import Mount

from tests.support.asgi import Client
from tests.support.problems import assert_problem

PREDICTIONS = "/api/v1/predictions"
INSPECTIONS = "/api/v1/inspections"
LOST = "0" * 32


def addresses(client: Client) -> dict[str, set[str]]:
    """Every documented path with example parameters, and its methods.

    But for those of the Open Inference Protocol, whose errors have the protocol's shape.
    """
    paths: dict[str, Any] = client.get("/api/v1/openapi.json").json()["paths"]
    values = {"name": "nobody", "id": LOST, "layer": "x", "channel": 0, "y": 0, "x": 0}
    values |= {"other_model": "nobody", "other": LOST}
    return {
        path.format(**values): {method.upper() for method in operations}
        for path, operations in paths.items()
        if not path.startswith("/v2")
    }


def test_wrong_methods_on_every_route(client: Client) -> None:
    every = addresses(client)
    assert len(every) >= 10
    for address, methods in every.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
            response = client.request(method, address)
            problem = assert_problem(response, 405)
            assert problem["type"] == "about:blank"
            assert set(response.headers["allow"].split(", ")) <= {*methods, "HEAD"}


def test_nothing_there_is_one_kind_of_problem(client: Client) -> None:
    """Whether no route has the path, or a route finds nothing of that name."""
    for address in ("/api/v1/nothing", "/api/v1/models/nobody", "/static/nothing.js"):
        problem = assert_problem(client.get(address), 404)
        assert (problem["type"], problem["title"]) == ("/problems/not-found", "Not found")


def test_head_is_get_without_content(client: Client) -> None:
    for address in (
        "/",
        "/docs",
        "/healthz",
        "/api/v1/models",
        "/api/v1/models/nobody",
        "/nothing",
    ):
        told, given = client.request("HEAD", address), client.get(address)
        assert told.status_code == given.status_code
        assert told.content == b""
        for name in ("content-type", "content-length"):
            assert told.headers[name] == given.headers[name]


def test_get_routes_with_unknown_resources(client: Client) -> None:
    statuses = {
        address: client.get(address).status_code
        for address, methods in addresses(client).items()
        if "GET" in methods and ("nobody" in address or LOST in address)
    }
    assert len(statuses) >= 7
    for address, status in statuses.items():
        assert status == (404 if "nobody" in address else 410)
        assert_problem(client.get(address), status)


@pytest.mark.parametrize("address", ["/nothing", "/api/v1/nothing", "/static/nothing.js", "/docs/"])
def test_unknown_addresses(client: Client, address: str) -> None:
    problem = assert_problem(client.get(address), 404)
    assert "There is nothing at" in problem["detail"]


@pytest.mark.parametrize(
    "address",
    ["/static/../Makefile", "/static/%2e%2e/Makefile", "/static/..%2fMakefile", "/static/%00"],
)
def test_static_files_stay_in_their_folder(client: Client, address: str) -> None:
    assert_problem(client.get(address), 404)


@pytest.mark.parametrize("address", [PREDICTIONS, INSPECTIONS])
class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b'{"drawing": [[[0,1],[0,1]]]', b"\xff\xfe", b"{'drawing': []}", b"[1,]"],
    )
    def test_not_json(self, client: Client, address: str, body: bytes) -> None:
        response = client.post(address, content=body, headers={"Content-Type": "application/json"})
        assert assert_problem(response, 400)["type"] == "/problems/malformed-body"

    def test_integer_of_thousands_of_digits(self, client: Client, address: str) -> None:
        body = b'{"drawing": [[[' + b"9" * 5000 + b"],[0]]]}"
        response = client.post(address, content=body, headers={"Content-Type": "application/json"})
        problem = assert_problem(response, 400)
        assert problem["detail"] == "The body has a number of too many digits."

    def test_compressed(self, client: Client, address: str) -> None:
        body = gzip.compress(b'{"drawing": [[[0, 1], [0, 1]]]}')
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        response = client.post(address, content=body, headers=headers)
        problem = assert_problem(response, 415, "content-encoding")
        assert problem["value"] == "gzip"
        assert response.headers["accept-encoding"] == "identity"

    @pytest.mark.parametrize("kind", ["text/plain", "application/xml", "image/png", "", "json"])
    def test_other_media_types(self, client: Client, address: str, kind: str) -> None:
        headers = {"Content-Type": kind} if kind else {}
        response = client.post(address, content=b'{"drawing": []}', headers=headers)
        problem = assert_problem(response, 415, "content-type")
        assert problem["value"] == kind

    @pytest.mark.parametrize("body", [b"1", b'"cat"', b"null", b"true", b"1.5", b"NaN"])
    def test_neither_object_nor_list(self, client: Client, address: str, body: bytes) -> None:
        response = client.post(address, content=body, headers={"Content-Type": "application/json"})
        assert_problem(response, 422, "")

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({}, "/drawing"),
            ({"drawing": None}, "/drawing"),
            ({"drawing": "house"}, "/drawing"),
            ({"drawing": {}}, "/drawing"),
            ({"drawing": []}, "/drawing"),
            ({"drawing": [[]]}, "/drawing/0"),
            ({"drawing": [[[], []]]}, "/drawing"),
            ({"drawing": [[[0, 1]]]}, "/drawing/0"),
            ({"drawing": [[[0, 1], [0, 1], [0, 1], [0, 1]]]}, "/drawing/0"),
            ({"drawing": [[[0, 1], [0]]]}, "/drawing/0"),
            ({"drawing": [[[0, 1], [0, 1], [0]]]}, "/drawing/0/2"),
            ({"drawing": [[[0, 1], [0, "1"]]]}, "/drawing/0/1/1"),
            ({"drawing": [[[0, 1], [0, None]]]}, "/drawing/0/1/1"),
            ({"drawing": [[[0, 1], [0, True]]]}, "/drawing/0/1/1"),
            ({"drawing": [[[0, 1], [0, [1]]]]}, "/drawing/0/1/1"),
            ({"drawing": [[[0, 1], 5]]}, "/drawing/0/1"),
            ({"drawing": [[0, 1], [0, 1]]}, "/drawing/0/0"),
            ({"drawing": [[[0, 1], [0, 1]], 7]}, "/drawing/1"),
            ({"drawing": [[[0, 10**400], [0, 1]]]}, "/drawing/0/0/1"),
            ({"drawing": [[[0, 1], [0, 1]]], "top_k": 0}, "/top_k"),
            ({"drawing": [[[0, 1], [0, 1]]], "top_k": -1}, "/top_k"),
            ({"drawing": [[[0, 1], [0, 1]]], "top_k": 346}, "/top_k"),
            ({"drawing": [[[0, 1], [0, 1]]], "top_k": "5"}, "/top_k"),
            ({"drawing": [[[0, 1], [0, 1]]], "top_k": 2.5}, "/top_k"),
            ({"drawing": [[[0, 1], [0, 1]]], "top_k": True}, "/top_k"),
            ({"drawing": [[[0, 1], [0, 1]]], "top_k": None}, "/top_k"),
            ({"drawing": [[[0, 1], [0, 1]]], "model": "nobody"}, "/model"),
            ({"drawing": [[[0, 1], [0, 1]]], "model": 5}, "/model"),
            ({"drawing": [[[0, 1], [0, 1]]], "model": "../../etc/passwd"}, "/model"),
            ({"drawing": [[[0, 1], [0, 1]]], "model": "\ud800"}, "/model"),
            ({"drawing": [[[0, 1], [0, 1]]], "a/b~c": 5}, "/a~1b~0c"),
        ],
    )
    def test_invalid_input(
        self, client: Client, address: str, body: dict[str, Any], pointer: str
    ) -> None:
        headers = {"Content-Type": "application/json"}
        response = client.post(address, content=json.dumps(body), headers=headers)
        problem = assert_problem(response, 422, pointer)
        assert len(problem.get("value", "")) <= 80

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ('{"drawing": [[[0, 1], [0, 1]], [[0, %s], [0, 1]]]}', "/drawing/1/0/1"),
            ('{"drawing": [[[0, 1], [0, 1], [0, %s]]]}', "/drawing/0/2/1"),
            ('{"drawing": [[[0, 1], [0, 1]]], "top_k": %s}', "/top_k"),
        ],
    )
    def test_numbers_that_are_not_finite(
        self, client: Client, address: str, number: str, body: str, pointer: str
    ) -> None:
        headers = {"Content-Type": "application/json"}
        response = client.post(address, content=body % number, headers=headers)
        assert_problem(response, 422, pointer)

    @pytest.mark.parametrize(
        "body", [b"[" * 200_000, b'{"drawing":' * 50_000, b"[" * 500 + b"]" * 500]
    )
    def test_deep_nesting(self, client: Client, address: str, body: bytes) -> None:
        response = client.post(address, content=body, headers={"Content-Type": "application/json"})
        assert response.status_code in (400, 422)
        assert_problem(response, response.status_code)

    def test_ten_thousand_strokes(self, client: Client, address: str) -> None:
        response = client.post(address, json={"drawing": [[[0, 1], [0, 1]]] * 10_000})
        problem = assert_problem(response, 422, "/drawing")
        assert problem["type"] == "/problems/limit-exceeded"
        assert problem["limit"] == client.services.settings.strokes
        assert problem["value"] == "10000"

    def test_nothing_but_wrong_values_is_answered_briefly(
        self, client: Client, address: str
    ) -> None:
        response = client.post(address, json={"drawing": [["a"] * 200_000, ["b"] * 200_000]})
        assert_problem(response, 422, "/drawing/0/0")
        assert len(response.content) < 2000


def test_several_errors_are_all_told(client: Client) -> None:
    body = {"top_k": "x", "model": 5, "colour": "red"}
    problem = assert_problem(client.post(PREDICTIONS, json=body), 422)
    assert {error["pointer"] for error in problem["errors"]} == {
        "/drawing", "/top_k", "/model", "/colour",
    }  # fmt: skip
    assert problem["pointer"] == problem["errors"][0]["pointer"]
    many = {f"field{number}": number for number in range(5_000)}
    assert len(assert_problem(client.post(PREDICTIONS, json=many), 422)["errors"]) == 20


@pytest.mark.parametrize(
    ("address", "parameter"),
    [
        ("/api/v1/inspections/xyz", "id"),
        (f"/api/v1/inspections/{'A' * 32}", "id"),
        (f"/api/v1/inspections/{LOST}0", "id"),
        (f"/api/v1/inspections/{LOST}/layers/x/channels/one", "channel"),
        (f"/api/v1/inspections/{LOST}/layers/x/units/0/0/1.5", "x"),
        (f"/api/v1/inspections/{LOST}?top_k=many", "top_k"),
    ],
)
def test_malformed_parameters(client: Client, address: str, parameter: str) -> None:
    response = client.get(address)
    # A kept inspection is looked for first, so a lost one may be told before the parameter.
    assert response.status_code in (410, 422)
    problem = assert_problem(response, response.status_code)
    assert problem["pointer"] in (parameter, "id")


def test_browsers_get_a_page(client: Client) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml"}
    page = client.get("/nothing", headers=browser)
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "There is nothing at /nothing" in page.text
    assert_problem(client.get("/api/v1/nothing", headers=browser), 404)


def test_no_markup_comes_back(client: Client) -> None:
    page = client.get("/%3Cscript%3Ealert(1)%3C/script%3E", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert "<script>alert" not in page.text


def test_every_route_documents_its_problems(client: Client) -> None:
    document = client.get("/api/v1/openapi.json").json()
    for path, operations in document["paths"].items():
        if path == "/healthz":
            continue
        own = path.startswith("/v2")
        media_type = "application/json" if own else "application/problem+json"
        schemas = {"InferenceError", "ServerReady", "ModelReady"} if own else {"ProblemDetails"}
        for operation in operations.values():
            errors = {
                status: response
                for status, response in operation["responses"].items()
                if int(status) >= 400
            }
            assert "500" in errors
            for response in errors.values():
                assert list(response["content"]) == [media_type]
                schema = response["content"][media_type]["schema"]
                assert schema["$ref"].removeprefix("#/components/schemas/") in schemas
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_nothing_is_mounted_that_the_tests_do_not_know(client: Client) -> None:
    mounts = [route.path for route in client.app.routes if isinstance(route, Mount)]
    assert mounts == ["/static"]
