"""Run the tests in two processes side by side: `make pytest`.

    python -m scripts.run_tests [ARGUMENTS OF PYTEST]

One runs the tests that need no browser, the other those that do, which mostly wait for a page: on
two cores both take about as long. Each computes with one thread: of more than there are cores, some
wait for others in a loop. What the first prints is seen at once, what the second prints
when both have ended. The exit status is 0 when neither found a fault.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence

BROWSER = ("tests/browser",)
OTHERS = ("tests/unit", "tests/property", "tests/api", "tests/docs")
NO_TESTS = 5
"""Pytest's exit status where no test was selected."""


def exit_status(statuses: Sequence[int]) -> int:
    """One status for several runs of pytest.

    That some select no test is no fault; that none of them selects one is.
    """
    ran = [status for status in statuses if status != NO_TESTS]
    return next((status for status in ran if status != 0), 0) if ran else NO_TESTS


def main(arguments: Sequence[str]) -> int:
    """Run both; return the exit status."""
    pytest = [sys.executable, "-m", "pytest"]
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        browser = subprocess.Popen(
            [*pytest, *BROWSER, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**environment, "PYTHONUNBUFFERED": "1"},
        )
        try:
            command = [*pytest, *OTHERS, *arguments]
            others = subprocess.run(command, env=environment, check=False)
            print("The others, and those in a browser:", flush=True)
            browser.wait()
        finally:
            if browser.poll() is None:
                browser.terminate()
                browser.wait()
            output.seek(0)
            for line in output:
                print(line, end="")
            sys.stdout.flush()
    return exit_status([others.returncode, browser.returncode])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
