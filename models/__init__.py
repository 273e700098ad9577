"""Networks, one a file, and the weights that ship with them."""

from models.architecture import Architecture, TrainingDefaults
from models.architectures import ARCHITECTURES
from models.registry import LoadedModel, load_left_out, load_model, load_report, model_names

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "LoadedModel",
    "TrainingDefaults",
    "load_left_out",
    "load_model",
    "load_report",
    "model_names",
]
