"""A Ray of its own on this machine with the application on it: a process to be started by a test.

It says ``ready PORT``, answers each line that it reads with ``running`` and the number of its
replicas, and stops everything at the end of its input.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile

import ray
from ray import serve

from server.cluster import app
from server.cluster.deployment import NAME

STORE_BYTES = 100 * 2**20


def main(replicas: int) -> None:
    """Serve until the input ends."""
    # As `serve run` does it: first the application, then Ray, which inherits the environment.
    arguments = {"min_replicas": replicas, "max_replicas": replicas, "cpus": 0.5}
    application = app({name: str(value) for name, value in arguments.items()})
    folder = tempfile.mkdtemp(prefix="ray")  # a short path: sockets lie in it
    try:
        ray.init(
            num_cpus=max(1, replicas),
            include_dashboard=False,
            object_store_memory=STORE_BYTES,
            log_to_driver=True,
            _node_ip_address="127.0.0.1",
            _temp_dir=folder,
        )
        port = free_port()
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        serve.run(application)
        print(f"ready {port}", flush=True)
        for _ in sys.stdin:
            print("running", running(), flush=True)
        serve.shutdown()  # type: ignore[no-untyped-call]
        ray.shutdown()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def running() -> int:
    """How many replicas run."""
    states = serve.status().applications["default"].deployments[NAME].replica_states
    return int(states.get("RUNNING", 0))  # type: ignore[call-overload]


if __name__ == "__main__":
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # else it keeps a token in the home folder
    main(int(sys.argv[1]))
