"""The device is what was asked for, or an error that says why not."""

from __future__ import annotations

from typing import cast

import pytest
import torch

from server.engine.devices import Device, DeviceMissing, resolve_device


def test_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto").type == "cpu"
    assert resolve_device("cpu").type == "cpu"
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(DeviceMissing, match=r"this build of PyTorch .* has no CUDA.*DEVICE=auto"):
        resolve_device("cuda")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    with pytest.raises(DeviceMissing, match="no usable GPU"):
        resolve_device("cuda")


def test_with_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto") == torch.device("cuda", 0)
    assert resolve_device("cuda") == torch.device("cuda", 0)
    assert resolve_device("cpu").type == "cpu"


def test_another_word() -> None:
    with pytest.raises(ValueError, match="'tpu'"):
        resolve_device(cast(Device, "tpu"))
