"""Imports run one way: cli, app -> routes -> services -> engine, doodle, training -> models."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted([*ROOT.glob("server/**/*.py"), *ROOT.glob("models/**/*.py")])

# What each module or package of server/ may import besides itself (and models/, nothing of it).
# A new one fails the test until it is given its place here.
BASE = {"connection_limits", "errors", "memory", "paths", "settings", "stopping"}
HTTP = {
    *("api_keys", "authentication", "compression", "header_fields", "logs", "middleware"),
    *("known_heads", "observation", "pages", "problems", "protocol", "quick", "quick_protocol"),
    *("rate_limit", "security", "socket_protocol", "bounded_server", "static_files"),
}
CORE = {"engine", "doodle", "training", "models"}
MAY_IMPORT: dict[str, set[str]] = {
    "models": set(),
    "engine": {"models"},
    "doodle": {"models"},
    "training": {"doodle", "engine", "models"},
    **dict.fromkeys(BASE, BASE | {"engine"}),
    "schemas": BASE | {"doodle"},
    "services": BASE | CORE | {"schemas"},
    "evaluation": BASE | CORE | {"services"},
    **dict.fromkeys(HTTP, BASE | HTTP | {"schemas"}),
    "dependencies": BASE | HTTP | {"schemas", "services"},
    "routes": BASE | HTTP | {"schemas", "services", "evaluation", "dependencies"},
    "app": BASE | CORE | HTTP | {"schemas", "services", "dependencies", "routes"},
    "cluster": BASE | HTTP | {"app"},
    "commands": BASE
    | CORE
    | {"schemas", "services", "evaluation", "app", "logs", "protocol", "quick", "quick_protocol"}
    | {"socket_protocol", "bounded_server"},
    "cli": BASE | CORE | {"schemas", "services", "app", "commands"},
    "__main__": {"cli"},
    "showing": BASE | CORE | {"services", "app", "socket_protocol"},
    "__init__": {"engine", "showing"},
}


def layer_of(module: str) -> str:
    """Name the layer of a dotted module: server.routes.models -> routes, models.x -> models."""
    head, *rest = module.split(".")
    return rest[0] if head == "server" and rest else head


def imports_of(file: Path) -> Iterator[str]:
    folder = file.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) + 1 - node.level] if node.level else ()
            source = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{source}.{name.name}" for name in node.names)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_run_one_way(file: Path) -> None:
    layer = layer_of(".".join(file.relative_to(ROOT).with_suffix("").parts))
    assert layer in MAY_IMPORT, "give this module its place in the table above"
    ours = [name for name in imports_of(file) if name.split(".")[0] in {"server", "models"}]
    allowed = MAY_IMPORT[layer] | {layer, "__version__"}
    back = [name for name in ours if layer_of(name) not in allowed]
    assert not back, f"{layer} must not import {', '.join(back)}"
