"""The documentation of bodies that are JSON or a form, and the OpenAPI document as a whole."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from server.authentication import OPEN
from server.dependencies import Services
from server.problems import JSON, MEDIA_TYPE, OPEN_INFERENCE
from server.routes.bodies import FORM
from server.schemas.kernels import DrawingImageRequest
from server.schemas.open_inference import InferenceError, InferenceRequest, ModelReady, ServerReady
from server.schemas.predictions import (
    CROSS,
    HOUSE,
    SUN,
    BatchRequest,
    BitmapRequest,
    ImageForm,
    PredictionRequest,
)
from server.schemas.problems import ProblemDetails
from server.schemas.shapes import SettingsRequest, ShapesRequest, SourceRequest
from server.services.drawings import rasterise, read_drawing
from server.services.inspections import inspection_id

_REFERENCE = "#/components/schemas/{model}"
_BODIES = (
    PredictionRequest,
    BitmapRequest,
    BatchRequest,
    ImageForm,
    ShapesRequest,
    SettingsRequest,
    SourceRequest,
    DrawingImageRequest,
    InferenceRequest,
)
_ERROR = 400
# The Open Inference Protocol says what its errors look like.
_OWN_ERRORS = (InferenceError.__name__, ServerReady.__name__, ModelReady.__name__)
_FRAMEWORK_ERRORS = ("HTTPValidationError", "ValidationError")


def drawing_or_image(*, lists: bool) -> dict[str, Any]:
    """The request body of a route: a drawing, a bitmap, an image and, with ``lists``, more."""
    one = {"$ref": _REFERENCE.format(model=PredictionRequest.__name__)}
    bitmap = {"$ref": _REFERENCE.format(model=BitmapRequest.__name__)}
    batch = {"$ref": _REFERENCE.format(model=BatchRequest.__name__)}
    drawing = {"type": "array", "items": {"type": "array", "items": {"type": "array"}}}
    many = {"type": "array", "minItems": 1, "items": {"anyOf": [drawing, one, bitmap]}}
    examples: dict[str, Any] = {
        "drawing": {
            "summary": "One drawing",
            "value": {"drawing": HOUSE, "model": "doodle-classifier", "top_k": 3},
        },
        "bitmap": {"summary": "One ready bitmap", "value": {"bitmap": CROSS, "top_k": 3}},
    }
    if lists:
        examples["drawings"] = {
            "summary": "Several drawings, with options",
            "value": {"drawings": [HOUSE, SUN], "top_k": 1},
        }
        examples["list"] = {"summary": "A list of drawings", "value": [HOUSE, SUN]}
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"anyOf": [one, bitmap, *([batch, many] if lists else [])]},
                    "examples": examples,
                },
                FORM: {"schema": {"$ref": _REFERENCE.format(model=ImageForm.__name__)}},
            },
        }
    }


def inference_request() -> dict[str, Any]:
    """The request body of an inference after the Open Inference Protocol."""
    pixels: dict[str, Any] = {"name": "images", "datatype": "UINT8", "shape": [1, 28, 28]}
    top = {"name": "probabilities", "parameters": {"classification": 3}}
    body = {"inputs": [pixels | {"data": [0] * 28 * 28}], "outputs": [top]}
    example = {"summary": "A blank image, and the three likeliest categories", "value": body}
    schema = {"$ref": _REFERENCE.format(model=InferenceRequest.__name__)}
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": schema, "examples": {"image": example}},
                "application/octet-stream": {},
            },
        }
    }


def openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made once: bodies' schemas added, errors as problem details."""
    if app.openapi_schema:
        return app.openapi_schema
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    _, bodies = models_json_schema(
        [(model, "validation") for model in _BODIES], ref_template=_REFERENCE
    )
    schemas = document["components"]["schemas"]
    schemas.update(bodies["$defs"])
    # The framework's own form of validation errors, which no route answers with.
    for name in _FRAMEWORK_ERRORS:
        schemas.pop(name, None)
    examples = _examples(app)
    for path in document["paths"].values():
        for operation in path.values():
            _as_problems(operation["responses"])
            for parameter in operation.get("parameters", []):
                if parameter["name"] in examples:
                    # What the page of the documentation fills in: it reads no schema's examples.
                    parameter["example"] = examples[parameter["name"]]
    if app.state.door is not None:
        _ask_for_keys(document)
    app.openapi_schema = document
    return document


def _ask_for_keys(document: dict[str, Any]) -> None:
    """Say that every operation wants an API key, but those that are open."""
    document["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    document["security"] = [{"bearer": []}, {"header": []}]
    for path, operations in document["paths"].items():
        own = path.startswith(OPEN_INFERENCE)
        model, media_type = (InferenceError, JSON) if own else (ProblemDetails, MEDIA_TYPE)
        content = {media_type: {"schema": {"$ref": _REFERENCE.format(model=model.__name__)}}}
        for operation in operations.values():
            if path in OPEN:
                operation["security"] = []
                continue
            operation["responses"]["401"] = {"description": "No known API key.", "content": content}
            operation["responses"]["429"] = {
                "description": "Too many requests with this key; Retry-After says when to go on.",
                "content": content,
            }


def _examples(app: FastAPI) -> dict[str, str | int]:
    """Parameters of paths that lead somewhere once the example of an inspection has run."""
    services: Services = app.state.services
    model = services.catalog.default
    house = rasterise(read_drawing(HOUSE, "/drawing", services.settings))
    return {
        "name": model.name,
        "other_model": model.name,
        "id": inspection_id(model, house),
        "other": inspection_id(model, house),
        "layer": model.nodes[0].name,
        "channel": 0,
        "y": 0,
        "x": 0,
        "call": 0,
        "version": model.version,
    }


def _as_problems(responses: dict[str, Any]) -> None:
    for status, response in list(responses.items()):
        content = response.get("content", {}).get("application/json")
        if int(status) < _ERROR or content is None:
            continue
        if content["schema"].get("$ref", "").endswith(_OWN_ERRORS):
            continue
        if content["schema"].get("$ref", "").endswith(_FRAMEWORK_ERRORS):
            del responses[status]
        else:
            response["content"] = {MEDIA_TYPE: content}
