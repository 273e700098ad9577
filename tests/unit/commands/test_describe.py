"""``doodlescope describe``: its table, its JSON, its errors."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from server.commands.describe import describe
from server.commands.failure import CommandFailed
from server.commands.layer_table import memory, print_rows, rows_of, short
from server.services.layer_fields import layer_fields
from server.services.sources import TracedModel, open_model, trace_opened
from tests.support.asgi import Client

ROOT = Path(__file__).parents[3]

NETWORK = '''
import sys
import time
from torch import nn


class Talking(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(1, 2, 3)

    def forward(self, x):
        print("forward runs")
        return self.convolution(x)


def talking():
    print("building")
    return Talking()


def mismatched():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(77, 5))


def picking():
    return Picking()


class Picking(nn.Module):
    """Reads where its input says."""

    def forward(self, x):
        return x.flatten(1).gather(1, x.flatten(1).long())


def slow():
    print("building", flush=True)
    time.sleep(60)
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "describable.py").write_text(NETWORK, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    monkeypatch.delitem(sys.modules, "describable", raising=False)
    return tmp_path


def described(capsys: pytest.CaptureFixture[str], spec: str, *inputs: str) -> dict[str, Any]:
    """The JSON of a model, which is all that there is on standard output."""
    describe(spec, inputs, None, as_json=True)
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


# Parameters and multiply-accumulates as timm and torchvision publish them, the last within a
# percent; size of the field of the last map where one was published.
@pytest.mark.parametrize(
    ("spec", "parameters", "giga", "field"),
    [
        ("timm:convnext_tiny", 28_589_128, 4.47, None),
        ("timm:densenet121", 7_978_856, 2.87, 2071),
        ("torchvision:googlenet", 6_624_904, 1.498, None),
        ("timm:swin_tiny_patch4_window7_224", 28_288_354, 4.51, None),
    ],
)
def test_architectures_of_libraries_are_described(
    spec: str, parameters: int, giga: float, field: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    found = described(capsys, spec)
    if spec.endswith("googlenet"):  # published without the auxiliary classifiers
        parameters += 6_379_984
    assert found["parameters"] == parameters
    assert found["multiply_accumulates"] == pytest.approx(giga * 1e9, rel=0.02)
    assert found["device"] == "meta"
    assert found["output_shape"] == [1, 1000]
    assert found["uncertain"] == []
    nodes = found["nodes"]
    assert sum(node["multiply_accumulates"] for node in nodes) == found["multiply_accumulates"]
    assert sum(node["activation_bytes"] for node in nodes) == found["activation_bytes"]
    if field:
        sizes = [node["receptive_field"]["size"] for node in nodes if node["receptive_field"]]
        assert max(sizes) == [field, field]


def test_nodes_are_those_of_the_api(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    answered = client.get("/api/v1/models/doodle-classifier").json()
    found = described(capsys, "doodle-classifier")
    assert found["nodes"] == answered["nodes"]
    assert found["parameters"] == answered["parameters"]
    assert found["inputs"] == [{"name": None, "shape": [1, 1, 28, 28], "dtype": "float32"}]


def test_what_a_model_prints_is_kept_from_the_answer(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    describe("describable:talking", ["x=1x6x6:float32"], None, as_json=True)
    printed = capsys.readouterr()
    assert json.loads(printed.out)["inputs"] == [
        {"name": "x", "shape": [1, 1, 6, 6], "dtype": "float32"}
    ]
    assert "building" in printed.err
    assert "forward runs" in printed.err


def test_a_field_that_values_decide_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = described(capsys, "describable:picking", "1x2x2")
    assert found["uncertain"] == [{"operator": "gather", "status": "bound", "from": "gather"}]
    describe("describable:picking", ["1x2x2"], None, as_json=False)
    table = capsys.readouterr().out
    assert "(≤ all)" in table
    assert "Fields from gather on may be too large: values decide what gather reads." in table


def test_what_does_not_fit_is_diagnosed(folder: Path) -> None:
    with pytest.raises(CommandFailed) as caught:
        describe("describable:mismatched", ["3x8x8"], None, as_json=False)
    text = str(caught.value)
    assert text.startswith("describable:mismatched: The forward failed in 2 after 2 nodes")
    assert "in_features" in text
    assert "144" in text


@pytest.mark.parametrize(
    ("spec", "inputs", "message"),
    [
        ("describable:none", [], "describable has no 'none'"),
        ("doodle-classifier", ["3*4"], "'3*4' is not [NAME=]SIZES[:DTYPE]"),
        (
            "doodle-classifier",
            ["drawing=1x28x28"],
            "doodle-classifier takes x: missing a required argument: 'x'",
        ),
        ("doodle-classifier", ["1x28x28", "1x28x28"], "takes x: too many positional arguments"),
    ],
)
def test_what_cannot_be_described_says_why(
    spec: str, inputs: list[str], message: str, folder: Path
) -> None:
    with pytest.raises(CommandFailed) as caught:
        describe(spec, inputs, None, as_json=False)
    assert message in str(caught.value)


@pytest.fixture(scope="module")
def traced() -> TracedModel:
    return trace_opened(open_model("torchvision:googlenet", shapes_only=True))


def table(traced: TracedModel, width: int, depth: int | None) -> tuple[list[str], list[str]]:
    """The lines of a table in a terminal so wide, and the columns left out."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    rows = rows_of(traced.trace, layer_fields(traced.trace), depth)
    left_out = print_rows(console, rows)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()], left_out


def test_a_wide_terminal_has_every_column(traced: TracedModel) -> None:
    lines, left_out = table(traced, 300, None)
    assert not left_out
    titles = "name kind output parameters MACs memory saved field stride start"
    assert lines[0].split() == titles.split()
    assert len(lines) == 2 + len(traced.trace.nodes)
    row = next(line for line in lines if line.startswith("inception3a.branch2.1.conv "))
    kind, output, parameters, macs, *_, size, stride, start, again = row.split()[1:]
    assert (kind, output, parameters) == ("Conv2d", "1×128×28×28", "110,592")
    assert macs == "86.7"  # followed by M: 128 * 28 * 28 * 96 * 3 * 3
    assert (size, stride, start, again) == ("43×43", "8×8", "-15,", "-15")


@pytest.mark.parametrize("width", [100, 80, 60, 40, 20])
def test_a_narrow_terminal_leaves_columns_out_and_cuts_no_text(
    traced: TracedModel, width: int
) -> None:
    lines, left_out = table(traced, width, 1)
    assert left_out
    assert not any("…" in line for line in lines)
    for name in ("inception3a", "maxpool4"):
        assert name in "".join(line.split(" ")[0] for line in lines)


def test_modules_are_folded_to_a_depth(traced: TracedModel) -> None:
    rows = rows_of(traced.trace, layer_fields(traced.trace), 1)
    everything = rows_of(traced.trace, layer_fields(traced.trace), None)
    assert [row.name for row in rows[:3]] == ["conv1", "maxpool1", "conv2"]
    assert next(row for row in rows if row.name == "inception3a").kind == "Inception"
    for total in ("multiply_accumulates", "activation_bytes", "parameters"):
        assert sum(getattr(row, total) for row in rows) == sum(
            getattr(row, total) for row in everything
        )


def test_containers_that_are_not_called_are_no_level() -> None:
    found = trace_opened(open_model("googlenet", shapes_only=True))
    rows = rows_of(found.trace, layer_fields(found.trace), 2)
    names = [row.name for row in rows if row.name.startswith("inception3a.")]
    # Of the branches, in an nn.ModuleDict, each is a row.
    assert names == [
        *(f"inception3a.branches.{branch}" for branch in ("1x1", "3x3", "5x5", "pooling")),
        "inception3a.cat",
    ]


def test_numbers_have_three_digits_and_a_unit() -> None:
    found = [short(number) for number in (0, 7, 999, 1000, 12_345, 999_999, 4.47e9)]
    assert found == ["", "7", "999", "1.00 k", "12.3 k", "1.00 M", "4.47 G"]
    assert [memory(size) for size in (None, 0, 40, 1024, 1536 * 1024)] == [
        "",
        "",
        "40 B",
        "1.00 KiB",
        "1.50 MiB",
    ]


def in_terminal(width: int, **environment: str) -> str:
    """What the command writes to a terminal so wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-m", "server", "describe", "doodle-classifier"],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env={**kept, "TERM": "xterm-256color", **environment},
        cwd=ROOT,
    )
    os.close(theirs)
    written = b""
    try:
        while piece := os.read(ours, 4096):
            written += piece
    except OSError:  # how the end reads on Linux
        pass
    os.close(ours)
    assert process.wait(timeout=120) == 0
    return written.decode()


def test_a_terminal_is_not_overrun_and_has_no_colours_where_none_are_wanted() -> None:
    written = in_terminal(70, NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", written)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written)
    assert max(map(len, plain.splitlines())) <= 70
    assert "Left out for 70 columns: start, saved" in " ".join(plain.split())


def test_a_pipe_gets_the_whole_table_without_colours() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "server", "describe", "doodle-classifier"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "COLUMNS": "40"},
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "start" in done.stdout.splitlines()[1]
    assert done.stderr == ""


def test_a_failure_is_one_line_and_an_interruption_none(folder: Path) -> None:
    command = [sys.executable, "-m", "server", "describe"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, "describable:nobody"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=environment,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "doodlescope: describable has no 'nobody'.\n"

    with subprocess.Popen(
        [*command, "describable:slow"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stderr
        assert process.stderr.readline() == "building\n"
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in printed + errors
