"""Each network: its layers as its docstring has them, its graph, its gradients, its weights."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_model as load_weights
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from models import ARCHITECTURES
from models.lenet5 import Subsampling
from server.doodle.raster import render
from server.doodle.strokes import Drawing
from server.engine.trace import Trace, trace_model
from server.training.card import multiply_accumulates, write_weights
from tests.unit.models.layer_tables import layer_table

NAMES = [name for name in ARCHITECTURES if name != "doodle-classifier"]
LARGEST = 5 * 1024 * 1024

network_names = pytest.mark.parametrize("name", NAMES)


def built(name: str) -> nn.Module:
    torch.manual_seed(7)
    return ARCHITECTURES[name]()


def doodles(count: int = 8) -> Tensor:
    """Polygons with 2, 3, 4, ... corners, as the network sees them: (count, 1, 28, 28)."""
    drawn = []
    for corners in range(2, 2 + count):
        turns = torch.linspace(0, 2 * torch.pi, corners + 1)
        x, y = (127 + 127 * turns.cos()).tolist(), (127 + 127 * turns.sin()).tolist()
        drawn.append(torch.from_numpy(render(Drawing.from_lists([[x, y]]))))
    return torch.stack(drawn).float().div(255)[:, None]


def traced(name: str) -> Trace:
    return trace_model(built(name), (1, 1, 28, 28))


def test_all_networks_are_there_and_say_what_they_are() -> None:
    assert len(NAMES) == 10
    for name, architecture in ARCHITECTURES.items():
        assert name == name.lower()
        assert "_" not in name
        for text in (architecture.title, architecture.paper, architecture.scaled):
            assert text
        assert architecture.description.endswith((".", "."))
        assert architecture.description.count(". ") == 0, "one sentence"


@network_names
def test_shapes_are_those_of_the_docstring(name: str) -> None:
    network = built(name).eval()
    shapes: dict[str, list[tuple[int, ...]]] = defaultdict(list)

    def note(path: str) -> None:
        network.get_submodule(path).register_forward_hook(
            lambda _module, _args, output: shapes[path].append(tuple(output.shape))
        )

    table = layer_table(network)
    for path in {row.path for row in table.rows}:
        note(path)
    with torch.no_grad():
        logits = network(doodles(3))
    assert logits.shape == (3, 345)
    assert logits.dtype == torch.float32
    for row in table.rows:
        assert shapes[row.path][row.call] == (3, *row.shape), row.path


@network_names
def test_parameters_are_those_of_the_docstring(name: str) -> None:
    network = built(name)
    table = layer_table(network)
    for row in table.rows:
        module = network.get_submodule(row.path)
        counted = sum(parameter.numel() for parameter in module.parameters())
        assert row.parameters == (counted if row.call == 0 else 0), row.path
    total = sum(parameter.numel() for parameter in network.parameters())
    assert sum(row.parameters for row in table.rows) == table.parameters == total


@network_names
def test_multiply_accumulates_are_those_of_the_docstring(name: str) -> None:
    network = built(name).eval()
    table = layer_table(network)
    counter = FlopCounterMode(display=False, depth=20)
    with counter, torch.no_grad():
        network(torch.zeros(1, 1, 28, 28))
    counted = {
        path.partition(".")[2]: sum(operations.values()) // 2  # it counts additions as well
        for path, operations in counter.get_flop_counts().items()
    }
    expected: dict[str, int] = defaultdict(int)
    for row in table.rows:
        expected[row.path] += row.multiply_accumulates
    assert expected == {path: counted.get(path, 0) for path in expected}
    assert sum(expected.values()) == table.multiply_accumulates
    assert table.multiply_accumulates == counter.get_total_flops() // 2
    assert table.multiply_accumulates == multiply_accumulates(network)
    assert table.multiply_accumulates <= 40_000_000


@network_names
def test_gradients_reach_every_parameter(name: str) -> None:
    network = built(name).train()
    loss = nn.functional.cross_entropy(network(doodles()), torch.arange(8))
    torch.autograd.backward(loss)
    for path, parameter in network.named_parameters():
        assert parameter.grad is not None, path
        assert parameter.grad.isfinite().all(), path
        assert parameter.grad.abs().sum() > 0, path


@network_names
def test_a_step_of_its_own_optimiser_reduces_the_loss(name: str) -> None:
    network = built(name).train()
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.eval()  # so that both losses are of the same network
    images, labels = doodles(), torch.arange(8)
    training = ARCHITECTURES[name].training
    # The first steps of a run are a fraction of its learning rate: the warm-up.
    optimizer = torch.optim.AdamW(network.parameters(), lr=training.learning_rate / 10)
    before = nn.functional.cross_entropy(network(images), labels)
    torch.autograd.backward(before)
    optimizer.step()
    with torch.no_grad():
        after = nn.functional.cross_entropy(network(images), labels)
    assert after < before


@network_names
def test_random_weights_neither_fade_nor_blow_up(name: str) -> None:
    network = built(name).train()
    with torch.no_grad():
        logits = network(doodles())
    assert 0.003 < float((logits - logits.mean(dim=0)).std()) < 10, "drawings are told apart"


@network_names
def test_evaluation_is_deterministic_and_of_each_drawing_alone(name: str) -> None:
    network = built(name).eval()
    images = doodles()
    with torch.inference_mode():
        logits, again, alone = network(images), network(images), network(images[3:4])
    assert torch.equal(logits, again)
    assert torch.allclose(logits[3:4], alone, atol=1e-4)


@network_names
def test_its_graph_is_connected(name: str) -> None:
    trace = traced(name)
    known = set(trace.inputs)
    for node in trace.nodes:
        # Nothing comes from nowhere, but for parameters that are used directly.
        assert set(node.inputs) <= known, node.name
        assert node.inputs, node.name
        known.add(node.name)
    read = {source for node in trace.nodes for source in node.inputs}
    assert known - read == {trace.nodes[-1].name}, "each output but the last is read"
    assert trace.nodes[-1].shape == (1, 345)
    field = trace.receptive_field(trace.nodes[-1].name)
    assert field.status == "exact"
    assert field.mask.all(), "the logits see the whole drawing"


def test_shared_layer_runs_twice_and_is_saved_once(tmp_path: Path) -> None:
    trace = traced("multilayer-perceptron")
    first, second = trace.layer("shared", 0), trace.layer("shared", 1)
    assert first.inputs == ("activation1",)
    assert second.inputs == ("activation2",)
    assert second.name == "shared@1"
    network = built("multilayer-perceptron")
    write_weights(network, tmp_path / "weights.safetensors")
    with safe_open(tmp_path / "weights.safetensors", "pt") as file:
        assert sorted(key for key in file.keys() if "shared" in key) == [  # noqa: SIM118
            "shared.bias",
            "shared.weight",
        ]
    restored = built("multilayer-perceptron")
    load_weights(restored, tmp_path / "weights.safetensors")
    assert restored.get_submodule("shared") is restored.get_submodule("shared_again")


def test_branches_of_an_inception_module_join() -> None:
    trace = traced("googlenet")
    join = trace["inception3a.cat"]
    assert join.inputs == (
        "inception3a.branches.1x1.activation",
        "inception3a.branches.3x3.1.activation",
        "inception3a.branches.5x5.1.activation",
        "inception3a.branches.pooling.1.activation",
    )
    readers = [node.name for node in trace.nodes if "stem.activation" in node.inputs]
    assert len(readers) == 4
    assert len([node for node in trace.nodes if node.kind == "cat"]) == 5


def test_residuals_are_added_to_what_the_block_was_given() -> None:
    trace = traced("resnet")
    joins = {node.module_path: node.inputs for node in trace.nodes if node.kind == "add"}
    assert list(joins) == [f"stage{stage}.{block}" for stage in (1, 2, 3) for block in (0, 1)]
    assert joins["stage1.0"] == ("stage1.0.shortcut", "stage1.0.normalisation2")
    assert joins["stage2.0"] == ("stage2.0.shortcut.1", "stage2.0.normalisation2")
    assert trace["stage1.0.shortcut"].inputs == ("stem.activation",)


def test_dense_layers_are_put_beside_all_before_them() -> None:
    trace = traced("densenet")
    joins = [node for node in trace.nodes if node.kind == "cat"]
    assert [node.shape[1] for node in joins if node.module_path == "block1"] == [36, 48, 60, 72]
    assert len(joins) == 4 + 6 + 6
    for before, after in pairwise(joins[:4]):
        assert after.inputs[0] == before.name


def test_subsampling_is_an_average_with_a_learned_scale_and_shift() -> None:
    layer = Subsampling(2)
    with torch.no_grad():
        layer.coefficient.copy_(torch.tensor([2.0, -1.0]).view(1, 2, 1, 1))
        layer.bias.copy_(torch.tensor([0.5, 3.0]).view(1, 2, 1, 1))
        output = layer(torch.tensor([[[[1.0, 2.0], [3.0, 6.0]], [[0.0, 4.0], [0.0, 4.0]]]]))
    assert output.flatten().tolist() == [6.5, 1.0]
    assert {path for path, _ in layer.named_parameters()} == {"coefficient", "bias"}


@network_names
def test_weights_survive_being_written(name: str, tmp_path: Path) -> None:
    network = built(name).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    with torch.no_grad():
        network(doodles())  # moves the statistics of normalisations off their first values
    path = tmp_path / "weights.safetensors"
    write_weights(network, path)
    assert path.stat().st_size < LARGEST
    torch.manual_seed(8)
    restored = ARCHITECTURES[name]()
    load_weights(restored, path)
    assert restored.state_dict().keys() == network.state_dict().keys()
    for key, tensor in network.state_dict().items():
        assert torch.equal(restored.state_dict()[key], tensor), key
