"""``doodlescope shard``: published files become shards, with progress, from where it stopped."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from server.commands.download import SPARE_BYTES
from server.commands.failure import CommandFailed, failing_on
from server.doodle.published import FormName
from server.doodle.published_folder import Source, sources_in
from server.doodle.quickdraw import InvalidDataFile, read_strokes
from server.training.excluded import Excluded
from server.training.shard_index import INDEX_FILE, InvalidShards, ShardIndex, load_index
from server.training.sharding import Plan, Sharding, Told, decided_by, written_files

PACKED_SHARE: dict[FormName, float] = {
    "binary": 1.0,
    "simplified": 0.3,
    "raw": 0.3,
    "numpy_bitmap": 1.05,
}
"""How long shards are at most for a byte of published files: numbers in text are longer."""


def shard(
    folder: Path,
    target: Path,
    plan: Plan,
    without: Sequence[Path] = (),
    restart: bool = False,
) -> ShardIndex:
    """Write shards of the published files of a folder; those that are there already stay.

    Args:
        without: files of drawings that shall not be among them.
        restart: begin anew, whatever is there.

    Raises:
        CommandFailed: files that are not what they should be, or none; too little room; or it was
            interrupted.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with failing_on(OSError, InvalidDataFile):
        sources = sources_in(folder)
        excluded = Excluded(record for path in without for record in read_strokes(path))
    if not sources:
        raise CommandFailed(
            f"{folder} holds no published files, such as binary/cat.bin or simplified/cat.ndjson."
        )
    if restart:
        with failing_on(OSError):
            for path in list(written_files(target)):
                path.unlink()
    elif (target / INDEX_FILE).is_file():
        with failing_on(OSError, InvalidShards):
            index = load_index(target)
        if index.decided == decided_by(sources, plan, excluded):
            console.print(f"The shards in {target} are there already.")
            return index
    _check_room(sources, target)
    index = _run(Sharding(sources, target, plan, excluded=excluded), target, console)
    console.print(_summary(index, target))
    return index


def _run(sharding: Sharding, target: Path, console: Console) -> ShardIndex:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    try:
        with Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal
        ) as bar:
            tasks = {name: bar.add_task(name, total=None) for name in ("Dealing", "Shuffling")}

            def told(at: Told) -> None:
                bar.update(tasks[at.phase], completed=at.done, total=at.total)

            sharding.told = told
            with failing_on(InvalidDataFile, InvalidShards):
                return sharding.run()
    except KeyboardInterrupt:
        raise CommandFailed("stopped; the same command goes on from there.") from None
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise CommandFailed(
                f"The disk of {target} is full; the same command goes on where there is room again."
            ) from error
        raise CommandFailed(str(error)) from error


def _check_room(sources: Sequence[Source], target: Path) -> None:
    """Raise CommandFailed if the disk has too little, less what is there already."""
    with failing_on(OSError):
        target.mkdir(parents=True, exist_ok=True)
        needed = sum(PACKED_SHARE[each.form] * each.path.stat().st_size for each in sources)
        needed -= sum(path.stat().st_size for path in written_files(target))
        free = shutil.disk_usage(target).free
    if needed + SPARE_BYTES > free:
        raise CommandFailed(
            f"{target} has {free / 1e9:.1f} GB left; the shards may take {needed / 1e9:.1f} GB, "
            f"and {SPARE_BYTES / 1e9:.1f} GB stay free."
        )


def _summary(index: ShardIndex, target: Path) -> str:
    unrecognised = sum(source.unrecognised for source in index.sources)
    excluded = sum(source.excluded for source in index.sources)
    size = sum(each.bytes for each in index.shards) / 1e6
    left_out = f"; {excluded:,} to be left out are not among them" if excluded else ""
    return (
        f"{index.drawings:,} drawings of {len(index.sources)} categories in "
        f"{len(index.shards)} shards of {index.parts} parts ({size:,.1f} MB) in {target}; "
        f"{index.validation.drawings:,} more are held out, {unrecognised:,} were not recognised"
        f"{left_out}."
    )
