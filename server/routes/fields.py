"""Where a value comes from and where it goes: columns of boxes, gradients, windows that slide."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from server.dependencies import KeptInspectionById, NamedModel, RunningServices, Services
from server.errors import NotFound, Problem
from server.problems import problem_body
from server.routes.parameters import Index, LayerName, between
from server.routes.responses import UNCHANGED, Immutable, immutable, of_version, problems
from server.schemas.fields import EffectiveField, FieldColumn, ProjectiveField
from server.schemas.sliding_windows import SlidingWindow
from server.services.effective_fields import INPUTS, Over, as_line
from server.services.field_columns import find_column
from server.services.input_tensors import encode_inputs
from server.services.inspections import KeptInspection
from server.services.projective_fields import Source, check_source, find_projective_field
from server.services.sliding_windows import find_window

router = APIRouter()

LINES = "application/x-ndjson"
JSON = "application/json"
NPZ = "application/x-npz"


@router.get(
    "/inspections/{id}/layers/{layer}/units/{channel}/{y}/{x}/column",
    response_model=FieldColumn,
    dependencies=[Immutable],
    responses=UNCHANGED | problems(404, 410, 422, 503, 504),
    tags=["inspections"],
)
async def get_column(
    kept: KeptInspectionById,
    services: RunningServices,
    layer: LayerName,
    channel: Index,
    y: Index,
    x: Index,
) -> FieldColumn:
    """The cells of every layer on the way, and of the input, that can change one value.

    With the channel of each layer that has the largest value there, to draw the box on.
    """
    await _with_graph(services, kept)
    return await run_in_threadpool(find_column, kept, layer, (channel, y, x))


@router.get(
    "/inspections/{id}/layers/{layer}/units/{channel}/{y}/{x}/effective-field",
    response_class=StreamingResponse,
    responses={
        200: {
            "model": EffectiveField,
            "description": "A line of JSON after each batch.",
            "content": {LINES: {}},
        },
        **problems(404, 410, 422, 503, 504),
    },
    tags=["inspections"],
)
async def get_effective_field(
    request: Request,
    kept: KeptInspectionById,
    services: RunningServices,
    layer: LayerName,
    channel: Index,
    y: Index,
    x: Index,
    over: Annotated[
        Over,
        Query(
            description="What to average over: input, that of the inspection alone; noise, images "
            "of independent random pixels, the same every time; examples, those that come with "
            "the model."
        ),
    ] = "input",
    inputs: Annotated[
        int,
        Query(
            description=f"How many random images, at most {INPUTS}.",
            json_schema_extra=between(1, INPUTS),
        ),
    ] = 64,
) -> Response:
    """How much each pixel changes one value: absolute gradients, averaged over inputs.

    Luo et al., "Understanding the Effective Receptive Field in Deep Convolutional Neural Networks",
    2016. The answer comes in lines while it is computed, for a minute at most; who has enough goes.
    """
    await _with_graph(services, kept)
    updates = services.effective_fields.measure(kept, layer, (channel, y, x), over, inputs)
    first = await anext(updates)  # what can go wrong goes wrong here, with a status of its own

    async def lines() -> AsyncIterator[bytes]:
        yield as_line(first)
        try:
            async for update in updates:
                yield as_line(update)
        except Problem as problem:
            yield problem_body(problem, request.url.path) + b"\n"
        finally:
            await updates.aclose()

    return StreamingResponse(lines(), media_type=LINES, headers={"Cache-Control": "no-store"})


@router.get(
    "/inspections/{id}/layers/{layer}/channels/{channel}/window",
    response_model=SlidingWindow,
    dependencies=[Immutable],
    responses=UNCHANGED | problems(404, 410, 422, 503, 504),
    tags=["inspections"],
)
async def get_window(
    kept: KeptInspectionById,
    services: RunningServices,
    layer: LayerName,
    channel: Index,
    input_channel: Annotated[
        int | None,
        Query(
            description="The channel to look at of what the layer reads; the first that it reads "
            "if left out."
        ),
    ] = None,
) -> SlidingWindow:
    """The window of a convolution or pooling as it slides over one input channel.

    Everything to go through the cells of an output channel one by one: the map that is read, where
    the window lies for each cell, the kernel, and what the other channels add.
    """
    return await find_window(services.lane, kept, layer, channel, input_channel)


@router.get(
    "/inspections/{id}/input.npz",
    response_class=Response,
    responses={
        200: {
            "description": "NumPy arrays, under the names of the inputs.",
            "content": {NPZ: {"schema": {"type": "string", "format": "binary"}}},
        },
        **UNCHANGED,
        **problems(410, 422, 503, 504),
    },
    tags=["inspections"],
)
async def get_input(
    request: Request, services: RunningServices, kept: KeptInspectionById
) -> Response:
    """The very tensors that the model was given, batch first, as NumPy's .npz."""
    await _with_graph(services, kept)
    return await immutable(request, NPZ, lambda: encode_inputs(kept), filename="input.npz")


@router.get(
    "/models/{name}/projective-field",
    response_model=ProjectiveField,
    responses=UNCHANGED | problems(404, 422, 503, 504),
    tags=["models"],
)
async def get_projective_field(
    request: Request,
    model: NamedModel,
    source: Annotated[
        str | None,
        Query(description="Name of a layer; the image if left out.", max_length=500),
    ] = None,
    channel: Annotated[
        int | None, Query(description="Channel of the place, from 0; all of them if left out.")
    ] = None,
    y: Annotated[
        int | None, Query(description="Row of the place, from 0; none where there are no rows.")
    ] = None,
    x: Annotated[
        int | None,
        Query(description="Column of the place, from 0; none where there are no columns."),
    ] = None,
    version: Annotated[
        str | None,
        Query(
            description="The model's version: with it the answer may be kept for ever.",
            max_length=500,
        ),
    ] = None,
) -> Response:
    """What a pixel of the image, or a cell of a layer, can change in every layer after it.

    The receptive field seen from the other end. The answer holds for all weights.
    """
    if version is not None and version != model.version:
        raise NotFound(
            f"{model.name} has version {model.version} here.", pointer="version", value=version
        )
    place = Source(source, channel, y, x)
    check_source(model, place)
    return await of_version(
        request,
        JSON,
        lambda: find_projective_field(model, place).model_dump_json().encode(),
        model.version,
        named=version is not None,
    )


async def _with_graph(services: Services, kept: KeptInspection) -> None:
    """Make the graph of an inspection's model, which runs it, if nobody has needed it yet."""
    if "graph" not in vars(kept.model):
        await services.lane.alone(lambda: kept.model.graph, kept.model)
