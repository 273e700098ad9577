"""The stand-ins for torchvision's compiled operators."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from server.services.sources.torchvision_operators import non_maximum_suppression

ROOT = Path(__file__).parents[3]


def overlap(one: list[float], other: list[float]) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(width, 0.0) * max(height, 0.0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return common / (sum(areas) - common)


def kept(boxes: list[list[float]], scores: list[float], threshold: float) -> list[int]:
    """The definition: of all boxes, best first, those that overlap none that is kept already."""
    chosen: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda index: -scores[index]):
        if all(overlap(boxes[index], boxes[better]) <= threshold for better in chosen):
            chosen.append(index)
    return chosen


corner = st.integers(0, 8)
side = st.integers(1, 6)
box = st.tuples(corner, corner, side, side).map(
    lambda drawn: [float(v) for v in (*drawn[:2], drawn[0] + drawn[2], drawn[1] + drawn[3])]
)


@given(st.lists(st.tuples(box, st.integers(0, 9)), max_size=12), st.sampled_from([0.0, 0.3, 0.5]))
def test_it_keeps_the_best_of_boxes_that_overlap(
    drawn: list[tuple[list[float], int]], threshold: float
) -> None:
    boxes = [each for each, _ in drawn]
    scores = [float(score) for _, score in drawn]
    found = non_maximum_suppression(
        torch.tensor(boxes).reshape(-1, 4), torch.tensor(scores), threshold
    )
    assert found.dtype == torch.int64
    assert found.tolist() == kept(boxes, scores, threshold)


def test_torchvision_imports_without_its_extension_and_without_warnings() -> None:
    code = (
        "from server.services.sources.torchvision_operators import import_torchvision\n"
        "import torch\n"
        "first, again = import_torchvision(), import_torchvision()\n"
        "assert first is again\n"
        "boxes = torch.tensor([[0., 0., 4., 4.], [0., 0., 4., 3.], [5., 5., 6., 6.]])\n"
        "kept = first.ops.nms(boxes, torch.tensor([0.5, 0.9, 0.1]), 0.5)\n"
        "print(kept.tolist(), first.models.resnet18().fc.out_features)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[1, 2] 1000\n"


def test_an_extension_that_loads_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from server.services.sources import torchvision_operators as module

    loaded: list[str] = []
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "_C.so").write_bytes(b"")
    monkeypatch.setattr(module, "_libraries", [])
    monkeypatch.setattr(module, "find_spec", lambda _: _Spec(package / "__init__.py"))
    monkeypatch.setattr(module._torch.ops, "load_library", loaded.append)
    assert module.define_missing_operators() is False
    assert loaded == [str(package / "_C.so")]


class _Spec:
    def __init__(self, file: Path) -> None:
        self.origin = str(file)


def test_without_torchvision_nothing_is_defined(monkeypatch: pytest.MonkeyPatch) -> None:
    from server.services.sources import torchvision_operators as module

    def refused(*_: object) -> Tensor:
        raise AssertionError("nothing may be defined")

    monkeypatch.setattr(module, "_libraries", [])
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    monkeypatch.setattr(module._torch.library, "Library", refused)
    assert module.define_missing_operators() is False
