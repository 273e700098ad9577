"""The version of a folder's files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from server.static_files import FolderVersion


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("server.static_files.PAUSE", 0.0)
    made = tmp_path / "files"
    (made / "inner").mkdir(parents=True)
    (made / "a.js").write_text("one")
    (made / "inner" / "b.css").write_text("two")
    return made


def test_the_same_files_have_the_same_version_wherever_they_are(
    folder: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(folder, tmp_path / "other")
    os.utime(other / "a.js", (0, 0))
    assert FolderVersion(folder).current() == FolderVersion(other).current()


def test_every_change_makes_another(folder: Path) -> None:
    version = FolderVersion(folder)
    seen = [version.current()]
    (folder / "a.js").write_text("three")
    seen.append(version.current())
    (folder / "a.js").rename(folder / "c.js")
    seen.append(version.current())
    (folder / "inner" / "d.js").write_text("")
    seen.append(version.current())
    (folder / "inner" / "b.css").unlink()
    seen.append(version.current())
    assert len(set(seen)) == len(seen)
    assert version.current() == seen[-1]


def test_what_is_moved_between_files_is_a_change(folder: Path) -> None:
    version = FolderVersion(folder)
    before = version.current()
    (folder / "a.js").write_text("on")
    (folder / "inner" / "b.css").write_text("etwo")
    assert version.current() != before


def test_files_are_looked_at_once_a_while(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.static_files.PAUSE", 1000.0)
    version = FolderVersion(folder)
    before = version.current()
    (folder / "a.js").write_text("three")
    assert version.current() == before


def test_a_folder_that_is_not_there_has_a_version(tmp_path: Path) -> None:
    assert len(FolderVersion(tmp_path / "nothing").current()) == 12
