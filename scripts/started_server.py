"""Start the real `doodlescope serve` on a free port, for tests and for the screenshots."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

READY = re.compile(r"doodlescope is ready at (http://\S+)")
# Importing torch and loading the weights on a busy two-core machine takes a while.
PATIENCE = 180.0


@dataclass(frozen=True)
class Started:
    """A server that answers."""

    address: str
    process: subprocess.Popen[bytes]
    _output: Path

    def output(self) -> str:
        """What it has printed and logged so far."""
        return self._output.read_text(encoding="utf-8", errors="replace")


@contextmanager
def started_server(environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield the address that the server says it is ready at, such as http://127.0.0.1:40123.

    Args:
        environment: settings (DOODLESCOPE_...) on top of this process's environment.

    Raises:
        RuntimeError: it ended, or was not ready within three minutes; its output is the message.
    """
    with started_process(environment) as started:
        yield started.address


@contextmanager
def started_process(
    environment: Mapping[str, str] | None = None, options: Sequence[str] = ()
) -> Iterator[Started]:
    """As `started_server`, with the process and what it prints.

    Args:
        environment: as there.
        options: of the command line, besides the address to listen on.
    """
    command = [sys.executable, "-m", "server", "serve", "--host", "127.0.0.1", "--port", "0"]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "output.txt")
        with output.open("wb") as file:
            process = subprocess.Popen(
                [*command, *options],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            )
        try:
            yield Started(announced_address(output, process), process, output)
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def announced_address(output: Path, process: subprocess.Popen[bytes]) -> str:
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
