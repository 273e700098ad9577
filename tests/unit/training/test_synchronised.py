"""Two processes: batch normalisation is that of one with both batches; they see who differs."""

from __future__ import annotations

import json

import torch
from torch import nn

from tests.support.ranks import started_ranks

SCRIPT = """
import json
import os
import torch
from torch import distributed, nn
from server.training.ranks import RanksFailed, joined
from tests.unit.training.test_synchronised import network, pictures

with joined(torch.device("cpu")) as ranks:
    model = ranks.synchronised(network())
    trained = ranks.together(model)
    own = pictures().chunk(ranks.count)[ranks.rank]
    for _ in range(2):
        model.zero_grad()
        output = trained(own)
        output.square().mean().backward()
    outputs = [torch.empty_like(output) for _ in range(ranks.count)]
    distributed.all_gather(outputs, output.detach())
    ranks.agree(settings="the same")
    try:
        ranks.agree(step=5, data=f"shards {ranks.rank}")
    except RanksFailed as error:
        said = str(error)
    print(json.dumps({
        "said": said,
        "output": torch.cat(outputs).tolist(),
        "gradients": [parameter.grad.tolist() for parameter in model.parameters()],
        "state": {name: value.tolist() for name, value in model.state_dict().items()},
        "judged": model.eval()(pictures()).tolist(),
    }), flush=True)
    if ranks.rank == 1:
        os._exit(9)
    ranks.wait()
"""


def network() -> nn.Module:
    torch.manual_seed(1)
    layers = nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 3, 3, bias=False),
        nn.BatchNorm2d(3, affine=False, momentum=None),
        nn.Flatten(),
        nn.Linear(3 * 4 * 4, 5),
    )
    return layers.double()


def pictures() -> torch.Tensor:
    # The second half is brighter, so that each half alone has other statistics.
    generator = torch.Generator().manual_seed(2)
    images = torch.rand(6, 1, 8, 8, generator=generator, dtype=torch.float64)
    return images * torch.tensor([1.0, 1, 1, 4, 4, 4]).view(6, 1, 1, 1)


def test_two_processes_are_as_one_and_miss_each_other() -> None:
    model = network()
    for _ in range(2):
        model.zero_grad()
        output = model(pictures())
        output.square().mean().backward()
    with started_ranks(["-c", SCRIPT], ["-c", SCRIPT]) as processes:
        said = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [1, 9], said
    assert "RanksFailed: process 0 of 2: another process is gone (" in said[0][1]
    for printed, _ in said:
        found = json.loads(printed)
        assert found["said"] == (
            "the processes do not have the same data: shards 0 in 0; shards 1 in 1"
        )
        assert found["state"].keys() == model.state_dict().keys()
        torch.testing.assert_close(torch.tensor(found["output"], dtype=torch.float64), output)
        for gradient, parameter in zip(found["gradients"], model.parameters(), strict=True):
            assert parameter.grad is not None
            torch.testing.assert_close(torch.tensor(gradient, dtype=torch.float64), parameter.grad)
        for name, expected in model.state_dict().items():
            torch.testing.assert_close(
                torch.tensor(found["state"][name], dtype=torch.float64), expected.double()
            )
        judged = model.eval()(pictures())
        torch.testing.assert_close(torch.tensor(found["judged"], dtype=torch.float64), judged)
