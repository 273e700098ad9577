"""``doodlescope train``: a run with a progress bar, that goes on where it was stopped."""

from __future__ import annotations

import time
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
from torch import nn

from models import ARCHITECTURES
from server.commands.failure import CommandFailed, failing_on
from server.commands.model import open_device
from server.doodle.quickdraw import InvalidDataFile
from server.training.card import write_card, write_weights
from server.training.checkpoint import InvalidCheckpoint
from server.training.dataset import TrainingData, load_training_data
from server.training.evaluation import images_of, logits_of
from server.training.loop import Configuration, ConfigurationChanged, TrainingRun
from server.training.loop import Progress as RunProgress
from server.training.temperature import fitting_temperature, put_into_weights


def train(
    data: Path,
    output: Path,
    checkpoint: Path,
    configuration: Configuration,
    device: str,
    restart: bool,
    checkpoint_every: int,
) -> None:
    """Train to the end, then write weights and card.

    Raises:
        CommandFailed: the data, the checkpoint or the device cannot be had.
    """
    target = open_device(device)
    with failing_on(OSError):  # before the data, which takes a while to read
        output.parent.mkdir(parents=True, exist_ok=True)
    training_data = read_training_data(data, configuration.seed)
    train_on(training_data, output, checkpoint, configuration, target, restart, checkpoint_every)


def configuration_for(model: str, **chosen: Any) -> Configuration:
    """The settings of a run: the network's own, but for those that are chosen and not None.

    Raises:
        CommandFailed: there is no such network.
    """
    if model not in ARCHITECTURES:
        raise CommandFailed(f"There is no model {model!r}; there is {', '.join(ARCHITECTURES)}.")
    return Configuration.for_model(model, **chosen)


def read_training_data(data: Path, seed: int) -> TrainingData:
    """Read the training files of a folder.

    Raises:
        CommandFailed: they are not there, or not of the published form.
    """
    _console().print(f"Reading {data} ...")
    with failing_on(OSError, InvalidDataFile):
        return load_training_data(data, seed)


def train_on(
    data: TrainingData,
    output: Path,
    checkpoint: Path,
    configuration: Configuration,
    device: torch.device,
    restart: bool = False,
    checkpoint_every: int = 500,
) -> None:
    """Train on data in memory to the end, then write weights and card.

    Raises:
        CommandFailed: the checkpoint cannot be gone on with, or the run was interrupted.
    """
    console = _console()
    with failing_on(OSError, ConfigurationChanged, InvalidCheckpoint):
        if restart:
            checkpoint.unlink(missing_ok=True)
        run = TrainingRun(data, configuration, checkpoint, device)
    if run.step >= configuration.steps:
        console.print(f"The run of {checkpoint} had come to its end already.")
        validation = run.validate()
    else:
        verb = "going on from" if run.step else "starting at"
        console.print(
            f"Training {configuration.model} on {device}, {verb} step {run.step}; "
            f"checkpoint: {checkpoint}"
        )
        try:
            with _bar(console) as bar:
                task = bar.add_task("", total=configuration.steps, completed=run.step)
                validation = run.train(
                    lambda progress: _show(bar, task, progress),
                    checkpoint_every=checkpoint_every,
                )
        except KeyboardInterrupt:
            raise CommandFailed(
                f"stopped at step {run.step}; the same command goes on from there."
            ) from None
    average = run.average.module
    temperature = calibrate(average, data)
    if temperature is not None:
        validation = run.validate()
    version = write_weights(average, output)
    write_card(output, average, configuration, data, run.step, validation, temperature)
    console.print(f"Validation: top-1 {validation.top1:.1%}, MAP@3 {validation.map3:.3f}")
    console.print(f"Wrote {output} (version {version}) and its card.")


def calibrate(module: nn.Module, data: TrainingData) -> float | None:
    """Make probabilities on the drawings held out mean what they say.

    Returns:
        The temperature that the logits were divided by; None where none fits.
    """
    images = images_of(data.held_out)
    labels = torch.tensor([record.label for record in data.held_out])
    try:
        temperature = fitting_temperature(logits_of(module, images), labels)
        put_into_weights(module, temperature, images[:64])
    except ValueError as error:
        _console().print(f"Not calibrated: {error}")
        return None
    return temperature


def _console() -> Console:
    return Console(soft_wrap=True, highlight=False)


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
