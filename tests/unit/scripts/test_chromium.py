"""Which Chromium the browser tests take, and what is said where there is none."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts import chromium


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any browser: an empty PATH, and Playwright's own not installed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("DOODLESCOPE_CHROMIUM", raising=False)
    monkeypatch.setattr(chromium, "_playwrights_own", lambda: tmp_path / "missing")
    return tmp_path


def put_command(folder: Path, name: str, status: int) -> Path:
    command = folder / name
    command.write_text(f"#!/bin/sh\nexit {status}\n")
    command.chmod(0o755)
    return command


def test_a_command_that_starts_is_taken_before_one_that_does_not(commands: Path) -> None:
    put_command(commands, "chromium", status=1)  # as a stub that only asks for another package
    working = put_command(commands, "google-chrome", status=0)
    assert chromium.find_chromium() == working


def test_the_one_without_windows_is_taken_before_a_whole_browser(commands: Path) -> None:
    whole = put_command(commands, "chromium", status=0)
    assert chromium.find_chromium() == whole
    assert chromium.find_chromium() != put_command(commands, chromium.SHELL, status=0)
    assert chromium.find_chromium() == commands / chromium.SHELL


def test_the_named_one_wins(commands: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_command(commands, "chromium", status=0)
    monkeypatch.setenv("DOODLESCOPE_CHROMIUM", "elsewhere/browser")
    assert chromium.find_chromium() == Path("elsewhere/browser")


@pytest.mark.parametrize(
    ("root", "debian", "first"),
    [
        (True, True, ["apt-get"]),
        (True, False, ["playwright", "--with-deps"]),
        (False, True, ["playwright"]),
    ],
)
def test_what_is_installed_and_that_it_is_said(
    commands: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    root: bool,
    debian: bool,
    first: list[str],
) -> None:
    put_command(commands, "apt-get", status=0)
    ran: list[list[str]] = []
    monkeypatch.setattr(chromium, "_is_root", lambda: root)
    monkeypatch.setattr(chromium, "_is_debian", lambda: debian)
    monkeypatch.setattr(subprocess, "run", lambda command, **_: ran.append(command))
    chromium.install_chromium()
    assert set(first) <= set(ran[0])
    assert ("--with-deps" in ran[0]) == ("--with-deps" in first)
    assert "No Chromium found: installing" in capsys.readouterr().out


def test_playwrights_is_tried_where_debians_fails(
    commands: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put_command(commands, "apt-get", status=100)
    monkeypatch.setattr(chromium, "_is_root", lambda: True)
    monkeypatch.setattr(chromium, "_is_debian", lambda: True)
    monkeypatch.setattr(sys, "executable", str(put_command(commands, "python", status=1)))
    assert chromium.main() == 1
    said = capsys.readouterr()
    assert "Debian's package chromium" in said.out
    assert "Playwright's own" in said.out
    assert "DOODLESCOPE_CHROMIUM" in said.err
