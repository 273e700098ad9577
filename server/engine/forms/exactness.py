"""How near a form must come to eager PyTorch."""

from __future__ import annotations

import math

import numpy as np

from server.engine.forms.form import Values

LIMIT = 1e-4
"""Largest difference of a logit. Two logits that are off by it change odds by 2 in 10,000."""

UNITS = 64
"""Where logits are so large that float32 cannot hold them to LIMIT: units in their last place.

Sums of a few hundred products, added in another order, differ by some ten units; up to 16, 64
units are less than LIMIT.
"""


def limit_for(values: Values) -> float:
    """The largest difference that a form may have from these values of eager PyTorch."""
    largest = float(np.abs(values).max(initial=0.0))
    return max(LIMIT, UNITS * float(np.spacing(np.float32(largest))))


def largest_difference(values: Values, eager: Values) -> float:
    """Of two outputs for one batch; infinite where shapes or types differ, or NaN is in one."""
    if values.shape != eager.shape or values.dtype != eager.dtype:
        return math.inf
    difference = float(np.abs(values - eager).max(initial=0.0))
    return math.inf if math.isnan(difference) else difference
