"""Shapes of generated layers against ``torch.nn``: the same shape, and a refusal where it refuses.

Each kind of layer has 200 settings, legal and illegal, always the same; with
``DOODLESCOPE_SETTINGS=20000`` there are so many, others every time.
"""

from __future__ import annotations

import inspect
import math
import os
import re
import warnings
from fractions import Fraction
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from server.engine.shapes import LayerShape, Refusal, output_shape, repairs, settings_for
from server.engine.shapes.result import Step
from tests.support.layer_settings import KINDS
from tests.support.setting import Setting
from tests.support.torch_layers import Answer, as_tuples, module_of, numbers_in, on, small, truth

SETTINGS = int(os.environ.get("DOODLESCOPE_SETTINGS", "200"))


def profile(share: int) -> settings:
    """So many examples, one in ``share`` of those that each kind has."""
    return settings(
        max_examples=max(1, SETTINGS // share),
        deadline=None,
        derandomize="DOODLESCOPE_SETTINGS" not in os.environ,
        # Shrinking a failure of a random draw takes long where there are 20,000.
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


STRICTER = (
    "convolution",
    "transposed convolution",
    "max pooling",
    "average pooling",
    "Lp pooling",
    "adaptive average pooling",
    "unfold",
    "upsample",
)
"""Kinds whose real kernels refuse numbers that the meta device takes, such as an output padding of
a million: where only the meta device can be asked, we may be stricter than it."""


def computed(setting: Setting) -> LayerShape | Refusal:
    """What the engine says."""
    kind, parameters, given, training = setting
    try:
        return output_shape(kind, parameters, given, training=training)
    except Refusal as refusal:
        return refusal


def legal(setting: Setting) -> LayerShape:
    """What the engine says of a setting that it takes; others are skipped."""
    found = computed(setting)
    assume(isinstance(found, LayerShape))
    assert isinstance(found, LayerShape)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_are_those_of_torch(kind: str) -> None:
    @profile(1)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        setting = KINDS[kind](data.draw)
        # There PyTorch cuts the length to 32 bits, and takes 2^40 for nothing.
        assume(setting.type != "MaxPool1d" or max(setting.input_shape, default=0) < 2**31)
        found, meta = computed(setting), on("meta", setting)
        expected = truth(setting, meta)
        if isinstance(found, LayerShape):
            assert found.output_shape == expected, (setting, found.output_shape, expected)
            check_steps(found)
        else:
            check_refusal(setting, found)
            if expected is not None and not small(setting, meta) and kind in STRICTER:
                return
            assert expected is None, (setting, found.parameter, found.detail, expected)

    check()


def check_refusal(setting: Setting, refusal: Refusal) -> None:
    """It names a parameter or the input, in one sentence."""
    known = {*inspect.signature(getattr(nn, setting.type)).parameters, "input_shape"}
    assert refusal.parameter in known, (setting, refusal.parameter)
    assert re.fullmatch(r"[^\n]{10,280}[.?]", refusal.detail), refusal.detail
    assert "  " not in refusal.detail


def check_steps(found: LayerShape) -> None:
    """Every line is true as arithmetic, and the last one of an axis gives its size."""
    for line in found.steps:
        assert evaluated(line) == line.value, line
        for symbol in line.symbols:
            assert symbol.name in line.formula
    last = {line.axis: line for line in found.steps if line.name in ("o", "c", "C", "v", "L")}
    for axis, line in last.items():
        if axis is not None:
            assert found.output_shape[axis] == line.value, (found, line)


def evaluated(line: Step) -> int:
    """The value of a step's filled formula, computed from its text alone."""
    text = line.filled.split(", as ")[0]
    text = text.replace("−", "-").replace("·", "*").replace("²", "**2")
    text = text.replace("⌊", "math.floor(").replace("⌋", ")")
    text = text.replace("⌈", "math.ceil(").replace("⌉", ")")
    text = re.sub(r"(?<![\w.])(\d+)(?![\w.])", r"Fraction(\1)", text)
    return int(eval(text, {"math": math, "Fraction": Fraction}))


WEIGHED = ("convolution", "transposed convolution", "linear")


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_are_those_of_the_module(kind: str) -> None:
    @profile(8)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        setting = KINDS[kind](data.draw)
        found = legal(setting)
        with warnings.catch_warnings(), torch.device("meta"):
            warnings.simplefilter("ignore")
            module = module_of(setting)
        assert found.parameters == sum(value.numel() for value in module.parameters())
        assert found.activation_bytes == 4 * math.prod(found.output_shape)

    check()


@pytest.mark.parametrize("kind", WEIGHED)
def test_multiply_accumulates_are_half_of_the_counted_operations(kind: str) -> None:
    @profile(8)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        setting = KINDS[kind](data.draw)
        found = legal(setting)
        assume(0 not in setting.input_shape)  # an empty convolution runs nothing to count
        with warnings.catch_warnings(), torch.device("meta"), torch.no_grad():
            warnings.simplefilter("ignore")
            module, given = module_of(setting), torch.zeros(setting.input_shape)
            with FlopCounterMode(display=False) as counter:
                module(given)
        assert 2 * found.multiply_accumulates == counter.get_total_flops(), setting

    check()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in WEIGHED])
def test_other_layers_multiply_nothing_that_is_counted(kind: str) -> None:
    @profile(20)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        assert legal(KINDS[kind](data.draw)).multiply_accumulates == 0

    check()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "local response norm"])
def test_memory_kept_for_backward_is_what_autograd_keeps(kind: str) -> None:
    @profile(8)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        setting = KINDS[kind](data.draw)
        found = legal(setting)
        assume(found.saved_for_backward_bytes is not None)
        assume(not setting.parameters.get("inplace"))
        assume(0 not in setting.input_shape and 0 not in found.output_shape)
        assume(small(setting, found.output_shape))
        assert found.saved_for_backward_bytes == kept_bytes(setting), setting

    check()


def kept_bytes(setting: Setting) -> int:
    """The bytes of all tensors that autograd keeps, each memory once, without parameters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = module_of(setting)
        own = {value.untyped_storage()._cdata for value in module.parameters()}
        own |= {value.untyped_storage()._cdata for value in module.buffers()}
        kept: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage._cdata not in own:
                kept[storage._cdata] = storage.nbytes()
            return tensor

        # A tensor that requires a gradient and is no leaf, as between layers.
        given = torch.rand(setting.input_shape, requires_grad=True) + 0.1
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            result = module(given)
    assert result is not None
    return sum(kept.values())


@pytest.mark.parametrize("kind", ["convolution", "average pooling"])
def test_what_is_never_read_has_no_gradient(kind: str) -> None:
    @profile(8)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        setting = KINDS[kind](data.draw)
        found = legal(setting)
        assume(small(setting, found.output_shape))
        assume(0 not in setting.input_shape and 0 not in found.output_shape)
        assume(setting.parameters.get("padding_mode", "zeros") == "zeros")
        lines = {
            line.axis: line for line in found.steps if line.name == "o" and "/" in line.formula
        }
        for axis, line in lines.items():
            assert axis is not None
            unread = line.rounding.unread_input if line.rounding else 0
            assert unread == trailing_zeros(setting, axis), (setting, line)

    check()


def trailing_zeros(setting: Setting, axis: int) -> int:
    """How many positions at the end of an axis of the input change nothing in the output."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = module_of(setting)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.fill_(1.0)
        given = torch.ones(setting.input_shape, requires_grad=True)
        (gradient,) = torch.autograd.grad(module(given).sum(), given)
    read = gradient.ne(0).movedim(axis, 0).flatten(1).any(1)
    return int((~read.flip(0)).cumprod(0).sum())


@pytest.mark.parametrize("kind", KINDS)
def test_repairs_are_taken_by_torch(kind: str) -> None:
    @profile(8)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        setting = KINDS[kind](data.draw)
        assume(isinstance(computed(setting), Refusal))
        found = repairs(
            setting.type, setting.parameters, setting.input_shape, training=setting.training
        )
        costs = [repair.cost for repair in found]
        assert costs == sorted(costs)
        for repair in found:
            assert repaired(setting, repair.changes, repair.insert) == repair.output_shape, (
                setting,
                repair,
            )

    check()


def repaired(setting: Setting, changes: Any, insert: Any) -> Answer:
    """PyTorch's answer after the change."""
    parameters = {**setting.parameters, **changes}
    kind, shape = parameters.pop("type", setting.type), setting.input_shape
    if insert:
        own = {name: value for name, value in insert.items() if name != "type"}
        before = truth(Setting(insert["type"], own, shape))
        assert before is not None
        shape = before
    return truth(Setting(kind, parameters, shape, setting.training))


def test_one_number_less_would_not_repair() -> None:
    """Of a kernel, stride, padding or dilation, nothing nearer would do."""

    @profile(2)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        kind = data.draw(st.sampled_from(["convolution", "max pooling", "average pooling"]))
        setting = KINDS[kind](data.draw)
        assume(isinstance(computed(setting), Refusal))
        found = repairs(setting.type, setting.parameters, setting.input_shape)
        for repair in found:
            for name, value in repair.changes.items():
                old = setting.parameters.get(name)
                if repair.insert or not isinstance(value, int) or not isinstance(old, int):
                    continue
                if name in ("in_channels", "groups") or abs(value - old) > 50:
                    continue
                nearer = range(min(value, old) + 1, max(value, old))
                for number in nearer:
                    assert repaired(setting, {name: number}, None) is None, (setting, repair)

    check()


@settings(max_examples=min(SETTINGS, 400) // 10, deadline=None, derandomize=True)
@given(st.integers(1, 20), st.integers(1, 20))
def test_settings_for_are_all_that_torch_has(inputs: int, outputs: int) -> None:
    convolved = set()
    for k in range(1, 5):
        for s in range(1, 4):
            for p in range(3):
                for d in range(1, 3) if k > 1 else (1,):
                    parameters = {"kernel_size": k, "stride": s, "padding": p, "dilation": d}
                    one = {"in_channels": 1, "out_channels": 1, **parameters}
                    if on("meta", Setting("Conv1d", one, (1, inputs))) == (1, outputs):
                        convolved.add((k, s, p, d))
    found = settings_for(inputs, outputs, "convolution")
    within = {
        (one.kernel_size, one.stride, one.padding, one.dilation)
        for one in found
        if one.kernel_size < 5 and one.stride < 4 and one.padding < 3 and one.dilation < 3
    }
    assert within == convolved


@settings(max_examples=min(SETTINGS, 2000) // 5, deadline=None, derandomize=True)
@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_settings_for_give_what_was_asked(inputs: int, outputs: int, data: st.DataObject) -> None:
    types = {
        "convolution": "Conv1d",
        "pooling": "MaxPool1d",
        "transposed convolution": "ConvTranspose1d",
    }
    for family, name in types.items():
        found = settings_for(inputs, outputs, family)  # type: ignore[arg-type]
        for one in found[:2] + found[-2:]:
            parameters: dict[str, Any] = {
                "kernel_size": one.kernel_size,
                "stride": one.stride,
                "padding": one.padding,
                "dilation": one.dilation,
            }
            if family == "pooling":
                parameters["ceil_mode"] = one.ceil_mode
            else:
                parameters |= {"in_channels": 1, "out_channels": 1}
            if family == "transposed convolution":
                parameters["output_padding"] = one.output_padding
            assert truth(Setting(name, parameters, (1, inputs))) == (1, outputs), (family, one)


def test_numbers_are_found_in_nested_values() -> None:
    assert numbers_in({"a": [1, (2.5,)], "b": "3", "c": None}) == [1, 2.5]
    assert as_tuples([1, [2, 3]]) == (1, (2, 3))
    assert isinstance(module_of(Setting("ReLU", {}, ())), nn.ReLU)
