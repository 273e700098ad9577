"""Running an opened model once, for its graph."""

from __future__ import annotations

from dataclasses import dataclass, replace

from server.engine.failure import ForwardFailed
from server.engine.trace import Trace, trace_model
from server.services.sources.guesses import guess_inputs, refusal_of, required_arguments
from server.services.sources.input_form import InputForm, as_example
from server.services.sources.opening import OpenedModel
from server.services.sources.unavailable import ModelUnavailable


@dataclass(frozen=True)
class TracedModel:
    """A model with the graph of a run, and the inputs of that run."""

    opened: OpenedModel
    """With the inputs that fitted, where they had to be guessed."""
    trace: Trace


class GuessFailed(ModelUnavailable):
    """None of the inputs that were guessed fits; the failure of the first is the cause."""


def trace_opened(opened: OpenedModel) -> TracedModel:
    """Run a model once on its inputs; one without weights is built again where it must compute.

    Raises:
        ForwardFailed: the forward raised.
        ModelUnavailable: no input was given, and none fits that the first layers suggest.
    """
    try:
        return _traced(opened)
    except (ForwardFailed, GuessFailed):
        if not opened.is_shape_only:
            raise
        # Such as control flow on data, or indices that are computed: these take values.
        return _traced(replace(opened, module=opened.build().eval()))


def _traced(opened: OpenedModel) -> TracedModel:
    if opened.inputs is not None:
        refusal = refusal_of(opened.module, opened.inputs)
        if refusal:
            raise ModelUnavailable(f"{opened.name} {refusal}")
        return TracedModel(opened, trace_model(opened.module, as_example(opened.inputs)))
    needed = required_arguments(opened.module)
    if len(needed) > 1:
        raise ModelUnavailable(
            f"{opened.name} takes {' and '.join(needed)}: say what, such as "
            + " ".join(f"--input {name}=SIZES" for name in needed)
        )
    tried: list[InputForm] = []
    first: ForwardFailed | None = None
    for form, reason in guess_inputs(opened.module):
        tried.append(form)
        try:
            trace = trace_model(opened.module, as_example([form]))
        except ForwardFailed as failure:
            first = first or failure
            continue
        return TracedModel(replace(opened, inputs=(form,), inputs_from=reason), trace)
    if first is None:
        raise ModelUnavailable(
            f"{opened.name} says nowhere what it takes: say so by --input, such as "
            "--input 3x224x224."
        )
    raise GuessFailed(
        f"{opened.name} ran on no input that its first layers suggest "
        f"({', '.join(map(str, tried))}): say what it takes by --input. With {tried[0]}: {first}"
    ) from first
