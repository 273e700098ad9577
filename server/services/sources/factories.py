"""Models of the user: ``package.module:factory``."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from server.services.sources.unavailable import ModelUnavailable, close_names, one_line

OURS = ("models", "server")
"""Our own packages; a folder with models may well have one of the same name."""

_WRITTEN = re.compile(
    r"(?P<module>[^\W\d]\w*(\.[^\W\d]\w*)*):(?P<factory>[^\W\d]\w*(\.[^\W\d]\w*)*)"
)


def is_factory(spec: str) -> bool:
    """Whether it is written ``package.module:factory``."""
    return _WRITTEN.fullmatch(spec) is not None


def model_factory(spec: str) -> Callable[[], nn.Module]:
    """What builds the model that ``package.module:factory`` names.

    The module is imported, from the current directory first. The factory is a function without
    arguments, a class of modules, or a module that is built already. Building it raises
    ModelUnavailable when the factory raises, or returns no module.

    Raises:
        ModelUnavailable: there is no such module or factory, or importing it raised.
    """
    found = _WRITTEN.fullmatch(spec)
    if found is None:
        raise ModelUnavailable(f"{spec!r} is not package.module:factory.")
    with _imports_from(Path.cwd()):
        factory = _attribute(_imported(found["module"]), found["factory"])
    if isinstance(factory, nn.Module):
        return lambda: factory
    if not callable(factory):
        raise ModelUnavailable(
            f"{spec} is of type {type(factory).__name__}: neither a module nor what makes one."
        )
    missing = _arguments_missing(factory)
    if missing:
        raise ModelUnavailable(
            f"{spec} needs {', '.join(missing)}; a factory is called without arguments. Write a "
            "function that calls it, and name that."
        )
    return lambda: _built(spec, factory)


def _built(spec: str, factory: Callable[[], Any]) -> nn.Module:
    with _imports_from(Path.cwd()):
        try:
            model = factory()
        except (Exception, SystemExit) as error:
            raise ModelUnavailable(f"{spec} raised {one_line(error)}{_place(error)}") from error
    if not isinstance(model, nn.Module):
        raise ModelUnavailable(
            f"{spec} returned {type(model).__name__}, which is no torch.nn.Module."
        )
    return model


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            raise ModelUnavailable(
                f"There is no module {error.name!r}, neither in {Path.cwd()} nor installed."
            ) from error
        raise ModelUnavailable(
            f"Importing {name} raised {one_line(error)}{_place(error)}"
        ) from error
    except (Exception, SystemExit) as error:
        raise ModelUnavailable(
            f"Importing {name} raised {one_line(error)}{_place(error)}"
        ) from error


def _attribute(module: Any, path: str) -> Any:
    value, walked = module, module.__name__
    for name in path.split("."):
        if not hasattr(value, name):
            names = [
                known
                for known in dir(value)
                if not known.startswith("_") and callable(getattr(value, known, None))
            ]
            raise ModelUnavailable(f"{walked} has no {name!r}{close_names(name, names)}")
        value = getattr(value, name)
        walked += f".{name}"
    return value


def _arguments_missing(factory: Callable[..., Any]) -> list[str]:
    """Names of the parameters that must be given."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):  # such as of a class written in C
        return []
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        each.name for each in parameters if each.default is each.empty and each.kind not in optional
    ]


def _place(error: BaseException) -> str:
    """The file and line that raised, if it is one of the user's files."""
    here = Path.cwd()
    frames = [Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__)]
    for file, line in zip(reversed(frames), reversed(lines), strict=True):
        if file.is_relative_to(here) and "site-packages" not in file.parts:
            return f" ({file.relative_to(here)}, line {line})"
    return ""


@contextmanager
def _imports_from(folder: Path) -> Iterator[None]:
    """Let imports look into a folder first, and there for its own ``models`` or ``server`` too.

    Ours of the same name are out of sight meanwhile and come back afterwards.
    """
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    theirs = [name for name in OURS if _has_its_own(folder, name)]
    ours = {name: module for name, module in sys.modules.items() if _under(name, theirs)}
    for name in ours:
        del sys.modules[name]
    for name in theirs:
        if not (folder / f"{name}.py").is_file() and not (folder / name / "__init__.py").is_file():
            sys.modules[name] = _namespace(folder / name)
    try:
        yield
    finally:
        for name in [name for name in sys.modules if _under(name, theirs)]:
            del sys.modules[name]
        sys.modules.update(ours)


def _has_its_own(folder: Path, name: str) -> bool:
    found = sys.modules.get(name)
    ours = Path(str(getattr(found, "__file__", None) or "")).parent
    package, module = folder / name, folder / f"{name}.py"
    return module.is_file() or (package.is_dir() and package.resolve() != ours.resolve())


def _namespace(folder: Path) -> ModuleType:
    """A folder without ``__init__.py`` as a package; one that is installed would go before it."""
    spec = ModuleSpec(folder.name, None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    return module_from_spec(spec)


def _under(name: str, packages: list[str]) -> bool:
    return name.partition(".")[0] in packages
