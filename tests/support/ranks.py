"""Two processes that train together, without torchrun, so that a test has each in hand."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

Process = subprocess.Popen[str]


@contextmanager
def started_ranks(*commands: Sequence[str]) -> Iterator[list[Process]]:
    """Start a Python command for each rank; what is left of them at the end is killed."""
    # Bound, and not listened on, until the end: the system gives it to nobody else, but the first
    # rank may listen there.
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    port = held.getsockname()[1]
    processes = []
    try:
        for rank, command in enumerate(commands):
            place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": len(commands)}
            place |= {"LOCAL_WORLD_SIZE": len(commands), "OMP_NUM_THREADS": 1}
            meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
            processes.append(
                subprocess.Popen(
                    [sys.executable, *command],
                    env=os.environ
                    | {name: str(value) for name, value in (place | meeting).items()},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()
        held.close()
