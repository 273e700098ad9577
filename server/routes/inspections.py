"""Forward passes kept for looking into: manifest, feature maps, exact values."""

from __future__ import annotations

import functools
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from server.dependencies import KeptInspectionById, RunningServices, while_connected
from server.routes.documentation import drawing_or_image
from server.routes.parameters import Index, LayerName, between
from server.routes.questions import read_question
from server.routes.responses import UNCHANGED, Immutable, immutable, problems
from server.schemas.arithmetic import Arithmetic
from server.schemas.inspections import Channel, InputPixel, Inspection, Unit
from server.services.arithmetic import TERMS, check_limit, explain
from server.services.inference import check_top_k
from server.services.layers import describe_inspection, inspection_url
from server.services.units import describe_channel, describe_input_pixel, describe_unit

router = APIRouter(prefix="/inspections", tags=["inspections"])

Sort = Literal["contribution", "order"]
BINARY = "application/octet-stream"


def _binary(media_type: str, description: str) -> dict[int | str, dict[str, object]]:
    schema = {"schema": {"type": "string", "format": "binary"}}
    return {200: {"description": description, "content": {media_type: schema}}}


@router.post(
    "",
    response_model=Inspection,
    response_model_exclude_unset=True,
    status_code=201,
    responses={
        200: {"model": Inspection, "description": "It was kept already."},
        **problems(400, 413, 415, 422, 503, 504, 507),
    },
    openapi_extra=drawing_or_image(lists=False),
)
async def create_inspection(
    request: Request, response: Response, services: RunningServices
) -> Inspection:
    """Run a model on a drawing or an image, and keep what every layer gave.

    The same input gives the same id: 201 when the pass was made, 200 when it was kept already.
    """
    question = await read_question(request, services)
    kept, made = await while_connected(
        request, services.inspections.create(question.model, question.input)
    )
    response.status_code = 201 if made else 200
    response.headers["Location"] = inspection_url(kept.id)
    return describe_inspection(kept, question.top_k)


@router.get(
    "/{id}",
    response_model=Inspection,
    response_model_exclude_unset=True,
    dependencies=[Immutable],
    responses=UNCHANGED | problems(410, 422),
)
async def get_inspection(
    kept: KeptInspectionById,
    services: RunningServices,
    top_k: Annotated[
        int, Query(description="How many guesses to give.", json_schema_extra=between(1))
    ] = 5,
) -> Inspection:
    """The manifest of an inspection."""
    check_top_k(kept.model, top_k, services.settings.top_k, "top_k")
    return describe_inspection(kept, top_k)


@router.get(
    "/{id}/input.png",
    response_class=Response,
    responses={**_binary("image/png", "A picture."), **UNCHANGED, **problems(404, 410, 422)},
)
async def get_input_picture(request: Request, kept: KeptInspectionById) -> Response:
    """The input as a picture, pixel for pixel: grey, of a doodle ink white on black, or RGB.

    It is what the network received before it was normalised, rounded to bytes; exact values are in
    `input.npz`.
    """
    return await immutable(request, "image/png", kept.input_png, filename="input.png")


@router.get(
    "/{id}/input/pixels/{y}/{x}",
    response_model=InputPixel,
    dependencies=[Immutable],
    responses=UNCHANGED | problems(404, 410, 422),
)
async def get_input_pixel(kept: KeptInspectionById, y: Index, x: Index) -> InputPixel:
    """One pixel of an input that is a picture: the exact value of each of its channels."""
    return describe_input_pixel(kept, y, x)


@router.get(
    "/{id}/atlas",
    response_class=Response,
    responses={**_binary(BINARY, "A binary atlas."), **UNCHANGED, **problems(404, 410, 422)},
)
async def get_atlas(
    request: Request,
    kept: KeptInspectionById,
    layer: Annotated[
        list[str] | None, Query(description="Names of layers; all of them if left out.")
    ] = None,
) -> Response:
    """The feature maps of several layers as one binary atlas, uint8.

    Little endian: `DSA1`; uint32 length of the header; the header, JSON padded with spaces; the
    body, one byte a value. A value is `channel_minimum + q / 255 * (channel_maximum -
    channel_minimum)`.
    """
    names = layer or []
    for name in names:
        kept.layer(name)
    return await immutable(request, BINARY, functools.partial(kept.atlas, names))


@router.get(
    "/{id}/layers/{layer}.png",
    response_class=Response,
    responses={**_binary("image/png", "A picture."), **UNCHANGED, **problems(404, 410, 422)},
)
async def get_picture(request: Request, kept: KeptInspectionById, layer: LayerName) -> Response:
    """All channels of a layer as one picture: grey, or blue and red around zero if signed."""
    kept.layer(layer)
    make = functools.partial(kept.png, layer)
    return await immutable(request, "image/png", make, filename=f"{layer}.png")


@router.get(
    "/{id}/layers/{layer}.npz",
    response_class=Response,
    responses={
        **_binary("application/x-npz", "NumPy arrays: activation, layer, model."),
        **UNCHANGED,
        **problems(404, 410, 422),
    },
)
async def get_arrays(request: Request, kept: KeptInspectionById, layer: LayerName) -> Response:
    """The exact output of a layer, batch first, as NumPy's .npz under `activation`."""
    kept.layer(layer)
    make = functools.partial(kept.npz, layer)
    return await immutable(request, "application/x-npz", make, filename=f"{layer}.npz")


@router.get(
    "/{id}/layers/{layer}",
    response_class=Response,
    responses={**_binary(BINARY, "A binary atlas."), **UNCHANGED, **problems(404, 410, 422)},
)
async def get_layer(request: Request, kept: KeptInspectionById, layer: LayerName) -> Response:
    """The feature maps of one layer as a binary atlas, in the same form as of several."""
    kept.layer(layer)
    return await immutable(request, BINARY, functools.partial(kept.atlas, [layer]))


@router.get(
    "/{id}/layers/{layer}/channels/{channel}",
    response_model=Channel,
    dependencies=[Immutable],
    responses=UNCHANGED | problems(404, 410, 422),
)
async def get_channel(kept: KeptInspectionById, layer: LayerName, channel: Index) -> Channel:
    """One feature map in full, with exact values."""
    return describe_channel(kept.layer(layer), channel)


@router.get(
    "/{id}/layers/{layer}/units/{channel}/{y}/{x}",
    response_model=Unit,
    dependencies=[Immutable],
    responses=UNCHANGED | problems(404, 410, 422),
)
async def get_unit(
    kept: KeptInspectionById,
    layer: LayerName,
    channel: Index,
    y: Index,
    x: Index,
) -> Unit:
    """One value of one feature map, exactly."""
    return describe_unit(kept.layer(layer), channel, y, x)


@router.get(
    "/{id}/layers/{layer}/units/{channel}/{y}/{x}/arithmetic",
    response_model=Arithmetic,
    dependencies=[Immutable],
    responses=UNCHANGED | problems(404, 410, 422, 503, 504),
)
async def get_arithmetic(
    request: Request,
    kept: KeptInspectionById,
    services: RunningServices,
    layer: LayerName,
    channel: Index,
    y: Index,
    x: Index,
    limit: Annotated[
        int | None,
        Query(
            description="How many terms (channels, features, cells, ...) to list, at most "
            f"{TERMS}; the others are counted and summed. Left out: as usual for the kind.",
            json_schema_extra=between(1, TERMS),
        ),
    ] = None,
    sort: Annotated[
        Sort,
        Query(description="The greatest absolute contributions first, or in order."),
    ] = "contribution",
) -> Arithmetic:
    """The arithmetic that made one value, recomputed in float64 from what the layer read.

    `kind` says what `terms` are: the patches and kernels of a convolution, the window of a pooling,
    every logit of a softmax, ...
    """
    check_limit(limit)
    if "graph" not in vars(kept.model):
        await services.lane.alone(lambda: kept.model.graph, kept.model)  # it runs the model
    # Where the snippet finds large tensors: this server, by the name that it was asked by.
    server = str(request.base_url).rstrip("/")
    return await explain(services.lane, kept, layer, (channel, y, x), limit, sort, server)
