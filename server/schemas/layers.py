"""The nodes of a network's graph."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class Layer(BaseModel):
    """One call of a module, or one functional operation, as it runs."""

    name: str = Field(description="Unique name: the module path, or <path>.<operation>.")
    kind: str = Field(description="Class of the module (Conv2d) or name of the operation (add).")
    module_path: str = Field(description="Path of the module, or of the one it stands in.")
    call: int = Field(description="0 for the first call of the same name, 1 for the second, ...")
    inputs: list[str] = Field(description="Names of the layers it reads; input is the image.")
    output_shape: list[int] = Field(description="Shape of its output for one image, batch first.")
    parameters: int = Field(description="Number of learnable values.")
    hyperparameters: dict[str, Any] = Field(description="Configuration, such as kernel_size.")
