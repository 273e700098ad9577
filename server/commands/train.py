"""``doodlescope train``: a run with a progress bar, that goes on where it was stopped."""

from __future__ import annotations

import time
from pathlib import Path

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

from server.commands.failure import CommandFailed, failing_on
from server.commands.model import open_device
from server.doodle.quickdraw import InvalidDataFile
from server.training.card import write_card, write_weights
from server.training.checkpoint import InvalidCheckpoint
from server.training.dataset import load_training_data
from server.training.loop import Configuration, ConfigurationChanged, TrainingRun
from server.training.loop import Progress as RunProgress


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
    console = Console(soft_wrap=True, highlight=False)
    target = open_device(device)
    if restart:
        checkpoint.unlink(missing_ok=True)
    console.print(f"Reading {data} ...")
    with failing_on(OSError, InvalidDataFile):
        output.parent.mkdir(parents=True, exist_ok=True)
        training_data = load_training_data(data, configuration.seed)
    with failing_on(OSError, ConfigurationChanged, InvalidCheckpoint):
        run = TrainingRun(training_data, configuration, checkpoint, target)
    if run.step >= configuration.steps:
        console.print(f"The run of {checkpoint} had come to its end already.")
        validation = run.validate()
    else:
        verb = "going on from" if run.step else "starting at"
        console.print(f"Training on {target}, {verb} step {run.step}; checkpoint: {checkpoint}")
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
    version = write_weights(average, output)
    write_card(output, average, configuration, training_data, run.step, validation)
    console.print(f"Validation: top-1 {validation.top1:.1%}, MAP@3 {validation.map3:.3f}")
    console.print(f"Wrote {output} (version {version}) and its card.")


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
