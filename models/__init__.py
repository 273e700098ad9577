"""Networks, one a file, and the weights that ship with them."""

from models.registry import ARCHITECTURES, LoadedModel, load_model, model_names

__all__ = ["ARCHITECTURES", "LoadedModel", "load_model", "model_names"]
