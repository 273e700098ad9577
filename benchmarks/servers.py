"""The servers that the benchmark compares, and how each is started."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks.load import limits
from benchmarks.load.bodies import MODEL
from benchmarks.started_peer import started_peer
from scripts.started_server import started_process

OPTIONS = (
    *("--model", "benchmarks.common_network:common", "--name", MODEL, "--input", "1x28x28"),
    *("--labels", "server/doodle/categories.txt"),
)
"""Of our own command line."""


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
        yield port, ours.process.pid
