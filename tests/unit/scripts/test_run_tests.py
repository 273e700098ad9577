"""The tests in two processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.run_tests import BROWSER, OTHERS, exit_status, main


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [([0, 0], 0), ([0, 1], 1), ([2, 0], 2), ([0, 5], 0), ([5, 1], 1), ([5, 5], 5)],
)
def test_one_fault_is_a_fault_and_no_test_at_all_is_too(statuses: list[int], expected: int) -> None:
    assert exit_status(statuses) == expected


def test_every_test_is_in_one_of_both() -> None:
    tests = Path(__file__).parents[2]
    tops = {f"tests/{path.relative_to(tests).parts[0]}" for path in tests.rglob("test_*.py")}
    assert sorted((*BROWSER, *OTHERS)) == sorted(tops)


def test_both_run_with_the_arguments(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    printed = capfd.readouterr().out
    assert printed.count("pytest ") == 2
    assert printed.index("pytest ") < printed.index("The others, and those in a browser:")
