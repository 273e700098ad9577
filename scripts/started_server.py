"""Start the real `doodlescope serve` on a free port, for tests and for the screenshots."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

HOST = "127.0.0.1"
# Importing torch and loading the weights on a busy two-core machine takes a while.
PATIENCE = 180.0


@contextmanager
def started_server(environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield the address of a server that answers, such as http://127.0.0.1:40123.

    Args:
        environment: settings (DOODLESCOPE_...) on top of this process's environment.

    Raises:
        RuntimeError: it ended, or did not answer within three minutes; its output is the message.
    """
    address = f"http://{HOST}:{_free_port()}"
    port = address.rpartition(":")[2]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "server", "serve", "--host", HOST, "--port", port],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
        try:
            if not _answers(f"{address}/healthz", process):
                output.seek(0)
                said = output.read().decode(errors="replace")
                raise RuntimeError(f"The server did not start. It said:\n{said}")
            yield address
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    return False
