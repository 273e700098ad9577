"""One file over HTTP, that goes on where it was cut off, and is checked before it has its name.

What has come lies in ``NAME.part``, and in ``NAME.part.json`` of what it is a part: the address and
the entity tag of the object, which the server is told (``If-Range``, RFC 9110, section 13.1.5) so
that parts of two versions never meet.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from server.doodle.checksum import Checksum, told_checksum

CHUNK = 2**18
TIMEOUT = 30.0
"""Seconds that nothing comes after which a connection is given up."""
ATTEMPTS = 6
"""So many in a row may bring nothing before a file is given up."""
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 60.0
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")


class TransferFailed(Exception):
    """A file cannot be had; the message has its address and says why."""


class Stopped(Exception):
    """Somebody wants no more of it; what has come stays for the next time."""


class _Passing(Exception):
    """Something that may be over when it is tried again."""

    def __init__(self, message: str, pause: float = 0.0) -> None:
        super().__init__(message)
        self.pause = pause


@dataclass(frozen=True)
class Transfer:
    """A file to be had.

    Attributes:
        address: http or https.
        target: where it goes; its folder is there.
        told: is called with the number of bytes that have come, which falls where it begins anew.
        stopped: when set, it ends soon.
    """

    address: str
    target: Path
    told: Callable[[int], None]
    stopped: threading.Event

    def size(self) -> int | None:
        """How many bytes the server says that the file has; None where it does not say.

        Raises:
            TransferFailed, Stopped: as ``run`` does.
        """

        def ask() -> int | None:
            with _opened(self.address, {}, "HEAD") as response:
                length = response.headers.get("Content-Length", "")
                return int(length) if length.isdigit() else None

        size: int | None = self._patiently(ask)
        return size

    def run(self) -> None:
        """Get the file, or what is missing of it.

        Raises:
            TransferFailed: it is not there, may not be had, or did not come in several attempts.
            Stopped: ``stopped`` was set.
            OSError: it cannot be written.
        """
        self._patiently(self._attempt)

    @property
    def part(self) -> Path:
        """Where it lies until it is whole."""
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def _note(self) -> Path:
        return self.target.with_name(f"{self.target.name}.part.json")

    def _patiently(self, attempt: Callable[[], Any]) -> Any:
        failures = 0
        while True:
            before = self._have()
            try:
                return attempt()
            except urllib.error.HTTPError as error:
                error.close()
                reason, pause = f"{error.code} {error.reason}", _pause_of(error)
                if error.code not in _PASSING:
                    raise TransferFailed(f"{self.address}: {reason}") from error
            except _Passing as error:
                reason, pause = str(error), error.pause
            except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
                reason, pause = str(getattr(error, "reason", error)) or type(error).__name__, 0.0
            except (ConnectionError, ssl.SSLError) as error:  # no other OSError: a full disk stays
                reason, pause = str(error), 0.0
            failures = 1 if self._have() > before else failures + 1
            if failures >= ATTEMPTS:
                raise TransferFailed(f"{self.address}: {reason} ({failures} attempts)")
            # At random, so that many that failed together do not come back together.
            wanted = max(pause, random.uniform(0.5, 1) * FIRST_PAUSE * 2 ** (failures - 1))
            if self.stopped.wait(min(wanted, LONGEST_PAUSE)):
                raise Stopped

    def _have(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _attempt(self) -> None:
        tag = self._tag()
        have = self._have() if tag else 0
        headers = {"Range": f"bytes={have}-", "If-Range": tag} if have else {}
        try:
            with _opened(self.address, headers) as response:
                start, total = _extent(response)
                if start not in (0, have):
                    self._forget()
                    raise _Passing("another part came than was asked for")
                self._take(response, start, total)
        except urllib.error.HTTPError as error:
            if error.code == 416:  # the part has more than the file: it is of something else
                error.close()
                self._forget()
                raise _Passing("the part does not fit the file") from error
            raise

    def _take(self, response: http.client.HTTPResponse, start: int, total: int | None) -> None:
        """Add what comes to the part from ``start`` on, check the whole, and give it its name."""
        told = told_checksum(response.headers.get_all("x-goog-hash") or [])
        self._note.write_text(
            json.dumps({"address": self.address, "etag": response.headers.get("ETag", "")})
        )
        with self.part.open("r+b" if start else "wb") as file:
            if start and told:
                _feed(told[2], file)
            file.seek(start)
            file.truncate()
            have = start
            self.told(have)
            while data := response.read(CHUNK):
                file.write(data)
                if told:
                    told[2].update(data)
                have += len(data)
                self.told(have)
                if self.stopped.is_set():
                    raise Stopped
            file.flush()
            os.fsync(file.fileno())
        if total is not None and have != total:
            raise _Passing(f"the connection ended after {have} of {total} bytes")
        if told and told[2].digest() != told[1]:
            self._forget()
            raise _Passing(f"the {told[0]} checksum of what came is wrong")
        self.part.replace(self.target)
        self._note.unlink(missing_ok=True)

    def _tag(self) -> str:
        """The entity tag of what the part is of; "" where it cannot be gone on with."""
        try:
            note = json.loads(self._note.read_text())
            same = note["address"] == self.address
            tag = note["etag"] if same and isinstance(note["etag"], str) else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""
        return tag if tag.startswith('"') else ""  # weak ones say nothing of bytes

    def _forget(self) -> None:
        self.part.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)


def _feed(checksum: Checksum, file: Any) -> None:
    while data := file.read(CHUNK):
        checksum.update(data)


def _extent(response: http.client.HTTPResponse) -> tuple[int, int | None]:
    """Where what comes begins, and how long the whole is, if the server says so."""
    if response.status == 206:
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if found is None or found[1] is None:
            raise _Passing("a part came without its place")
        return int(found[1]), int(found[2]) if found[2].isdigit() else None
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


def _pause_of(error: urllib.error.HTTPError) -> float:
    """Seconds that the server asks to wait."""
    asked = error.headers.get("Retry-After", "")
    if asked.isdigit():
        return float(asked)
    try:
        return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
    except ValueError:
        return 0.0


# Not the usual one: that also opens files of this machine and FTP, to which an address may lead.
_OPENER = urllib.request.OpenerDirector()
for _handler in (
    urllib.request.ProxyHandler(),
    urllib.request.HTTPHandler(),
    urllib.request.HTTPSHandler(),
    urllib.request.HTTPRedirectHandler(),
    urllib.request.HTTPErrorProcessor(),
    urllib.request.HTTPDefaultErrorHandler(),
):
    _OPENER.add_handler(_handler)


@contextmanager
def _opened(
    address: str, headers: dict[str, str], method: str = "GET"
) -> Iterator[http.client.HTTPResponse]:
    asked = {"User-Agent": "doodlescope", "Accept-Encoding": "identity", **headers}
    response = _OPENER.open(
        urllib.request.Request(address, headers=asked, method=method), timeout=TIMEOUT
    )
    if response is None:  # no handler for such an address
        raise TransferFailed(f"{address}: only http and https addresses are opened.")
    with response:
        yield response
