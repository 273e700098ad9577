"""Stand-ins for torchvision's compiled operators, so that its architectures can be imported.

torchvision's compiled extension loads only beside the very build of torch that it was made for; a
torchvision for CUDA next to a torch for the CPU has none. ``import torchvision`` then fails, since
it describes operators that do not exist, though next to no architecture uses one.
"""

from __future__ import annotations

import importlib
import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, FileFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

_BOXES = "Tensor input, Tensor rois, float spatial_scale"
_POOLED = "SymInt pooled_height, SymInt pooled_width"
_SIZES = "SymInt batch_size, SymInt channels, SymInt height, SymInt width"
_DEFORMED = (
    "Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, "
    "SymInt stride_h, SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h, "
    "SymInt dilation_w, SymInt groups, SymInt offset_groups, bool use_mask"
)
_GRADIENT = "Tensor grad, Tensor rois"
_KEPT_GRADIENT = f"{_GRADIENT}, Tensor channel_mapping, float spatial_scale, {_POOLED}"

# As torchvision 0.28 defines them.
SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    f"roi_align({_BOXES}, {_POOLED}, int sampling_ratio, bool aligned) -> Tensor",
    f"_roi_align_backward({_GRADIENT}, float spatial_scale, {_POOLED}, {_SIZES}, "
    "int sampling_ratio, bool aligned) -> Tensor",
    "qroi_align(Tensor input, Tensor rois, float input_scale, int input_zero_point, "
    "float rois_scale, int rois_zero_point, float spatial_scale, "
    f"{_POOLED}, int sampling_ratio, bool aligned) -> Tensor",
    f"ps_roi_align({_BOXES}, {_POOLED}, int sampling_ratio) -> (Tensor, Tensor)",
    f"_ps_roi_align_backward({_KEPT_GRADIENT}, int sampling_ratio, {_SIZES}) -> Tensor",
    f"roi_pool({_BOXES}, {_POOLED}) -> (Tensor, Tensor)",
    f"_roi_pool_backward({_GRADIENT}, Tensor argmax, float spatial_scale, {_POOLED}, {_SIZES}) "
    "-> Tensor",
    f"ps_roi_pool({_BOXES}, {_POOLED}) -> (Tensor, Tensor)",
    f"_ps_roi_pool_backward({_KEPT_GRADIENT}, {_SIZES}) -> Tensor",
    f"deform_conv2d({_DEFORMED}) -> Tensor",
    f"_deform_conv2d_backward(Tensor grad, {_DEFORMED}) "
    "-> (Tensor, Tensor, Tensor, Tensor, Tensor)",
)

# Its functions for libraries of operators have no types.
_torch: Any = torch

# Definitions last as long as the library that made them.
_libraries: list[Any] = []


def import_torchvision() -> Any:
    """Import torchvision, with stand-ins for its operators where its own cannot be loaded.

    Architectures need no more than that the operators exist, except that detectors call ``nms``:
    this one computes, on the CPU.

    Raises:
        ImportError: torchvision is not installed, or cannot be imported for another reason.
    """
    stands_in = define_missing_operators()
    torchvision = importlib.import_module("torchvision")
    if stands_in:
        # It refuses to call the operator when it did not load its own.
        torchvision.ops.boxes._assert_has_ops = lambda: None
    return torchvision


def define_missing_operators() -> bool:
    """Define torchvision's operators where its compiled extension is missing; to be called first.

    A torchvision that brings its own is left alone, and so is a Python without torchvision.

    Returns:
        Whether stand-ins are defined, now or by an earlier call.
    """
    if _libraries:
        return True
    found = find_spec("torchvision")
    if found is None or found.origin is None or _load_extension(Path(found.origin).parent):
        return False
    library = _torch.library.Library("torchvision", "FRAGMENT")
    for schema in SCHEMAS:
        if not hasattr(torch.ops.torchvision, schema.partition("(")[0]):
            library.define(schema)
    library.impl("nms", non_maximum_suppression, "CPU")
    _libraries.append(library)
    return True


def non_maximum_suppression(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    """The boxes that overlap no better one: best first, each strikes out those too much like it.

    Args:
        boxes: float (N, 4), each ``x0, y0, x1, y1``.
        scores: float (N,), the greater the better.
        threshold: intersection over union, in 0..1, above which the worse of two boxes goes.

    Returns:
        int64 (kept,): indices into the boxes, best first.
    """
    corners = boxes.detach().double().numpy()
    order = scores.detach().argsort(descending=True, stable=True).numpy()
    areas = (corners[:, 2:] - corners[:, :2]).prod(axis=1)
    kept = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        low = np.maximum(corners[best, :2], corners[order, :2])
        high = np.minimum(corners[best, 2:], corners[order, 2:])
        common = (high - low).clip(min=0).prod(axis=1)
        order = order[common <= threshold * (areas[best] + areas[order] - common)]
    return torch.tensor(kept, dtype=torch.int64)


def _load_extension(folder: Path) -> bool:
    """Load the extension the way torchvision itself does; whether that succeeded."""
    extension = FileFinder(str(folder), (ExtensionFileLoader, EXTENSION_SUFFIXES)).find_spec("_C")
    if extension is None or extension.origin is None:
        return False
    try:
        if sys.platform == "win32":
            os.add_dll_directory(str(folder))
        _torch.ops.load_library(extension.origin)
    except OSError:
        return False
    return True
