"""Two inspections, or two models, beside each other."""

from __future__ import annotations

import functools
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from server.dependencies import KeptInspectionById, NamedModel, RunningServices, described_model
from server.routes.parameters import LayerName
from server.routes.responses import UNCHANGED, Immutable, immutable, problems
from server.schemas.differences import Difference, ModelMatches
from server.services.differences import check_same_shape, describe_difference, difference_atlas
from server.services.inspections import ID_PATTERN, check_id
from server.services.matching import match_layers

router = APIRouter()

Other = Annotated[
    str,
    Query(
        description="Id of the inspection that this one is subtracted from.",
        json_schema_extra={"pattern": ID_PATTERN},
    ),
]
BINARY = "application/octet-stream"


@router.get(
    "/models/{name}/matches/{other_model}",
    response_model=ModelMatches,
    responses=problems(404, 503, 504),
    tags=["models"],
)
async def get_matches(
    model: NamedModel,
    services: RunningServices,
    other_model: Annotated[str, Path(description="Name of the model to hold beside it.")],
) -> ModelMatches:
    """Which layer of another model stands at the place of each layer of this one.

    By name, kind and shape where all three are the same; else by fewer of them, the nearest in
    relative depth.
    """
    other = await described_model(services, other_model)
    return ModelMatches(
        model=model.name,
        other_model=other.name,
        matches=match_layers(model.nodes, other.nodes),
    )


@router.get(
    "/inspections/{id}/difference",
    response_model=Difference,
    dependencies=[Immutable],
    responses=UNCHANGED | problems(404, 410, 422),
    tags=["inspections"],
)
async def get_difference(
    kept: KeptInspectionById,
    services: RunningServices,
    other: Other,
    layer: Annotated[
        str | None, Query(description="Name of one layer to compare; all of them if left out.")
    ] = None,
    other_layer: Annotated[
        str | None,
        Query(description="Name of the other's layer to hold beside it; left out: the same name."),
    ] = None,
) -> Difference:
    """How far another inspection is from this one at each layer, from the exact values.

    The other may be of another input, of another model, or of both. Layers of two models are
    matched as `/models/{name}/matches/{other_model}` says, unless one pair is asked for.
    """
    check_id(other)
    counterpart = services.inspections.get(other)
    pair = None if layer is None else (layer, other_layer or layer)
    return await run_in_threadpool(describe_difference, kept, counterpart, pair)


@router.get(
    "/inspections/{id}/layers/{layer}/difference",
    response_class=Response,
    responses={
        200: {
            "description": "A binary atlas.",
            "content": {BINARY: {"schema": {"type": "string", "format": "binary"}}},
        },
        **UNCHANGED,
        **problems(404, 410, 422),
    },
    tags=["inspections"],
)
async def get_difference_maps(
    request: Request,
    kept: KeptInspectionById,
    services: RunningServices,
    layer: LayerName,
    other: Other,
    other_layer: Annotated[
        str | None,
        Query(description="Name of the other's layer, of the same shape; left out: the same name."),
    ] = None,
) -> Response:
    """The other inspection's feature maps minus this one's, in float32, as a binary atlas.

    The range of each channel in the header is exact: the values are quantised after subtraction.
    """
    check_id(other)
    one = kept.layer(layer)
    counterpart = services.inspections.get(other).layer(other_layer or layer)
    check_same_shape(one, counterpart)
    make = functools.partial(difference_atlas, kept.id, one, counterpart)
    return await immutable(request, BINARY, make)
