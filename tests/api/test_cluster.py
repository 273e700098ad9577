"""A real Ray on this machine, with two replicas, of which one is killed under load."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts.started_cluster import StartedCluster, started_cluster, wait_until
from server.cluster.affinity import COOKIE
from tests.support.asgi import Client
from tests.support.drawings import HOUSE, SUN
from tests.support.problems import assert_problem
from tests.support.sockets import connected

pytest.importorskip("ray.serve", reason="Ray is not there for this machine or Python")
if not Path("/proc/self/environ").exists():
    pytest.skip("the processes of Ray are found by Linux's /proc", allow_module_level=True)

PREDICTIONS = "/api/v1/predictions"
INSPECTIONS = "/api/v1/inspections"
PATIENCE = 180.0
CLIENTS = 8


@pytest.fixture(scope="module")
def cluster() -> Iterator[StartedCluster]:
    with started_cluster(2, {"DOODLESCOPE_FORM": "eager"}) as started:
        yield started
    assert started.process.returncode == 0
    assert started.processes() == {}, "Ray was shut down"


class Load:
    """Clients that ask one prediction after the other until they are told to stop."""

    def __init__(self, address: str, bodies: list[Any]) -> None:
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


def test_two_replicas_answer_as_one_server(cluster: StartedCluster, client: Client) -> None:
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


def test_inspections_of_a_client_stay_in_one_replica(cluster: StartedCluster) -> None:
    for number in range(6):
        cookie = {COOKIE: f"{number:016x}"}
        with httpx.Client(base_url=cluster.address, cookies=cookie, timeout=PATIENCE) as asked:
            kept = asked.post(INSPECTIONS, json={"drawing": [[[0, 9 + number], [0, 9]]]})
            assert kept.status_code == 201, kept.text
            for _ in range(4):
                assert asked.get(kept.headers["location"]).status_code == 200


def test_a_live_session_is_where_the_inspections_of_its_page_are(cluster: StartedCluster) -> None:
    for number in range(4):
        cookie = f"{COOKIE}={number:016x}"
        address = cluster.address.removeprefix("http://")
        with connected(address, additional_headers={"Cookie": cookie}) as drawer:
            ready = drawer.hello()
            drawer.send(type="watch", layers=["linear"])
            answer = drawer.inspection(drawer.replace(HOUSE))
            drawer.frame()
            kept = f"{cluster.address}{INSPECTIONS}/{answer['inspection']}"
            found = httpx.get(kept, headers={"Cookie": cookie}, timeout=PATIENCE)
            assert found.status_code == 200
            drawer.connection.socket.shutdown(socket.SHUT_RDWR)  # without a word
        with connected(address, additional_headers={"Cookie": cookie}) as drawer:
            assert drawer.hello(resume=ready["session"])["resumed"]


def test_a_killed_replica_loses_no_request(cluster: StartedCluster, client: Client) -> None:
    # Lists, so that requests are in the replicas most of the time, rather than on their way.
    bodies = [
        [{"drawing": [*HOUSE, [[0, n], [n, m]]], "top_k": 1} for n in range(1, 51)]
        for m in range(1, 4)
    ]
    expected = [client.post(PREDICTIONS, json=body).json() for body in bodies]
    # So many that each replica surely has some, wherever chance puts it among them.
    sessions = [{COOKIE: f"{number:016x}"} for number in range(32)]
    drawing = {"drawing": SUN}
    kept = {
        httpx.post(
            cluster.address + INSPECTIONS, json=drawing, cookies=cookie, timeout=PATIENCE
        ).headers["location"]
        for cookie in sessions
    }
    assert len(kept) == 1, "the same input has the same id, whichever replica keeps it"
    address = cluster.address + kept.pop()

    with Load(cluster.address, bodies) as load:
        wait_until(lambda: len(load.answers) > 2 * CLIENTS, "the load is answered")
        killed = cluster.replicas()[0]
        os.kill(killed, signal.SIGSTOP)  # so that there surely are requests in it
        try:
            wait_until(lambda: load.waiting(1.0), "the stopped replica has requests")
        finally:
            os.kill(killed, signal.SIGKILL)
        answered = len(load.answers)
        wait_until(lambda: len(load.answers) > answered + 2 * CLIENTS, "the other one goes on")

    statuses = Counter(
        answer.status_code if isinstance(answer, httpx.Response) else repr(answer)
        for _, answer in load.answers
    )
    assert statuses == {200: len(load.answers)}
    for chosen, answer in load.answers:
        assert isinstance(answer, httpx.Response)
        for one, other in zip(answer.json(), expected[chosen], strict=True):
            assert_same(one, other)

    wait_until(
        lambda: killed not in (left := cluster.replicas()) and len(left) == cluster.running() == 2,
        "there are two replicas again",
    )
    wait_until(lambda: "gave no answer" in cluster.output(), "requests were sent again")
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
