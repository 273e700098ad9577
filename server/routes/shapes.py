"""The shape lab: shapes of described layers, by arithmetic; nothing runs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool

from server.dependencies import NamedModel, RunningServices
from server.errors import UnsupportedMedia
from server.routes.bodies import (
    Schema,
    check_encoding,
    is_json,
    media_type,
    read_json,
    validated,
)
from server.routes.responses import UNCHANGED, OfModel, problems
from server.schemas.kernels import (
    DrawingImage,
    DrawingImageRequest,
    Kernels,
    KernelSources,
)
from server.schemas.predictions import HOUSE
from server.schemas.shapes import (
    BROKEN,
    STEM,
    LayerKinds,
    ModelStack,
    SettingsAnswer,
    SettingsRequest,
    ShapesAnswer,
    ShapesRequest,
    SourceAnswer,
    SourceRequest,
)
from server.services.drawings import rasterise, read_drawing
from server.services.kernels import first_kernels, list_kernels
from server.services.model_stacks import stack_of
from server.services.shapes import describe_kinds, describe_settings, describe_shapes
from server.services.shapes_source import parse_source
from server.settings import Settings

router = APIRouter(prefix="/shapes", tags=["shapes"])


def _json_body(schema: type[Schema], **examples: tuple[str, Any]) -> dict[str, Any]:
    """The documentation of a JSON body with named examples: a summary and a value each."""
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": f"#/components/schemas/{schema.__name__}"},
                    "examples": {
                        name: {"summary": summary, "value": value}
                        for name, (summary, value) in examples.items()
                    },
                }
            },
        }
    }


@router.post(
    "",
    response_model=ShapesAnswer,
    responses=problems(400, 413, 415, 422),
    openapi_extra=_json_body(
        ShapesRequest,
        stem=("The beginning of a ResNet", STEM),
        broken=("A stack that does not fit, with repairs", BROKEN),
    ),
)
async def compute_shapes(request: Request, services: RunningServices) -> ShapesAnswer:
    """What layers in a row make of an input's shape, with every step of the arithmetic.

    Types and parameters are those of `torch.nn`. A layer that PyTorch would refuse has no shape,
    and a problem that names the parameter and lists the smallest changes that repair it.
    """
    asked = await _read(request, services.settings, ShapesRequest)
    return await run_in_threadpool(describe_shapes, asked)


@router.post(
    "/settings",
    response_model=SettingsAnswer,
    responses=problems(400, 413, 415, 422),
    openapi_extra=_json_body(
        SettingsRequest,
        halved=("Half of 32", {"type": "Conv2d", "input_size": 32, "output_size": 16}),
    ),
)
async def find_settings(request: Request, services: RunningServices) -> SettingsAnswer:
    """All small settings of a layer that make one size of an axis of another, usual ones first."""
    asked = await _read(request, services.settings, SettingsRequest)
    return await run_in_threadpool(describe_settings, asked)


@router.post(
    "/source",
    response_model=SourceAnswer,
    responses=problems(400, 413, 415, 422),
    openapi_extra=_json_body(
        SourceRequest,
        line=("One layer", {"source": "nn.Conv2d(3, 64, 7, stride=2, padding=3)"}),
        stack=(
            "A stack",
            {"source": "nn.Sequential(nn.Flatten(), nn.Linear(784, 100), nn.ReLU())"},
        ),
    ),
)
async def read_source(request: Request, services: RunningServices) -> SourceAnswer:
    """The layers that lines of PyTorch make, each parameter under its name.

    The text is parsed and never executed, so values must stand in it: numbers, texts, lists, simple
    arithmetic, and names that are assigned such values before.
    """
    asked = await _read(request, services.settings, SourceRequest)
    found = await run_in_threadpool(parse_source, asked.source)
    return SourceAnswer.model_validate({"layers": found.layers, "left_out": found.left_out})


@router.get(
    "/models/{name}",
    response_model=ModelStack,
    dependencies=[OfModel],
    responses=UNCHANGED | problems(404, 503, 504),
)
async def get_model_stack(model: NamedModel) -> ModelStack:
    """The stack in a network: its longest path, each layer checked against the network's shapes.

    What a stack cannot hold, such as branches and functions that no layer does, is left out, and
    said to be.
    """
    shape = model.graph.input_views[0].shape
    found = await run_in_threadpool(stack_of, model.nodes, shape)
    return ModelStack.model_validate(
        {
            "input_shape": found.input_shape,
            "layers": [{"type": kind, **values} for kind, values in found.layers],
            "nodes": found.nodes,
            "left_out": found.left_out,
        }
    )


@router.get("/layers", response_model=LayerKinds, responses=problems())
async def list_layer_kinds() -> LayerKinds:
    """Every kind of layer whose shapes can be computed, with the parameters that it takes."""
    return describe_kinds()


@router.post(
    "/image",
    response_model=DrawingImage,
    responses=problems(400, 413, 415, 422),
    openapi_extra=_json_body(DrawingImageRequest, house=("A house", {"drawing": HOUSE})),
)
async def render_drawing(request: Request, services: RunningServices) -> DrawingImage:
    """A drawing as an image of 28 by 28, as the networks see it, to compute with."""
    asked = await _read(request, services.settings, DrawingImageRequest)
    drawing = read_drawing(asked.drawing, "/drawing", services.settings)
    rendered = await run_in_threadpool(rasterise, drawing)
    return DrawingImage(image=rendered.pixels.tolist())


@router.get("/kernels", response_model=KernelSources, responses=problems())
async def list_kernel_sources(services: RunningServices) -> KernelSources:
    """The networks that begin with a convolution, and its settings."""
    return list_kernels(services.catalog)


@router.get("/kernels/{name}", response_model=Kernels, responses=problems(404))
async def get_kernels(
    name: Annotated[str, Path(description="Name of a model.")], services: RunningServices
) -> Kernels:
    """The trained kernels of a network's first convolution."""
    return first_kernels(services.catalog.get(name))


async def _read(request: Request, limits: Settings, schema: type[Schema]) -> Schema:
    check_encoding(request)
    if not is_json(request):
        found = media_type(request)
        raise UnsupportedMedia(
            f"Send application/json, not {found or 'a body without Content-Type'}.",
            pointer="content-type",
            value=found,
            headers={"Accept": "application/json"},
        )
    return validated(schema, await read_json(request, limits))
