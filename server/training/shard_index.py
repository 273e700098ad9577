"""Shards: training drawings in files of equal size, shuffled over all categories, and their index.

A folder of shards has ``index.json``, written last, so that where it is, all is; shards, each a
safetensors file of the arrays of ``PackedDrawings``; and one such file of validation drawings.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from server.doodle.categories import CATEGORIES
from server.doodle.packed import PackedDrawings

INDEX_FILE = "index.json"
VALIDATION_FILE = "validation.safetensors"
FORMAT = "doodlescope shards 1"


class InvalidShards(ValueError):
    """A folder of shards that is not whole, or is another than it was."""


@dataclass(frozen=True)
class Shard:
    """One file: how many drawings it has, how long it is, and its SHA-256 in hexadecimal."""

    file: str
    drawings: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class SourceCounts:
    """What became of the drawings of one published file.

    Attributes:
        bytes: length of the file.
        trained: are in shards.
        held_out: are in the validation file.
        unrecognised: were left out, since the game did not recognise them.
        excluded: were left out, since they are among drawings to be left out.
    """

    file: str
    bytes: int
    form: str
    category: str
    trained: int
    held_out: int
    unrecognised: int
    excluded: int


@dataclass(frozen=True)
class ShardIndex:
    """What a folder of shards holds; shard ``number`` belongs to part ``number % parts``.

    Attributes:
        decided: digest of the files and the plan that it was made by.
        seed: decided split and order.
        parts: those who train at once share the parts; each has as many shards as any other.
    """

    decided: str
    seed: int
    parts: int
    sources: tuple[SourceCounts, ...]
    shards: tuple[Shard, ...]
    validation: Shard

    @property
    def drawings(self) -> int:
        """So many are trained on."""
        return sum(shard.drawings for shard in self.shards)

    def trained(self, bitmaps: bool) -> NDArray[np.int64]:
        """How many drawings of each category are known by their strokes, or as bitmaps: (345,)."""
        counts = np.zeros(len(CATEGORIES), np.int64)
        for source in self.sources:
            if (source.form == "numpy_bitmap") == bitmaps:
                counts[CATEGORIES.index(source.category)] += source.trained
        return counts

    def digest(self) -> str:
        """What is the same only for the same drawings in the same order: 16 digits."""
        words = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(words.encode()).hexdigest()[:16]

    def save(self, folder: Path) -> None:
        """Write it, whole or not at all."""
        write_whole(folder / INDEX_FILE, json.dumps({"format": FORMAT, **asdict(self)}).encode())


def load_index(folder: Path) -> ShardIndex:
    """Read the index of a folder of shards.

    Raises:
        InvalidShards: it is no such index.
        OSError: it cannot be read.
    """
    path = folder / INDEX_FILE
    try:
        fields: dict[str, Any] = json.loads(path.read_bytes())
        if fields.pop("format") != FORMAT:
            raise ValueError("another format")
        return ShardIndex(
            decided=str(fields["decided"]),
            seed=int(fields["seed"]),
            parts=int(fields["parts"]),
            sources=tuple(SourceCounts(**source) for source in fields["sources"]),
            shards=tuple(Shard(**shard) for shard in fields["shards"]),
            validation=Shard(**fields["validation"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidShards(f"{path} is no index of shards; write them anew.") from error


def save_shard(folder: Path, name: str, drawings: PackedDrawings) -> Shard:
    """Write drawings to a file, whole or not at all."""
    content = save(
        {
            "labels": drawings.labels,
            "lengths": np.diff(drawings.starts).astype(np.uint32),
            "content": drawings.content,
        }
    )
    write_whole(folder / name, content)
    return Shard(name, len(drawings), len(content), hashlib.sha256(content).hexdigest())


def load_shard(folder: Path, shard: Shard) -> PackedDrawings:
    """Read a shard.

    Raises:
        InvalidShards: it is not the file that was written.
        OSError: it cannot be read.
    """
    content = (folder / shard.file).read_bytes()
    if len(content) != shard.bytes or hashlib.sha256(content).hexdigest() != shard.sha256:
        raise InvalidShards(
            f"{folder / shard.file} is not the file that {INDEX_FILE} tells of ({len(content)} "
            f"bytes, and not {shard.bytes} with its checksum); write the shards anew."
        )
    try:
        arrays = load(content)
        starts = np.concatenate([[0], arrays["lengths"]]).cumsum().astype(np.int64)
        return PackedDrawings(arrays["labels"], starts, arrays["content"])
    except (KeyError, SafetensorError) as error:
        raise InvalidShards(f"{folder / shard.file} is no shard: {error}") from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place and move it there."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)
