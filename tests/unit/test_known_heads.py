"""Heads that were read before: found by their bytes, for requests that came whole, and bounded."""

from __future__ import annotations

import pytest

from server.known_heads import MOST_BYTES, MOST_HEADS, KnownHeads


def request(body: bytes, *lines: str) -> bytes:
    first = ["POST /somewhere HTTP/1.1", "Host: here", *lines, f"Content-Length: {len(body)}"]
    return "\r\n".join([*first, "", ""]).encode() + body


def fields_of(body: bytes) -> dict[bytes, bytes]:
    return {b"host": b"here", b"content-length": str(len(body)).encode()}


def test_the_same_head_is_known_whatever_the_body() -> None:
    heads = KnownHeads()
    assert heads.of(request(b"abc")) is None
    heads.learn(request(b"abc"), fields_of(b"abc"))
    known = heads.of(request(b"xyz"))
    assert known is not None
    assert known.fields == fields_of(b"abc")
    assert request(b"xyz")[known.size :] == b"xyz"
    assert heads.of(request(b"longer")) is None
    assert heads.of(request(b"abc", "Another: field")) is None


@pytest.mark.parametrize(
    "data",
    [
        request(b"abc")[:-1],
        request(b"abc") + b"d",
        request(b"abc") * 2,
        request(b"abc")[1:],
        b"",
        b"\r\n\r\n",
        b"\r\n\r",
    ],
)
def test_only_a_whole_request_is_found_or_learned(data: bytes) -> None:
    heads = KnownHeads()
    heads.learn(request(b"abc"), fields_of(b"abc"))
    assert heads.of(data) is None
    if data != request(b"abc")[1:]:  # that it is a beginning, the caller knows
        other = KnownHeads()
        other.learn(data, fields_of(b"abc"))
        assert len(other) == 0


def test_neither_their_size_nor_their_number_grows_without_end() -> None:
    heads = KnownHeads()
    heads.learn(request(b"abc", "Long: " + "x" * MOST_BYTES), fields_of(b"abc"))
    assert len(heads) == 0
    for number in range(3 * MOST_HEADS):
        heads.learn(request(b"abc", f"Number: {number}"), fields_of(b"abc"))
        assert 0 < len(heads) <= MOST_HEADS
    assert heads.of(request(b"abc", f"Number: {3 * MOST_HEADS - 1}")) is not None
