"""The models: a list, and each in full."""

from __future__ import annotations

from fastapi import APIRouter

from server.dependencies import NamedModel, RunningServices
from server.routes.responses import problems
from server.schemas.models import ModelDetails, ModelList, ModelSummary
from server.services.catalog import Model
from server.services.layers import describe_layer

router = APIRouter(prefix="/models", tags=["models"])


@router.get("", response_model=ModelList, responses=problems())
async def list_models(services: RunningServices) -> ModelList:
    """The models that can answer, the default one first."""
    return ModelList(models=[_summary(model) for model in services.catalog])


@router.get("/{name}", response_model=ModelDetails, responses=problems(404))
async def get_model(model: NamedModel) -> ModelDetails:
    """A model's card, categories and layers."""
    return ModelDetails(
        **_summary(model).model_dump(exclude={"categories"}),
        categories=list(model.categories),
        card=model.card,
        layers=[describe_layer(node) for node in model.layers],
    )


def _summary(model: Model) -> ModelSummary:
    return ModelSummary(
        name=model.name,
        title=model.title,
        version=model.version,
        parameters=model.parameters,
        multiply_accumulates=model.multiply_accumulates,
        input_shape=list(model.input_shape),
        categories=len(model.categories),
    )
