"""Importing and calling libraries of models, quietly, without their weights."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from server.services.sources.torchvision_operators import (
    define_missing_operators,
    import_torchvision,
)
from server.services.sources.unavailable import ModelUnavailable, one_line


@contextmanager
def quiet() -> Iterator[None]:
    """Keep a library's warnings back: they are about weights that are not loaded, and names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def import_library(name: str) -> Any:
    """Import timm or torchvision, also where torchvision's compiled operators cannot be loaded.

    Raises:
        ModelUnavailable: it is not installed, or importing it raised.
    """
    try:
        with quiet():
            if name == "torchvision":
                return import_torchvision()
            define_missing_operators()  # timm imports torchvision
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            raise ModelUnavailable(f"{name} is not installed: pip install {name}") from error
        raise ModelUnavailable(f"Importing {name} raised {one_line(error)}") from error
    except Exception as error:
        raise ModelUnavailable(f"Importing {name} raised {one_line(error)}") from error


def called(spec: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What a function of the library returns.

    Raises:
        ModelUnavailable: it raised.
    """
    try:
        with quiet():
            return function(*args, **kwargs)
    except Exception as error:
        raise ModelUnavailable(f"{spec} raised {one_line(error)}") from error
