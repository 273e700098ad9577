"""Heads of requests that were read before: a client sends the same few again and again.

A parser makes the same of the same bytes. What is equal to the last byte to a head that it read is
not parsed again, which takes longer than to look it up.
"""

from __future__ import annotations

from dataclasses import dataclass

_END = b"\r\n\r\n"
MOST_BYTES = 1_024
MOST_HEADS = 256
"""More are forgotten all at once: who sends another head each time gains nothing here anyway."""


@dataclass(eq=False, slots=True)
class KnownHead:
    """What the parser made of a head."""

    fields: dict[bytes, bytes]
    """Header fields, their names in small letters, none there twice; not to be changed."""
    size: int
    """Bytes, with the empty line."""
    request_size: int
    """Bytes of a request with this head: its body is as long as the head says."""


class KnownHeads:
    """The heads of requests that came whole, in one piece of data."""

    def __init__(self) -> None:
        self._heads: dict[bytes, KnownHead] = {}

    def __len__(self) -> int:
        return len(self._heads)

    def of(self, data: bytes) -> KnownHead | None:
        """The head of ``data``, if it is known and ``data`` is one request, whole and alone."""
        # Not found is -1, and gives three bytes, which are no head.
        known = self._heads.get(data[: data.find(_END, 0, MOST_BYTES) + len(_END)])
        return known if known is not None and known.request_size == len(data) else None

    def learn(self, data: bytes, fields: dict[bytes, bytes]) -> None:
        """Remember a head.

        Args:
            data: where a request begins.
            fields: what the parser made of its head; with a ``content-length`` of digits.
        """
        size = data.find(_END, 0, MOST_BYTES) + len(_END)
        request_size = size + int(fields[b"content-length"])
        if size < len(_END) or request_size != len(data):
            return
        if len(self._heads) >= MOST_HEADS:
            self._heads.clear()
        self._heads[data[:size]] = KnownHead(fields, size, request_size)
