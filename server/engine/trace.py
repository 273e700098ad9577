"""A network's graph, recorded from one real run of it.

The run happens under a ``TorchFunctionMode``, which sees every PyTorch function and tensor method
that ``forward`` calls, while forward hooks tell which module is running. A node is one call of a
leaf module (what happens inside is part of it) or one functional operation outside of leaf modules
(``cat``, ``add``, ``flatten``, ...). Names are of module paths, never of guesses from class names.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from server.engine.operations import (
    module_hyperparameters,
    mutated_tensors,
    operation_hyperparameters,
    operation_kind,
    tensors_in,
)

INPUT = "input"
"""Name of the first tensor given to the model; further ones are ``input@1``, ``input@2``, ..."""


@dataclass(frozen=True)
class Node:
    """One call of a leaf module, or one functional operation, as it ran."""

    name: str
    """Unique: the module path, or ``<enclosing path>.<operation>``; later calls end in ``@k``."""
    kind: str
    """Class of the module (``Conv2d``) or name of the operation (``add``)."""
    module_path: str
    """Path of the module that ran, or of the one that the operation stands in; "" is the model."""
    call: int
    """How often the same name had run before: 0 for the first call."""
    inputs: tuple[str, ...]
    """Names of the nodes (or inputs) whose tensors it read, in the order of its arguments."""
    output_shape: tuple[int, ...]
    """Shape of the first output tensor."""
    parameters: int
    """Number of learnable values that it reads."""
    hyperparameters: dict[str, Any]
    """Configuration as JSON values: of the module, or the arguments that are not tensors."""
    outputs: tuple[Tensor, ...] = field(repr=False, default=())
    """Clones of what it returned; empty unless the trace keeps outputs."""

    @property
    def output(self) -> Tensor:
        """The first output tensor, as it was at the time of the call.

        Raises:
            LookupError: the trace was made with ``keep=False``.
        """
        if not self.outputs:
            raise LookupError(f"The output of {self.name} was not kept.")
        return self.outputs[0]


@dataclass(frozen=True)
class Trace:
    """The nodes of one run in the order in which they finished, and what the model returned."""

    inputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    output: Any = field(repr=False)

    def __getitem__(self, name: str) -> Node:
        """The node of that name; raises KeyError."""
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    @functools.cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}


class ForwardFailed(RuntimeError):
    """The model's forward raised; ``nodes`` ran before it, ``module_path`` is where it stopped."""

    def __init__(self, module_path: str, nodes: Sequence[Node], cause: Exception) -> None:
        last = nodes[-1].name if nodes else "nothing"
        super().__init__(
            f"The forward failed in {module_path or 'the model itself'} after {len(nodes)} nodes "
            f"(the last was {last}): {type(cause).__name__}: {cause}"
        )
        self.module_path = module_path
        self.nodes = tuple(nodes)


def trace_model(model: nn.Module, *inputs: Tensor, keep: bool = True) -> Trace:
    """Run the model once in eval mode, under ``torch.inference_mode``, and record what ran.

    Hooks, training flags, ``requires_grad`` and the random number generators are afterwards as they
    were before, also when the forward raises. A model that writes to its own buffers in eval mode
    keeps what it wrote.

    Args:
        model: any module; reused modules, residual connections, containers and tuple outputs work.
        inputs: the tensors for its forward, on the model's device.
        keep: whether nodes hold clones of their outputs (clones, since later operations in place
            may overwrite them).

    Raises:
        ForwardFailed: the forward raised; the exception is its cause.
    """
    recorder = _Recorder(model, inputs, keep)
    with _as_found(model), torch.inference_mode(), recorder.hooks(), recorder:
        try:
            output = model(*inputs)
        except Exception as cause:
            raise ForwardFailed(recorder.stopped_at or "", recorder.nodes, cause) from cause
    return Trace(recorder.input_names, tuple(recorder.nodes), output)


@contextmanager
def _as_found(model: nn.Module) -> Iterator[None]:
    """Put the model into eval mode; afterwards restore its flags and the random generators."""
    training = [(module, module.training) for module in model.modules()]
    requires_grad = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    devices = {tensor.device.index for tensor in model.parameters() if tensor.is_cuda}
    with torch.random.fork_rng(devices=sorted(devices)):
        try:
            model.eval()
            yield
        finally:
            for module, flag in training:
                module.training = flag
            for parameter, flag in requires_grad:
                parameter.requires_grad_(flag)


class _Recorder(TorchFunctionMode):
    """Keeps which node made which tensor while the model runs."""

    def __init__(self, model: nn.Module, inputs: Sequence[Tensor], keep: bool) -> None:
        super().__init__()
        self.nodes: list[Node] = []
        self.stopped_at: str | None = None
        self._model = model
        self._keep = keep
        self._paths: list[str] = []
        self._leaf: nn.Module | None = None
        self._leaf_inputs: tuple[Tensor, ...] = ()
        self._leaf_mutated: list[Tensor] = []
        self._calls: Counter[str] = Counter()
        # Tensors are held until the end, so that no id is given twice.
        self._makers: dict[int, tuple[Tensor, str]] = {}
        self.input_names = tuple(self._unique(INPUT)[0] for _ in inputs)
        for tensor, name in zip(inputs, self.input_names, strict=True):
            self._makers[id(tensor)] = tensor, name

    @contextmanager
    def hooks(self) -> Iterator[None]:
        """Forward hooks on every module, which tell which one is running."""
        with ExitStack() as stack:
            for path, module in self._model.named_modules():
                enter = functools.partial(self._enter, path)
                leave = functools.partial(self._leave, path)
                handles = (
                    module.register_forward_pre_hook(enter, with_kwargs=True),
                    module.register_forward_hook(leave, with_kwargs=True, always_call=True),
                )
                for handle in handles:
                    stack.callback(handle.remove)
            yield

    def _enter(self, path: str, module: nn.Module, args: Any, kwargs: Any) -> None:
        self._paths.append(path)
        self.stopped_at = None
        if self._leaf is None and path and not any(module.children()):
            self._leaf = module
            self._leaf_mutated = []
            self._leaf_inputs = tuple(tensors_in((args, kwargs)))

    def _leave(self, path: str, module: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
        self._paths.pop()
        if output is None and self.stopped_at is None:  # as when its forward raised
            self.stopped_at = path
        if self._leaf is not module:
            return output
        self._leaf = None
        return self._record(
            base=path,
            kind=type(module).__name__,
            module_path=path,
            read=self._leaf_inputs,
            output=output,
            mutated=self._leaf_mutated,
            learnable=module.parameters(),
            hyperparameters=module_hyperparameters(module),
        )

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        mutated = mutated_tensors(func, args, kwargs)
        result = func(*args, **kwargs)
        if self._leaf is not None:
            self._leaf_mutated.extend(mutated)
            return result
        read = tuple(tensors_in((args, kwargs)))
        returns = next(tensors_in(result), None) is not None
        if not returns and not mutated:
            return result
        kind = operation_kind(func)
        path = self._paths[-1] if self._paths else ""
        recorded = self._record(
            base=f"{path}.{kind}" if path else kind,
            kind=kind,
            module_path=path,
            read=read,
            output=result if returns else mutated,
            mutated=mutated,
            learnable=(tensor for tensor in read if isinstance(tensor, nn.Parameter)),
            hyperparameters=operation_hyperparameters(args, kwargs),
        )
        return recorded if returns else result

    def _record(
        self,
        *,
        base: str,
        kind: str,
        module_path: str,
        read: tuple[Tensor, ...],
        output: Any,
        mutated: Sequence[Tensor],
        learnable: Iterable[Tensor],
        hyperparameters: dict[str, Any],
    ) -> Any:
        with torch._C.DisableTorchFunction():
            inputs = tuple(self._makers[id(tensor)][1] for tensor in read if self._made(tensor))
            # What is passed through untouched (Identity, Dropout in eval, contiguous) becomes a
            # tensor object of its own: other readers of the original did not read this node.
            if self._made(output) and not any(output is tensor for tensor in mutated):
                output = output.detach()
            made = tuple(tensors_in(output))
            if not made:
                return output
            name, call = self._unique(base)
            for tensor in made:
                self._makers[id(tensor)] = tensor, name
            self._overwrite(mutated, name)
            self.nodes.append(
                Node(
                    name=name,
                    kind=kind,
                    module_path=module_path,
                    call=call,
                    inputs=inputs,
                    output_shape=tuple(made[0].shape),
                    parameters=sum(tensor.numel() for tensor in learnable),
                    hyperparameters=hyperparameters,
                    outputs=tuple(tensor.clone() for tensor in made) if self._keep else (),
                )
            )
        return output

    def _made(self, value: object) -> bool:
        """Whether it is a tensor that an input or a node gave."""
        return id(value) in self._makers

    def _overwrite(self, mutated: Sequence[Tensor], name: str) -> None:
        """Let every tensor that shares memory with one written to come from ``name``."""
        written = {_memory(tensor) for tensor in mutated if self._made(tensor)}
        if written:
            for key, (tensor, _) in self._makers.items():
                if _memory(tensor) in written:
                    self._makers[key] = tensor, name

    def _unique(self, base: str) -> tuple[str, int]:
        """A name that no node bears yet, and the number of the call."""
        call = self._calls[base]
        self._calls[base] += 1
        return (f"{base}@{call}" if call else base), call


def _memory(tensor: Tensor) -> int:
    """Where a tensor's values are: the same for a tensor and its views."""
    return tensor.untyped_storage().data_ptr()
