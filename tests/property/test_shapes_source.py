"""Any line that makes a layer, and what any layer prints, is read as that layer."""

from __future__ import annotations

import string
import warnings
from contextlib import suppress
from typing import Any

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

from server.errors import InvalidInput
from server.services.shapes_source import parse_source
from tests.support.layer_settings import KINDS
from tests.support.setting import Setting
from tests.support.torch_layers import as_tuples

CALLS = [
    "{}",
    "{},  # stem",
    "self.layer = {}",
    "torch.{}",
    "    {},\n",
    '("layer", {}),',
    "x: nn.Module = {}",
]


@st.composite
def settings_of_layers(draw: st.DrawFn) -> Setting:
    """Any setting, legal or not."""
    setting: Setting = draw(st.sampled_from(list(KINDS.values())))(draw)
    return setting


def made(kind: str, parameters: dict[str, Any]) -> nn.Module | None:
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")
        try:
            module: nn.Module = getattr(nn, kind)(
                **{name: as_tuples(value) for name, value in parameters.items()}
            )
        except (RuntimeError, ValueError, TypeError, ArithmeticError):
            return None
    return module


def read(text: str) -> dict[str, Any]:
    """The only layer of a text; a number that no tensor can have is refused, and no other."""
    if str(2**70) in text:
        with pytest.raises(InvalidInput, match="is too large a number"):
            parse_source(text)
        assume(False)
    (layer,) = parse_source(text).layers
    return layer


@given(settings_of_layers(), st.sampled_from(CALLS), st.integers(0, 3))
def test_a_line_makes_the_layer_that_python_makes_of_it(
    setting: Setting, call: str, positional: int
) -> None:
    module = made(setting.type, setting.parameters)
    assume(module is not None)
    written = [f"{name}={as_tuples(value)!r}" for name, value in setting.parameters.items()]
    in_order = list(setting.parameters)[:positional] == _first(setting.type, positional)
    if in_order:
        values = list(setting.parameters.values())[:positional]
        written[:positional] = [repr(as_tuples(value)) for value in values]
    line = call.format(f"nn.{setting.type}({', '.join(written)})")
    layer = read(line)
    kind = layer.pop("type")
    assert repr(made(kind, layer)) == repr(module), line


@given(settings_of_layers())
def test_what_a_module_prints_is_read_as_the_module(setting: Setting) -> None:
    module = made(setting.type, setting.parameters)
    assume(module is not None)
    assert module is not None
    printed = repr(nn.Sequential(module))
    layer = read(printed)
    kind = layer.pop("type")
    assert repr(made(kind, layer)) == repr(module), printed


@given(st.text(string.printable, max_size=60) | st.text(max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    for line in (text, f"nn.Conv2d({text})", f"nn.Conv2d(1, 2, {text}"):
        with suppress(InvalidInput):
            assert parse_source(line).layers


def _first(kind: str, count: int) -> list[str]:
    """The names of a constructor's first parameters."""
    code = getattr(nn, kind).__init__.__code__
    return list(code.co_varnames[1 : code.co_argcount][:count])
