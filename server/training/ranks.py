"""Several processes that train one network together, as torchrun starts them."""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from server.training.synchronised import with_synchronised_normalisation

TIMEOUT = timedelta(minutes=30)
"""So long the others wait for one, which may be validating."""
_TOLD_BYTES = 2_048


_LOST = re.compile(r"gloo|nccl|connection|broken pipe", re.IGNORECASE)
"""What PyTorch says where a process does not answer; it has no exception of its own for that."""


class RanksFailed(ValueError):
    """Processes cannot train together: they were started with different things, or one is gone."""


@dataclass(frozen=True)
class Ranks:
    """Which of the processes this is.

    Attributes:
        rank: 0 writes what is written.
        count: so many there are.
    """

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def synchronised(self, model: nn.Module) -> nn.Module:
        """The same network, whose batch normalisation is over the batches of all processes."""
        if self.count == 1:
            return model
        return with_synchronised_normalisation(model)

    def together(self, model: nn.Module) -> nn.Module:
        """What trains a network so that all processes take the mean of their gradients."""
        if self.count == 1:
            return model
        device = next(model.parameters()).device
        # Of an axis of length 1 a layout says nothing, and networks here are in channels_last.
        warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
        return DistributedDataParallel(
            model, device_ids=[device] if device.type == "cuda" else None
        )

    def agree(self, **told: object) -> None:
        """See that all processes were started with the same.

        Raises:
            RanksFailed: some were not; the message says which has what.
        """
        for name, value in told.items():
            values = self._gathered(str(value))
            if len(set(values)) > 1:
                others = "; ".join(f"{value} in {rank}" for rank, value in enumerate(values))
                raise RanksFailed(f"the processes do not have the same {name}: {others}")

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.count > 1:
            distributed.barrier()

    def _gathered(self, value: str) -> list[str]:
        """What each process says; as bytes, since to pickle is to run what others send."""
        if self.count == 1:
            return [value]
        content = value.encode()
        if len(content) > _TOLD_BYTES:
            content = hashlib.sha256(content).hexdigest().encode()
        device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
        padded = torch.zeros(_TOLD_BYTES, dtype=torch.uint8)
        padded[: len(content)] = torch.tensor(list(content), dtype=torch.uint8)
        gathered = [torch.empty_like(padded, device=device) for _ in range(self.count)]
        distributed.all_gather(gathered, padded.to(device))
        return [bytes(one.tolist()).rstrip(b"\0").decode() for one in gathered]


ALONE = Ranks()


def ranks_started() -> int:
    """How many processes torchrun started; 1 where it was not it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def device_of_rank(device: torch.device) -> torch.device:
    """The device of this process: of several GPUs its own.

    Raises:
        RanksFailed: this machine has fewer GPUs than processes.
    """
    if device.type != "cuda" or ranks_started() == 1:
        return device
    local, gpus = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if local >= gpus:
        here = os.environ.get("LOCAL_WORLD_SIZE", "?")
        raise RanksFailed(f"There are {here} processes and {gpus} GPUs here; start one for each.")
    return torch.device("cuda", local)


@contextmanager
def joined(device: torch.device) -> Iterator[Ranks]:
    """Join the processes that torchrun started; alone without it.

    NCCL carries gradients between GPUs, Gloo between processors.

    Raises:
        RanksFailed: the others cannot be reached, or not any more.
    """
    if ranks_started() == 1:
        yield ALONE
        return
    options: dict[str, Any] = {}
    if device.type == "cuda":
        torch.cuda.set_device(device)
        options["device_id"] = device
    try:
        distributed.init_process_group(
            "nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT, **options
        )
    except (RuntimeError, ValueError) as error:
        raise RanksFailed(f"The other processes cannot be reached: {_line_of(error)}") from error
    try:
        yield Ranks(distributed.get_rank(), distributed.get_world_size())
    except RuntimeError as error:
        if not _LOST.search(str(error)):
            raise
        which = f"process {distributed.get_rank()} of {distributed.get_world_size()}"
        raise RanksFailed(f"{which}: another process is gone ({_line_of(error)})") from error
    finally:
        distributed.destroy_process_group()


def _line_of(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
