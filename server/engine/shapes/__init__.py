"""Shapes by arithmetic on whole numbers, with the steps of the formula as data; needs no torch."""

from server.engine.shapes.layers import LAYERS, output_shape
from server.engine.shapes.refusal import Refusal
from server.engine.shapes.repairs import Repair, repairs
from server.engine.shapes.result import LayerShape
from server.engine.shapes.settings import settings_for
from server.engine.shapes.stack import Stack, apply_stack

__all__ = [
    "LAYERS",
    "LayerShape",
    "Refusal",
    "Repair",
    "Stack",
    "apply_stack",
    "output_shape",
    "repairs",
    "settings_for",
]
