"""What is no HTTP request gets a problem from the real server too, which answers on."""

import http.client
import json
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from scripts.started_server import started_server
from server.security import SECURITY_HEADERS


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    with started_server() as url:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        yield parts.hostname, parts.port


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"FOO /api/v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
        b"this is no request\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # how a TLS client begins
    ],
)
def test_malformed_request_is_a_problem(address: tuple[str, int], request_bytes: bytes) -> None:
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(request_bytes)
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.status == 400
        assert response.getheader("content-type") == "application/problem+json"
        problem = json.loads(response.read())
    assert problem["status"] == 400
    assert problem["type"] == "/problems/malformed-request"
    assert problem["title"]
    assert problem["detail"].startswith("Invalid HTTP request")
    client = http.client.HTTPConnection(*address, timeout=30)
    client.request("GET", "/healthz")
    assert client.getresponse().status == 200
    client.close()


def exchanged(address: tuple[str, int], sent: bytes) -> bytes:
    """All that the server answers until it closes the connection."""
    received = b""
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(sent)
        while piece := connection.recv(65_536):
            received += piece
    return received


HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /api/v1/shapes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: +2\r\n\r\n{}",
        b"Content-Length: 2, 2\r\n\r\n{}",
        b"Content-Length: 99999999999999999999999\r\n\r\n{}",
        b"Content-Length : 2\r\n\r\n{}",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}extra\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"X-Name: a\0b\r\n\r\n",
        b"Bad Name: a\r\n\r\n",
    ],
)  # fmt: skip
def test_no_request_hides_in_another(address: tuple[str, int], head: bytes) -> None:
    """Where two readers of HTTP could disagree about where a request ends, it is refused."""
    answer = exchanged(address, POST + head + HIDDEN)
    assert answer.count(b"HTTP/1.1 ") == 1, answer
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 ")), answer
    assert b"/hidden" not in answer
    assert b"\r\nconnection: close\r\n" in answer.lower()


def test_requests_behind_each_other_are_answered_in_order(address: tuple[str, int]) -> None:
    chunked = b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    last = POST + b"Connection: close\r\n" + chunked
    answer = exchanged(address, POST + chunked + HIDDEN + last)
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"422", b"404", b"422"]


def test_refusals_of_the_reader_have_the_usual_headers(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        response = http.client.HTTPResponse(connection)
        response.begin()
        for name, value in SECURITY_HEADERS.items():
            assert response.getheader(name) == value
        assert response.getheader("cache-control") == "no-store"
        response.close()


@pytest.mark.parametrize("host", [b"evil.example", b'x"; import os #', b"[::1", b"a b", b""])
def test_a_host_leads_nowhere(address: tuple[str, int], host: bytes) -> None:
    """Addresses in answers are without a host, so that a wrong one cannot lead elsewhere."""
    head = b"GET / HTTP/1.1\r\nConnection: close\r\nHost: " + host
    answer = exchanged(address, head + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"evil.example" not in answer
    assert b"import os" not in answer


def test_an_id_of_a_request_adds_no_header(address: tuple[str, int]) -> None:
    given = b"a\r\n\tSet-Cookie: b=c"
    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-ID: " + given
    answer = exchanged(address, head + b"\r\n\r\n")
    assert b"set-cookie" not in answer.lower()
