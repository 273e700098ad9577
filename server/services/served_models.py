"""A user's models, opened for the catalogue: with weights, labels and how pictures become input."""

from __future__ import annotations

import contextlib
import inspect
import math
import re
import sys
from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn

from models import ARCHITECTURES, model_names
from server.doodle.categories import CATEGORIES
from server.engine.failure import ForwardFailed
from server.engine.runnable import has_lazy_parameters
from server.engine.trace import Trace
from server.services.catalog import Model
from server.services.examples import examples_of
from server.services.labels import checked_labels, numbered_labels, read_labels
from server.services.outputs import gives_probabilities, why_no_guesses
from server.services.preparation import Preparation
from server.services.sources import (
    InputForm,
    ModelUnavailable,
    OpenedModel,
    as_example,
    open_model,
    trace_opened,
)
from server.services.sources.published import Published, published
from server.services.versions import version_of
from server.services.weight_files import load_weights
from server.settings import ServedModel

SEED = 0
"""First weights are drawn with it: the same model is the same after a restart, and elsewhere."""


def open_served(
    served: ServedModel, taken: Collection[str], device: torch.device, batch_images: int
) -> Model:
    """Open a model that a user named, ready for the catalogue.

    Args:
        served: what the user said of it.
        taken: names that other models have.
        device: where it runs.
        batch_images: most images in one forward pass.

    Raises:
        ModelUnavailable: it cannot be opened, or something said does not fit it; the message says
            what, in a sentence. Where the input did not fit, with the diagnosis below.
    """
    name = free_name(served, taken)
    opened = _opened(served)
    try:
        if served.weights is not None:
            load_weights(opened.module, served.weights)
        traced = trace_opened(opened)
    except ModelUnavailable as error:
        # The sources' own messages begin with the name.
        raise ModelUnavailable(_with_name(served.model, str(error))) from error
    except ForwardFailed as error:
        diagnosis = getattr(error, "diagnosis", None)
        below = f"\n{diagnosis}" if diagnosis else ""
        raise ModelUnavailable(f"{served.model}: {error}{below}") from error
    except (TypeError, ValueError) as error:  # inputs that fit no forward
        raise ModelUnavailable(f"{served.model}: {error}") from error
    opened, trace = traced.opened, traced.trace
    inputs = opened.inputs or ()
    known = published(served.model, opened.module)
    preparation = _preparation(served, inputs, opened.module, known)
    module = _placed(opened.module, inputs, device)
    silence = why_no_guesses(trace)
    categories = _categories(served, trace, silence, known)
    return Model(
        name=name,
        version=version_of(module, trace, preparation, categories),
        card={
            "title": served.name or served.model,
            "own": True,
            "first_weights": _has_first_weights(served),
            "description": _description(served, opened, inputs),
            "multiply_accumulates": trace.layer("<output>").multiply_accumulates,
        },
        module=module,
        device=device,
        batch_images=batch_images,
        preparation=preparation,
        categories=categories,
        silence=silence,
        gives_probabilities=gives_probabilities(trace),
        examples=() if preparation else examples_of(module, as_example(inputs), None),
        source=served,
    )


def open_module(served: ServedModel) -> nn.Module:
    """The module of a model that a user named: on the CPU, in eval mode, with its weights.

    The same at every call, in every process, unless its factory or its files have changed.

    Raises:
        ModelUnavailable: it cannot be opened.
        ForwardFailed: it is traced to find what it takes, and its forward raised.
    """
    opened = _opened(served)
    if served.weights is not None:
        load_weights(opened.module, served.weights)
    return trace_opened(opened).opened.module.eval().requires_grad_(False)


def free_name(served: ServedModel, taken: Collection[str]) -> str:
    """A name for addresses: as given, or made of what the model is called.

    Raises:
        ModelUnavailable: the name that is given has another model.
    """
    if served.name is not None:
        if served.name in taken:
            raise ModelUnavailable(
                f"There are two models of the name {served.name!r}: give one another by --name."
            )
        return served.name
    wanted = re.sub(r"[^A-Za-z0-9._-]+", "-", served.model).strip(".-_") or "model"
    number = 1
    name = wanted
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name


def parse_normalisation(text: str, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation as the command line has them.

    Two numbers are those of all channels; else there are the means of all channels, and then their
    deviations.

    Raises:
        ModelUnavailable: another number of numbers, no numbers, or a deviation that is not above 0.
    """
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise ModelUnavailable(
            f"--normalise {text!r} is not mean,std: numbers with commas between them."
        ) from error
    if len(numbers) not in (2, 2 * channels):
        wanted = "2 numbers" if channels == 1 else f"2 or {2 * channels} numbers"
        raise ModelUnavailable(
            f"--normalise {text!r} has {len(numbers)} numbers; for {channels} "
            f"{'channel' if channels == 1 else 'channels'} there are {wanted}: the means, then the "
            "deviations."
        )
    half = len(numbers) // 2
    mean, std = numbers[:half], numbers[half:]
    if not all(map(math.isfinite, numbers)) or min(std) <= 0:
        raise ModelUnavailable(
            f"--normalise {text!r}: means are finite numbers, deviations greater than 0."
        )
    return mean, std


def _opened(served: ServedModel) -> OpenedModel:
    # A factory that prints is not to print into what the command prints.
    with contextlib.redirect_stdout(sys.stderr), torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        opened = open_model(served.model, inputs=served.input)
        if has_lazy_parameters(opened.module) and opened.inputs is not None:
            _initialise(opened)
    return opened


def _initialise(opened: OpenedModel) -> None:
    """Run a model with lazy parameters once: that gives them their values."""
    given = [form.example() for form in opened.inputs or ()]
    tensors = [each if isinstance(each, Tensor) else torch.zeros(tuple(each)) for each in given]
    names = [form.name for form in opened.inputs or ()]
    with torch.no_grad(), contextlib.suppress(Exception):  # tracing says what does not fit
        if all(names):
            opened.module(**dict(zip(map(str, names), tensors, strict=True)))
        else:
            opened.module(*tensors)


def _preparation(
    served: ServedModel,
    inputs: Sequence[InputForm],
    module: nn.Module,
    known: Published | None,
) -> Preparation | None:
    """How pictures become the input; None where it takes no pictures.

    Raises:
        ModelUnavailable: a normalisation that does not fit.
    """
    shape = inputs[0].shape if len(inputs) == 1 else ()
    takes_pictures = (
        len(shape) == 4
        and shape[0] == 1
        and shape[1] in (1, 3)
        and (inputs[0].dtype is None or inputs[0].dtype.is_floating_point)
        and inputs[0].name in (None, _first_parameter(module))
    )
    if not takes_pictures:
        if served.normalise is not None:
            raise ModelUnavailable(
                f"{served.model} takes {' and '.join(map(str, inputs))}, which is no picture: "
                "--normalise has no meaning for it."
            )
        return None
    channels, height, width = shape[1:]
    if served.normalise is not None:
        mean, std = parse_normalisation(served.normalise, channels)
        said_by = "as given"
    elif known is not None and len(known.mean) in (1, channels):
        mean, std, said_by = known.mean, known.std, known.said_by
    else:
        mean, std, said_by = (0.0,), (1.0,), ""
    return Preparation(
        channels,
        height,
        width,
        mean,
        std,
        kept=known.kept if known else 1.0,
        resampling="bicubic" if known and known.is_bicubic else "bilinear",
        said_by=said_by,
    )


def _categories(
    served: ServedModel, trace: Trace, silence: str, known: Published | None
) -> tuple[str, ...]:
    if silence:
        if served.labels is not None:
            raise ModelUnavailable(f"{served.model} has nothing to give labels to. {silence}")
        return ()
    logits = int(trace.output.shape[1])
    if served.labels is not None:
        return checked_labels(read_labels(served.labels), logits, str(served.labels))
    if served.model in ARCHITECTURES and logits == len(CATEGORIES):
        return CATEGORIES
    if known is not None and len(known.labels) == logits:
        return known.labels
    return numbered_labels(logits)


def _description(served: ServedModel, opened: OpenedModel, inputs: Sequence[InputForm]) -> str:
    weights = "with its own weights"
    if served.weights is not None:
        weights = f"with the weights of {served.weights.name}"
    elif served.model in model_names():
        weights = "with the shipped weights"
    elif _has_first_weights(served):
        weights = "with first weights: nobody has trained it, and its guesses mean nothing"
    takes = " and ".join(
        (f"{form.name} " if form.name else "") + "×".join(map(str, form.shape[1:]))
        for form in inputs
    )
    return f"{type(opened.module).__name__}, {weights}. It takes {takes} ({opened.inputs_from})."


def _has_first_weights(served: ServedModel) -> bool:
    """Whether nobody can have trained it: architectures of libraries, without a file of weights."""
    if served.weights is not None or served.model in model_names():
        return False
    return served.model.startswith(("timm:", "torchvision:")) or served.model in ARCHITECTURES


def _placed(module: nn.Module, inputs: Sequence[InputForm], device: torch.device) -> nn.Module:
    module = module.eval().requires_grad_(False)
    tensors = (*module.parameters(), *module.buffers())
    # Strides of convolution weights, which others than images have no such order of.
    if any(tensor.ndim == 5 for tensor in tensors) or any(len(form.shape) != 4 for form in inputs):
        return module.to(device)
    return module.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _first_parameter(module: nn.Module) -> str | None:
    try:
        return next(iter(inspect.signature(module.forward).parameters), None)
    except (TypeError, ValueError):  # such as of a ScriptModule
        return None


def _with_name(spec: str, message: str) -> str:
    return message if spec in message else f"{spec}: {message}"
