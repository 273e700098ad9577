"""Models of torchvision: ``torchvision:NAME``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from torch import nn

from server.services.sources.input_form import InputForm
from server.services.sources.libraries import called, import_library
from server.services.sources.unavailable import ModelUnavailable, close_names

SIDE = 224
FRAMES = 16
"""Length of the clips that torchvision's video models were trained on, or the shortest."""
FLOW_SIDE = 128


def torchvision_factory(name: str) -> Callable[[], nn.Module]:
    """What builds the architecture of that name, with first weights and nothing downloaded.

    Raises:
        ModelUnavailable: torchvision is not installed, or has no model of that name.
    """
    models = import_library("torchvision").models
    names: list[str] = models.list_models()
    if name not in names:
        raise ModelUnavailable(f"torchvision has no model {name!r}{close_names(name, names)}")
    return lambda: _built(models, name)


def torchvision_inputs(name: str, module: nn.Module) -> tuple[InputForm, ...]:
    """Inputs of the size that the model's published weights were evaluated at.

    Classifiers take what their weights' transforms crop; segmentation and detection models images
    of the size that they are brought to; video models clips; optical flow models two frames.
    """
    models = import_library("torchvision").models
    weights = called(f"torchvision:{name}", models.get_model_weights, name)
    best = getattr(weights, "DEFAULT", None) or next(iter(weights), None)
    transforms: Any = best.transforms() if best else None
    meta: dict[str, Any] = best.meta if best else {}
    task = type(transforms).__name__
    if task == "OpticalFlow":
        height, width = meta.get("min_size", (FLOW_SIDE, FLOW_SIDE))
        return (InputForm((1, 3, height, width)),) * 2
    if task == "ObjectDetection":
        return (InputForm((1, 3, *_resized(module))),)
    sizes = getattr(transforms, "crop_size", None) or getattr(transforms, "resize_size", None)
    sizes = sizes or [SIDE]
    height, width = sizes[0], sizes[-1]
    if isinstance(getattr(module, "image_size", None), int):  # fixed when it is built
        height = width = module.image_size
    if task == "VideoClassification":
        frames = max(FRAMES, meta.get("min_temporal_size", FRAMES))
        return (InputForm((1, 3, frames, height, width)),)
    return (InputForm((1, 3, height, width)),)


def _resized(module: Any) -> tuple[int, int]:
    """Height and width to which a detector brings a square image before it looks at it."""
    transform = module.transform
    if transform.fixed_size:
        width, height = transform.fixed_size
        return height, width
    side = transform.min_size[-1]
    return side, side


def _built(models: Any, name: str) -> nn.Module:
    parameters = inspect.signature(models.get_model_builder(name)).parameters
    # Without a word about them, a detector's backbone would come with weights.
    options: dict[str, Any] = {"weights": None}
    if "weights_backbone" in parameters:
        options["weights_backbone"] = None
    if name.endswith(("googlenet", "inception_v3")):
        options["init_weights"] = False  # slow, and warns that it is
    module: nn.Module = called(f"torchvision:{name}", models.get_model, name, **options)
    return module
