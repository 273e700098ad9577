"""The documentation is true: every example runs, every route is described."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.asgi import Client
from tests.support.drawings import SUN, picture_of
from tests.support.images import file_of


def document(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api/v1/openapi.json").json()
    return found


def resolved(whole: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        schema = whole["components"]["schemas"][name]
    return schema


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    if isinstance(value, list):
        return set().union(*map(references, value))
    return set()


def examples_of(operation: dict[str, Any], place: str) -> dict[str, Any]:
    """The examples of an operation's parameters in the path, or in the query."""
    return {
        parameter["name"]: parameter["example"]
        for parameter in operation.get("parameters", [])
        if parameter["in"] == place and "example" in parameter
    }


def test_every_reference_leads_somewhere(client: Client) -> None:
    whole = document(client)
    for reference in references(whole):
        assert reference.removeprefix("#/components/schemas/") in whole["components"]["schemas"]


def test_every_route_and_parameter_is_described(client: Client) -> None:
    for path, operations in document(client)["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            assert len(operation["description"]) > 20, path
            for parameter in operation.get("parameters", []):
                assert parameter["description"], (path, parameter["name"])


def test_every_field_is_described(client: Client) -> None:
    whole = document(client)
    for name, schema in whole["components"]["schemas"].items():
        assert schema.get("description"), name
        for field, described in schema.get("properties", {}).items():
            assert described.get("description") or "$ref" in described, (name, field)


def test_every_example_of_a_body_runs(client: Client) -> None:
    whole = document(client)
    ran = 0
    for path, operations in whole["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            for example in content.get("application/json", {}).get("examples", {}).values():
                address = path.format(**examples_of(operation, "path"))
                response = client.request(method.upper(), address, json=example["value"])
                assert response.status_code in (200, 201), response.text
                assert str(response.status_code) in operation["responses"]
                ran += 1
            if "multipart/form-data" in content:
                files = {"image": file_of(picture_of(SUN))}
                assert client.request(method.upper(), path, files=files).is_success
                ran += 1
    assert ran == 16


def test_every_get_route_runs_with_its_examples(client: Client) -> None:
    """The examples lead somewhere once the example of an inspection has been posted."""
    whole = document(client)
    body = whole["paths"]["/api/v1/inspections"]["post"]["requestBody"]["content"]
    example = body["application/json"]["examples"]["drawing"]["value"]
    assert client.post("/api/v1/inspections", json=example).status_code in (200, 201)
    ran = 0
    for path, operations in whole["paths"].items():
        if "get" not in operations:
            continue
        for parameter in operations["get"].get("parameters", []):
            assert "example" in parameter or not parameter["required"], (path, parameter["name"])
        address = path.format(**examples_of(operations["get"], "path"))
        response = client.get(address, params=examples_of(operations["get"], "query"))
        assert response.status_code == 200, (path, response.text)
        media_type = response.headers["content-type"].partition(";")[0]
        assert media_type in operations["get"]["responses"]["200"]["content"]
        ran += 1
    assert ran >= 30


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ("PredictionRequest", "predictions"),
        ("BitmapRequest", "predictions"),
        ("BatchRequest", "predictions"),
        ("ShapesRequest", "shapes"),
        ("SettingsRequest", "shapes/settings"),
        ("DrawingImageRequest", "shapes/image"),
    ],
)
def test_examples_of_schemas_run(client: Client, schema: str, path: str) -> None:
    for example in document(client)["components"]["schemas"][schema]["examples"]:
        assert client.post(f"/api/v1/{path}", json=example).status_code == 200


def test_the_document_names_problems_as_what_they_are(client: Client) -> None:
    whole = document(client)
    problem = resolved(whole, {"$ref": "#/components/schemas/ProblemDetails"})
    assert set(problem["required"]) == {"type", "title", "status", "detail", "instance"}
    example = problem["examples"][0]
    body = '{"drawing": [[[0, 1, 2, 3], [0, 1, 2, NaN]]]}'
    headers = {"Content-Type": "application/json"}
    answer = client.post("/api/v1/predictions", content=body, headers=headers).json()
    assert answer == example
