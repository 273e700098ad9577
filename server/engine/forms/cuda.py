"""A model on a CUDA device, with what is copied to and from it out of the way of the rest."""

from __future__ import annotations

import threading
from typing import Any

import torch
from torch import Tensor, nn

from server.engine.forms.form import Batch, FormName, Values


class Cuda:
    """The module itself, with a stream and pinned memory for each thread that runs it.

    Pinned memory is where a device copies from and to by itself; so the copies and the forward
    queue on the stream, and the thread waits once, for the end, while others run.

    Args:
        module: in eval mode, on the device.
        device: a CUDA device.
        dtype: that the module computes with.
        cuda: PyTorch's own, or what stands in for it.
        pins: whether memory is pinned.
    """

    name: FormName = "cuda"

    def __init__(
        self,
        module: nn.Module,
        device: torch.device,
        dtype: torch.dtype,
        *,
        cuda: Any = torch.cuda,
        pins: bool = True,
    ) -> None:
        self._module = module
        self._device = device
        self._dtype = dtype
        self._cuda = cuda
        self._pins = pins
        self._own = threading.local()

    def __call__(self, batch: Batch) -> Values:
        """What the model returns for a batch."""
        stream = self._stream()
        with torch.inference_mode(), self._cuda.stream(stream):
            sent = self._pinned("sent", batch.shape)
            sent.copy_(torch.from_numpy(batch))
            there = sent.to(self._device, self._dtype, non_blocking=True)
            output = self._module(there.contiguous(memory_format=torch.channels_last))
            back = self._pinned("back", tuple(output.shape))
            back.copy_(output, non_blocking=True)
            stream.synchronize()
            values: Values = back.numpy().copy()
        return values

    def _stream(self) -> Any:
        """The stream of this thread."""
        known = vars(self._own)
        if "stream" not in known:
            known["stream"] = self._cuda.Stream(self._device)
        return known["stream"]

    def _pinned(self, use: str, shape: tuple[int, ...]) -> Tensor:
        """Memory of this thread for a tensor of float32, used again as long as it is enough."""
        known: dict[str, Tensor] = vars(self._own)
        memory = known.get(use)
        if memory is None or memory.shape[1:] != shape[1:] or len(memory) < shape[0]:
            memory = torch.empty(shape, pin_memory=self._pins)
            known[use] = memory
        return memory[: shape[0]]
