"""Start the real `doodlescope serve` on a free port, for tests and for the screenshots."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

READY = re.compile(r"doodlescope is ready at (http://\S+)")
# Importing torch and loading the weights on a busy two-core machine takes a while.
PATIENCE = 180.0


@contextmanager
def started_server(environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield the address that the server says it is ready at, such as http://127.0.0.1:40123.

    Args:
        environment: settings (DOODLESCOPE_...) on top of this process's environment.

    Raises:
        RuntimeError: it ended, or was not ready within three minutes; its output is the message.
    """
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "output.txt")
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "server", "serve", "--host", "127.0.0.1", "--port", "0"],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            )
        try:
            yield _announced_address(output, process)
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _announced_address(output: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        said = output.read_text(encoding="utf-8", errors="replace")
        ready = READY.search(said)
        if ready:
            return ready[1]
        if ended:
            raise RuntimeError(f"The server ended with status {process.returncode}:\n{said}")
        time.sleep(0.1)
    raise RuntimeError(f"The server was not ready after {PATIENCE:.0f} s:\n{said}")
