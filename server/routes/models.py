"""The models: a list, each in full, and the receptive fields of its units."""

from __future__ import annotations

import math
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from server.dependencies import NamedModel, RunningServices
from server.errors import NotFound
from server.routes.responses import UNCHANGED, OfModel, of_version, problems
from server.schemas.models import (
    AnsweringForm,
    FormFigures,
    ModelDetails,
    ModelList,
    ModelSummary,
    UnknownLimits,
)
from server.schemas.receptive_fields import ReceptiveField
from server.services.catalog import Model
from server.services.receptive_fields import Unit, check_unit, find_field

router = APIRouter(prefix="/models", tags=["models"])

JSON = "application/json"


@router.get("", response_model=ModelList, responses=problems())
async def list_models(services: RunningServices) -> ModelList:
    """The models that can answer, the default one first."""
    return ModelList(models=[_summary(model) for model in services.catalog])


@router.get(
    "/{name}",
    response_model=ModelDetails,
    dependencies=[OfModel],
    responses=UNCHANGED | problems(404, 503, 504),
)
async def get_model(model: NamedModel) -> ModelDetails:
    """A model's card, categories and graph: every operation with its shape, costs and field."""
    return ModelDetails(
        **_summary(model).model_dump(exclude={"categories"}),
        categories=list(model.categories),
        unknown=_unknown(model),
        card=model.card,
        form=_form(model),
        nodes=list(model.nodes),
    )


@router.get(
    "/{name}/receptive-field",
    response_model=ReceptiveField,
    responses=UNCHANGED | problems(404, 422, 503, 504),
)
async def get_receptive_field(
    request: Request,
    model: NamedModel,
    layer: Annotated[str, Query(description="Name of a node or path of a module.", max_length=500)],
    y: Annotated[
        int | None, Query(description="Row of the unit, from 0; none where the layer has no rows.")
    ] = None,
    x: Annotated[
        int | None, Query(description="Column of the unit, from 0; none where there are none.")
    ] = None,
    channel: Annotated[
        int | None, Query(description="Channel of the unit, from 0; all of them if left out.")
    ] = None,
    call: Annotated[int, Query(description="Which call of the module, from 0.")] = 0,
    pointwise_normalisation: Annotated[
        bool,
        Query(
            description="Whether the statistics of group, layer, instance and batch normalisation "
            "count as constants, which gives the field of the convolutions alone."
        ),
    ] = False,
    version: Annotated[
        str | None,
        Query(
            description="The model's version: with it the answer never changes and may be kept "
            "for ever; without it, the entity tag tells whether it has.",
            max_length=500,
        ),
    ] = None,
) -> Response:
    """Which pixels of the image can change a unit, found by walking back from it.

    The answer holds for all weights: it depends on the model's operations alone. Layers that give
    one value a channel, such as logits, have neither `y` nor `x`.
    """
    if version is not None and version != model.version:
        raise NotFound(
            f"{model.name} has version {model.version} here.", pointer="version", value=version
        )
    unit = Unit(layer, y, x, channel, call, pointwise_normalisation)
    check_unit(model, unit)
    return await of_version(
        request,
        JSON,
        lambda: find_field(model, unit).model_dump_json().encode(),
        model.version,
        named=version is not None,
    )


def _unknown(model: Model) -> UnknownLimits | None:
    rule = model.unknown
    if rule is None:
        return None
    return UnknownLimits(
        least_probability=rule.least_probability,
        weights=[float(f"{each:.7g}") for each in rule.weights],
        least_sum=rule.least_sum,
        kept=rule.kept,
        drawings=rule.drawings,
    )


def _form(model: Model) -> AnsweringForm:
    choice = model.choice
    tried = [
        FormFigures(
            form=each.form,
            milliseconds={size: seconds * 1e3 for size, seconds in each.seconds.items()},
            difference=each.difference if math.isfinite(each.difference) else None,
            refusal=each.refusal,
        )
        for each in choice.figures
    ]
    return AnsweringForm(name=choice.form, reason=choice.reason, tried=tried)


def _summary(model: Model) -> ModelSummary:
    return ModelSummary(
        name=model.name,
        title=model.title,
        description=model.description,
        version=model.version,
        parameters=model.parameters,
        multiply_accumulates=model.multiply_accumulates,
        input=model.kind,
        input_shape=list(model.input_shape),
        examples=len(model.examples),
        silence=model.silence,
        categories=len(model.categories),
    )
