"""Imports run one way: cli, app -> routes -> services -> engine, doodle, training -> models."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# What each layer may import of this project, itself aside. Modules of the same layer may import
# each other; a file that stands in no layer fails the test until it is given a place here.
FOUNDATION = {"errors", "paths", "settings"}
BELOW_SERVICES = {"engine", "doodle", "training", "models", *FOUNDATION}
MAY_IMPORT: dict[str, set[str]] = {
    "models": set(),
    "errors": set(),
    "paths": set(),
    "settings": {"engine", "errors"},
    "engine": {"models"},
    "doodle": {"models"},
    "training": {"doodle", "engine", "models"},
    "schemas": {"doodle", *FOUNDATION},
    "services": {"schemas", *BELOW_SERVICES},
    "dependencies": {"services", "schemas", *BELOW_SERVICES},
    "routes": {"dependencies", "services", "schemas", *FOUNDATION},
    "app": {"routes", "dependencies", "services", "schemas", *FOUNDATION},
    "cli": {"app", "services", "schemas", *BELOW_SERVICES},
}


def layer_of(module: str) -> str:
    """Name the layer of a dotted module: server.routes.models -> routes, models.x -> models."""
    head, *rest = module.split(".")
    return rest[0] if head == "server" and rest else head


def imports_of(file: Path) -> Iterator[str]:
    module = [*file.relative_to(ROOT).with_suffix("").parts]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = [*module[: -node.level]] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{source}.{name.name}" for name in node.names)


FILES = sorted([*ROOT.glob("server/**/*.py"), *ROOT.glob("models/**/*.py")])


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_run_one_way(file: Path) -> None:
    layer = layer_of(".".join(file.relative_to(ROOT).with_suffix("").parts))
    ours = [name for name in imports_of(file) if name.split(".")[0] in {"server", "models"}]
    if layer in {"__init__", "__main__"}:
        assert layer == "__main__" or not ours
        return
    back = [
        name for name in ours if layer_of(name) not in {layer, *MAY_IMPORT[layer], "__version__"}
    ]
    assert not back, f"{layer} must not import {', '.join(back)}"


def test_there_is_something_to_check() -> None:
    assert {layer_of(".".join(f.relative_to(ROOT).with_suffix("").parts)) for f in FILES} >= {
        "doodle"
    }
