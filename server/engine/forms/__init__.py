"""Faster ways to run a model that give what eager PyTorch gives, and the choice among them."""

from server.engine.forms.exactness import largest_difference, limit_for
from server.engine.forms.form import Batch, Form, FormBroken, FormName, NotExact, Values

__all__ = [
    "Batch",
    "Form",
    "FormBroken",
    "FormName",
    "NotExact",
    "Values",
    "largest_difference",
    "limit_for",
]
