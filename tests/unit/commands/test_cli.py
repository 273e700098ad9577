"""The command line as it is typed, on data of a few shapes."""

import io
import json
import re
import socket
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from safetensors.torch import load_file

from models import ARCHITECTURES, load_model
from server import __version__
from server.cli import main
from server.doodle.raster import render
from server.doodle.strokes import Drawing
from server.training.dataset import STROKES_FILE
from tests.unit.training.data import write_strokes, write_training_data

LINE = '{"word": "line", "drawing": [[[0, 255], [0, 40]]]}'


def doodlescope(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "server", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def called(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """As ``doodlescope``, in this process: to start another one takes seconds."""
    output, errors, status = io.StringIO(), io.StringIO(), 0
    arguments = ["doodlescope", *map(str, words)]
    with (
        patch.object(sys, "argv", arguments),
        redirect_stdout(output),
        redirect_stderr(errors),
    ):
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
    return subprocess.CompletedProcess(arguments, status, output.getvalue(), errors.getvalue())


def test_version_and_help() -> None:
    assert doodlescope("--version").stdout == f"doodlescope {__version__}\n"
    text = doodlescope("--help").stdout
    for command in ("serve", "train", "evaluate", "predict"):
        assert command in text


def test_trains_resumes_and_evaluates_what_it_trained(tmp_path: Path) -> None:
    data = write_training_data(tmp_path)
    output = tmp_path / "runs" / "small.safetensors"
    words = ("train", "--data", data, "--output", output, "--steps", "3", "--batch-size", "8")
    first = called(*words)
    assert first.returncode == 0, first.stderr
    card = json.loads(output.with_suffix(".json").read_text(encoding="utf-8"))
    assert card["version"] in first.stdout
    assert card["trained"]["steps"] == 3

    again = called(*words)
    assert again.returncode == 0
    assert "had come to its end" in again.stdout
    changed = called(*words, "--seed", "1")
    assert changed.returncode == 1
    assert "belongs to a run with seed 0 and not 1; --restart" in changed.stderr
    restarted = called(*words, "--seed", "1", "--restart")
    assert restarted.returncode == 0, restarted.stderr

    write_strokes(tmp_path / "test.ndjson.gz", each=3, seed=9)
    judged = called(
        "evaluate", tmp_path / "test.ndjson.gz", "--weights", output, "--json", "--record"
    )
    assert judged.returncode == 0, judged.stderr
    figures = json.loads(judged.stdout)
    assert figures["n"] == 12
    assert {"top1", "top3", "map3", "categories", "version"} <= figures.keys()
    card = json.loads(output.with_suffix(".json").read_text(encoding="utf-8"))
    assert card["accuracy"]["test"]["map3"] == pytest.approx(figures["map3"], abs=1e-4)
    assert figures["version"] == card["version"]


def test_trains_another_network_with_its_own_settings(tmp_path: Path) -> None:
    data = write_training_data(tmp_path)
    output = tmp_path / "mlp.safetensors"
    words = ("train", "--data", data, "--model", "multilayer-perceptron", "--output", output)
    trained = called(*words, "--steps", "3", "--batch-size", "8")
    assert trained.returncode == 0, trained.stderr
    card = json.loads(output.with_suffix(".json").read_text(encoding="utf-8"))
    architecture = ARCHITECTURES["multilayer-perceptron"]
    assert card["name"] == card["trained"]["model"] == "multilayer-perceptron"
    assert card["title"] == architecture.title
    assert card["paper"] == architecture.paper
    assert card["scaled"] == architecture.scaled
    assert card["parameters"] == 582_105
    assert card["multiply_accumulates"] == 728_448
    assert card["trained"]["learning_rate"] == architecture.training.learning_rate
    assert card["trained"]["mixup"] == architecture.training.mixup
    assert card["trained"]["command"] == (
        "doodlescope train --model multilayer-perceptron --seed 0 --steps 3 --batch-size 8"
    )
    lines = tmp_path / "line.ndjson"
    lines.write_text(LINE, encoding="utf-8")
    named = ("--model", "multilayer-perceptron", "--weights", output)
    answer = json.loads(called("predict", lines, *named, "--json").stdout)
    assert (answer["model"], answer["version"]) == ("multilayer-perceptron", card["version"])


def test_trains_on_from_weights_and_learns_from_networks(tmp_path: Path) -> None:
    data = write_training_data(tmp_path)
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    words = ("train", "--data", data, "--model", "multilayer-perceptron", "--batch-size", "8")
    trained = called(*words, "--steps", "3", "--output", first)
    assert trained.returncode == 0, trained.stderr
    taught = ("--start", first, "--teacher", f"{first}=0.5", "--teacher", "lenet-5")
    trained = called(*words, "--steps", "2", "--output", second, *taught)
    assert trained.returncode == 0, trained.stderr
    card = json.loads(second.with_suffix(".json").read_text(encoding="utf-8"))
    assert card["trained"]["first_batch"] == 3
    assert card["trained"]["start"] == str(first)
    assert card["trained"]["teachers"] == [f"{first}=0.5", "lenet-5"]
    before = json.loads(first.with_suffix(".json").read_text(encoding="utf-8"))
    assert [ancestor["weights"] for ancestor in card["trained"]["ancestors"]] == [
        str(first),
        "lenet-5",
    ]
    assert card["trained"]["ancestors"][0]["version"] == before["version"]
    assert card["trained"]["ancestors"][0]["command"] == before["trained"]["command"]
    assert card["trained"]["command"].endswith(
        f"--start {first} --teacher {first}=0.5 --teacher lenet-5"
    )


def test_killed_run_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    data = write_training_data(tmp_path)
    output = tmp_path / "runs" / "small.safetensors"
    words = ["train", "--data", str(data), "--output", str(output)]
    words += ["--steps", "90", "--batch-size", "4", "--checkpoint-every", "40"]
    command = [sys.executable, "-m", "server", *words]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            checkpoint = output.with_suffix(".pt")
            for _ in range(1200):
                if checkpoint.is_file() or process.poll() is not None:
                    break
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(timeout=0.1)
        finally:
            process.kill()
    assert checkpoint.is_file()
    resumed = doodlescope(*words)
    assert resumed.returncode == 0, resumed.stderr
    step = re.search(r"going on from step (\d+)", resumed.stdout)
    assert step is not None
    assert int(step[1]) in (40, 80)
    assert load_file(output)


def test_predicts_drawings_and_pictures_alike(tmp_path: Path) -> None:
    lines = tmp_path / "drawings.ndjson"
    lines.write_text(f"{LINE}\n[[[0, 9, 9, 0, 0], [0, 0, 9, 9, 0]]]\n", encoding="utf-8")
    answer = json.loads(called("predict", lines, "--json", "--top-k", "3").stdout)
    image = render(Drawing.from_lists([[[0, 255], [0, 40]]]))
    with torch.inference_mode():
        logits = load_model("doodle-classifier").module(
            torch.from_numpy(image).float().div(255).view(1, 1, 28, 28)
        )
    probability, label = logits.softmax(dim=1)[0].max(dim=0)
    best = answer["answers"][0]["predictions"][0]
    assert best["probability"] == pytest.approx(float(probability), abs=1e-5)
    assert best["logit"] == pytest.approx(float(logits[0, label]), abs=1e-4)
    assert [len(one["predictions"]) for one in answer["answers"]] == [3, 3]

    from PIL import Image

    picture = tmp_path / "line.png"
    Image.fromarray(255 - image).resize((280, 280)).save(picture)
    table = called("predict", picture)
    assert table.returncode == 0, table.stderr
    assert best["label"] in table.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("evaluate", "nowhere.ndjson"), "nowhere.ndjson"),
        (("evaluate", "{empty}"), "holds no drawings"),
        (("evaluate", "{broken}"), "line 1"),
        (("evaluate", "{notgzip}"), "Not a gzipped file"),
        (("evaluate", "{line}", "--report", "nowhere/report.html"), "no folder nowhere"),
        (("predict", "{broken}"), "line 1"),
        (("predict", "{text}"), "not a PNG, JPEG, WebP or GIF"),
        (("predict", "{line}", "--model", "oracle"), "oracle"),
        (("predict", "{line}", "--weights", "{text}"), "text.png holds no weights"),
        (("predict", "{line}", "--device", "abacus"), "abacus"),
        (
            ("train", "--data", "nowhere", "--model", "oracle"),
            "there is doodle-classifier, softmax",
        ),
        (("train", "--data", "nowhere", "--start", "oracle"), "neither a .safetensors file nor"),
        (("train", "--data", "nowhere", "--start", "{line}.safetensors"), "line.ndjson.json"),
        (("train", "--data", "nowhere", "--start", "lenet-5"), "no weights of doodle-classifier"),
        (("train", "--data", "nowhere", "--teacher", "vgg=0"), "a number above 0, not '0'"),
        (("train", "--data", "nowhere", "--output", "{line}.safetensors"), STROKES_FILE),
        (("train", "--data", "nowhere", "--output", "{line}/under/a.file"), "line.ndjson"),
    ],
)
def test_failure_is_one_line_that_names_the_cause(
    words: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    (tmp_path / "empty.ndjson").write_text("\n", encoding="utf-8")
    (tmp_path / "broken.ndjson").write_text("{", encoding="utf-8")
    (tmp_path / "notgzip.ndjson.gz").write_text("{}", encoding="utf-8")
    (tmp_path / "text.png").write_text("a text that is named .png", encoding="utf-8")
    (tmp_path / "line.ndjson").write_text(LINE, encoding="utf-8")
    files = {path.name.split(".")[0]: str(path) for path in tmp_path.iterdir()}
    finished = called(*(word.format(**files) for word in words))
    assert finished.returncode == 1
    assert "Traceback" not in finished.stderr
    assert len(finished.stderr.splitlines()) == 1
    assert finished.stderr.startswith("doodlescope: ")
    assert message in finished.stderr


def test_checkpoint_that_is_none_is_refused(tmp_path: Path) -> None:
    data = write_training_data(tmp_path)
    checkpoint = tmp_path / "checkpoint.pt"
    checkpoint.write_text("no checkpoint", encoding="utf-8")
    words = ("train", "--data", data, "--output", tmp_path / "a.safetensors", "--steps", "2")
    finished = called(*words, "--checkpoint", checkpoint)
    assert finished.returncode == 1
    assert (
        finished.stderr == f"doodlescope: {checkpoint} is no checkpoint; --restart begins anew.\n"
    )


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("PORT", "abc", "DOODLESCOPE_PORT is 'abc': Input should be a valid integer"),
        ("BATCH", "0", "DOODLESCOPE_BATCH is '0': Input should be greater than"),
        ("BATCH", "2000", "batch (2000) is larger than queued_images (1024)"),
        ("DEFAULT_MODEL", "oracle", "DOODLESCOPE_DEFAULT_MODEL is 'oracle'; there is doodle-"),
    ],
)
def test_wrong_setting_is_named_as_it_is_set(
    variable: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"DOODLESCOPE_{variable}", value)
    finished = called("serve")
    assert finished.returncode == 1
    assert len(finished.stderr.splitlines()) == 1
    assert message in finished.stderr


def test_serving_on_a_port_that_is_taken_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        finished = doodlescope("serve", "--port", port)
    assert finished.returncode == 1
    assert "address already in use" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert f"could not start on 127.0.0.1:{port}" in finished.stderr.splitlines()[-1]
