"""What was exported is kept for the next start, or not, but never fails a server."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from server.services.forms import cache
from server.services.forms.cache import FormCache, cache_folder

KEY, OTHER = "ab" * 32, "cd" * 32


def test_what_is_kept_is_there_at_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / "of" / "the user"
    assert FormCache(folder).put(KEY, b"model")
    assert FormCache(folder).get(KEY) == b"model"
    assert FormCache(folder).get(OTHER) is None
    assert [file.name for file in folder.iterdir()] == [f"{KEY}.onnx"]
    if sys.platform != "win32":
        assert folder.stat().st_mode & 0o777 == 0o700


def test_what_is_kept_again_takes_the_place_of_the_first(tmp_path: Path) -> None:
    kept = FormCache(tmp_path)
    assert kept.put(KEY, b"broken")
    assert kept.put(KEY, b"model")
    assert kept.get(KEY) == b"model"


def test_without_a_folder_nothing_is_kept() -> None:
    kept = FormCache(None)
    assert not kept.put(KEY, b"model")
    assert kept.get(KEY) is None


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    kept = FormCache(file / "folder")
    assert not kept.put(KEY, b"model")
    assert kept.get(KEY) is None


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert not FormCache(tmp_path).put(KEY, b"model")
    assert list(tmp_path.iterdir()) == []


def test_those_go_that_nobody_has_used_for_longest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "CACHE_BYTES", 25)
    kept = FormCache(tmp_path)
    (tmp_path / "of-a-killed-server.part").write_bytes(b"01")
    os.utime(tmp_path / "of-a-killed-server.part", (1000, 1000))
    keys = [f"{number:064x}" for number in range(3)]
    for age, key in enumerate(keys[:2]):
        kept.put(key, b"0123456789")
        os.utime(tmp_path / f"{key}.onnx", (1000 + age, 1000 + age))
    assert kept.get(keys[0])  # which is a use of it
    kept.put(keys[2], b"0123456789")
    assert [kept.get(key) is not None for key in keys] == [True, False, True]
    assert len(list(tmp_path.iterdir())) == 2


def test_the_setting_names_a_folder_or_none() -> None:
    assert cache_folder("off") is None
    assert cache_folder("/somewhere/else") == Path("/somewhere/else")
    assert cache_folder("~/kept") == Path.home() / "kept"


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {}, Path.home() / ".cache/doodlescope"),
        ("linux", {"XDG_CACHE_HOME": "/var/kept"}, Path("/var/kept/doodlescope")),
        ("linux", {"XDG_CACHE_HOME": "not/absolute"}, Path.home() / ".cache/doodlescope"),
        ("darwin", {}, Path.home() / "Library/Caches/doodlescope"),
        ("win32", {"LOCALAPPDATA": "/local"}, Path("/local/doodlescope/Cache")),
        ("win32", {}, Path.home() / "AppData/Local/doodlescope/Cache"),
    ],
)
def test_the_usual_folder_is_the_platforms(
    platform: str, environment: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_folder("auto", environment) == folder


def test_a_user_without_a_home_has_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert cache_folder("auto", {}) is None
