"""The image's files, checked and run without a container engine, as far as that goes.

Where ``DOODLESCOPE_TEST_IMAGE`` is set, every RUN line is run as it stands, which takes the network
and some minutes; else those that fetch packages are left to this environment's, and the others run.
``TORCH`` is the build argument, and ``UV_FIND_LINKS`` and its like reach what is run.
"""

from __future__ import annotations

import fnmatch
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from scripts.started_server import announced_address
from server import __version__
from server.settings import Settings
from tests.support.dockerfile import Instruction, instructions, stages
from tests.support.drawings import HOUSE
from tests.support.image_tree import Tree

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PACKAGES, APPLICATION, RUNTIME = stages(DOCKERFILE)
COMPOSE_FILES = ["docker-compose.yml", "docker-compose.cuda.yml"]
TOOLS = Path(sys.executable).parent
IN_FULL = bool(os.environ.get("DOODLESCOPE_TEST_IMAGE"))


def of(stage: list[Instruction], name: str) -> list[Instruction]:
    return [instruction for instruction in stage if instruction.name == name]


def environment_of(stage: list[Instruction]) -> dict[str, str]:
    return dict(
        pair.split("=", 1) for instruction in of(stage, "ENV") for pair in instruction.words
    )


def sources(instruction: Instruction) -> list[str]:
    """What a COPY takes from the repository."""
    words = instruction.words
    return [] if any(word.startswith("--from") for word in words) else words[:-1]


COPIED = [
    source
    for stage in (PACKAGES, APPLICATION, RUNTIME)
    for copy in of(stage, "COPY")
    for source in sources(copy)
]


def test_the_dockerfile_passes_its_lint() -> None:
    if sys.platform != "linux":
        pytest.skip("hadolint is installed on Linux only")
    done = subprocess.run(
        [str(TOOLS / "hadolint"), "--no-color", str(ROOT / "Dockerfile")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert not done.stdout


@pytest.mark.parametrize("name", COMPOSE_FILES)
def test_compose_files_fit_their_schema(name: str) -> None:
    schema = ["--builtin-schema", "vendor.compose-spec"]
    command = [str(TOOLS / "check-jsonschema"), *schema, str(ROOT / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_service_is_bounded_unprivileged_and_local() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert set(services) == {"app", "prometheus", "grafana"}
    for name, service in services.items():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert {"cpus", "memory"} <= service["deploy"]["resources"]["limits"].keys()
        assert any(mount.startswith("/tmp:size=") for mount in service["tmpfs"])
        assert all(":-127.0.0.1:" in port for port in service["ports"])
        assert service.get("profiles", []) == ([] if name == "app" else ["monitoring"])
        assert not any("password" in key.lower() for key in service.get("environment", {}))
    app = services["app"]
    grace = int(app["stop_grace_period"].removesuffix("s"))
    defaults = Settings.model_fields
    assert grace > defaults["stop_seconds"].default + defaults["drain_seconds"].default


def test_compose_and_the_image_agree() -> None:
    app = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["app"]
    (argument,) = app["build"]["args"]
    assert argument in {each.value.partition("=")[0] for each in of(PACKAGES, "ARG")}
    image = environment_of(RUNTIME)
    (exposed,) = of(RUNTIME, "EXPOSE")
    assert image["DOODLESCOPE_PORT"] == exposed.value
    assert image["DOODLESCOPE_HOST"] == "0.0.0.0"
    for setting in ("DOODLESCOPE_HOST", "DOODLESCOPE_PORT"):
        assert app["environment"][setting] == image[setting]
    assert app["ports"][0].endswith(f":{exposed.value}")


def test_compose_keeps_exported_networks_in_a_folder_of_the_image() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    folder = compose["services"]["app"]["environment"]["DOODLESCOPE_CACHE"]
    assert compose["services"]["app"]["volumes"] == [f"cache:{folder}"]
    assert "cache" in compose["volumes"]
    # A volume has the mode of the folder that it is mounted at, and the user is not root.
    (run,) = of(RUNTIME, "RUN")
    assert f"mkdir --mode=1777 {folder}" in run.command


def test_a_cache_of_ones_own_begins_with_what_the_image_has(tmp_path: Path) -> None:
    made, cache, tools = (tmp_path / name for name in ("made", "cache", "tools"))
    for folder in (made / "numba", made / "forms", cache, tools):
        folder.mkdir(parents=True)
    shutil.copy(ROOT / "deploy/image/start.sh", tmp_path)
    (tools / "python").write_text('#!/bin/sh\necho started "$@"\n')
    (tools / "python").chmod(0o755)
    (made / "forms/ours.onnx").write_text("exported in the build")
    (made / "forms/both.onnx").write_text("exported in the build")
    (cache / "both.onnx").write_text("exported here")
    for setting in (cache, "off", "auto", tmp_path / "nowhere"):
        done = subprocess.run(
            ["sh", str(tmp_path / "start.sh"), "serve"],
            env={
                "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
                "TMPDIR": str(tmp_path),
                "DOODLESCOPE_CACHE": str(setting),
            },
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "started -P -m server serve\n"
        assert not done.stderr
    kept = {file.name: file.read_text() for file in cache.iterdir()}
    assert kept == {"ours.onnx": "exported in the build", "both.onnx": "exported here"}


def test_settings_of_the_image_are_settings() -> None:
    known = {f"DOODLESCOPE_{name}".upper() for name in Settings.model_fields}
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    named = {*environment_of(RUNTIME), *services["app"]["environment"]}
    assert {name for name in named if name.startswith("DOODLESCOPE_")} <= known


def test_what_is_copied_is_there_and_reaches_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    assert patterns[0] == "*"
    assert len(COPIED) > 8
    for source in COPIED:
        assert (ROOT / source).exists(), source
        assert not ignored(source, patterns), source
    for left_out in (
        ".git/config",
        ".venv/bin/python",
        "tests/conftest.py",
        ".env",
        "static/vendor",
    ):
        assert ignored(left_out, patterns), left_out
    assert ignored("server/__pycache__/app.cpython-311.pyc", patterns)


def ignored(path: str, patterns: list[str]) -> bool:
    """Whether .dockerignore leaves a file out: the last pattern that fits it, or a folder of it."""
    parts = Path(path).parts
    prefixes = ["/".join(parts[: number + 1]) for number in range(len(parts))]
    result = False
    for pattern in patterns:
        wanted = pattern.removeprefix("!").removeprefix("**/")
        anywhere = pattern.startswith("**/")
        for prefix in prefixes:
            name = prefix.rpartition("/")[2] if anywhere else prefix
            # Here, as there, a star stands for no slash.
            if fnmatch.fnmatchcase(name, wanted) and name.count("/") == wanted.count("/"):
                result = not pattern.startswith("!")
    return result


def test_nothing_but_what_runs_is_in_the_last_stage() -> None:
    copied = [word for copy in of(RUNTIME, "COPY") for word in copy.words[:-1]]
    assert [word for word in copied if word.startswith("/")] == [
        f"/srv/doodlescope/{name}" for name in ("environment", "application", "made")
    ]
    assert not any(
        word in ("pip", "uv", "apt-get", "npm") for run in of(RUNTIME, "RUN") for word in run.words
    )
    (user,) = of(RUNTIME, "USER")
    assert all(int(part) >= 10_000 for part in user.value.split(":"))


def test_versions_are_those_of_the_project() -> None:
    labels = " ".join(label.value for label in of(RUNTIME, "LABEL"))
    assert f'org.opencontainers.image.version="{__version__}"' in labels
    uv = {line for file in ("Makefile", "Dockerfile") for line in (ROOT / file).read_text().split()}
    assert len({word for word in uv if word.startswith("uv==")}) == 1
    (python,) = [each.value for each in instructions(DOCKERFILE)[:1]]
    assert python.startswith("PYTHON=3.11.")


def health(port: int) -> int:
    """The status of the health check against a server on this machine."""
    (check,) = of(RUNTIME, "HEALTHCHECK")
    command = json.loads(check.value.partition("CMD ")[2])
    copied = {Path(name).name: name for copy in of(RUNTIME, "COPY") for name in sources(copy)}
    script = ROOT / copied[Path(command[-1]).name]
    done = subprocess.run(
        [sys.executable, *command[1:-1], script],
        env={**os.environ, "DOODLESCOPE_PORT": str(port), "http_proxy": "http://127.0.0.1:9"},
        check=False,
    )
    return done.returncode


@pytest.mark.parametrize(("status", "expected"), [(200, 0), (503, 1), (404, 1)])
def test_the_health_check_asks_whether_the_server_is_ready(status: int, expected: int) -> None:
    asked = []

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert health(server.server_port) == expected
        thread.join()
    assert asked == ["/readyz"]
    assert health(server.server_port) == 1  # nobody listens any more


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """What the image has in /srv, made by its RUN and COPY lines."""
    made = Tree(tmp_path_factory.mktemp("image") / "srv")
    made.make()
    if refusal := made.refusal():
        pytest.skip(refusal)
    given = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    if IN_FULL:
        build_in_full(made, given)
    else:
        build_with_this_environment(made, given)
    (prepare,) = [run for run in of(APPLICATION, "RUN") if "prepare.py" in run.value]
    copy(made, APPLICATION, only="prepare.py")
    # Exporting every network takes a minute: the full run does.
    command = prepare.command
    made.build(command if IN_FULL else command.replace("=onnxruntime", "=eager"), given)
    for run in of(RUNTIME, "RUN"):
        made.build(run.command, given)
    copy(made, RUNTIME)
    return made


def copy(tree: Tree, stage: list[Instruction], only: str = "") -> None:
    """Do what COPY lines do with files of the repository."""
    for instruction in of(stage, "COPY"):
        target = tree.folder / "build" / instruction.words[-1]
        if instruction.words[-1].startswith("/srv/"):
            target = tree.folder / instruction.words[-1].removeprefix("/srv/")
        for source in sources(instruction):
            if not source.endswith(only):
                continue
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("vendor"))
            else:
                target.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, target)


def build_in_full(tree: Tree, given: dict[str, str]) -> None:
    # The base image's Python, into which the first line may install.
    subprocess.run([sys.executable, "-m", "venv", "--copies", tree.folder / "base"], check=True)
    environment = {
        **given,
        **environment_of(PACKAGES),
        "TORCH": os.environ.get("TORCH", "cpu"),
        "PATH": f"/srv/base/bin{os.pathsep}{given['PATH']}",
    }
    for stage in (PACKAGES, APPLICATION):
        copy(tree, stage)
        for run in of(stage, "RUN"):
            if "prepare.py" not in run.value:
                tree.build(run.command, environment)


def build_with_this_environment(tree: Tree, given: dict[str, str]) -> None:
    (line,) = [run for run in of(PACKAGES, "RUN") if " -m venv " in run.value]
    tree.build(
        line.command.partition("&& ")[2], {**given, "PATH": f"{TOOLS}{os.pathsep}{given['PATH']}"}
    )
    (packages,) = (tree.folder / "doodlescope/environment").glob("lib/python*/site-packages")
    (packages / "locked.pth").write_text(sysconfig.get_path("purelib") + "\n")
    wheels, target = str(tree.folder / "build/dist"), str(tree.folder / "doodlescope/application")
    for command in (
        ["wheel", "--no-build-isolation", "--wheel-dir", wheels, str(ROOT)],
        ["install", "--find-links", wheels, "--target", target, "doodlescope"],
    ):
        offline = [sys.executable, "-m", "pip", "--quiet", *command, "--no-deps", "--no-index"]
        subprocess.run(offline, check=True, env=given)


@pytest.fixture(scope="module")
def image_environment() -> dict[str, str]:
    image = environment_of(RUNTIME)
    path = image.pop("PATH").replace("$PATH", os.environ["PATH"])
    # What was not exported above is not exported now.
    form = {} if IN_FULL else {"DOODLESCOPE_FORM": "eager"}
    here = {"DOODLESCOPE_HOST": "127.0.0.1", "DOODLESCOPE_PORT": "0"}
    return {**image, **form, **here, "PATH": path}


def started(tree: Tree, environment: dict[str, str], output: Path) -> subprocess.Popen[bytes]:
    (entry,), (arguments,) = of(RUNTIME, "ENTRYPOINT"), of(RUNTIME, "CMD")
    return tree.start([*entry.words, *arguments.words], environment, output)


@pytest.fixture(scope="module")
def process(
    tree: Tree, image_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    output = tmp_path_factory.mktemp("output") / "output.txt"
    process = started(tree, image_environment, output)
    try:
        yield process, output
    finally:
        process.kill()
        process.wait()


def compiled(folder: Path) -> set[str]:
    found = {file.name for file in folder.rglob("*.nbc")}
    assert found
    return found


def test_the_server_runs_where_nothing_can_be_written(
    process: tuple[subprocess.Popen[bytes], Path], tree: Tree
) -> None:
    running, output = process
    address = announced_address(output, running)
    port = urlsplit(address).port
    assert port
    request = urllib.request.Request(
        f"{address}/api/v1/predictions",
        json.dumps({"drawing": HOUSE}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert json.load(answer)["predictions"][0]["label"] == "house"
    with urllib.request.urlopen(f"{address}/", timeout=60) as page:
        assert b"<html" in page.read()
    assert health(port) == 0
    status = Path(f"/proc/{running.pid}/status").read_text()
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(facts["CapBnd"], 16) == int(facts["CapInh"], 16) == 0
    assert facts["NoNewPrivs"] == "1"
    # It compiled nothing that was not compiled before: no function has a second version of itself.
    used = Path(f"/proc/{running.pid}/root/srv/scratch/doodlescope/numba")
    assert compiled(used) == compiled(tree.folder / "doodlescope/made/numba")
    running.send_signal(signal.SIGTERM)
    assert running.wait(60) in (0, -signal.SIGTERM)
    assert "Traceback" not in output.read_text()
    assert health(port) == 1


def test_it_says_so_where_it_has_no_folder_to_write_to(
    tree: Tree, image_environment: dict[str, str], tmp_path: Path
) -> None:
    output = tmp_path / "output.txt"
    with output.open("wb") as file:
        done = subprocess.run(
            ["sh", tree.folder / "doodlescope/start.sh", "serve"],
            env={**image_environment, "TMPDIR": "/proc/nothing"},
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    assert done.returncode == 1
    assert "docker run --tmpfs" in output.read_text()
