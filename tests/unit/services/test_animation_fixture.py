"""The fixture that the browser's arithmetic is held to is what PyTorch and the API give now."""

from __future__ import annotations

import json

import pytest

from tests.support.animation_cases import FIXTURE, cases


def test_the_fixture_is_up_to_date() -> None:
    kept = json.loads(FIXTURE.read_text(encoding="utf-8"))
    now = json.loads(json.dumps(cases()))
    assert kept["kinds"] == now["kinds"]
    assert len(kept["cases"]) == len(now["cases"]) > 100
    for one, other in zip(kept["cases"], now["cases"], strict=True):
        # Other versions and processors round otherwise.
        assert one.pop("output") == pytest.approx(other.pop("output"), rel=1e-6, abs=1e-6)
        assert one == other
