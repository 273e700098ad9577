"""Models of timm: ``timm:NAME``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from server.services.sources.input_form import InputForm
from server.services.sources.libraries import called, import_library
from server.services.sources.unavailable import ModelUnavailable, close_names

SHAPE = (3, 224, 224)
"""What timm itself takes where a model's configuration has no size."""


def timm_factory(name: str) -> Callable[[], nn.Module]:
    """What builds the architecture of that name, with first weights and nothing downloaded.

    Raises:
        ModelUnavailable: timm is not installed, or has no model of that name.
    """
    timm = import_library("timm")
    if ":" in name or "/" in name:
        raise ModelUnavailable(f"timm:{name} would have to be downloaded; name an architecture.")
    if not timm.is_model(name):
        known = timm.list_models()
        raise ModelUnavailable(f"timm has no model {name!r}{close_names(name, known)}")
    return lambda: _built(timm, name)


def timm_input(module: Any) -> InputForm:
    """The size that the model's configuration has."""
    configuration = getattr(module, "pretrained_cfg", None) or {}
    return InputForm((1, *(configuration.get("input_size") or SHAPE)))


def _built(timm: Any, name: str) -> nn.Module:
    module: nn.Module = called(f"timm:{name}", timm.create_model, name, pretrained=False)
    return module
