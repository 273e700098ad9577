"""What is no HTTP request gets a problem from the real server too, which answers on."""

import http.client
import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from scripts.started_server import started_server


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
