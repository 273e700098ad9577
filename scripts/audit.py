"""Look the locked packages up among known vulnerabilities: `make audit`.

    python -m scripts.audit PATH_OF_PIP_AUDIT

It needs the network: pip-audit asks the package index, npm its registry. A mirror of these has the
packages but often not their vulnerabilities; what it does not answer for is not audited, and this
says so. The exit status is 0 when every package was looked up and none is known to be vulnerable,
1 when one is, and 2 when some could not be looked up.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements/run.txt", "requirements/dev.txt")
CLEAN, VULNERABLE, UNKNOWN = 0, 1, 2
SHOWN = 5
PATIENCE = 600.0


@dataclass
class Audit:
    """What was found out about the packages of one lock file."""

    name: str
    audited: int = 0
    vulnerable: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def status(self) -> int:
        """The exit status for this file alone."""
        if self.vulnerable:
            return VULNERABLE
        return UNKNOWN if self.unknown or not self.audited else CLEAN

    def lines(self) -> list[str]:
        """What there is to say."""
        said = [f"{self.name}: {self.audited} packages looked up"]
        said += [f"  VULNERABLE {each}" for each in self.vulnerable]
        said += [f"  not audited: {each}" for each in self.unknown[:SHOWN]]
        if len(self.unknown) > SHOWN:
            said.append(f"  not audited: {len(self.unknown) - SHOWN} more")
        return said


def of_python(name: str, report: str, errors: str) -> Audit:
    """What pip-audit says in JSON; nothing, where it could not ask."""
    audit = Audit(name)
    try:
        packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        audit.unknown = [_last_line(errors)]
        return audit
    for package in packages:
        if "skip_reason" in package:
            audit.unknown.append(package["skip_reason"])
            continue
        audit.audited += 1
        title = f"{package['name']} {package['version']}"
        for found in package["vulns"]:
            repaired = ", ".join(found.get("fix_versions", [])) or "no version"
            audit.vulnerable.append(f"{title}: {found['id']}, repaired in {repaired}")
    return audit


def of_javascript(name: str, report: str, errors: str) -> Audit:
    """What npm says in JSON; nothing, where it could not ask."""
    audit = Audit(name)
    try:
        found = json.loads(report)
        audit.audited = found["metadata"]["dependencies"]["total"]
        vulnerable: dict[str, dict[str, Any]] = found["vulnerabilities"]
    except (ValueError, KeyError, TypeError):
        audit.unknown = [_message(report) or _last_line(errors)]
        return audit
    audit.vulnerable = [
        f"{package}: {each['severity']}, versions {each['range']}"
        for package, each in vulnerable.items()
    ]
    return audit


def exit_status(audits: Sequence[Audit]) -> int:
    """The worst of all: a vulnerable package, then one that is not audited."""
    statuses = {audit.status for audit in audits}
    return next((each for each in (VULNERABLE, UNKNOWN) if each in statuses), CLEAN)


def _message(report: str) -> str:
    try:
        return str(json.loads(report).get("message", ""))
    except (ValueError, AttributeError):
        return ""


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _said(command: Sequence[str]) -> tuple[str, str]:
    """What a command prints, and its errors."""
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return "", f"no answer within {PATIENCE:.0f} seconds"
    return done.stdout, done.stderr


def main(arguments: Sequence[str]) -> int:
    """Audit each lock file; return the exit status."""
    (pip_audit,) = arguments
    options = ("--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json")
    audits = [
        of_python(lock, *_said([pip_audit, "--requirement", lock, *options])) for lock in LOCKS
    ]
    npm = [sys.executable, "-m", "scripts.npm", "audit", "--json"]
    audits.append(of_javascript("package-lock.json", *_said(npm)))
    for audit in audits:
        print("\n".join(audit.lines()))
    status = exit_status(audits)
    if status == UNKNOWN:
        print(
            "Not everything could be looked up: without the network, or from a mirror that does "
            "not know vulnerabilities, this says nothing about what is not audited."
        )
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
