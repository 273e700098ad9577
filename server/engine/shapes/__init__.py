"""Shapes by arithmetic on whole numbers, with the steps of the formula as data; needs no torch."""

from server.engine.shapes.layers import LAYERS, output_shape
from server.engine.shapes.refusal import Refusal
from server.engine.shapes.result import LayerShape

__all__ = ["LAYERS", "LayerShape", "Refusal", "output_shape"]
