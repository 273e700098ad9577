"""The servers that the benchmark compares, and how each is started."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks.load import limits
from benchmarks.load.bodies import MODEL
from benchmarks.started_peer import started_peer
from scripts.started_server import Started, started_process

OPTIONS = (
    *("--model", "benchmarks.common_network:common", "--name", MODEL, "--input", "1x28x28"),
    *("--labels", "server/doodle/categories.txt"),
)
"""Of our own command line."""

FORMS = re.compile(r"^Predictions .*run in", re.MULTILINE)
"""What our server says when it has found the fastest form of each network."""
PATIENCE = 600.0
"""Seconds: the first time every network is exported, later ones read what was kept."""


@dataclass(frozen=True)
class Server:
    """One of the servers.

    A peer is a program in benchmarks/peers; ours, which has none, is the real command.
    """

    name: str
    title: str
    path: str
    program: str | None = None
    answers: bool = True
    """Whether its answers are the network's."""


SERVERS = (
    Server("ours", limits.OURS, "/api/v1/predictions"),
    Server("naive", limits.NAIVE, "/predict", "naive_fastapi"),
    Server("litserve", limits.LITSERVE, "/predict", "litserve_batching"),
    Server("mosec", limits.MOSEC, "/inference", "mosec_tutorial"),
    Server("mosec-tuned", limits.TUNED, "/inference", "mosec_tuned"),
    Server("no-op", "no-op ASGI", "/predict", "bare_asgi", answers=False),
)


@contextmanager
def started(
    server: Server, body: bytes, environment: Mapping[str, str]
) -> Iterator[tuple[int, int]]:
    """Yield the port that it listens at and its first process, once it answers."""
    if server.program is not None:
        with started_peer(server.program, server.path, body, environment) as found:
            yield found
        return
    with started_process(options=OPTIONS) as ours:
        port = urlsplit(ours.address).port
        assert port is not None, "the address that it announces has a port"
        wait_for_forms(ours)
        yield port, ours.process.pid


def wait_for_forms(ours: Started) -> None:
    """Until it has tried all networks' forms: it answers before, and works at that besides.

    Raises:
        RuntimeError: it has not said so within some minutes.
    """
    deadline = time.monotonic() + PATIENCE
    while not FORMS.search(ours.output()):
        if time.monotonic() > deadline or ours.process.poll() is not None:
            raise RuntimeError(f"Our server has not tried its forms:\n{ours.output()}")
        time.sleep(0.2)
