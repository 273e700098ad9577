"""Processor time and memory of a server's processes, as Linux counts them in /proc."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.01
PROC = Path("/proc")


def family(root: int) -> list[int]:
    """A process, all that descend from it, and all of the session that it leads, if it does.

    A child that its parent has left behind still belongs to the session.
    """
    children: dict[int, list[int]] = {}
    found = {root}
    for folder in PROC.iterdir():
        fields = _fields(int(folder.name)) if folder.name.isdecimal() else []
        if fields and fields[0] != "Z":
            children.setdefault(int(fields[1]), []).append(int(folder.name))
            if int(fields[3]) == root:
                found.add(int(folder.name))
    waiting = list(found)
    while waiting:
        new = set(children.get(waiting.pop(), ())) - found
        found |= new
        waiting.extend(new)
    return sorted(found)


def processor_seconds(processes: Iterable[int]) -> float:
    """User and system time so far, with that of children that have ended; 0 for who is gone."""
    ticks = 0
    for process in processes:
        fields = _fields(process)
        ticks += sum(int(field) for field in fields[11:15])
    return ticks * TICK


def machine_seconds() -> float:
    """Processor time that the whole machine has spent on anything but waiting."""
    user, nice, system, _idle, _waiting, *rest = (
        int(field) for field in (PROC / "stat").read_text().split("\n", 1)[0].split()[1:]
    )
    # Interrupts, soft and hard; what other guests of the host took is not ours.
    return (user + nice + system + sum(rest[:2])) * TICK


def memory_bytes(processes: Iterable[int]) -> int:
    """Proportional set size: a page that several of them share counts once."""
    kilobytes = 0
    for process in processes:
        try:
            said = (PROC / str(process) / "smaps_rollup").read_text()
        except OSError:
            continue
        kilobytes += sum(int(size) for size in re.findall(r"^Pss: +(\d+) kB", said, re.MULTILINE))
    return kilobytes * 1024


def _fields(process: int) -> list[str]:
    """Of /proc/PID/stat from the state on, which is field 3 in its manual; none when it is gone."""
    try:
        said = (PROC / str(process) / "stat").read_text()
    except OSError:
        return []
    # The name stands in parentheses, and may have spaces and parentheses itself.
    return said.rpartition(")")[2].split()
