"""What is answered before the application is told of it is answered as HTTP/1.1 has it."""

from __future__ import annotations

import gc
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
import uvicorn
from torch import Tensor, nn

from server.app import create_app
from server.quick_protocol import QuickProtocol, quick_protocol
from server.services.catalog import Catalog, load_catalog
from server.services.lane import Lane
from server.services.lane_job import Job
from server.settings import Settings
from server.socket_protocol import socket_options
from tests.support.drawings import HOUSE, SUN

PATH = "/api/v1/predictions"
USUAL = json.dumps({"drawing": HOUSE}).encode()
QUICK, ORDINARY = "application/json", "application/json; charset=utf-8"


class Gate(nn.Module):
    """A network that waits for the gate, and counts its runs."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.batches: list[int] = []
        self.gate.set()

    def forward(self, images: Tensor) -> Tensor:
        self.batches.append(len(images))
        self.entered.set()
        assert self.gate.wait(30)
        logits: Tensor = self.network(images)
        return logits


class Server:
    """A server in this process, whose one network can be held up."""

    def __init__(
        self, running: uvicorn.Server, port: int, lane: Lane, gate: Gate, seen: list[Any]
    ) -> None:
        self.running = running
        self.port = port
        self.lane = lane
        self.gate = gate
        self.seen = seen
        """Exchanges that were observed."""

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def ask(self, body: bytes, kind: str = QUICK, **fields: str) -> tuple[int, dict[str, str], Any]:
        """Status, header fields and JSON of one request."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        client.request("POST", PATH, body, {"Content-Type": kind, "X-Request-ID": "same", **fields})
        response = client.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        answer = response.status, found, json.loads(response.read())
        client.close()
        return answer


@contextmanager
def serving(**settings: Any) -> Iterator[Server]:
    limits = Settings(form="eager", **settings)
    gates: list[Gate] = []

    def load(_: Settings) -> Catalog:
        name = "softmax-regression"
        model = load_catalog(name, torch.device("cpu"), 64, names=[name]).default
        gates.append(Gate(model.module))
        return Catalog([replace(model, module=gates[0])], name)

    app = create_app(limits, load=load)
    policy = app.state.quick_policy
    seen: list[Any] = []
    object.__setattr__(policy, "observers", (*policy.observers, seen.append))
    listening = socket.create_server(("127.0.0.1", 0))
    options = {**socket_options(limits), "http": quick_protocol(policy)}
    config = uvicorn.Config(app, log_level="warning", lifespan="on", **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.02)
    assert server.started
    port, lane = listening.getsockname()[1], app.state.services.lane
    try:
        yield Server(server, port, lane, gates[0], seen)
    finally:
        gates[0].gate.set()
        server.should_exit = True
        thread.join(60)
        listening.close()
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as started:
        yield started


def until(true: Callable[[], Any]) -> None:
    """Wait until something holds; fails after half a minute."""
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def takes_no_more(server: Server) -> bool:
    """Whether a server that stops has come so far that it takes no connections."""
    try:
        server.connect().close()
    except OSError:
        return True
    return False


def head(body: bytes, *fields: str, version: str = "1.1") -> bytes:
    lines = [
        f"POST {PATH} HTTP/{version}",
        "Host: test",
        f"Content-Type: {QUICK}",
        f"Content-Length: {len(body)}",
        *fields,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def read(connection: socket.socket) -> tuple[int, dict[str, str], Any]:
    """One answer of a connection that stays open, if no other has been asked for."""
    (answer,) = read_all(connection, 1)
    return answer


def read_all(connection: socket.socket, count: int) -> list[tuple[int, dict[str, str], Any]]:
    """So many answers of a connection, all through one buffer: they may come in one piece."""
    answers = []
    with connection.makefile("rb") as file:
        for _ in range(count):
            status = int(file.readline().split()[1])
            fields = http.client.parse_headers(file)
            found = {name.lower(): value for name, value in fields.items()}
            body = file.read(int(found["content-length"]))
            answers.append((status, found, json.loads(body)))
    return answers


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"drawing": HOUSE}, {}),
        ({"drawing": SUN, "top_k": 2}, {"Accept-Encoding": "gzip"}),
        ({"bitmap": [7] * 784}, {"Origin": "https://x.example"}),
        ({"drawing": []}, {}),
        ({"drawing": HOUSE, "top_k": 0}, {}),
        ({"drawing": HOUSE, "model": "nobody"}, {"Connection": "close"}),
    ],
)
def test_both_ways_answer_alike(server: Server, body: Any, fields: dict[str, str]) -> None:
    text = json.dumps(body).encode()
    quick, ordinary = (server.ask(text, kind, **fields) for kind in (QUICK, ORDINARY))
    for _, found, _ in (quick, ordinary):
        found.pop("content-length")
        found.pop("date")
    assert quick == ordinary


def test_it_is_not_told_to_the_application(server: Server) -> None:
    before = len(server.seen)
    server.ask(USUAL)
    server.ask(USUAL, ORDINARY)
    (exchange,) = server.seen[before:]
    assert (exchange.route, exchange.status, exchange.request_id) == (PATH, 200, "same")
    assert exchange.body_bytes > 100
    assert exchange.client == "127.0.0.1"


def test_a_connection_goes_on_and_ids_differ(server: Server) -> None:
    with server.connect() as connection:
        answers = []
        for body in (USUAL, b"{}", USUAL):
            connection.sendall(head(body) + body)
            answers.append(read(connection))
    assert [status for status, _, _ in answers] == [200, 422, 200]
    assert len({found["x-request-id"] for _, found, _ in answers}) == 3
    assert answers[0][2] == answers[2][2]


def test_a_head_that_was_read_before_is_not_parsed_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[bytes] = []
    received: list[bytes] = []
    began, receive = QuickProtocol.on_message_begin, QuickProtocol.data_received

    def count(protocol: QuickProtocol) -> None:
        parsed.append(b"")
        began(protocol)

    def note(protocol: QuickProtocol, data: bytes) -> None:
        received.append(data)
        receive(protocol, data)

    monkeypatch.setattr(QuickProtocol, "on_message_begin", count)
    monkeypatch.setattr(QuickProtocol, "data_received", note)
    bodies = [json.dumps({"drawing": drawing}).encode() for drawing in (HOUSE, SUN)]
    bodies += [body.replace(b"[", b" [", 1) for body in bodies]
    expected = [server.ask(body, ORDINARY)[2] for body in bodies]
    parsed.clear()
    with server.connect() as first, server.connect() as second:
        for connection in (first, second, first):
            for body, answer in zip(bodies, expected, strict=True):
                connection.sendall(head(body) + body)
                status, fields, found = read(connection)
                assert (status, found) == (200, answer)
                assert fields["x-request-id"]
        # the heads of two lengths or more, on one connection; none of the others
        lengths = len({len(body) for body in bodies})
        assert lengths <= len(parsed) <= lengths + 1, "a connection's first head is always parsed"
        before = len(parsed)
        beginning = head(bodies[0])[:30]
        first.sendall(beginning)
        until(lambda: received[-1] == beginning)
        first.sendall(head(bodies[0])[30:] + bodies[0])
        assert read(first)[2] == expected[0]
        assert len(parsed) == before + 1, "not whole: the parser reads it"
        # the end of a head is no head, though it came in one piece with a body
        second.sendall(head(bodies[0])[30:] + bodies[0])
        assert read(second)[0] == 400
        # what is not usual is told to the application, as ever
        broken = bodies[0][:-1] + b"x"
        first.sendall(head(broken) + broken)
        assert read(first)[0] == 400
        two = head(bodies[0]) + bodies[0] + head(bodies[1]) + bodies[1]
        first.sendall(two)
        assert [answer for _, _, answer in read_all(first, 2)] == expected[:2]


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    bodies = [json.dumps({"drawing": SUN, "top_k": count}).encode() for count in (1, 0, 3, 2)]
    with server.connect() as connection:
        connection.sendall(b"".join(head(body) + body for body in bodies))
        answers = read_all(connection, len(bodies))
    counts = [
        len(answer["predictions"]) if status == 200 else status for status, _, answer in answers
    ]
    assert counts == [1, 422, 3, 2]


def test_bodies_in_pieces_and_without_a_length(server: Server) -> None:
    with server.connect() as connection:
        for piece in (head(USUAL)[:30], head(USUAL)[30:] + USUAL[:5], USUAL[5:]):
            connection.sendall(piece)
            time.sleep(0.05)
        known = read(connection)
        chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (len(USUAL), USUAL)
        start = head(USUAL).replace(
            b"Content-Length: %d" % len(USUAL), b"Transfer-Encoding: chunked"
        )
        connection.sendall(start + chunk)
        chunked = read(connection)
    assert known[0] == chunked[0] == 200
    assert known[2] == chunked[2]


@pytest.mark.parametrize(
    ("fields", "version", "closes"),
    [((), "1.1", False), (("Connection: close",), "1.1", True), ((), "1.0", True)],
)
def test_a_connection_closes_as_asked(
    server: Server, fields: tuple[str, ...], version: str, closes: bool
) -> None:
    with server.connect() as connection:
        connection.sendall(head(USUAL, *fields, version=version) + USUAL)
        status, found, _ = read(connection)
        assert status == 200
        assert (found.get("connection") == "close") == closes
        if closes:
            assert connection.recv(1) == b""
        else:
            connection.settimeout(0.3)
            with pytest.raises(TimeoutError):
                connection.recv(1)


def test_who_waits_for_leave_to_send_gets_it(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(head(USUAL, "Expect: 100-continue"))
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(USUAL)
        assert read(connection)[0] == 200


def test_who_leaves_is_skipped_and_counted() -> None:
    with serving() as server:
        server.gate.gate.clear()
        server.gate.entered.clear()
        before = len(server.seen)
        first = server.connect()
        first.sendall(head(USUAL) + USUAL)
        assert server.gate.entered.wait(30)
        waiting, half = server.connect(), server.connect()
        waiting.sendall(head(USUAL) + USUAL)
        half.sendall(head(USUAL) + USUAL[:5])
        until(lambda: server.lane.queued == 1)
        runs = len(server.gate.batches)
        for connection in (first, waiting, half):
            connection.close()
        until(lambda: len(server.seen) == before + 3)
        server.gate.gate.set()
        assert server.ask(USUAL)[0] == 200
        until(lambda: len(server.seen) == before + 4)  # which is after the answer
        assert [each.status for each in server.seen[before:]] == [499, 499, 499, 200]
        assert server.gate.batches[runs:] == [1]  # the last one: nobody wants the second


def test_requests_leave_no_cycles(server: Server) -> None:
    def kept() -> int:
        return sum(type(each) is Job for each in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        with server.connect() as connection:
            for body in (USUAL, USUAL, b'{"drawing": [], "top_k": 0}', USUAL):
                connection.sendall(head(body) + body)
                read(connection)
            server.gate.gate.clear()
            server.gate.entered.clear()
            connection.sendall(head(USUAL) + USUAL)
            assert server.gate.entered.wait(30)
        until(lambda: server.seen[-1].status == 499)  # and one whose client left
        server.gate.gate.set()
        assert server.ask(USUAL)[0] == 200
        until(lambda: kept() == 0)
    finally:
        server.gate.gate.set()
        gc.enable()


def test_stopping_answers_what_was_taken() -> None:
    answers: list[Any] = []
    with serving() as server:
        before = len(server.gate.batches)
        server.gate.gate.clear()
        askers = [
            threading.Thread(target=lambda: answers.append(server.ask(USUAL))) for _ in range(5)
        ]
        for asker in askers:
            asker.start()
        until(lambda: sum(server.gate.batches[before:]) + server.lane.queued == 5)
        server.running.should_exit = True
        until(lambda: takes_no_more(server))  # and then the gate opens
    for asker in askers:
        asker.join(30)
    assert [status for status, _, _ in answers] == [200] * 5


def test_compression_for_others_holds_here_too() -> None:
    many = json.dumps({"drawing": HOUSE, "top_k": 100}).encode()
    with serving(compression="always") as server:
        status, found, _ = server.ask(USUAL)
        assert (status, found["vary"]) == (200, "Accept-Encoding")
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        fields = {"Content-Type": QUICK, "Accept-Encoding": "gzip"}
        client.request("POST", PATH, many, fields)
        response = client.getresponse()
        assert response.getheader("content-encoding") == "gzip"
        assert response.read()[:2] == b"\x1f\x8b"
        client.close()
