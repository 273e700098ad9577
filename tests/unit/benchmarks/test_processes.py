from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.load.processes import (
    family,
    machine_seconds,
    memory_bytes,
    processor_seconds,
)

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="/proc is of Linux")

# A parent whose child works for 0.2 s of processor time, in a process with an awkward name.
PARENT = """
import multiprocessing, sys, time

def work(done):
    while time.process_time() < 0.2:
        pass
    done.send(None)
    time.sleep(60)

if __name__ == "__main__":
    ours, theirs = multiprocessing.get_context("fork").Pipe()
    child = multiprocessing.get_context("fork").Process(target=work, args=(theirs,))
    child.start()
    ours.recv()
    print(child.pid, flush=True)
    time.sleep(60)
"""


def test_children_count_and_are_found(tmp_path: Path) -> None:
    script = tmp_path / "a (server) of children.py"
    script.write_text(PARENT)
    with subprocess.Popen(
        [sys.executable, "-S", str(script)], stdout=subprocess.PIPE, start_new_session=True
    ) as parent:
        try:
            assert parent.stdout is not None
            child = int(parent.stdout.readline())
            members = family(parent.pid)
            assert members == sorted([parent.pid, child])
            assert 0.19 <= processor_seconds(members) < 3
            assert processor_seconds([child]) >= 0.19
            assert memory_bytes(members) > memory_bytes([child]) > 1e6
        finally:
            for process in family(parent.pid):
                os.kill(process, 9)


def test_this_process_is_as_the_system_says() -> None:
    used = sum(os.times()[:4])
    assert processor_seconds([os.getpid()]) == pytest.approx(used, abs=0.1)
    assert os.getpid() in family(os.getpid())
    assert machine_seconds() > used / 2


def test_who_is_gone_has_used_nothing() -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", "pass"]) as done:
        done.wait()
    assert processor_seconds([done.pid]) == 0
    assert memory_bytes([done.pid]) == 0
