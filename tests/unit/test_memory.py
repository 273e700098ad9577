"""The C library is told to keep what is freed, where it can be told."""

from __future__ import annotations

import platform
import subprocess
import sys

CODE = "from server.memory import keep_freed_memory; print(keep_freed_memory())"


def test_the_c_library_is_told() -> None:
    # In a process of its own: it holds until the end of one.
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=120
    )
    assert (done.stdout.strip() == "True") == (platform.libc_ver()[0] == "glibc")
