"""The parameters of a model's layers: what there is, pictures, exact arrays, histograms."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from server.dependencies import NamedModel, RunningServices
from server.errors import InvalidInput
from server.routes.responses import (
    IMMUTABLE,
    REVALIDATED,
    UNCHANGED,
    inline,
    keep,
    problems,
)
from server.routes.statistics import Bins
from server.schemas.statistics import Histogram
from server.schemas.weights import LayerParameters
from server.services.catalog import Model
from server.services.statistics import describe_histogram
from server.services.weights import (
    PICTURES,
    check_version,
    describe_parameters,
    encode_arrays,
    encode_pictures,
    parameter_values,
)

router = APIRouter(prefix="/models/{name}/layers/{layer}", tags=["models"])

BINARY = "application/octet-stream"
NPZ = "application/x-npz"

LayerName = Annotated[str, Path(description="Name of a layer: of a node of the model's graph.")]
ParameterName = Annotated[
    str | None,
    Query(
        description="Name of a parameter, in full or its last part; the layer's first if left out.",
        max_length=500,
    ),
]
Version = Annotated[
    str | None,
    Query(
        description="The model's version: with it the answer may be kept for ever.", max_length=500
    ),
]


def _file(media_type: str, description: str) -> dict[int | str, dict[str, object]]:
    schema = {"schema": {"type": "string", "format": "binary"}}
    return {200: {"description": description, "content": {media_type: schema}}}


def _keep(request: Request, response: Response, model: Model, version: str | None) -> None:
    """Say how long the answer may be kept; raises NotFound for another version."""
    check_version(model, version)
    keep(request, response, model.version, REVALIDATED if version is None else IMMUTABLE)


@router.get(
    "/parameters",
    response_model=LayerParameters,
    responses=UNCHANGED | problems(404, 422, 503, 504),
)
async def get_parameters(
    request: Request,
    model: NamedModel,
    services: RunningServices,
    layer: LayerName,
    response: Response,
    version: Version = None,
) -> LayerParameters:
    """Every parameter and buffer that a layer reads, and who else reads it."""
    _keep(request, response, model, version)
    return await describe_parameters(services.lane, model, layer)


@router.get(
    "/weights",
    response_class=Response,
    responses={**_file(BINARY, "A binary atlas."), **UNCHANGED, **problems(404, 422, 503, 504)},
)
async def get_weights(
    request: Request,
    response: Response,
    model: NamedModel,
    services: RunningServices,
    layer: LayerName,
    parameter: ParameterName = None,
    inputs: Annotated[
        str,
        Query(
            description="Number of an input channel; `mean` or `norm` over all of them; `rgb` "
            "where there are three; `all`: one picture for each of them.",
            max_length=16,
        ),
    ] = "0",
    outputs: Annotated[
        str | None,
        Query(
            description="Which outputs, such as `3,0,17`; the first ones if left out. "
            f"At most {PICTURES} pictures are sent at once.",
            max_length=8 * PICTURES,
        ),
    ] = None,
    version: Version = None,
) -> Response:
    """Pictures of a layer's weights as a binary atlas, in the same form as of feature maps.

    One picture for each output: the kernels of a convolution, the rows of a linear layer laid out
    as the map that it reads, or as one row of numbers. The header says which outputs they are of.
    """
    _keep(request, response, model, version)
    body = await encode_pictures(services.lane, model, layer, parameter, inputs, _numbers(outputs))
    return Response(body, headers=response.headers, media_type=BINARY)


@router.get(
    "/weights.npz",
    response_class=Response,
    responses={
        **_file(NPZ, "NumPy arrays, under the parameters' names."),
        **UNCHANGED,
        **problems(404, 422, 503, 504),
    },
)
async def get_weight_arrays(
    request: Request,
    response: Response,
    model: NamedModel,
    services: RunningServices,
    layer: LayerName,
    version: Version = None,
) -> Response:
    """The exact parameters of a layer as NumPy's .npz, under their names in the model."""
    _keep(request, response, model, version)
    response.headers["Content-Disposition"] = inline(f"{layer}-weights.npz")
    body = await encode_arrays(services.lane, model, layer)
    return Response(body, headers=response.headers, media_type=NPZ)


@router.get(
    "/histogram",
    response_model=Histogram,
    responses=UNCHANGED | problems(404, 422, 503, 504),
)
async def get_weight_histogram(
    request: Request,
    model: NamedModel,
    services: RunningServices,
    layer: LayerName,
    response: Response,
    parameter: ParameterName = None,
    bins: Bins = 48,
    version: Version = None,
) -> Histogram:
    """How the exact values of a parameter spread."""
    _keep(request, response, model, version)
    values = await parameter_values(services.lane, model, layer, parameter)
    return await run_in_threadpool(describe_histogram, values, bins)


def _numbers(text: str | None) -> list[int] | None:
    """A list such as 3,0,17; raises InvalidInput."""
    if text is None:
        return None
    parts = text.split(",")
    if not all(part.isdecimal() and len(part) < 10 for part in parts):
        raise InvalidInput(
            "outputs is a list of numbers such as 3,0,17.", pointer="outputs", value=text
        )
    return [int(part) for part in parts]
