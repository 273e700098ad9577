"""Memory that is let go stays with the process: large tensors come and go with every batch."""

from __future__ import annotations

import ctypes
import sys

# Of <malloc.h>.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
KEPT_BYTES = 256 * 1024 * 1024
"""So much that is free at the end of the heap is not given back, and larger blocks are mapped."""
STEP_BYTES = 16 * 1024 * 1024
"""The heap grows by so much at once."""


def keep_freed_memory() -> bool:
    """Tell the C library to keep what is freed, rather than to map and clear it anew each time.

    By a call and not by ``MALLOC_MMAP_THRESHOLD_`` and its like, which hold only for a process that
    is started with them. Returns whether it was told: glibc is, others go on as they do.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        tell = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library
        return False
    wanted = {
        _MMAP_THRESHOLD: KEPT_BYTES,
        _TRIM_THRESHOLD: KEPT_BYTES,
        _TOP_PAD: STEP_BYTES,
    }
    told = [tell(name, value) == 1 for name, value in wanted.items()]
    return all(told)
