"""Runs what the Dockerfile runs without a container engine: in a mount namespace.

A folder of the test's stands in the place of /srv, where the image has all that is its own; the
rest of this machine's files stand in for the base image, and are read-only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

NAMESPACE = ["unshare", "--mount", "--propagation", "private"]
BUILD = """
set -eu
mount --bind "$1" /srv
mount --bind "$1/etc" /etc
mount -t tmpfs tmpfs /var/cache
mount -o remount,bind,ro /
cd /srv/build
shift
exec "$@"
"""
RUN = """
set -eu
mount --bind "$1" /srv
mount -o remount,bind,ro /srv
mount -t tmpfs -o mode=1777 tmpfs /srv/scratch
mount -o remount,bind,ro /
cd /srv/own
shift
exec setpriv --no-new-privs --inh-caps=-all --bounding-set=-all "$@"
"""


def namespace() -> list[str]:
    """The command that opens a namespace in which files can be mounted."""
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        return [*NAMESPACE, "--map-root-user"]
    return NAMESPACE


@dataclass(frozen=True)
class Tree:
    """What stands in the place of /srv."""

    folder: Path

    def make(self) -> None:
        """Make the folders that the image or the namespace has."""
        for name in ("build", "doodlescope", "scratch"):
            (self.folder / name).mkdir(parents=True)
        # useradd changes a copy.
        names = ("passwd", "group", "shadow", "gshadow", "login.defs", "ld.so.cache", "ssl", "pip")
        (self.folder / "etc").mkdir()
        for name in (*names, "pip.conf", "resolv.conf", "hosts", "nsswitch.conf", "localtime"):
            found = Path("/etc", name)
            if found.is_dir():
                shutil.copytree(found, self.folder / "etc" / name, ignore_dangling_symlinks=True)
            elif found.exists() and os.access(found, os.R_OK):
                shutil.copy(found, self.folder / "etc" / name)

    def refusal(self) -> str:
        """Why nothing can be run in it on this machine; "" where it can."""
        if shutil.which("unshare") is None or shutil.which("setpriv") is None:
            return "this machine has no unshare and setpriv"
        (self.folder / "own").mkdir(exist_ok=True)
        for script in (BUILD, RUN):
            done = subprocess.run(
                [*self._in(script), "true"], capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                return f"nothing may be mounted here: {done.stderr.strip()}"
        (self.folder / "own").rmdir()
        return ""

    def build(self, command: str, environment: Mapping[str, str]) -> None:
        """Do what a RUN line does while the image is built; /srv can be written to."""
        done = subprocess.run(
            [*self._in(BUILD), "sh", "-c", command],
            env=dict(environment),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], output: Path
    ) -> subprocess.Popen[bytes]:
        """Start what the image starts: nothing but $TMPDIR can be written to, no privilege left."""
        with output.open("wb") as file:
            return subprocess.Popen(
                [*self._in(RUN), *command],
                env={**environment, "TMPDIR": "/srv/scratch"},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    def _in(self, script: str) -> list[str]:
        return [*namespace(), "sh", "-c", script, "sh", str(self.folder)]
