"""The training loop of the networks: seeded, resumable, on CPU or GPU."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models import ARCHITECTURES
from server.training.average import MovingAverage
from server.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from server.training.dataset import TrainingData
from server.training.evaluation import Evaluation, evaluate_logits, images_of, logits_of
from server.training.sampling import Batch, Sampler

PREPARED_BATCHES = 4
"""Batches that are rendered ahead, in a thread beside the training steps."""


@dataclass(frozen=True)
class Configuration:
    """What decides the outcome of a run, beside the data."""

    model: str = "doodle-classifier"
    steps: int = 11_000
    batch_size: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    mixup: float = 0.2
    average_decay: float = 0.999
    seed: int = 0

    @classmethod
    def for_model(cls, model: str, **chosen: Any) -> Configuration:
        """The settings that a network is trained with, but for those that are chosen.

        Args:
            model: name of an architecture.
            chosen: values by the names of the fields; None stands for the network's own.

        Raises:
            KeyError: there is no such architecture.
        """
        settings = asdict(ARCHITECTURES[model].training)
        settings |= {name: value for name, value in chosen.items() if value is not None}
        return cls(model=model, **settings)


@dataclass(frozen=True)
class Progress:
    """Where a run is; ``validation`` is there after each validation only."""

    step: int
    steps: int
    loss: float
    learning_rate: float
    drawings_per_second: float
    validation: Evaluation | None = None


class ConfigurationChanged(ValueError):
    """A checkpoint was made by a run with other settings, so that it cannot be gone on with."""


class TrainingRun:
    """One run: its model, the moving average of it, the optimiser, and the checkpoint's place."""

    def __init__(
        self,
        data: TrainingData,
        configuration: Configuration,
        checkpoint: Path,
        device: torch.device,
    ) -> None:
        """Set up a run, from its checkpoint where there is one.

        Raises:
            ConfigurationChanged: the checkpoint belongs to a run with other settings.
        """
        self.configuration = configuration
        self.step = 0
        self._path = checkpoint
        self._device = device
        self._data = data
        torch.manual_seed(configuration.seed)
        self.model = ARCHITECTURES[configuration.model]().to(device)
        self.model = self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = MovingAverage(self.model, configuration.average_decay)
        self._optimizer = torch.optim.AdamW(
            _parameter_groups(self.model, configuration.weight_decay),
            lr=configuration.learning_rate,
        )
        self._sampler = Sampler(data, configuration.batch_size, configuration.seed)
        # A category without drawings has no prior to be learned around: it is only pushed down.
        priors = torch.from_numpy(self._sampler.category_probabilities).float().to(device)
        self._precision = fast_precision(device)
        self._log_priors = torch.where(priors > 0, priors, 1.0).log()
        if checkpoint.is_file():
            self._resume(load_checkpoint(checkpoint))

    def train(
        self,
        report: Callable[[Progress], None],
        report_every: int = 20,
        validate_every: int = 2_000,
        checkpoint_every: int = 500,
    ) -> Evaluation:
        """Run to the last step; returns the validation of the averaged model.

        An interrupt (Ctrl+C) writes a checkpoint before it goes on its way.
        """
        steps = self.configuration.steps
        validation = None
        losses: list[Tensor] = []
        since, seen = time.perf_counter(), 0
        try:
            for batch in self._batches():
                losses.append(self._train_on(batch))
                seen += len(batch.labels)
                last = self.step == steps
                validation = self.validate() if last or self.step % validate_every == 0 else None
                if validation is not None or self.step % report_every == 0:
                    rate = seen / (time.perf_counter() - since)
                    loss = float(torch.stack(losses).mean())
                    losses, since, seen = [], time.perf_counter(), 0
                    report(
                        Progress(self.step, steps, loss, self._learning_rate(), rate, validation)
                    )
                if last or self.step % checkpoint_every == 0:
                    self.save()
        except KeyboardInterrupt:
            self.save()
            raise
        return validation if validation is not None else self.validate()

    def validate(self) -> Evaluation:
        """Judge the averaged model on the drawings held out."""
        records = self._data.held_out
        logits = logits_of(self.average.module, images_of(records))
        return evaluate_logits(logits, (record.label for record in records))

    def save(self) -> None:
        """Write the checkpoint."""
        save_checkpoint(
            self._path,
            Checkpoint(
                self.step,
                asdict(self.configuration),
                self.model.state_dict(),
                self.average.module.state_dict(),
                self._optimizer.state_dict(),
            ),
        )

    def _resume(self, checkpoint: Checkpoint) -> None:
        wanted = asdict(self.configuration)
        if checkpoint.configuration != wanted:
            changes = ", ".join(
                f"{name} {checkpoint.configuration.get(name)} and not {value}"
                for name, value in wanted.items()
                if checkpoint.configuration.get(name) != value
            )
            raise ConfigurationChanged(
                f"{self._path} belongs to a run with {changes}; --restart begins anew."
            )
        self.step = checkpoint.step
        self.model.load_state_dict(checkpoint.model)
        self.average.module.load_state_dict(checkpoint.average)
        self._optimizer.load_state_dict(checkpoint.optimizer)

    def _batches(self) -> Iterator[Batch]:
        """Batches from the present step on, rendered ahead by one thread."""
        with ThreadPoolExecutor(1, thread_name_prefix="batches") as executor:
            ahead: list[Future[Batch]] = []
            following = self.step
            try:
                while ahead or following < self.configuration.steps:
                    while len(ahead) < PREPARED_BATCHES and following < self.configuration.steps:
                        ahead.append(executor.submit(self._sampler.batch, following))
                        following += 1
                    yield ahead.pop(0).result()
            finally:
                for future in ahead:
                    future.cancel()

    def _train_on(self, batch: Batch) -> Tensor:
        """One step of the optimiser; returns the loss, detached, without waiting for it."""
        self.model.train()
        # Dropout draws from the global generator; seeded by step, a resumed run repeats it.
        torch.manual_seed(self.configuration.seed * 1_000_003 + self.step)
        for group in self._optimizer.param_groups:
            group["lr"] = self._learning_rate()
        images = batch.images.to(self._device, memory_format=torch.channels_last, non_blocking=True)
        labels = batch.labels.to(self._device, non_blocking=True)
        images, mixed_with, share = self._mix(images)
        with torch.autocast(
            self._device.type, self._precision, enabled=self._precision != torch.float32
        ):
            logits = self.model(images)
        # Logit adjustment (Menon et al., 2021, equation 10): the priors of the sampling are
        # learned around, so that the logits are those of equally frequent categories.
        adjusted = logits.float() + self._log_priors
        loss = share * self._cross_entropy(adjusted, labels)
        loss = loss + (1 - share) * self._cross_entropy(adjusted, labels[mixed_with])
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimizer.step()
        self.average.update(self.model, self.step)
        self.step += 1
        return loss.detach()

    def _mix(self, images: Tensor) -> tuple[Tensor, Tensor, float]:
        """Mixup (Zhang et al., 2018): blend each image with another of the batch."""
        random = np.random.default_rng([self.configuration.seed, self.step, 1])
        partners = torch.from_numpy(random.permutation(len(images))).to(images.device)
        alpha = self.configuration.mixup
        share = float(random.beta(alpha, alpha)) if alpha > 0 else 1.0
        return share * images + (1 - share) * images[partners], partners, share

    def _cross_entropy(self, logits: Tensor, labels: Tensor) -> Tensor:
        return nn.functional.cross_entropy(
            logits, labels, label_smoothing=self.configuration.label_smoothing
        )

    def _learning_rate(self) -> float:
        """Linear warm-up over the first twentieth, then half a cosine down to nothing."""
        share = self.step / self.configuration.steps
        rise = min(1.0, (self.step + 1) / max(1.0, 0.05 * self.configuration.steps))
        return self.configuration.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * share))


def fast_precision(device: torch.device) -> torch.dtype:
    """bfloat16 where the hardware multiplies it (CUDA, or a CPU with AMX), else float32."""
    if device.type == "cuda":
        return torch.bfloat16
    return torch.bfloat16 if torch.cpu._is_amx_tile_supported() else torch.float32


def _parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Decay weights; not biases nor the scales and shifts of normalisation."""
    matrices = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    vectors = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
