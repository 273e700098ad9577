"""The very tensors that a model was given in a pass."""

from __future__ import annotations

import io
import zipfile

import numpy as np
from torch import Tensor

from server.services.inspections import KeptInspection


def input_tensors(kept: KeptInspection) -> dict[str, Tensor]:
    """What forward was called with, batch first, by the names that the graph has for it."""
    arguments = kept.model.arguments(kept.input)
    values = arguments.values() if isinstance(arguments, dict) else arguments
    return {
        name: value.detach().cpu()
        for name, value in zip(kept.model.graph.inputs, values, strict=False)
    }


def encode_inputs(kept: KeptInspection) -> bytes:
    """The same as NumPy's .npz."""
    file = io.BytesIO()
    # Not by savez: an input may have the name of one of its arguments.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, tensor in input_tensors(kept).items():
            values = tensor.float() if tensor.is_floating_point() else tensor
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, values.numpy(), allow_pickle=False)
    return file.getvalue()
