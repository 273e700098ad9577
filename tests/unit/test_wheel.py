"""A wheel carries all that a checkout has: code, weights, pages and the browser's libraries."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # Without isolation, and with static/vendor as the lock file says, this needs no network.
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder)]
    command = [sys.executable, "-m", "pip", "wheel", *options, str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    (built,) = folder.glob("*.whl")
    return built


def files_below(folder: str, *, beside: str = "") -> set[str]:
    return {
        beside + path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_every_file_of_code_weights_and_pages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = files_below("server") | files_below("models")
    for folder in ("static", "templates"):
        expected |= files_below(folder, beside="server/_assets/")
    assert held == expected
    vendor = "server/_assets/static/vendor/swagger-ui"
    assert {f"{vendor}/{name}" for name in ("swagger-ui-bundle.js", "LICENSE")} <= held


def test_the_wheel_finds_its_pages_inside_itself(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    ask = "import server.paths as paths; print(paths.STATIC, paths.TEMPLATES, sep='\\n')"
    command = [sys.executable, "-c", ask]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    static, templates = map(Path, done.stdout.splitlines())
    assert static == tmp_path / "server" / "_assets" / "static"
    assert (static / "vendor" / "swagger-ui" / "swagger-ui.css").is_file()
    assert (templates / "base.html").is_file()
