"""`make audit` says what was looked up, what is vulnerable, and what nobody could tell."""

import json
from typing import Any

import pytest

from scripts.audit import CLEAN, UNKNOWN, VULNERABLE, Audit, exit_status, of_javascript, of_python

GOOD: dict[str, Any] = {"name": "click", "version": "8.5.1", "vulns": []}
BAD: dict[str, Any] = {
    "name": "pillow",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}, {"id": "PYSEC-2", "fix_versions": []}],
}
SKIPPED: dict[str, Any] = {"name": "torch", "skip_reason": "not found"}


def python(*packages: dict[str, Any]) -> Audit:
    return of_python("run.txt", json.dumps({"dependencies": packages, "fixes": []}), "")


def test_packages_that_are_looked_up() -> None:
    audit = python(GOOD, GOOD)
    assert (audit.status, audit.audited) == (CLEAN, 2)
    assert audit.lines() == ["run.txt: 2 packages looked up"]


def test_vulnerable_packages_are_named() -> None:
    audit = python(GOOD, BAD, SKIPPED)
    assert audit.status == VULNERABLE
    assert "  VULNERABLE pillow 1.0: PYSEC-1, repaired in 1.1" in audit.lines()
    assert "  VULNERABLE pillow 1.0: PYSEC-2, repaired in no version" in audit.lines()


def test_what_is_skipped_is_not_audited() -> None:
    audit = python(GOOD, *[SKIPPED] * 7)
    assert (audit.status, audit.audited) == (UNKNOWN, 1)
    assert audit.lines()[-1] == "  not audited: 2 more"


@pytest.mark.parametrize("report", ["", "Traceback", "[]", "{}", "null"])
def test_no_report_is_no_audit(report: str) -> None:
    errors = "a\nrequests.exceptions.ConnectionError: no name\n"
    for audit in (of_python("x", report, errors), of_javascript("x", report, errors)):
        assert audit.status == UNKNOWN
        assert audit.unknown == ["requests.exceptions.ConnectionError: no name"]


def test_what_npm_says() -> None:
    clean = {"metadata": {"dependencies": {"total": 3}}, "vulnerabilities": {}}
    assert of_javascript("x", json.dumps(clean), "").status == CLEAN
    bad = {
        "metadata": clean["metadata"],
        "vulnerabilities": {"dagre": {"severity": "high", "range": "<1"}},
    }
    audit = of_javascript("x", json.dumps(bad), "")
    assert audit.status == VULNERABLE
    assert audit.vulnerable == ["dagre: high, versions <1"]
    refused = of_javascript("x", json.dumps({"message": "405 Method Not Allowed"}), "")
    assert refused.unknown == ["405 Method Not Allowed"]


def test_the_worst_decides() -> None:
    good, bad, unknown = python(GOOD), python(BAD), python(SKIPPED)
    assert exit_status([good, good]) == CLEAN
    assert exit_status([good, unknown]) == UNKNOWN
    assert exit_status([unknown, bad, good]) == VULNERABLE
