"""Networks in ONNX Runtime give what they give in eager PyTorch; what cannot is refused."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models import load_model
from server.engine.forms import FormBroken, NotExact, largest_difference, limit_for
from server.engine.forms.export import check_is_function, export_onnx
from server.engine.forms.onnx_runtime import OnnxRuntime
from server.services.forms.inputs import trial_inputs
from server.services.preparation import DOODLES

SHAPE = (1, 28, 28)
SIZES = (1, 2, 3, 5, 8, 17, 64, 100)
# One of each kind: normalisation and addition; separable convolutions; convolutions and linear
# layers. A server tries all of them when it starts.
NETWORKS = ("doodle-classifier", "mobilenet", "lenet-5")


@pytest.mark.parametrize("name", NETWORKS)
def test_a_shipped_network_gives_the_same_for_every_batch(name: str) -> None:
    module = load_model(name).module.eval()
    form = OnnxRuntime(export_onnx(module, SHAPE), 1)
    for batch in trial_inputs(DOODLES, max(SIZES)):
        for size in SIZES:
            with torch.inference_mode():
                eager = module(torch.from_numpy(batch[:size])).numpy()
            assert largest_difference(form(batch[:size]), eager) <= limit_for(eager)


def test_no_images_give_no_logits() -> None:
    form = OnnxRuntime(export_onnx(Flat(), SHAPE), 1)
    assert form(np.empty((0, *SHAPE), np.float32)).shape == (0, 3)


class Flat(nn.Module):
    seen: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(784, 3)
        self.calls = 0
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.linear(x.flatten(1))
        return logits


class ByValue(Flat):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if x.sum() > 0 else -x)


class ByChance(Flat):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x + torch.rand_like(x))


class ByPythonsChance(Flat):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * random.random()


class ByCalls(Flat):
    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(x) * self.calls


class ByBuffer(Flat):
    def forward(self, x: Tensor) -> Tensor:
        self.seen += 1
        return super().forward(x) * self.seen


class Several(Flat):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x), x  # type: ignore[return-value]


class Double(Flat):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).double()


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (ByValue(), "its graph may depend on values"),
        (ByChance(), "it draws random numbers"),
        (ByPythonsChance(), "it draws random numbers"),
        (ByCalls(), "it changes itself when it runs"),
        (ByBuffer(), "it changes itself when it runs"),
        (Several(), "it returns something else than float32 (N, K)"),
        (Double(), "it returns something else than float32 (N, K)"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_what_is_no_function_of_its_input_is_refused(model: Flat, reason: str) -> None:
    model.eval()
    before = model.calls, float(model.seen)
    with pytest.raises(NotExact) as refused:
        check_is_function(model, torch.rand(2, *SHAPE))
    assert str(refused.value) == reason
    assert (model.calls, float(model.seen)) == before


def test_what_has_no_onnx_is_said_to_be_broken() -> None:
    class Unknown(Flat):
        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = torch.special.bessel_j0(super().forward(x))
            return logits

    with pytest.raises(FormBroken, match=r"cannot write it as ONNX.*bessel_j0"):
        export_onnx(Unknown().eval(), SHAPE)


@pytest.mark.parametrize(
    "model", [b"", b"no model", b"\x08\x09" * 40], ids=["empty", "text", "part"]
)
def test_what_is_no_onnx_is_not_opened(model: bytes) -> None:
    with pytest.raises(FormBroken, match="ONNX Runtime does not open it"):
        OnnxRuntime(model, 1)
