"""Exported models kept between two starts, in a folder of the user's."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

CACHE_BYTES = 1_073_741_824
"""Of all kept models; beyond it, those go that nobody has used for longest."""

PART_SECONDS = 3600
"""A file that is older, and still not whole, will never be."""

_END = ".onnx"


class FormCache:
    """A folder of files, each named after everything that it was made of.

    What cannot be read or written is as if it were not there: the folder only saves time.

    Args:
        folder: made when something is kept; None: nothing is.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get(self, key: str) -> bytes | None:
        """What was kept under a key, hexadecimal digits; None: nothing, or it cannot be read."""
        if self._folder is None:
            return None
        file = self._folder / f"{key}{_END}"
        try:
            kept = file.read_bytes()
        except OSError:
            return None
        with contextlib.suppress(OSError):
            os.utime(file)
        return kept

    def put(self, key: str, model: bytes) -> bool:
        """Keep a model, in one step, so that nobody ever reads half of it; say whether it is."""
        if self._folder is None:
            return False
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(suffix=".part", dir=self._folder)
        except OSError:
            return False
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(model)
            Path(name).replace(self._folder / f"{key}{_END}")
        except OSError:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            return False
        self._make_room()
        return True

    def _make_room(self) -> None:
        assert self._folder is not None, "nothing is kept without a folder"
        with contextlib.suppress(OSError):
            files = [(file, file.stat()) for file in self._folder.glob(f"*{_END}")]
            files.sort(key=lambda pair: pair[1].st_mtime, reverse=True)
            total = 0
            for file, known in files:
                total += known.st_size
                if total > CACHE_BYTES:
                    file.unlink()
            for part in self._folder.glob("*.part"):  # of a server that was killed
                if part.stat().st_mtime < time.time() - PART_SECONDS:
                    part.unlink()


def cache_folder(setting: str, environment: Mapping[str, str] = os.environ) -> Path | None:
    """The folder that a setting means: ``auto`` is the platform's for the user, ``off`` none."""
    if setting == "off":
        return None
    if setting != "auto":
        return Path(setting).expanduser()
    try:
        home = Path.home()
    except RuntimeError:  # a user without one
        return None
    if sys.platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or home / "AppData/Local") / "doodlescope/Cache"
    if sys.platform == "darwin":
        return home / "Library/Caches/doodlescope"
    named = Path(environment.get("XDG_CACHE_HOME", ""))
    return (named if named.is_absolute() else home / ".cache") / "doodlescope"
