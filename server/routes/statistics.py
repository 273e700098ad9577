"""Layers of kept inspections in numbers: statistics, contributions, histograms."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool

from server.dependencies import KeptInspectionById, RunningServices
from server.routes.parameters import LayerName, between
from server.routes.responses import UNCHANGED, Immutable, problems
from server.schemas.statistics import Histogram, LayerContributions, LayerStatistics
from server.services.statistics import (
    BINS,
    describe_histogram,
    describe_statistics,
    find_contributions,
    values_of,
)

router = APIRouter(prefix="/inspections/{id}/layers/{layer}", tags=["inspections"])

Bins = Annotated[
    int, Query(description=f"How many bins, at most {BINS}.", json_schema_extra=between(1, BINS))
]


@router.get(
    "/statistics",
    response_model=LayerStatistics,
    dependencies=[Immutable],
    responses=UNCHANGED | problems(404, 410, 422),
)
async def get_statistics(
    kept: KeptInspectionById,
    layer: LayerName,
    low: Annotated[float | None, Query(description="Count the values below this.")] = None,
    high: Annotated[float | None, Query(description="Count the values above this.")] = None,
) -> LayerStatistics:
    """Extremes, mean, share of zeros of every channel of a layer, and which are dead.

    Of the exact values, on this input.
    """
    return await run_in_threadpool(describe_statistics, kept.layer(layer), low, high)


@router.get(
    "/contributions",
    response_model=LayerContributions,
    dependencies=[Immutable],
    responses=UNCHANGED | problems(404, 410, 422, 503, 504),
)
async def get_contributions(
    kept: KeptInspectionById,
    services: RunningServices,
    layer: LayerName,
    label: Annotated[
        str | None,
        Query(
            description="To the logit of which category; the likeliest if left out.", max_length=500
        ),
    ] = None,
) -> LayerContributions:
    """What every channel of a layer contributes to the logit of a category.

    Gradient times value, summed over the channel; the model runs once more, with gradients.
    """
    return await find_contributions(services.lane, kept, layer, label)


@router.get(
    "/histogram",
    response_model=Histogram,
    dependencies=[Immutable],
    responses=UNCHANGED | problems(404, 410, 422),
)
async def get_histogram(
    kept: KeptInspectionById,
    layer: LayerName,
    channel: Annotated[
        int | None, Query(description="Of one channel, from 0; of all of them if left out.")
    ] = None,
    bins: Bins = 48,
) -> Histogram:
    """How the exact values of a layer, or of one channel of it, spread."""
    values = values_of(kept.layer(layer), channel)
    return await run_in_threadpool(describe_histogram, values, bins)
