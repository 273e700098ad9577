"""``doodlescope train``: a run with a progress bar, that goes on where it was stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch import Tensor, nn

from models import ARCHITECTURES
from server.commands.failure import CommandFailed, failing_on
from server.commands.model import open_device
from server.commands.teaching import ancestors, open_start, open_teachers, open_trained
from server.commands.training_data import read_training_data as read_training_data
from server.commands.unknown import measure_unknown
from server.training.card import write_card, write_weights
from server.training.checkpoint import InvalidCheckpoint
from server.training.evaluation import logits_of
from server.training.learning_data import LearningData, held_out_of, without_categories
from server.training.left_out import left_out_labels
from server.training.loop import Configuration, ConfigurationChanged, TrainingRun
from server.training.loop import Progress as RunProgress
from server.training.ranks import ALONE, Ranks, RanksFailed, device_of_rank, joined
from server.training.rarity import add_to_bias, fitting_factor, shift_of
from server.training.shard_index import InvalidShards
from server.training.temperature import fitting_temperature, put_into_weights

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
MENDABLE = (OSError, ConfigurationChanged, InvalidCheckpoint, InvalidShards, RanksFailed)


def train(
    data: Path,
    output: Path,
    checkpoint: Path,
    configuration: Configuration,
    device: str,
    restart: bool,
    checkpoint_every: int,
    precision: str = "auto",
) -> None:
    """Train to the end, then write weights and card.

    Raises:
        CommandFailed: the data, the checkpoint or the device cannot be had, or the processes that
            torchrun started do not fit together.
    """
    passes = precision_named(precision)
    with failing_on(RanksFailed):
        target = device_of_rank(open_device(device))
    with failing_on(OSError):  # before the data, which takes a while to read
        output.parent.mkdir(parents=True, exist_ok=True)
    with failing_on(RanksFailed), joined(target) as ranks, _naming(ranks):
        training_data = read_training_data(data, configuration.seed, ranks)
        train_on(
            training_data,
            output,
            checkpoint,
            configuration,
            target,
            restart,
            checkpoint_every,
            ranks,
            passes,
        )


def configuration_for(model: str, **chosen: Any) -> Configuration:
    """The settings of a run: the network's own, but for those that are chosen and not None.

    Raises:
        CommandFailed: there is no such network, or no such weights to start or to learn from.
    """
    if model not in ARCHITECTURES:
        raise CommandFailed(f"There is no model {model!r}; there is {', '.join(ARCHITECTURES)}.")
    if chosen.get("start"):
        chosen["first_batch"] = open_trained(chosen["start"]).batches
    configuration = Configuration.for_model(model, **chosen)
    # Here too, so that what cannot be opened is said before the data is read.
    open_start(configuration)
    open_teachers(configuration, torch.device("cpu"))
    return configuration


def precision_named(name: str) -> torch.dtype | None:
    """The precision of the passes; None for ``auto``.

    Raises:
        CommandFailed: another word.
    """
    if name == "auto":
        return None
    if name not in PRECISIONS:
        raise CommandFailed(f"--precision is auto, {', '.join(PRECISIONS)}, not {name!r}.")
    return PRECISIONS[name]


def train_on(
    data: LearningData,
    output: Path,
    checkpoint: Path,
    configuration: Configuration,
    device: torch.device,
    restart: bool = False,
    checkpoint_every: int = 500,
    ranks: Ranks = ALONE,
    precision: torch.dtype | None = None,
) -> None:
    """Train on opened data to the end, then write weights and card.

    Raises:
        CommandFailed: the checkpoint cannot be gone on with or written, shards cannot be read, the
            processes disagree, or the run was interrupted.
    """
    console = _console(ranks)
    start, teachers = open_start(configuration), open_teachers(configuration, device)
    if configuration.leave_out:
        data = without_categories(
            data, left_out_labels(configuration.leave_out, configuration.seed)
        )
    with failing_on(*MENDABLE):
        if restart and ranks.is_first:
            checkpoint.unlink(missing_ok=True)
        ranks.wait()
        run = TrainingRun(
            data, configuration, checkpoint, device, start, teachers, ranks, precision
        )
    if run.step >= configuration.steps:
        console.print(f"The run of {checkpoint} had come to its end already.")
        validation = run.validate()
    else:
        verb = "going on from" if run.step else "starting at"
        shared = f" with {ranks.count} processes" if ranks.count > 1 else ""
        console.print(
            f"Training {configuration.model} on {device}{shared}, {verb} step {run.step}; "
            f"checkpoint: {checkpoint}"
        )
        try:
            with failing_on(*MENDABLE), _bar(console) as bar:
                task = bar.add_task("", total=configuration.steps, completed=run.step)
                validation = run.train(
                    lambda progress: _show(bar, task, progress),
                    checkpoint_every=checkpoint_every,
                )
        except KeyboardInterrupt:
            raise CommandFailed(
                f"stopped at step {run.step}; the same command goes on from there."
            ) from None
    if not ranks.is_first:
        return
    average = run.average.module
    rarity = shift_rare(average, data, run.log_frequencies)
    temperature = calibrate(average, data)
    validation = run.validate()
    version = write_weights(average, output)
    corrections = {"temperature": temperature, "rarity": rarity}
    before = ancestors(configuration)
    write_card(output, average, configuration, data, run.step, validation, corrections, before)
    console.print(f"Validation: top-1 {validation.top1:.1%}, MAP@3 {validation.map3:.3f}")
    console.print(f"Wrote {output} (version {version}) and its card.")
    measure_unknown(average, output, version, data, configuration.seed)


def shift_rare(module: nn.Module, data: LearningData, log_frequencies: Tensor) -> float | None:
    """Make rare categories as likely as the drawings held out say.

    Returns:
        The factor of the logarithms of the sampling's frequencies; None where none fits.
    """
    images, labels = held_out_of(data)
    try:
        factor = fitting_factor(logits_of(module, images), labels, log_frequencies.cpu())
        add_to_bias(module, shift_of(factor, log_frequencies.cpu()), images[:64])
    except ValueError as error:
        _console().print(f"Rare categories are not corrected: {error}")
        return None
    return factor


def calibrate(module: nn.Module, data: LearningData) -> float | None:
    """Make probabilities on the drawings held out mean what they say.

    Returns:
        The temperature that the logits were divided by; None where none fits.
    """
    images, labels = held_out_of(data)
    try:
        temperature = fitting_temperature(logits_of(module, images), labels)
        put_into_weights(module, temperature, images[:64])
    except ValueError as error:
        _console().print(f"Not calibrated: {error}")
        return None
    return temperature


def _console(ranks: Ranks = ALONE) -> Console:
    """Where it is said how it goes; of several processes the first one says it."""
    return Console(soft_wrap=True, highlight=False, quiet=not ranks.is_first)


@contextmanager
def _naming(ranks: Ranks) -> Iterator[None]:
    """Let a failure say in which of several processes it was."""
    try:
        yield
    except (CommandFailed, RanksFailed) as error:
        if ranks.count == 1:
            raise
        where = f"process {ranks.rank} of {ranks.count}"
        raise CommandFailed(f"{where}: {error}") from error


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("step"),
        MofNCompleteColumn(),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
        console=console,
    )


def _show(bar: Progress, task: TaskID, progress: RunProgress) -> None:
    figures = f"loss {progress.loss:.3f}, {progress.drawings_per_second:.0f} drawings/s"
    bar.update(task, completed=progress.step, description=figures)
    if progress.validation is not None:
        bar.console.print(
            f"{time.strftime('%H:%M:%S')} step {progress.step}: {figures}; "
            f"validation top-1 {progress.validation.top1:.1%}, "
            f"macro {progress.validation.macro_top1:.1%}, MAP@3 {progress.validation.map3:.3f}"
        )
