"""Start a real Ray on this machine with replicas of the application, for tests and benchmarks.

The program itself (``python -m scripts.started_cluster REPLICAS``) says ``ready PORT``, answers
each line that it reads with ``running`` and the number of its replicas, and stops everything at the
end of its input.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PATIENCE = 240.0
STORE_BYTES = 100 * 2**20
MARK = "DOODLESCOPE_STARTED_CLUSTER"
"""Variable by which the processes of one Ray are known: all inherit it."""


@dataclass(frozen=True)
class StartedCluster:
    """A Ray that answers, with all that belongs to it."""

    process: subprocess.Popen[str]
    mark: str
    _output: Path

    @property
    def address(self) -> str:
        """Where its proxy answers, such as http://127.0.0.1:40123."""
        return f"http://127.0.0.1:{self.said('ready')[0]}"

    def output(self) -> str:
        """What all of its processes have printed and logged so far."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def processes(self) -> dict[int, str]:
        """The numbers of its processes, and their titles."""
        return dict(_marked(self.mark))

    def replicas(self) -> list[int]:
        """The processes of its replicas."""
        titles = self.processes().items()
        return [number for number, title in titles if title.startswith("ray::ServeReplica")]

    def running(self) -> int:
        """How many replicas Ray says are running."""
        before = len(self.said("running"))
        assert self.process.stdin is not None
        self.process.stdin.write("?\n")
        self.process.stdin.flush()
        wait_until(lambda: len(self.said("running")) > before, "it says how many replicas run")
        return self.said("running")[-1]

    def said(self, word: str) -> list[int]:
        """The numbers that the program has said under this word, among Ray's own lines."""
        return [int(number) for number in re.findall(rf"^{word} (\d+)$", self.output(), re.M)]


@contextmanager
def started_cluster(
    replicas: int, environment: Mapping[str, str] | None = None
) -> Iterator[StartedCluster]:
    """Yield a Ray of its own with so many replicas, and stop all of it afterwards.

    Args:
        environment: settings (DOODLESCOPE_...) on top of this process's environment.

    Raises:
        RuntimeError: it ended, or was not ready within four minutes; its output is the message.
    """
    mark = uuid.uuid4().hex
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    # Without a token, which Ray would keep in the home folder: it listens on this machine only.
    ours = {
        MARK: mark,
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(ROOT),
        "RAY_AUTH_MODE": "disabled",
    }
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "output.txt")
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "scripts.started_cluster", str(replicas)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
                env={**inherited, **ours, MARK: mark, **(environment or {})},
            )
        cluster = StartedCluster(process, mark, output)
        try:
            wait_until(lambda: process.poll() is not None or cluster.said("ready"), "Ray starts")
            if process.poll() is not None:
                raise RuntimeError(f"Ray has ended:\n{cluster.output()}")
            yield cluster
        finally:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=PATIENCE)
            for number in cluster.processes():  # none, if it could stop them itself
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
            process.wait()


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition; raises RuntimeError after four minutes."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"In vain waited until {what}.")
        time.sleep(0.05)


def _marked(mark: str) -> Iterator[tuple[int, str]]:
    """Processes that inherited ``mark``, and their titles."""
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # ended meanwhile, or another user's
            if folder.name.isdigit() and f"{MARK}={mark}".encode() in (
                (folder / "environ").read_bytes().split(b"\0")
            ):
                yield int(folder.name), (folder / "cmdline").read_text().replace("\0", " ").strip()


def _serve(replicas: int) -> None:
    """Serve until the input ends."""
    import ray
    from ray import serve

    from server.cluster import app
    from server.cluster.deployment import NAME

    # As `serve run` does it: first the application, then Ray, which inherits the environment.
    settings = {"min_replicas": replicas, "max_replicas": replicas, "cpus": 0.5}
    application = app({name: str(value) for name, value in settings.items()})
    folder = tempfile.mkdtemp(prefix="ray")  # a short path: sockets lie in it
    try:
        ray.init(
            num_cpus=max(1, replicas),
            include_dashboard=False,
            object_store_memory=STORE_BYTES,
            _node_ip_address="127.0.0.1",
            _temp_dir=folder,
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        serve.run(application)
        print("ready", port, flush=True)
        for _ in sys.stdin:
            deployments = serve.status().applications["default"].deployments
            states = {str(state): n for state, n in deployments[NAME].replica_states.items()}
            print("running", states.get("RUNNING", 0), flush=True)
        serve.shutdown()  # type: ignore[no-untyped-call]
        ray.shutdown()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
