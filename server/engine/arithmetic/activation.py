"""Activation functions: one value in, one out; the curve around it, and its slope there."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from server.engine.arithmetic.call import Call, value_at
from server.engine.arithmetic.parts import Broken, Index, NotBrokenDown, Read, single, unbroadcast
from server.engine.arithmetic.snippet import Snippet
from server.engine.given import Operand

SAMPLES = 129
"""Points of a curve."""

REACH = 3.0
"""A curve is drawn at least so far to both sides of 0."""


@dataclass(frozen=True)
class Curve:
    """Points of a function; ``y`` is not a number where it has no value."""

    x: list[float]
    y: list[float]


@dataclass(frozen=True)
class ActivationTerms:
    """A value of an activation function."""

    function: str
    parameters: dict[str, float | str]
    x: float
    slope: float
    """The derivative at x, as PyTorch's autograd has it."""
    curve: Curve


@dataclass(frozen=True)
class _Function:
    formula: str
    apply: Callable[..., Tensor]
    call: str
    """How it is written in PyTorch."""
    settings: tuple[str, ...] = ()


def _table() -> dict[str, _Function]:
    functions = {
        "relu": _Function("ReLU(x) = max(0, x)", F.relu, "F.relu"),
        "relu6": _Function("ReLU6(x) = min(max(0, x), 6)", F.relu6, "F.relu6"),
        "sigmoid": _Function("σ(x) = 1 / (1 + exp(−x))", torch.sigmoid, "torch.sigmoid"),
        "tanh": _Function(
            "Tanh(x) = (exp(x) − exp(−x)) / (exp(x) + exp(−x))", torch.tanh, "torch.tanh"
        ),
        "selu": _Function(
            "SELU(x) = scale · (max(0, x) + min(0, α · (exp(x) − 1))), "
            "scale = 1.0507009873554805, α = 1.6732632423543772",
            F.selu,
            "F.selu",
        ),
        "silu": _Function("SiLU(x) = x · σ(x)", F.silu, "F.silu"),
        "mish": _Function("Mish(x) = x · tanh(softplus(x))", F.mish, "F.mish"),
        "hardswish": _Function(
            "Hardswish(x) = 0 if x ≤ −3, x if x ≥ 3, x · (x + 3) / 6 otherwise",
            F.hardswish,
            "F.hardswish",
        ),
        "hardsigmoid": _Function(
            "Hardsigmoid(x) = 0 if x ≤ −3, 1 if x ≥ 3, x / 6 + 1/2 otherwise",
            F.hardsigmoid,
            "F.hardsigmoid",
        ),
        "logsigmoid": _Function(
            "LogSigmoid(x) = log(1 / (1 + exp(−x)))", F.logsigmoid, "F.logsigmoid"
        ),
        "softsign": _Function("SoftSign(x) = x / (1 + |x|)", F.softsign, "F.softsign"),
        "tanhshrink": _Function("Tanhshrink(x) = x − tanh(x)", F.tanhshrink, "F.tanhshrink"),
        "hardtanh": _Function(
            "HardTanh(x) = max_val if x > max_val, min_val if x < min_val, x otherwise",
            F.hardtanh,
            "F.hardtanh",
            ("min_val", "max_val"),
        ),
        "threshold": _Function(
            "y = x if x > threshold, value otherwise",
            F.threshold,
            "F.threshold",
            ("threshold", "value"),
        ),
        "elu": _Function(
            "ELU(x) = x if x > 0, α · (exp(x) − 1) otherwise", F.elu, "F.elu", ("alpha",)
        ),
        "celu": _Function(
            "CELU(x) = max(0, x) + min(0, α · (exp(x/α) − 1))", F.celu, "F.celu", ("alpha",)
        ),
        "gelu": _Function(
            "GELU(x) = x · Φ(x); with approximate='tanh': "
            "0.5 · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))",
            lambda x, approximate: F.gelu(x, approximate=approximate),
            "F.gelu",
            ("approximate",),
        ),
        "leaky_relu": _Function(
            "LeakyReLU(x) = max(0, x) + negative_slope · min(0, x)",
            F.leaky_relu,
            "F.leaky_relu",
            ("negative_slope",),
        ),
        "rrelu": _Function(
            "RReLU(x) = x if x ≥ 0, (lower + upper) / 2 · x otherwise (outside of training)",
            F.rrelu,
            "F.rrelu",
            ("lower", "upper"),
        ),
        "prelu": _Function("PReLU(x) = max(0, x) + a · min(0, x)", F.prelu, "F.prelu", ("weight",)),
        "softplus": _Function(
            "Softplus(x) = 1/β · log(1 + exp(β · x)); x itself where β · x > threshold",
            F.softplus,
            "F.softplus",
            ("beta", "threshold"),
        ),
        "softshrink": _Function(
            "SoftShrinkage(x) = x − λ if x > λ, x + λ if x < −λ, 0 otherwise",
            F.softshrink,
            "F.softshrink",
            ("lambd",),
        ),
        "hardshrink": _Function(
            "HardShrink(x) = x if x > λ or x < −λ, 0 otherwise",
            F.hardshrink,
            "F.hardshrink",
            ("lambd",),
        ),
        "clamp": _Function("y = min(max(x, min), max)", torch.clamp, "torch.clamp", ("min", "max")),
        "clamp_min": _Function("y = max(x, min)", torch.clamp_min, "torch.clamp_min", ("min",)),
        "clamp_max": _Function("y = min(x, max)", torch.clamp_max, "torch.clamp_max", ("max",)),
    }
    formulas = {
        "neg": "−x", "abs": "|x|", "exp": "exp(x)", "expm1": "exp(x) − 1", "exp2": "2^x",
        "log": "log(x)", "log1p": "log(1 + x)", "log2": "log₂(x)", "log10": "log₁₀(x)",
        "sqrt": "√x", "rsqrt": "1 / √x", "square": "x²", "reciprocal": "1 / x", "sin": "sin(x)",
        "cos": "cos(x)", "tan": "tan(x)", "asin": "arcsin(x)", "acos": "arccos(x)",
        "atan": "arctan(x)", "sinh": "sinh(x)", "cosh": "cosh(x)", "erf": "erf(x)",
        "erfc": "1 − erf(x)", "floor": "⌊x⌋", "ceil": "⌈x⌉", "round": "x rounded to even",
        "trunc": "x without its fraction", "frac": "the fraction of x", "sign": "sign(x)",
    }  # fmt: skip
    for name, formula in formulas.items():
        functions[name] = _Function(f"{name}(x) = {formula}", getattr(torch, name), f"torch.{name}")
    for name, other in {"log_sigmoid": "logsigmoid", "absolute": "abs", "negative": "neg"}.items():
        functions[name] = functions[other]
    return functions


_FUNCTIONS = _table()

NAMES = tuple(_FUNCTIONS)
"""The functions, by the names of their functional forms."""


def activation(call: Call) -> Broken:
    """A value of an elementwise function of one tensor."""
    function = _FUNCTIONS[call.function]
    if call.arguments.get("training"):
        raise NotBrokenDown("its slope is random in training")
    operand = call.operand("input")
    settings = {name: _setting(call, name) for name in function.settings}

    def apply(x: Tensor) -> Tensor:
        return function.apply(x, *(_argument(name, value) for name, value in settings.items()))

    x = operand.tensor[call.index].detach().to("cpu", torch.float64)
    # With an axis, since some functions treat a scalar otherwise.
    point = x.reshape(1).clone().requires_grad_()
    with torch.inference_mode(False), torch.enable_grad():
        y = apply(point)
        slope = torch.zeros(1) if not y.requires_grad else torch.autograd.grad(y, point)[0]
    written = "".join(f", {_written(name, value)}" for name, value in settings.items())
    return Broken(
        "activation",
        ActivationTerms(
            function=call.function,
            parameters={name: value for name, value in settings.items() if value is not None},
            x=float(x),
            slope=float(slope),
            curve=_curve(apply, float(x)),
        ),
        float(y.detach()),
        function.formula,
        (*call.read("input", single(call.index)), *_setting_reads(call, function.settings)),
        Snippet(call)
        .tensor("x", operand, tuple(call.index))
        .ending(f"{function.call}(x.reshape(1){written})"),
    )


def _setting(call: Call, name: str) -> Any:
    """A parameter of the function that holds at the unit: of PReLU the one of its channel."""
    value = call[name]
    if not isinstance(value, Operand):
        return value
    return value_at(value, _place_of_setting(call, value.tensor))


def _setting_reads(call: Call, names: tuple[str, ...]) -> tuple[Read, ...]:
    """Parameters that a layer made."""
    reads: tuple[Read, ...] = ()
    for name in names:
        if isinstance(value := call[name], Operand):
            reads += call.read(name, single(_place_of_setting(call, value.tensor)))
    return reads


def _place_of_setting(call: Call, tensor: Tensor) -> Index:
    """Where the parameter of the unit stands: of PReLU that of its channel."""
    if tensor.numel() == 1:
        return (0,) * tensor.ndim
    if call.function == "prelu":
        return (call.index[1] if len(call.shape) > 1 else call.index[0],)
    return unbroadcast(call.index, tensor.shape)


def _argument(name: str, value: Any) -> Any:
    """A parameter as the function takes it: the weight of PReLU is a tensor."""
    return torch.tensor([value], dtype=torch.float64) if name == "weight" else value


def _written(name: str, value: Any) -> str:
    """The same as Python text."""
    if name == "weight":
        return f"torch.tensor([{value!r}], dtype=torch.float64)"
    finite = not isinstance(value, float) or math.isfinite(value)
    return f"{name}={value!r}" if finite else f'{name}=float("{value}")'


def _curve(apply: Callable[[Tensor], Tensor], x: float) -> Curve:
    """Points over a range around 0 that holds x with room to spare."""
    reach = max(REACH, 1.25 * abs(x)) if math.isfinite(x) else REACH
    samples = torch.linspace(-reach, reach, SAMPLES, dtype=torch.float64)
    with torch.no_grad():
        values = apply(samples)
    return Curve(samples.tolist(), values.tolist())
