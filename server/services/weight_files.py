"""Weights from a file: safetensors, and nothing that would have to be unpickled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from server.services.sources.unavailable import ModelUnavailable

SHOWN_NAMES = 5
"""At most so many names of one kind are told."""

_COUNTER = "num_batches_tracked"
"""Of batch normalisation; files have no need of it, since it is used in training alone."""

_WRAPPERS = ("module.", "_orig_mod.", "model.", "state_dict.")
"""What DataParallel, torch.compile and training frameworks put before the names."""


def load_weights(module: nn.Module, file: Path) -> None:
    """Give a module the weights of a safetensors file, which must have all of them and no others.

    Raises:
        ModelUnavailable: no such file, another format, or weights of another model: the message
            names the keys and the shapes.
    """
    shapes = _shapes(file)
    own = {name: value for name, value in module.state_dict().items() if isinstance(value, Tensor)}
    wrong = [
        f"{name} is {_listed(shapes[name])} there and {_listed(own[name].shape)} in the model"
        for name in own
        if name in shapes and tuple(own[name].shape) != shapes[name]
    ]
    extra = [name for name in shapes if name not in own]
    missing = [
        names
        for names in _shared(module)
        if not any(name in shapes or name.endswith(_COUNTER) for name in names)
    ]
    problems = [
        _some("other shapes", wrong, "; "),
        _some("missing from it", [names[0] for names in missing], ", "),
        _some("not in the model", extra, ", "),
    ]
    found = [problem for problem in problems if problem]
    if found:
        raise ModelUnavailable(
            f"{file} does not fit the model: {'; '.join(found)}.{_hint(extra, own)}"
        )
    try:
        module.load_state_dict(load_file(file), strict=False)
    except (RuntimeError, SafetensorError, OSError) as error:
        raise ModelUnavailable(f"{file}: {' '.join(str(error).split())}") from error


def _shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor in a file."""
    try:
        with file.open("rb") as opened:
            start = opened.read(8)
        with safe_open(file, framework="pt") as tensors:
            return {name: tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys()}  # noqa: SIM118
    except OSError as error:
        reason = error.strerror or str(error)
        raise ModelUnavailable(f"{file} cannot be read: {reason}.") from error
    except SafetensorError as error:
        # A zip archive, as torch.save writes it, or a bare pickle.
        if start.startswith((b"PK", b"\x80")):
            raise ModelUnavailable(_conversion(file)) from error
        raise ModelUnavailable(
            f"{file} is no safetensors file: {' '.join(str(error).split())}"
        ) from error


def _conversion(file: Path) -> str:
    target = file.with_suffix(".safetensors").name
    return (
        f"{file} is a pickle, which can run any code when it is opened; weights are read from "
        "safetensors files alone. Where you trust it, convert it: "
        'python -c "import torch; from safetensors.torch import save_file; '
        f"save_file({{k: v.clone() for k, v in torch.load('{file.name}', weights_only=True)"
        f".items()}}, '{target}')\""
    )


def _shared(module: nn.Module) -> list[list[str]]:
    """The names in the module's state, those of one and the same tensor together."""
    names: dict[tuple[int, tuple[int, ...]], list[str]] = {}
    for name, tensor in module.state_dict(keep_vars=True).items():
        if isinstance(tensor, Tensor):
            place = tensor.data_ptr() if tensor.numel() and not tensor.is_meta else id(tensor)
            names.setdefault((place, tuple(tensor.shape)), []).append(name)
    return list(names.values())


def _hint(extra: Sequence[str], own: Iterable[str]) -> str:
    names = set(own)
    for prefix in _WRAPPERS:
        if extra and all(name.removeprefix(prefix) in names for name in extra):
            return f" Its names begin with {prefix!r}: save them without."
    return ""


def _some(what: str, names: Sequence[str], separator: str) -> str:
    if not names:
        return ""
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return f"{what}: {separator.join(names[:SHOWN_NAMES])}{more}"


def _listed(shape: Iterable[int]) -> str:
    return str(list(shape))
