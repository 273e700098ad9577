"""The Open Inference Protocol (KServe V2) over HTTP, with binary tensor data.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.concurrency import run_in_threadpool

from server import __version__
from server.dependencies import RunningServices, Services, while_connected
from server.errors import (
    InvalidInput,
    MalformedBody,
    NotFound,
    NotReady,
    TooLarge,
    UnsupportedMedia,
)
from server.problems import OPEN_INFERENCE
from server.routes.bodies import SHORT_JSON, parse_json, validated
from server.routes.documentation import inference_request
from server.schemas.open_inference import (
    InferenceAnswer,
    InferenceError,
    InferenceRequest,
    ModelMetadata,
    ModelReady,
    ServerLive,
    ServerMetadata,
    ServerReady,
)
from server.services.catalog import Model
from server.services.open_inference import OpenInference, Output, describe
from server.services.readiness import Readiness
from server.services.tensor_data import as_bytes
from server.settings import Settings

HEADER_LENGTH = "Inference-Header-Content-Length"
BINARY = "application/octet-stream"
EXTENSIONS = ["binary_tensor_data", "classification"]

router = APIRouter(prefix=OPEN_INFERENCE, tags=["open inference"])

_DESCRIPTIONS = {
    400: "Not valid, or not ready.",
    404: "There is no such model, or no such version of it.",
    413: "More bytes than are allowed.",
    415: "A Content-Encoding that is not known.",
    500: "Something went wrong on the server.",
    503: "Too much is waiting for the network; Retry-After says when to ask again.",
    504: "The network did not answer within DOODLESCOPE_STUCK_SECONDS.",
}


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {
        status: {"model": InferenceError, "description": _DESCRIPTIONS[status]}
        for status in (*statuses, 500)
    }


def _not_ready(schema: type[ServerReady] | type[ModelReady]) -> dict[int | str, dict[str, Any]]:
    return {400: {"model": schema, "description": "Not ready."}}


async def _model(
    services: RunningServices,
    name: Annotated[str, Path(description="Name of a model.")],
) -> Model:
    return await services.current(services.catalog.get(name))


async def _model_of_version(
    services: RunningServices,
    name: Annotated[str, Path(description="Name of a model.")],
    version: Annotated[str, Path(description="Version of the model.")],
) -> Model:
    model = await services.current(services.catalog.get(name))
    if version != model.version:
        raise NotFound(
            f"{model.name} has version {model.version} here.", pointer="version", value=version
        )
    return model


NamedModel = Annotated[Model, Depends(_model)]
VersionedModel = Annotated[Model, Depends(_model_of_version)]


@router.get("", responses=_errors())
async def server_metadata() -> ServerMetadata:
    """Name, version and extensions of the server."""
    return ServerMetadata(name="doodlescope", version=__version__, extensions=EXTENSIONS)


@router.get("/health/live", responses=_errors())
async def server_live() -> ServerLive:
    """Whether the server answers at all."""
    return ServerLive(live=True)


@router.get("/health/ready", responses=_errors() | _not_ready(ServerReady))
async def server_ready(request: Request, response: Response) -> ServerReady:
    """Whether requests are welcome; 400, as the protocol has it, where they are not."""
    ready = _is_ready(request, response)
    return ServerReady(ready=ready)


@router.get("/models/{name}", responses=_errors(404, 503, 504))
async def model_metadata(model: NamedModel) -> ModelMetadata:
    """Inputs and outputs of a model, with their types and shapes."""
    return describe(model)


@router.get("/models/{name}/versions/{version}", responses=_errors(404, 503, 504))
async def version_metadata(model: VersionedModel) -> ModelMetadata:
    """Inputs and outputs of a version of a model, with their types and shapes."""
    return describe(model)


@router.get("/models/{name}/ready", responses=_errors(404, 503, 504) | _not_ready(ModelReady))
async def model_ready(request: Request, response: Response, model: NamedModel) -> ModelReady:
    """Whether a model can answer; 400, as the protocol has it, where it cannot."""
    return ModelReady(name=model.name, ready=_is_ready(request, response, model.name))


@router.get(
    "/models/{name}/versions/{version}/ready",
    responses=_errors(404, 503, 504) | _not_ready(ModelReady),
)
async def version_ready(request: Request, response: Response, model: VersionedModel) -> ModelReady:
    """Whether a version of a model can answer; 400, as the protocol has it, where it cannot."""
    return ModelReady(name=model.name, ready=_is_ready(request, response, model.name))


_INFER: dict[str, Any] = {
    "response_model": InferenceAnswer,
    "responses": {
        200: {"description": "The outputs.", "content": {BINARY: {}}},
        **_errors(400, 404, 413, 415, 503, 504),
    },
    "openapi_extra": inference_request(),
}


@router.post("/models/{name}/infer", **_INFER)
async def infer(request: Request, services: RunningServices, model: NamedModel) -> Response:
    """Logits and probabilities of tensors, in JSON or as bytes behind it."""
    return await _infer(request, services, model)


@router.post("/models/{name}/versions/{version}/infer", **_INFER)
async def infer_version(
    request: Request, services: RunningServices, model: VersionedModel
) -> Response:
    """Logits and probabilities of tensors by a version of a model, in JSON or as bytes."""
    return await _infer(request, services, model)


def _is_ready(request: Request, response: Response, model: str = "") -> bool:
    readiness: Readiness = request.app.state.readiness
    response.headers["Cache-Control"] = "no-store"
    try:
        readiness.check(model)
    except NotReady:
        response.status_code = 400
        return False
    return True


async def _infer(request: Request, services: Services, model: Model) -> Response:
    body = await _read(request, services.settings)
    length = _header_length(request, len(body))
    if length > services.settings.json_bytes:
        raise TooLarge(
            f"The JSON has {length} bytes; {services.settings.json_bytes} are allowed. Send the "
            "values as bytes behind it.",
            value=length,
            limit=services.settings.json_bytes,
        )
    found = await parse_json(body[:length], services.settings)
    asked = validated(InferenceRequest, found)
    service = OpenInference(services.lane, services.settings.batch)
    raw = body[length:]
    if len(body) <= SHORT_JSON:
        tensors = service.read(model, asked, raw)
    else:
        tensors = await run_in_threadpool(service.read, model, asked, raw)
    outputs = await while_connected(request, service.infer(model, tensors, asked))
    return _answer(model, asked.id, outputs)


async def _read(request: Request, limits: Settings) -> bytes:
    """The body, unpacked; ``BodyLimit`` bounds what is sent, and this what it unpacks to."""
    body = await request.body()
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise UnsupportedMedia(
            "The Content-Encoding is gzip, deflate or none.",
            pointer="content-encoding",
            value=encoding,
            headers={"Accept-Encoding": "gzip, deflate"},
        )
    return await run_in_threadpool(_unpacked, body, encoding, limits.body_bytes)


def _unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    window = zlib.MAX_WBITS + 16 if encoding == "gzip" else zlib.MAX_WBITS
    unpacker = zlib.decompressobj(window)
    try:
        unpacked = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise MalformedBody(f"The body is not {encoding}.") from error
    if len(unpacked) > limit:
        raise TooLarge(
            f"The body unpacks to more than the {limit} bytes that are allowed.", limit=limit
        )
    if not unpacker.eof or unpacker.unused_data:
        raise MalformedBody(f"The body is not whole, or more than one {encoding} stream.")
    return unpacked


def _header_length(request: Request, size: int) -> int:
    """The bytes of JSON that a body begins with: all of it, unless a header says so."""
    given = request.headers.get(HEADER_LENGTH)
    if given is None:
        return size
    if not (given.isascii() and given.isdigit() and len(given) <= 12 and int(given) <= size):
        raise InvalidInput(
            f"{HEADER_LENGTH} is a number of bytes, of which the body has {size}.",
            pointer=HEADER_LENGTH.lower(),
            value=given,
        )
    return int(given)


def _answer(model: Model, id: str | None, outputs: Sequence[Output]) -> Response:
    members: dict[str, Any] = {"model_name": model.name, "model_version": model.version}
    if id is not None:
        members["id"] = id
    described: list[dict[str, Any]] = []
    raw: list[bytes] = []
    for output in outputs:
        tensor: dict[str, Any] = {
            "name": output.name,
            "datatype": output.datatype,
            "shape": list(output.values.shape),
        }
        if output.binary:
            raw.append(as_bytes(output.values, output.datatype))
            tensor["parameters"] = {"binary_data_size": len(raw[-1])}
        else:
            flat = output.values.ravel()
            tensor["data"] = flat.tolist() if output.datatype == "BYTES" else flat
        described.append(tensor)
    header = orjson.dumps(members | {"outputs": described}, option=orjson.OPT_SERIALIZE_NUMPY)
    if not raw:
        return Response(header, media_type="application/json")
    return Response(
        b"".join([header, *raw]), headers={HEADER_LENGTH: str(len(header))}, media_type=BINARY
    )
