"""Settings of the cluster: from the environment, checked, and told in docs/scale.md."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from server.cluster.settings import ClusterSettings, ProxyLimits
from server.settings import Settings

ROOT = Path(__file__).parents[3]


def test_they_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOODLESCOPE_CLUSTER_MIN_REPLICAS", "2")
    monkeypatch.setenv("DOODLESCOPE_CLUSTER_GPUS", "0.25")
    settings = ClusterSettings(max_replicas=3)
    assert (settings.min_replicas, settings.max_replicas, settings.gpus) == (2, 3, 0.25)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"min_replicas": 3, "max_replicas": 2}, "larger than max_replicas"),
        ({"target_requests": 9, "replica_requests": 8}, "no replica could ever"),
        ({"min_replicas": 0}, "min_replicas"),
        ({"cpus": -1}, "cpus"),
        ({"gpus": "much"}, "gpus"),
        ({"replicas": 2}, "replicas"),
    ],
)
def test_wrong_ones_are_refused(given: dict[str, float], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ClusterSettings.model_validate(given)


def test_the_proxies_hold_the_limit_of_the_server() -> None:
    assert ProxyLimits().body_bytes == Settings().body_bytes


def test_each_is_described_in_the_documentation() -> None:
    text = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    for name, field in ClusterSettings.model_fields.items():
        row = f"| `DOODLESCOPE_CLUSTER_{name.upper()}` | {field.default:g} | {field.description} |"
        assert row in text


def test_a_proxy_loads_no_pytorch() -> None:
    """It needs neither the memory nor the seconds, and there may be one on each machine."""
    code = (
        "import sys; from server.cluster.proxy import middlewares; "
        "print(len(middlewares()), sorted({'torch', 'onnxruntime', 'numba'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout == "3 []\n", run.stderr
