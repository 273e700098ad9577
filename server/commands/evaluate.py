"""``doodlescope evaluate``: figures over a file of drawings, and a table per category."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from models import LoadedModel, load_left_out
from models.registry import WEIGHTS, report_path
from server.commands.failure import CommandFailed, failing_on
from server.commands.model import open_model
from server.doodle.categories import CATEGORIES, LABELS
from server.doodle.quickdraw import InvalidDataFile, Record, read_strokes
from server.evaluation.pages import write_html
from server.evaluation.report import Report, report_on, rounded, write_report
from server.evaluation.unknown import LeftOut
from server.evaluation.unknown import left_out as left_out_of
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
    left_out: Path | None = None,
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
        left_out: the JSON file for what is measured of categories that the network never saw.

    Raises:
        CommandFailed: the file, the model or the device cannot be had, or a file not be written.
    """
    model = open_model(model_name, weights, device)
    written = weights or WEIGHTS / f"{model_name}.safetensors"
    if record and not card_path(written).is_file():
        raise CommandFailed(f"There is no model card {card_path(written)} to write into.")
    if report is not None and not report.absolute().parent.is_dir():
        raise CommandFailed(f"There is no folder {report.parent} to write the report into.")
    lacks = _categories_left_out(written, shipped=weights is None)
    if left_out is not None and not lacks:
        raise CommandFailed(
            "This network was trained on all categories; `doodlescope train --leave-out` trains "
            "one that lacks some."
        )
    records = read_records(file)
    both = len({CATEGORIES[record.label] in lacks for record in records}) == 2
    never = _left_out(model, records, lacks, file, written) if both else None
    if left_out is not None:
        if never is None:
            raise CommandFailed(f"{file} needs drawings of known categories and of those left out.")
        with failing_on(OSError):
            write_left_out(left_out, never)
    records = [each for each in records if CATEGORIES[each.label] not in lacks]
    if not records:
        raise CommandFailed(f"{file} holds no drawings of categories that {model_name} knows.")
    if never is None and weights is None and (kept := load_left_out(model_name)) is not None:
        never = LeftOut.from_json(kept)
    whole = None
    if report is None:
        with progress(f"{len(records)} drawings", len(records), hidden=as_json) as advance:
            logits = logits_of(model.module, images_of(records), advance=advance)
        evaluation = evaluate_logits(logits, (each.label for each in records))
    else:
        whole = _reported(model, records, file, never, hidden=as_json)
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
        if lacks and never is not None:
            _print_left_out(never)


def _reported(
    model: LoadedModel,
    records: Sequence[Record],
    file: Path,
    left_out: LeftOut | None,
    *,
    hidden: bool,
) -> Report:
    """The whole report, with its progress shown."""
    with Progress(console=Console(stderr=True), disable=hidden, transient=True) as bar:
        task = bar.add_task("Drawings by many hands", total=None)
        return report_on(
            model.module,
            records,
            model=model.name,
            version=model.version,
            file=file.name,
            rule=model.unknown,
            left_out=left_out,
            advance=lambda done, total: bar.update(task, completed=done, total=total),
        )


def _categories_left_out(weights: Path, *, shipped: bool) -> frozenset[str]:
    """The categories that the network of these weights never saw, as its card has them."""
    card = card_path(weights)
    if shipped or not card.is_file():
        return frozenset()
    with failing_on(OSError, ValueError):
        data = json.loads(card.read_text(encoding="utf-8")).get("data", {})
    return frozenset(data.get("left_out", ()))


def _left_out(
    model: LoadedModel, records: Sequence[Record], lacks: Collection[str], file: Path, weights: Path
) -> LeftOut:
    """How the drawings of categories that the network lacks are told from the others."""
    labels = [record.label for record in records]
    logits = logits_of(model.module, images_of(records))
    never = [LABELS[each] for each in sorted(lacks)]
    known = [n for n, label in enumerate(labels) if label not in never]
    card = json.loads(card_path(weights).read_text(encoding="utf-8"))
    return LeftOut(
        file=file.name,
        command=card["trained"]["command"],
        categories=sorted(lacks),
        known=len(known),
        top1=evaluate_logits(logits[known], (labels[n] for n in known)).top1,
        told=left_out_of(logits, labels, never, model.unknown),
    )


def write_left_out(path: Path, found: LeftOut) -> None:
    """Write it as JSON; raises OSError."""
    text = json.dumps(rounded(asdict(found)), indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _print_left_out(found: LeftOut) -> None:
    told = found.told
    Console().print(
        f"{told.n} drawings of {len(found.categories)} categories that it never saw: AUROC "
        f"{told.auroc:.3f} ({told.interval.low:.3f} to {told.interval.high:.3f}), by the "
        f"probability alone {told.by_probability:.3f}"
        + ("" if told.refused is None else f"; {told.refused:.1%} of them are refused.")
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
