"""A server of published files on 127.0.0.1 that can do all that goes wrong on the way."""

from __future__ import annotations

import base64
import hashlib
import http.server
import re
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote

from server.doodle.checksum import Crc32c


def md5_header(content: bytes) -> str:
    return "md5=" + base64.b64encode(hashlib.md5(content).digest()).decode()


def crc32c_header(content: bytes) -> str:
    checksum = Crc32c()
    checksum.update(content)
    return "crc32c=" + base64.b64encode(checksum.digest()).decode()


@dataclass
class Published:
    """What is served, and what goes wrong; ``cuts`` and ``refusals`` are used up one by one."""

    files: dict[str, bytes]
    address: str = ""
    etag: str = '"one"'
    ranges: bool = True
    """Whether parts are given, as asked for."""
    hashes: Sequence[str] | None = None
    """The x-goog-hash headers; None: the right MD5."""
    cuts: list[int] = field(default_factory=list)
    """So many bytes of the next bodies come before the connection ends."""
    refusals: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Method, path and headers of each request."""
    gate: threading.Event | None = None
    """Where it is set, bodies stop after half until it is."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ranges_asked(self) -> list[str]:
        return [headers.get("Range", "") for method, _, headers in self.asked if method == "GET"]

    def methods(self) -> Counter[str]:
        return Counter(method for method, _, _ in self.asked)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    published: Published

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self, with_body: bool) -> None:
        published = self.published
        with published.lock:
            published.asked.append((self.command, self.path, dict(self.headers)))
            refusal = published.refusals.pop(0) if published.refusals and with_body else None
        content = published.files.get(unquote(self.path))
        if refusal is not None or content is None:
            status, headers = refusal or (404, {})
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            return
        start, status = 0, 200
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range", published.etag) == published.etag
        if found and published.ranges and same:
            start, status = int(found[1]), 206
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
        self.send_response(status)
        if status == 206:
            place = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.send_header("Content-Range", place)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", published.etag)
        hashes = [md5_header(content)] if published.hashes is None else published.hashes
        for value in hashes:
            self.send_header("x-goog-hash", value)
        self.end_headers()
        if with_body:
            self._send_body(content[start:])

    def _send_body(self, body: bytes) -> None:
        published = self.published
        if published.gate is not None:
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            published.gate.wait(30)
            body = body[len(body) // 2 :]
        with published.lock:
            cut = published.cuts.pop(0) if published.cuts else None
        self.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            self.close_connection = True


@contextmanager
def publishing(files: dict[str, bytes]) -> Iterator[Published]:
    """Serve files by their paths, such as /binary/cat.bin, until the end."""
    published = Published(files)
    handler = type("Handler", (_Handler,), {"published": published})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    published.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield published
    finally:
        if published.gate is not None:
            published.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()
