"""A network's graph, recorded from one run of it.

The run happens under a ``TorchFunctionMode``, which sees every PyTorch function and tensor method
that ``forward`` calls, while forward hooks tell which module is running. A node is one call of a
leaf module (what happens inside is part of it) or one functional operation outside of leaf modules
(``cat``, ``add``, ``flatten``, ...). Names are of module paths, never of guesses from class names.
Beneath, the operators that these end in are recorded with the memory that they read and wrote.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from server.engine.doctor.replay import replay
from server.engine.effective_receptive_field import effective_receptive_field
from server.engine.example import Example, Inputs, as_inputs, device_of
from server.engine.failure import Attempt, ForwardFailed
from server.engine.node import Node
from server.engine.operations import tensors_in
from server.engine.preserved import preserved
from server.engine.printing import held_printing
from server.engine.receptive_field.closed_form import ClosedForm, Stage, Sweep
from server.engine.receptive_field.field import ReceptiveField, receptive_field, spatial_axes
from server.engine.receptive_field.masked import with_masks
from server.engine.receptive_field.plan import Plan
from server.engine.receptive_field.pointwise_normalisation import with_constant_statistics
from server.engine.receptive_field.projective import Place, ProjectiveField, projective_field
from server.engine.record import Operation, OperationRecorder, Slot, Storage, View, is_hiding
from server.engine.recorder import NodeRecorder
from server.engine.refusal import real_refusal
from server.engine.runnable import (
    META,
    Uninitialised,
    check_arguments,
    eagerly,
    has_lazy_parameters,
    in_full,
    initialised,
    is_shape_only,
    stand_in,
    unfollowed,
    unwrapped,
    whole,
    with_tensors,
)
from server.engine.saved import SavedForBackward

__all__ = ["OUTPUT", "ForwardFailed", "Trace", "trace_model"]

OUTPUT = "<output>"
"""The path by which ``Trace.layer`` gives what the model returned."""


@dataclass(frozen=True)
class Trace:
    """The nodes of one run in the order in which they finished, and what the model returned."""

    inputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    output: Any = field(repr=False)
    """What the model returned; its tensors are on the meta device unless it really ran."""
    device: torch.device
    """Where it ran; ``meta``: shapes only, without the arithmetic."""
    modules: dict[tuple[str, int], Node] = field(repr=False)
    """The calls of every module that returned tensors, by path and number of the call."""
    input_views: tuple[View, ...] = field(repr=False)
    operations: tuple[Operation, ...] = field(repr=False)
    """The operators by which the inputs reach the nodes."""
    storages: dict[int, Storage] = field(repr=False)
    """The memory that views look at, by number."""
    saved: SavedForBackward = field(repr=False)
    """What tells ``saved_for_backward_bytes``; it holds the model."""

    def __getitem__(self, name: str) -> Node:
        """The node of that name; raises KeyError."""
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def layer(self, path: str, call: int = 0) -> Node:
        """A call of the module at a path, a node by its name, or ``"<output>"``.

        Raises:
            KeyError: nothing of that name ran so often; the message says what did.
        """
        if (path, call) in self.modules:
            return self.modules[path, call]
        if call == 0 and path in self:
            return self[path]
        times = sum(ran == path for ran, _ in self.modules)
        raise KeyError(
            f"{path!r} ran {times} times, so there is no call {call}."
            if times
            else f"Nothing called {path!r} ran."
        )

    def receptive_field(
        self,
        layer: str,
        position: tuple[int | None, ...] | None = None,
        *,
        call: int = 0,
        channel: int | None = None,
        item: Any = None,
        input: int = 0,
        pointwise_normalisation: bool = False,
    ) -> ReceptiveField:
        """The input positions that can change a unit: see ``receptive_field`` in ``field``."""
        return receptive_field(
            self,
            layer,
            position,
            call=call,
            channel=channel,
            item=item,
            input=input,
            pointwise_normalisation=pointwise_normalisation,
        )

    def projective_field(
        self,
        layer: str,
        position: tuple[Place, ...],
        *,
        input: int = 0,
        call: int = 0,
        channel: int | None = None,
        item: Any = None,
        pointwise_normalisation: bool = False,
    ) -> ProjectiveField:
        """The units of a layer that a position of the input can change, or a region of it: see
        ``projective_field`` in ``projective``."""
        return projective_field(
            self,
            layer,
            position,
            input=input,
            call=call,
            channel=channel,
            item=item,
            pointwise_normalisation=pointwise_normalisation,
        )

    def effective_receptive_field(
        self,
        inputs: Iterable[Example],
        layer: str,
        position: tuple[int, ...] | None = None,
        *,
        call: int = 0,
        channel: int | None = None,
        item: Any = None,
        input: int = 0,
        progress: Callable[[int], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Tensor:
        """The mean absolute gradient of a unit over inputs: see ``effective_receptive_field`` in
        the module of that name. It runs the model that was traced."""
        return effective_receptive_field(
            self.saved.model,
            inputs,
            layer,
            position,
            call=call,
            channel=channel,
            item=item,
            input=input,
            progress=progress,
            should_stop=should_stop,
        )

    @property
    def saved_for_backward_bytes(self) -> int | None:
        """Memory that training keeps from the forward until the backward pass, in bytes.

        Measured when it is first asked for: see ``SavedForBackward``, which says what counts. None
        if that is not possible.
        """
        return self.saved.total

    def closed_forms(self, input: int = 0) -> dict[str, ClosedForm | None]:
        """Size, stride and start of the fields of every node that returned one tensor.

        Without clipping, per spatial axis of that input; None where they are not all alike.
        """
        sweep = self.sweep(input)
        return {
            node.name: sweep.closed(node.result)
            for node in self.nodes
            if isinstance(node.result, Slot)
        }

    def sweep(self, input: int = 0) -> Sweep:
        """The closed forms of every tensor of the run, which are computed once."""
        if input not in self._sweeps:
            source = self.input_views[input]
            self._sweeps[input] = Sweep(self.stages, source, spatial_axes(source.shape))
        return self._sweeps[input]

    @functools.cached_property
    def plan(self) -> Plan:
        """The quick way from any unit back to the inputs."""
        return Plan(self.operations, self.storages, self.input_views)

    @functools.cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The operations, ready for sweeps."""
        return tuple(Stage(operation, self.storages) for operation in self.operations)

    @functools.cached_property
    def _sweeps(self) -> dict[int, Sweep]:
        return {}

    @functools.cached_property
    def with_constant_statistics(self) -> Trace:
        """The same run, where normalisation reads the position itself and no statistics."""
        return replace(self, operations=tuple(map(with_constant_statistics, self.operations)))

    @functools.cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}


def trace_model(model: nn.Module, example: Example, *, keep: bool = False) -> Trace:
    """Run the model once in eval mode, without gradients, and record what ran.

    It runs on the meta device, where nothing is computed or allocated, if the model allows that;
    else, and with ``keep``, really, on the model's device. What it prints then, it prints once.
    What ``torch.compile`` was given runs as plain Python, and nothing is compiled. The model and
    the random number generators are afterwards as they were before, also when the forward raises;
    the example is not written to.

    Args:
        model: any module; reused modules, residual connections, containers and nested outputs work.
        example: a shape, a tensor, a tuple or list of those, or a mapping from the names of
            forward's parameters to those. Shapes stand for values in 0..1.
        keep: whether nodes hold clones of their outputs (clones, since later operations in place
            may overwrite them).

    Raises:
        ForwardFailed: the forward raised; the exception is its cause.
        TypeError: the model is no module, or the example none, or not what forward takes.
        ValueError: the example has sizes or a layout that no tensor can have here; values are
            needed of lazy parameters, or of a model that is spread over devices.
    """
    model = unwrapped(model)
    inputs = as_inputs(example, model)
    check_arguments(model, inputs)
    if has_lazy_parameters(model):
        if keep:
            raise Uninitialised(
                "The model has lazy parameters, which get values when it first runs: run it once, "
                "or trace it without keep."
            )
        model = _initialised(model, inputs)
    elif keep and is_shape_only(model):
        raise Uninitialised(
            "The model is on the meta device: it has shapes and no values, and cannot really run."
        )
    with eagerly():
        return _shapes_only(model, inputs) if not keep else _really(model, inputs, keep=True)


def _shapes_only(model: nn.Module, inputs: Inputs) -> Trace:
    """A trace on the meta device, or where only a real run can tell, of that."""
    with held_printing() as printed:
        try:
            trace = _run(model, inputs, META, keep=False)
        except ForwardFailed as failed:
            # Such as control flow on data, constants on another device, or that shapes do not fit.
            refused = real_refusal(model, inputs, failed.__cause__)
            if refused is not None:
                printed.release()
                raise failed.because(refused) from refused
            if is_shape_only(model):
                printed.release()
                raise
        except BaseException:
            printed.release()
            raise
        else:
            printed.release()
            return trace
    # What it printed is dropped here: the real run prints it again.
    return _really(model, inputs, keep=False)


def _really(model: nn.Module, inputs: Inputs, keep: bool) -> Trace:
    return _run(model, inputs, device_of(model), keep)


def _initialised(model: nn.Module, inputs: Inputs) -> nn.Module:
    """A copy on the meta device of a model with lazy parameters, which now have shapes."""
    try:
        with eagerly():
            return initialised(model, inputs)
    except Exception as cause:
        refused = real_refusal(model, inputs, cause)
        if refused is None:
            raise Uninitialised(
                "The model has lazy parameters, and its first run needs values: run it once before "
                f"({type(cause).__name__}: {cause})."
            ) from cause
        stopped = replay(model, inputs, META, keep=True).stopped
        path, call = (stopped.place.path, stopped.place.call) if stopped else ("", 0)
        attempt = Attempt(model, inputs, META)
        raise ForwardFailed(path, (), refused, attempt, call) from refused


def _run(model: nn.Module, inputs: Inputs, device: torch.device, keep: bool) -> Trace:
    arguments = inputs.to(device)
    buffers = dict(model.named_buffers())
    tensors = {**dict(model.named_parameters()), **buffers}
    forward: Callable[..., Any] = model
    if device == META and any(not tensor.is_meta for tensor in tensors.values()):
        tensors = {name: stand_in(tensor) for name, tensor in tensors.items()}
        forward = functools.partial(with_tensors, model, tensors)
    with preserved(model, watching=False) as kept, torch.inference_mode(False), torch.no_grad():
        model.eval()
        given = tuple(arguments.tensors())
        operations = OperationRecorder(given, tensors.values())
        operations.about_to_write = kept.about_to_write
        operations.hides(
            tensors[name]
            for name, buffer in buffers.items()
            # A mask has an axis of queries and one of keys.
            if buffer.ndim > 1 and not buffer.is_meta and is_hiding(buffer)
        )
        nodes = NodeRecorder(model, given, operations, keep)
        nodes.saved = saved = SavedForBackward(model, inputs, nodes.nodes)
        with nodes.hooks(), nodes, operations:
            try:
                output = whole(forward(*arguments.args, **arguments.kwargs))
            except (Exception, SystemExit) as error:
                cause = in_full(unfollowed(error), model, inputs, device)
                raise ForwardFailed(
                    nodes.stopped_at or "",
                    nodes.nodes,
                    cause,
                    Attempt(model, inputs, device),
                    nodes.stopped_call,
                ) from cause
        nodes.modules[OUTPUT, 0] = _output_node(model, nodes, operations, output)
    return Trace(
        inputs=nodes.input_names,
        nodes=tuple(nodes.nodes),
        output=output,
        device=device,
        modules=nodes.modules,
        input_views=operations.inputs,
        operations=(
            with_masks(operations.operations, operations.storages)
            if operations.masks
            else tuple(operations.operations)
        ),
        storages=operations.storages,
        saved=saved,
    )


def _output_node(
    model: nn.Module, nodes: NodeRecorder, operations: OperationRecorder, output: Any
) -> Node:
    """What the model returned, as a node."""
    made = tuple(tensors_in(output))
    return Node(
        name=OUTPUT,
        kind=type(model).__name__,
        module_path="",
        call=0,
        inputs=(),
        shape=tuple(made[0].shape) if made else (),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        hyperparameters={},
        multiply_accumulates=operations.multiply_accumulates,
        activation_bytes=sum(tensor.numel() * tensor.element_size() for tensor in made),
        result=nodes.result(output),
        saved=nodes.saved,
    )
