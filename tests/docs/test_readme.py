"""The README is a contract: its examples run, its tables are the code's, its pictures exist."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.readme import with_tables
from scripts.started_server import started_server
from server.settings import Settings

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8000"
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.M | re.S)
CURL = [code for language, code in BLOCKS if language == "bash" and "curl " in code]
PYTHON = [code for language, code in BLOCKS if language == "python" and "127.0.0.1" in code]
COMMANDS = [
    code for language, code in BLOCKS if language == "bash" and "doodlescope predict" in code
]

SERVED = [code for language, code in BLOCKS if language == "bash" and "--model docs." in code]
SHOWN = [code for language, code in BLOCKS if language == "python" and "import show" in code]

DESCRIBED: list[tuple[str, str]] = re.findall(
    r"^```bash\n(doodlescope describe .*)\n```\n\n```text\n(.*?)^```$", README, re.M | re.S
)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with started_server() as started:
        yield started


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to run an example in: it finds docs/ as in the repository, and may write."""
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    return tmp_path


def run(command: list[str], folder: Path, path: str | None = None) -> str:
    environment = {**os.environ, "PATH": path or os.environ["PATH"]}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def without_curl(folder: Path) -> str:
    """Return a PATH on which `curl` is the stand-in beside this file."""
    tools = folder / "tools"
    tools.mkdir()
    for tool in ("bash", "cat", "env"):
        found = shutil.which(tool)
        assert found
        (tools / tool).symlink_to(found)
    # A link would lose the virtual environment.
    (tools / "python3").write_text(f'#!{shutil.which("bash")}\nexec "{sys.executable}" "$@"\n')
    (tools / "python3").chmod(0o755)
    return f"{tools}{os.pathsep}{HERE}"


def test_there_are_examples_of_each_kind() -> None:
    assert len(CURL) >= 4
    assert len(PYTHON) >= 3
    assert COMMANDS
    assert SERVED
    assert SHOWN
    assert DESCRIBED


@pytest.mark.parametrize("code", CURL)
@pytest.mark.parametrize("client", ["curl", "stand-in"])
def test_curl_examples_run(code: str, client: str, address: str, folder: Path) -> None:
    if client == "curl" and shutil.which("curl") is None:
        pytest.skip("this machine has no curl; the same example runs with the stand-in")
    path = without_curl(folder) if client == "stand-in" else None
    script = code.replace(ADDRESS, address)
    printed = run(["bash", "-euo", "pipefail", "-c", script], folder, path)
    written = [file for file in folder.iterdir() if file.is_file()]
    assert all(file.stat().st_size for file in written)
    assert printed or written
    if printed.startswith(("{", "[")):
        json.loads(printed)


@pytest.mark.parametrize("code", PYTHON)
def test_python_examples_run(code: str, address: str, folder: Path) -> None:
    # Some clients take the address without its scheme.
    scheme = "http://"
    here = code.replace(ADDRESS.removeprefix(scheme), address.removeprefix(scheme))
    assert run([sys.executable, "-c", here], folder).strip()


@pytest.mark.parametrize("code", COMMANDS)
def test_commands_run(code: str, folder: Path) -> None:
    commands = Path(sys.executable).parent
    path = f"{commands}{os.pathsep}{os.environ['PATH']}"
    printed = run(["bash", "-euo", "pipefail", "-c", code], folder, path)
    (first,) = re.findall(r"guess.*\n[^│]*│ (.*?) +│", printed)
    (last,) = re.findall(r'^\{"model".*', printed, re.M)
    assert first == json.loads(last)["answers"][0]["predictions"][0]["label"] == "cat"


@pytest.mark.parametrize("code", SERVED)
def test_models_of_ones_own_are_served(code: str, folder: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "DOODLESCOPE_PORT": "0", "PYTHONUNBUFFERED": "1"}
    command = ["bash", "-euo", "pipefail", "-c", f"exec {code}"]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(1 + code.count("--model"))]
        finally:
            process.terminate()
    assert "doodlescope is ready at http://" in lines[0]
    assert "/models/docs.examples.colours-Colours" in lines[1]
    assert "/models/another-lenet" in lines[2]


@pytest.mark.parametrize("code", SHOWN)
def test_live_modules_are_shown(code: str, folder: Path) -> None:
    assert "Open http://127.0.0.1:" in run([sys.executable, "-c", code], folder)


@pytest.mark.parametrize(("command", "printed"), DESCRIBED)
def test_descriptions_are_what_the_command_prints(command: str, printed: str, folder: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    lines = run(["bash", "-euo", "pipefail", "-c", command], folder, path).splitlines()
    assert [line.rstrip() for line in lines] == printed.splitlines()


def test_the_tables_are_what_the_code_and_the_model_card_say() -> None:
    assert with_tables(README) == README, "run: make readme"


def test_every_setting_says_what_it_means() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_every_picture_and_file_that_is_linked_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README) + re.findall(
        r"(?:src|srcset)=\"([^\":]+)\"", README
    )
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


def test_the_commands_named_are_the_commands_that_make_has() -> None:
    rules = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"`?make ([a-z]+)", README)) <= rules
