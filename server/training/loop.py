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
from server.training.distillation import Teachers, distillation_loss
from server.training.evaluation import Evaluation, evaluate_logits, logits_of
from server.training.learning_data import LearningData, batches_of, digest_of, held_out_of
from server.training.ranks import ALONE, Ranks
from server.training.sampling import Batch
from server.training.shard_sampling import ShardSampler

PREPARED_BATCHES = 4
"""Batches that are rendered ahead, in a thread beside the training steps."""

BATCHES_APART = 100_000
"""More than a run has."""


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
    leave_out: int = 0
    """So many categories, drawn by the seed, are not learned from."""
    start: str = ""
    """The weights that the run begins with; none: random ones, by the seed."""
    first_batch: int = 0
    """Batches before this one are not learned from: the run of those weights had them."""
    apart: int = 0
    """Runs of one seed hold the same drawings out; each number has other weights to begin with and
    other batches, so that they make other mistakes, and teach better together."""
    teachers: tuple[str, ...] = ()
    """The networks that are learned from beside the labels, each with its factor."""
    taught: float = 0.7
    """The share of the loss that is the teachers', where there are any."""

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
        data: LearningData,
        configuration: Configuration,
        checkpoint: Path,
        device: torch.device,
        start: nn.Module | None = None,
        teachers: Teachers | None = None,
        ranks: Ranks = ALONE,
        precision: torch.dtype | None = None,
    ) -> None:
        """Set up a run, from its checkpoint where there is one.

        Args:
            data: what is learned from, and what is held out.
            configuration: the settings; ``start`` and ``teachers`` there name those given here.
            checkpoint: where the run is saved.
            device: where it runs.
            start: the network whose weights it begins with.
            teachers: what it learns from beside the labels.
            ranks: the processes that share each batch; all have the same arguments.
            precision: of the passes; None: the one that is fast on the device.

        Raises:
            ConfigurationChanged: the checkpoint belongs to a run with other settings or shards.
            InvalidShards: shards that cannot be shared so, or cannot be read.
            RanksFailed: other processes have other settings, shards or checkpoints.
        """
        self.configuration = configuration
        self.step = 0
        self._path = checkpoint
        self._device = device
        self._data = data
        torch.manual_seed(configuration.seed + configuration.apart)
        self.model = ARCHITECTURES[configuration.model]().to(device)
        if start is not None:
            self.model.load_state_dict(start.state_dict())
        self._teachers = teachers
        self._ranks = ranks
        self.model = ranks.synchronised(self.model)
        self.model = self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = MovingAverage(self.model, configuration.average_decay)
        self._optimizer = torch.optim.AdamW(
            _parameter_groups(self.model, configuration.weight_decay),
            lr=configuration.learning_rate,
        )
        self._sampler = batches_of(
            data, configuration.batch_size, configuration.seed, device, ranks
        )
        # A category without drawings has no prior to be learned around: it is only pushed down.
        priors = torch.from_numpy(self._sampler.category_probabilities).float().to(device)
        self._precision = precision or fast_precision(device)
        # Small gradients would be zero in float16; the others reach as far as float32.
        self._scaler = torch.amp.GradScaler(device.type, enabled=self._precision == torch.float16)
        self._log_priors = torch.where(priors > 0, priors, 1.0).log()
        if checkpoint.is_file():
            self._resume(load_checkpoint(checkpoint))
        ranks.agree(settings=asdict(configuration), data=digest_of(data), step=self.step)
        self._network = ranks.together(self.model)

    @property
    def log_frequencies(self) -> Tensor:
        """The logarithms of how often each category is sampled; 0 for one without drawings."""
        return self._log_priors

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
                seen += len(batch.labels) * self._ranks.count
                last = self.step == steps
                validates = self._ranks.is_first and self.step % validate_every == 0
                validation = self.validate() if last or validates else None
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
        images, labels = held_out_of(self._data)
        return evaluate_logits(logits_of(self.average.module, images), labels.tolist())

    def save(self) -> None:
        """Write the checkpoint; of several processes the first one does."""
        if not self._ranks.is_first:
            return
        save_checkpoint(
            self._path,
            Checkpoint(
                self.step,
                asdict(self.configuration),
                self.model.state_dict(),
                self.average.module.state_dict(),
                self._optimizer.state_dict(),
                self._scaler.state_dict(),
                digest_of(self._data),
            ),
        )

    def _resume(self, checkpoint: Checkpoint) -> None:
        wanted = asdict(self.configuration)
        # A setting that was not there yet had the value that it has by default.
        had = {**asdict(Configuration()), **checkpoint.configuration}
        if had != wanted:
            changes = ", ".join(
                f"{name} {had.get(name)} and not {value}"
                for name, value in wanted.items()
                if had.get(name) != value
            )
            raise ConfigurationChanged(
                f"{self._path} belongs to a run with {changes}; --restart begins anew."
            )
        if checkpoint.data != digest_of(self._data):
            raise ConfigurationChanged(
                f"{self._path} belongs to a run with other shards; --restart begins anew."
            )
        self.step = checkpoint.step
        self.model.load_state_dict(checkpoint.model)
        self.average.module.load_state_dict(checkpoint.average)
        self._optimizer.load_state_dict(checkpoint.optimizer)
        if checkpoint.scaler:
            self._scaler.load_state_dict(checkpoint.scaler)

    def _batches(self) -> Iterator[Batch]:
        """Batches from the present step on, rendered ahead by one thread."""
        with ThreadPoolExecutor(1, thread_name_prefix="batches") as executor:
            ahead: list[Future[Batch]] = []
            following = self.step
            try:
                while ahead or following < self.configuration.steps:
                    while len(ahead) < PREPARED_BATCHES and following < self.configuration.steps:
                        ahead.append(executor.submit(self._sampler.batch, self._number(following)))
                        following += 1
                    yield ahead.pop(0).result()
            finally:
                for future in ahead:
                    future.cancel()

    def _number(self, step: int) -> int:
        """The number of the batch, and of its random numbers, that a step learns from."""
        return self.configuration.first_batch + self.configuration.apart * BATCHES_APART + step

    def _train_on(self, batch: Batch) -> Tensor:
        """One step of the optimiser; returns the loss, detached, without waiting for it."""
        self.model.train()
        # Dropout draws from the global generator; seeded by step, a resumed run repeats it.
        seed = self.configuration.seed * 1_000_003 + self._number(self.step)
        torch.manual_seed(seed + (self._ranks.rank << 48))
        for group in self._optimizer.param_groups:
            group["lr"] = self._learning_rate()
        images = batch.images.to(self._device, memory_format=torch.channels_last, non_blocking=True)
        labels = batch.labels.to(self._device, non_blocking=True)
        images, mixed_with, share = self._mix(images)
        with torch.autocast(
            self._device.type, self._precision, enabled=self._precision != torch.float32
        ):
            logits = self._network(images)
            said = self._teachers.log_probabilities(images) if self._teachers else None
        # Logit adjustment (Menon et al., 2021, equation 10): the priors of the sampling are
        # learned around, so that the logits are those of equally frequent categories.
        adjusted = logits.float() + self._log_priors
        loss = share * self._cross_entropy(adjusted, labels)
        loss = loss + (1 - share) * self._cross_entropy(adjusted, labels[mixed_with])
        if said is not None:
            taught = self.configuration.taught
            of_teachers = distillation_loss(adjusted, said + self._log_priors)
            loss = (1 - taught) * loss + taught * of_teachers
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(self._scaler.scale(loss))
        self._scaler.unscale_(self._optimizer)
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self.average.update(self.model, self.configuration.first_batch + self.step)
        self.step += 1
        return loss.detach()

    def _mix(self, images: Tensor) -> tuple[Tensor, Tensor, float]:
        """Mixup (Zhang et al., 2018): blend each image with another of the batch."""
        random = np.random.default_rng([self.configuration.seed, self._number(self.step), 1])
        if isinstance(self._sampler, ShardSampler):  # the same, however many share the batch
            partners = self._sampler.partners(self._number(self.step))
        else:
            partners = torch.from_numpy(random.permutation(len(images)))
        partners = partners.to(images.device)
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
    """bfloat16 where the hardware multiplies it (CUDA, or a CPU with AMX or AVX-512), else float32.

    GPUs older than that (before Ampere) multiply float16.
    """
    if device.type == "cuda":
        newer = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if newer else torch.float16
    # Of AVX-512 only some processors can, and only newer versions of PyTorch tell.
    by_vectors = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    can = torch.cpu._is_amx_tile_supported() or by_vectors()
    return torch.bfloat16 if can else torch.float32


def _parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Decay weights; not biases nor the scales and shifts of normalisation."""
    matrices = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    vectors = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
