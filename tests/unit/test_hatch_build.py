"""The build hook fetches the browser's libraries once for each state of the lock file."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from hatch_build import NODE, NPM_FILES, VendorHook

FAKE_NPM = """#!/bin/sh
if [ "$1" = --version ]; then echo {version}; exit; fi
echo "$@" >> {calls}
mkdir -p node_modules/some-library
echo code > node_modules/some-library/library.js
echo terms > node_modules/some-library/LICENSE
"""
CONFIG = {
    "vendor": {"some-library": {"folder": "library", "files": ["library.js", "LICENSE"]}},
    "assets": {"static": "server/_assets/static"},
}


class Machine:
    """A project folder, and a PATH with an npm that notes how it is called."""

    def __init__(self, folder: Path, version: str) -> None:
        self.root = folder / "project"
        self.root.mkdir()
        for name in NPM_FILES:
            (self.root / name).write_text("{}")
        self.calls_file = folder / "calls.txt"
        npm = folder / "npm"
        npm.write_text(FAKE_NPM.format(version=version, calls=self.calls_file))
        npm.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        return self.calls_file.read_text().splitlines() if self.calls_file.exists() else []

    def hook(self) -> VendorHook:
        # The hook uses nothing but its root and its configuration.
        unused: Any = None
        return VendorHook(str(self.root), CONFIG, unused, unused, "", "wheel")

    def build(self, version: str = "standard") -> dict[str, Any]:
        build_data: dict[str, Any] = {"force_include": {}}
        self.hook().initialize(version, build_data)
        return build_data


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    tools = [Path(found).parent for found in map(shutil.which, ("sh", "mkdir")) if found]
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, [tmp_path, *tools])))
    return Machine(tmp_path, version="11.2.0")


def test_files_and_licences_are_fetched_once(machine: Machine) -> None:
    for _ in range(3):
        machine.build()
    assert machine.calls == ["ci --ignore-scripts --omit=dev"]
    folder = machine.root / "static" / "vendor" / "library"
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "library.js": "code\n",
        "LICENSE": "terms\n",
    }


def test_a_changed_lock_file_fetches_anew_and_removes_the_old(machine: Machine) -> None:
    machine.build()
    old = machine.root / "static" / "vendor" / "library" / "old.js"
    old.write_text("of a version before")
    (machine.root / "package-lock.json").write_text('{"changed": true}')
    machine.build()
    assert len(machine.calls) == 2
    assert not old.exists()


def test_only_a_wheel_gets_copies_of_the_pages(machine: Machine) -> None:
    assert machine.build("standard")["force_include"] == CONFIG["assets"]
    assert machine.build("editable")["force_include"] == {}


def test_node_is_asked_for_only_where_it_is_needed(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert machine.hook().dependencies() == []
    monkeypatch.setenv("PATH", "")
    assert machine.hook().dependencies() == [NODE]


def test_an_npm_too_old_for_the_lock_file_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Machine(tmp_path, version="6.14.18")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert old.hook().dependencies() == [NODE]


def test_a_failed_fetch_leaves_no_stamp(machine: Machine) -> None:
    broken = dict(CONFIG, vendor={"absent-library": {"folder": "absent", "files": ["x.js"]}})
    unused: Any = None
    hook = VendorHook(str(machine.root), broken, unused, unused, "", "wheel")
    with pytest.raises(FileNotFoundError):
        hook.initialize("standard", {"force_include": {}})
    assert not (machine.root / "static" / "vendor" / ".stamp").exists()
