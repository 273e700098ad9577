"""What autograd keeps, compared with the graph of a real forward pass."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from server.engine import trace_model
from tests.support.kept import kept_by_graph
from tests.support.networks import Apply, Twice


class Attention(nn.Module):
    """Calls one kernel on the CPU, and several operators on the meta device."""

    def __init__(self) -> None:
        super().__init__()
        self.projection = nn.Linear(16, 48)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.projection(x).unflatten(-1, (3, 2, 8)).permute(2, 0, 3, 1, 4)
        return F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(6, 5, num_layers=2, batch_first=True)
        self.linear = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        output, _ = self.lstm(x)
        logits: Tensor = self.linear(output[:, -1])
        return logits


class Branching(nn.Module):
    """Goes by values, which only a real run has."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.linear(x)
        return x.relu() if x.sum() > -1e6 else x


class Around(nn.Module):
    """Joins its input with what a branch of the same size gives."""

    def __init__(self, branch: nn.Module, join: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.branch = branch
        self.join = join

    def forward(self, x: Tensor) -> Tensor:
        return self.join(x, self.branch(x))


def concatenated(x: Tensor, y: Tensor) -> Tensor:
    return torch.cat([x, y], 1)


def block(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()
    )


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "plain": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
            nn.MaxPool2d(2), nn.Dropout(0.5), nn.Flatten(), nn.Linear(36, 5), nn.LogSoftmax(1),
        ),
        (2, 3, 14, 14),
    ),
    "residual": (lambda: nn.Sequential(block(3), Around(block(3), torch.add)), (2, 3, 8, 8)),
    "concatenated": (
        lambda: nn.Sequential(block(2), Around(block(2), concatenated), block(4)),
        (2, 2, 6, 6),
    ),
    "reused": (lambda: Twice(nn.Sequential(nn.Conv1d(2, 2, 3, padding=1), nn.Tanh())), (2, 2, 9)),
    "attention": (Attention, (2, 12, 16)),
    "transformer": (lambda: nn.TransformerEncoderLayer(16, 2, 24, batch_first=True), (2, 7, 16)),
    "recurrent": (Recurrent, (2, 4, 6)),
    "by values": (Branching, (3, 8)),
    "normalised weights": (lambda: weight_norm(nn.Conv2d(2, 3, 3)), (1, 2, 6, 6)),
    "three axes": (
        lambda: nn.Sequential(nn.ConvTranspose3d(2, 2, 3), nn.GELU(), nn.GroupNorm(1, 2)),
        (1, 2, 3, 4, 5),
    ),
    "assorted": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.InstanceNorm2d(4, affine=True), nn.SiLU(), nn.LPPool2d(2, 2),
            nn.PixelShuffle(2), nn.Upsample(scale_factor=2, mode="bilinear"), nn.PReLU(),
            nn.AdaptiveMaxPool2d(3), nn.LayerNorm(3), nn.Hardswish(), Apply("square", torch.square),
            Apply("softmax", lambda x: x.softmax(-1)), Apply("copy", lambda x: x[..., 1:].clone()),
        ),
        (2, 3, 10, 10),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_what_the_graph_of_a_real_pass_holds(name: str) -> None:
    make, shape = NETWORKS[name]
    model = make()
    trace = trace_model(model, shape)
    found = trace.saved_for_backward_bytes
    assert found == kept_by_graph(model.train(), torch.rand(shape))
    assert found == sum(node.saved_for_backward_bytes or 0 for node in trace.nodes)
    assert trace.layer("<output>").saved_for_backward_bytes == found


def test_what_each_layer_keeps() -> None:
    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 4, 3, padding=1)
            self.normalisation = nn.BatchNorm2d(4)
            self.relu = nn.ReLU()
            self.second = nn.Conv2d(4, 4, 3, padding=1)
            self.pooling = nn.MaxPool2d(2)
            self.dropout = nn.Dropout(0.5)
            self.linear = nn.Linear(8 * 16, 5)

        def forward(self, x: Tensor) -> Tensor:
            y = self.relu(self.normalisation(self.first(x)))
            y = torch.cat([y, y + self.second(y)], 1)
            logits: Tensor = self.linear(self.dropout(self.pooling(y).flatten(1)))
            return logits

    trace = trace_model(Small(), (2, 3, 8, 8))
    image, maps, pooled, float32, int64 = 2 * 3 * 64, 2 * 4 * 64, 2 * 8 * 16, 4, 8
    assert {node.name: node.saved_for_backward_bytes for node in trace.nodes} == {
        "first": image * float32,
        "normalisation": (maps + 4 + 4) * float32,  # its input, the mean and its deviation
        "relu": maps * float32,  # its output, which is also the input of the second convolution
        "second": 0,
        "add": 0,
        "cat": 0,
        "pooling": 2 * maps * float32 + pooled * int64,  # its input, and where the maxima are
        "flatten": 0,
        "dropout": pooled * float32,  # its mask
        "linear": pooled * float32,  # its input
    }


def test_modules_keep_what_their_nodes_keep() -> None:
    trace = trace_model(nn.Sequential(block(3), block(3)), (1, 3, 6, 6))
    for path in "01":
        nodes = [node for node in trace.nodes if node.name.startswith(f"{path}.")]
        expected = sum(node.saved_for_backward_bytes or 0 for node in nodes)
        assert trace.layer(path).saved_for_backward_bytes == expected > 0


class Auxiliary(nn.Module):
    """Has one more head in training, as GoogLeNet does."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 6), nn.Dropout(0.5), nn.Sigmoid())
        self.head = nn.Linear(6, 2)
        self.auxiliary = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Any:
        x = self.body(x)
        return (self.head(x), self.auxiliary(x)) if self.training else self.head(x)


def test_where_training_takes_another_path_only_layers_are_in_training_mode() -> None:
    model = Auxiliary()
    trace = trace_model(model, (4, 6))
    model.eval()
    model.body[1].train()
    assert trace["body.1"].saved_for_backward_bytes == 4 * 6 * 4
    assert trace.saved_for_backward_bytes == kept_by_graph(model, torch.rand(4, 6))


def test_where_training_fails_nothing_is_in_training_mode() -> None:
    model = nn.Sequential(nn.Linear(6, 3), nn.BatchNorm1d(3), nn.Dropout(0.5), nn.Tanh())
    trace = trace_model(model, (1, 6))  # one value for each channel: no variance
    with pytest.raises(ValueError, match="more than 1 value"):
        model.train()(torch.rand(1, 6))
    assert trace.saved_for_backward_bytes == kept_by_graph(model.eval(), torch.rand(1, 6))
    assert trace["2"].saved_for_backward_bytes == 0


def test_what_takes_another_path_each_time_cannot_be_measured() -> None:
    calls = itertools.count(1)

    class Fickle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            for _ in range(next(calls)):
                x = self.linear(x)
            return x

    trace = trace_model(Fickle(), (1, 2))
    assert trace.saved_for_backward_bytes is None
    assert {node.saved_for_backward_bytes for node in trace.nodes} == {None}


def test_every_parameter_counts_as_trained() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 1, 3))
    free = trace_model(model, (1, 1, 8, 8)).saved_for_backward_bytes
    model.requires_grad_(False)
    assert trace_model(model, (1, 1, 8, 8)).saved_for_backward_bytes == free
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert trace_model(nn.ReLU(), (1, 1, 8, 8)).saved_for_backward_bytes == 0


@pytest.mark.parametrize("name", ["plain", "recurrent", "by values"])
def test_the_model_is_as_before(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    make, shape = NETWORKS[name]
    model = make()
    model.register_forward_hook(lambda *_: print("ran"))
    model.eval()
    next(model.parameters()).requires_grad_(False)
    trace = trace_model(model, shape)
    printed = capsys.readouterr().out
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    assert trace.saved_for_backward_bytes
    assert torch.equal(torch.get_rng_state(), state)
    assert capsys.readouterr().out == ""
    assert printed == "ran\n"
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module.training for module in model.modules())
    assert [value.requires_grad for value in model.parameters()].count(False) == 1
    assert all(value.grad is None for value in model.parameters())
