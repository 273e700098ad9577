"""The full data set in small: downloaded in all four forms, sharded, trained by two processes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from server.commands.download import download
from server.commands.shard import shard
from server.commands.train import train
from server.training.checkpoint import load_checkpoint
from server.training.loop import Configuration
from server.training.sharding import Plan
from tests.support.ranks import started_ranks
from tests.unit.doodle.published_server import publishing
from tests.unit.training.published_data import MIXED, published_files

STEPS = 48
EVERY = 8
MODEL = "lenet-5"


@pytest.fixture(scope="module")
def downloaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files in four forms, fetched from a server on this machine."""
    folder = tmp_path_factory.mktemp("full") / "quickdraw"
    files = {f"/full/{name}": content for name, content in published_files(60).items()}
    with pytest.MonkeyPatch.context() as patch, publishing(files) as served:
        patch.setenv("NO_PROXY", "127.0.0.1")
        for category, form in MIXED.items():
            source = f"{served.address}/full"
            download([category], [form], False, folder, source, connections=2, look_only=False)
    return folder


@pytest.fixture(scope="module")
def shards(downloaded: Path) -> Path:
    folder = downloaded.parent / "shards"
    shard(downloaded, folder, Plan(parts=4, shard_drawings=20, held_out=5))
    return folder


def words(data: Path, output: Path, *more: str) -> list[str]:
    settings = ["--model", MODEL, "--steps", str(STEPS), "--batch-size", "16"]
    settings += ["--checkpoint-every", str(EVERY), "--precision", "float32"]
    return ["-m", "server", "train", "--data", str(data), "--output", str(output), *settings, *more]


def torchrun(data: Path, output: Path) -> subprocess.CompletedProcess[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return subprocess.run(
        [*launcher, "--nproc-per-node", "2", *words(data, output)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def uninterrupted(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of a run of two processes."""
    output = tmp_path_factory.mktemp("together") / "network.safetensors"
    finished = torchrun(shards, output)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count(f"Training {MODEL} on cpu with 2 processes, starting at") == 1
    assert finished.stdout.count("Wrote ") >= 1
    assert "Traceback" not in finished.stderr
    return output


def test_two_processes_train_as_one(shards: Path, uninterrupted: Path, tmp_path: Path) -> None:
    configuration = Configuration.for_model(MODEL, steps=STEPS, batch_size=16)
    alone = tmp_path / "network.safetensors"
    train(shards, alone, alone.with_suffix(".pt"), configuration, "cpu", False, STEPS, "float32")
    one, two = (load_checkpoint(path.with_suffix(".pt")) for path in (alone, uninterrupted))
    assert one.step == two.step == STEPS
    assert one.data == two.data != ""
    for name, expected in one.model.items():
        torch.testing.assert_close(two.model[name], expected, rtol=1e-3, atol=2e-5)
        assert not torch.equal(expected, torch.zeros_like(expected))
    cards = [json.loads(path.with_suffix(".json").read_text()) for path in (alone, uninterrupted)]
    assert cards[0]["data"] == cards[1]["data"]
    assert cards[0]["data"]["bitmaps"] == 55
    assert cards[0]["data"]["stroke_drawings"] == 3 * 50
    assert "20 drawings, drawn by seed 0" in cards[0]["data"]["split"]


def test_killed_processes_go_on_to_the_same_weights(
    shards: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    output = tmp_path / "network.safetensors"
    checkpoint = output.with_suffix(".pt")
    command = words(shards, output)
    with started_ranks(command, command) as processes:
        while not checkpoint.is_file() and all(each.poll() is None for each in processes):
            with pytest.raises(subprocess.TimeoutExpired):
                processes[0].wait(timeout=0.01)
        for process in processes:
            process.kill()  # SIGKILL
    assert 0 < load_checkpoint(checkpoint).step < STEPS
    assert not output.exists()
    with started_ranks(command, command) as processes:
        (said, error), _ = [each.communicate(timeout=240) for each in processes]
    assert [each.returncode for each in processes] == [0, 0], error
    step = re.search(r"with 2 processes, going on from step (\d+)", said)
    assert step is not None
    assert int(step[1]) % EVERY == 0
    expected = load_file(uninterrupted)
    for name, found in load_file(output).items():
        assert torch.equal(found, expected[name]), name  # to the last bit
