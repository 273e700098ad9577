"""What libraries publish of the pictures that their models were trained on, and of the classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from server.services.sources.libraries import called, import_library

IMAGENET_CLASSES = 1000


@dataclass(frozen=True)
class Published:
    """How pictures are prepared for a library's weights, and the names of their classes."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    kept: float
    """The share of a picture's shorter side that is kept when it is cropped."""
    is_bicubic: bool
    labels: tuple[str, ...]
    said_by: str


def published(spec: str, module: nn.Module) -> Published | None:
    """What the library that a model comes from publishes; None where there is nothing.

    Nothing is downloaded: it stands in the library's own files.
    """
    library, _, name = spec.partition(":")
    if library == "timm":
        return published_of(module)
    if library == "torchvision":
        return _by_torchvision(spec, name)
    return None


def published_of(module: Any) -> Published | None:
    """What a module itself carries of that, as timm's do; None where it carries nothing."""
    configuration = getattr(module, "pretrained_cfg", None)
    if not isinstance(configuration, dict) or not {"mean", "std"} <= configuration.keys():
        return None
    return Published(
        mean=tuple(map(float, configuration["mean"])),
        std=tuple(map(float, configuration["std"])),
        kept=float(configuration.get("crop_pct") or 1.0),
        is_bicubic=configuration.get("interpolation") == "bicubic",
        labels=_imagenet_labels() if configuration.get("num_classes") == IMAGENET_CLASSES else (),
        said_by="timm's configuration",
    )


def _imagenet_labels() -> tuple[str, ...]:
    info = import_library("timm").data.ImageNetInfo("imagenet-1k")
    return tuple(
        str(info.index_to_description(number)) for number in range(int(info.num_classes()))
    )


def _by_torchvision(spec: str, name: str) -> Published | None:
    models = import_library("torchvision").models
    weights = called(spec, models.get_model_weights, name)
    best = getattr(weights, "DEFAULT", None) or next(iter(weights), None)
    transforms: Any = best.transforms() if best else None
    if not hasattr(transforms, "mean") or not hasattr(transforms, "std"):
        return None
    meta: dict[str, Any] = best.meta if best else {}
    crop = getattr(transforms, "crop_size", None) or [1]
    resized = getattr(transforms, "resize_size", None) or crop
    return Published(
        mean=tuple(map(float, transforms.mean)),
        std=tuple(map(float, transforms.std)),
        kept=min(1.0, crop[0] / resized[0]) if crop != [1] else 1.0,
        is_bicubic="bicubic" in str(getattr(transforms, "interpolation", "")).lower(),
        labels=tuple(meta.get("categories") or ()),
        said_by="torchvision's published weights",
    )
