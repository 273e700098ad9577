"""Linear: a weighted sum of the last axis."""

from __future__ import annotations

import math

from server.engine.shapes.layer import Call, Layer, check_not_negative, check_size
from server.engine.shapes.parameters import Kind, Parameter
from server.engine.shapes.reading import Whole
from server.engine.shapes.refusal import INPUT, Refusal, shown
from server.engine.shapes.result import LayerShape, Saved, Symbol, step

PARAMETERS = (
    Parameter("in_features", Kind.INTEGER),
    Parameter("out_features", Kind.INTEGER),
    Parameter("bias", Kind.FLAG, True),
)


def linear(call: Call) -> LayerShape:
    """(*, in_features) -> (*, out_features).

    Raises:
        Refusal: as PyTorch refuses.
    """
    given, made = call["in_features"], call["out_features"]
    check_not_negative("in_features", (given,))
    check_not_negative("out_features", (made,))
    check_size("out_features", (made, given), "The weights")
    if not call.input_shape:
        raise Refusal(INPUT, "Linear takes an input with at least 1 axis, not a single number.")
    features = call.input_shape[-1]
    if features != given:
        raise Refusal(
            "in_features",
            f"in_features is {given}, but the last axis of the input {shown(call.input_shape)} "
            f"has {features}.",
            value=given,
            limit=features,
        )
    output = (*call.input_shape[:-1], made)
    check_size("out_features", output, "The output")
    o = Symbol("m", "features asked for", made, "out_features")
    last = len(output) - 1
    return LayerShape(
        call.input_shape,
        output,
        (step("o", "output features", "{m}", (o,), made, axis=last),),
        parameters=given * made + (made if call["bias"] else 0),
        multiply_accumulates=math.prod(call.input_shape) * made,
        saved=Saved(input=True),
        reads={last: Whole()},
    )


LAYERS = (Layer("Linear", PARAMETERS, linear),)
