"""Write requirements/run.txt and dev.txt: one exact version of every package, for every machine.

    python -m scripts.lock

`dev.txt` is a superset of `run.txt`. Both hold for Linux, macOS and Windows and every Python from
3.11 on. Torch's CUDA packages are left out: some builds of torch want them and others do not, and
those that do name their exact versions themselves.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "requirements"
HEADER = "# Written by `make lock` from pyproject.toml and constraints.in. Do not edit.\n"
CUDA = re.compile(r"^(nvidia-|cuda-|triton\b)")


def resolve(*options: str) -> str:
    """Return the resolved packages, one a line."""
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--upgrade", "--quiet"),
        *("--universal", "--python-version", "3.11", "--fork-strategy", "fewest"),
        *("--constraint", str(FOLDER / "constraints.in"), "--no-header", "--no-annotate"),
    ]
    done = subprocess.run(
        [*command, *options], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def without_cuda(packages: str) -> str:
    """Leave out the packages that torch's own CUDA builds pin."""
    return "".join(line for line in packages.splitlines(True) if not CUDA.match(line))


def main() -> int:
    """Write both files."""
    run, dev = FOLDER / "run.txt", FOLDER / "dev.txt"
    run.write_text(HEADER + without_cuda(resolve()), encoding="utf-8")
    packages = resolve("--group", "dev", "--constraint", str(run))
    dev.write_text(HEADER + without_cuda(packages), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
