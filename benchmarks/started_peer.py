"""Servers of others, each in a session of its own, stopped by the numbers of its processes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.load.processes import family

ROOT = Path(__file__).parents[1]
PYTHON = ROOT / ".venv/peers/bin/python"
"""Of the environment that ``make peers`` makes."""
PATIENCE = 120.0
STOPPING = 15.0


@contextmanager
def started_peer(
    module: str, path: str, body: bytes, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[int, int]]:
    """Yield the port and the first process of a server that answers ``body`` at ``path``.

    Args:
        module: of benchmarks/peers, a program that is told its port.

    Raises:
        RuntimeError: it ended, or did not answer within two minutes; its output is the message.
    """
    port = free_port()
    with tempfile.NamedTemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        process = subprocess.Popen(
            [str(PYTHON), "-m", f"benchmarks.peers.{module}", str(port)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={
                **os.environ,
                "MOSEC_ADDRESS": "127.0.0.1",
                "MOSEC_PORT": str(port),
                **(environment or {}),
            },
            start_new_session=True,
        )
        try:
            if not _answers(process, f"http://127.0.0.1:{port}{path}", body):
                output.seek(0)
                raise RuntimeError(f"{module} does not answer:\n{output.read()[-2000:]}")
            yield port, process.pid
        finally:
            _stop(process)


def free_port() -> int:
    """A port of this machine at which nobody listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
    return port


def _answers(process: subprocess.Popen[bytes], address: str, body: bytes) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            headers = {"Content-Type": "application/json"}
            if httpx.post(address, content=body, headers=headers, timeout=5).is_success:
                return True
        time.sleep(0.2)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, and end what is left of it."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=STOPPING)
    for member in family(process.pid):
        with contextlib.suppress(ProcessLookupError):
            if os.getsid(member) == process.pid:
                os.kill(member, signal.SIGKILL)
    process.wait()
