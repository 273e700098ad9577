"""What a training run is given to learn from: files of the project, shards, or published files."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from server.commands.failure import CommandFailed, failing_on
from server.commands.shard import shard
from server.doodle.published_folder import sources_in
from server.doodle.quickdraw import InvalidDataFile
from server.training.dataset import STROKES_FILE, load_training_data
from server.training.learning_data import LearningData
from server.training.ranks import ALONE, Ranks
from server.training.shard_index import INDEX_FILE, InvalidShards, load_index
from server.training.shard_sampling import ShardData
from server.training.sharding import Plan, is_begun

SHARDS = "shards"
"""Where the shards of a folder of published files go, in that folder."""


def read_training_data(folder: Path, seed: int, ranks: Ranks = ALONE) -> LearningData:
    """Read the training files of a folder; of published files, write shards first.

    Raises:
        CommandFailed: there is nothing of the kind, or not of its form, or nothing that several
            processes can share.
    """
    console = Console(soft_wrap=True, highlight=False, quiet=not ranks.is_first)
    shards = folder if (folder / INDEX_FILE).is_file() else folder / SHARDS
    if not (folder / STROKES_FILE).is_file() and (shards / INDEX_FILE).is_file():
        with failing_on(OSError, InvalidShards, InvalidDataFile):
            index = load_index(shards)
            files = {(source.name, source.path.stat().st_size) for source in sources_in(folder)}
        if shards != folder and files != {(source.file, source.bytes) for source in index.sources}:
            raise CommandFailed(
                f"The shards in {shards} are of other files than {folder} has now; write them "
                f"anew: doodlescope shard {folder}"
            )
        console.print(f"{index.drawings:,} drawings in {len(index.shards)} shards in {shards}")
        return ShardData(shards, index)
    if is_begun(folder):
        raise CommandFailed(f"The shards in {folder} are not whole; doodlescope shard goes on.")
    if (folder / STROKES_FILE).is_file() or not folder.is_dir():
        if ranks.count > 1:
            raise CommandFailed(
                f"{ranks.count} processes can share shards, but {folder} is read into memory; "
                "start one."
            )
        console.print(f"Reading {folder} ...")
        with failing_on(OSError, InvalidDataFile):
            return load_training_data(folder, seed)
    with failing_on(OSError, InvalidDataFile):
        sources = sources_in(folder)
    if not sources:
        raise CommandFailed(
            f"{folder} has neither {STROKES_FILE}, nor shards ({INDEX_FILE}), nor published files "
            "such as binary/cat.bin or simplified/cat.ndjson."
        )
    if ranks.count > 1:
        raise CommandFailed(
            f"{folder} holds published files; write shards for {ranks.count} processes first: "
            f"doodlescope shard {folder}"
        )
    return ShardData(shards, shard(folder, shards, Plan(seed=seed)))
