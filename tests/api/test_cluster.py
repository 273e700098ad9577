"""A real Ray on this machine, with two replicas, of which one is killed under load."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.cluster.affinity import COOKIE
from tests.support.asgi import Client
from tests.support.drawings import HOUSE, SUN
from tests.support.problems import assert_problem

pytest.importorskip("ray.serve", reason="Ray is not there for this machine or Python")
if not Path("/proc/self/environ").exists():
    pytest.skip("the processes of Ray are found by Linux's /proc", allow_module_level=True)

PREDICTIONS = "/api/v1/predictions"
INSPECTIONS = "/api/v1/inspections"
PATIENCE = 180.0
MARK = "DOODLESCOPE_TEST_CLUSTER"
CLIENTS = 8


@dataclass(frozen=True)
class Cluster:
    """A Ray that was started, with all that belongs to it."""

    process: subprocess.Popen[str]
    mark: str
    output: Path

    def replicas(self) -> list[int]:
        """The processes of its replicas."""
        return [pid for pid, title in marked(self.mark) if title.startswith("ray::ServeReplica")]

    def running(self) -> int:
        """How many replicas Ray says are running."""
        before = len(self.said("running"))
        assert self.process.stdin is not None
        self.process.stdin.write("?\n")
        self.process.stdin.flush()
        until(lambda: len(self.said("running")) > before, "it says how many there are")
        return self.said("running")[-1]

    def said(self, word: str) -> list[int]:
        """The numbers that the process has said under this word, among Ray's own lines."""
        return [int(n) for n in re.findall(rf"^{word} (\d+)$", self.output.read_text(), re.M)]

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.said('ready')[0]}"


def marked(mark: str) -> Iterator[tuple[int, str]]:
    """Processes that inherited ``mark``, and their titles."""
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # ended meanwhile, or another user's
            if folder.name.isdigit() and f"{MARK}={mark}".encode() in (
                (folder / "environ").read_bytes().split(b"\0")
            ):
                yield int(folder.name), (folder / "cmdline").read_text().replace("\0", " ")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    mark = uuid.uuid4().hex
    output = tmp_path_factory.mktemp("ray") / "output.txt"
    environment = {name: value for name, value in os.environ.items() if name[:4] != "RAY_"}
    with output.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.ray_cluster", "2"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            env={**environment, MARK: mark, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"},
        )
    started = Cluster(process, mark, output)
    try:
        until(lambda: process.poll() is not None or started.said("ready"), "Ray is ready")
        assert process.poll() is None, output.read_text()
        yield started
    finally:
        process.communicate(timeout=PATIENCE)
        left = dict(marked(mark))
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    assert process.returncode == 0, output.read_text()
    assert left == {}, "Ray was shut down"


class Load:
    """Clients that ask one prediction after the other until they are told to stop."""

    def __init__(self, address: str, bodies: list[dict[str, Any]]) -> None:
        self._address = address
        self._bodies = bodies
        self._stop = threading.Event()
        self._asked_at: dict[int, float] = {}
        self.answers: list[tuple[int, httpx.Response | Exception]] = []
        self._threads = [
            threading.Thread(target=self._ask, args=(number,)) for number in range(CLIENTS)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def waiting(self, seconds: float) -> int:
        """How many requests have been waiting for so long."""
        now = time.monotonic()
        return sum(now - since > seconds for since in list(self._asked_at.values()))

    def _ask(self, number: int) -> None:
        with httpx.Client(base_url=self._address, timeout=PATIENCE) as client:
            for count in range(1_000_000):
                if self._stop.is_set():
                    return
                chosen = (number + count) % len(self._bodies)
                self._asked_at[number] = time.monotonic()
                answer: httpx.Response | Exception
                try:
                    answer = client.post(PREDICTIONS, json=self._bodies[chosen])
                except httpx.HTTPError as error:
                    answer = error
                del self._asked_at[number]
                self.answers.append((chosen, answer))


def until(condition: Any, what: str) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_two_replicas_answer_as_one_server(cluster: Cluster, client: Client) -> None:
    assert len(cluster.replicas()) == cluster.running() == 2
    with httpx.Client(base_url=cluster.address, timeout=PATIENCE) as asked:
        ours = client.post(PREDICTIONS, json={"drawing": HOUSE})
        theirs = asked.post(PREDICTIONS, json={"drawing": HOUSE}, headers={"X-Request-ID": "one"})
        assert theirs.status_code == 200, theirs.text
        assert_same(theirs.json(), ours.json())
        assert theirs.headers.get_list("x-request-id") == ["one"]
        assert theirs.headers["x-content-type-options"] == "nosniff"
        assert_problem(asked.post(PREDICTIONS, json={"drawing": []}), 422)
        assert_problem(asked.get("/api/v1/models/nobody"), 404)
        large = {"drawing": [[list(range(9_000)), list(range(9_000))]] * 3}
        assert asked.post(PREDICTIONS, json=large).status_code == 200, "not carried, but fetched"
        page = asked.get("/")
        assert page.headers["content-type"].startswith("text/html")
        assert COOKIE in asked.cookies
        assert asked.get("/static/css/tokens.css").status_code == 200


def test_inspections_of_a_client_stay_in_one_replica(cluster: Cluster) -> None:
    for number in range(6):
        cookie = {COOKIE: f"{number:016x}"}
        with httpx.Client(base_url=cluster.address, cookies=cookie, timeout=PATIENCE) as asked:
            kept = asked.post(INSPECTIONS, json={"drawing": [[[0, 9 + number], [0, 9]]]})
            assert kept.status_code == 201, kept.text
            for _ in range(4):
                assert asked.get(kept.headers["location"]).status_code == 200


def test_a_killed_replica_loses_no_request(cluster: Cluster, client: Client) -> None:
    bodies = [{"drawing": [*HOUSE, [[0, n], [n, 9]]], "top_k": 3} for n in range(1, 5)]
    bodies += [{"drawing": SUN, "top_k": 3}]
    expected = [client.post(PREDICTIONS, json=body).json() for body in bodies]
    sessions = [{COOKIE: f"{number:016x}"} for number in range(8)]
    drawing = {"drawing": SUN}
    kept = {
        httpx.post(cluster.address + INSPECTIONS, json=drawing, cookies=cookie).headers["location"]
        for cookie in sessions
    }
    assert len(kept) == 1, "the same input has the same id, whichever replica keeps it"
    address = cluster.address + kept.pop()

    with Load(cluster.address, bodies) as load:
        until(lambda: len(load.answers) > 5 * CLIENTS, "the load is answered")
        killed = cluster.replicas()[0]
        os.kill(killed, signal.SIGSTOP)  # so that there surely are requests in it
        try:
            until(lambda: load.waiting(1.0), "the stopped replica has requests")
        finally:
            os.kill(killed, signal.SIGKILL)
        answered = len(load.answers)
        until(lambda: len(load.answers) > answered + 5 * CLIENTS, "the other one goes on")

    statuses = Counter(
        answer.status_code if isinstance(answer, httpx.Response) else repr(answer)
        for _, answer in load.answers
    )
    assert statuses == {200: len(load.answers)}
    for chosen, answer in load.answers:
        assert isinstance(answer, httpx.Response)
        assert_same(answer.json(), expected[chosen])

    until(
        lambda: killed not in (left := cluster.replicas()) and len(left) == cluster.running() == 2,
        "there are two replicas again",
    )
    until(lambda: "gave no answer" in cluster.output.read_text(), "requests were sent again")
    lost = 0
    for cookie in sessions:
        with httpx.Client(cookies=cookie, timeout=PATIENCE) as asked:
            found = asked.get(address)
            if found.status_code != 200:
                assert_problem(found, 410)
                lost += 1
                again = asked.post(cluster.address + INSPECTIONS, json=drawing)
                assert cluster.address + again.headers["location"] == address
                assert asked.get(address).status_code == 200
    assert 0 < lost < len(sessions), "only what the killed one kept"


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Two predictions are the same, but for the order of additions in a batch."""
    assert [each["label"] for each in found["predictions"]] == [
        each["label"] for each in expected["predictions"]
    ]
    for one, other in zip(found["predictions"], expected["predictions"], strict=True):
        assert one["probability"] == pytest.approx(other["probability"], abs=1e-5)
