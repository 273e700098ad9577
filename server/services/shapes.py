"""The shape lab: what described layers make of a shape, and the settings between two sizes."""

from __future__ import annotations

from dataclasses import asdict

from server.engine.shapes import LAYERS, Stack, apply_stack, settings_for
from server.engine.shapes.parameters import REQUIRED, SHOWN, close_match
from server.engine.shapes.reading import Reading, Spread, Window
from server.engine.shapes.refusal import Refusal
from server.engine.shapes.repairs import Repair
from server.engine.shapes.settings import Bounds, Family, Setting
from server.engine.shapes.stack import StackLayer
from server.errors import InvalidInput, LimitExceeded
from server.schemas.nodes import LayerField
from server.schemas.shapes import (
    AxisReading,
    LayerKind,
    LayerKinds,
    LayerParameter,
    SettingsAnswer,
    SettingsRequest,
    ShapeLayer,
    ShapeProblem,
    ShapeRepair,
    ShapesAnswer,
    ShapesRequest,
    ShapeStep,
)

LONGEST_STACK = 1_000
"""Layers in one request."""

MOST_AXES = 16
"""Of an input; PyTorch has 64, but no layer here needs more than 5."""

FAMILIES: dict[str, Family] = {
    "ConvTranspose": "transposed convolution",
    "Conv": "convolution",
    "MaxPool": "pooling",
    "AvgPool": "pooling",
    "LPPool": "pooling",
    "Unfold": "convolution",
}
"""By the beginning of a layer's name, the arithmetic of its sizes."""


def describe_shapes(request: ShapesRequest) -> ShapesAnswer:
    """The stack applied to its input.

    Raises:
        LimitExceeded: more layers or axes than are allowed.
        InvalidInput: the input shape is of more bytes than PyTorch can count.
    """
    _check_length("/layers", "layers", len(request.layers), LONGEST_STACK)
    _check_length("/input_shape", "axes", len(request.input_shape), MOST_AXES)
    if not request.layers:
        raise InvalidInput("The stack has no layers.", pointer="/layers", value=[])
    layers = [(layer.type, layer.model_extra or {}) for layer in request.layers]
    try:
        return _answer(apply_stack(request.input_shape, layers, training=request.training))
    except Refusal as refusal:
        raise InvalidInput(
            refusal.detail, pointer="/input_shape", value=request.input_shape
        ) from refusal


def describe_kinds() -> LayerKinds:
    """Every kind of layer with its parameters."""
    kinds = []
    for layer in LAYERS.values():
        parameters = [
            LayerParameter(
                name=parameter.name,
                kind=parameter.kind.value,
                required=parameter.default is REQUIRED,
                default=None if parameter.default is REQUIRED else parameter.default,
                choices=list(parameter.choices),
            )
            for parameter in layer.parameters
        ]
        kinds.append(LayerKind(type=layer.type, axes=layer.axes, parameters=parameters))
    return LayerKinds(layers=kinds)


def describe_settings(request: SettingsRequest) -> SettingsAnswer:
    """The small settings of a layer that make one size of another, those asked for only.

    Raises:
        InvalidInput: the layer has no such arithmetic.
    """
    family = next(
        (found for start, found in FAMILIES.items() if request.type.startswith(start)), None
    )
    if family is None or request.type not in LAYERS:
        usual = [name for name in LAYERS if name.startswith(tuple(FAMILIES))]
        raise InvalidInput(
            "Settings are found for convolution, pooling and unfold layers, not for "
            f"{request.type[:SHOWN]}.{close_match(request.type, usual)}",
            pointer="/type",
            value=request.type,
        )
    wanted = {
        name: value
        for name in ("kernel_size", "stride", "padding", "dilation")
        if (value := getattr(request, name)) is not None
    }
    usual_bounds = asdict(Bounds())
    bounds = Bounds(**{name: max(wanted.get(name, 0), usual_bounds[name]) for name in usual_bounds})
    taken = {parameter.name for parameter in LAYERS[request.type].parameters}
    found = [
        {name: value for name, value in asdict(setting).items() if name in taken}
        for setting in settings_for(request.input_size, request.output_size, family, bounds)
        if _can_be(request, taken, setting)
        and all(getattr(setting, name) == value for name, value in wanted.items())
        and all(
            getattr(setting, name) <= usual_bounds[name]
            for name in usual_bounds
            if name not in wanted
        )
    ]
    return SettingsAnswer(settings=found)


def _can_be(request: SettingsRequest, taken: set[str], setting: Setting) -> bool:
    """Whether the layer has parameters for all that the setting needs."""
    if request.type in ("AvgPool3d", "LPPool3d") and setting.kernel_size > request.input_size:
        return False  # PyTorch's averages in three axes take no larger kernel
    neutral = {"padding": 0, "dilation": 1, "output_padding": 0, "ceil_mode": False}
    return all(name in taken or getattr(setting, name) == value for name, value in neutral.items())


def _check_length(pointer: str, what: str, length: int, limit: int) -> None:
    if length > limit:
        raise LimitExceeded(
            f"There are {length} {what}; {limit} are allowed.",
            pointer=pointer,
            value=length,
            limit=limit,
        )


def _answer(stack: Stack) -> ShapesAnswer:
    return ShapesAnswer(
        output_shape=None if stack.output_shape is None else list(stack.output_shape),
        layers=[_layer(layer) for layer in stack.layers],
        problems=[
            ShapeProblem(
                layer=problem.layer,
                parameter=problem.parameter,
                detail=problem.detail,
                repairs=[_repair(problem.layer, repair) for repair in problem.repairs],
            )
            for problem in stack.problems
        ],
        parameters=stack.parameters,
        multiply_accumulates=stack.multiply_accumulates,
        activation_bytes=stack.activation_bytes,
        saved_for_backward_bytes=stack.saved_for_backward_bytes,
    )


def _layer(layer: StackLayer) -> ShapeLayer:
    shape, field = layer.shape, layer.receptive_field
    return ShapeLayer(
        type=layer.type[:SHOWN],
        input_shape=list(shape.input_shape) if shape else None,
        output_shape=list(shape.output_shape) if shape else None,
        steps=[ShapeStep.model_validate(asdict(line)) for line in shape.steps] if shape else [],
        reads=[_reading(axis, read) for axis, read in shape.reads.items()] if shape else [],
        receptive_field=LayerField.model_validate(asdict(field)) if field else None,
        parameters=shape.parameters if shape else None,
        multiply_accumulates=shape.multiply_accumulates if shape else None,
        activation_bytes=shape.activation_bytes if shape else None,
        saved_for_backward_bytes=layer.saved_for_backward_bytes,
    )


def _reading(axis: int, reading: Reading) -> AxisReading:
    kind = type(reading).__name__.lower()
    if isinstance(reading, Window):
        return AxisReading(axis=axis, kind="windows", **asdict(reading))
    if isinstance(reading, Spread):
        return AxisReading(
            axis=axis,
            kind=kind,
            kernel=reading.kernel,
            stride=reading.stride,
            dilation=reading.dilation,
            before=reading.padding,
        )
    return AxisReading(axis=axis, kind=kind)


def _repair(layer: int, repair: Repair) -> ShapeRepair:
    return ShapeRepair(
        layer=layer if repair.layer is None else repair.layer,
        changes=dict(repair.changes),
        insert=dict(repair.insert) if repair.insert else None,
        detail=repair.detail,
        output_shape=list(repair.output_shape),
    )
