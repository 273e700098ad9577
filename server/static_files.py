"""Static files, at addresses that change with what the files hold.

A page names its files below ``/static/@VERSION/``. What is there may be kept without asking again,
so that the next page needs none of some hundred files from the server; modules that a module
imports by a relative address are below the same version. ``/static/`` alone has the same files,
which are then asked about again.
"""

from __future__ import annotations

import hashlib
import mimetypes
import time
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

MARK = "@"
"""What a version begins with in an address."""
KEPT = "public, max-age=31536000, immutable"
ASKED_AGAIN = "no-cache"
PAUSE = 1.0
"""Seconds between two looks at the files."""


class FolderVersion:
    """A digest of the names and the contents of all files below a folder.

    It is the same in every process that has the same files, and is made anew when one is changed:
    who edits them sees that when a page is next loaded, a second later.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._looked: float | None = None
        self._seen: list[tuple[Path, int, int]] = []
        self._digest = ""

    def current(self) -> str:
        """Twelve hexadecimal digits."""
        now = time.monotonic()
        if self._looked is None or now - self._looked >= PAUSE:
            self._looked = now
            self._look()
        return self._digest

    def _look(self) -> None:
        files = sorted(path for path in self._folder.rglob("*") if path.is_file())
        found = [(path, path.stat()) for path in files]
        seen = [(path, of.st_size, of.st_mtime_ns) for path, of in found]
        if seen == self._seen and self._digest:
            return
        digest = hashlib.sha256()
        for path in files:
            content = path.read_bytes()
            name = path.relative_to(self._folder).as_posix()
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
        self._seen, self._digest = seen, digest.hexdigest()[:12]


class Static(StaticFiles):
    """The files of a folder, with and without a version in their address."""

    def __init__(self, *, directory: Path, version: FolderVersion, check_dir: bool) -> None:
        super().__init__(directory=directory, check_dir=check_dir)
        self._version = version
        # A machine without a list of media types knows neither.
        mimetypes.add_type("text/javascript", ".js")
        mimetypes.add_type("text/javascript", ".mjs")
        mimetypes.add_type("font/woff2", ".woff2")

    def get_path(self, scope: Scope) -> str:
        """The path of a file below the folder, without a version."""
        first, separator, rest = super().get_path(scope).partition("/")
        return rest if separator and first.startswith(MARK) else f"{first}{separator}{rest}"

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, and how long it may be kept.

        While servers are replaced, a page of one may ask another, whose files may be others: who
        asks by a version that is not this folder's has an answer, which is not to be kept.
        """
        response = await super().get_response(path, scope)
        asked = super().get_path(scope).partition("/")[0]
        current = asked.startswith(MARK) and asked == f"{MARK}{self._version.current()}"
        response.headers.setdefault("Cache-Control", KEPT if current else ASKED_AGAIN)
        return response
