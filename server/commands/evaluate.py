"""``doodlescope evaluate``: figures over a file of drawings, and a table per category."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from models import LoadedModel
from models.registry import WEIGHTS, report_path
from server.commands.failure import CommandFailed, failing_on
from server.commands.model import open_model
from server.doodle.quickdraw import InvalidDataFile, Record, read_strokes
from server.evaluation.pages import write_html
from server.evaluation.report import Report, report_on, write_report
from server.training.card import card_path, record_test_accuracy
from server.training.evaluation import Evaluation, evaluate_logits, images_of, logits_of


def evaluate(
    file: Path,
    model_name: str,
    weights: Path | None,
    device: str,
    as_json: bool,
    record: bool,
    report: Path | None = None,
) -> None:
    """Evaluate and print.

    Args:
        file: drawings.
        model_name: who is judged.
        weights: in place of the shipped ones.
        device: where it runs.
        as_json: print one object; with ``report``, all that the report says.
        record: write the figures into the card; with ``report``, also all of it beside the card,
            without the drawings.
        report: the HTML file to write.

    Raises:
        CommandFailed: the file, the model or the device cannot be had, or a file not be written.
    """
    model = open_model(model_name, weights, device)
    written = weights or WEIGHTS / f"{model_name}.safetensors"
    if record and not card_path(written).is_file():
        raise CommandFailed(f"There is no model card {card_path(written)} to write into.")
    if report is not None and not report.absolute().parent.is_dir():
        raise CommandFailed(f"There is no folder {report.parent} to write the report into.")
    records = read_records(file)
    whole = None
    if report is None:
        with progress(f"{len(records)} drawings", len(records), hidden=as_json) as advance:
            logits = logits_of(model.module, images_of(records), advance=advance)
        evaluation = evaluate_logits(logits, (each.label for each in records))
    else:
        whole = _reported(model, records, file, hidden=as_json)
        evaluation = whole.overall
        with failing_on(OSError):
            write_html(whole, report)
    if record:
        record_test_accuracy(written, file.name, evaluation)
        if whole is not None:
            write_report(report_path(written), whole)
    if as_json:
        heading = {"model": model_name, "version": model.version, "file": file.name}
        found = asdict(evaluation) if whole is None else whole.without_drawings()
        print(json.dumps({**heading, **found}, ensure_ascii=False))
    else:
        _print_tables(evaluation, f"{model_name} {model.version} on {file.name}")


def _reported(model: LoadedModel, records: Sequence[Record], file: Path, *, hidden: bool) -> Report:
    """The whole report, with its progress shown."""
    with Progress(console=Console(stderr=True), disable=hidden, transient=True) as bar:
        task = bar.add_task("Drawings by many hands", total=None)
        return report_on(
            model.module,
            records,
            model=model.name,
            version=model.version,
            file=file.name,
            advance=lambda done, total: bar.update(task, completed=done, total=total),
        )


def read_records(file: Path) -> list[Record]:
    """Read all drawings of a stroke file.

    Raises:
        CommandFailed: no such file, no such form, or no drawing in it.
    """
    with failing_on(OSError, EOFError, InvalidDataFile, UnicodeDecodeError):
        records = list(read_strokes(file))
    if not records:
        raise CommandFailed(f"{file} holds no drawings.")
    return records


@contextmanager
def progress(title: str, total: int, hidden: bool) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error; yields the function that is told how much is done."""
    with Progress(console=Console(stderr=True), disable=hidden, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.update(task, completed=done)


def _print_tables(evaluation: Evaluation, title: str) -> None:
    console = Console()
    table = Table(title=f"{title}: per category, worst first")
    table.add_column("category")
    for column in ("n", "top-1", "top-3"):
        table.add_column(column, justify="right")
    table.add_column("most often mistaken for")
    for result in sorted(evaluation.categories, key=lambda result: (result.top1, result.top3)):
        table.add_row(
            result.category,
            str(result.n),
            f"{result.top1:.0%}",
            f"{result.top3:.0%}",
            result.mistaken_for or "",
        )
    console.print(table)
    overall = Table(title=title)
    for column in ("n", "top-1", "top-3", "top-5", "MAP@3", "macro top-1", "cross-entropy"):
        overall.add_column(column, justify="right")
    overall.add_row(
        str(evaluation.n),
        f"{evaluation.top1:.1%}",
        f"{evaluation.top3:.1%}",
        f"{evaluation.top5:.1%}",
        f"{evaluation.map3:.3f}",
        f"{evaluation.macro_top1:.1%}",
        f"{evaluation.cross_entropy:.3f}",
    )
    console.print(overall)
