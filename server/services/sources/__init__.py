"""Where models come from: those shipped, a user's own module, timm, torchvision."""

from server.services.sources.input_form import InputForm, as_example
from server.services.sources.opening import OpenedModel, open_model
from server.services.sources.tracing import TracedModel, trace_opened
from server.services.sources.unavailable import ModelUnavailable

__all__ = [
    "InputForm",
    "ModelUnavailable",
    "OpenedModel",
    "TracedModel",
    "as_example",
    "open_model",
    "trace_opened",
]
